/**
 * Config keys with secret values: a stack's file contains them encrypted (`secure: …`), and no message shows them. The
 * last key is from earlier releases.
 */
export const SECRET_KEYS: readonly string[] = ["providerKeys", "gitToken", "alertingSecrets", "workspaces"];

/** Path of each secret within a config key whose other values are readable. */
const SECRET_PATH = /^(?:[^:]+:)?oauthRegistrations\.[^.]+\.(client_secret|private_key|signing_secret)$/;

/** Returns whether a value is a secret although its config key is not in {@link SECRET_KEYS}. */
export function isSecretPath(path: string): boolean {
  return SECRET_PATH.test(path);
}

/** Secret keys in the providers' own config (config/vars.d.ts of @pulumi/aws and @pulumi/cloudflare). */
export const PROVIDER_SECRETS: readonly string[] = [
  "aws:accessKey",
  "aws:secretKey",
  "aws:token",
  "cloudflare:apiKey",
  "cloudflare:apiToken",
  "cloudflare:apiUserServiceKey",
];

/** Returns whether a value is encrypted in the format of `pulumi config set --secret`. */
export function isEncrypted(value: object): boolean {
  return Object.keys(value).join() === "secure" && typeof (value as { secure: unknown }).secure === "string";
}

/**
 * Returns the paths of unencrypted strings in a secret key's value, as in its file: for example `gitToken` or
 * `providerKeys.OPENAI_API_KEY`.
 */
export function plainTexts(path: string, value: unknown): string[] {
  if (value === null || value === undefined) return [];
  if (typeof value !== "object") return [path];
  if (isEncrypted(value)) return [];
  return Object.entries(value).flatMap(([part, inner]) => plainTexts(`${path}.${part}`, inner));
}

/** Returns the paths of encrypted strings in a value, as in its file. */
export function encryptedPaths(path: string, value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  if (isEncrypted(value)) return [path];
  return Object.entries(value).flatMap(([part, inner]) => encryptedPaths(`${path}.${part}`, inner));
}
