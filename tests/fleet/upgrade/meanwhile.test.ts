import { setTimeout as sleep } from "node:timers/promises";
import { askedDuring, meanwhileInWords } from "../../../fleet/upgrade/meanwhile";

/** Returns a fake LangFlow that answers with these statuses in order. The last status repeats. */
function langflow(...statuses: readonly number[]) {
  let asked = 0;
  const ask = async () => ({ status: statuses[Math.min(asked++, statuses.length - 1)] ?? 200, body: null });
  return { ask };
}

describe("availability of the old LangFlow during a migration", () => {
  it("is polled until the migration ends, and every failed request counts", async () => {
    const { result, answered } = await askedDuring(langflow(200, 500, 0, 200), async () => {
      await sleep(900);
      return "migrated";
    });
    expect(result).toBe("migrated");
    expect(answered).toMatchObject({ refused: 2 });
    expect(answered.asked).toBeGreaterThanOrEqual(3);
  });

  it("includes the request that is pending at the end because of a database lock", async () => {
    let isMigrated = false;
    const ask = async () => {
      while (!isMigrated) await sleep(20);
      return { status: 200, body: null };
    };
    const { answered } = await askedDuring({ ask }, async () => {
      await sleep(300);
      isMigrated = true;
    });
    expect(answered).toMatchObject({ asked: 1, refused: 0 });
    expect(answered.slowestMs).toBeGreaterThan(250);
  });

  it("is no longer polled after the migration fails", async () => {
    const { ask } = langflow(200);
    const counted = jest.fn(ask);
    await expect(askedDuring({ ask: counted }, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    const after = counted.mock.calls.length;
    await sleep(400);
    expect(counted.mock.calls.length - after).toBeLessThanOrEqual(1);
  });

  it("is reported as a warning if a request failed or was slow", () => {
    expect(meanwhileInWords({ asked: 9, refused: 0, slowestMs: 1_240 })).toEqual({
      result: "passed",
      said: "9 of 9 requests to the old LangFlow succeeded, the slowest after 1.2 s",
    });
    expect(meanwhileInWords({ asked: 9, refused: 1, slowestMs: 0 })).toMatchObject({
      result: "warning",
      said: expect.stringMatching(/^8 of 9 .*: disable the region's pool during the upgrade$/),
    });
    expect(meanwhileInWords({ asked: 9, refused: 0, slowestMs: 10_001 }).result).toBe("warning");
  });
});
