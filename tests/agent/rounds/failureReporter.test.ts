import { DatabaseUnreachable } from "../../../agent/postgres/databaseUnreachable";
import { FailureReporter, resultOfRound } from "../../../agent/rounds/failureReporter";
import { BucketError } from "../../../agent/s3/s3Request";

describe("the failures of an agent's rounds", () => {
  const begun = () => {
    const error = jest.fn();
    const resultOf = resultOfRound("bucket-unreachable");
    return {
      failures: new FailureReporter({ subject: "accounts", resultOf, log: { error } }),
      logged: error.mock.calls,
    };
  };

  it("are classified by the service that does not respond; an unexpected error is logged with its stack", () => {
    const { failures, logged } = begun();
    const errors = [new BucketError("the bucket is away", 0), new DatabaseUnreachable("no database"), new Error("odd")];
    const results = ["bucket-unreachable", "database-unreachable", "failed"];
    expect(errors.map((error) => failures.report(error))).toEqual(results);
    expect(logged).toEqual([
      [{ result: "bucket-unreachable" }, "accounts: the bucket is away"],
      [{ result: "database-unreachable" }, "accounts: no database"],
      [{ result: "failed", stack: expect.stringContaining("odd") }, "accounts: odd"],
    ]);
  });

  it("are logged by their class if they have no message", () => {
    const { failures, logged } = begun();
    failures.report(new AggregateError([]));
    expect(logged).toMatchObject([[{ result: "failed" }, "accounts: AggregateError"]]);
  });

  it("are logged once, and again after a different failure or a success", () => {
    const { failures, logged } = begun();
    for (const message of ["away", "away", "gone", "away", "away"]) failures.report(new BucketError(message, 0));
    expect(logged.map(([, message]) => message)).toEqual(["accounts: away", "accounts: gone", "accounts: away"]);
    failures.succeeded();
    failures.report(new BucketError("away", 0));
    expect(logged).toHaveLength(4);
  });

  it("that alternate are logged once each until a success if isOncePerSuccess is set", () => {
    const error = jest.fn();
    const resultOf = resultOfRound("bucket-unreachable");
    const failures = new FailureReporter({ resultOf, isOncePerSuccess: true, log: { error } });
    for (const message of ["away", "gone", "away"]) failures.report(new BucketError(message, 0));
    expect(error.mock.calls.map(([, message]) => message)).toEqual(["away", "gone"]);
    expect([failures.isRepeated(new Error("gone")), failures.isRepeated(new Error("odd"))]).toEqual([true, false]);
    failures.succeeded();
    expect(failures.isRepeated(new Error("gone"))).toBe(false);
  });
});
