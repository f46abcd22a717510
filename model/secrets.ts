/**
 * Returns the ARN of a secret's replica: the primary's ARN with a different AWS region, including the random suffix
 * (Secrets Manager user guide, "Replicate AWS Secrets Manager secrets across Regions").
 *
 * @param arn the primary's ARN: `arn:partition:secretsmanager:region:account:secret:name-suffix`
 * @throws Error if `arn` is not a secret's ARN
 */
export function replicaArn(arn: string, awsRegion: string): string {
  const match = /^(arn:[^:]+:secretsmanager:)[^:]+(:\d{12}:secret:.+)$/.exec(arn);
  if (!match) throw new Error(`${arn} is not the ARN of a secret`);
  return `${match[1]}${awsRegion}${match[2]}`;
}

/**
 * Converts Base64 to the alphabet of Fernet keys: `-` and `_` instead of `+` and `/`, with padding (RFC 4648, section
 * 5).
 */
export function urlSafeBase64(base64: string): string {
  return base64.replaceAll("+", "-").replaceAll("/", "_");
}

/** ARNs of the shared secrets; each key names the secret's content. */
export interface SharedSecretArns {
  /** ARN of LANGFLOW_SECRET_KEY. */
  readonly secretKey: string;
  readonly superuserPassword: string;
  /** ARN of the API key that works in every region. */
  readonly apiKey: string;
  /** ARN of a JSON object of environment variables, from the config's `providerKeys`. */
  readonly providerKeys: string;
  /** ARN of the secret with which the agent authenticates the Git host's webhooks. */
  readonly webhookSecret: string;
  /** ARN of the OAuth registrations, from the config's `oauthRegistrations`; absent without them in the config. */
  readonly oauthRegistrations?: string;
  /** ARN of the token for the Git host; absent without one in the config. */
  readonly gitToken?: string;
  /**
   * ARN of a JSON object with the receivers' credentials, from the config's `alertingSecrets`; absent without them in
   * the config.
   */
  readonly alerting?: string;
}
