import { Behind } from "../../../agent/accounts/behind";
import { afterReading, type Place, type Read } from "../../../agent/accounts/parts";

const EPOCH = "1700000000000000";
const place = (region: string, number: number, epoch = EPOCH): Place => ({ region, epoch, number });
/** These parts read in this order; the first of an epoch is its snapshot. */
const reading = (...places: readonly Place[]): Read[] =>
  places.reduce<Read[]>((read, each) => afterReading(read, each, each.number === 0), []);
const part = (more: object = {}) => ({ completes: false, rows: [], ...more });

describe("what a region told is ahead of what is known", () => {
  it("while a part that was written before it is missing, but for one that nothing depends on", () => {
    const left = new Set<number>();
    const behind = new Behind("eu-west", ({ number }) => left.has(number));
    const [first, third] = [place("us-east", 0), place("us-east", 2)];
    behind.read("us-east", reading(first), first, part());
    expect(behind.isAhead("us-east")).toBe(false);
    behind.read("us-east", reading(first, third), third, part());
    expect(behind.isAhead("us-east")).toBe(true);
    left.add(1);
    expect(behind.isAhead("us-east")).toBe(false);
  });

  it("while its snapshot is not whole", () => {
    const behind = new Behind("eu-west", () => false);
    const page = place("us-east", 1);
    behind.read("us-east", reading(page), page, part());
    expect(behind.isAnyAhead()).toBe(true);
    behind.read("us-east", reading(page, place("us-east", 0)), place("us-east", 0), part());
    expect(behind.isAnyAhead()).toBe(false);
  });

  it("until the part is there that its last one says it goes on with, whatever comes late", () => {
    const behind = new Behind("eu-west", () => false);
    const [late, last, next] = [place("us-east", 1), place("us-east", 2), place("us-east", 3)];
    behind.read("us-east", reading(place("us-east", 0), last), last, part({ continues: true }));
    behind.read("us-east", reading(place("us-east", 0), last, late), late, part());
    expect(behind.isAhead("us-east")).toBe(true);
    behind.read("us-east", reading(place("us-east", 0), late, last, next), next, part());
    expect(behind.isAhead("us-east")).toBe(false);
  });

  it("until what it knew of a third region is known, and not of one that is none of these", () => {
    const behind = new Behind("eu-west", () => false);
    const own = place("us-east", 0);
    const knew = { "ap-south": { epoch: EPOCH, number: 3 }, "sa-east": { epoch: EPOCH, number: 3 } };
    behind.read("ap-south", reading(place("ap-south", 0)));
    behind.read("us-east", reading(own), own, part({ knew }));
    expect(behind.isAhead("us-east")).toBe(true);
    behind.read("ap-south", reading(...[0, 1, 2, 3].map((number) => place("ap-south", number))));
    expect(behind.isAhead("us-east")).toBe(false);
    const later = "1700000000000001";
    behind.read("ap-south", reading(place("ap-south", 0, later)));
    expect(behind.isAhead("us-east")).toBe(false);
  });

  it("for 15 minutes, and again once it had been known meanwhile", () => {
    const behind = new Behind("eu-west", () => false);
    const [own, next] = [place("us-east", 0), place("us-east", 1)];
    behind.read("us-east", reading(own), own, part({ continues: true }));
    expect([0, 899_999, 900_000].map((now) => behind.isAhead("us-east", now))).toEqual([true, true, false]);
    behind.read("us-east", reading(own, next), next, part());
    expect(behind.isAhead("us-east", 900_001)).toBe(false);
    const after = place("us-east", 2);
    behind.read("us-east", reading(own, next, after), after, part({ continues: true }));
    expect(behind.isAhead("us-east", 900_002)).toBe(true);
  });
});

it("says how far the other regions were read, and not its own", () => {
  const behind = new Behind("eu-west", () => false);
  behind.read("eu-west", reading(place("eu-west", 0)));
  behind.read("ap-south", []);
  behind.read("us-east", reading(place("us-east", 0), place("us-east", 4)));
  expect(behind.knew).toEqual({ "us-east": { epoch: EPOCH, number: 4 } });
});
