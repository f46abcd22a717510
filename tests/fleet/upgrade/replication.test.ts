import { replicationInWords } from "../../../fleet/upgrade/replication";
import type { Finding } from "../../../formats/tables/schemaCheck";

const finding = (effect: Finding["effect"], difference: Finding["difference"], message: string): Finding => ({
  table: "user",
  effect,
  difference,
  message,
});
const MISSING = finding("left out", "missing table", 'the table "notes" does not exist and is not replicated');
const UNKNOWN = finding("left out", "undeclared table", 'the table "notes" is unknown and is not replicated');
const REFUSED = finding("refused", "undeclared column", 'the table "user" is not replicated: an insert needs a value');

describe("the replication of a release's schema", () => {
  it("passes if the agent accepts all tables, and omits only tables that the release does not have", () => {
    expect(replicationInWords([MISSING], 30)).toEqual({
      result: "passed",
      said: "the agent replicates all 30 expected tables",
    });
  });

  it("causes a warning if a new table is not replicated", () => {
    expect(replicationInWords([MISSING, UNKNOWN], 30)).toEqual({
      result: "warning",
      said: 'not replicated to other regions: the table "notes" is unknown and is not replicated',
    });
  });

  it("stops the upgrade if the agent rejects a table", () => {
    expect(replicationInWords([UNKNOWN, REFUSED], 29)).toEqual({
      result: "failed",
      said: 'the table "user" is not replicated: an insert needs a value: deploy an agent that supports this release',
    });
  });
});
