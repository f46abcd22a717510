import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ExitCode } from "../../model/errors";
import { type Answer, LocalFleet } from "../engine/localFleet";

jest.setTimeout(300_000);

describe("commands on one local fleet", () => {
  const local = new LocalFleet();
  const lock = join(local.fleet, "change.lock");
  afterAll(() => local.remove());

  const resources = ({ json }: Answer): number[] =>
    json.stacks.map((each: { resources: number | unknown[] }) => each.resources);

  it("both succeed if they start at the same time in a new fleet: the second waits, and has nothing left to do", async () => {
    const [first, second] = await Promise.all([local.run(["up"]), local.run(["up"])]);
    expect([first.exitCode, second.exitCode]).toEqual([ExitCode.Success, ExitCode.Success]);
    const waited = [first, second].filter(({ stderr }) => stderr.includes("waiting for it to finish"));
    expect(waited).toHaveLength(1);
    expect(waited[0]?.stderr).toMatch(/process \d+ is changing this fleet: waiting for it to finish/);
    expect(waited[0]?.json.stacks.flatMap(({ changes }: { changes: unknown[] }) => changes)).toEqual([]);
    expect(existsSync(lock)).toBe(false);
  });

  it("can read the fleet while another command changes it, without disturbing the change", async () => {
    local.edit("Pulumi.us-east.yaml", (content) => {
      content.config = { ...content.config, "langflow-dr:replicas": { min: 3, max: 12 } };
    });
    let isOver = false;
    const changing = local.run(["up"]).finally(() => {
      isOver = true;
    });
    while (!existsSync(lock)) await sleep(20);
    const looks: Answer[] = [];
    while (!isOver) looks.push(...(await Promise.all([local.run(["status"]), local.run(["preview", "us-east"])])));
    expect(looks.length).toBeGreaterThan(2);
    expect(looks.filter(({ exitCode }) => exitCode !== ExitCode.Success).map(({ stderr }) => stderr)).toEqual([]);
    const { exitCode, stderr } = await changing;
    expect([exitCode, stderr]).toEqual([ExitCode.Success, expect.not.stringContaining("error")]);
    expect(resources(await local.run(["status"])).every((count) => count > 0)).toBe(true);
  });

  it("report that nothing was changed if Ctrl-C ends them while they wait", async () => {
    await local.cloud("POST", "/faults", { provider: "kubernetes", method: "update", kind: "silent" });
    local.edit("Pulumi.us-east.yaml", ({ config }) => {
      config["langflow-dr:replicas"] = { min: 4, max: 12 };
    });
    let first: { kill(signal: NodeJS.Signals): boolean } | undefined;
    // This command waits for an answer that never arrives.
    const stuck = local.run(["up", "us-east"], (child) => {
      first = child;
    });
    while (!existsSync(lock)) await sleep(20);
    const waiting = await local.run(["destroy", "--yes"], (child) => {
      child.stderr?.on("data", (chunk) => {
        if (String(chunk).includes("waiting for it to finish")) child.kill("SIGINT");
      });
    });
    expect(waiting.exitCode).toBe(ExitCode.Cancelled);
    expect(waiting.stderr).toContain("interrupted while waiting for another command to end; nothing was changed");
    first?.kill("SIGKILL");
    await stuck;
    await local.cloud("DELETE", "/faults");
  });

  it("do not wait for a killed command, because its lock is released with its process", async () => {
    expect(existsSync(lock)).toBe(true);
    const { exitCode, stderr } = await local.run(["up"]);
    expect([exitCode, stderr]).toEqual([ExitCode.Success, expect.not.stringContaining("waiting for it to finish")]);
  });

  it("report a stack that was never deployed, and the folder of a deleted fleet, if the command is `destroy`", async () => {
    const fresh = new LocalFleet();
    await fresh.run(["preview", "foundation"]);
    const nothing = await fresh.run(["destroy", "edge", "--yes"]);
    expect([nothing.exitCode, nothing.stderr]).toEqual([
      ExitCode.StackMissing,
      expect.stringContaining("edge was never deployed: nothing to destroy"),
    ]);
    const thrown = await fresh.run(["destroy", "--with-data", "--yes"]);
    expect([thrown.exitCode, thrown.json]).toMatchObject([0, { verb: "destroy", directory: fresh.fleet }]);
    expect(existsSync(fresh.fleet)).toBe(false);
    await fresh.remove();
  });
});
