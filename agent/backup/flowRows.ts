import type { ClientBase } from "pg";
import { type JsonObject, parseJson } from "../../formats/flows/canonicalJson";
import { ROW_BYTES_MAX } from "../../formats/tables/rowSize";
import { isRefusal } from "../postgres/connection";
import { isLarge, lengthOf, RowsTooLarge, shownSql } from "../postgres/largeValue";

/** Number of ids fetched per batch. Flows are fetched one by one, because a flow may have several megabytes. */
const IDS_AT_ONCE = 1_000;
/** Bytes of a large flow that are fetched per query. PostgreSQL builds the row's JSON again for every piece. */
const PIECE_BYTES = 4_000_000;

/** A user's flow as stored in LangFlow's database. */
export interface FlowRow {
  readonly id: string;
  readonly user: { readonly id: string; readonly name: string };
  /**
   * Returns every column; numbers keep their spelling. @throws the original error if the database or this program
   * cannot read the flow
   */
  readonly read: () => JsonObject;
  /** True if memory has no room for another flow at the same time. */
  readonly isLarge: boolean;
  /** Names of the user's global variables. */
  readonly variables: ReadonlySet<string>;
}

/** Selects flows: a condition over the table `t`, with the values of its parameters. */
export interface FlowFilter {
  readonly where: string;
  readonly values: readonly unknown[];
}

/**
 * Reads the flows of all users, a few at a time. LangFlow's starter flows are left out, because they have no owner.
 *
 * @param client in a transaction, whose snapshot determines the flows
 */
export async function* readFlows(client: ClientBase, { where, values }: FlowFilter): AsyncGenerator<FlowRow> {
  const variables = await variablesByUser(client);
  // Without these tables there are no flows. An empty database can be backed up, too.
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
        const user = { id: userId, name };
        yield { id, user, ...(await storedFlow(client, id)), variables: variables.get(userId) ?? NONE };
      }
    }
  } finally {
    await client.query("CLOSE flows").catch(() => undefined);
  }
}

const STORED = "row_to_json(t)::text";

/** Reads one flow. If the database refuses to return it, the transaction and the other flows are unaffected. */
async function storedFlow(client: ClientBase, id: string): Promise<Pick<FlowRow, "read" | "isLarge">> {
  await client.query("SAVEPOINT flow");
  let stored: string | Buffer;
  try {
    stored = await storedIn(client, id);
    await client.query("RELEASE SAVEPOINT flow");
  } catch (error) {
    if (!isRefusal(error)) throw error;
    await client.query("ROLLBACK TO SAVEPOINT flow");
    return { read: thrower(error), isLarge: false };
  }
  const isLarge = typeof stored !== "string";
  try {
    // Parse now, so that the text and the parsed flow are not kept in memory together.
    const flow = parseJson(stored.toString("utf8")) as JsonObject;
    return { read: () => flow, isLarge };
  } catch (error) {
    return { read: thrower(error), isLarge };
  }
}

const thrower = (error: unknown) => () => {
  throw error;
};

/** Returns a flow's JSON: a string, or the bytes if the flow is large. */
async function storedIn(client: ClientBase, id: string): Promise<string | Buffer> {
  const { rows } = await client.query<{ shown: string }>(
    `SELECT ${shownSql("c.value")} AS shown FROM flow t, LATERAL (VALUES (${STORED})) AS c (value) WHERE id = $1::uuid`,
    [id],
  );
  const shown = rows[0]?.shown ?? "null";
  if (!isLarge(shown)) return shown;
  if (lengthOf(shown) > ROW_BYTES_MAX) throw new RowsTooLarge(new Map([[id, lengthOf(shown)]]));
  const whole = Buffer.allocUnsafe(lengthOf(shown));
  for (let at = 0; at < whole.length; ) {
    const { rows } = await client.query<{ piece: Buffer }>(
      `SELECT substr(convert_to(${STORED}, 'UTF8'), $2, $3) AS piece FROM flow t WHERE id = $1::uuid`,
      [id, at + 1, PIECE_BYTES],
    );
    const copied = rows[0]?.piece.copy(whole, at) ?? 0;
    if (copied === 0) throw new Error(`only a part of the flow ${id} could be read`);
    at += copied;
  }
  return whole;
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
