import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { PROJECT, regionTags, typeToken } from "../../model/names";
import { replicaArn, type SharedSecretArns, urlSafeBase64 } from "../../model/secrets";

/** A region that keeps a replica of every shared secret. */
export interface SecretReplica {
  /** The AWS region of the replica. */
  awsRegion: string;
  /** That region's key, which encrypts the replica. */
  keyArn: pulumi.Input<string>;
}

export interface SharedSecretsArgs {
  /** Our name of the region the secrets are made in. */
  region: string;
  /** The AWS region the secrets are made in. A change replaces them. */
  awsRegion: string;
  /** That region's key. */
  keyArn: pulumi.Input<string>;
  /** The other regions. */
  replicas: SecretReplica[];
  /** Keys of model providers, by environment variable. Wrapped as a secret whatever the caller does. */
  providerKeys: pulumi.Input<Record<string, pulumi.Input<string>>>;
  /** Token of the Git host. Wrapped as a secret whatever the caller does. Default: none, and no secret for it. */
  gitToken?: pulumi.Input<string>;
  /** URLs, keys and passwords that alerts are sent by. Wrapped as a secret whatever the caller does. Default: none. */
  alerting?: pulumi.Input<Record<string, pulumi.Input<string>>>;
}

/** What is shared: how each part is called in its secret's name, and what it is. */
const SECRETS = {
  secretKey: { called: "secret-key", description: "LANGFLOW_SECRET_KEY of every region" },
  superuserPassword: { called: "superuser-password", description: "Password of LangFlow's superuser in every region" },
  apiKey: { called: "api-key", description: "API key that is accepted in every region" },
  providerKeys: { called: "provider-keys", description: "Keys of model providers, by environment variable" },
  webhookSecret: { called: "webhook-secret", description: "By which webhooks of the Git host are told from others" },
  gitToken: { called: "git-token", description: "Token the agents read and write the flow repository with" },
  alerting: { called: "alerting", description: "URLs, keys and passwords that alerts are sent by" },
} as const;

/** An object as JSON, whatever the order its keys were written in. */
const sortedJson = (values: Record<string, string>) => JSON.stringify(values, Object.keys(values).sort());

/** Bytes of LangFlow's secret key: it is a Fernet key. */
const SECRET_KEY_BYTES = 32;

/** Characters of the superuser's password, of the API key and of the webhook's secret: 190, 285 and 285 bits. */
const PASSWORD_LENGTH = 32;
const API_KEY_LENGTH = 48;
const WEBHOOK_SECRET_LENGTH = 48;

/** A secret's ARN a name; all of one AWS region. */
export type SecretArns = { readonly [Name in keyof SharedSecretArns]: pulumi.Output<string> };

/**
 * What must be the same in every region: made once, replicated by Secrets Manager under each region's key. With
 * another secret key restored credentials cannot be decrypted and sessions die at a failover.
 *
 * The secrets' names end in a unique part, because a deleted secret holds its name for the 30 days it can be brought
 * back, here and in every replica: with fixed names a fleet taken down could not come up again. There is no resource
 * policy: without one no other account can be let in, and the service speaks nothing but TLS.
 */
export class SharedSecrets extends pulumi.ComponentResource {
  private readonly primaries: SecretArns;

  constructor(name: string, args: SharedSecretsArgs, opts?: pulumi.ComponentResourceOptions) {
    const gitToken = args.gitToken === undefined ? undefined : pulumi.secret(args.gitToken);
    const alerting = args.alerting === undefined ? undefined : pulumi.secret(args.alerting);
    const secretArgs = {
      ...args,
      providerKeys: pulumi.secret(args.providerKeys),
      ...(gitToken && { gitToken }),
      ...(alerting && { alerting }),
    };
    super(typeToken("SharedSecrets"), name, secretArgs, opts);

    const keep = (key: keyof typeof SECRETS, value: pulumi.Output<string>) => this.keep(name, key, value, args);
    this.primaries = {
      secretKey: keep("secretKey", this.secretKey(`${name}-secret-key`)),
      superuserPassword: keep("superuserPassword", this.password(`${name}-superuser-password`, PASSWORD_LENGTH)),
      apiKey: keep("apiKey", this.password(`${name}-api-key`, API_KEY_LENGTH)),
      providerKeys: keep("providerKeys", secretArgs.providerKeys.apply(sortedJson)),
      webhookSecret: keep("webhookSecret", this.password(`${name}-webhook-secret`, WEBHOOK_SECRET_LENGTH)),
      ...(gitToken && { gitToken: keep("gitToken", gitToken) }),
      ...(alerting && { alerting: keep("alerting", alerting.apply(sortedJson)) }),
    };

    this.registerOutputs({ secretArns: this.primaries });
  }

  /**
   * The secrets as one region sees them.
   *
   * @param awsRegion the primary's AWS region, or a replica's
   */
  secretArns(awsRegion: string): SecretArns {
    const inRegion = (arn: pulumi.Output<string>) => arn.apply((primary) => replicaArn(primary, awsRegion));
    const { secretKey, superuserPassword, apiKey, providerKeys, webhookSecret, gitToken, alerting } = this.primaries;
    return {
      secretKey: inRegion(secretKey),
      superuserPassword: inRegion(superuserPassword),
      apiKey: inRegion(apiKey),
      providerKeys: inRegion(providerKeys),
      webhookSecret: inRegion(webhookSecret),
      ...(gitToken && { gitToken: inRegion(gitToken) }),
      ...(alerting && { alerting: inRegion(alerting) }),
    };
  }

  private secretKey(name: string): pulumi.Output<string> {
    const bytes = new random.RandomBytes(name, { length: SECRET_KEY_BYTES }, { parent: this, protect: true });
    return bytes.base64.apply(urlSafeBase64);
  }

  private password(name: string, length: number): pulumi.Output<string> {
    // Letters and digits only: both end up in headers, URLs and environment variables.
    const password = new random.RandomPassword(
      name,
      { length, special: false, minLower: 1, minUpper: 1, minNumeric: 1 },
      { parent: this, protect: true },
    );
    return password.result;
  }

  /** Keeps a value in Secrets Manager, in the build region and in every replica; gives the ARN of the build region's. */
  private keep(
    name: string,
    key: keyof typeof SECRETS,
    value: pulumi.Output<string>,
    { region, awsRegion, keyArn, replicas }: SharedSecretsArgs,
  ): pulumi.Output<string> {
    const { called, description } = SECRETS[key];
    const secret = new aws.secretsmanager.Secret(
      `${name}-${called}`,
      {
        region: awsRegion,
        namePrefix: `${PROJECT}-${called}-`,
        description,
        kmsKeyId: keyArn,
        recoveryWindowInDays: 30,
        // Never overwrite what somebody else keeps under this name in another region.
        forceOverwriteReplicaSecret: false,
        replicas: replicas.map((replica) => ({ region: replica.awsRegion, kmsKeyId: replica.keyArn })),
        tags: regionTags(region, `${PROJECT}-${called}`),
      },
      { parent: this, protect: true },
    );
    // Not protected: another value is another version, and one that is protected could not be followed by it.
    new aws.secretsmanager.SecretVersion(
      `${name}-${called}`,
      { region: awsRegion, secretId: secret.id, secretString: pulumi.secret(value) },
      { parent: this, deletedWith: secret },
    );
    return secret.arn;
  }
}
