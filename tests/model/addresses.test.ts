import fc from "fast-check";
import { type AddressPlan, addressPlan, isPublic, overlapping, parseCidr, ZONES } from "../../model/addresses";

/** Any valid network of a region: /16 to /20, host bits zero. */
const regionCidr = fc.tuple(fc.integer({ min: 16, max: 20 }), fc.nat(2 ** 20 - 1)).map(([bits, seed]) => {
  const size = 2 ** (32 - bits);
  const firstAddress = (seed % 2 ** bits) * size;
  return `${[24, 16, 8, 0].map((shift) => Math.floor(firstAddress / 2 ** shift) % 256).join(".")}/${bits}`;
});

const subnets = (plan: AddressPlan) => [...plan.private, ...plan.public, ...plan.isolated];

/** Returns the first and the last address of a network. */
function bounds(cidr: string): [first: number, last: number] {
  const network = parseCidr(cidr);
  if (!network) throw new Error(`${cidr} is no network`);
  return [network.firstAddress, network.firstAddress + 2 ** (32 - network.bits) - 1];
}

describe("addressPlan", () => {
  it("divides a /16 as shown in the architecture documentation", () => {
    expect(addressPlan("10.16.0.0/16")).toEqual({
      private: ["10.16.0.0/18", "10.16.64.0/18", "10.16.128.0/18"],
      public: ["10.16.192.0/21", "10.16.200.0/21", "10.16.208.0/21"],
      isolated: ["10.16.216.0/21", "10.16.224.0/21", "10.16.232.0/21"],
    });
  });

  it("gives every zone one canonical subnet of each kind within the region, without overlaps", () => {
    fc.assert(
      fc.property(regionCidr, (cidr) => {
        const plan = addressPlan(cidr);
        for (const kind of [plan.private, plan.public, plan.isolated]) expect(kind).toHaveLength(ZONES);
        const [first, last] = bounds(cidr);
        const all = subnets(plan);
        for (const [index, subnet] of all.entries()) {
          const [low, high] = bounds(subnet);
          expect(low).toBeGreaterThanOrEqual(first);
          expect(high).toBeLessThanOrEqual(last);
          for (const other of all.slice(0, index)) expect(overlapping(other, subnet)).toBe(false);
        }
      }),
    );
  });

  it("leaves at least 1,000 addresses per private subnet and 100 per other subnet", () => {
    fc.assert(
      fc.property(regionCidr, (cidr) => {
        const size = (subnet: string) => bounds(subnet)[1] - bounds(subnet)[0] + 1;
        const plan = addressPlan(cidr);
        expect(Math.min(...plan.private.map(size))).toBeGreaterThanOrEqual(1000);
        expect(Math.min(...[...plan.public, ...plan.isolated].map(size))).toBeGreaterThanOrEqual(100);
      }),
    );
  });

  it("never produces overlapping subnets for regions whose networks do not overlap", () => {
    fc.assert(
      fc.property(regionCidr, regionCidr, (one, other) => {
        fc.pre(!overlapping(one, other));
        for (const left of subnets(addressPlan(one)))
          for (const right of subnets(addressPlan(other))) expect(overlapping(left, right)).toBe(false);
      }),
    );
  });

  it.each(["10.0.0.0/15", "10.0.0.0/21", "10.0.0.1/16", "nonsense"])("rejects %s", (cidr) => {
    expect(() => addressPlan(cidr)).toThrow("/16 and /20");
  });
});

describe("overlapping()", () => {
  it("agrees with a comparison of first and last addresses", () => {
    fc.assert(
      fc.property(regionCidr, regionCidr, (one, other) => {
        const [[a, b], [c, d]] = [bounds(one), bounds(other)];
        expect(overlapping(one, other)).toBe(a <= d && c <= b);
      }),
    );
  });
});

it("isPublic() distinguishes public addresses from loopback, private and link-local addresses", () => {
  for (const address of ["127.0.0.1", "10.1.2.3", "192.168.0.9", "172.16.5.5", "169.254.169.254", "100.64.0.1"])
    expect([address, isPublic(address)]).toEqual([address, false]);
  for (const address of ["8.8.8.8", "172.32.0.1", "old.example.com"])
    expect([address, isPublic(address)]).toEqual([address, true]);
});
