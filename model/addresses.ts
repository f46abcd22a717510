import ipaddr from "ipaddr.js";

/** Parses an IPv4 network in canonical form (host bits zero); undefined where it is none. */
export function parseCidr(text: string): { firstAddress: number; bits: number } | undefined {
  if (!ipaddr.IPv4.isValidCIDRFourPartDecimal(text)) return undefined;
  const [address, bits] = ipaddr.IPv4.parseCIDR(text);
  const firstAddress = address.octets.reduce((sum, octet) => sum * 256 + octet, 0);
  return firstAddress % 2 ** (32 - bits) === 0 ? { firstAddress, bits } : undefined;
}

/** What no host of a network can have: AWS makes no VPC of it. */
const NO_HOSTS: ReadonlySet<string> = new Set(["unspecified", "loopback", "linkLocal", "multicast", "broadcast"]);
/** Where Class E begins, which is for no network either (RFC 1112, section 4). */
const CLASS_E = 240;

/** Whether a network's addresses are for hosts: private, shared or public ones, but no loopback, multicast and the like. */
export function isForHosts(cidr: string): boolean {
  const [address] = ipaddr.IPv4.parseCIDR(cidr);
  return !NO_HOSTS.has(address.range()) && (address.octets[0] ?? 0) < CLASS_E;
}

/** Whether two networks share an address. */
export function overlapping(left: string, right: string): boolean {
  const one = parseCidr(left);
  const other = parseCidr(right);
  if (!one || !other) return false;
  const size = 2 ** (32 - Math.min(one.bits, other.bits));
  return Math.floor(one.firstAddress / size) === Math.floor(other.firstAddress / size);
}

/** Whether a network is one of the internet's: not all of it is private, shared, reserved or the like. */
export function isOfInternet(cidr: string): boolean {
  const first = ipaddr.IPv4.networkAddressFromCIDR(cidr);
  const last = ipaddr.IPv4.broadcastAddressFromCIDR(cidr);
  return [first, last].some((address) => address.range() === "unicast");
}

/** Whether an address is one of the internet's, and not of a machine or a private network; names pass. */
export function isPublic(address: string): boolean {
  return !ipaddr.IPv4.isValidFourPartDecimal(address) || ipaddr.IPv4.parse(address).range() === "unicast";
}

/** Zones a region spreads over; three, so that two remain when one is lost. */
export const ZONES = 3;

/** The networks of one region, one of each kind a zone, in the order of the zones. */
export interface AddressPlan {
  /** A quarter of the region each: nodes and pods, since EKS gives every pod an address of its subnet. */
  readonly private: readonly string[];
  /** A thirty-second each: NAT gateways and load balancers. */
  readonly public: readonly string[];
  /** A thirty-second each: databases and file systems, which never reach the internet. */
  readonly isolated: readonly string[];
}

/**
 * Divides a region's network. Three quarters go to the private subnets; the last quarter holds three public and three
 * isolated ones, and two thirty-seconds stay free for what is to come.
 *
 * @param cidr the region's network, /16 to /20 (a /20 leaves 1024 addresses a private subnet, 128 the others)
 * @throws Error when it is no such network: a bug, since the config is checked
 */
export function addressPlan(cidr: string): AddressPlan {
  const network = parseCidr(cidr);
  if (!network || network.bits < 16 || network.bits > 20)
    throw new Error(`${cidr} is no IPv4 network between /16 and /20`);
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
