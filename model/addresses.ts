import ipaddr from "ipaddr.js";

/** Parses an IPv4 network in canonical form (host bits zero); undefined where it is none. */
export function parseCidr(text: string): { base: number; bits: number } | undefined {
  if (!ipaddr.IPv4.isValidCIDRFourPartDecimal(text)) return undefined;
  const [address, bits] = ipaddr.IPv4.parseCIDR(text);
  const base = address.octets.reduce((sum, octet) => sum * 256 + octet, 0);
  return base % 2 ** (32 - bits) === 0 ? { base, bits } : undefined;
}

/** Whether two networks share an address. */
export function overlapping(left: string, right: string): boolean {
  const one = parseCidr(left);
  const other = parseCidr(right);
  if (!one || !other) return false;
  const size = 2 ** (32 - Math.min(one.bits, other.bits));
  return Math.floor(one.base / size) === Math.floor(other.base / size);
}
