import { stopInWords } from "../../../fleet/upgrade/migration";

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
      "stops before a migration begins: SystemExit",
    );
  });

  it("are told at no more than a sentence's length", () => {
    expect(stopInWords({ ...STOP, code: "c".repeat(5_000), message: "m".repeat(5_000) }).length).toBeLessThan(600);
  });
});
