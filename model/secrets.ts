/**
 * The ARN of a secret's replica: the primary's with the AWS region exchanged, random suffix and all (Secrets Manager
 * user guide, "Replicate AWS Secrets Manager secrets across Regions").
 *
 * @param arn of the primary: `arn:partition:secretsmanager:region:account:secret:name-suffix`
 * @throws Error where it is none
 */
export function replicaArn(arn: string, awsRegion: string): string {
  const match = /^(arn:[^:]+:secretsmanager:)[^:]+(:\d{12}:secret:.+)$/.exec(arn);
  if (!match) throw new Error(`${arn} is not the ARN of a secret`);
  return `${match[1]}${awsRegion}${match[2]}`;
}

/** Base64 as Fernet keys are written: `-` and `_` for `+` and `/`, padding kept (RFC 4648, section 5). */
export function urlSafeBase64(base64: string): string {
  return base64.replaceAll("+", "-").replaceAll("/", "_");
}

/** One ARN a shared secret; the keys name what is inside. */
export interface SharedSecretArns {
  /** LANGFLOW_SECRET_KEY. */
  readonly secretKey: string;
  readonly superuserPassword: string;
  /** The API key that works in every region. */
  readonly apiKey: string;
  /** A JSON object of environment variables, from the config's `providerKeys`. */
  readonly providerKeys: string;
  /** By which the agent tells a Git host's webhooks from anybody else's. */
  readonly webhookSecret: string;
  /** A token of the Git host; absent where the config has none. */
  readonly gitToken?: string;
  /** A JSON object of what alerts are sent by, from the config's `alertingSecrets`; absent where the config has none. */
  readonly alerting?: string;
}
