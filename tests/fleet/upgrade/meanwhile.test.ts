import { setTimeout as sleep } from "node:timers/promises";
import { askedDuring, meanwhileInWords } from "../../../fleet/upgrade/meanwhile";

/** Answers with these, one after the other, the last of them from then on. */
function langflow(...statuses: readonly number[]) {
  let asked = 0;
  const ask = async () => ({ status: statuses[Math.min(asked++, statuses.length - 1)] ?? 200, body: null });
  return { ask };
}

describe("users of the old LangFlow while its database is migrated", () => {
  it("are asked for as long as it takes, and each refusal counts", async () => {
    const { result, answered } = await askedDuring(langflow(200, 500, 0, 200), async () => {
      await sleep(900);
      return "migrated";
    });
    expect(result).toBe("migrated");
    expect(answered).toMatchObject({ refused: 2 });
    expect(answered.asked).toBeGreaterThanOrEqual(3);
  });

  it("count with the question that is under way at the end, which waits for a lock", async () => {
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

  it("are not asked any more where the migration fails", async () => {
    const { ask } = langflow(200);
    const counted = jest.fn(ask);
    await expect(askedDuring({ ask: counted }, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    const after = counted.mock.calls.length;
    await sleep(400);
    expect(counted.mock.calls.length - after).toBeLessThanOrEqual(1);
  });

  it("are a warning where one was refused, or waited for long", () => {
    expect(meanwhileInWords({ asked: 9, refused: 0, slowestMs: 1_240 })).toEqual({
      result: "passed",
      said: "9 of 9 questions to the old LangFlow were answered, the slowest after 1.2 s",
    });
    expect(meanwhileInWords({ asked: 9, refused: 1, slowestMs: 0 })).toMatchObject({
      result: "warning",
      said: expect.stringMatching(/^8 of 9 .*: take the region's pool out first$/),
    });
    expect(meanwhileInWords({ asked: 9, refused: 0, slowestMs: 10_001 }).result).toBe("warning");
  });
});
