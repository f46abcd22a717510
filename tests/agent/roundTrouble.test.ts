import { DatabaseUnreachable } from "../../agent/langflow/store";
import { RoundTrouble } from "../../agent/roundTrouble";
import { BucketError } from "../../agent/s3Request";

describe("the trouble of rounds", () => {
  const begun = () => {
    const error = jest.fn();
    return { trouble: new RoundTrouble("accounts", "bucket-unreachable", { error }), said: error.mock.calls };
  };

  it("is named by what does not answer; what nobody foresaw is said with its place", () => {
    const { trouble, said } = begun();
    const errors = [new BucketError("the bucket is away", 0), new DatabaseUnreachable("no database"), new Error("odd")];
    const results = ["bucket-unreachable", "database-unreachable", "failed"];
    expect(errors.map((error) => trouble.say(error))).toEqual(results);
    expect(said).toEqual([
      [{ result: "bucket-unreachable" }, "accounts: the bucket is away"],
      [{ result: "database-unreachable" }, "accounts: no database"],
      [{ result: "failed", stack: expect.stringContaining("odd") }, "accounts: odd"],
    ]);
  });

  it("is said once, and again after another or after a round that went well", () => {
    const { trouble, said } = begun();
    for (const message of ["away", "away", "gone", "away", "away"]) trouble.say(new BucketError(message, 0));
    expect(said.map(([, message]) => message)).toEqual(["accounts: away", "accounts: gone", "accounts: away"]);
    trouble.isOver();
    trouble.say(new BucketError("away", 0));
    expect(said).toHaveLength(4);
  });
});
