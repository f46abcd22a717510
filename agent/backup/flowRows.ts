import type { ClientBase } from "pg";
import { isObject, type JsonObject, parseJson } from "../flows/canonicalJson";

/** Whole flows at once in memory; one may have some megabytes. */
const ROWS_AT_ONCE = 16;

/** A flow as LangFlow's database has it, of a user. */
export interface FlowRow {
  readonly id: string;
  readonly user: { readonly id: string; readonly name: string };
  /** Every column, numbers as they are written. */
  readonly stored: JsonObject;
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
  const ownFlows = `SELECT row_to_json(t)::text AS stored, u.id::text AS "userId", u.username AS name
    FROM flow t JOIN "user" u ON u.id = t.user_id WHERE ${where}`;
  await client.query(`DECLARE flows NO SCROLL CURSOR FOR ${ownFlows}`, [...values]);
  try {
    for (;;) {
      const { rows } = await client.query<{ stored: string; userId: string; name: string }>(
        `FETCH ${ROWS_AT_ONCE} FROM flows`,
      );
      if (rows.length === 0) return;
      for (const { stored, userId, name } of rows) {
        const flow = parseJson(stored);
        if (isObject(flow) && typeof flow.id === "string")
          yield { id: flow.id, user: { id: userId, name }, stored: flow, variables: variables.get(userId) ?? NONE };
      }
    }
  } finally {
    await client.query("CLOSE flows").catch(() => undefined);
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
