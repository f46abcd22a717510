import type { IncomingMessage } from "node:http";

/** Status of a malformed request, which Cloudflare answers itself whatever the rules are. */
export type Malformed = 400 | 413 | 414;

/**
 * Maximum size of a request target, and of target and headers together, in bytes ("Connection limits", request limits).
 */
const TARGET_BYTES_MAX = 16 * 1024;
export const HEAD_BYTES_MAX = 32 * 1024;

/**
 * Maximum body size, in bytes: the smallest limit among Cloudflare's plans, that of Free and Pro ("Error 413"), so
 * every plan accepts what this accepts.
 */
export const BODY_BYTES_MAX = 100 * 1024 * 1024;

/**
 * Normalizes a request in place, as RFC 9112 requires of an HTTP/1.1 server: an absolute target (3.2.2) becomes a path,
 * and its host becomes the Host header. Otherwise a rule about paths would miss `GET http://host/docs`, which
 * LangFlow's server answers as `/docs`.
 *
 * @returns the error status for two Host headers, a target that is not a path, a target that is too long, or a body
 * above the limit
 */
export function inOneForm(request: IncomingMessage): Malformed | undefined {
  const { url = "", headers, rawHeaders } = request;
  const hosts = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === "host");
  if (hosts.length > 1) return 400;
  if (url.length > TARGET_BYTES_MAX) return 414;
  const [, authority, rest = ""] = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)(.*)$/i.exec(url) ?? [];
  if (authority !== undefined) {
    headers.host = authority.slice(authority.lastIndexOf("@") + 1);
    request.url = rest.startsWith("/") ? rest : `/${rest}`;
  }
  if (!request.url?.startsWith("/")) return 400;
  return Number(headers["content-length"] ?? 0) > BODY_BYTES_MAX ? 413 : undefined;
}

/**
 * Returns the Host header that rules see. Visitors may reach the local address by any name: a different spelling of the
 * public name is kept as sent, and every other name is replaced by the public name.
 */
export function hostAsSent(sent: string | undefined, hostname: string): string {
  const plain = (sent ?? "").toLowerCase().replace(/:\d*$/, "").replace(/\.$/, "");
  return sent !== undefined && plain === hostname ? sent : hostname;
}
