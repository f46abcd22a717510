import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { PROJECT, regionTags, typeToken } from "../../model/names";
import { replicaArn, type SharedSecretArns, urlSafeBase64 } from "../../model/secrets";

/** A region that keeps a replica of every shared secret. */
export interface SecretReplica {
  /** The AWS region of the replica. */
  awsRegion: string;
  /** ARN of the region's KMS key, which encrypts the replica. */
  keyArn: pulumi.Input<string>;
}

export interface SharedSecretsArgs {
  /** The fleet's name for the region that holds the primary secrets. */
  region: string;
  /** The AWS region of the primary secrets. A change replaces them. */
  awsRegion: string;
  /** ARN of the KMS key in the primary's region. */
  keyArn: pulumi.Input<string>;
  /** The other regions, each with a replica. */
  replicas: SecretReplica[];
  /**
   * API keys of model providers, by environment variable. Always treated as secrets, even if the caller does not mark
   * them.
   */
  providerKeys: pulumi.Input<Record<string, pulumi.Input<string>>>;
  /**
   * LangFlow's OAuth registrations, as JSON. Always treated as a secret, even if the caller does not mark it. Default:
   * none, and no secret is created.
   */
  oauthRegistrations?: pulumi.Input<string>;
  /**
   * Token for the Git host. Always treated as a secret, even if the caller does not mark it. Default: none, and no
   * secret is created.
   */
  gitToken?: pulumi.Input<string>;
  /**
   * URLs, keys and passwords of alert receivers. Always treated as secrets, even if the caller does not mark them.
   * Default: none.
   */
  alerting?: pulumi.Input<Record<string, pulumi.Input<string>>>;
}

/** Shared secrets, each with the word in its name and its description. */
const SECRETS = {
  secretKey: { called: "secret-key", description: "LANGFLOW_SECRET_KEY of every region" },
  superuserPassword: { called: "superuser-password", description: "Password of LangFlow's superuser in every region" },
  apiKey: { called: "api-key", description: "API key that is accepted in every region" },
  providerKeys: { called: "provider-keys", description: "Keys of model providers, by environment variable" },
  webhookSecret: { called: "webhook-secret", description: "By which webhooks of the Git host are told from others" },
  oauthRegistrations: { called: "oauth-registrations", description: "OAuth clients of users' connections" },
  gitToken: { called: "git-token", description: "Token the agents read and write the flow repository with" },
  alerting: { called: "alerting", description: "URLs, keys and passwords that alerts are sent by" },
} as const;

/** Serializes an object as JSON with sorted keys, so that the order of keys does not matter. */
const sortedJson = (values: Record<string, string>) => JSON.stringify(values, Object.keys(values).sort());

/** Size of LangFlow's secret key, in bytes: the size of a Fernet key. */
const SECRET_KEY_BYTES = 32;

/**
 * Lengths of the superuser's password, the API key and the webhook's secret, in characters: 190, 285 and 285 bits of
 * entropy.
 */
const PASSWORD_LENGTH = 32;
const API_KEY_LENGTH = 48;
const WEBHOOK_SECRET_LENGTH = 48;

/** ARNs of the shared secrets by name; all in one AWS region. */
export type SecretArns = { readonly [Name in keyof SharedSecretArns]: pulumi.Output<string> };

/**
 * Secrets that must be the same in every region: created once, and replicated by Secrets Manager under each region's
 * key. With a different secret key, a region could not decrypt restored credentials, and a failover would invalidate
 * all sessions.
 *
 * The secrets' names end in a unique suffix, because a deleted secret reserves its name for its 30-day recovery window,
 * in the primary region and in every replica: with fixed names, a deleted fleet could not be redeployed. No resource
 * policy is needed: without one, no other account has access, and Secrets Manager accepts only TLS.
 */
export class SharedSecrets extends pulumi.ComponentResource {
  private readonly primaries: SecretArns;

  constructor(name: string, args: SharedSecretsArgs, opts?: pulumi.ComponentResourceOptions) {
    const optional = <T>(value: pulumi.Input<T> | undefined) =>
      value === undefined ? undefined : pulumi.secret(value);
    const oauthRegistrations = optional(args.oauthRegistrations);
    const gitToken = optional(args.gitToken);
    const alerting = optional(args.alerting);
    const secretArgs = {
      ...args,
      providerKeys: pulumi.secret(args.providerKeys),
      ...(oauthRegistrations && { oauthRegistrations }),
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
      ...(oauthRegistrations && { oauthRegistrations: keep("oauthRegistrations", oauthRegistrations) }),
      ...(gitToken && { gitToken: keep("gitToken", gitToken) }),
      ...(alerting && { alerting: keep("alerting", alerting.apply(sortedJson)) }),
    };

    this.registerOutputs({ secretArns: this.primaries });
  }

  /**
   * Returns the ARNs of the secrets in one region.
   *
   * @param awsRegion the primary's AWS region, or a replica's
   */
  secretArns(awsRegion: string): SecretArns {
    const inRegion = (arn: pulumi.Output<string>) => arn.apply((primary) => replicaArn(primary, awsRegion));
    const { secretKey, superuserPassword, apiKey, providerKeys, webhookSecret, ...optional } = this.primaries;
    const { oauthRegistrations, gitToken, alerting } = optional;
    return {
      secretKey: inRegion(secretKey),
      superuserPassword: inRegion(superuserPassword),
      apiKey: inRegion(apiKey),
      providerKeys: inRegion(providerKeys),
      webhookSecret: inRegion(webhookSecret),
      ...(oauthRegistrations && { oauthRegistrations: inRegion(oauthRegistrations) }),
      ...(gitToken && { gitToken: inRegion(gitToken) }),
      ...(alerting && { alerting: inRegion(alerting) }),
    };
  }

  private secretKey(name: string): pulumi.Output<string> {
    const bytes = new random.RandomBytes(name, { length: SECRET_KEY_BYTES }, { parent: this, protect: true });
    return bytes.base64.apply(urlSafeBase64);
  }

  private password(name: string, length: number): pulumi.Output<string> {
    // Letters and digits only, because the values become part of headers, URLs and environment variables.
    const password = new random.RandomPassword(
      name,
      { length, special: false, minLower: 1, minUpper: 1, minNumeric: 1 },
      { parent: this, protect: true },
    );
    return password.result;
  }

  /** Stores a value in Secrets Manager, in the primary region and in every replica. Returns the ARN of the primary. */
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
        // Never overwrite an unrelated secret of the same name in a different region.
        forceOverwriteReplicaSecret: false,
        replicas: replicas.map((replica) => ({ region: replica.awsRegion, kmsKeyId: replica.keyArn })),
        tags: regionTags(region, `${PROJECT}-${called}`),
      },
      { parent: this, protect: true },
    );
    // Not protected: a changed value replaces the version, and Pulumi cannot replace a protected resource.
    new aws.secretsmanager.SecretVersion(
      `${name}-${called}`,
      { region: awsRegion, secretId: secret.id, secretString: pulumi.secret(value) },
      { parent: this, deletedWith: secret },
    );
    return secret.arn;
  }
}
