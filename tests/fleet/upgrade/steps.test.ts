import { passed, Steps, warned } from "../../../fleet/upgrade/steps";
import { AgentError, ExitCode as AgentExitCode } from "../../../formats/agentErrors";
import { ExitCode, UserError } from "../../../model/errors";

const steps = (signal = new AbortController().signal) => new Steps(() => undefined, signal);
const throwing = (error: Error) => async () => {
  throw error;
};

describe("a step of an upgrade", () => {
  it("lets the next step run if it passed or caused a warning", async () => {
    const done = steps();
    expect(await done.take("adopt", async () => passed("fine"))).toBe(true);
    expect(await done.take("users meanwhile", async () => warned("slow"))).toBe(true);
    expect(done.all).toMatchObject([
      { name: "adopt", result: "passed", said: "fine", seconds: expect.any(Number) },
      { name: "users meanwhile", result: "warning", said: "slow" },
    ]);
  });

  it.each<[string, Error]>([
    ["the agent refuses the operation", new AgentError("the schema is not understood", AgentExitCode.Refused)],
    ["a backup is damaged", new AgentError("its checksum does not match", AgentExitCode.Damaged)],
    ["LangFlow does not start", new UserError("did not start", ExitCode.ResourceFailed)],
  ])("fails with the error's message if %s", async (_, error) => {
    const done = steps();
    expect(await done.take("adopt", throwing(error))).toBe(false);
    expect(done.all).toMatchObject([{ result: "failed", said: error.message }]);
  });

  it.each<[string, Error]>([
    ["a bucket does not answer", new AgentError("does not answer", AgentExitCode.Unreachable)],
    ["a program is missing", new AgentError("pg_restore is not there", AgentExitCode.BadInput)],
    ["the operator interrupts it", new UserError("interrupted", ExitCode.Cancelled)],
    ["the error is unexpected", new TypeError("undefined is no function")],
  ])("throws the error instead of failing if %s", async (_, error) => {
    await expect(steps().take("adopt", throwing(error))).rejects.toBe(error);
  });

  it("throws the error instead of failing after an interrupt, whatever the error", async () => {
    const error = new AgentError("the database went away", AgentExitCode.Failure);
    await expect(steps(AbortSignal.abort()).take("adopt", throwing(error))).rejects.toBe(error);
  });
});
