import ipaddr from "ipaddr.js";

/** Parses an IPv4 network in canonical form (host bits zero). Returns undefined if the text is not one. */
export function parseCidr(text: string): { firstAddress: number; bits: number } | undefined {
  if (!ipaddr.IPv4.isValidCIDRFourPartDecimal(text)) return undefined;
  const [address, bits] = ipaddr.IPv4.parseCIDR(text);
  const firstAddress = address.octets.reduce((sum, octet) => sum * 256 + octet, 0);
  return firstAddress % 2 ** (32 - bits) === 0 ? { firstAddress, bits } : undefined;
}

/** Address ranges that hosts cannot use, and for which AWS creates no VPC. */
const NO_HOSTS: ReadonlySet<string> = new Set(["unspecified", "loopback", "linkLocal", "multicast", "broadcast"]);
/** First octet of Class E addresses, which are reserved as well (RFC 1112, section 4). */
const CLASS_E = 240;

/**
 * Returns whether hosts can use a network's addresses: private, shared or public, but not loopback, multicast or
 * similar.
 */
export function isForHosts(cidr: string): boolean {
  const [address] = ipaddr.IPv4.parseCIDR(cidr);
  return !NO_HOSTS.has(address.range()) && (address.octets[0] ?? 0) < CLASS_E;
}

/** Returns whether two networks overlap. */
export function overlapping(left: string, right: string): boolean {
  const one = parseCidr(left);
  const other = parseCidr(right);
  if (!one || !other) return false;
  const size = 2 ** (32 - Math.min(one.bits, other.bits));
  return Math.floor(one.firstAddress / size) === Math.floor(other.firstAddress / size);
}

/** Returns whether at least part of a network is public, meaning not private, shared, reserved or similar. */
export function isOfInternet(cidr: string): boolean {
  const first = ipaddr.IPv4.networkAddressFromCIDR(cidr);
  const last = ipaddr.IPv4.broadcastAddressFromCIDR(cidr);
  return [first, last].some((address) => address.range() === "unicast");
}

/** Returns whether an address is public instead of loopback or private. Host names pass. */
export function isPublic(address: string): boolean {
  return !ipaddr.IPv4.isValidFourPartDecimal(address) || ipaddr.IPv4.parse(address).range() === "unicast";
}

/** Number of zones per region: three, so that two remain if one fails. */
export const ZONES = 3;

/** Subnets of one region: one of each kind per zone, in the order of the zones. */
export interface AddressPlan {
  /**
   * Subnets of nodes and pods, each a quarter of the region's network: EKS gives every pod an address of its subnet.
   */
  readonly private: readonly string[];
  /** Subnets of NAT gateways and load balancers, each 1/32 of the region's network. */
  readonly public: readonly string[];
  /** Subnets of databases and file systems, which have no internet access; each 1/32 of the region's network. */
  readonly isolated: readonly string[];
}

/**
 * Divides a region's network into subnets. The private subnets use three quarters; the last quarter holds three public
 * and three isolated subnets, and 2/32 of the network remain free.
 *
 * @param cidr the region's network, /16 to /20 (a /20 leaves 1,024 addresses per private subnet and 128 per other
 * subnet)
 * @throws Error if `cidr` is not such a network: a bug, because the config is validated
 */
export function addressPlan(cidr: string): AddressPlan {
  const network = parseCidr(cidr);
  if (!network || network.bits < 16 || network.bits > 20)
    throw new Error(`${cidr} is not an IPv4 network between /16 and /20`);
  const { firstAddress, bits } = network;
  const part = (newBits: number, index: number) => formatCidr(firstAddress + index * 2 ** (32 - newBits), newBits);
  const zones = Array.from({ length: ZONES }, (_, zone) => zone);
  return {
    private: zones.map((zone) => part(bits + 2, zone)),
    public: zones.map((zone) => part(bits + 5, 24 + zone)),
    isolated: zones.map((zone) => part(bits + 5, 24 + ZONES + zone)),
  };
}

function formatCidr(firstAddress: number, bits: number): string {
  const octets = [24, 16, 8, 0].map((shift) => Math.floor(firstAddress / 2 ** shift) % 256);
  return `${octets.join(".")}/${bits}`;
}
