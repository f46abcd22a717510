import { getEventListeners } from "node:events";
import { GitUnreachable } from "../../agent/git/git";
import { LangFlowUnreachable } from "../../agent/langflow/client";
import { DatabaseUnreachable } from "../../agent/langflow/store";
import { Metrics } from "../../agent/metrics";
import type { Outcome } from "../../agent/sync/cycle";
import { SyncLoop } from "../../agent/sync/loop";
import { Raced } from "../../agent/sync/region";

const BEGAN = Date.UTC(2026, 0, 1);
const outcome = (more: Partial<Outcome> = {}): Outcome => ({
  workspace: "default",
  imported: 0,
  exported: 0,
  conflicts: [],
  problems: [],
  held: [],
  flows: 3,
  ...more,
});

/** A loop that runs from BEGAN on, of an agent whose parts all are fakes. */
function started({ intervalSeconds = 10 } = {}) {
  const stop = new AbortController();
  const parts = {
    becomeWriter: jest.fn(async () => true),
    cycle: jest.fn(async (): Promise<readonly Outcome[]> => [outcome()]),
    repository: { hasMoved: jest.fn(async () => false) },
    log: { info: jest.fn(), warn: jest.fn(), error: jest.fn(), debug: jest.fn() },
    metrics: new Metrics("us-east"),
  };
  const loop = new SyncLoop({ ...parts, intervalSeconds, signal: stop.signal });
  let ended = false;
  // What a test gives to the parts comes before the first cycle.
  const run = Promise.resolve()
    .then(() => loop.run())
    .then(() => {
      ended = true;
    });
  stops.push(() => {
    stop.abort();
    return run;
  });
  const calls = async (milliseconds: number) => {
    await jest.advanceTimersByTimeAsync(BEGAN + milliseconds - Date.now());
    return parts.cycle.mock.calls.length;
  };
  const cycles = async () =>
    Object.fromEntries((await parts.metrics.cycles.get()).values.map(({ labels, value }) => [labels.result, value]));
  return { ...parts, loop, stop, calls, cycles, ended: () => ended };
}
const stops: (() => Promise<void>)[] = [];

/** For all tests of a group. */
function inTimeThatIsTold(): void {
  beforeEach(() => {
    jest.useFakeTimers({ now: BEGAN, doNotFake: ["performance", "nextTick", "setImmediate"] });
    jest.spyOn(Math, "random").mockReturnValue(0.5);
  });
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
    jest.restoreAllMocks();
  });
}

describe("the sync loop", () => {
  inTimeThatIsTold();

  it.each([
    [0, 9_000],
    [1, 10_000],
  ])("syncs at once and at each interval, up to a tenth earlier: at chance %d after %d ms", async (chance, after) => {
    jest.spyOn(Math, "random").mockReturnValue(chance);
    const { calls } = started();
    expect([await calls(0), await calls(after - 1), await calls(after), await calls(2 * after)]).toEqual([1, 1, 2, 3]);
  });

  it("looks at the Git host five times an interval, and syncs when it has a new commit", async () => {
    const { calls, repository } = started();
    const looks = async (at: number) => [await calls(at), repository.hasMoved.mock.calls.length];
    expect([await looks(2_249), await looks(2_250), await looks(9_499), await looks(9_500)]).toEqual([
      [1, 0],
      [1, 1],
      [1, 4],
      [2, 4],
    ]);
    repository.hasMoved.mockResolvedValueOnce(true);
    expect([await calls(9_500 + 2_249), await calls(9_500 + 2_250)]).toEqual([2, 3]);
  });

  it("syncs when it is told of a change: once for what is told together, and without a look at the Git host", async () => {
    const { calls, loop, repository } = started();
    await calls(1_000);
    loop.trigger();
    await calls(1_040);
    loop.trigger();
    expect([await calls(1_049), await calls(1_050), await calls(3_299)]).toEqual([1, 2, 2]);
    expect(repository.hasMoved).not.toHaveBeenCalled();
  });

  it("waits for a moment between two cycles, however often it is told", async () => {
    const { calls, loop } = started();
    await calls(100);
    loop.trigger();
    expect([await calls(299), await calls(300), await calls(2_000)]).toEqual([1, 2, 2]);
  });

  it("syncs again when it was told of a change while it synced", async () => {
    const { calls, loop, cycle } = started();
    cycle.mockImplementationOnce(async () => {
      loop.trigger();
      return [outcome()];
    });
    expect([await calls(299), await calls(300), await calls(2_000)]).toEqual([1, 2, 2]);
  });

  it("gives a sign of life at each cycle and at each look", async () => {
    const { calls, loop } = started();
    const alive = async (at: number) => {
      await calls(at);
      return loop.aliveAt - BEGAN;
    };
    expect([await alive(249), await alive(250), await alive(2_250), await alive(9_499), await alive(9_500)]).toEqual([
      0, 250, 2_250, 8_250, 9_500,
    ]);
    await calls(9_600);
    loop.alive();
    expect(loop.aliveAt).toBe(BEGAN + 9_600);
  });

  it("is alive from its start", () => {
    expect(started().loop.aliveAt).toBe(BEGAN);
  });

  it.each([
    ["before it began", -1, 0],
    ["in the moment after a cycle", 100, 1],
    ["while it waits for the interval", 5_000, 1],
  ])("ends at the signal %s, and leaves nothing behind", async (_, at, expected) => {
    const { calls, stop, ended, repository } = started();
    if (at > 0) await calls(at);
    stop.abort();
    expect(await calls(Math.max(0, at))).toBe(expected);
    expect(ended()).toBe(true);
    expect(getEventListeners(stop.signal, "abort")).toEqual([]);
    expect(repository.hasMoved.mock.calls.length).toBeLessThanOrEqual(3);
  });

  it("ends at the signal between two tries, and tells no trouble that comes of the end", async () => {
    const { calls, stop, ended, cycle, log, cycles } = started();
    cycle.mockRejectedValue(new Raced("raced"));
    await calls(50);
    stop.abort();
    await calls(50);
    expect([ended(), cycle.mock.calls.length, await cycles()]).toEqual([true, 2, { raced: 1 }]);
    expect(log.error).not.toHaveBeenCalled();
  });

  it("ends at the signal in the middle of a cycle", async () => {
    const { calls, stop, ended, cycle, repository } = started();
    cycle.mockImplementationOnce(async () => {
      stop.abort();
      return [];
    });
    expect([await calls(0), ended(), repository.hasMoved.mock.calls.length]).toEqual([1, true, 0]);
  });

  it("keeps no listener for each time it waited", async () => {
    const { calls, stop } = started();
    await calls(60_000);
    expect(getEventListeners(stop.signal, "abort")).toHaveLength(1);
    expect(jest.getTimerCount()).toBe(1);
  });
});

describe("another agent of the region", () => {
  inTimeThatIsTold();

  it("lets this one stand by, which it tells once, until it is gone", async () => {
    const { calls, becomeWriter, log, cycles, cycle } = started();
    const standing = [{}, "another agent writes for this region: standing by"];
    becomeWriter.mockResolvedValue(false);
    expect(await calls(25_000)).toBe(0);
    expect([await cycles(), log.info.mock.calls]).toEqual([{ standby: 3 }, [standing]]);
    becomeWriter.mockResolvedValue(true);
    expect(await calls(30_000)).toBe(1);
    becomeWriter.mockResolvedValue(false);
    await calls(40_000);
    expect([cycle.mock.calls.length, log.info.mock.calls]).toEqual([1, [standing, standing]]);
  });
});

describe("a lost race", () => {
  inTimeThatIsTold();

  it("is run again, later each time", async () => {
    const { calls, cycle, cycles, log } = started();
    for (let race = 0; race < 3; race += 1) cycle.mockRejectedValueOnce(new Raced("another region pushed first"));
    expect([await calls(99), await calls(100), await calls(299), await calls(300)]).toEqual([1, 2, 2, 3]);
    expect([await calls(699), await calls(700), await calls(2_000)]).toEqual([3, 4, 4]);
    expect(await cycles()).toEqual({ raced: 3, success: 1 });
    expect(log.error).not.toHaveBeenCalled();
  });

  it("is not run in step with the other region", async () => {
    jest.spyOn(Math, "random").mockReturnValue(0);
    const { calls, cycle } = started();
    cycle.mockRejectedValueOnce(new Raced("another region pushed first"));
    expect([await calls(49), await calls(50)]).toEqual([1, 2]);
  });

  it("is told after eight more, of which the longest wait is some seconds", async () => {
    const { calls, cycle, cycles, log } = started({ intervalSeconds: 60 });
    cycle.mockRejectedValue(new Raced("another region pushed first"));
    // 100, 200, 400, 800, 1600, and 3200 from there on.
    expect([await calls(9_499), await calls(9_500), await calls(12_699), await calls(12_700)]).toEqual([7, 8, 8, 9]);
    expect([await calls(60_000), await cycles()]).toEqual([9, { raced: 9 }]);
    expect(log.error.mock.calls).toEqual([[{ result: "raced" }, "another region pushed first"]]);
  });
});

describe("a cycle's trouble", () => {
  inTimeThatIsTold();

  it.each([
    ["git-unreachable", new GitUnreachable("no host")],
    ["langflow-unreachable", new LangFlowUnreachable("no answer")],
    ["database-unreachable", new DatabaseUnreachable("no database")],
  ])("is counted as %s and told once, until it passes or is another", async (result, error) => {
    const { calls, cycle, cycles, log } = started();
    cycle.mockRejectedValue(error);
    expect(await calls(20_000)).toBe(3);
    expect([await cycles(), log.error.mock.calls]).toEqual([{ [result]: 3 }, [[{ result }, error.message]]]);
    cycle.mockResolvedValueOnce([]);
    await calls(39_000);
    expect(log.error.mock.calls).toHaveLength(2);
    cycle.mockRejectedValue(new GitUnreachable("another trouble"));
    await calls(49_000);
    expect(log.error.mock.calls.slice(2)).toEqual([[{ result: "git-unreachable" }, "another trouble"]]);
  });

  it("that nobody foresaw is told with its place, and the loop goes on", async () => {
    const { calls, cycle, cycles, log } = started();
    const [bug, bare] = [new TypeError("a bug"), new Error("no place")];
    delete bare.stack;
    cycle.mockRejectedValueOnce(bug).mockRejectedValueOnce("a text").mockRejectedValueOnce(bare);
    expect(await calls(30_000)).toBe(4);
    expect(await cycles()).toEqual({ failed: 3, success: 1 });
    expect(log.error.mock.calls).toEqual([
      [{ result: "failed", stack: bug.stack }, "a bug"],
      [{ result: "failed" }, "a text"],
      [{ result: "failed" }, "no place"],
    ]);
  });

  it("is also that of becoming the writer", async () => {
    const { calls, becomeWriter, cycles } = started();
    becomeWriter.mockRejectedValueOnce(new DatabaseUnreachable("no database"));
    expect([await calls(0), await cycles()]).toEqual([0, { "database-unreachable": 1 }]);
  });
});

describe("what a cycle did", () => {
  inTimeThatIsTold();

  const gauge = async (metric: { get(): Promise<{ values: { value: number; labels: { workspace?: unknown } }[] }> }) =>
    (await metric.get()).values.map(({ labels, value }) => (labels.workspace === "default" ? value : labels));

  it("is counted by workspace, and told where flows were written", async () => {
    const { calls, cycle, metrics, log, loop } = started();
    const succeeded = jest.spyOn(metrics, "succeeded");
    const held = (kind: "flow" | "secret" | "deletes", count: number) =>
      Array.from({ length: count }, (_, n) => ({ path: `${kind} ${n}`, reason: "no", kind }));
    const first = outcome({
      imported: 2,
      exported: 3,
      problems: [{ path: "default/a.json", reason: "is no JSON" }],
      held: [...held("flow", 1), ...held("deletes", 2), ...held("secret", 3)],
    });
    cycle.mockImplementationOnce(async () => {
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      return [first];
    });
    await calls(2_000);
    const { imported, exported, flows, skipped, deletesHeld, secretsHeld, duration } = metrics;
    const all = [imported, exported, flows, skipped, metrics.held, deletesHeld, secretsHeld];
    expect(await Promise.all(all.map(gauge))).toEqual([[2], [3], [3], [1], [1], [2], [3]]);
    expect((await duration.get()).values.find(({ metricName }) => metricName?.endsWith("_sum"))?.value).toBe(2);
    expect(log.info.mock.calls).toEqual([[{ workspace: "default", imported: 2, exported: 3, flows: 3 }, "synced"]]);
    expect(succeeded.mock.calls).toEqual([["default", BEGAN]]);
    expect(loop.outcomes).toEqual(new Map([["default", first]]));
    await calls(30_000);
    expect(await Promise.all(all.map(gauge))).toEqual([[2], [3], [3], [0], [0], [0], [0]]);
    expect(log.info).toHaveBeenCalledTimes(1);
    expect(loop.outcomes.get("default")).toEqual(outcome());
  });

  it.each([
    { imported: 1, exported: 0 },
    { imported: 0, exported: 1 },
  ])("is told where it wrote on one side: %j", async (written) => {
    const { calls, cycle, log } = started();
    cycle.mockResolvedValueOnce([outcome(written)]);
    await calls(0);
    expect(log.info.mock.calls).toEqual([[{ workspace: "default", ...written, flows: 3 }, "synced"]]);
  });

  it("is told once where a flow is left out or waits, and anew when it is so again", async () => {
    const { calls, cycle, log } = started();
    const problems = [{ path: "default/a.json", reason: "is no JSON" }];
    const held = [{ path: "LangFlow a", reason: "looks as if it held a secret", kind: "secret" as const }];
    cycle.mockResolvedValue([outcome({ problems, held })]);
    await calls(30_000);
    const told = [
      [{ workspace: "default", ...problems[0] }, "skipped"],
      [{ workspace: "default", path: held[0]?.path, reason: held[0]?.reason }, "held"],
    ];
    expect(log.warn.mock.calls).toEqual(told);
    cycle.mockResolvedValueOnce([outcome()]);
    await calls(50_000);
    expect(log.warn.mock.calls).toEqual([...told, ...told]);
  });

  it("is told again, flow by flow, where something about it changes", async () => {
    const { calls, cycle, log } = started();
    const held = (path: string, reason: string) => ({ path, reason, kind: "flow" as const });
    cycle.mockResolvedValueOnce([outcome({ held: [held("a", "no"), held("b", "no")] })]);
    cycle.mockResolvedValueOnce([outcome({ held: [held("a", "no"), held("b", "never"), held("c", "no")] })]);
    await calls(19_000);
    expect(log.warn.mock.calls.map(([{ path, reason }]) => `${path} ${reason}`)).toEqual([
      "a no",
      "b no",
      "b never",
      "c no",
    ]);
  });

  it("is told once of deletes that wait, as long as they are the same, however many flows there are beside them", async () => {
    const { calls, cycle, log } = started();
    const waiting = (of: number, code: string | undefined, reason = "no") =>
      outcome({
        held: [
          { path: "a", reason: `1 of ${of}`, kind: "deletes" },
          { path: "b", reason, kind: "flow" },
        ],
        ...(code && { heldDeletes: { ids: ["a"], code, of } }),
      });
    for (const each of [waiting(20, "one"), waiting(21, "one"), waiting(21, "two"), waiting(21, "two", "never")])
      cycle.mockResolvedValueOnce([each]);
    await calls(38_000);
    expect(log.warn.mock.calls.map(([{ path, reason }]) => `${path} ${reason}`)).toEqual([
      "a 1 of 20",
      "b no",
      "a 1 of 21",
      "b never",
    ]);
  });

  it("is forgotten of a workspace that is synced no more, whose lag would grow for ever; never of the superuser's", async () => {
    const { calls, cycle, metrics, loop } = started();
    cycle.mockResolvedValueOnce(["default", "ada"].map((workspace) => outcome({ workspace })));
    cycle.mockResolvedValueOnce([]);
    const lag = async () =>
      (await metrics.registry.getMetricsAsJSON()).flatMap(({ name, values }) =>
        name === "langflow_dr_sync_lag_seconds" ? values.map(({ labels, value }) => [labels.workspace, value]) : [],
      );
    await calls(1_000);
    expect(await lag()).toEqual([
      ["default", 1],
      ["ada", 1],
    ]);
    await calls(10_000);
    expect(await lag()).toEqual([["default", 10]]);
    expect((await metrics.flows.get()).values.map(({ labels }) => labels.workspace)).toEqual(["default"]);
    expect(loop.outcomes.size).toBe(0);
    await calls(20_000);
    expect([...loop.outcomes.keys()]).toEqual(["default"]);
  });

  it("is told for each workspace by itself", async () => {
    const { calls, cycle, log } = started();
    const problems = [{ path: "a.json", reason: "is no JSON" }];
    const broken = new LangFlowUnreachable("no answer");
    cycle.mockResolvedValue(["one", "two"].map((workspace) => outcome({ workspace, problems, broken })));
    await calls(30_000);
    expect(log.warn.mock.calls.map(([{ workspace }]) => workspace)).toEqual(["one", "two"]);
    expect(log.error.mock.calls).toEqual(
      ["one", "two"].map((workspace) => [{ workspace, result: "langflow-unreachable" }, "no answer"]),
    );
  });

  it("is no success of a workspace whose LangFlow broke off, which is told once, until it answers", async () => {
    const { calls, cycle, log, metrics } = started();
    const succeeded = jest.spyOn(metrics, "succeeded");
    cycle.mockResolvedValue([outcome({ broken: new LangFlowUnreachable("no answer") })]);
    await calls(20_000);
    expect(succeeded).not.toHaveBeenCalled();
    cycle.mockResolvedValueOnce([outcome()]);
    await calls(40_000);
    expect(succeeded).toHaveBeenCalledTimes(1);
    const broken = [{ workspace: "default", result: "langflow-unreachable" }, "no answer"];
    expect(log.error.mock.calls).toEqual([broken, broken]);
  });

  it("is a conflict once a minute: a flow that conflicts again and again is told again", async () => {
    const { calls, cycle, log, metrics } = started();
    const conflict = { kind: "name-taken" as const, id: "a" };
    cycle.mockResolvedValue([outcome({ conflicts: [conflict] })]);
    await calls(59_999);
    expect(log.warn.mock.calls).toEqual([[{ workspace: "default", ...conflict }, "conflict settled"]]);
    await calls(119_999);
    expect(log.warn).toHaveBeenCalledTimes(2);
    // Those that there were none of are counted from zero: to rise there has to be a number before.
    const { values } = await metrics.conflicts.get();
    expect(Object.fromEntries(values.map(({ labels, value }) => [labels.kind, value]))).toEqual({
      "edited-twice": 0,
      "name-taken": 2,
      "endpoint-taken": 0,
      "edit-survives-delete": 0,
    });
  });

  it("is a conflict each where flows and kinds are several", async () => {
    const { calls, cycle, log } = started();
    const conflicts = (["name-taken", "endpoint-taken"] as const).flatMap((kind) =>
      ["a", "b"].map((id) => ({ kind, id })),
    );
    cycle.mockResolvedValue([outcome({ conflicts })]);
    await calls(30_000);
    expect(log.warn).toHaveBeenCalledTimes(4);
  });
});
