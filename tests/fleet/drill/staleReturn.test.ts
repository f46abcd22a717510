import { drill } from "../../../fleet/drill/drill";
import { clearLeftovers } from "../../../fleet/drill/leftovers";
import { passed } from "../../../fleet/drill/measure";
import type { Plan } from "../../../fleet/drill/plan";
import { type DrillReport, PHASES } from "../../../fleet/drill/report";
import { resultOf } from "../../../fleet/drill/report/words";
import { PLAN } from "./fakeFleet";
import { named, StaleFleet, type State } from "./staleFleet";

type Kind = keyof State;

/** Returns a change that restores a row to the returning region's old version. */
const back = (kind: Kind, ending: string) => (both: State, stale: State) => {
  const row = named(stale[kind], ending);
  both[kind].set(row.id, Object.assign({}, row));
};
const gone = (kind: Kind, ending: string) => (both: State) => void both[kind].delete(named(both[kind], ending).id);
const STUCK = ["hold", "return-checks"] as const;
const CONTESTED = "an edit that was not replicated before the outage is kept as a copy next to a later edit";

/** Merge errors of a returning region. Each breaks exactly one promise. */
const BREACHES: Readonly<Record<string, readonly [promise: string, spoil: (both: State, stale: State) => void]>> = {
  "the region's older version of a flow wins": [
    "a flow edited during the outage keeps that edit",
    back("flows", " edited"),
  ],
  "the region restores a deleted flow": [
    "a flow deleted during the outage stays deleted",
    back("flows", "drill deleted"),
  ],
  "a flow that the region never received is deleted": [
    "a flow created during the outage exists",
    gone("flows", " made"),
  ],
  "the region's last edit is lost": [
    "an edit that was not replicated before the outage is not lost",
    (both) => void Object.assign(named(both.flows, " unsent"), { description: "before" }),
  ],
  "the region's last edit is overwritten": [CONTESTED, (both) => void both.flows.delete("copy")],
  "the region's last edit wins over a later one": [CONTESTED, back("flows", " contested")],
  "a delete removes a flow that the region edited last": [
    "an edit that was not replicated before the outage survives a delete",
    gone("flows", "edited and deleted"),
  ],
  "the region restores a deleted project": [
    "a project deleted during the outage stays deleted, with its flow",
    back("projects", "drill deleted"),
  ],
  "the region restores the flow of a deleted project": [
    "a project deleted during the outage stays deleted, with its flow",
    back("flows", "in the project"),
  ],
  "the region restores the old name of a project": [
    "a project renamed during the outage keeps its new name",
    back("projects", "drill before"),
  ],
  "the region restores a revoked key": [
    "a key revoked during the outage stays revoked",
    back("keys", "langflow-dr-drill-revoked"),
  ],
  "the region's older value of a variable wins": [
    "a variable changed during the outage keeps that value",
    back("variables", "_CHANGED"),
  ],
  "the region restores a deleted variable": [
    "a variable deleted during the outage stays deleted",
    back("variables", "_DELETED"),
  ],
  "the region reactivates a deactivated user": [
    "a user deactivated during the outage stays locked out",
    back("users", "-deactivated-"),
  ],
  "the region restores a deleted user": ["a user deleted during the outage stays deleted", back("users", "-deleted-")],
  "the region restores a deleted file": [
    "a file deleted during the outage stays deleted",
    back("files", "drill-deleted"),
  ],
};

/** A fleet in which a deleted user reappears after both regions were checked once. */
class LateFleet extends StaleFleet {
  private looks = 0;

  protected override answer(route: string, body: string, key?: unknown): unknown {
    const isLook = this.isBack && route === "GET /api/v1/users/";
    const answer = super.answer(route, body, key);
    if (!isLook || ++this.looks !== 2) return answer;
    back("users", "-deleted-")(this.state, this.stale);
    return answer;
  }
}

/** A fleet that replicates a region's last edits before that region goes offline, so that nothing is left to merge. */
class LeakyFleet extends StaleFleet {
  override async takeAway(): Promise<void> {
    await super.takeAway();
    for (const flow of this.state.flows.values())
      if (flow.name && /unsent|contested|and deleted/.test(flow.name)) flow.description = "said last";
  }

  override async putBack(): Promise<void> {
    this.done.push("put back");
  }
}

describe("a stale-return drill", () => {
  async function drilled(fleet: StaleFleet, more: Partial<Plan> = {}) {
    await fleet.listen();
    const plan = Object.assign({}, PLAN, { fault: "stale-return", syncInterval: 0.2 }, more);
    try {
      const report: DrillReport = await drill(plan, {
        backend: fleet,
        signal: new AbortController().signal,
        report: () => undefined,
      });
      return { report, fleet, isLeft: fleet.lock.isTaken };
    } finally {
      await fleet.close();
    }
  }
  /** Runs a drill that is stuck in a phase. Retries with a higher limit if a busy machine did not reach that phase. */
  async function endedIn(stuck: (typeof STUCK)[number], limitSeconds = 10): ReturnType<typeof drilled> {
    const endless = { limitSeconds, ...(stuck === "hold" && { holdSeconds: 1_000 }) };
    const end = drilled(new StaleFleet(undefined, stuck), endless);
    const came = await end.then(({ report }) => report.phases.some(({ phase }) => phase === stuck)).catch(() => false);
    return came || limitSeconds > 60 ? end : endedIn(stuck, 4 * limitSeconds);
  }
  const failedOf = ({ returnChecks = [] }: DrillReport) => returnChecks.filter((each) => !each.passed);
  const ended = new Map<string, Awaited<ReturnType<typeof drilled>>>();
  const of = (name: string) => {
    const found = ended.get(name);
    if (!found) throw new Error(`no drill ${name}`);
    return found;
  };
  // The drills run concurrently, because they mostly wait.
  beforeAll(async () => {
    const fleets = new Map(Object.entries(BREACHES).map(([name, [, spoil]]) => [name, new StaleFleet(spoil)]));
    fleets.set("nothing is wrong", new StaleFleet());
    fleets.set("late", new LateFleet());
    fleets.set("leaky", new LeakyFleet());
    await Promise.all([
      ...[...fleets].map(async ([name, fleet]) => ended.set(name, await drilled(fleet))),
      ...STUCK.map(async (stuck) => ended.set(stuck, await endedIn(stuck))),
    ]);
  }, 400_000);

  it("keeps the region offline during the hold, and checks the merged data once all regions agree", () => {
    const { report, fleet } = of("nothing is wrong");
    expect(report.aborted).toBeUndefined();
    expect(report.phases.map(({ phase }) => phase)).toEqual(PHASES);
    const [hold = 0, back = 0] = report.phases.slice(5).map(({ at }) => at);
    expect(back - hold).toBeGreaterThanOrEqual(PLAN.holdSeconds * 1000);
    expect(failedOf(report)).toEqual([]);
    const promised = report.returnChecks?.map(({ name }) => name);
    expect(new Set(promised)).toEqual(new Set(Object.values(BREACHES).map(([promise]) => promise)));
    expect(report.returnChecks?.[0]?.said).toBe("true in us-east, eu-west");
    expect(fleet.done).toEqual(["taken away", "put back"]);
  });

  it.each(Object.entries(BREACHES))("fails if %s", (name, [promise]) => {
    const { report } = of(name);
    expect(report.aborted).toBeUndefined();
    expect(failedOf(report)).toEqual([{ name: promise, passed: false, said: "not true in us-east, eu-west" }]);
    expect(passed(report)).toBe(false);
    expect(resultOf(report)).toContain(`Failed after the return: ${promise}`);
  });

  it("checks again later, and detects data that reappears after the first check", () => {
    expect(failedOf(of("late").report).map(({ name }) => name)).toEqual([
      "a user deleted during the outage stays deleted",
    ]);
  });

  it.each(["nothing is wrong", ...Object.keys(BREACHES)])("deletes everything it created if %s", (name) => {
    const { state } = of(name).fleet;
    const left = Object.values(state).flatMap((rows) => [...rows.values()].map((row) => row.name ?? row.username));
    expect(left).toEqual(["langflow-dr-drill"]);
  });

  it("reports that an edit proves nothing if it was replicated before the fault, and expects no copy of that edit", () => {
    const { report } = of("leaky");
    expect(failedOf(report)).toEqual([]);
    expect(report.returnChecks?.filter(({ said }) => said.endsWith("proves nothing"))).toHaveLength(3);
  });

  it.each(STUCK)("ends at its limit in the phase %s, with the region restored", (stuck) => {
    const { report, fleet, isLeft } = of(stuck);
    expect(report.phases.map(({ phase }) => phase)).toContain(stuck);
    expect(report.aborted).toMatch(/the drill did not end within its limit of \d+ s$/);
    expect(report.returnChecks).toBeUndefined();
    expect(fleet.done).toEqual(["taken away", "put back"]);
    expect(isLeft).toBe(false);
  });

  it("can be cleaned up completely by a later `--restore`, which deletes no user's data", async () => {
    const rows: readonly [Kind, string][] = [
      ["users", "langflow-dr-drill"],
      ["flows", "Drill of yesterday edited (us-east then)"],
      ["flows", "A person's"],
      ["projects", "Drill of yesterday before"],
      ["projects", "Starter Project"],
      ["variables", "LANGFLOW_DR_DRILL_CHANGED"],
      ["variables", "A_PERSONS"],
      ["files", "drill-1"],
      ["files", "a-persons"],
      ["users", "langflow-dr-drill-deactivated-of-yesterday"],
      ["users", "a-person"],
    ];
    const fleet = await new StaleFleet().listen();
    for (const [kind, name] of rows)
      fleet.state[kind].set(name, { id: name.replaceAll(/\W/g, "-"), name, username: name });
    const { signal } = new AbortController();
    const cleared = await clearLeftovers(["us-east", "eu-west"], fleet, signal, 0);
    await fleet.close();
    const left = Object.values(fleet.state).flatMap((each) => [...each.values()].map(({ name }) => name));
    expect(cleared).toEqual([]);
    expect(left).toEqual(["A person's", "Starter Project", "A_PERSONS", "langflow-dr-drill", "a-person", "a-persons"]);
    // An unreachable region keeps its rows, and the result reports that.
    expect(await clearLeftovers(["us-east"], fleet, signal, 0)).toEqual([
      expect.stringMatching(/^the drill's test data is still in us-east; the next drill deletes it: /),
    ]);
  });
});
