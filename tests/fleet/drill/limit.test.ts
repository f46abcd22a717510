import { setTimeout as sleep } from "node:timers/promises";
import { drill, FleetLacks } from "../../../fleet/drill/drill";
import type { DrillReport, Phase } from "../../../fleet/drill/report";
import { ExitCode } from "../../../model/errors";
import { FakeFleet, PLAN } from "./fakeFleet";

/** A fleet that fails to revert a fault, and that counts requests. */
class LostFleet extends FakeFleet {
  asked = 0;
  askedForPods = 0;

  protected override guard(): boolean {
    this.asked += 1;
    return true;
  }

  override async pods(): ReturnType<FakeFleet["pods"]> {
    this.askedForPods += 1;
    return super.pods();
  }

  override async putBack(): Promise<void> {
    throw new Error("no answer");
  }
}

/** A fleet that lacks a pod that the fault needs. */
class SmallFleet extends FakeFleet {
  override async lacks(): Promise<string[]> {
    return ["one pod"];
  }
}

/**
 * A fleet that fails all requests during the fault. After 4 seconds the monitor notices, and a takeover is possible.
 */
class WaitingFleet extends FakeFleet {
  private awayAt = 0;

  constructor(private readonly isTakenOver: boolean) {
    super();
  }

  override async takeAway(): Promise<void> {
    this.awayAt = Date.now();
    await super.takeAway();
  }

  override async pools(): ReturnType<FakeFleet["pools"]> {
    const verdict = { healthy: !this.isSeen, enabled: true, since: Date.now() };
    return new Map([
      ["us-east", verdict],
      ["eu-west", { ...verdict, healthy: true }],
    ]);
  }

  protected override isServing(): boolean {
    return !this.isAway || (this.isSeen && this.isTakenOver);
  }

  private get isSeen(): boolean {
    return this.isAway && Date.now() > this.awayAt + 4_000;
  }
}

/** A fleet that serves immediately after the fault, but reports a starting pod for the next `left` polls. */
class StartingFleet extends FakeFleet {
  constructor(private left: number) {
    super();
  }

  get isWell(): boolean {
    return this.left === 0;
  }

  override async troubles(): Promise<string[]> {
    if (!this.isBack || this.left === 0) return [];
    this.left -= 1;
    return ["us-east langflow is starting"];
  }
}

describe("a drill that cannot finish normally", () => {
  const drilled = (backend: FakeFleet, more: object = {}) =>
    drill(Object.assign({}, PLAN, more), {
      backend,
      signal: new AbortController().signal,
      report: () => undefined,
    });

  it("stops its traffic and its pod polling if it fails to revert the fault", async () => {
    const backend = await new LostFleet().listen();
    try {
      await expect(drilled(backend, { load: 2 })).rejects.toThrow("no answer");
      const { asked, askedForPods } = backend;
      expect([asked > 10, askedForPods > 0]).toEqual([true, true]);
      await sleep(1_500);
      expect(backend.asked).toBe(asked);
    } finally {
      await backend.close();
    }
  });

  it.each([
    [
      "aborts in active-active if requests of the other regions' users fail, because the failover does not affect them",
      "active-active",
      true,
      "unseen",
    ],
    ["continues while the users wait for a standby that takes over", "active-standby", true, "met"],
    ["aborts if the standby does not take over", "active-standby", false, "seen"],
  ] as const)("%s", async (_, topology, isTakenOver, end) => {
    const backend = await new WaitingFleet(isTakenOver).listen();
    try {
      const given = { fault: "silent", topology, abortAbove: 20, load: 5, limitSeconds: 20 };
      const { aborted, detectionSeconds } = await drilled(backend, given);
      expect(backend.done).toEqual(["taken away", "put back"]);
      if (end === "met") expect(aborted).toBeUndefined();
      else expect(aborted).toMatch(/requests of the other regions' users failed within half a minute$/);
      expect(detectionSeconds !== undefined).toBe(end !== "unseen");
    } finally {
      await backend.close();
    }
  });

  it.each([
    ["ends once the fleet is healthy, so that the next drill can start", 3, 60, undefined],
    [
      "stops waiting for an unhealthy fleet at its limit",
      Number.POSITIVE_INFINITY,
      6,
      "the drill did not end within its limit of 6 s",
    ],
  ])("%s", async (_, looks, limitSeconds, aborted) => {
    const backend = await new StartingFleet(looks).listen();
    try {
      const report = await drilled(backend, { limitSeconds });
      expect([report.aborted, backend.isWell, backend.done]).toEqual([
        aborted,
        aborted === undefined,
        ["taken away", "put back"],
      ]);
    } finally {
      await backend.close();
    }
  });

  it("injects no fault into a fleet that lacks the pods for it, and fails with FleetLacks", async () => {
    const backend = await new SmallFleet().listen();
    try {
      const refused = await drilled(backend, { fault: "half" }).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(FleetLacks);
      expect(refused).toMatchObject({ exitCode: ExitCode.Refused, message: expect.stringContaining("\n  one pod") });
      expect(backend.done).toEqual([]);
    } finally {
      await backend.close();
    }
  });
});

describe("a drill that dies", () => {
  it("leaves its fault recorded in the lock if another process has to revert the fault", async () => {
    const backend = await new FakeFleet().listen();
    const isWritten = () => backend.lock.isTaken;
    const seen: Record<string, boolean> = {};
    jest.spyOn(backend, "takeAway").mockImplementation(async () => {
      seen["taking away"] = isWritten();
      backend.done.push("taken away");
    });
    jest.spyOn(backend, "putBack").mockImplementation(async () => {
      backend.done.push("put back");
      seen["just back"] = isWritten();
    });
    try {
      const report = (phase: Phase) => {
        seen[phase] ??= isWritten();
      };
      await drill(PLAN, { backend, signal: new AbortController().signal, report });
      expect(seen).toEqual({
        steady: false,
        fault: true,
        "taking away": true,
        detection: true,
        recovery: true,
        "survivor-checks": true,
        restoration: true,
        "just back": true,
        failback: false,
        convergence: false,
      });
    } finally {
      await backend.close();
    }
  });
});

describe("the limit of a drill", () => {
  /** Runs a drill with this limit in a fleet that is stuck in this phase. Returns the report and the fleet's state. */
  async function drillOf(
    stuck: ConstructorParameters<typeof FakeFleet>[0],
    limitSeconds: number,
    signal?: AbortSignal,
  ) {
    const backend = await new FakeFleet(stuck).listen();
    try {
      const report: DrillReport = await drill(Object.assign({}, PLAN, { limitSeconds }), {
        backend,
        signal: signal ?? new AbortController().signal,
        report: () => undefined,
      });
      return { report, done: backend.done, isLeft: backend.lock.isTaken };
    } finally {
      await backend.close();
    }
  }

  it("has no effect on a drill that ends earlier", async () => {
    const { report, done } = await drillOf(undefined, 60);
    expect(report.aborted).toBeUndefined();
    expect(report.phases.map(({ phase }) => phase).at(-1)).toBe("convergence");
    const failed = report.checks.filter(({ passed }) => !passed).map(({ name }) => name);
    expect(failed).toEqual(["a file uploaded to us-east is in eu-west's bucket"]);
    expect(done).toEqual(["taken away", "put back"]);
  });

  it.each(["troubles", "enrol"] as const)("ends a drill that hangs in `%s` before the fault", async (stuck) => {
    await expect(drillOf(stuck, 0.5)).rejects.toMatchObject({
      exitCode: ExitCode.TargetMissed,
      message: "not ready after 0.5 s: no fault was injected",
    });
  });

  it("ends a drill whose traffic never starts, and injects no fault", async () => {
    const { report, done } = await drillOf("steady", 3);
    expect(report.aborted).toBe("the drill did not end within its limit of 3 s");
    expect(done).toEqual([]);
  });

  describe("once the fault is injected", () => {
    const STUCK = ["detection", "recovery", "survivor-checks", "failback", "convergence"] as const;
    const ended = new Map<string, Awaited<ReturnType<typeof drillOf>>>();
    /**
     * Runs a drill that is stuck in a phase. Retries with a higher limit if a busy machine did not reach that phase.
     */
    async function endedIn(stuck: (typeof STUCK)[number], limitSeconds = 3): ReturnType<typeof drillOf> {
      const end = drillOf(stuck, limitSeconds);
      const came = await end
        .then(({ report }) => report.phases.some(({ phase }) => phase === stuck))
        .catch(() => false);
      return came || limitSeconds > 60 ? end : endedIn(stuck, 4 * limitSeconds);
    }
    // The drills run concurrently, because each lasts until its limit.
    beforeAll(() => Promise.all(STUCK.map(async (stuck) => ended.set(stuck, await endedIn(stuck)))), 200_000);

    it.each(STUCK)("ends a drill that hangs in the phase %s, and reverts the fault", (stuck) => {
      const { report, done, isLeft } = ended.get(stuck) ?? {};
      expect(report?.aborted).toMatch(/the drill did not end within its limit of \d+ s$/);
      expect(report?.phases.map(({ phase }) => phase)).toContain(stuck);
      expect(done).toEqual(["taken away", "put back"]);
      expect(isLeft).toBe(false);
    });
  });

  it("does not delay a cancelled drill", async () => {
    const enough = AbortSignal.timeout(500);
    await expect(drillOf("troubles", 60, enough)).rejects.toMatchObject({ exitCode: ExitCode.Cancelled });
  });
});
