/**
 * Returns all forms in which a value can occur: as is, escaped in JSON, in URLs, in hex, and in Base64 at any offset.
 */
export function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const encoded = [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    // The first and the last digits share bits with the neighbouring bytes.
    return text.slice(offset === 0 ? 0 : offset + 1, (offset + bytes.length) % 3 === 0 ? undefined : -1);
  });
  const urlSafe = encoded.map((text) => text.replaceAll("+", "-").replaceAll("/", "_"));
  const inJson = escaped(secret);
  return [
    ...new Set([
      secret,
      inJson,
      escaped(inJson),
      encodeURIComponent(secret),
      bytes.toString("hex"),
      ...encoded,
      ...urlSafe,
    ]),
  ];
}

const escaped = (text: string): string => JSON.stringify(text).slice(1, -1);

/** Returns the names of secrets that a text contains in any form. */
export function found(text: string, secrets: ReadonlyMap<string, string>): string[] {
  return [...secrets].filter(([, value]) => formsOf(value).some((form) => text.includes(form))).map(([name]) => name);
}

/** Returns the path of each `[secret]` in one value, with the value at this path in the other. */
export function hiddenIn(shown: unknown, clear: unknown, path: string): [path: string, value: string][] {
  if (shown === "[secret]") return [[path, typeof clear === "string" ? clear : JSON.stringify(clear)]];
  if (typeof shown !== "object" || shown === null || typeof clear !== "object" || clear === null) return [];
  return Object.entries(shown).flatMap(([key, part]) =>
    hiddenIn(part, (clear as Record<string, unknown>)[key], `${path}.${key}`),
  );
}
