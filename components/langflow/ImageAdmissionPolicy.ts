import * as pulumi from "@pulumi/pulumi";
import { imagePattern } from "../../model/images";
import { typeToken } from "../../model/names";
import { admissionPolicy } from "./admissionPolicy";

export interface ImageAdmissionPolicyArgs {
  /** Namespace whose pods the policy checks; it ignores other namespaces. */
  namespace: string;
  /** Host of the only allowed registry, for example 123456789012.dkr.ecr.us-east-1.amazonaws.com. */
  registry: pulumi.Input<string>;
}

/**
 * Pod fields with containers. `allImages` returns a CEL expression that checks every image of these and of image
 * volumes.
 */
const CONTAINERS = ["containers", "initContainers", "ephemeralContainers"] as const;
const allImages = (pattern: string): string =>
  [
    ...CONTAINERS.map((field) => `object.spec.?${field}.orValue([]).all(c, c.?image.orValue("").matches(${pattern}))`),
    `object.spec.?volumes.orValue([]).all(v, !has(v.image) || v.image.?reference.orValue("").matches(${pattern}))`,
  ].join(" && ");

/**
 * Rejects every pod of the namespace that has a container, init container, ephemeral container or image volume whose
 * image is not a digest from our registry. The policy checks pods instead of Deployments, so that it covers pods from
 * any source.
 */
export class ImageAdmissionPolicy extends pulumi.ComponentResource {
  constructor(name: string, args: ImageAdmissionPolicyArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("ImageAdmissionPolicy"), name, args, opts);

    admissionPolicy(
      `${name}-images`,
      {
        name: `${args.namespace}-images`,
        namespace: args.namespace,
        operations: ["CREATE", "UPDATE"],
        resources: ["pods", "pods/ephemeralcontainers"],
        // The labels and finalizers of a running pod may change, even if the pod would no longer be admitted.
        matchConditions: [{ name: "spec-is-new", expression: "oldObject == null || object.spec != oldObject.spec" }],
        // A variable keeps the registry's name in a single, easily found place of the policy.
        variables: [
          {
            name: "allowed",
            expression: pulumi.output(args.registry).apply((host) => celString(imagePattern(host))),
          },
        ],
        rule: {
          expression: allImages("variables.allowed"),
          message: pulumi.interpolate`every image must come from ${args.registry} and be named by its digest, not by a tag`,
        },
      },
      { parent: this },
    );

    this.registerOutputs({});
  }
}

/** Returns a string as a CEL literal; CEL uses the same escapes as JSON. */
function celString(text: string): string {
  return JSON.stringify(text);
}
