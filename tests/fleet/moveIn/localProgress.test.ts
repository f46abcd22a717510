import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { followRun } from "../../../fleet/moveIn/localProgress";
import { until } from "../../live/langflowApi";

jest.setTimeout(30_000);

it("followRun reports a local run's newest container and its last message, each once", async () => {
  const logs = mkdtempSync(join(tmpdir(), "logs-"));
  writeFileSync(join(logs, "langflow-us-east.langflow.log"), '{"message":"another program"}\n');
  const said: string[] = [];
  const stop = followRun("us-east", logs, "move-in-us-east", (message) => void said.push(message));
  try {
    writeFileSync(join(logs, "move-in-us-east-1.migrate-source.log"), "INFO of alembic\n");
    await until("the migration is said", async () => said.length === 1);
    const carry = join(logs, "move-in-us-east-1.carry.log");
    writeFileSync(carry, '{"message":"imported: flow 10"}\n{"message":"imported: flow 20"}\n');
    await until("what was carried is said", async () => said.length === 2);
  } finally {
    stop();
    rmSync(logs, { recursive: true });
  }
  expect(said).toEqual(["us-east: migrate-source", "us-east: carry, imported: flow 20"]);
});
