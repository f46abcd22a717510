import type { ClientBase } from "pg";
import { type JsonObject, parseJson } from "../flows/canonicalJson";
import { isRefusal } from "../postgres/connection";

/** Ids at once; the flows come one at a time, as one may have some megabytes. */
const IDS_AT_ONCE = 1_000;

/** A flow as LangFlow's database has it, of a user. */
export interface FlowRow {
  readonly id: string;
  readonly user: { readonly id: string; readonly name: string };
  /** Every column, numbers as they are written. @throws what came of it where the database or this program cannot read the flow */
  readonly read: () => JsonObject;
  /** Names of the user's global variables. */
  readonly variables: ReadonlySet<string>;
}

/** Which flows, as a condition over the table `t`, with the values of its parameters. */
export interface FlowFilter {
  readonly where: string;
  readonly values: readonly unknown[];
}

/**
 * The flows of all users, a few at a time; LangFlow's starter flows, which belong to nobody, are not among them.
 *
 * @param client in a transaction, which says of what moment they are
 */
export async function* readFlows(client: ClientBase, { where, values }: FlowFilter): AsyncGenerator<FlowRow> {
  const variables = await variablesByUser(client);
  // Without the tables there are no flows; the snapshot of an empty database is a backup too.
  if (!variables) return;
  await client.query(
    `DECLARE flows NO SCROLL CURSOR FOR SELECT t.id::text, u.id::text AS "userId", u.username AS name
      FROM flow t JOIN "user" u ON u.id = t.user_id WHERE ${where}`,
    [...values],
  );
  try {
    for (;;) {
      const { rows } = await client.query<{ id: string; userId: string; name: string }>(
        `FETCH ${IDS_AT_ONCE} FROM flows`,
      );
      if (rows.length === 0) return;
      for (const { id, userId, name } of rows) {
        const stored = await storedIn(client, id);
        const read = () => {
          if (stored instanceof Error) throw stored;
          return parseJson(stored) as JsonObject;
        };
        yield { id, user: { id: userId, name }, read, variables: variables.get(userId) ?? NONE };
      }
    }
  } finally {
    await client.query("CLOSE flows").catch(() => undefined);
  }
}

/** A flow that the database refuses to show ends neither the transaction nor what reads the others. */
async function storedIn(client: ClientBase, id: string): Promise<string | Error> {
  await client.query("SAVEPOINT flow");
  try {
    const sql = "SELECT row_to_json(t)::text AS stored FROM flow t WHERE id = $1::uuid";
    const { rows } = await client.query<{ stored: string }>(sql, [id]);
    await client.query("RELEASE SAVEPOINT flow");
    return rows[0]?.stored ?? "null";
  } catch (error) {
    if (!isRefusal(error)) throw error;
    await client.query("ROLLBACK TO SAVEPOINT flow");
    return error as Error;
  }
}

const NONE: ReadonlySet<string> = new Set();

async function variablesByUser(client: ClientBase): Promise<Map<string, Set<string>> | undefined> {
  const { rows: found } = await client.query(
    `SELECT to_regclass('flow') IS NOT NULL AND to_regclass('"user"') IS NOT NULL AS flows,
       to_regclass('variable') IS NOT NULL AS variables`,
  );
  if (!found[0]?.flows) return undefined;
  const variables = new Map<string, Set<string>>();
  if (!found[0].variables) return variables;
  const { rows } = await client.query<{ userId: string; name: string }>(
    'SELECT user_id::text AS "userId", name FROM variable',
  );
  for (const { userId, name } of rows) variables.set(userId, (variables.get(userId) ?? new Set()).add(name));
  return variables;
}
