import { MARK_WINS } from "../../agent/backup/restoreDatabase";
import { parseDatabaseUrl } from "../../agent/postgres/connection";
import { DatabaseRunFence } from "../../agent/runs/fence";
import { RunsKeeper } from "../../agent/runs/keeper";
import { type AccountsRegion, regionsOfFile, settle } from "./accountsRegion";
import { claims, complete, MemoryStore, statuses, suspended } from "./waitingRuns";

jest.setTimeout(300_000);

const file = regionsOfFile();
const fences: DatabaseRunFence[] = [];
afterEach(async () => {
  for (const fence of fences.splice(0)) await fence.end();
});

/** Runs one round of the agent that keeps the region's fence. */
async function keep(region: AccountsRegion, store: MemoryStore | undefined, isCaughtUp = true): Promise<void> {
  const fence = new DatabaseRunFence(parseDatabaseUrl(file.postgres().url(region.database)));
  fences.push(fence);
  await new RunsKeeper({
    region: region.name,
    fence,
    store,
    isCaughtUp: () => isCaughtUp,
    steadyMs: () => performance.now(),
  }).round();
  await fence.end();
}

/** Two regions with a backup of each, in which two runs wait in `us`; then one completes, and the other is answered. */
async function fleet(hasWitness = true) {
  const [us, eu] = await file.pair();
  const store = hasWitness ? new MemoryStore() : undefined;
  const user = await us.makeUser(`user-${file.number()}`);
  const [completed, answered] = [await suspended(us, user), await suspended(us, user)];
  await settle(us, eu);
  for (const region of [us, eu]) await keep(region, store);
  for (const region of [us, eu]) {
    await region.client.end();
    await file.postgres().create(`${region.database}_saved`, region.database);
  }
  await us.open(new Map([["eu-west", eu.bucket]]));
  await eu.open(new Map([["us-east", us.bucket]]));
  for (const job of [completed, answered]) expect(await claims(us, job)).toBe(true);
  await complete(us, completed);
  await settle(us, eu);
  expect(await statuses(eu)).toEqual({ [completed]: "completed" });
  return { us, eu, store, completed, answered };
}

async function restore(
  region: AccountsRegion,
  other: AccountsRegion,
  { wins = false, without = false, from = region } = {},
): Promise<void> {
  await region.client.end();
  await file.postgres().create(region.database, `${from.database}_saved`);
  // A backup and its restore take longer than the fence stays open without the agent.
  await region.query("UPDATE langflow_dr.run_fence SET until = until - interval '10 seconds'");
  if (without) await region.query("DROP SCHEMA langflow_dr CASCADE");
  if (wins) await region.query(MARK_WINS);
  await region.open(new Map([[other.name, other.bucket]]));
}
type Fleet = Awaited<ReturnType<typeof fleet>>;

describe("a run that was answered after a backup does not wait again after a restore", () => {
  it.each<[string, (fleet: Fleet) => Promise<void>, hasWitness?: boolean]>([
    ["of its region", ({ us, eu }) => restore(us, eu)],
    ["of its region without the agent's state", ({ us, eu }) => restore(us, eu, { without: true })],
    ["of its region with `wins`", ({ us, eu }) => restore(us, eu, { wins: true })],
    [
      "of its region with `wins` and without the agent's state",
      ({ us, eu }) => restore(us, eu, { wins: true, without: true }),
    ],
    ["of a different region with `wins`", ({ us, eu }) => restore(eu, us, { wins: true })],
    [
      "of both regions",
      async ({ us, eu }) => {
        await restore(us, eu);
        await restore(eu, us);
      },
    ],
    ["of a fleet without a witness", ({ us, eu }) => restore(us, eu), false],
  ])("%s", async (_, restored, hasWitness = true) => {
    const all = await fleet(hasWitness);
    const { us, eu, store, completed, answered } = all;
    await restored(all);
    // Until the agent has read what happened since the backup, no run goes on.
    for (const region of [us, eu]) {
      await keep(region, store, false);
      expect(await claims(region, completed)).toBe(false);
    }
    await settle(us, eu);
    for (const region of [us, eu]) {
      expect((await statuses(region))[completed]).toBe("completed");
      expect((await statuses(region))[answered]).not.toBe("suspended");
    }
  });
});

it("a run has exactly one home region after its region's backup is restored into a different region", async () => {
  const [us, eu] = await file.pair();
  const store = new MemoryStore();
  const job = await suspended(us, await us.makeUser(`user-${file.number()}`));
  await settle(us, eu);
  for (const region of [us, eu]) await keep(region, store);
  await us.client.end();
  await file.postgres().create(`${us.database}_saved`, us.database);
  await us.open(new Map([["eu-west", eu.bucket]]));
  await restore(eu, us, { from: us });
  await settle(us, eu);
  for (const region of [us, eu]) await keep(region, store);
  const answer = claims(eu, job);
  expect([await claims(us, job), await answer]).toEqual([true, false]);
});
