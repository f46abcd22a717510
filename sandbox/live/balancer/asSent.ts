import type { IncomingMessage } from "node:http";

/** A request that Cloudflare answers itself, whatever the rules: why, as a status. */
export type Malformed = 400 | 413 | 414;

/** Longest target, and the most that it and all headers may be together, in bytes ("Connection limits", request limits). */
const TARGET_BYTES_MAX = 16 * 1024;
export const HEAD_BYTES_MAX = 32 * 1024;

/** Largest body, by the least that a plan takes: Free's and Pro's ("Error 413"). What this lets pass, every plan does. */
export const BODY_BYTES_MAX = 100 * 1024 * 1024;

/**
 * Brings what was sent into the one form that all else here reads, as a server has to that takes HTTP/1.1 (RFC 9112): a target that
 * names its host too (3.2.2) becomes a path, the host its Host header. Without this a rule about paths would not see `GET http://host/docs`,
 * which LangFlow's server answers as `/docs`.
 *
 * @returns the status of what no server may take: two hosts, a target that is no path, one that is too long; a body above the limit
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
 * A Host header as rules see it. Here any name reaches the address; one that is another way of writing the public name stays as it is
 * written, all else stands for the public name.
 */
export function hostAsSent(sent: string | undefined, hostname: string): string {
  const plain = (sent ?? "").toLowerCase().replace(/:\d*$/, "").replace(/\.$/, "");
  return sent !== undefined && plain === hostname ? sent : hostname;
}
