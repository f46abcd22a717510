import type { types } from "@pulumi/kubernetes";
import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { SECRET_NAME } from "../model/langflow";
import { typeToken } from "../model/names";
import type { SharedSecretArns } from "../model/secrets";

export interface LangFlowSecretsArgs {
  /** The AWS region of the secrets; without it the driver asks each node, at each mount. */
  awsRegion: string;
  /** Namespace of the pods that mount them. A change replaces the class. */
  namespace: string;
  /** Labels of the class and of the Kubernetes Secret. */
  labels: Record<string, string>;
  /** The region's replica of each shared secret. */
  secretArns: pulumi.Input<SharedSecretArns>;
  /** A secret whose JSON holds `url`, the database's address with user and password. */
  databaseSecretArn: pulumi.Input<string>;
  /** Environment variables in the provider keys' secret; may be empty. */
  providerKeyNames: pulumi.Input<readonly string[]>;
}

/** One secret of Secrets Manager, as the AWS provider of the driver reads it. */
interface MountedSecret {
  objectName: string;
  objectType: "secretsmanager";
  objectAlias: string;
  jmesPath?: { path: string; objectAlias: string }[];
}

/**
 * LangFlow's secrets on their way from Secrets Manager: the CSI driver mounts them in the pod's name and keeps a
 * Kubernetes Secret, from which containers take their environment. Only names and ARNs appear here.
 */
export class LangFlowSecrets extends pulumi.ComponentResource {
  /** What the pod mounts, so that the driver fetches. */
  readonly className: string = SECRET_NAME;
  /** The containers' environment, by reference. */
  readonly environment: pulumi.Output<types.input.core.v1.EnvVar[]>;

  constructor(name: string, args: LangFlowSecretsArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("LangFlowSecrets"), name, args, opts);

    const mounted = pulumi
      .all([args.secretArns, args.databaseSecretArn, args.providerKeyNames])
      .apply(([shared, database, providerKeyNames]) => mountedSecrets(shared, database, providerKeyNames));
    const variables = pulumi.output(args.providerKeyNames).apply((names) => [...OWN_VARIABLES, ...names]);
    new kubernetes.apiextensions.CustomResource(
      name,
      {
        apiVersion: "secrets-store.csi.x-k8s.io/v1",
        kind: "SecretProviderClass",
        metadata: { name: this.className, namespace: args.namespace, labels: args.labels },
        spec: {
          provider: "aws",
          parameters: { region: args.awsRegion, usePodIdentity: "true", objects: pulumi.jsonStringify(mounted) },
          secretObjects: [
            {
              secretName: SECRET_NAME,
              type: "Opaque",
              labels: args.labels,
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
        valueFrom: { secretKeyRef: { name: SECRET_NAME, key: variable } },
      })),
    );
    this.registerOutputs({ className: this.className, environment: this.environment });
  }
}

const OWN_VARIABLES = [
  "LANGFLOW_SECRET_KEY",
  "LANGFLOW_SUPERUSER_PASSWORD",
  "LANGFLOW_API_KEY",
  "LANGFLOW_DATABASE_URL",
] as const;

function mountedSecrets(shared: SharedSecretArns, database: string, providerKeyNames: readonly string[]) {
  const whole = (objectName: string, objectAlias: (typeof OWN_VARIABLES)[number]): MountedSecret => ({
    objectName,
    objectType: "secretsmanager",
    objectAlias,
  });
  // The alias of a JSON secret names the file that holds all of it; each path makes a further file.
  const parts = (objectName: string, objectAlias: string, paths: [path: string, alias: string][]): MountedSecret => ({
    objectName,
    objectType: "secretsmanager",
    objectAlias,
    jmesPath: paths.map(([path, alias]) => ({ path, objectAlias: alias })),
  });
  const secrets = [
    whole(shared.secretKey, "LANGFLOW_SECRET_KEY"),
    whole(shared.superuserPassword, "LANGFLOW_SUPERUSER_PASSWORD"),
    whole(shared.apiKey, "LANGFLOW_API_KEY"),
    parts(database, "database", [["url", "LANGFLOW_DATABASE_URL"]]),
  ];
  const providers = parts(
    shared.providerKeys,
    "provider-keys",
    providerKeyNames.map((variable) => [variable, variable]),
  );
  return providerKeyNames.length > 0 ? [...secrets, providers] : secrets;
}
