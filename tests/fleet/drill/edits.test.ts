import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { drill } from "../../../fleet/drill/drill";
import type { Fault } from "../../../fleet/drill/faults";
import type { Plan } from "../../../fleet/drill/plan";
import type { DrillReport } from "../../../fleet/drill/report";
import { FakeFleet, PLAN, REFUSED } from "./fakeFleet";

/** Saves what is large only while there is room: as one that has none should, or as one that takes it and loses it again. */
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

/** Gives its disk back in a while, in which there is room already. */
class SlowlyFreedFleet extends FullFleet {
  private isFreed = false;

  override async putBack(): Promise<void> {
    this.isFreed = true;
    // Longer than from one save to the next.
    await sleep(2_500);
    await super.putBack();
  }

  protected override get isAway(): boolean {
    return super.isAway && !this.isFreed;
  }
}

/** Dates its answers by a clock that goes ahead while the fault lasts, and keeps of two edits of a flow the later one beside, in its place, or not. */
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

/** Shows flows as they were before the fault for as long as it lasts, as a region would where replication needed Git. */
class StaleFleet extends FakeFleet {
  private before: unknown;

  protected override answer(route: string, body: string, key?: unknown): unknown {
    const given = super.answer(route, body, key);
    if (route !== "GET /api/v1/flows/") return given;
    if (!this.isAway) this.before = structuredClone(given);
    return this.before;
  }
}

describe("a drill that edits on purpose", () => {
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

  it("looks with a full disk at whether what needs room is refused, is taken again by itself, and whether all regions have what was taken", async () => {
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
      checks.filter(({ name }) => /room|again|last/.test(name)).map(({ name, passed }) => [name, passed]);
    expect(looked(report)).toEqual([
      ["us-east takes nothing that needs room while there is none", true],
      ["us-east takes it again by itself", true],
      ["what was taken last is in us-east", true],
      ["what was taken last is in eu-west", true],
    ]);
    expect(report.checks[0]?.said).toMatch(/^[1-3] of [1-3] refused: PATCH .* 401/);
    expect(looked(roomy.report).map(([, passed]) => passed)).toEqual([false, true, true, true]);
    expect(looked(halfFull.report).map(([, passed]) => passed)).toEqual([false, true, true, true]);
    expect(looked(forgetful.report).map(([, passed]) => passed)).toEqual([true, true, false, false]);
    // What is taken while room is given back is no save that should have been refused.
    expect(looked(slowlyFreed.report).map(([, passed]) => passed)).toEqual([true, true, true, true]);
  });

  it("looks without the Git host at whether another region has what was edited since", async () => {
    const [replicated, stale] = await Promise.all([
      drilled("git", new FakeFleet(), { syncInterval: 2, limits: { failedPercent: 1, unawarePercent: 0 } }),
      drilled("git", new StaleFleet(), { syncInterval: 2, limits: { failedPercent: 1, unawarePercent: 0 } }),
    ]);
    const looked = ({ checks }: DrillReport) =>
      checks.filter(({ name }) => name.includes("Git")).map(({ name, passed }) => [name, passed]);
    const check = "an edit made without the Git host is in eu-west";
    expect(looked(replicated.report)).toEqual([[check, true]]);
    expect(replicated.report.checks.find(({ name }) => name === check)?.said).toMatch(/^[1-9]\d* of [1-9]\d* edits$/);
    expect(looked(stale.report)).toEqual([[check, false]]);
  });

  it("looks with a clock that is ahead at whether it is, and whether the later of two edits is in every region, in its place or beside", async () => {
    const [ahead, right, older] = await Promise.all([
      drilledAhead(600, "both"),
      drilledAhead(0, "later"),
      drilledAhead(600, "earlier"),
    ]);
    const looked = ({ checks }: DrillReport) =>
      checks.filter(({ name }) => name.includes("clock")).map(({ name, passed, said }) => [name, passed, said]);
    const later = (region: string, passed: boolean, said: string) => [
      `the later of two edits is in ${region}, whatever the clocks say`,
      passed,
      said,
    ];
    const clock = "the clock of us-east is 600 s ahead";
    expect(looked(ahead.report)).toEqual([
      [clock, true, expect.stringMatching(/^(599|600|601) s$/)],
      later("us-east", true, "beside the earlier one"),
      later("eu-west", true, "beside the earlier one"),
    ]);
    expect(looked(right.report)[0]).toEqual([clock, false, expect.stringMatching(/^-?[01] s$/)]);
    expect(looked(right.report)[1]).toEqual(later("us-east", true, "in the earlier one's place"));
    expect(looked(older.report)[1]).toEqual(later("us-east", false, "it is not"));
  });
});
