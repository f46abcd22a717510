import type { ClientBase } from "pg";
import { isObject, type Json, type JsonObject, parseJson } from "../flows/canonicalJson";
import { isLarge, lengthOf, shownSql } from "../postgres/largeValue";

/** Whole flows at once in memory, none of them large. */
const ROWS_AT_ONCE = 4;
/** Bytes of a large one that are fetched at once; for each piece PostgreSQL makes the row's JSON anew. */
const PIECE_BYTES = 4_000_000;

/** A flow as LangFlow's database has it, of a user. */
export interface FlowRow {
  readonly id: string;
  readonly user: { readonly id: string; readonly name: string };
  /** Every column, numbers as they are written. */
  readonly stored: JsonObject;
  /** Whether there is room in memory for no other beside it. */
  readonly isLarge: boolean;
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
  const ownFlows = `SELECT t.id::text, ${shownSql("c.value")} AS stored, u.id::text AS "userId", u.username AS name
    FROM flow t JOIN "user" u ON u.id = t.user_id, LATERAL (VALUES (${STORED})) AS c (value) WHERE ${where}`;
  await client.query(`DECLARE flows NO SCROLL CURSOR FOR ${ownFlows}`, [...values]);
  try {
    for (;;) {
      const { rows } = await client.query<{ id: string; stored: string; userId: string; name: string }>(
        `FETCH ${ROWS_AT_ONCE} FROM flows`,
      );
      if (rows.length === 0) return;
      for (const { id, stored, userId, name } of rows) {
        const flow = await storedFlow(client, id, stored);
        const user = { id: userId, name };
        if (isObject(flow))
          yield { id, user, stored: flow, isLarge: isLarge(stored), variables: variables.get(userId) ?? NONE };
      }
    }
  } finally {
    await client.query("CLOSE flows").catch(() => undefined);
  }
}

const STORED = "row_to_json(t)::text";

/** @param shown the row's JSON, or what stands for it */
async function storedFlow(client: ClientBase, id: string, shown: string): Promise<Json> {
  if (!isLarge(shown)) return parseJson(shown);
  const whole = Buffer.allocUnsafe(lengthOf(shown));
  for (let at = 0; at < whole.length; ) {
    const { rows } = await client.query<{ piece: Buffer }>(
      `SELECT substr(convert_to(${STORED}, 'UTF8'), $2, $3) AS piece FROM flow t WHERE id = $1::uuid`,
      [id, at + 1, PIECE_BYTES],
    );
    const copied = rows[0]?.piece.copy(whole, at) ?? 0;
    if (copied === 0) throw new Error(`the flow ${id} ended before all of it was read`);
    at += copied;
  }
  return parseJson(whole.toString("utf8"));
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
