import { parseConfig, workspaceKeys } from "../../agent/config";
import { AgentError, ExitCode } from "../../agent/errors";
import { withoutCredentials } from "../../agent/log";

const SYNC = {
  AGENT_REGION: "us-east",
  LANGFLOW_URL: "http://langflow",
  AGENT_GIT_URL: "https://git.example.com/flows.git",
};

function refusal(work: () => unknown): AgentError {
  try {
    work();
  } catch (error) {
    if (error instanceof AgentError) return error;
  }
  throw new Error("was not refused");
}

describe("the agent's environment", () => {
  it("needs little: the rest has defaults", () => {
    expect(parseConfig("sync", SYNC)).toMatchObject({ AGENT_INTERVAL_SECONDS: 10, AGENT_GIT_BRANCH: "main" });
  });

  it("is refused with one message for all its faults, and exit code 2", () => {
    const error = refusal(() =>
      parseConfig("sync", { ...SYNC, LANGFLOW_URL: "langflow", AGENT_INTERVAL_SECONDS: "0", AGENT_GIT_BRANCH: "-f" }),
    );
    expect(error.exitCode).toBe(ExitCode.BadInput);
    for (const key of ["LANGFLOW_URL", "AGENT_INTERVAL_SECONDS", "AGENT_GIT_BRANCH"])
      expect(error.message).toContain(key);
  });

  it("is refused without a secret's value in the message", () => {
    const error = refusal(() => parseConfig("sync", { ...SYNC, AGENT_WEBHOOK_SECRET: "hunter2" }));
    expect(error.message).toContain("AGENT_WEBHOOK_SECRET");
    expect(error.message).not.toContain("hunter2");
  });

  it("names the variable of each workspace's key, which must be set", () => {
    const { AGENT_WORKSPACES: map } = parseConfig("sync", {
      ...SYNC,
      AGENT_WORKSPACES: '{"ops":"OPS_KEY","dev":"DEV_KEY"}',
    });
    expect(workspaceKeys(map, { OPS_KEY: "a", DEV_KEY: "b" })).toEqual(
      new Map([
        ["ops", "a"],
        ["dev", "b"],
      ]),
    );
    expect(refusal(() => workspaceKeys(map, { OPS_KEY: "a" })).message).toContain("DEV_KEY");
  });

  it.each(["{", "[]", "{}", '{"../x":"KEY"}', '{"x":"lower"}'])("refuses %s as a map of workspaces", (text) => {
    expect(refusal(() => parseConfig("sync", { ...SYNC, AGENT_WORKSPACES: text })).message).toContain(
      "AGENT_WORKSPACES",
    );
  });
});

describe("a log line", () => {
  it("loses the credentials of every URL in it", () => {
    const line = "fatal: https://agent:t0ken@git.example.com/x and postgresql://user:pa%40ss@db:5432/x";
    expect(withoutCredentials(line)).toBe(
      "fatal: https://[credentials]@git.example.com/x and postgresql://[credentials]@db:5432/x",
    );
  });
});
