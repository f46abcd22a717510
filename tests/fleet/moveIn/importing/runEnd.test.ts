import { endOfRun } from "../../../../fleet/moveIn/importing/runEnd";
import { ExitCode } from "../../../../model/errors";

const line = (message: string) => JSON.stringify({ level: "error", region: "us-east", message });

describe("the error of a failed import run", () => {
  it.each([
    [2, ExitCode.BadInput],
    [3, ExitCode.Refused],
    [5, ExitCode.Unreachable],
  ])("is the agent's own message, with the agent's exit code %d mapped to the CLI's", (exitCode, expected) => {
    const log = `${line("packed: flow 3")}\n${line("nothing was moved: bea is taken")}\n`;
    const ended = endOfRun("us-east", { container: "begin", exitCode, log });
    expect([ended.message, ended.exitCode]).toEqual(["nothing was moved: bea is taken", expected]);
  });

  it.each([
    ["a failed migration", "migrate-newest", "LangFlow's migrations to heads stopped", 1],
    ["the kernel", "load", "", 137],
    ["an incomplete package", "load", line("the package is damaged"), 4],
  ])("names the container that was stopped by %s, with exit code 4", (_, container, log, exitCode) => {
    const ended = endOfRun("us-east", { container, exitCode, log });
    expect(ended.exitCode).toBe(ExitCode.ResourceFailed);
    expect(ended.message).toMatch(
      new RegExp(
        `^${container} of the run in us-east ended with exit code ${exitCode}: .+; .*run the same command again$`,
      ),
    );
  });
});
