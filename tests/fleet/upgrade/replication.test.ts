import type { Finding } from "../../../agent/accounts/schemaCheck";
import { replicationInWords } from "../../../fleet/upgrade/replication";

const finding = (effect: Finding["effect"], difference: Finding["difference"], message: string): Finding => ({
  table: "user",
  effect,
  difference,
  message,
});
const MISSING = finding("left out", "missing table", 'the table "notes" is not there and is left out');
const UNKNOWN = finding("left out", "undeclared table", 'the table "notes" is not known and stays');
const REFUSED = finding("refused", "undeclared column", 'the table "user" is refused: no row can be made');

describe("what of a release's schema the agent replicates", () => {
  it("is all of it where it refuses nothing, and leaves out only what the release does not have", () => {
    expect(replicationInWords([MISSING], 30)).toEqual({
      result: "passed",
      said: "the agent replicates all 30 tables that it is to",
    });
  });

  it("is to be known beforehand where something new stays in its region", () => {
    expect(replicationInWords([MISSING, UNKNOWN], 30)).toEqual({
      result: "warning",
      said: 'stays in the region that it is written in: the table "notes" is not known and stays',
    });
  });

  it("stops the upgrade where it refuses a table", () => {
    expect(replicationInWords([UNKNOWN, REFUSED], 29)).toEqual({
      result: "failed",
      said: 'the table "user" is refused: no row can be made: an agent that knows them goes with this release',
    });
  });
});
