import { randomBytes, randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { parseDatabaseUrl } from "../../agent/postgres/connection";
import { DatabaseRunFence } from "../../agent/runs/fence";
import { RunsKeeper } from "../../agent/runs/keeper";
import type { TakenRunsStore } from "../../agent/runs/takenObject";
import { TAKE_OVER_MS } from "../../agent/runs/takenRuns";
import { type AccountsRegion, regionsOfFile, settle } from "./accountsRegion";
import { until } from "./langflowApi";
import { claims, complete, MemoryStore, makeRun, pause, statuses, suspended } from "./waitingRuns";

jest.setTimeout(300_000);

const file = regionsOfFile();
const endings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0)) await end();
});

function keeperOf(region: AccountsRegion, store: TakenRunsStore | undefined) {
  const fence = new DatabaseRunFence(parseDatabaseUrl(file.postgres().url(region.database)));
  endings.push(() => fence.end());
  const clock = { ms: 0 };
  const keeper = new RunsKeeper({
    region: region.name,
    fence,
    store,
    isCaughtUp: () => true,
    steadyMs: () => clock.ms,
  });
  return { keeper, clock };
}

type Keeper = ReturnType<typeof keeperOf>;

/** Runs rounds until the region has taken the runs that are answered in it. */
async function untilClaimed({ keeper }: Keeper): Promise<void> {
  await until("the region takes the runs", async () => ((await keeper.round()) ?? 0) > 0);
}

/** Runs rounds until the runs that are answered in the region may go on there. */
async function takenOver({ keeper, clock }: Keeper): Promise<void> {
  await untilClaimed({ keeper, clock });
  await keeper.round();
  clock.ms += TAKE_OVER_MS;
  await keeper.round();
}

async function fleet() {
  const [us, eu] = await file.pair();
  const user = await us.makeUser(`user-${file.number()}`);
  await settle(us, eu);
  const store = new MemoryStore();
  return { us, eu, user, store, usKeeper: keeperOf(us, store), euKeeper: keeperOf(eu, store) };
}

describe("a run that waits for a person", () => {
  it("arrives in the other region with its checkpoint and question; queued, running and failed runs do not", async () => {
    const { us, eu, user } = await fleet();
    const waiting = await suspended(us, user);
    const staying = [];
    for (const status of ["queued", "in_progress", "failed", "completed"] as const)
      staying.push(await makeRun(us, user, status));
    await settle(us, eu);
    expect(await statuses(eu)).toEqual({ [waiting]: "suspended" });
    expect(Object.keys(await statuses(us)).sort()).toEqual([waiting, ...staying].sort());
    const [row] = await eu.query(
      `SELECT blob, event_type, seq FROM job_checkpoints c JOIN job_events e USING (job_id) WHERE job_id = $1`,
      [waiting],
    );
    expect(row).toEqual({ blob: "{}", event_type: "human_input_required", seq: 2 });
  });

  it("never arrives before its checkpoint, however large", async () => {
    const { us, eu, user } = await fleet();
    const jobs = [];
    for (let each = 0; each < 3; each += 1)
      jobs.push(await suspended(us, user, randomBytes(600_000).toString("base64")));
    await us.query("INSERT INTO variable (id, user_id, name, value) VALUES (gen_random_uuid(), $1, 'small', 'x')", [
      user,
    ]);
    for (let round = 0; round < 4; round += 1) {
      await us.accounts.publishChanges().catch(() => undefined);
      await us.accounts.round();
      await eu.accounts.round();
      const rows = await eu.query("SELECT FROM job WHERE job_id NOT IN (SELECT job_id FROM job_checkpoints)");
      expect(rows).toEqual([]);
    }
    expect(Object.keys(await statuses(eu)).sort()).toEqual(jobs.sort());
  });

  it("disappears from other regions while it continues in its own, and returns with its result or its next question", async () => {
    const { us, eu, user, usKeeper } = await fleet();
    const [first, second] = [await suspended(us, user), await suspended(us, user)];
    await settle(us, eu);
    await usKeeper.keeper.round();
    expect([await claims(us, first), await claims(us, second)]).toEqual([true, true]);
    await settle(us, eu);
    expect(await statuses(eu)).toEqual({});
    expect(await us.query("SELECT FROM job_checkpoints")).toHaveLength(2);
    await complete(us, first);
    await pause(us, second, `{"pass": 2}`);
    await settle(us, eu);
    expect(await statuses(eu)).toEqual({ [first]: "completed", [second]: "suspended" });
    expect(await eu.query("SELECT blob FROM job_checkpoints WHERE job_id = $1", [second])).toEqual([
      { blob: `{"pass": 2}` },
    ]);
  });

  it("is published as ended, not as running, if a person answers the run just before its publication", async () => {
    const { us, eu, user, usKeeper } = await fleet();
    await usKeeper.keeper.round();
    const jobs = [];
    for (let each = 0; each < 5; each += 1) jobs.push(await suspended(us, user));
    await Promise.all([us.accounts.round(), ...jobs.map((job) => claims(us, job))]);
    await eu.accounts.round();
    expect(Object.values(await statuses(eu)).filter((status) => status === "in_progress")).toEqual([]);
    await settle(us, eu);
    expect(await statuses(eu)).toEqual({});
  });

  it("is not held as a mass delete when 100 runs are answered at once", async () => {
    const { us, eu, user, usKeeper } = await fleet();
    Object.assign(us, { limits: { users: 1, rows: 1, share: 0 } });
    const jobs = [];
    for (let each = 0; each < 100; each += 1) jobs.push(await suspended(us, user));
    await settle(us, eu);
    await usKeeper.keeper.round();
    for (const job of jobs) expect(await claims(us, job)).toBe(true);
    const [outcome] = await settle(us, eu);
    expect(outcome?.held).toBeUndefined();
    expect(await statuses(eu)).toEqual({});
  });

  it("is cancelled in every region if any region starts a new run of the same conversation", async () => {
    const { us, eu, user } = await fleet();
    const job = await suspended(us, user);
    await settle(us, eu);
    // As LangFlow's claim_suspended_for_cancel and _cancel_suspended do. No fence guards it, because nothing runs.
    await eu.query(
      "UPDATE job SET status = 'cancelled', finished_timestamp = now() WHERE job_id = $1 AND status = 'suspended'",
      [job],
    );
    await eu.query("DELETE FROM job_checkpoints WHERE job_id = $1", [job]);
    await settle(us, eu);
    expect([await statuses(us), await us.query("SELECT FROM job_checkpoints")]).toEqual([{}, []]);
  });
});

describe("a run that waits for a person, in unusual states", () => {
  it("arrives byte for byte if its checkpoint has 5 MB, or escaped NUL characters and lone surrogates", async () => {
    const { us, eu, user } = await fleet();
    const escapes = String.raw`{"text": "\u0000 \ud800 \udc00\ud83d \\ \" é 😀"}`;
    const large = `{"text": "\\u0000${randomBytes(3_750_000).toString("base64")}\\ud800"}`;
    const jobs = [await suspended(us, user, escapes), await suspended(us, user, large)];
    await settle(us, eu);
    const blobs = await eu.query<{ blob: string }>("SELECT blob FROM job_checkpoints ORDER BY length(blob)");
    expect(blobs[0]?.blob).toBe(escapes);
    expect(blobs[1]?.blob === large).toBe(true);
    expect(await statuses(eu)).toEqual(Object.fromEntries(jobs.map((job) => [job, "suspended"])));
  });

  it("can be answered only in its home region, and is reported, if its checkpoint is too large to replicate", async () => {
    const { us, eu, user, store, usKeeper, euKeeper } = await fleet();
    const job = await suspended(us, user, "x".repeat(65_000_000));
    const [outcome] = await settle(us, eu);
    expect(outcome?.waiting).toMatchObject([{ table: "job_checkpoints", isTooLarge: true }]);
    expect(await statuses(eu)).toEqual({ [job]: "suspended" });
    for (const { keeper } of [usKeeper, euKeeper]) await keeper.round();
    expect(await claims(eu, job)).toBe(false);
    await euKeeper.keeper.round();
    expect(store.taken).toBeUndefined();
    expect(await claims(us, job)).toBe(true);
  });

  it("stays the same in every region after a delete of its flow or user, because LangFlow does not delete such runs", async () => {
    const { us, eu, user } = await fleet();
    const other = await us.makeUser("other");
    const flow = randomUUID();
    await us.query("INSERT INTO flow (id, name, user_id, data) VALUES ($1, 'flow', $2, '{}')", [flow, other]);
    const jobs = [await suspended(us, user), await suspended(us, other)];
    await us.query("UPDATE job SET flow_id = $2 WHERE job_id = $1", [jobs[1], flow]);
    await settle(us, eu);
    await us.query("DELETE FROM flow WHERE id = $1", [flow]);
    await us.query('DELETE FROM "user" WHERE id = $1', [user]);
    await settle(us, eu);
    for (const region of [us, eu])
      expect(await statuses(region)).toEqual(Object.fromEntries(jobs.map((job) => [job, "suspended"])));
  });

  it("counts as interrupted, and waits in no region, if its region is lost between the answer and the result", async () => {
    const { us, eu, user, usKeeper, euKeeper } = await fleet();
    const [published, unpublished] = [await suspended(us, user), await suspended(us, user)];
    await settle(us, eu);
    for (const { keeper } of [usKeeper, euKeeper]) await keeper.round();
    expect(await claims(us, published)).toBe(true);
    await settle(us, eu);
    expect(await statuses(eu)).toEqual({ [unpublished]: "suspended" });
    // The region is lost before it publishes this answer: a person answers again in the other region.
    expect(await claims(us, unpublished)).toBe(true);
    const claim = claims(eu, unpublished);
    await takenOver(euKeeper);
    expect(await claim).toBe(true);
    await complete(eu, unpublished);
    // The region returns. LangFlow fails the runs that it was executing.
    await us.query("UPDATE job SET status = 'failed', finished_timestamp = now() WHERE status = 'in_progress'");
    await settle(us, eu);
    expect(await statuses(us)).toEqual({ [published]: "failed", [unpublished]: "completed" });
    expect(await statuses(eu)).toEqual({ [unpublished]: "completed" });
  });
});

describe("the fence of waiting runs", () => {
  it("rejects an answer at once if the run has continued in its home region; the agent never waits for the answer", async () => {
    const { us, eu, user, usKeeper, euKeeper } = await fleet();
    const job = await suspended(us, user);
    await settle(us, eu);
    for (const { keeper } of [usKeeper, euKeeper]) await keeper.round();
    const began = Date.now();
    const late = claims(eu, job);
    await sleep(1_000);
    expect(await claims(us, job)).toBe(true);
    await settle(us, eu);
    expect(await late).toBe(false);
    expect(Date.now() - began).toBeLessThan(15_000);
    expect(await statuses(eu)).toEqual({});
  });

  it("holds at most ten answers until a take-over is complete, and then accepts each of them", async () => {
    const { us, eu, user, usKeeper, euKeeper } = await fleet();
    const jobs = [];
    for (let each = 0; each < 12; each += 1) jobs.push(await suspended(us, user));
    await settle(us, eu);
    for (const { keeper } of [usKeeper, euKeeper]) await keeper.round();
    const answers = jobs.map((job) => claims(eu, job));
    await sleep(2_000);
    await takenOver(euKeeper);
    const accepted = (await Promise.all(answers)).filter((each) => each).length;
    expect(accepted).toBeGreaterThanOrEqual(9);
    expect(accepted).toBeLessThanOrEqual(11);
    for (const job of jobs) if ((await statuses(eu))[job] === "suspended") expect(await claims(eu, job)).toBe(true);
  });

  it("lets a run resume in its home region at once, and in another region only `TAKE_OVER_MS` after that region took it over", async () => {
    const { us, eu, user, usKeeper, euKeeper } = await fleet();
    const [atHome, lost] = [await suspended(us, user), await suspended(us, user)];
    await settle(us, eu);
    for (const { keeper } of [usKeeper, euKeeper]) await keeper.round();
    expect(await claims(us, atHome)).toBe(true);

    let isAnswered = false;
    const answer = claims(eu, lost).finally(() => {
      isAnswered = true;
    });
    await untilClaimed(euKeeper);
    await euKeeper.keeper.round();
    euKeeper.clock.ms += TAKE_OVER_MS - 1;
    await euKeeper.keeper.round();
    // The home learns of the take-over from the witness, even if no replication reaches it.
    await usKeeper.keeper.round();
    await sleep(1_000);
    expect(isAnswered).toBe(false);
    euKeeper.clock.ms += 1;
    await euKeeper.keeper.round();
    expect([await answer, await claims(eu, lost)]).toEqual([true, false]);
    await complete(eu, lost);
    await settle(us, eu);
    expect((await statuses(us))[lost]).toBe("completed");
  });

  it("closes by itself when the witness does not answer, and before the agent's first round", async () => {
    const { us, user, store, usKeeper } = await fleet();
    const job = await suspended(us, user);
    expect(await claims(us, job)).toBe(false);
    await usKeeper.keeper.round();
    await us.query("UPDATE langflow_dr.run_fence SET until = until - interval '10 seconds'");
    store.isAway = true;
    await expect(usKeeper.keeper.round()).rejects.toThrow("away");
    expect(await claims(us, job)).toBe(false);
    store.isAway = false;
    await usKeeper.keeper.round();
    expect(await claims(us, job)).toBe(true);
  });

  it("lets the home region take its run back, and lets no other region take a run without an answer", async () => {
    const { us, eu, user, store, usKeeper, euKeeper } = await fleet();
    const job = await suspended(us, user);
    await settle(us, eu);
    await euKeeper.keeper.round();
    expect(store.taken).toBeUndefined();
    // The keepers' clocks stand still, so no take-over is old enough: each answer gives up, and is stored as a wish.
    const answer = claims(eu, job);
    await untilClaimed(euKeeper);
    await usKeeper.keeper.round();
    expect(await answer).toBe(false);
    await usKeeper.keeper.round();
    expect(await claims(us, job)).toBe(false);
    expect(await usKeeper.keeper.round()).toBe(0);
    usKeeper.clock.ms += 60_000;
    expect(await usKeeper.keeper.round()).toBe(1);
    for (let round = 0; round < 3; round += 1) {
      for (const { keeper, clock } of [usKeeper, euKeeper]) {
        expect(await keeper.round()).toBe(0);
        clock.ms += TAKE_OVER_MS;
      }
    }
    const late = claims(eu, job);
    expect([await claims(us, job), await late]).toEqual([true, false]);
  });

  it("without a witness, lets a run resume only in its home region", async () => {
    const { us, eu, user } = await fleet();
    const job = await suspended(us, user);
    await settle(us, eu);
    for (const region of [us, eu]) await keeperOf(region, undefined).keeper.round();
    expect([await claims(eu, job), await claims(us, job)]).toEqual([false, true]);
  });
});
