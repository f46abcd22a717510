/** Keys of the config whose values are secrets: in a stack's file they are encrypted (`secure: …`), and no message shows them. The last is of earlier releases. */
export const SECRET_KEYS: readonly string[] = ["providerKeys", "gitToken", "alertingSecrets", "workspaces"];

/**
 * Where in a secret key's value, as its file has it, a text stands that anyone can read: paths such as `gitToken` or
 * `providerKeys.OPENAI_API_KEY`.
 */
export function plainTexts(path: string, value: unknown): string[] {
  if (value === null || value === undefined) return [];
  if (typeof value !== "object") return [path];
  if ("secure" in value) return [];
  return Object.entries(value).flatMap(([part, inner]) => plainTexts(`${path}.${part}`, inner));
}
