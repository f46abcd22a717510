import { randomBytes, randomUUID } from "node:crypto";
import { parseDatabaseUrl } from "../../agent/postgres/connection";
import { DatabaseRunFence } from "../../agent/runs/fence";
import { RunsKeeper } from "../../agent/runs/keeper";
import type { TakenRunsStore } from "../../agent/runs/takenObject";
import { TAKE_OVER_MS, type TakenRuns } from "../../agent/runs/takenRuns";
import { type AccountsRegion, regionsOfFile, settle } from "./accountsRegion";

jest.setTimeout(300_000);

const file = regionsOfFile();
const endings: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0)) await end();
});

type Status = "queued" | "in_progress" | "suspended" | "completed" | "failed" | "cancelled";

/** Inserts a run as LangFlow's `create_job` and `heartbeat` do. */
async function makeRun(region: AccountsRegion, user: string, status: Status, job = randomUUID()): Promise<string> {
  const metadata = { request: { input_value: "hello" }, owner: "api:1:abc", heartbeat_at: new Date().toISOString() };
  await region.query(
    `INSERT INTO job (job_id, flow_id, status, created_timestamp, type, user_id, job_metadata)
      VALUES ($1, gen_random_uuid(), $2, now(), 'workflow', $3, $4)`,
    [job, status, user, JSON.stringify(metadata)],
  );
  return job;
}

/** Pauses a run in LangFlow's order: checkpoint, question, status. */
async function pause(region: AccountsRegion, job: string, blob = "{}"): Promise<void> {
  await region.query(
    `INSERT INTO job_checkpoints (id, job_id, kind, blob, created_at, updated_at)
      VALUES (gen_random_uuid(), $1, 'graph', $2, now(), now())
      ON CONFLICT (job_id, kind) DO UPDATE SET blob = excluded.blob, updated_at = excluded.updated_at`,
    [job, blob],
  );
  for (const type of ["end_vertex", "human_input_required"])
    await region.query(
      `INSERT INTO job_events (id, job_id, seq, event_type, payload, created_at)
        SELECT gen_random_uuid(), $1, 1 + count(*), $2, '{"request_id": "HumanInput-1:x"}', now() FROM job_events WHERE job_id = $1`,
      [job, type],
    );
  await region.query(
    `UPDATE job SET status = 'suspended', job_metadata = job_metadata || '{"pending_request_id": "HumanInput-1:x"}'
      WHERE job_id = $1`,
    [job],
  );
}

async function suspended(region: AccountsRegion, user: string, blob?: string): Promise<string> {
  const job = await makeRun(region, user, "in_progress");
  await pause(region, job, blob);
  return job;
}

/** Claims a run as LangFlow's `claim_suspended_for_resume` does. */
async function claims(region: AccountsRegion, job: string): Promise<boolean> {
  const rows = await region.query(
    `UPDATE job SET status = 'in_progress', job_metadata = job_metadata || jsonb_build_object('heartbeat_at', clock_timestamp())
      WHERE job_id = $1 AND status = 'suspended' RETURNING job_id`,
    [job],
  );
  return rows.length === 1;
}

const complete = (region: AccountsRegion, job: string) =>
  region.query(
    `UPDATE job SET status = 'completed', result = '{"answer": 42}', finished_timestamp = now() WHERE job_id = $1`,
    [job],
  );

const statuses = async (region: AccountsRegion): Promise<Record<string, string>> => {
  const rows = await region.query<{ id: string; status: string }>("SELECT job_id AS id, status::text FROM job");
  return Object.fromEntries(rows.map(({ id, status }) => [id, status]));
};

/** The take-overs, in memory. */
class MemoryStore implements TakenRunsStore {
  taken: TakenRuns | undefined;
  #writes = 0;
  isAway = false;

  async read() {
    if (this.isAway) throw new Error("the witness is away");
    return this.taken && { value: this.taken, etag: `${this.#writes}` };
  }
  async write(taken: TakenRuns, seen: { etag: string } | undefined) {
    if (this.isAway) throw new Error("the witness is away");
    if (seen?.etag !== (this.taken && `${this.#writes}`)) return false;
    this.taken = taken;
    this.#writes += 1;
    return true;
  }
}

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

async function fleet() {
  const [us, eu] = await file.pair();
  const user = await us.makeUser(`user-${file.number()}`);
  await settle(us, eu);
  const store = new MemoryStore();
  return { us, eu, user, store, usKeeper: keeperOf(us, store), euKeeper: keeperOf(eu, store) };
}

describe("a run that waits for a person", () => {
  it("arrives with its checkpoint and its question, whereas queued, running and failed runs stay in their region", async () => {
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

  it("disappears elsewhere while it goes on, keeps its checkpoint in its region, and comes back with its result or its next question", async () => {
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

  it("is published as ended, not as running, if a person answers it between capture and publication", async () => {
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

  it("is cancelled in every region by a new run of its conversation in any of them", async () => {
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

describe("the fence of waiting runs", () => {
  it("lets a run go on in its home at once, and in another region only after a take-over and its wait", async () => {
    const { us, eu, user, usKeeper, euKeeper } = await fleet();
    const [atHome, lost] = [await suspended(us, user), await suspended(us, user)];
    await settle(us, eu);
    for (const { keeper } of [usKeeper, euKeeper]) await keeper.round();
    expect(await claims(us, atHome)).toBe(true);

    expect(await claims(eu, lost)).toBe(false);
    expect(await euKeeper.keeper.round()).toBe(1);
    await euKeeper.keeper.round();
    euKeeper.clock.ms += TAKE_OVER_MS - 1;
    await euKeeper.keeper.round();
    expect(await claims(eu, lost)).toBe(false);
    euKeeper.clock.ms += 1;
    await euKeeper.keeper.round();
    // The home learns of the take-over from the witness, even if no replication reaches it.
    await usKeeper.keeper.round();
    expect([await claims(us, lost), await claims(eu, lost), await claims(eu, lost)]).toEqual([false, true, false]);
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

  it("lets the home take its run back, and no region takes a run that nobody answers there", async () => {
    const { us, eu, user, store, usKeeper, euKeeper } = await fleet();
    const job = await suspended(us, user);
    await settle(us, eu);
    await euKeeper.keeper.round();
    expect(store.taken).toBeUndefined();
    expect(await claims(eu, job)).toBe(false);
    expect(await euKeeper.keeper.round()).toBe(1);
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
    expect([await claims(eu, job), await claims(us, job)]).toEqual([false, true]);
  });

  it("without a witness, lets a run go on in its home only", async () => {
    const { us, eu, user } = await fleet();
    const job = await suspended(us, user);
    await settle(us, eu);
    for (const region of [us, eu]) await keeperOf(region, undefined).keeper.round();
    expect([await claims(eu, job), await claims(us, job)]).toEqual([false, true]);
  });
});
