import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { imagePattern } from "../model/images";
import { typeToken } from "../model/names";

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

    const metadata = { name: `${args.namespace}-images` };
    const policy = new kubernetes.admissionregistration.v1.ValidatingAdmissionPolicy(
      `${name}-images`,
      {
        metadata,
        spec: {
          failurePolicy: "Fail",
          matchConstraints: {
            matchPolicy: "Equivalent",
            namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": args.namespace } },
            resourceRules: [
              {
                apiGroups: [""],
                apiVersions: ["v1"],
                operations: ["CREATE", "UPDATE"],
                resources: ["pods", "pods/ephemeralcontainers"],
                scope: "Namespaced",
              },
            ],
          },
          // A variable keeps the registry's name in one place of the rule, where a reader looks for it.
          variables: [
            {
              name: "allowed",
              expression: pulumi.output(args.registry).apply((host) => celString(imagePattern(host))),
            },
          ],
          validations: [
            {
              expression: allImages("variables.allowed"),
              message: pulumi.interpolate`every image must be a digest from ${args.registry}: no tag, no other registry`,
              reason: "Forbidden",
            },
          ],
        },
      },
      { parent: this },
    );
    new kubernetes.admissionregistration.v1.ValidatingAdmissionPolicyBinding(
      `${name}-images`,
      { metadata, spec: { policyName: policy.metadata.name, validationActions: ["Deny"] } },
      { parent: this },
    );

    this.registerOutputs({});
  }
}

/** A text as a CEL literal: CEL unescapes as JSON does. */
function celString(text: string): string {
  return JSON.stringify(text);
}
