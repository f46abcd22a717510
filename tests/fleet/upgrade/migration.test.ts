import { migratedInWords, stopInWords, withoutValues } from "../../../fleet/upgrade/migration";

const STOP = {
  migration: "1d28fd31a982_add_teams",
  line: 42,
  code: 'op.create_unique_constraint("one_name", "flow", ["name"])',
  error: "IntegrityError",
  message: "could not create unique index",
};

describe("the report of failed migrations", () => {
  it("names the migration, its line and the error", () => {
    expect(stopInWords(STOP)).toBe(
      'stops in 1d28fd31a982_add_teams (line 42, op.create_unique_constraint("one_name", "flow", ["name"])): IntegrityError: could not create unique index',
    );
  });

  it("contains only the error if no migration had started, and omits what is unknown", () => {
    expect(stopInWords({ ...STOP, migration: null, line: null, code: null, error: "SystemExit", message: "" })).toBe(
      "stops outside of any migration: SystemExit",
    );
  });

  it.each([
    ['invalid input syntax for type uuid: "ada"', 'invalid input syntax for type uuid: "…"'],
    ['invalid input value for enum "kind": "a "b" c"', 'invalid input value for enum "kind": "…"'],
    ["already collide: ['Ada', 'ada']", 'already collide: ["…"]'],
    ['invalid input syntax for type uuid: "of column "ada""', 'invalid input syntax for type uuid: "…"'],
    ["cut off: 'ada", 'cut off: "…"'],
    ["no name is b'ada', nor b'Ada'", 'no name is b"…"'],
  ])("contains no values from rows: %s", (message, said) => {
    expect(withoutValues(message)).toBe(said);
    expect(stopInWords({ ...STOP, message })).not.toMatch(/ada/i);
  });

  it.each([
    'null value in column "password" of relation "user" violates not-null constraint',
    'duplicate key value violates unique constraint "one_name"',
    "it can't be read, and isn't there",
  ])("keeps names of the schema: %s", (message) => {
    expect(stopInWords({ ...STOP, message })).toContain(message);
  });

  it("is at most one sentence long", () => {
    expect(stopInWords({ ...STOP, code: "c".repeat(5_000), message: "m".repeat(5_000) }).length).toBeLessThan(600);
  });
});

describe("the check of completed migrations", () => {
  it("passes if the database is at the revisions of the release", () => {
    expect(migratedInWords("a", "b", { heads: "b" })).toEqual({ result: "passed", said: "from a to b" });
    expect(migratedInWords("b", "b", { heads: "b" })).toMatchObject({
      said: "no migration needed: the database is at revision b",
    });
  });

  it("fails if the database is at other revisions, because LangFlow ignored an error", () => {
    expect(migratedInWords("a", "a", { heads: "b" })).toEqual({
      result: "failed",
      said: "LangFlow reports success, but the database is at revision a, not b",
    });
    expect(migratedInWords("a", "b", { heads: "", stop: "stops in b" })).toEqual({
      result: "failed",
      said: "stops in b",
    });
  });
});
