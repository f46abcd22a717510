import { DatabaseUnreachable } from "../../../agent/postgres/databaseUnreachable";
import type { Standing } from "../../../agent/schedules/keeper";
import { TERM_MS } from "../../../agent/schedules/lease";
import { SchedulesLoop } from "../../../agent/schedules/loop";
import type { SchedulesMetrics } from "../../../agent/schedules/metrics";

describe("the schedules loop", () => {
  it("holds the schedules until the term of its last successful round ends, and no longer", async () => {
    jest.useFakeTimers();
    const stop = new AbortController();
    const round = jest.fn(
      async (): Promise<Standing | undefined> => ({ isHolder: true, generation: 1, holder: "us-east" }),
    );
    const metrics = { succeeded: jest.fn(), failed: jest.fn() } as unknown as SchedulesMetrics;
    const log = { info: jest.fn(), error: jest.fn() };
    const loop = new SchedulesLoop({ keeper: { round }, isWriter: () => true, metrics, log, signal: stop.signal });
    expect([loop.isHolder, loop.hasSchedules]).toEqual([false, undefined]);
    const run = loop.run();
    await jest.advanceTimersByTimeAsync(0);
    expect([loop.isHolder, loop.hasSchedules]).toEqual([true, true]);
    round.mockRejectedValue(new DatabaseUnreachable("database: away"));
    await jest.advanceTimersByTimeAsync(TERM_MS - 1);
    expect(loop.isHolder).toBe(true);
    await jest.advanceTimersByTimeAsync(1);
    expect(loop.isHolder).toBe(false);
    round.mockResolvedValue(undefined);
    await jest.advanceTimersByTimeAsync(TERM_MS);
    expect([loop.isHolder, loop.hasSchedules]).toEqual([false, false]);
    stop.abort();
    await run;
    jest.useRealTimers();
  });
});
