/**
 * Normalizes a path like Cloudflare's "Normalize incoming URLs" of type Cloudflare, which is the default of a zone
 * ("How URL normalization works"). It replaces backslashes with slashes, merges repeated slashes, and applies RFC 3986:
 * decodes unreserved characters, writes percent-encodings in upper case and removes dot segments.
 *
 * @param url path and query, as sent
 */
export function normalizedPath(url: string): string {
  const sent = /^[^?#]*/.exec(url)?.[0] ?? "";
  const plain = sent
    .replaceAll("\\", "/")
    .replaceAll(/\/{2,}/g, "/")
    .replaceAll(/%([0-9a-fA-F]{2})/g, (encoded, hex: string) => {
      const letter = String.fromCharCode(Number.parseInt(hex, 16));
      return /[A-Za-z0-9._~-]/.test(letter) ? letter : encoded.toUpperCase();
    });
  return withoutDots(plain);
}

/** Removes dot segments (RFC 3986, 5.2.4). */
function withoutDots(path: string): string {
  const segments = path.split("/").slice(1);
  const kept: string[] = [];
  for (const segment of segments) {
    if (segment === "..") kept.pop();
    else if (segment !== ".") kept.push(segment);
  }
  const last = segments.at(-1);
  return `/${kept.join("/")}${(last === "." || last === "..") && kept.length > 0 ? "/" : ""}`;
}

/** Implements `url_decode()`: decodes each `%XX` once, as a byte, and each plus as a space ("Functions"). */
export function decodedPath(path: string): string {
  return path
    .replaceAll("+", " ")
    .replaceAll(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
