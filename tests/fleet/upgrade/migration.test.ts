import { migratedInWords, stopInWords } from "../../../fleet/upgrade/migration";

const STOP = {
  migration: "1d28fd31a982_add_teams",
  line: 42,
  code: 'op.create_unique_constraint("one_name", "flow", ["name"])',
  error: "IntegrityError",
  message: "could not create unique index",
};

describe("migrations that stop", () => {
  it("are told by the migration, the line of it, and the error", () => {
    expect(stopInWords(STOP)).toBe(
      'stops in 1d28fd31a982_add_teams (line 42, op.create_unique_constraint("one_name", "flow", ["name"])): IntegrityError: could not create unique index',
    );
  });

  it("are told by the error alone where none had begun, and without what it does not say", () => {
    expect(stopInWords({ ...STOP, migration: null, line: null, code: null, error: "SystemExit", message: "" })).toBe(
      "stops outside of any migration: SystemExit",
    );
  });

  it("are told at no more than a sentence's length", () => {
    expect(stopInWords({ ...STOP, code: "c".repeat(5_000), message: "m".repeat(5_000) }).length).toBeLessThan(600);
  });
});

describe("migrations that LangFlow says are through", () => {
  it("are where the database is at the revisions of the release", () => {
    expect(migratedInWords("a", "b", { heads: "b" })).toEqual({ result: "passed", said: "from a to b" });
    expect(migratedInWords("b", "b", { heads: "b" })).toMatchObject({ said: "none to do: the database is at b" });
  });

  it("are not where it is at others: LangFlow has taken an error for none", () => {
    expect(migratedInWords("a", "a", { heads: "b" })).toEqual({
      result: "failed",
      said: "LangFlow says that they are through, and the database is at a, not b",
    });
    expect(migratedInWords("a", "b", { heads: "", stop: "stops in b" })).toEqual({
      result: "failed",
      said: "stops in b",
    });
  });
});
