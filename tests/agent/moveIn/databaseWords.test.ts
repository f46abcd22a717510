import { DatabaseError } from "pg";
import { inWords } from "../../../agent/moveIn/databaseWords";
import { ExitCode } from "../../../formats/agentErrors";

const ending = (error: Error) => inWords("the database of us-east", () => Promise.reject(error));
const refused = (code: string, message: string) =>
  Object.assign(new DatabaseError(message, message.length, "error"), { code });

describe("an import that fails because of its database", () => {
  it("reports in one sentence that the disk is full and that the same command may be run again", async () => {
    await expect(ending(refused("53100", "could not extend file"))).rejects.toMatchObject({
      exitCode: ExitCode.Failure,
      message: expect.stringMatching(
        /^the database of us-east has no free disk space \(could not extend file\): .* run the same command again$/,
      ),
    });
  });

  it.each([
    ["that was shut down", refused("57P01", "terminating connection due to administrator command")],
    ["whose connection was reset", Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" })],
    ["that no longer exists", new Error("Connection terminated unexpectedly")],
  ])("reports a database %s, and that the same command may be run again", async (_, error) => {
    await expect(ending(error)).rejects.toMatchObject({
      exitCode: ExitCode.Unreachable,
      message: expect.stringContaining(`(${error.message}). Imported data is consistent: run the same command again`),
    });
  });

  it("reports the original error unchanged if that error is unexpected", async () => {
    const bug = refused("42601", "syntax error");
    await expect(ending(bug)).rejects.toBe(bug);
  });
});
