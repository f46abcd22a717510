import { Behind } from "../../../agent/accounts/behind";
import type { SegmentHead } from "../../../agent/accounts/segment";
import { afterReading, type Place, type Read } from "../../../agent/accounts/segmentPlaces";

const EPOCH = "1700000000000000";
const place = (region: string, number: number, epoch = EPOCH): Place => ({ region, epoch, number });
/** These parts read in this order; the first of an epoch is its snapshot. */
const reading = (...places: readonly Place[]): Read[] =>
  places.reduce<Read[]>((read, each) => afterReading(read, each, each.number === 0), []);

/** What eu-west has read, of a fleet of three. */
function reader(isLeft: (place: Place) => boolean = () => false) {
  const behind = new Behind("eu-west", () => ["eu-west", "us-east", "ap-south"], isLeft);
  const parts = new Map<string, Place[]>();
  return {
    behind,
    read(last: Place, head: SegmentHead = {}): void {
      const all = [...(parts.get(last.region) ?? []), last];
      parts.set(last.region, all);
      behind.read(last.region, reading(...all));
      behind.readSegment(last, head);
    },
  };
}

describe("a region is behind what another told", () => {
  it("while a part that was written before it is missing, but for one that nothing depends on", () => {
    const left = new Set<number>();
    const { behind, read } = reader(({ number }) => left.has(number));
    read(place("us-east", 0));
    expect(behind.is()).toBe(false);
    read(place("us-east", 2));
    expect(behind.is()).toBe(true);
    left.add(1);
    expect(behind.is()).toBe(false);
  });

  it("while its snapshot is not whole", () => {
    const { behind, read } = reader();
    read(place("us-east", 1));
    expect(behind.is()).toBe(true);
    read(place("us-east", 0));
    expect(behind.is()).toBe(false);
  });

  it("until the part is there that its last one says it goes on with, whatever comes late", () => {
    const { behind, read } = reader();
    read(place("us-east", 0));
    read(place("us-east", 2), { continues: true });
    read(place("us-east", 1));
    expect(behind.is()).toBe(true);
    read(place("us-east", 3));
    expect(behind.is()).toBe(false);
  });

  it("until what it knew of a third region is known, read in this process or not, and of one that is none of these nothing", () => {
    const { behind, read } = reader();
    const knew = { "ap-south": { epoch: EPOCH, number: 1 }, "sa-east": { epoch: EPOCH, number: 3 } };
    read(place("us-east", 0), { knew });
    expect(behind.is()).toBe(true);
    read(place("ap-south", 0));
    expect(behind.is()).toBe(true);
    read(place("ap-south", 1));
    expect(behind.is()).toBe(false);
  });

  it("until a later snapshot is whole that it knew of, and not where a later one is", () => {
    const { behind, read } = reader();
    const [former, later] = ["1600000000000000", "1800000000000000"];
    read(place("ap-south", 0));
    read(place("us-east", 0), { knew: { "ap-south": { epoch: former, number: 9 } } });
    expect(behind.is()).toBe(false);
    read(place("us-east", 1), { knew: { "ap-south": { epoch: later, number: 0 } } });
    expect(behind.is()).toBe(true);
  });

  it("for 15 minutes, and for as long where something else is missing then", () => {
    const { behind, read } = reader();
    read(place("us-east", 0));
    read(place("us-east", 2));
    expect([0, 899_999, 900_000].map((now) => behind.is(now))).toEqual([true, true, false]);
    read(place("us-east", 4));
    expect([900_001, 1_800_000, 1_800_001].map((now) => behind.is(now))).toEqual([true, true, false]);
    read(place("us-east", 1));
    read(place("us-east", 3));
    read(place("us-east", 5), { continues: true });
    expect(behind.is(3_600_000)).toBe(true);
  });
});

it("says how far the other regions were read, and not its own", () => {
  const { behind, read } = reader();
  read(place("eu-west", 0));
  read(place("us-east", 0));
  read(place("us-east", 4));
  behind.read("ap-south", []);
  expect(behind.knew).toEqual({ "us-east": { epoch: EPOCH, number: 4 } });
});

it("asks for the last part that an agent before it read, once", () => {
  const { behind, read } = reader();
  behind.read("us-east", reading(place("us-east", 0), place("us-east", 1)));
  expect(behind.forgotten("us-east")).toEqual(place("us-east", 1));
  expect(behind.forgotten("ap-south")).toBeUndefined();
  // What this region wrote itself it knows.
  behind.read("eu-west", reading(place("eu-west", 0)));
  expect(behind.forgotten("eu-west")).toBeUndefined();
  read(place("us-east", 2));
  expect(behind.forgotten("us-east")).toBeUndefined();
});
