import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { drill } from "../../../fleet/drill/drill";
import { restoreLeft } from "../../../fleet/drill/leftovers";
import { DrillLock } from "../../../fleet/drill/lock";
import { ExitCode } from "../../../model/errors";
import { FakeFleet, PLAN } from "./fakeFleet";
import { LockBucket } from "./lockBucket";

const ROOT = join(__dirname, "../../..");
const EAST = { id: "drill-1", fault: "region", region: "us-east" } as const;
const WEST = { id: "drill-2", fault: "silent", region: "eu-west" } as const;
const NEVER_MS = 1_000_000;
const { signal } = new AbortController();

/** A fleet that records the faults that it reverts. */
class RestoredFleet extends FakeFleet {
  constructor(private readonly bucket: LockBucket) {
    super();
  }

  override lockObject() {
    return this.bucket;
  }

  override async putBack(...what: unknown[]): Promise<void> {
    this.done.push(what.join(" of "));
  }
}

/**
 * Reverts what a dead drill left, like `drill --restore`. @param deadMs how long to wait for the drill's next heartbeat
 */
async function restored(bucket: LockBucket, deadMs = 0) {
  const fleet = await new RestoredFleet(bucket).listen();
  try {
    const found = await restoreLeft(PLAN.regions, fleet, { signal, report: () => undefined, waits: { deadMs } });
    return { ...found, done: fleet.done };
  } finally {
    await fleet.close();
  }
}

describe("two concurrent drills", () => {
  const folder = mkdtempSync(join(tmpdir(), "drill-lock-"));
  const bucket = new LockBucket();
  afterAll(() => rmSync(folder, { recursive: true }));
  afterEach(async () => {
    await bucket.close();
    bucket.text = undefined;
  });

  /** Starts a process that drills in a checkout. Collects its output and waits for its exit. */
  function drilling(region: string, endpoint: string, checkout: string) {
    const script = join(__dirname, "drillingProcess.ts");
    const child: ChildProcess = spawn(
      process.execPath,
      ["--require", join(ROOT, "typescript.cjs"), script, region, endpoint],
      { cwd: checkout, stdio: ["ignore", "pipe", "inherit"] },
    );
    const told = { text: "" };
    const said = new Promise<void>((resolve) =>
      child.stdout?.on("data", (chunk) => {
        told.text += chunk;
        resolve();
      }),
    );
    return { child, told, said, ended: once(child, "exit") };
  }

  it.each([
    ["one checkout", folder],
    ["two checkouts", ROOT],
  ])(
    "started from %s inject only one fault; after both are killed, --restore in another process reverts it",
    async (_, checkout) => {
      const endpoint = await bucket.serve();
      const both = [drilling("us-east", endpoint, folder), drilling("eu-west", endpoint, checkout)];
      try {
        await Promise.all(both.map(({ said }) => said));
        const [winner, loser] = both.toSorted(
          (one, other) => Number(other.told.text.startsWith("took")) - Number(one.told.text.startsWith("took")),
        );
        expect(winner?.told.text).toMatch(/^took (us-east|eu-west) away\n$/);
        const region = winner?.told.text.split(" ")[1] ?? "";
        expect(loser?.told.text).toMatch(/^no fault was injected, because only one drill may run at a time:\n/);
        expect(loser?.told.text).toContain(`drill drill-${region} (region of ${region}) by `);
        expect(loser?.told.text).toContain(`process ${winner?.child.pid} since 20`);
        expect(loser?.told.text).toContain("run `drill --restore` to remove its fault");
        expect((await loser?.ended)?.[0]).toBe(ExitCode.Refused);
        for (const { child } of both) child.kill("SIGKILL");
        await winner?.ended;
        const { taken, done } = await restored(bucket);
        expect(taken).toMatchObject({ id: `drill-${region}`, region, fault: "region" });
        expect(done).toEqual([`region of ${region}`]);
        expect(bucket.isTaken && JSON.parse(bucket.text ?? "").endedAt === undefined).toBe(false);
        expect(await restored(bucket)).toMatchObject({ hasEnded: true, done: [] });
      } finally {
        for (const { child } of both) child.kill("SIGKILL");
      }
    },
    120_000,
  );
});

describe("the lock of drills", () => {
  it("is free again after a drill ends or the fleet rejects a drill", async () => {
    const fleet = await new FakeFleet().listen();
    try {
      jest.spyOn(fleet, "lacks").mockResolvedValueOnce(["a pod"]);
      const around = { backend: fleet, signal, report: () => undefined };
      await expect(drill(PLAN, around)).rejects.toMatchObject({ exitCode: ExitCode.Refused });
      expect((await drill(PLAN, around)).aborted).toBeUndefined();
      (await DrillLock.acquire(fleet.lockObject(), WEST)).abandon();
    } finally {
      await fleet.close();
    }
  });

  it("stays with a drill that died until --restore frees the lock, even if the drill injected no fault", async () => {
    const bucket = new LockBucket();
    (await DrillLock.acquire(bucket, EAST, NEVER_MS)).abandon();
    await expect(DrillLock.acquire(bucket, WEST)).rejects.toMatchObject({ exitCode: ExitCode.Refused });
    expect(await restored(bucket)).toEqual({ hasEnded: false, done: [] });
    (await DrillLock.acquire(bucket, WEST)).abandon();
  });

  it("cannot be taken by --restore while its drill is running; the error names the drill", async () => {
    const bucket = new LockBucket();
    const lock = await DrillLock.acquire(bucket, EAST, 5);
    await expect(restored(bucket, 500)).rejects.toMatchObject({
      exitCode: ExitCode.Refused,
      message: expect.stringMatching(/^drill drill-1 \(region of us-east\) by .* is still running: press Ctrl-C /),
    });
    await lock.release();
  });

  it("stops a stalled drill from injecting a fault or releasing the lock after another process took the lock over", async () => {
    const bucket = new LockBucket();
    const stood = await DrillLock.acquire(bucket, EAST, NEVER_MS);
    const restorer = await DrillLock.inherit(bucket, signal, { deadMs: 0 });
    await expect(stood.markTaken()).rejects.toThrow("a different process has ended this drill");
    await expect(stood.release()).rejects.toThrow("a different process has ended this drill");
    expect(() => stood.check()).toThrow("a different process has ended this drill");
    await restorer?.release();
  });

  it("is acquired even if the answer to the write is lost and S3 rejects the retry", async () => {
    const bucket = new LockBucket();
    const write = bucket.write.bind(bucket);
    jest.spyOn(bucket, "write").mockImplementationOnce(async (text, seen) => void (await write(text, seen)));
    (await DrillLock.acquire(bucket, EAST)).abandon();
  });

  it("is kept if a fault could not be reverted, and --restore tries again", async () => {
    const bucket = new LockBucket();
    const lock = await DrillLock.acquire(bucket, EAST);
    await lock.markTaken();
    lock.abandon();
    jest.spyOn(RestoredFleet.prototype, "putBack").mockRejectedValueOnce(new Error("no answer"));
    await expect(restored(bucket)).rejects.toThrow("no answer");
    expect((await restored(bucket)).taken).toMatchObject({ region: "us-east", fault: "region" });
  });

  it.each(["{", '{"fault":"fire"}'])("is not treated as free if its content is invalid: %s", async (text) => {
    const bucket = new LockBucket();
    bucket.text = text;
    await expect(DrillLock.acquire(bucket, EAST)).rejects.toThrow(`${bucket.address} is not a valid lock`);
  });
});

describe("the last check before a fault", () => {
  /** A fleet that loses its other region after the drill's first health check. The monitor may notice this or not. */
  class LosingFleet extends FakeFleet {
    private isLost = false;

    constructor(private readonly seen: boolean) {
      super();
    }

    override async restorable(): ReturnType<FakeFleet["restorable"]> {
      this.isLost = true;
      return super.restorable();
    }

    override async pools(): ReturnType<FakeFleet["pools"]> {
      const pools = new Map(await super.pools());
      pools.set("eu-west", { healthy: !(this.isLost && this.seen), enabled: true, since: Date.now() });
      return pools;
    }

    protected override isServing(): boolean {
      return !this.isLost || this.seen;
    }
  }

  it.each([
    ["reported by the monitor", true],
    ["shown only by its missing answers", false],
  ])("aborts the drill if the other region has failed since the start, %s", async (_, seen) => {
    const fleet = await new LosingFleet(seen).listen();
    try {
      const { aborted } = await drill(PLAN, { backend: fleet, signal, report: () => undefined });
      expect(aborted).toBe("eu-west does not serve users: no fault was injected");
      expect(fleet.done).toEqual([]);
      (await DrillLock.acquire(fleet.lockObject(), WEST)).abandon();
    } finally {
      await fleet.close();
    }
  });
});
