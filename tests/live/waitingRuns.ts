import { randomUUID } from "node:crypto";
import type { TakenRunsStore } from "../../agent/runs/takenObject";
import type { TakenRuns } from "../../agent/runs/takenRuns";
import type { AccountsRegion } from "./accountsRegion";

type Status = "queued" | "in_progress" | "suspended" | "completed" | "failed" | "cancelled";

/** Inserts a run as LangFlow's `create_job` and `heartbeat` do. */
export async function makeRun(
  region: AccountsRegion,
  user: string,
  status: Status,
  job = randomUUID(),
): Promise<string> {
  const metadata = { request: { input_value: "hello" }, owner: "api:1:abc", heartbeat_at: new Date().toISOString() };
  await region.query(
    `INSERT INTO job (job_id, flow_id, status, created_timestamp, type, user_id, job_metadata)
      VALUES ($1, gen_random_uuid(), $2, now(), 'workflow', $3, $4)`,
    [job, status, user, JSON.stringify(metadata)],
  );
  return job;
}

/** Pauses a run in LangFlow's order: checkpoint, question, status. */
export async function pause(region: AccountsRegion, job: string, blob = "{}"): Promise<void> {
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

export async function suspended(region: AccountsRegion, user: string, blob?: string): Promise<string> {
  const job = await makeRun(region, user, "in_progress");
  await pause(region, job, blob);
  return job;
}

/** Claims a run as LangFlow's `claim_suspended_for_resume` does. */
export async function claims(region: AccountsRegion, job: string): Promise<boolean> {
  const rows = await region.query(
    `UPDATE job SET status = 'in_progress', job_metadata = job_metadata || jsonb_build_object('heartbeat_at', clock_timestamp())
      WHERE job_id = $1 AND status = 'suspended' RETURNING job_id`,
    [job],
  );
  return rows.length === 1;
}

export const complete = (region: AccountsRegion, job: string) =>
  region.query(
    `UPDATE job SET status = 'completed', result = '{"answer": 42}', finished_timestamp = now() WHERE job_id = $1`,
    [job],
  );

export const statuses = async (region: AccountsRegion): Promise<Record<string, string>> => {
  const rows = await region.query<{ id: string; status: string }>("SELECT job_id AS id, status::text FROM job");
  return Object.fromEntries(rows.map(({ id, status }) => [id, status]));
};

/** The take-overs, in memory. */
export class MemoryStore implements TakenRunsStore {
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
