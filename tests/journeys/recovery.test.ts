import { readdirSync, readFileSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { ExitCode } from "../../model/errors";
import { type Answer, LocalFleet, listed } from "../engine/localFleet";

jest.setTimeout(300_000);

const BUCKET = "aws:s3/bucket:Bucket";

/** Types whose duplicates a cloud rejects or silently creates. Their ids cannot be derived from their inputs. */
const CHOSEN_BY_CLOUD = [
  "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
  "aws:kms/key:Key",
  "cloudflare:index/dnsRecord:DnsRecord",
];

const stateFile = (local: LocalFleet) => join(local.fleet, "state/.pulumi/stacks/langflow-dr/foundation.json");

/** Returns a stack's state from the backend. */
const state = (local: LocalFleet) => JSON.parse(readFileSync(stateFile(local), "utf8")).checkpoint.latest;

const statusOf = async (local: LocalFleet, stack: string) => (await local.run(["status", stack])).json.stacks[0];

const isSidecar = (path: string | Buffer): boolean => String(path).endsWith(".attrs");

const notes = ({ json }: Answer): string =>
  json.stacks.flatMap(({ notes: said }: { notes: string[] }) => said).join("\n");

describe("an update that fails", () => {
  let local: LocalFleet;
  beforeEach(async () => {
    local = new LocalFleet();
    await local.run(["preview", "foundation"]);
  });
  afterEach(() => local.remove());

  it("is completed by the next update if the cloud crashes after it creates a bucket, but before it responds", async () => {
    await local.cloud("POST", "/faults", { type: BUCKET, method: "create", kind: "crash" });
    const crashed = await local.run(["up", "foundation"]);
    expect(crashed.exitCode).toBe(ExitCode.Unreachable);
    await local.run(["preview", "foundation"]); // starts the cloud again
    expect(await statusOf(local, "foundation")).toMatchObject({ deployed: true, unfinished: true });

    const second = await local.run(["up", "foundation"]);
    expect(second.exitCode).toBe(ExitCode.Success);
    expect(await statusOf(local, "foundation")).toMatchObject({ deployed: true, unfinished: false });
    expect(notes(second)).toContain(`${BUCKET}::`);
    expect(listed(await local.run(["preview", "foundation"]))).toEqual([]);
    // One bucket per region, and the witness's.
    expect(await local.cloud("GET", `/resources?type=${BUCKET}`)).toHaveLength(3);
  });

  it.each(CHOSEN_BY_CLOUD)("creates no second %s if the cloud crashes before it returns the id", async (type) => {
    await local.cloud("POST", "/faults", { type, method: "create", kind: "crash" });
    expect((await local.run(["up", "foundation"])).exitCode).toBe(ExitCode.Unreachable);

    const second = await local.run(["up", "foundation"]);
    expect(second.exitCode).toBe(ExitCode.Success);
    const made = (await local.cloud("GET", "/resources")) as { urn: string }[];
    const urns = made.map(({ urn }) => urn);
    expect(urns.filter((urn, index) => urns.indexOf(urn) !== index)).toEqual([]);
    expect(notes(second)).toContain(`${type}::`);
    expect(notes(second)).not.toContain("check the cloud");
    expect(listed(await local.run(["preview", "foundation"]))).toEqual([]);
  });

  it("can be completed by a later update if the next update cannot query the cloud", async () => {
    const KEY = "aws:kms/key:Key";
    await local.cloud("POST", "/faults", { type: KEY, method: "create", kind: "crash" });
    await local.run(["up", "foundation"]);
    await local.run(["preview", "foundation"]); // starts the cloud again
    const query = "aws:resourcegroupstaggingapi/getResources:getResources";
    await local.cloud("POST", "/faults", { type: query, method: "invoke", kind: "timeout" });
    const second = await local.run(["up", "foundation"]);
    expect(second.exitCode).toBe(ExitCode.Unreachable);
    expect(second.json.stacks[0].failure.message).toContain("an earlier update was interrupted");

    expect((await local.run(["up", "foundation"])).exitCode).toBe(ExitCode.Success);
    expect(await local.cloud("GET", `/resources?type=${KEY}`)).toHaveLength(2);
  });

  it("is completed by the next update if the engine and the CLI are killed", async () => {
    const killed = await local.run(["up", "foundation"], (child) => {
      child.stderr?.on("data", (chunk) => {
        if (String(chunk).includes("started")) setTimeout(() => killEngine(child.pid), 1_500);
      });
    });
    expect(killed.exitCode).not.toBe(ExitCode.Success);
    const second = await local.run(["up", "foundation"]);
    expect(second.stderr).not.toContain("locked");
    expect(second.exitCode).toBe(ExitCode.Success);
    expect(state(local).pending_operations ?? []).toEqual([]);
    // Pulumi's file backend writes these files in place, so a kill during a write would leave an unreadable state.
    expect(readdirSync(join(local.fleet, "state"), { recursive: true }).filter(isSidecar)).toEqual([]);
    expect(listed(await local.run(["preview", "foundation"]))).toEqual([]);
  });

  it("reports an interrupt, leaves a consistent state, and is resumed by the next update", async () => {
    const interrupted = await local.run(["up", "foundation"], (child) => {
      child.stderr?.on("data", (chunk) => {
        if (String(chunk).includes("started")) setTimeout(() => child.kill("SIGINT"), 1_200);
      });
    });
    expect(interrupted.exitCode).toBe(ExitCode.Cancelled);
    expect(state(local).pending_operations ?? []).toEqual([]);
    expect((await local.run(["up", "foundation"])).exitCode).toBe(ExitCode.Success);
  });

  it("reports the cloud's own message if the cloud rejects a call, and is resumed by the next update", async () => {
    await local.cloud("POST", "/faults", { type: BUCKET, method: "create", kind: "throttle" });
    const refused = await local.run(["up", "foundation"]);
    expect(refused.exitCode).toBe(ExitCode.ResourceFailed);
    expect(refused.json.stacks[0].failure.message).toMatch(/[Tt]hrottl/);
    // No operation is pending, but the program did not finish.
    expect(state(local).pending_operations ?? []).toEqual([]);
    expect(await statusOf(local, "foundation")).toMatchObject({ deployed: true, unfinished: true });
    expect((await local.run(["up", "foundation"])).exitCode).toBe(ExitCode.Success);
  });
});

describe("a truncated state", () => {
  const local = new LocalFleet();
  afterAll(() => local.remove());

  it("is reported with its stack, its file and the fix, and not as drift", async () => {
    await local.run(["preview", "foundation"]);
    truncateSync(stateFile(local), 20);
    const { exitCode, stderr } = await local.run(["drift"]);
    expect(exitCode).toBe(ExitCode.Unreachable);
    expect(stderr).toContain(`the state of stack foundation is damaged: ${stateFile(local)} is unreadable`);
  });
});

/** Kills the engine that the CLI started, and then the CLI, so that neither can clean up. */
function killEngine(cli: number | undefined): void {
  const children = readFileSync(`/proc/${cli}/task/${cli}/children`, "utf8").trim().split(" ");
  for (const pid of [...children, cli]) if (Number(pid) > 0) process.kill(Number(pid), "SIGKILL");
}
