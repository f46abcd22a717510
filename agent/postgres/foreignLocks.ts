import type { ClientBase } from "pg";

/** Takes an advisory lock until the transaction's end, after whoever of this login has it. */
export async function lockForTransaction(client: ClientBase, lock: number): Promise<void> {
  await endForeignHolders(client, [0, lock]);
  await client.query("SELECT pg_advisory_xact_lock($1)", [lock]);
}

/**
 * Ends the sessions of other logins that hold, or wait for, an advisory lock of ours: PostgreSQL lets whoever signs in take any, and LangFlow's
 * login could keep the agent from writing. The lock is free a moment later. Logins that the session's own may not speak for stay.
 *
 * @param lock both numbers, or 0 and a single one
 * @returns whether there were any
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
