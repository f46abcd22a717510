import fc from "fast-check";
import { Envelope, EnvelopeBroken } from "../../../agent/accounts/envelope";
import { readPart, writePart } from "../../../agent/accounts/part";
import {
  afterReading,
  epochAfter,
  isUnread,
  keyOf,
  listedAfter,
  placeOf,
  type Read,
  wholeEpoch,
} from "../../../agent/accounts/parts";

const SECRET = "a-secret-key-of-the-fleet";
const epochs = [1, 2, 3].map((n) => epochAfter([], n));

describe("a region's parts", () => {
  it("are found again by their keys, and nothing else is taken for one", () => {
    const place = { region: "us-east", epoch: epochAfter([], 17), number: 42 };
    expect(placeOf("accounts", keyOf("accounts", place))).toEqual(place);
    for (const key of [
      "accounts/us-east/x/0",
      "backups/us-east/0000000000000017/0000000042",
      `${keyOf("accounts", place)}/more`,
    ])
      expect(placeOf("accounts", key)).toBeUndefined();
  });

  it("are read once each, in whatever order replication brings them, and never before the listing begins", () => {
    const numbers = fc.shuffledSubarray([...Array(8).keys()], { minLength: 8 });
    fc.assert(
      fc.property(numbers, fc.nat(7), (order, completing) => {
        let read: Read[] = [];
        for (const number of order) {
          const place = { region: "us-east", epoch: epochs[0] ?? "", number };
          expect(isUnread(read, place)).toBe(true);
          expect(keyOf("accounts", place) > listedAfter("accounts", "us-east", read)).toBe(true);
          read = afterReading(read, place, number === completing);
          expect(isUnread(read, place)).toBe(false);
        }
        expect(read).toEqual([{ epoch: epochs[0], next: 8, beyond: [], completedBy: completing }]);
      }),
    );
  });

  it("of an epoch before a whole one are needed no more; one that lacks a part is not whole", () => {
    const [first = "", second = ""] = epochs;
    let read = afterReading([], { region: "us-east", epoch: first, number: 0 }, true);
    read = afterReading(read, { region: "us-east", epoch: second, number: 1 }, true);
    expect(wholeEpoch(read)).toBe(first);
    expect(isUnread(read, { region: "us-east", epoch: first, number: 1 })).toBe(true);
    read = afterReading(read, { region: "us-east", epoch: second, number: 0 }, false);
    expect(wholeEpoch(read)).toBe(second);
    expect(isUnread(read, { region: "us-east", epoch: first, number: 1 })).toBe(false);
    expect(read.map(({ epoch }) => epoch)).toEqual([second]);
  });

  it("begin an epoch later than all before, also where the clock was put back", () => {
    expect(epochAfter([epochAfter([], 900)], 5) > epochAfter([], 900)).toBe(true);
  });

  it("hold rows as they were, to the last digit of a number", () => {
    const stamp = fc.nat(1_000);
    const cell = fc.record({ value: fc.json(), at: stamp });
    const row = fc.record(
      {
        madeAt: stamp,
        cells: fc.dictionary(fc.constantFrom("a", "b", "name"), cell),
        switches: fc.dictionary(
          fc.constantFrom("a"),
          fc.record({
            off: fc.dictionary(fc.constantFrom("us-east"), cell),
            undone: fc.dictionary(fc.constantFrom("us-east"), stamp),
          }),
        ),
        deletedAt: stamp,
        madeAgainAt: stamp,
        unitedWith: fc.uuid(),
      },
      { requiredKeys: ["madeAt", "cells", "switches"] },
    );
    fc.assert(
      fc.property(
        fc.array(fc.record({ table: fc.constantFrom("user", "variable"), id: fc.uuid(), row })),
        fc.boolean(),
        (rows, completes) => {
          expect(readPart(writePart({ completes, rows }))).toEqual({ completes, rows });
        },
      ),
    );
    const long = {
      table: "t",
      id: "1",
      row: { madeAt: 1, cells: { n: { value: "12345678901234567890.5", at: 1 } }, switches: {} },
    };
    expect(readPart(writePart({ completes: true, rows: [long] })).rows).toEqual([long]);
  });

  it("that were cut, or are of a form that is not known, are refused", () => {
    const text = writePart({
      completes: true,
      rows: [{ table: "t", id: "1", row: { madeAt: 1, cells: {}, switches: {} } }],
    });
    expect(() => readPart(text.split("\n")[0] ?? "")).toThrow("has 0 rows where it says 1");
    expect(() => readPart(text.replace('"form":1', '"form":2'))).toThrow();
  });
});

describe("an envelope", () => {
  const envelope = new Envelope(SECRET);
  const sealed = envelope.seal("ada's password hash", "accounts/us-east/1/2");

  it("opens where it was sealed for, and shows nothing of what is in it", () => {
    expect(envelope.open(sealed, "accounts/us-east/1/2")).toBe("ada's password hash");
    expect(sealed.toString("latin1")).not.toContain("ada");
  });

  it("does not open in another place, under another key, cut or changed anywhere", () => {
    expect(() => envelope.open(sealed, "accounts/us-east/1/3")).toThrow(EnvelopeBroken);
    expect(() => new Envelope("another").open(sealed, "accounts/us-east/1/2")).toThrow("another LANGFLOW_SECRET_KEY");
    fc.assert(
      fc.property(fc.nat(sealed.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const changed = Buffer.from(sealed);
        changed.writeUInt8((changed.readUInt8(at) + by) % 256, at);
        expect(() => envelope.open(changed, "accounts/us-east/1/2")).toThrow(EnvelopeBroken);
        expect(() => envelope.open(sealed.subarray(0, at), "accounts/us-east/1/2")).toThrow(EnvelopeBroken);
      }),
    );
  });
});
