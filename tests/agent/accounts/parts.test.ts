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
import { editRow, type Row, type RowRules } from "../../../agent/accounts/row";

const SECRET = "a-secret-key-of-the-fleet";
const NOW = Date.now() * 1000;
/** The last number that is exact: there is none after it to be a later edit. */
const FAR: Row = {
  madeAt: Number.MAX_SAFE_INTEGER,
  cells: { a: { value: "1", at: Number.MAX_SAFE_INTEGER } },
  switches: {},
};
const RULES: RowRules = { deletes: "later", columns: ["a"] };
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
          expect(readPart(writePart({ completes, rows }, NOW))).toEqual({ completes, rows, refused: [] });
        },
      ),
    );
    const long = {
      table: "t",
      id: "1",
      row: { madeAt: 1, cells: { n: { value: "12345678901234567890.5", at: 1 } }, switches: {} },
    };
    expect(readPart(writePart({ completes: true, rows: [long] }, NOW)).rows).toEqual([long]);
  });

  it("that were cut, or are of a form that is not known, are refused", () => {
    const row = { madeAt: 1, cells: {}, switches: {} };
    const text = writePart({ completes: true, rows: [{ table: "t", id: "1", row }] }, NOW);
    expect(() => readPart(text.split("\n")[0] ?? "")).toThrow("has 0 rows where it says 1");
    expect(() => readPart(text.replace('"form":1', '"form":2'))).toThrow();
  });

  it.each([
    ["is no JSON", '{"table":"t","id":"1"', "row 1", "it is no object"],
    ["is none", "17", "row 1", "it is no object"],
    ["has no id", '{"table":"t","made":1}', "row 1", "id is no string"],
    ["has no table", '{"id":"1","made":1}', "1", "table is no string"],
    ["has a stamp that is no number", '{"table":"t","id":"1","made":"NaN"}', "1", "made is no number"],
    ["has no stamp", '{"table":"t","id":"1","made":null}', "1", "made is no number"],
    ["has a stamp before 1970", '{"table":"t","id":"1","made":-1}', "1", "made is no valid value"],
    ["has a stamp beyond all", '{"table":"t","id":"1","made":1e300}', "1", "made is no"],
    ["has a value of another type", '{"table":"t","id":"1","made":1,"cells":{"a":7}}', "1", "cells.a is no"],
    ["is deleted at no time", '{"table":"t","id":"1","made":1,"deleted":"now"}', "1", "deleted is no number"],
  ])("refuse a row by itself, and by name, that %s", (_, broken, id, reason) => {
    const good = { table: "t", id: "2", row: { madeAt: 1, cells: {}, switches: {} } };
    const [head, line] = writePart({ completes: true, rows: [good] }, NOW).split("\n");
    const text = [head?.replace('"rows":1', '"rows":2'), broken, line].join("\n");
    const part = readPart(text);
    expect(part.rows).toEqual([good]);
    expect(part.refused).toEqual([{ table: expect.any(String), id, reason: expect.stringContaining(reason) }]);
  });

  it("hold no stamp that a reader refuses, whatever a row said, and none that another edit could not follow", () => {
    const year = 366 * 86_400 * 1_000_000;
    const rules = { ...RULES, versions: undefined };
    for (const at of [Number.MAX_SAFE_INTEGER, Date.UTC(9999, 0) * 1000, -62_198_755_200_000_000, Number.NaN]) {
      const broken = { madeAt: at, cells: { a: { value: "1", at } }, switches: {}, deletedAt: at };
      const edited = editRow(broken, { kind: "edited", at: NOW, values: { a: "2" } }, "eu-west", rules);
      for (const row of [broken, edited]) {
        const { rows, refused } = readPart(writePart({ completes: false, rows: [{ table: "t", id: "1", row }] }, NOW));
        expect(refused).toEqual([]);
        const stamps = [rows[0]?.row.madeAt, rows[0]?.row.deletedAt, rows[0]?.row.cells.a?.at];
        for (const stamp of stamps) {
          expect(stamp).toBeGreaterThanOrEqual(0);
          expect(stamp).toBeLessThanOrEqual(NOW + year);
        }
      }
    }
    const text = writePart({ completes: false, rows: [{ table: "t", id: "1", row: FAR }] }, NOW);
    const [read, again] = [readPart(text).rows[0]?.row, readPart(text).rows[0]?.row];
    expect(read).toEqual(again);
    const later = editRow(read, { kind: "edited", at: NOW, values: { a: "2" } }, "eu-west", rules);
    expect(later.cells.a?.at).toBeGreaterThan(read?.cells.a?.at ?? 0);
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
