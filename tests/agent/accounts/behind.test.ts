import { Behind } from "../../../agent/accounts/behind";
import type { SegmentHead } from "../../../agent/accounts/segment";
import { afterReading, type Place, type Read } from "../../../agent/accounts/segmentPlaces";

const EPOCH = "1700000000000000";
const place = (region: string, number: number, epoch = EPOCH): Place => ({ region, epoch, number });
/** Returns the read positions after applying these segments in order. Number 0 of an epoch is its snapshot. */
const reading = (...places: readonly Place[]): Read[] =>
  places.reduce<Read[]>((read, each) => afterReading(read, each, each.number === 0), []);

/** Creates the read state of eu-west in a fleet of three regions. */
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

describe("a region is behind another region's feed", () => {
  it("while a segment before the last read segment is missing, if the missing segment may affect a row's name", () => {
    const left = new Set<number>();
    const { behind, read } = reader(({ number }) => left.has(number));
    read(place("us-east", 0));
    expect(behind.is()).toBe(false);
    read(place("us-east", 2));
    expect(behind.is()).toBe(true);
    left.add(1);
    expect(behind.is()).toBe(false);
  });

  it("while the feed's snapshot is incomplete", () => {
    const { behind, read } = reader();
    read(place("us-east", 1));
    expect(behind.is()).toBe(true);
    read(place("us-east", 0));
    expect(behind.is()).toBe(false);
  });

  it("until the last segment's announced continuation arrives, even if an older segment arrives in between", () => {
    const { behind, read } = reader();
    read(place("us-east", 0));
    read(place("us-east", 2), { continues: true });
    read(place("us-east", 1));
    expect(behind.is()).toBe(true);
    read(place("us-east", 3));
    expect(behind.is()).toBe(false);
  });

  it("until it has read the segments of a third region that the other region had read", () => {
    const { behind, read } = reader();
    const knew = { "ap-south": { epoch: EPOCH, number: 1 }, "sa-east": { epoch: EPOCH, number: 3 } };
    read(place("us-east", 0), { knew });
    expect(behind.is()).toBe(true);
    read(place("ap-south", 0));
    expect(behind.is()).toBe(true);
    read(place("ap-south", 1));
    expect(behind.is()).toBe(false);
  });

  it("until it has read a third region's new snapshot, if the other region had read it; an older snapshot is not enough", () => {
    const { behind, read } = reader();
    const [former, later] = ["1600000000000000", "1800000000000000"];
    read(place("ap-south", 0));
    read(place("us-east", 0), { knew: { "ap-south": { epoch: former, number: 9 } } });
    expect(behind.is()).toBe(false);
    read(place("us-east", 1), { knew: { "ap-south": { epoch: later, number: 0 } } });
    expect(behind.is()).toBe(true);
  });

  it("for at most 15 minutes per missing segment", () => {
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

it("the agent reports how far it has read the other regions' feeds, but not its own", () => {
  const { behind, read } = reader();
  read(place("eu-west", 0));
  read(place("us-east", 0));
  read(place("us-east", 4));
  behind.read("ap-south", []);
  expect(behind.knew).toEqual({ "us-east": { epoch: EPOCH, number: 4 } });
});

it("after a restart, the agent requests the last segment that its previous process read, until it has read that feed again", () => {
  const { behind, read } = reader();
  behind.read("us-east", reading(place("us-east", 0), place("us-east", 1)));
  expect(behind.forgotten("us-east")).toEqual(place("us-east", 1));
  expect(behind.forgotten("ap-south")).toBeUndefined();
  // A region never needs to read its own segments.
  behind.read("eu-west", reading(place("eu-west", 0)));
  expect(behind.forgotten("eu-west")).toBeUndefined();
  read(place("us-east", 2));
  expect(behind.forgotten("us-east")).toBeUndefined();
});
