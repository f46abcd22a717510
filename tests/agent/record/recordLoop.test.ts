import { Registry } from "prom-client";
import { GitUnreachable } from "../../../agent/git/git";
import { LangFlowUnreachable } from "../../../agent/langflow/client";
import { Writer } from "../../../agent/langflow/writer";
import { DatabaseUnreachable } from "../../../agent/postgres/databaseUnreachable";
import { metricsServer } from "../../../agent/process/server";
import type { Cycle } from "../../../agent/record/cycle";
import { RecordLoop } from "../../../agent/record/loop";
import { RecordMetrics } from "../../../agent/record/metrics";
import { type Outcome, outcomeOf } from "../../../agent/record/outcome";
import { NotRecorder, Raced } from "../../../agent/record/parts";

const BEGAN = Date.UTC(2026, 0, 1);
const found = (more: Partial<Outcome> = {}): Cycle => ({
  outcomes: [{ ...outcomeOf("default"), flows: 3, ...more }],
  pending: 0,
});

/** Starts a loop at BEGAN with fakes for all of its parts. */
function started() {
  const stop = new AbortController();
  const registry = new Registry();
  const parts = {
    isRecorder: jest.fn(() => true),
    cycle: jest.fn(async (): Promise<Cycle | undefined> => found()),
    repository: { hasMoved: jest.fn(async () => false), mend: jest.fn(async () => false) },
    log: { info: jest.fn(), warn: jest.fn(), error: jest.fn(), debug: jest.fn() },
    metrics: new RecordMetrics(registry, "us-east"),
  };
  const loop = new RecordLoop({ ...parts, intervalSeconds: 10, signal: stop.signal });
  // Gives the test time to set up the fakes before the first cycle.
  const run = Promise.resolve().then(() => loop.run());
  stops.push(() => {
    stop.abort();
    return run;
  });
  const calls = async (milliseconds: number) => {
    await jest.advanceTimersByTimeAsync(BEGAN + milliseconds - Date.now());
    return parts.cycle.mock.calls.length;
  };
  const value = async (name: string, labels: Record<string, string> = {}) => {
    const metric = await registry.getSingleMetric(`langflow_dr_${name}`)?.get();
    const values: { labels: object; value: number }[] = metric?.values ?? [];
    return values.find((each) => JSON.stringify(each.labels) === JSON.stringify(labels))?.value;
  };
  return { ...parts, loop, stop, calls, value };
}
const stops: (() => Promise<void>)[] = [];

describe("the record's loop", () => {
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

  it("runs a cycle at once and then every interval, and polls the Git host in between", async () => {
    const { calls, repository } = started();
    expect([await calls(0), await calls(9_999), await calls(10_000)]).toEqual([1, 1, 2]);
    expect(repository.hasMoved).toHaveBeenCalledTimes(4);
    repository.hasMoved.mockResolvedValueOnce(true);
    expect([await calls(12_249), await calls(12_250)]).toEqual([2, 3]);
  });

  it("continues at once after a repair of its clone, and tries only one repair per kind of failure", async () => {
    const { calls, cycle, repository, value, log } = started();
    cycle.mockRejectedValueOnce(new GitUnreachable("git fetch: fatal: bad object"));
    repository.mend.mockResolvedValueOnce(true);
    expect(await calls(0)).toBe(2);
    expect([await value("sync_cycles_total", { result: "git-unreachable" }), log.error.mock.calls]).toEqual([
      undefined,
      [],
    ]);
    cycle.mockRejectedValue(new GitUnreachable("the host is away"));
    expect(await calls(30_000)).toBe(5);
    expect(repository.mend).toHaveBeenCalledTimes(2);
    cycle.mockRejectedValue(new DatabaseUnreachable("away"));
    await calls(40_000);
    expect(repository.mend).toHaveBeenCalledTimes(2);
  });

  it("runs a cycle when a webhook calls, but at most four times per second", async () => {
    const { calls, loop } = started();
    await calls(1_000);
    loop.trigger();
    expect(await calls(1_001)).toBe(2);
    loop.trigger();
    expect([await calls(1_249), await calls(1_250)]).toEqual([2, 3]);
  });

  it("makes no requests in a region that is not the recorder, and exports only the metric `langflow_dr_record_recorder`", async () => {
    const { calls, isRecorder, repository, value, loop } = started();
    isRecorder.mockReturnValue(false);
    expect(await calls(30_000)).toBe(0);
    expect(repository.hasMoved).not.toHaveBeenCalled();
    expect(await value("record_recorder")).toBe(0);
    expect(await value("sync_lag_seconds", { workspace: "default" })).toBeUndefined();
    isRecorder.mockReturnValue(true);
    expect(await calls(40_000)).toBe(1);
    expect([await value("record_recorder"), await value("sync_flows", { workspace: "default" })]).toEqual([1, 3]);
    isRecorder.mockReturnValue(false);
    await calls(50_000);
    expect(await value("sync_flows", { workspace: "default" })).toBeUndefined();
    expect(await value("record_pending_commits", { region: "us-east" })).toBeUndefined();
    expect(loop.outcomes.length).toBe(0);
  });

  it("stands by if another region becomes the recorder during a cycle", async () => {
    const { calls, cycle, value } = started();
    cycle.mockRejectedValueOnce(new NotRecorder("another region became the recorder"));
    await calls(0);
    expect(await value("record_recorder")).toBe(0);
    expect(await value("sync_cycles_total", { result: "standby" })).toBe(1);
  });

  it("retries a lost race with increasing delays, and waits for the next interval after eight retries", async () => {
    const { calls, cycle, value } = started();
    cycle.mockRejectedValue(new Raced("another push came first"));
    await calls(20_000);
    expect(await value("sync_cycles_total", { result: "raced" })).toBe(9);
  });

  it.each([
    [new GitUnreachable("git: away"), "git-unreachable"],
    [new LangFlowUnreachable("LangFlow: away"), "langflow-unreachable"],
    [new DatabaseUnreachable("database: away"), "database-unreachable"],
    [new Error("odd"), "failed"],
  ])("logs %s once, counts it each time, and continues", async (error, result) => {
    const { calls, cycle, log, value } = started();
    cycle.mockRejectedValue(error);
    await calls(25_000);
    expect(log.error).toHaveBeenCalledTimes(1);
    expect(await value("sync_cycles_total", { result })).toBe(3);
    cycle.mockResolvedValueOnce(found());
    await calls(45_000);
    expect(log.error).toHaveBeenCalledTimes(2);
  });

  it("reports how far the record lags while commits are pending, together with each cycle's results", async () => {
    const { calls, cycle, value } = started();
    await calls(0);
    cycle.mockResolvedValue({ ...found({ flows: 4 }), pending: 2, trouble: new GitUnreachable("git: away") });
    await calls(30_000);
    expect(await value("record_pending_commits", { region: "us-east" })).toBe(2);
    expect(await value("sync_lag_seconds", { workspace: "default" })).toBe(30);
    expect(await value("sync_flows", { workspace: "default" })).toBe(4);
  });

  it("reports a lag if no cycle has ever succeeded", async () => {
    const { calls, cycle, value } = started();
    cycle.mockRejectedValue(new GitUnreachable("git: away"));
    await calls(60_000);
    expect(await value("sync_lag_seconds", { workspace: "default" })).toBe(60);
  });

  it("logs each held or skipped flow once, not in every cycle, and held deletes once per code", async () => {
    const { calls, cycle, log, value } = started();
    const held = (reason: string, kind: "flow" | "deletes" = "flow") => ({ path: "LangFlow 1", reason, kind });
    cycle.mockResolvedValue(found({ held: [held("no")], problems: [{ path: "a.json", reason: "is not JSON" }] }));
    await calls(20_000);
    expect(log.warn.mock.calls).toEqual([
      [{ workspace: "default", path: "a.json", reason: "is not JSON" }, "skipped"],
      [{ workspace: "default", path: "LangFlow 1", reason: "no" }, "held"],
    ]);
    const heldDeletes = { ids: ["1"], code: "c0de", of: 3 };
    cycle.mockResolvedValueOnce(found({ held: [held("1 of 3", "deletes")], heldDeletes }));
    cycle.mockResolvedValueOnce(found({ held: [held("1 of 4", "deletes")], heldDeletes: { ...heldDeletes, of: 4 } }));
    await calls(40_000);
    expect(log.warn).toHaveBeenCalledTimes(3);
    expect(await value("sync_deletes_held", { workspace: "default" })).toBe(1);
  });

  it("counts and logs its imports, its commits and each conflict", async () => {
    const { calls, cycle, log, value } = started();
    cycle.mockResolvedValueOnce(
      found({
        imported: 1,
        exported: 2,
        conflicts: [{ kind: "edited-twice", id: "1", fields: ["graph"], keptAs: "2" }],
      }),
    );
    await calls(0);
    expect(log.info).toHaveBeenCalledWith({ workspace: "default", imported: 1, exported: 2, flows: 3 }, "recorded");
    expect(log.warn).toHaveBeenCalledWith(expect.objectContaining({ keptAs: "2" }), "conflict resolved");
    expect(await value("sync_conflicts_total", { workspace: "default", kind: "edited-twice" })).toBe(1);
    expect(await value("sync_imported_total", { workspace: "default" })).toBe(1);
  });

  it("logs a remark once, and drops the metrics of folders that no longer have an active user", async () => {
    const { calls, cycle, log, value } = started();
    const both = [outcomeOf("ada"), outcomeOf("default")];
    cycle.mockResolvedValueOnce({ outcomes: both, pending: 0, remark: "no such reference" });
    cycle.mockResolvedValueOnce({ outcomes: both.slice(1), pending: 0, remark: "no such reference" });
    await calls(0);
    expect(await value("sync_flows", { workspace: "ada" })).toBe(0);
    await calls(10_000);
    expect(await value("sync_flows", { workspace: "ada" })).toBeUndefined();
    expect(log.warn.mock.calls).toEqual([[{}, "no such reference"]]);
  });
});

describe("the health check", () => {
  it("lists held flows, skipped files and held deletes, and fails if the agent shows no sign of life", async () => {
    const held = [
      { path: "LangFlow 1", reason: "no", kind: "flow" as const },
      { path: "LangFlow 2", reason: "waits", kind: "deletes" as const },
    ];
    const problems = [{ path: "default/a.json", reason: "is not JSON" }];
    const outcome = { ...outcomeOf("default"), problems, held, heldDeletes: { ids: ["2"], code: "c0de", of: 3 } };
    let aliveAt = Date.now();
    const server = metricsServer(
      new Registry(),
      () => aliveAt,
      900,
      () => [outcome],
    );
    const url = await server.listen({ host: "127.0.0.1", port: 0 });
    const answer = await fetch(`${url}/healthz`);
    expect(await answer.json()).toEqual({
      status: "ok",
      held: [{ workspace: "default", path: "LangFlow 1", reason: "no" }],
      deletesHeld: [{ workspace: "default", code: "c0de", count: 1, of: 3 }],
      skipped: [{ workspace: "default", path: "default/a.json", reason: "is not JSON" }],
    });
    aliveAt -= 901_000;
    expect((await fetch(`${url}/healthz`)).status).toBe(503);
    await server.close();
  });
});

describe("the writer of a region", () => {
  it("is this agent for as long as the database says so, and each change of the writer is logged once", async () => {
    const log = { info: jest.fn(), error: jest.fn() };
    const becomeWriter = jest.fn(async () => true);
    const writer = new Writer({
      store: { becomeWriter },
      intervalSeconds: 10,
      log,
      signal: new AbortController().signal,
    });
    const is = async () => {
      await writer.once();
      return writer.isWriter;
    };
    expect(await is()).toBe(true);
    becomeWriter.mockResolvedValue(false);
    expect([await is(), await is()]).toEqual([false, false]);
    expect(log.info.mock.calls).toEqual([[{}, "another agent is this region's writer: standing by"]]);
    becomeWriter.mockRejectedValue(new DatabaseUnreachable("database: away"));
    expect([await is(), await is()]).toEqual([false, false]);
    expect(log.error.mock.calls).toEqual([
      [{ result: "database-unreachable" }, "the region's database: database: away"],
    ]);
  });
});
