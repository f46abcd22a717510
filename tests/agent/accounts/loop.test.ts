import { Registry } from "prom-client";
import type { Round } from "../../../agent/accounts/accounts";
import { AccountsLoop } from "../../../agent/accounts/loop";
import { AccountsMetrics } from "../../../agent/accounts/metrics";
import { DatabaseUnreachable } from "../../../agent/postgres/databaseUnreachable";

const ROUND: Round = {
  applied: 0,
  copies: 0,
  published: 0,
  isLeft: false,
  waiting: [],
  broken: new Map(),
  unreached: [],
  readAgain: [],
  held: undefined,
  unknown: [],
  refused: [],
  renamed: [],
};
const NOTHING = { published: 0, isLeft: false };
const INTERVAL_SECONDS = 10;
/** Pause between two rounds in milliseconds: five rounds per interval, and two polls between rounds. */
const REST_MS = 2_000;

/** Runs a loop with fakes and records each call to accounts with its time in seconds. */
function looped({
  publishChanges = async () => NOTHING,
  hasRemoteChanges = async () => false,
  isWriter = (): boolean => true,
  fails = false,
  found = {} as Partial<Round>,
  during = async () => {},
} = {}) {
  const asked: string[] = [];
  let turns = 0;
  const warned: string[] = [];
  const note = (what: string) => asked.push(`${what} at ${performance.now() / 1000}`);
  const stop = new AbortController();
  const registry = new Registry();
  const loop = new AccountsLoop({
    accounts: {
      replicatesFlows: true,
      round: async () => {
        note("round");
        await during();
        if (fails) throw new Error("the database is away");
        return Object.assign({}, ROUND, { copies: 2 }, found);
      },
      publishChanges: async () => {
        note("told");
        return publishChanges();
      },
      hasRemoteChanges,
    },
    isWriter: () => {
      turns += 1;
      return isWriter();
    },
    intervalSeconds: INTERVAL_SECONDS,
    metrics: new AccountsMetrics(registry),
    log: {
      info: () => undefined,
      warn: (...[fields, message]: unknown[]) => void warned.push(`${JSON.stringify(fields)} ${message}`),
      error: () => undefined,
    },
    signal: stop.signal,
  });
  const running = loop.run();
  const end = async () => {
    stop.abort();
    await running;
    const counted = async (what: string) =>
      (await registry.getSingleMetric(`langflow_dr_accounts_${what}_total`)?.get())?.values[0]?.value;
    return { asked, warned, published: await counted("told"), copies: await counted("copies") };
  };
  /** Returns the samples of a gauge, by their labels. */
  const gauged = async (what: string) => {
    const values = (await registry.getSingleMetric(`langflow_dr_accounts_${what}`)?.get())?.values ?? [];
    return Object.fromEntries(values.map(({ labels, value }) => [Object.values(labels).join(" "), value]));
  };
  return { loop, end, gauged, turns: () => turns };
}

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});
const pass = (milliseconds: number) => jest.advanceTimersByTimeAsync(milliseconds);

it("the replication loop starts five rounds per interval", async () => {
  const { end } = looped();
  await pass(2 * REST_MS);
  expect((await end()).asked).toEqual(["round at 0", "round at 2", "round at 4"]);
});

it("the replication loop polls for other regions' changes 15 times per interval, and starts a round when it finds a change", async () => {
  const looks: string[] = [];
  const hasRemoteChanges = async () => {
    looks.push((performance.now() / 1000).toFixed(1));
    return looks.length === 2;
  };
  const { end } = looped({ hasRemoteChanges });
  await pass(3_900);
  expect(looks.slice(0, 4)).toEqual(["0.7", "1.3", "2.0", "2.7"]);
  expect((await end()).asked).toEqual([
    "round at 0",
    expect.stringMatching(/^round at 1\.33/),
    expect.stringMatching(/^round at 3\.33/),
  ]);
});

it("the replication loop starts a round if a poll fails", async () => {
  const hasRemoteChanges = () => Promise.reject(new Error("the bucket is away"));
  const { end } = looped({ hasRemoteChanges });
  await pass(700);
  expect((await end()).asked).toEqual(["round at 0", expect.stringMatching(/^round at 0\.66/)]);
});

it("the replication loop publishes at once when the database notifies it, without polling the bucket or delaying a round", async () => {
  const { loop, end } = looped({ publishChanges: async () => ({ published: 3, isLeft: false }) });
  await pass(0);
  for (let second = 0.5; second <= 2.5; second++) {
    await pass(500);
    loop.trigger();
    await pass(500);
  }
  expect(await end()).toMatchObject({
    asked: ["round at 0", "told at 0.55", "told at 1.55", "round at 2", "told at 2.55"],
    published: 9,
  });
});

it("the replication loop starts a round without a further pause if the round became due during a publication or a poll", async () => {
  const isLater = () => new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 100));
  const { loop, end } = looped({ publishChanges: () => isLater().then(() => NOTHING), hasRemoteChanges: isLater });
  await jest.advanceTimersByTimeAsync(REST_MS - 120);
  loop.trigger();
  await jest.advanceTimersByTimeAsync(2 * REST_MS);
  const { asked } = await end();
  const rounds = asked.filter((each) => each.startsWith("round")).map((each) => Number(each.split(" at ")[1]));
  const [first = 0, second = 0, third = 0] = rounds;
  expect(second - first).toBeLessThan((REST_MS + 200) / 1000);
  expect(third - second).toBeLessThan((REST_MS + 200) / 1000);
});

it("the replication loop publishes large rows only in a round, and starts that round at once", async () => {
  const { loop, end } = looped({ publishChanges: async () => ({ published: 1, isLeft: true }) });
  await pass(500);
  loop.trigger();
  await pass(100);
  expect(await end()).toMatchObject({ asked: ["round at 0", "told at 0.55", "round at 0.55"], published: 1 });
});

it("the replication loop starts a round at once if publishing fails", async () => {
  const fails = async (): Promise<typeof NOTHING> => {
    throw new Error("column does not exist");
  };
  const { loop, end } = looped({ publishChanges: fails });
  await pass(500);
  loop.trigger();
  await pass(100);
  expect((await end()).asked).toEqual(["round at 0", "told at 0.55", "round at 0.55"]);
});

it("the replication loop counts the copies of flows that its rounds create", async () => {
  const { end } = looped();
  await pass(REST_MS);
  expect((await end()).copies).toBe(4);
});

it("the metrics report how many rows of each table wait and for how long, and which tables replication currently refuses", async () => {
  const row = (table: string, id: string) => ({ table, id, reason: "its user_id is not here yet" });
  const found: Partial<Round> = { waiting: [row("flow", "f"), row("folder", "p")], refused: ["user"] };
  const { end, gauged } = looped({ found });
  await pass(2 * REST_MS);
  expect([await gauged("waiting"), await gauged("refused")]).toEqual([{ flow: 1, folder: 1 }, { user: 1 }]);
  Object.assign(found, { waiting: [row("flow", "f"), row("flow", "g")] });
  await pass(REST_MS);
  expect([await gauged("waiting"), await gauged("waiting_oldest_seconds")]).toEqual([{ flow: 2 }, { flow: 6 }]);
  Object.assign(found, { waiting: [row("flow", "g")], refused: [] });
  await pass(REST_MS);
  expect([await gauged("waiting_oldest_seconds"), await gauged("refused")]).toEqual([{ flow: 2 }, {}]);
  await end();
});

it("the replication loop logs and counts the recovered rows of each table that lost rows without a delete", async () => {
  const found: { readAgain: Round["readAgain"] } = {
    readAgain: [
      { table: "flow", rows: 7, lost: 1 },
      { table: "message", rows: 0, lost: 0 },
    ],
  };
  const { end, gauged } = looped({ found });
  await pass(0);
  found.readAgain = [];
  await pass(REST_MS);
  expect(await gauged("read_again_total")).toEqual({ flow: 7, message: 0 });
  const published = (await end()).warned.filter((each) => each.includes("lost rows without a delete"));
  expect(published).toEqual([expect.stringContaining('{"table":"flow","rows":7,"lost":1} ')]);
});

it("the metrics list a row while rounds report it as renamed, and the log explains once what to do", async () => {
  const found: { renamed: Round["renamed"] } = { renamed: [{ table: "user", id: "1a2b" }] };
  const { end, gauged } = looped({ found });
  await pass(REST_MS);
  expect(await gauged("renamed")).toEqual({ "user 1a2b": 1 });
  found.renamed = [];
  await pass(REST_MS);
  expect(await gauged("renamed")).toEqual({});
  const published = (await end()).warned.filter((each) => each.includes("1a2b"));
  expect(published).toEqual([expect.stringMatching(/^\{"table":"user","id":"1a2b"\} renamed, because .*#nametaken/)]);
});

it("a successful round catches up with all changes from before the round; a failed round catches up with none", async () => {
  for (const fails of [false, true]) {
    const { loop, end } = looped({ fails });
    const [before, after] = [performance.now(), performance.now() + 1];
    await pass(0);
    expect([loop.hasCaughtUp(before), loop.hasCaughtUp(after)]).toEqual([!fails, false]);
    await end();
  }
});

it("the replication loop has not caught up after a round that leaves large rows for the next round", async () => {
  const { loop, end, gauged } = looped({ found: { isLeft: true } });
  const before = performance.now();
  await pass(REST_MS + 1);
  expect(loop.hasCaughtUp(before)).toBe(false);
  expect((await gauged("lag_seconds"))[""]).toBeCloseTo(2, 1);
  expect((await end()).asked).toEqual(["round at 0", "round at 2"]);
});

it("giveWay() waits for a running round for at most 250 ms, and returns at once if no round is running", async () => {
  let finish = () => {};
  const { loop, end } = looped({ during: () => new Promise<void>((resolve) => (finish = resolve)) });
  const waits: number[] = [];
  const giveWay = async () => {
    const began = performance.now();
    await loop.giveWay();
    waits.push(performance.now() - began);
  };
  void giveWay();
  await pass(300);
  void giveWay();
  await pass(60);
  finish();
  await pass(40);
  void giveWay();
  await pass(100);
  await end();
  expect(waits).toEqual([250, 75, 0]);
});

it("while another agent is the region's writer, the replication loop makes only a rare check whether it still is", async () => {
  const { loop, end, turns } = looped({ isWriter: () => false });
  loop.trigger();
  await pass(2 * REST_MS);
  expect(turns()).toBeLessThan(10);
  expect((await end()).asked).toEqual([]);
});

describe("the replication loop, while its rounds fail,", () => {
  /**
   * Runs the loop with failing rounds, or with failing rounds after a successful one, while a user edits every half
   * second.
   */
  async function failing({
    first = true,
    error = new Error("an object is not read"),
    publishChanges = async () => NOTHING,
  }) {
    let rounds = 0;
    const { loop, end } = looped({
      publishChanges,
      during: async () => {
        rounds += 1;
        if (!first || rounds > 1) throw error;
      },
    });
    for (let at = 0; at < 3 * REST_MS - 500; at += 500) {
      await pass(500);
      loop.trigger();
    }
    const { asked } = await end();
    const of = (what: string) =>
      asked.flatMap((each) => (each.startsWith(what) ? [Number(each.split(" at ")[1])] : []));
    return { rounds: of("round"), published: of("told").filter((at) => at >= REST_MS / 1_000) };
  }

  it("starts no round before a pause is over, whatever users do, but publishes their edits at once", async () => {
    const { rounds, published } = await failing({});
    expect(rounds).toEqual([0, 2, 4]);
    expect(published).toEqual([2.05, 2.55, 3.05, 3.55, 4.05, 4.55, 5.05]);
  });

  it.each([
    ["before a round of this session succeeded", { first: false }],
    ["once the session has ended", { error: new DatabaseUnreachable("database: the session has ended") }],
  ])(
    "publishes nothing %s, because the database may have been restored and the region must read its own feed first",
    async (_, how) => {
      expect(await failing(how)).toEqual({ rounds: [0, 2, 4], published: [] });
    },
  );

  it.each([
    ["cannot", () => Promise.reject(new Error("no epoch"))],
    ["leaves some changes", async () => ({ published: 0, isLeft: true })],
  ])("tries to publish changes at most once per round if the loop %s", async (_, publishChanges) => {
    let isFirst = true;
    const { rounds, published } = await failing({
      publishChanges: async () => {
        if (!isFirst) return publishChanges();
        isFirst = false;
        return NOTHING;
      },
    });
    expect(published.length).toBeLessThanOrEqual(rounds.length);
    expect(rounds.length).toBeLessThanOrEqual(4);
  });
});

it("the replication loop becomes idle if a round failed and another agent has become the writer", async () => {
  let isWriter = true;
  const { end, turns } = looped({ fails: true, isWriter: () => isWriter });
  await pass(0);
  isWriter = false;
  await pass(4 * REST_MS);
  expect((await end()).asked).toHaveLength(1);
  expect(turns()).toBeLessThan(20);
});
