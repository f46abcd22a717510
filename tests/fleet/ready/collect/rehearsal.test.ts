import { NotCheckable } from "../../../../fleet/checks/checkResult";
import { rehearsalIn } from "../../../../fleet/ready/collect/rehearsal";

/** Returns a line of the agent's log after a warning from Node. */
const line = (fields: object) => `(node:1) Warning: of something\n${JSON.stringify(fields)}\n`;
const DONE = {
  level: "info",
  message: "rehearsal done",
  id: "one",
  seconds: 0.8,
  bytes: 1_433_537,
  users: 1,
  flows: 25,
};

describe("a restore rehearsal", () => {
  it("reports what was restored, and how long that took", () => {
    expect(rehearsalIn({ exitCode: 0, log: line(DONE) })).toEqual({
      id: "one",
      seconds: 0.8,
      amiss: [],
      said: "1 users, 25 flows, the same counts as in its manifest",
    });
  });

  it.each([
    [1, "pg_restore ended with 1"],
    [4, "0 users were restored from the backup one, but its manifest says 1"],
  ])("that exited with code %d is reported as a problem in the agent's words", (exitCode, message) => {
    const log = line({ level: "warn", message: "earlier" }) + line({ level: "error", message });
    expect(rehearsalIn({ exitCode, log }).amiss).toEqual([message]);
  });

  it("without a backup, or whose bucket did not respond, yields no result about the backup", () => {
    const log = line({ level: "error", message: "there is no backup" });
    expect(() => rehearsalIn({ exitCode: 2, log })).toThrow(NotCheckable);
    expect(() => rehearsalIn({ exitCode: 5, log })).toThrow(expect.objectContaining({ code: "ECONNREFUSED" }));
    expect(() => rehearsalIn({ exitCode: 0, log: "cut" })).toThrow(/did not report which backup/);
  });
});
