import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { drill } from "../../../fleet/drill/drill";
import type { Fault } from "../../../fleet/drill/faults";
import type { Plan } from "../../../fleet/drill/plan";
import type { DrillReport } from "../../../fleet/drill/report";
import { COMPONENTS } from "./components";
import { FakeFleet, PLAN, REFUSED } from "./fakeFleet";

/** A fleet that handles saves of a large flow on a full disk: it rejects all, accepts all or some, or forgets them. */
class FullFleet extends FakeFleet {
  private readonly large = { id: "large", name: "", description: "" };
  readonly prepared: (Fault | undefined)[] = [];
  private asked = 0;

  constructor(private readonly how: "refuses" | "takes" | "takes some" | "forgets") {
    super();
  }

  override async prepare(fault: Fault): Promise<void> {
    this.prepared.push(fault);
    if (this.done.length > 0) throw new Error("too late");
  }

  protected override answer(route: string, body: string, key?: unknown): unknown {
    if (route === "POST /api/v1/flows/" && body.includes("Drill that grows"))
      return Object.assign(this.large, JSON.parse(body), { id: "large" });
    if (route === "PATCH /api/v1/flows/large") {
      const isTaken = this.how === "takes" || (this.how === "takes some" && this.isAway && ++this.asked % 2 === 0);
      if (this.isAway && !isTaken) return REFUSED;
      const { description } = JSON.parse(body);
      return this.how === "forgets" ? this.large : Object.assign(this.large, { description });
    }
    const given = super.answer(route, body, key);
    return route === "GET /api/v1/flows/" ? [...(given as object[]), this.large] : given;
  }
}

/** A fleet that takes a while to free its disk, and accepts large saves meanwhile. */
class SlowlyFreedFleet extends FullFleet {
  private isFreed = false;

  override async putBack(): Promise<void> {
    this.isFreed = true;
    // Longer than the interval between two saves.
    await sleep(2_500);
    await super.putBack();
  }

  protected override get isAway(): boolean {
    return super.isAway && !this.isFreed;
  }
}

/**
 * A fleet whose clock is ahead during the fault. Of two edits of a flow, it keeps both, the later or the earlier one.
 */
class AheadFleet extends FakeFleet {
  private readonly rivals: { id: string; description: string }[] = [];

  constructor(
    private readonly aheadSeconds: number,
    private readonly keeps: "both" | "later" | "earlier",
  ) {
    super();
  }

  protected override guard(request: IncomingMessage, response: ServerResponse): boolean {
    const ahead = this.isAway ? this.aheadSeconds * 1000 : 0;
    response.setHeader("date", new Date(Date.now() + ahead).toUTCString());
    return super.guard(request, response);
  }

  protected override answer(route: string, body: string, key?: unknown): unknown {
    const { rivals, keeps } = this;
    const made = { id: "rival", description: /"description":"([^"]*)"/.exec(body)?.[1] ?? "" };
    if (route === "POST /api/v1/flows/" && body.includes("Drill of two clocks")) rivals.push(made);
    else if (route === "PATCH /api/v1/flows/rival") {
      if (keeps === "both" && rivals.length < 2) rivals.push(made);
      else if (keeps !== "earlier" || rivals[0]?.description === "not edited yet") Object.assign(rivals[0] ?? {}, made);
    } else {
      const given = super.answer(route, body, key);
      return route === "GET /api/v1/flows/" ? [...(given as object[]), ...rivals] : given;
    }
    return made;
  }
}

/** A fleet that shows the flows from before the fault until the fault ends, as if replication needed Git. */
class StaleFleet extends FakeFleet {
  private before: unknown;

  protected override answer(route: string, body: string, key?: unknown): unknown {
    const given = super.answer(route, body, key);
    if (route !== "GET /api/v1/flows/") return given;
    if (!this.isAway) this.before = structuredClone(given);
    return this.before;
  }
}

/** A fleet in which a run waits for an approval, which no region accepts while the fault lasts. */
class ApprovalFleet extends FakeFleet {
  private isApproved = false;

  protected override answer(route: string, body: string, key?: unknown): unknown {
    switch (route) {
      case "GET /api/v1/all":
        return COMPONENTS;
      case "POST /api/v2/workflows":
        return { job_id: "job" };
      case "GET /api/v2/workflows/pending":
        return this.isApproved ? [] : [{ job_id: "job", request_id: "question" }];
      case "POST /api/v2/workflows/job/resume":
        if (this.isAway) return REFUSED;
        this.isApproved = true;
        return {};
      case "GET /api/v2/workflows":
        return { status: this.isApproved ? "completed" : "suspended", outputs: "approve drill" };
      default:
        if (route === "POST /api/v1/flows/" && body.includes("approval")) return { id: "approval" };
        return super.answer(route, body, key);
    }
  }
}

describe("a drill that edits flows", () => {
  async function drilled<F extends FakeFleet>(fault: Fault, fleet: F, more: Partial<Plan>) {
    const backend = await fleet.listen();
    try {
      const report: DrillReport = await drill(Object.assign({}, PLAN, { fault }, more), {
        backend,
        signal: new AbortController().signal,
        report: () => undefined,
      });
      return { report, fleet };
    } finally {
      await backend.close();
    }
  }

  const drilledFull = (how: ConstructorParameters<typeof FullFleet>[0]) =>
    drilled("disk-full", new FullFleet(how), { heldSeconds: 5, limits: { failbackSeconds: 10 } });
  const drilledSlowly = () =>
    drilled("disk-full", new SlowlyFreedFleet("refuses"), { heldSeconds: 5, limits: { failbackSeconds: 10 } });
  const drilledAhead = (...how: ConstructorParameters<typeof AheadFleet>) =>
    drilled("clock", new AheadFleet(...how), { syncInterval: 0.5 });

  it("checks that large saves fail on a full disk, succeed later, and are then replicated", async () => {
    const [full, roomy, halfFull, forgetful, slowlyFreed] = await Promise.all([
      drilledFull("refuses"),
      drilledFull("takes"),
      drilledFull("takes some"),
      drilledFull("forgets"),
      drilledSlowly(),
    ]);
    const { report, fleet } = full;
    expect(fleet.prepared).toEqual(["disk-full"]);
    expect(report.phases.map(({ phase }) => phase)).toEqual([
      "steady",
      "fault",
      "detection",
      "restoration",
      "failback",
      "convergence",
    ]);
    const looked = ({ checks }: DrillReport) =>
      checks.filter(({ name }) => /full|again|last/.test(name)).map(({ name, passed }) => [name, passed]);
    expect(looked(report)).toEqual([
      ["us-east rejects all saves while its disk is full", true],
      ["us-east accepts saves again without intervention", true],
      ["the last accepted save is in us-east", true],
      ["the last accepted save is in eu-west", true],
    ]);
    expect(report.checks[0]?.said).toMatch(/^[1-3] of [1-3] rejected: LangFlow answered PATCH .* with 401/);
    expect(looked(roomy.report).map(([, passed]) => passed)).toEqual([false, true, true, true]);
    expect(looked(halfFull.report).map(([, passed]) => passed)).toEqual([false, true, true, true]);
    expect(looked(forgetful.report).map(([, passed]) => passed)).toEqual([true, true, false, false]);
    // A save that succeeds while the disk is being freed does not count as wrongly accepted.
    expect(looked(slowlyFreed.report).map(([, passed]) => passed)).toEqual([true, true, true, true]);
  });

  it("checks during an outage of the Git host that edits reach the other region", async () => {
    const [replicated, stale] = await Promise.all([
      drilled("git", new FakeFleet(), { syncInterval: 2, limits: { failedPercent: 1, unawarePercent: 0 } }),
      drilled("git", new StaleFleet(), { syncInterval: 2, limits: { failedPercent: 1, unawarePercent: 0 } }),
    ]);
    const looked = ({ checks }: DrillReport) =>
      checks.filter(({ name }) => name.includes("Git")).map(({ name, passed }) => [name, passed]);
    const check = "an edit made while the Git host was down is in eu-west";
    expect(looked(replicated.report)).toEqual([[check, true]]);
    expect(replicated.report.checks.find(({ name }) => name === check)?.said).toMatch(/^[1-9]\d* of [1-9]\d* edits$/);
    expect(looked(stale.report)).toEqual([[check, false]]);
  });

  it("approves the waiting run during an outage, and after a fault that cuts the region off from the witness", async () => {
    const [outage, partition] = await Promise.all([
      drilled("pool", new ApprovalFleet(), { syncInterval: 0.5, hasWitness: true }),
      drilled("partition", new ApprovalFleet(), { syncInterval: 0.5, hasWitness: true }),
    ]);
    const looked = ({ checks }: DrillReport) =>
      checks.filter(({ name }) => name.includes("waiting run")).map(({ passed }) => passed);
    expect(looked(outage.report)).toEqual([false]);
    expect(looked(partition.report)).toEqual([true]);
  });

  it("checks during a clock fault that the clock is ahead, and that every region has the later of two edits", async () => {
    const [ahead, right, older] = await Promise.all([
      drilledAhead(600, "both"),
      drilledAhead(0, "later"),
      drilledAhead(600, "earlier"),
    ]);
    const looked = ({ checks }: DrillReport) =>
      checks.filter(({ name }) => name.includes("clock")).map(({ name, passed, said }) => [name, passed, said]);
    const later = (region: string, passed: boolean, said: string) => [
      `the later of two edits is in ${region}, although the clocks differ`,
      passed,
      said,
    ];
    const clock = "the clock of us-east is 600 s ahead";
    expect(looked(ahead.report)).toEqual([
      [clock, true, expect.stringMatching(/^(599|600|601) s$/)],
      later("us-east", true, "together with the earlier edit"),
      later("eu-west", true, "together with the earlier edit"),
    ]);
    expect(looked(right.report)[0]).toEqual([clock, false, expect.stringMatching(/^-?[01] s$/)]);
    expect(looked(right.report)[1]).toEqual(later("us-east", true, "instead of the earlier edit"));
    expect(looked(older.report)[1]).toEqual(later("us-east", false, "the later edit is missing"));
  });
});
