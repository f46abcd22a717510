import { parseConfig } from "../../../agent/process/config";
import { withoutCredentials } from "../../../agent/process/log";
import { AgentError, ExitCode } from "../../../formats/agentErrors";

const SYNC = {
  AGENT_REGION: "us-east",
  LANGFLOW_URL: "http://langflow",
  LANGFLOW_SECRET_KEY: "hunter2-hunter2",
  LANGFLOW_DATABASE_URL: "postgresql://user:hunter2@db:5432/flows",
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
  it("needs only a few variables, and the others have defaults", () => {
    expect(parseConfig("sync", SYNC)).toMatchObject({
      AGENT_INTERVAL_SECONDS: 10,
      AGENT_GIT_BRANCH: "main",
      AGENT_DELETES_SHARE: 0.2,
      AGENT_DELETES_NUMBER: 10,
      AGENT_ALLOWED_SECRETS: [],
    });
  });

  it.each(["sync", "adopt", "backup", "restore"] as const)(
    "of `agent %s` must have the URL of the database",
    (command) => {
      const { LANGFLOW_DATABASE_URL: url, ...rest } = { ...SYNC, AGENT_BUCKET: "flows" };
      expect(parseConfig(command, { ...rest, LANGFLOW_DATABASE_URL: url })).toMatchObject({
        LANGFLOW_DATABASE_URL: url,
      });
      expect(refusal(() => parseConfig(command, rest)).message).toContain("LANGFLOW_DATABASE_URL: must be set");
      const mysql = refusal(() => parseConfig(command, { ...rest, LANGFLOW_DATABASE_URL: "mysql://u:hunter2@db/x" }));
      expect(mysql.message).toContain("LANGFLOW_DATABASE_URL: must be a URL of postgresql: or postgres:");
      expect(mysql.message).not.toContain("hunter2");
    },
  );

  it("sets how many flows may be deleted at once, and which flows may have likely secrets", () => {
    const id = "0a1b2c3d-0000-4000-8000-000000000001";
    const set = { AGENT_DELETES_SHARE: "0", AGENT_DELETES_NUMBER: "1", AGENT_ALLOWED_SECRETS: `["${id}","${id}/aws"]` };
    expect(parseConfig("sync", { ...SYNC, ...set })).toMatchObject({
      AGENT_DELETES_SHARE: 0,
      AGENT_DELETES_NUMBER: 1,
      AGENT_ALLOWED_SECRETS: [id, `${id}/aws`],
    });
  });

  it.each([
    ["AGENT_DELETES_SHARE", ["1.1", "-0.1", "most"]],
    ["AGENT_DELETES_NUMBER", ["0", "2.5", "many"]],
    ["AGENT_ALLOWED_SECRETS", ["[", "{}", "[1]", "all"]],
  ])("is rejected if %s is invalid", (name, texts) => {
    for (const text of texts)
      expect(refusal(() => parseConfig("sync", { ...SYNC, [name]: text })).message).toContain(`${name}: `);
  });

  it("is rejected with one message for all its problems, and exit code 2", () => {
    const error = refusal(() =>
      parseConfig("sync", { ...SYNC, LANGFLOW_URL: "langflow", AGENT_INTERVAL_SECONDS: "0", AGENT_GIT_BRANCH: "-f" }),
    );
    expect(error.exitCode).toBe(ExitCode.BadInput);
    for (const key of ["LANGFLOW_URL", "AGENT_INTERVAL_SECONDS", "AGENT_GIT_BRANCH"])
      expect(error.message).toContain(key);
  });

  it("is rejected with a message that does not contain a secret's value", () => {
    const error = refusal(() => parseConfig("sync", { ...SYNC, AGENT_WEBHOOK_SECRET: "hunter2" }));
    expect(error.message).toContain("AGENT_WEBHOOK_SECRET");
    expect(error.message).not.toContain("hunter2");
  });

  it("must have LangFlow's secret key, which signs the tokens of all users", () => {
    const { LANGFLOW_SECRET_KEY: _, ...rest } = SYNC;
    expect(refusal(() => parseConfig("sync", rest)).message).toContain("LANGFLOW_SECRET_KEY: must be set");
  });
});

describe("a log line", () => {
  it("does not contain the credentials of any URL", () => {
    const line = "fatal: https://agent:t0ken@git.example.com/x and postgresql://user:pa%40ss@db:5432/x";
    expect(withoutCredentials(line)).toBe(
      "fatal: https://[credentials]@git.example.com/x and postgresql://[credentials]@db:5432/x",
    );
  });
});
