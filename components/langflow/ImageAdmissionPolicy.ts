import * as pulumi from "@pulumi/pulumi";
import { imagePattern } from "../../model/images";
import { typeToken } from "../../model/names";
import { admissionPolicy } from "./admissionPolicy";

export interface ImageAdmissionPolicyArgs {
  /** Namespace whose pods are judged; others are left alone. */
  namespace: string;
  /** Host of the one registry images may come from, for example 123456789012.dkr.ecr.us-east-1.amazonaws.com. */
  registry: pulumi.Input<string>;
}

/** Every place of a pod that can name an image, as CEL: a list of containers, and the image volumes. */
const CONTAINERS = ["containers", "initContainers", "ephemeralContainers"] as const;
const allImages = (pattern: string): string =>
  [
    ...CONTAINERS.map((field) => `object.spec.?${field}.orValue([]).all(c, c.?image.orValue("").matches(${pattern}))`),
    `object.spec.?volumes.orValue([]).all(v, !has(v.image) || v.image.?reference.orValue("").matches(${pattern}))`,
  ].join(" && ");

/**
 * Refuses any pod of the namespace with a container, init container, ephemeral container or image volume whose image is
 * not a digest from our registry. Pods are judged, not Deployments: whatever makes a pod, by whichever way, passes here.
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
        // Labels and finalizers of a pod that runs already may change, whatever it was once admitted with.
        matchConditions: [{ name: "spec-is-new", expression: "oldObject == null || object.spec != oldObject.spec" }],
        // A variable keeps the registry's name in one place of the rule, where a reader looks for it.
        variables: [
          {
            name: "allowed",
            expression: pulumi.output(args.registry).apply((host) => celString(imagePattern(host))),
          },
        ],
        rule: {
          expression: allImages("variables.allowed"),
          message: pulumi.interpolate`every image must be a digest from ${args.registry}: no tag, no other registry`,
        },
      },
      { parent: this },
    );

    this.registerOutputs({});
  }
}

/** A text as a CEL literal: CEL unescapes as JSON does. */
function celString(text: string): string {
  return JSON.stringify(text);
}
