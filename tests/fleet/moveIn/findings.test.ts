import * as fc from "fast-check";
import { SIZE_NAMES, SIZES } from "../../../config/sizes";
import { moveInFindings } from "../../../fleet/moveIn/findings";
import type { Inventory, SourceFlow, SourceUser } from "../../../fleet/moveIn/inventory";
import { releaseOf, releasePattern } from "../../../fleet/moveIn/releases";
import { fittingSize } from "../../../fleet/moveIn/size";
import { NAMED_MAX } from "../../../formats/moveIn/names";
import { LANGFLOW_RELEASE } from "../../../model/langflow";

const SPOTLESS: Inventory = {
  source: { kind: "SQLite file", place: "/langflow.db" },
  revisions: ["182e5471b900"],
  databaseBytes: 1024,
  users: [{ id: "1", name: "admin", isActive: true, isSuperuser: true }],
  projects: 1,
  flows: [],
  unseen: [],
};

const user = (name: string, index: number): SourceUser => ({
  id: `${index}`,
  name,
  isActive: true,
  isSuperuser: false,
});
const flow = (given: Partial<SourceFlow>): SourceFlow => ({
  id: "f",
  name: "Flow",
  owner: "1",
  bytes: 1,
  secrets: [],
  localPaths: [],
  ownCode: [],
  ...given,
});

const names = fc.array(fc.string({ unit: "grapheme" }), { maxLength: 30 });
const flows = fc.array(
  fc.record({
    id: fc.uuid(),
    name: fc.string({ unit: "binary" }),
    owner: fc.constantFrom("1", "nobody's"),
    bytes: fc.nat(),
    secrets: names,
    localPaths: names,
    ownCode: names,
  }),
  { maxLength: 40 },
);
const inventories: fc.Arbitrary<Inventory> = fc.record({
  source: fc.constant(SPOTLESS.source),
  revisions: fc.array(fc.constantFrom("182e5471b900", "ffffffffffff"), { minLength: 1, maxLength: 2 }),
  databaseBytes: fc.nat(),
  users: names.map((all) => all.map(user)),
  flows,
  files: names.map((missing) => ({ count: missing.length, bytes: 0, missing })),
  ciphertexts: fc.record({
    secretKey: fc.constantFrom("given", "none"),
    count: fc.nat(),
    opened: fc.nat(),
    unreadable: names,
  }),
  tables: names.map((tables) => tables.map((table, rows) => ({ table, rows: rows + 1 }))),
  unseen: fc.constant([]),
});

const whatOf = (inventory: Inventory) => moveInFindings(inventory).map(({ what }) => what);

describe("the findings about a source", () => {
  it("are empty if nothing prevents the move", () => {
    expect(moveInFindings(SPOTLESS)).toEqual([]);
  });

  it("count all items, name a few on one line each, and include a reason and a fix", () => {
    fc.assert(
      fc.property(inventories, (inventory) => {
        for (const { count, which, because, fix } of moveInFindings(inventory)) {
          expect(count).toBeGreaterThanOrEqual(Math.max(1, which.length));
          expect(which.length).toBeGreaterThan(0);
          expect(which.length).toBeLessThanOrEqual(NAMED_MAX);
          expect(which.join("")).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
          expect(because.length * fix.length).toBeGreaterThan(0);
        }
      }),
    );
  });

  it("are ordered: first those that stop the move, last those that only report a change", () => {
    const order = ["stops", "stays", "changes"];
    fc.assert(
      fc.property(inventories, (inventory) => {
        const places = moveInFindings(inventory).map(({ result }) => order.indexOf(result));
        expect(places).toEqual(places.toSorted());
      }),
    );
  });

  it.each([
    ["İbrahim", "ibrahim", true],
    ["ΟΔΟΣ", "οδοσ", true],
    ["ΟΔΟΣ", "οδος", false],
    ["straße", "STRASSE", false],
  ])("compare the names %s and %s as PostgreSQL does", (one, other, isTwice) => {
    const users = [one, other].map(user);
    expect(whatOf({ ...SPOTLESS, users }).includes("users with the same name")).toBe(isTwice);
  });

  it("report users whose names differ only in case, and no others", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("bea", "Bea", "BEA", "cem", "Cem", "dora")), (all) => {
        const users = all.map(user);
        const twice = new Set(all.map((name) => name.toLowerCase())).size < all.length;
        expect(whatOf({ ...SPOTLESS, users }).includes("users with the same name")).toBe(twice);
      }),
    );
  });

  it("stop the move of an ordinary or deactivated user with the superuser's name, but not of the superuser", () => {
    const stops = ["an ordinary or deactivated user named admin"];
    expect(whatOf({ ...SPOTLESS, users: [user("Admin", 1)] })).toEqual(stops);
    const boss = { ...user("Admin", 1), isSuperuser: true };
    expect(whatOf({ ...SPOTLESS, users: [{ ...boss, isActive: false }] })).toEqual(stops);
    expect(whatOf({ ...SPOTLESS, users: [boss] })).toEqual([]);
  });

  it("advise a new password for the default account, but do not stop the move", () => {
    const [told] = moveInFindings({ ...SPOTLESS, users: [user("langflow", 1)] });
    expect(told).toMatchObject({ result: "changes", what: "the account of a LangFlow without login", count: 1 });
  });

  it("count rows that stay behind, but not replicated rows or rows that LangFlow recreates", () => {
    const tables = [
      { table: "message", rows: 5, treatment: "carried" },
      { table: "trigger_lease", rows: 5, treatment: "owned" },
      { table: "alembic_version", rows: 1, treatment: "regional" },
      { table: "span", rows: 2, treatment: "regional" },
      { table: "trace", rows: 3, treatment: "regional" },
    ] as const;
    expect(moveInFindings({ ...SPOTLESS, tables }).map(({ what, count, which }) => [what, count, which])).toEqual([
      ["rows of runs and logs", 5, ["span (2)", "trace (3)"]],
    ]);
  });

  it("report each problem of a flow once, including a missing user", () => {
    const about = (given: Partial<SourceFlow>) =>
      moveInFindings({ ...SPOTLESS, flows: [flow(given)] }).map(({ what, which }) => [what, which[0]]);
    expect(about({})).toEqual([]);
    expect(about({ owner: "2" })).toEqual([["flows without an owner", "Flow"]]);
    expect(about({ problem: "is no JSON" })).toEqual([["flows that cannot be recorded", "Flow (admin): is no JSON"]]);
    expect(about({ bytes: 64_000_001 })).toEqual([["flows that stay in one region", "Flow (admin)"]]);
    expect(about({ secrets: ["a (github)", "b (aws)"] })).toEqual([
      ["flows with a likely secret", "Flow (admin): a (github), b (aws)"],
    ]);
  });

  it("report no flow without a user if the source has no users table", () => {
    const { users: _, ...unknown } = SPOTLESS;
    expect(whatOf({ ...unknown, flows: [flow({ owner: undefined })] })).toEqual([]);
  });

  it("stop the move from a LangFlow release that is unknown, newer than ours, or too old for ours to upgrade", () => {
    for (const version of ["1.13.1", "1.14.0", "2.0.0"])
      expect(whatOf({ ...SPOTLESS, version })).toEqual(["LangFlow's release"]);
    for (const revision of ["ffffffffffff", "d49cbced8696"])
      expect(whatOf({ ...SPOTLESS, revisions: [revision] })).toEqual(["LangFlow's release"]);
    for (const version of ["0.7.2", "1.7.2", "1.12.8", LANGFLOW_RELEASE])
      expect(whatOf({ ...SPOTLESS, version })).toEqual([]);
  });
});

describe("the release of a source", () => {
  it.each([
    [{ version: "0.7.2" }, "1.7.2", "older"],
    [{ version: "1.13.0" }, "1.13.0", "same"],
    [{ version: "1.14.0.dev3" }, "1.14.0", "newer"],
    [{ version: "somebody's" }, "somebody's", "unknown"],
    [{ revisions: ["006b3990db50"] }, "of series 1.2 or before (revision 006b3990db50)", "older"],
    [{ revisions: ["386662af02e9"] }, "of series 1.12 (revision 386662af02e9)", "older"],
    [{ revisions: ["e5a7c9b1d3f2"] }, "of series 1.13 (revision e5a7c9b1d3f2)", "same"],
    [{ revisions: ["006b3990db50", "ffffffffffff"] }, "not known (revision 006b3990db50, ffffffffffff)", "unknown"],
    [{ revisions: [] }, "not known", "untold"],
  ])("with %j is reported as %s and rated as %s", (told, said, standing) => {
    expect(releaseOf(told)).toEqual({ said, standing });
  });
});

describe("the recommended size", () => {
  const many = (count: number) => Array.from({ length: count }, (_, index) => user(`u${index}`, index));
  const rank = (users: number, databaseBytes: number) =>
    SIZE_NAMES.indexOf(fittingSize({ ...SPOTLESS, users: many(users), databaseBytes }).size);

  it("never shrinks if the number of users or bytes grows", () => {
    fc.assert(
      fc.property(fc.nat(3_000), fc.nat(3_000), fc.nat(2 ** 40), fc.nat(2 ** 40), (users, more, bytes, moreBytes) => {
        expect(rank(users + more, bytes + moreBytes)).toBeGreaterThanOrEqual(rank(users, bytes));
      }),
    );
  });

  it("has a disk for twice the rows, or includes advice to enlarge the disk", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 40 }), (databaseBytes) => {
        const { size, beside } = fittingSize({ ...SPOTLESS, databaseBytes });
        const room = Number(/storageGib to (\d+)/.exec(beside ?? "")?.[1] ?? SIZES[size].config.database.storageGib);
        expect(room * 1024 ** 3).toBeGreaterThanOrEqual(2 * databaseBytes);
      }),
    );
  });

  it("depends on the number of active users, and states that number", () => {
    const asleep = many(5_000).map((each) => ({ ...each, isActive: false }));
    expect(fittingSize({ ...SPOTLESS, users: asleep })).toMatchObject({
      size: "small",
      because: expect.stringMatching(/^0 active users/),
    });
    expect(fittingSize({ ...SPOTLESS, users: many(5_000) })).toMatchObject({
      size: "large",
      beside: "set replicas.max to 100",
    });
  });
});

describe("the pip version pattern of a source", () => {
  it.each<[{ version?: string; revisions?: string[] }, string | undefined]>([
    [{ version: "0.7.2" }, "1.7.2"],
    [{ version: "1.12.8" }, "1.12.8"],
    [{ version: "of ours" }, undefined],
    [{ revisions: ["182e5471b900"] }, "1.7.*"],
    [{ revisions: ["1b8b740a6fa3", "d9a6ea21edcd"] }, "1.5.*"],
    [{ revisions: ["182e5471b900", "not known"] }, undefined],
    [{ revisions: [] }, undefined],
    [{}, undefined],
  ])("with %j is %s", (told, pattern) => {
    expect(releasePattern(told)).toBe(pattern);
  });
});

describe("a database that LangFlow may not use", () => {
  const used = { messages: { count: 1 }, flows: [flow({})] };
  const signsOf = (given: Partial<Inventory>) =>
    moveInFindings({ ...SPOTLESS, ...given }).find(({ what }) => what === "a database that LangFlow may not use")
      ?.which;

  it("is named if it is empty, or if most folders of files belong to no user and no flow in it", () => {
    expect(signsOf({ ...used, flows: [], messages: { count: 0 } })).toEqual([expect.stringMatching(/no user's flow/)]);
    expect(signsOf({ ...used, strangeFolders: { all: 3, strange: ["a", "b"] } })).toEqual([
      expect.stringMatching(/^2 of 3 folders/),
    ]);
  });

  it("is not suspected because of some deleted flows, without flows but with chats, or if it is no database", () => {
    expect(signsOf({ ...used, strangeFolders: { all: 4, strange: ["a", "b"] } })).toBeUndefined();
    expect(signsOf({ ...used, flows: [] })).toBeUndefined();
    expect(signsOf({ flows: [] })).toBeUndefined();
  });
});
