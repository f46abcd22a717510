import { readdirSync, readFileSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { ExitCode } from "../../model/errors";
import { type Answer, LocalFleet, listed } from "../engine/localFleet";

jest.setTimeout(300_000);

const BUCKET = "aws:s3/bucket:Bucket";

/** Whose second one a cloud refuses, or makes in silence; none has an id that follows from its inputs alone. */
const CHOSEN_BY_CLOUD = [
  "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
  "aws:kms/key:Key",
  "cloudflare:index/dnsRecord:DnsRecord",
];

const stateFile = (local: LocalFleet) => join(local.fleet, "state/.pulumi/stacks/langflow-dr/foundation.json");

/** The state of a stack as the backend keeps it. */
const state = (local: LocalFleet) => JSON.parse(readFileSync(stateFile(local), "utf8")).checkpoint.latest;

const statusOf = async (local: LocalFleet, stack: string) => (await local.run(["status", stack])).json.stacks[0];

const isSidecar = (path: string | Buffer): boolean => String(path).endsWith(".attrs");

const notes = ({ json }: Answer): string =>
  json.stacks.flatMap(({ notes: said }: { notes: string[] }) => said).join("\n");

describe("an update that does not end well", () => {
  let local: LocalFleet;
  beforeEach(async () => {
    local = new LocalFleet();
    await local.run(["preview", "foundation"]);
  });
  afterEach(() => local.remove());

  it("is made whole by the next one when the cloud dies between making a bucket and saying so", async () => {
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
    // Each region's, and the witness's.
    expect(await local.cloud("GET", `/resources?type=${BUCKET}`)).toHaveLength(3);
  });

  it.each(CHOSEN_BY_CLOUD)("leaves no second %s when the cloud dies before it tells the id", async (type) => {
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

  it("is not forgotten when the next one cannot ask the cloud about it", async () => {
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

  it("is made whole by the next one when the engine and the CLI are killed in the middle", async () => {
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
    // Pulumi's file backend writes these in place: a kill in that moment leaves a state that nothing can read.
    expect(readdirSync(join(local.fleet, "state"), { recursive: true }).filter(isSidecar)).toEqual([]);
    expect(listed(await local.run(["preview", "foundation"]))).toEqual([]);
  });

  it("says that it was interrupted, leaves a state that is whole, and goes on from there", async () => {
    const interrupted = await local.run(["up", "foundation"], (child) => {
      child.stderr?.on("data", (chunk) => {
        if (String(chunk).includes("started")) setTimeout(() => child.kill("SIGINT"), 1_200);
      });
    });
    expect(interrupted.exitCode).toBe(ExitCode.Cancelled);
    expect(state(local).pending_operations ?? []).toEqual([]);
    expect((await local.run(["up", "foundation"])).exitCode).toBe(ExitCode.Success);
  });

  it("fails with the cloud's own words when the cloud refuses, and the next one goes on", async () => {
    await local.cloud("POST", "/faults", { type: BUCKET, method: "create", kind: "throttle" });
    const refused = await local.run(["up", "foundation"]);
    expect(refused.exitCode).toBe(ExitCode.ResourceFailed);
    expect(refused.json.stacks[0].failure.message).toMatch(/[Tt]hrottl/);
    // Nothing is under way, but the program has not ended.
    expect(state(local).pending_operations ?? []).toEqual([]);
    expect(await statusOf(local, "foundation")).toMatchObject({ deployed: true, unfinished: true });
    expect((await local.run(["up", "foundation"])).exitCode).toBe(ExitCode.Success);
  });
});

describe("a state that is cut off", () => {
  const local = new LocalFleet();
  afterAll(() => local.remove());

  it("is told with its stack, its file and a way out, and is not called drift", async () => {
    await local.run(["preview", "foundation"]);
    truncateSync(stateFile(local), 20);
    const { exitCode, stderr } = await local.run(["drift"]);
    expect(exitCode).toBe(ExitCode.Unreachable);
    expect(stderr).toContain(`the state of stack foundation is damaged: ${stateFile(local)} is unreadable`);
  });
});

/** Kills the engine that the CLI started, then the CLI, neither of which gets to say good-bye. */
function killEngine(cli: number | undefined): void {
  const children = readFileSync(`/proc/${cli}/task/${cli}/children`, "utf8").trim().split(" ");
  for (const pid of [...children, cli]) if (Number(pid) > 0) process.kill(Number(pid), "SIGKILL");
}
