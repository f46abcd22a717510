import { createHash } from "node:crypto";
import type { types } from "@pulumi/kubernetes";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import type { PodSecretSet } from "../../model/mountedSecrets";
import { typeToken } from "../../model/names";

export interface PodSecretsArgs {
  /** The AWS region of the secrets. Without it, the driver queries each node for its region at every mount. */
  awsRegion: string;
  /** Namespace of the pods that mount the secrets. A change replaces the class. */
  namespace: string;
  /** Name prefix of the SecretProviderClass and of the Kubernetes Secret. A change replaces the class. */
  secretName: string;
  /** Labels of the SecretProviderClass and of the Kubernetes Secret. */
  labels: Record<string, string>;
  /** Secrets to fetch, and the environment variables that hold them. */
  secrets: pulumi.Input<PodSecretSet>;
}

/** Returns a short hash that identifies the given names. */
const digestOf = (names: readonly string[]): string =>
  createHash("sha256").update(names.join("\n")).digest("hex").slice(0, 8);

/**
 * Makes secrets from Secrets Manager available to pods: the CSI driver mounts the secrets with the pod's identity and
 * syncs them to a Kubernetes Secret, from which containers read their environment. Pulumi handles only names and ARNs,
 * never secret values.
 *
 * The driver adds new keys to an existing Secret only at its next poll (secrets-store-csi-driver, "Sync as Kubernetes
 * Secret"), so a pod with a new variable could not start until then. Therefore, a different set of variables or files
 * gets a new class and a new Secret. Pulumi deletes the old class after all pods that mount the class have been
 * replaced. The old Secret is deleted with the last of these pods, because each class manages only its own Secret
 * (secrets-store-csi-driver issue 1471).
 */
export class PodSecrets extends pulumi.ComponentResource {
  /** Name of the SecretProviderClass that a pod must mount to trigger the fetch. */
  readonly className: pulumi.Output<string>;
  /** Environment variables of the containers, as references to the Kubernetes Secret. */
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
