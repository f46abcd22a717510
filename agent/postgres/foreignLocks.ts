import type { ClientBase } from "pg";

/**
 * Takes an advisory lock until the transaction ends. Terminates other logins' sessions that hold the lock, and waits
 * for sessions of the same login.
 */
export async function lockForTransaction(client: ClientBase, lock: number): Promise<void> {
  for (let tries = 0; tries < FOREIGN_TRIES && (await endForeignHolders(client, [0, lock])); tries++) {
    const { rows } = await client.query<{ isMine: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS "isMine"', [
      lock,
    ]);
    if (rows[0]?.isMine) return;
  }
  await client.query("SELECT pg_advisory_xact_lock($1)", [lock]);
}

/** Number of times that a login that takes the lock again and again is terminated. */
const FOREIGN_TRIES = 50;

/**
 * Terminates the sessions of other logins that hold, or wait for, one of the agent's advisory locks. PostgreSQL lets
 * every login take any advisory lock, so LangFlow's login could keep the agent from writing. The lock is free a moment
 * later. Sessions of logins over which the current login has no power stay.
 *
 * @param lock both numbers of the lock, or 0 and its single number
 * @returns whether any session was terminated
 */
export async function endForeignHolders(
  client: ClientBase,
  [key, subkey]: readonly [number, number],
): Promise<boolean> {
  const { rowCount } = await client.query(
    `SELECT pg_terminate_backend(a.pid) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
     WHERE l.locktype = 'advisory' AND l.classid = $1 AND l.objid = $2 AND l.database = a.datid
       AND a.usename <> current_user AND pg_has_role(current_user, a.usesysid, 'USAGE')`,
    [key, subkey],
  );
  return (rowCount ?? 0) > 0;
}
