import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isRunning } from "../../../../sandbox/directory";
import { Ports } from "../../../../sandbox/live/ports";
import { BoundProcess, tailOf } from "../../../../sandbox/live/process/boundProcess";
import { backOffSeconds } from "../../../../sandbox/live/process/container";
import { bytesOf, MemoryLimit } from "../../../../sandbox/live/process/memoryLimit";
import { ProbeTally } from "../../../../sandbox/live/process/probe";
import { agentStatusOf } from "../../../../sandbox/live/status";
import { removeTemporaryFolders, temporaryFolder } from "../../fixture";

afterAll(removeTemporaryFolders);

/** Whether this machine allows memory limits. */
const limit = MemoryLimit.of(64 * 1024 * 1024);
const isLimited = limit !== undefined;
limit?.remove();

describe("a process of the live fleet", () => {
  const launch = (script: string, environment: Record<string, string> = {}, memoryBytes?: number) => {
    const directory = temporaryFolder();
    const log = join(directory, "log");
    const command = ["sh", "-c", script];
    return {
      log,
      bound: BoundProcess.start({
        command,
        environment: { PATH: "/usr/bin:/bin", ...environment },
        directory,
        log,
        memoryBytes,
      }),
    };
  };

  it("is the command itself, with its exit code, its output and its environment", async () => {
    const { bound, log } = launch("echo said $COLOUR; exit 7", { COLOUR: "red" });
    expect(await bound.ended).toMatchObject({ exitCode: 7 });
    expect(tailOf(log)).toBe("said red\n");
    expect(bound.pid).toBeUndefined();
  });

  it("ends all processes that it has started when it ends", async () => {
    const { bound, log } = launch("sleep 300 & echo $!; exit 0");
    await bound.ended;
    await sleep(200);
    expect(isRunning(Number(tailOf(log)))).toBe(false);
  });

  it("is killed with its children after its grace period", async () => {
    const { bound } = launch("trap '' TERM; while :; do sleep 1; done");
    await sleep(200);
    expect((await bound.terminate(300)).exitCode).toBe(137);
  });

  (isLimited ? it : it.skip)("is killed if it exceeds its container's memory limit, and reports that", async () => {
    const fill = "a=$(head -c 200000000 /dev/zero | tr '\\0' x)";
    const { bound, log } = launch(fill, {}, 64 * 1024 * 1024);
    const { exitCode, said } = await bound.ended;
    expect(exitCode).toBe(137);
    expect(said).toBe("ended by SIGKILL: out of memory, its limit is 64 MiB");
    expect(tailOf(log)).toBe(`${said}\n`);
    expect(await launch("exit 3", {}, 64 * 1024 * 1024).bound.ended).toEqual({
      exitCode: 3,
      said: "ended with exit code 3",
    });
  });

  it("ends when its supervisor is killed", async () => {
    const script = join(__dirname, "../../../../sandbox/live/process/endWithParent.sh");
    const program = `
      const child = require("child_process").spawn("/bin/sh", [${JSON.stringify(script)}, "", "sleep", "300"],
        { detached: true, stdio: ["pipe", "ignore", "ignore"] });
      console.log(child.pid);
      setInterval(() => {}, 1000);`;
    const supervisor = spawn(process.execPath, ["-e", program]);
    const pid = await new Promise<number>((resolve) => supervisor.stdout.once("data", (data) => resolve(Number(data))));
    await sleep(200);
    expect(isRunning(pid)).toBe(true);
    supervisor.kill("SIGKILL");
    for (let waited = 0; isRunning(pid) && waited < 3_000; waited += 50) await sleep(50);
    expect(isRunning(pid)).toBe(false);
  });
});

it("a container's memory limit is parsed as Kubernetes writes it", () => {
  expect(["512Mi", "4Gi", "1.5Gi", "100M", "1000", "", "a lot"].map(bytesOf)).toEqual([
    536_870_912,
    4_294_967_296,
    1_610_612_736,
    100_000_000,
    1_000,
    undefined,
    undefined,
  ]);
});

describe("supervision, like the kubelet's,", () => {
  it("restarts a process at once, then after 10 s, and then after delays that double to 5 minutes", () => {
    expect([0, 1, 2, 3, 4, 5, 6, 60].map(backOffSeconds)).toEqual([0, 10, 20, 40, 80, 160, 300, 300]);
  });

  it("changes a probe's state only after as many consecutive results as the threshold requires", () => {
    const tally = new ProbeTally({ failureThreshold: 3, successThreshold: 2 });
    const states = [true, true, false, false, true, false, false, false, true, true].map((ok) => tally.record(ok));
    expect(states).toEqual([
      "unknown",
      "success",
      "success",
      "success",
      "success",
      "success",
      "success",
      "failure",
      "failure",
      "success",
    ]);
  });
});

describe("the ports of the live fleet", () => {
  it("are the same for a name each time, unless a different process uses the port", async () => {
    const file = join(temporaryFolder(), "ports.json");
    const first = await new Ports(file).take("us-east/postgres");
    expect(await new Ports(file).take("us-east/postgres")).toBe(first);
    const stranger = createServer();
    await new Promise<void>((resolve) => stranger.listen(first, "127.0.0.1", resolve));
    expect(await new Ports(file).take("us-east/postgres")).not.toBe(first);
    await new Promise((resolve) => stranger.close(resolve));
  });
});

describe("an agent's status, read from its metrics,", () => {
  it("has the replication lag, the waiting rows, the unreachable buckets and what else needs attention", () => {
    const metrics = [
      "# HELP langflow_dr_accounts_lag_seconds x",
      "langflow_dr_accounts_lag_seconds 1.5",
      'langflow_dr_accounts_waiting{table="flow"} 1',
      'langflow_dr_accounts_waiting{table="user"} 1',
      "langflow_dr_accounts_broken 3",
      'langflow_dr_accounts_refused{table="user"} 1',
      'langflow_dr_accounts_deletes_held{table="flow"} 500',
      'langflow_dr_accounts_renamed{table="user",id="1a2b"} 1',
      'langflow_dr_accounts_unreached{to="eu-west"} 1',
      'langflow_dr_accounts_unreached{to="ap-south"} 0',
      'langflow_dr_replication_latency_seconds{from="us-east",to="eu-west"} 11',
      "langflow_dr_record_recorder 0",
    ].join("\n");
    expect(agentStatusOf(metrics)).toEqual({
      replicationLagSeconds: 1.5,
      rowsWaiting: 2,
      objectsBroken: 3,
      tablesRefused: ["user"],
      deletesHeld: ["flow 500"],
      renamed: ["user 1a2b"],
      bucketsUnreached: ["eu-west"],
      copySeconds: { "eu-west": 11 },
      isRecorder: false,
    });
    expect(agentStatusOf("")).toEqual({});
  });

  it("has the lag of the record's slowest workspace", () => {
    const metrics = [
      "langflow_dr_record_recorder 1",
      'langflow_dr_sync_lag_seconds{workspace="a"} 3.5',
      'langflow_dr_sync_lag_seconds{workspace="b"} 12',
      "langflow_dr_sync_last_success_timestamp_seconds 1700000000",
    ].join("\n");
    expect(agentStatusOf(metrics)).toEqual({
      isRecorder: true,
      record: { lagSeconds: 12, lastSuccess: "2023-11-14T22:13:20.000Z" },
    });
  });

  it("has the sum of all workspaces' held flows and deletes, without counts of zero", () => {
    const metrics = [
      "langflow_dr_record_recorder 1",
      "# TYPE langflow_dr_sync_held gauge",
      'langflow_dr_sync_held{workspace="a"} 2',
      'langflow_dr_sync_held{workspace="b"} 1',
      'langflow_dr_sync_deletes_held{workspace="a"} 26',
      'langflow_dr_sync_deletes_held{workspace="b"} 0',
      'langflow_dr_sync_secrets_held{workspace="a"} 0',
    ].join("\n");
    expect(agentStatusOf(metrics)).toEqual({ isRecorder: true, record: { held: 3, deletesHeld: 26 } });
  });
});
