import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import fc from "fast-check";
import { Envelope, EnvelopeBroken } from "../../../agent/accounts/envelope";
import { editRow, type Row, type RowRules } from "../../../agent/accounts/row";
import type { ReadSegment } from "../../../agent/accounts/segment";
import {
  afterReading,
  epochAfter,
  isUnread,
  keyOf,
  listedAfter,
  placeOf,
  type Read,
  wholeEpoch,
} from "../../../agent/accounts/segmentPlaces";
import { partOfText, textOfPart } from "../doubles/segmentText";

const SECRET = "a-secret-key-of-the-fleet";
const NOW = Date.now() * 1000;
/** A row with the greatest exact number as its stamp: no later edit could have a greater stamp. */
const FAR: Row = {
  madeAt: Number.MAX_SAFE_INTEGER,
  cells: { a: { value: "1", at: Number.MAX_SAFE_INTEGER } },
  switches: {},
};
const RULES: RowRules = { deletes: "later", columns: ["a"] };
const LARGE = "a".repeat(4_500_000);
const epochs = [1, 2, 3].map((n) => epochAfter([], n));

/** Returns the contents of each large value in a segment. */
async function largeOf(part: ReadSegment): Promise<Map<string, Buffer>> {
  const pieces = new Map<string, Buffer[]>();
  await part.eachPiece(async (value, piece) => {
    expect(piece.length).toBeLessThanOrEqual(1_000_000);
    pieces.set(value, [...(pieces.get(value) ?? []), Buffer.from(piece)]);
  });
  return new Map([...pieces].map(([value, each]) => [value, Buffer.concat(each)]));
}

describe("a region's segments", () => {
  it("are identified by their keys, and no other key is mistaken for a segment", () => {
    const place = { region: "us-east", epoch: epochAfter([], 17), number: 42 };
    expect(placeOf("accounts", keyOf("accounts", place))).toEqual(place);
    for (const key of [
      "accounts/us-east/x/0",
      "backups/us-east/0000000000000017/0000000042",
      `${keyOf("accounts", place)}/more`,
    ])
      expect(placeOf("accounts", key)).toBeUndefined();
  });

  it("are read exactly once in any order of delivery, because the next listing starts before every unread segment's key", () => {
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

  it("of an older epoch are skipped once a newer epoch is complete; an epoch that lacks a segment is incomplete", () => {
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

  it("start an epoch that sorts after all earlier epochs, even if the clock was set back", () => {
    expect(epochAfter([epochAfter([], 900)], 5) > epochAfter([], 900)).toBe(true);
  });

  it("preserve rows exactly, to the last digit of a number", async () => {
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
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ table: fc.constantFrom("user", "variable"), id: fc.uuid(), row })),
        fc.boolean(),
        fc.integer({ min: 1, max: 50 }),
        async (rows, completes, bytes) => {
          const text = await textOfPart({ completes, rows }, NOW);
          expect(await partOfText(text, () => bytes)).toMatchObject({ completes, rows, refused: [] });
        },
      ),
    );
    const long = {
      table: "t",
      id: "1",
      row: { madeAt: 1, cells: { n: { value: "12345678901234567890.5", at: 1 } }, switches: {} },
    };
    expect((await partOfText(await textOfPart({ completes: true, rows: [long] }, NOW))).rows).toEqual([long]);
  });

  it("are read without a row's `unitedWith` if it names the row itself", async () => {
    const row = (id: string, unitedWith: string) => ({
      table: "connection_secret",
      id,
      row: { madeAt: 1, cells: {}, switches: {}, unitedWith },
    });
    const { rows } = await partOfText(await textOfPart({ completes: true, rows: [row("x", "x"), row("y", "x")] }, NOW));
    expect(rows.map(({ id, row: { unitedWith } }) => [id, unitedWith])).toEqual([
      ["x", undefined],
      ["y", "x"],
    ]);
  });

  it("with large values are read and written in pieces, in the same format as whole segments", async () => {
    const texts = ['"\\\n\u0001', "\u{1f600}\u6d41é", "\\\\n"].map((each) => JSON.stringify(each.repeat(1_000_000)));
    const small = JSON.stringify('"'.repeat(1_100_000));
    const cell = (value: string, at: number) => ({ value, at });
    const row = (cells: Row["cells"]) => ({ table: "flow", id: "1", row: { madeAt: 1, cells, switches: {} } });
    const rows = [
      row({ one: cell(texts[0] ?? "", 1), two: cell(small, 2), three: cell(texts[1] ?? "", 3) }),
      row({ one: cell(texts[2] ?? "", 1), two: cell(texts[0] ?? "", 2) }),
    ];
    const whole = await textOfPart({ completes: true, rows }, NOW);
    let seed = 1;
    const part = await partOfText(whole, () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % 100_000;
    });
    const held = part.rows.map(({ row: { cells } }) => Object.values(cells).map(({ value }) => value));
    expect(held.flat().map((value) => value === small || value.length < 100)).toEqual([true, true, true, true, true]);
    expect(held[1]?.[1]).toBe(held[0]?.[0]);
    const large = await largeOf(part);
    expect([...large.values()].map((content, at) => content.toString() === texts[at])).toEqual([true, true, true]);
    for (const [value, content] of large)
      expect(value).toBe(`@${content.length} ${createHash("sha256").update(content).digest("hex")}`);
    expect((await textOfPart(part, NOW, large)) === whole).toBe(true);
  });

  it("are rejected if they are truncated or have an unknown format", async () => {
    const row = { madeAt: 1, cells: {}, switches: {} };
    const text = await textOfPart({ completes: true, rows: [{ table: "t", id: "1", row }] }, NOW);
    await expect(partOfText(text.split("\n")[0] ?? "")).rejects.toThrow("has 0 rows, but its header says 1");
    await expect(partOfText(text.replace('"form":1', '"form":2'))).rejects.toThrow();
  });

  it.each([
    ["is not JSON", '{"table":"t","id":"1"', "row 2", "it is not a valid object"],
    ["is not an object", "17", "row 2", "it is not a valid object"],
    ["has no id", '{"table":"t","made":1}', "row 2", "id is not a valid string"],
    ["has no table", '{"id":"1","made":1}', "1", "table is not a valid string"],
    ["has a stamp that is not a number", '{"table":"t","id":"1","made":"NaN"}', "1", "made is not a valid number"],
    ["has no stamp", '{"table":"t","id":"1","made":null}', "1", "made is not a valid number"],
    ["has a stamp before 1970", '{"table":"t","id":"1","made":-1}', "1", "made is not a valid value"],
    ["has a stamp beyond every valid time", '{"table":"t","id":"1","made":1e300}', "1", "made is not a valid"],
    [
      "has a value of a different type",
      '{"table":"t","id":"1","made":1,"cells":{"a":7}}',
      "1",
      "cells.a is not a valid",
    ],
    ["ends within a string", '{"table":"t","id":"1', "row 2", "it is not a valid object"],
    ["ends within an escape", '{"table":"t","id":"1\\', "row 2", "it is not a valid object"],
    [
      "ends within a large string",
      `{"table":"t","id":"1","made":1,"cells":{"a":"${LARGE}`,
      "row 2",
      "it is not a valid object",
    ],
    [
      "has an invalid large string",
      `{"table":"t","id":"1","made":1,"cells":{"a":"${LARGE}\\x"}}`,
      "row 2",
      "it is not a valid object",
    ],
    [
      "has a large id",
      `{"table":"t","id":"${LARGE}","made":1}`,
      expect.stringMatching(/^@/),
      "a value is not valid JSON",
    ],
    [
      "has the placeholder of a large value",
      '{"table":"t","id":"1","made":1,"cells":{"a":"@5000000 0"}}',
      "1",
      "a value is not valid JSON",
    ],
    [
      "has the placeholder of a large value in a switched-off cell",
      '{"table":"t","id":"1","made":1,"switches":{"a":{"off":{"eu-west":["@5000000 0",1]},"undone":{}}}}',
      "1",
      "a value is not valid JSON",
    ],
    [
      "has an invalid time of deletion",
      '{"table":"t","id":"1","made":1,"deleted":"now"}',
      "1",
      "deleted is not a valid number",
    ],
  ])("stay readable except for a row that %s, which the agent reports by name", async (_, broken, id, reason) => {
    const values = ["b", "c"].map((each) => `"${LARGE}${each}"`);
    const row = (value: string) => ({
      table: "t",
      id: "2",
      row: { madeAt: 1, cells: { a: { value, at: 1 } }, switches: {} },
    });
    const [head, ...lines] = (await textOfPart({ completes: true, rows: values.map(row) }, NOW)).split("\n");
    const text = [head?.replace('"rows":2', '"rows":3'), lines[0], broken, lines[1]].join("\n");
    const part = await partOfText(text);
    const contents = await largeOf(part);
    const read = part.rows.map((each) => contents.get(each.row.cells.a?.value ?? "")?.toString() ?? "");
    expect(read.map((each, at) => each === values[at])).toEqual([true, true]);
    expect(part.rows).toEqual(part.rows.map(({ row: { cells } }) => row(cells.a?.value ?? "")));
    expect(part.refused).toEqual([{ table: expect.any(String), id, reason: expect.stringContaining(reason) }]);
  });

  it("stay readable except for a row over 64 MB, but are rejected as a whole if their header line exceeds 64 MB", async () => {
    const row = { madeAt: 1, cells: { a: { value: `"${"x".repeat(64_000_000)}"`, at: 1 } }, switches: {} };
    const { rows, refused } = await partOfText(
      await textOfPart({ completes: true, rows: [{ table: "t", id: "1", row }] }, NOW),
    );
    expect(rows).toEqual([]);
    expect(refused).toMatchObject([{ id: "1", reason: expect.stringContaining("has 64000002 bytes") }]);
    const blanks = " ".repeat(64_000_001);
    await expect(partOfText(`{"form":1,"completes":true,"rows":0}${blanks}`)).rejects.toThrow("has a line longer than");
  });

  it("contain only timestamps that readers accept and that later edits can exceed, whatever the row's timestamps were", async () => {
    const year = 366 * 86_400 * 1_000_000;
    const rules = { ...RULES, versions: undefined };
    for (const at of [Number.MAX_SAFE_INTEGER, Date.UTC(9999, 0) * 1000, -62_198_755_200_000_000, Number.NaN]) {
      const broken = { madeAt: at, cells: { a: { value: "1", at } }, switches: {}, deletedAt: at };
      const edited = editRow(broken, { kind: "edited", at: NOW, values: { a: "2" } }, "eu-west", rules);
      for (const row of [broken, edited]) {
        const text = await textOfPart({ completes: false, rows: [{ table: "t", id: "1", row }] }, NOW);
        const { rows, refused } = await partOfText(text);
        expect(refused).toEqual([]);
        const stamps = [rows[0]?.row.madeAt, rows[0]?.row.deletedAt, rows[0]?.row.cells.a?.at];
        for (const stamp of stamps) {
          expect(stamp).toBeGreaterThanOrEqual(0);
          expect(stamp).toBeLessThanOrEqual(NOW + year);
        }
      }
    }
    const text = await textOfPart({ completes: false, rows: [{ table: "t", id: "1", row: FAR }] }, NOW);
    const [read, again] = [(await partOfText(text)).rows[0]?.row, (await partOfText(text)).rows[0]?.row];
    expect(read).toEqual(again);
    const later = editRow(read, { kind: "edited", at: NOW, values: { a: "2" } }, "eu-west", rules);
    expect(later.cells.a?.at).toBeGreaterThan(read?.cells.a?.at ?? 0);
  });
});

describe("an encrypted envelope", () => {
  const envelope = new Envelope(SECRET);
  let sealed: Buffer;
  beforeAll(async () => {
    sealed = await envelope.seal(["ada's ", "password hash"], "accounts/us-east/1/2");
  });

  it("can be decrypted with its own key any number of times, and does not reveal its contents", async () => {
    const opened = envelope.open(sealed, "accounts/us-east/1/2");
    for (let times = 0; times < 2; times += 1)
      expect((await Readable.from(opened).toArray()).join("")).toBe("ada's password hash");
    expect(sealed.toString("latin1")).not.toContain("ada");
  });

  it("cannot be decrypted with another key or another secret, or after it was truncated or changed anywhere", () => {
    expect(() => envelope.open(sealed, "accounts/us-east/1/3")).toThrow(EnvelopeBroken);
    expect(() => new Envelope("another").open(sealed, "accounts/us-east/1/2")).toThrow(
      "a different LANGFLOW_SECRET_KEY",
    );
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 255 }), (any, by) => {
        const at = any % sealed.length;
        const changed = Buffer.from(sealed);
        changed.writeUInt8((changed.readUInt8(at) + by) % 256, at);
        expect(() => envelope.open(changed, "accounts/us-east/1/2")).toThrow(EnvelopeBroken);
        expect(() => envelope.open(sealed.subarray(0, at), "accounts/us-east/1/2")).toThrow(EnvelopeBroken);
      }),
    );
  });
});
