/** Keys of the config whose values are secrets: in a stack's file they are encrypted (`secure: …`), and no message shows them. The last is of earlier releases. */
export const SECRET_KEYS: readonly string[] = ["providerKeys", "gitToken", "alertingSecrets", "workspaces"];

/** Keys of the providers' own config that are secrets (config/vars.d.ts of @pulumi/aws and @pulumi/cloudflare). */
export const PROVIDER_SECRETS: readonly string[] = [
  "aws:accessKey",
  "aws:secretKey",
  "aws:token",
  "cloudflare:apiKey",
  "cloudflare:apiToken",
  "cloudflare:apiUserServiceKey",
];

/** Whether a value stands as `pulumi config set --secret` writes it. */
export function isEncrypted(value: object): boolean {
  return Object.keys(value).join() === "secure" && typeof (value as { secure: unknown }).secure === "string";
}

/**
 * Where in a secret key's value, as its file has it, a text stands that anyone can read: paths such as `gitToken` or
 * `providerKeys.OPENAI_API_KEY`.
 */
export function plainTexts(path: string, value: unknown): string[] {
  if (value === null || value === undefined) return [];
  if (typeof value !== "object") return [path];
  if (isEncrypted(value)) return [];
  return Object.entries(value).flatMap(([part, inner]) => plainTexts(`${path}.${part}`, inner));
}

/** Where in a value, as its file has it, an encrypted text stands. */
export function encryptedPaths(path: string, value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  if (isEncrypted(value)) return [path];
  return Object.entries(value).flatMap(([part, inner]) => encryptedPaths(`${path}.${part}`, inner));
}
