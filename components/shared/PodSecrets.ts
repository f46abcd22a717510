import { createHash } from "node:crypto";
import type { types } from "@pulumi/kubernetes";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { PodSecretSet } from "../../model/mountedSecrets";
import { typeToken } from "../../model/names";

export interface PodSecretsArgs {
  /** The AWS region of the secrets; without it the driver asks each node, at each mount. */
  awsRegion: string;
  /** Namespace of the pods that mount them. A change replaces the class. */
  namespace: string;
  /** What the name of the class and of the Kubernetes Secret begins with. A change replaces the class. */
  secretName: string;
  /** Labels of the class and of the Kubernetes Secret. */
  labels: Record<string, string>;
  /** What is fetched, and as which variables. */
  secrets: pulumi.Input<PodSecretSet>;
}

/** A few characters that differ for other names. */
const digestOf = (names: readonly string[]): string =>
  createHash("sha256").update(names.join("\n")).digest("hex").slice(0, 8);

/**
 * Secrets on their way from Secrets Manager to pods: the CSI driver mounts them in the pod's name and keeps a
 * Kubernetes Secret, from which containers take their environment. Only names and ARNs appear here.
 *
 * The driver adds no key to a Secret that is there but at its next poll (secrets-store-csi-driver, "Sync as Kubernetes Secret"): a pod
 * with a new variable could not start until then. So other variables, or files, are another class and another Secret. The former class goes once the
 * pods that mount it have been exchanged: it knows its own Secret alone (issue 1471 there), which goes with the last of them.
 */
export class PodSecrets extends pulumi.ComponentResource {
  /** What the pod mounts, so that the driver fetches. */
  readonly className: pulumi.Output<string>;
  /** The containers' environment, by reference. */
  readonly environment: pulumi.Output<types.input.core.v1.EnvVar[]>;

  constructor(name: string, args: PodSecretsArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("PodSecrets"), name, args, opts);

    const { labels } = args;
    const mounted = pulumi.output(args.secrets).apply((set) => JSON.stringify(set.mounted));
    const variables = pulumi.output(args.secrets).apply((set) => set.variables);
    const secretName = pulumi
      .output(args.secrets)
      .apply(({ variables: names, files }) => `${args.secretName}-${digestOf([...names, ...files])}`);
    this.className = secretName;
    new kubernetes.apiextensions.CustomResource(
      name,
      {
        apiVersion: "secrets-store.csi.x-k8s.io/v1",
        kind: "SecretProviderClass",
        metadata: { name: secretName, namespace: args.namespace, labels },
        spec: {
          provider: "aws",
          parameters: { region: args.awsRegion, usePodIdentity: "true", objects: mounted },
          secretObjects: [
            {
              secretName,
              type: "Opaque",
              labels,
              data: variables.apply((all) => all.map((variable) => ({ objectName: variable, key: variable }))),
            },
          ],
        },
      },
      { parent: this },
    );

    this.environment = variables.apply((all) =>
      all.map((variable) => ({
        name: variable,
        valueFrom: { secretKeyRef: { name: secretName, key: variable } },
      })),
    );
    this.registerOutputs({ className: this.className, environment: this.environment });
  }
}
