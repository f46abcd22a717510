import type { ClientBase } from "pg";
import { type JsonObject, parseJson } from "../../formats/flows/canonicalJson";
import { FLOW_BYTES_MAX, NotAFlow } from "../../formats/flows/flowFile";
import { type Field, KEYS } from "../../formats/flows/version";
import { SCHEMA } from "../../formats/tables/agentSchema";
import { type History, isAlive } from "../accounts/row";
import type { StoredFlow } from "../langflow/client";
import type { FlowStore } from "../langflow/store";
import { SCHEMA_SQL, SCHEMA_VERSION } from "../langflow/storeSchema";
import { inTransaction } from "../postgres/connection";
import { DatabaseUnreachable } from "../postgres/databaseUnreachable";
import { isLarge, lengthOf, shownSql } from "../postgres/largeValue";
import { LargeValues } from "../postgres/largeValues";
import { lockSchema } from "../postgres/schemaLock";

/** A user in LangFlow's database. */
export interface User {
  readonly id: string;
  readonly name: string;
  /** Whether the user may sign in to LangFlow. */
  readonly isActive: boolean;
}

/** A flow's row without the flow's content. */
export interface FlowRow {
  readonly id: string;
  readonly userId: string;
  /** Changes with each write to the row, whatever was written. */
  readonly revision: string;
  readonly projectId: string | undefined;
  /** When LangFlow last updated the row, by LangFlow's clock, in milliseconds since 1970. */
  readonly updatedAt: number;
}

export interface Project {
  readonly id: string;
  readonly userId: string;
  readonly name: string;
}

/** The recorder's stored state of a flow. */
export interface Known {
  /** Path of the recorded file. `blob` is its content, and `revision` the row's revision from which it was made. */
  readonly path?: string;
  readonly blob?: string;
  readonly revision?: string;
  /** Set while a person's edit waits for LangFlow: the blob on which the edit is based; empty if there was no file. */
  readonly base?: string;
  /** A file that stays unchanged although LangFlow's flow would produce a different one. */
  readonly leftBlob?: string;
  /** Whether the agent unlocked the flow and still has to lock it again. */
  readonly relock?: boolean;
}

/** The state of the database at one point in time. */
export interface Look {
  readonly users: readonly User[];
  readonly rows: ReadonlyMap<string, FlowRow>;
  readonly projects: ReadonlyMap<string, Project>;
  readonly known: ReadonlyMap<string, Known>;
}

/** A flow's whole row, with the flow as LangFlow's API would return it. */
export interface StoredRow extends StoredFlow {
  readonly id: string;
  readonly revision: string;
}

/** The state of a flow in the replication of accounts. */
export interface Replicated {
  /** Whether the flow was deleted, and no edit has brought it back. */
  readonly isDeleted: boolean;
  /** Returns when a field was last edited, in milliseconds since 1970. */
  readonly editedAt: (field: Field) => number;
  /** The newest edit that replication has captured, and its region; undefined if unknown. */
  readonly newest: { readonly region: string; readonly at: number } | undefined;
  /** When this region's newest edit that replication has not captured yet was made, in milliseconds since 1970. */
  readonly unreadAt?: number;
  /**
   * Returns whether the row contains an edit, or was written after it.
   *
   * @param region region of the edit; undefined: a person's edit in Git, which some region imported later than `at`
   * @param at milliseconds since 1970
   */
  readonly knows: (region: string | undefined, at: number) => boolean;
}

/**
 * Maximum size of a graph's text in the database, in bytes. Escaped characters take up to three times as many bytes
 * there as in a file.
 */
const GRAPH_BYTES_MAX = 3 * FLOW_BYTES_MAX;

const COLUMNS: typeof KEYS = { ...KEYS, project: ["folder_id"] };
const COLUMNS_OF_FILE =
  "description, endpoint_name, icon, icon_bg_color, is_component, locked, mcp_enabled, name, webhook";

/** Gives the recorder access to LangFlow's database, and to the recorder's own tables in it. */
export class RecordDatabase {
  constructor(private readonly store: Pick<FlowStore, "through">) {}

  /**
   * Returns the host's commit on which LangFlow and Git last agreed.
   *
   * @throws DatabaseUnreachable
   */
  async head(): Promise<string | undefined> {
    return this.store.through(async (client) => {
      await prepare(client);
      // An agent that was killed during an import may have left these entries.
      await client.query(`DELETE FROM ${SCHEMA}.record_import`);
      const { rows } = await client.query(`SELECT head FROM ${SCHEMA}.record_state`);
      return rows[0]?.head ?? undefined;
    });
  }

  /**
   * Reads everything except the flows' content at one point in time.
   *
   * @throws DatabaseUnreachable
   */
  async look(): Promise<Look> {
    return this.store.through(async (client) => {
      const { rows: found } = await client.query(LOOK);
      const { users, flows, projects, known } = found[0];
      return { users, rows: byId<FlowRow>(flows), projects: byId<Project>(projects), known: new Map(known) };
    });
  }

  /**
   * Returns a whole flow; undefined if it no longer exists.
   *
   * @throws NotAFlow if the graph is too large for a flow file
   */
  async stored(id: string): Promise<StoredRow | undefined> {
    const row = await this.store.through((client) => readRow(client, id));
    if (!row) return undefined;
    if (row.data && lengthOf(row.data) > GRAPH_BYTES_MAX)
      throw new NotAFlow(`has a graph of ${lengthOf(row.data)} bytes, ${GRAPH_BYTES_MAX} are allowed`);
    const { revision, data, tags, version_token: versionToken, ...rest } = row;
    const columns = rest as JsonObject;
    return {
      id,
      revision: revision ?? "",
      ...(versionToken && { versionToken }),
      locked: columns.locked === true,
      flow: {
        ...columns,
        id,
        data: data == null ? null : parseJson(data),
        tags: tags == null ? null : parseJson(tags),
      },
    };
  }

  /** Returns the names of a user's global variables, which a flow file may mention. */
  async variables(userId: string): Promise<ReadonlySet<string>> {
    return this.store.through(async (client) => {
      const { rows } = await client.query("SELECT name FROM public.variable WHERE user_id = $1::uuid", [userId]);
      return new Set(rows.map(({ name }) => name as string));
    });
  }

  /**
   * Returns the state of flows in the replication of accounts.
   *
   * @returns undefined if the database has no replication. A recorded flow that no longer exists was then deleted
   */
  async replicated(ids: readonly string[]): Promise<ReadonlyMap<string, Replicated> | undefined> {
    return this.store.through(async (client) => {
      const { rows: found } = await client.query(`SELECT to_regclass('${SCHEMA}.account_row') IS NOT NULL AS is_there`);
      if (!found[0]?.is_there) return undefined;
      const { rows } = await client.query(
        `WITH change AS (
           SELECT row_id, kind, columns, at FROM ${SCHEMA}.account_change
             WHERE table_name = 'flow' AND kind IN ('made', 'edited', 'deleted') AND row_id = ANY($1::text[])),
         unread AS (
           SELECT row_id, (array_agg(kind ORDER BY at DESC))[1] = 'deleted' AS deleted, (
               SELECT jsonb_object_agg(name, at) FROM (
                 SELECT unnest(columns) AS name, max(at) AS at FROM change c
                   WHERE c.row_id = change.row_id AND kind <> 'deleted' GROUP BY 1) stamp) AS stamps
             FROM change GROUP BY row_id)
         SELECT row_id AS id, made_at::float8 AS made, deleted_at::float8 AS deleted, to_jsonb(r) -> 'restored_at' AS restored,
           r.stamps, to_jsonb(r) -> 'history' AS history, unread.deleted AS "isUnreadDeleted", unread.stamps AS unread
         FROM (SELECT * FROM ${SCHEMA}.account_row WHERE table_name = 'flow' AND row_id = ANY($1::text[])) r
           FULL JOIN unread USING (row_id)`,
        [ids],
      );
      return new Map(rows.map(({ id, ...row }) => [id as string, replicatedRow(row)]));
    });
  }

  /**
   * Stores all of these changes or none.
   *
   * @param head null: the host's branch no longer has a commit
   */
  async remember(changes: ReadonlyMap<string, Known | undefined>, head?: string | null): Promise<void> {
    if (changes.size === 0 && head === undefined) return;
    const records = [...changes].map(([id, known]) => ({ id, ...known, forget: known === undefined }));
    await this.store.through((client) =>
      client.query(REMEMBER, [JSON.stringify(records), head !== undefined, head ?? null]),
    );
  }

  /**
   * Runs `work`, which creates or deletes flows because of a push, while these flows are registered as being imported.
   */
  async whileImporting<T>(ids: readonly string[], work: () => Promise<T>): Promise<T> {
    const run = (sql: string) => this.store.through((client) => client.query(sql, [ids]));
    await run(`INSERT INTO ${SCHEMA}.record_import SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING`);
    try {
      return await work();
    } finally {
      await run(`DELETE FROM ${SCHEMA}.record_import WHERE flow_id = ANY($1::uuid[])`);
    }
  }

  /**
   * Sets the version token of a graph that was imported from Git. The token is the same in every region. Does nothing
   * if a user has saved the flow meanwhile.
   *
   * @param now LangFlow's current token; undefined: it has none
   */
  async giveVersionToken(id: string, now: string | undefined, token: string): Promise<void> {
    await this.store.through((client) =>
      client.query(
        "UPDATE public.flow SET version_token = $3::uuid WHERE id = $1::uuid AND version_token IS NOT DISTINCT FROM $2::uuid",
        [id, now ?? null, token],
      ),
    );
  }
}

type GraphRow = Record<string, string | null> & { data: string | null };

/** Reads a flow's row with its whole graph, unless the graph exceeds the maximum size. */
async function readRow(client: ClientBase, id: string): Promise<GraphRow | undefined> {
  const from = "public.flow t, LATERAL (VALUES (t.data::text)) AS c (value) WHERE t.id = $1::uuid";
  const read = async () => {
    const { rows } = await client.query<GraphRow>(
      `SELECT xmin::text AS revision, folder_id::text AS folder_id, ${shownSql("c.value")} AS data, tags::text AS tags,
         version_token::text AS version_token, ${COLUMNS_OF_FILE} FROM ${from}`,
      [id],
    );
    return rows[0];
  };
  const isToBeFetched = (row: GraphRow | undefined) =>
    row?.data && isLarge(row.data) && lengthOf(row.data) <= GRAPH_BYTES_MAX;
  const first = await read();
  if (!isToBeFetched(first)) return first;
  return inTransaction(client, async () => {
    const large = new LargeValues(client);
    for (;;) {
      const row = await read();
      if (!row?.data || !isToBeFetched(row)) return row;
      // Otherwise a user saved the flow in between: read again.
      if (await large.keep([row.data], from, [id])) return { ...row, data: await large.whole(row.data) };
    }
  });
}

/** Creates the recorder's tables if they are missing, for example after a restore of a backup without them. */
async function prepare(client: ClientBase): Promise<void> {
  const { rows } = await client.query(
    `SELECT obj_description(to_regclass('${SCHEMA}.record_state'), 'pg_class') IS NOT DISTINCT FROM $1
        AND to_regclass('${SCHEMA}.record_flow') IS NOT NULL AND to_regclass('${SCHEMA}.record_import') IS NOT NULL AS found,
      to_regclass('public.flow') IS NOT NULL AS langflow`,
    [SCHEMA_VERSION],
  );
  if (!rows[0]?.langflow) throw new DatabaseUnreachable("the database has no schema of LangFlow yet");
  if (!rows[0]?.found)
    await inTransaction(client, async () => {
      await lockSchema(client);
      await client.query(SCHEMA_SQL);
    });
}

/** Reads each list as JSON. A single statement makes them all show the same point in time. */
const LOOK = `
  SELECT
    (SELECT coalesce(json_agg(json_build_object('id', id, 'name', username, 'isActive', is_active) ORDER BY id), '[]')
      FROM public."user") AS users,
    (SELECT coalesce(json_agg(json_strip_nulls(json_build_object(
        'id', id, 'userId', user_id, 'revision', xmin::text, 'projectId', folder_id,
        'updatedAt', coalesce(extract(epoch FROM updated_at) * 1000, 0)))), '[]')
      FROM public.flow WHERE user_id IS NOT NULL) AS flows,
    (SELECT coalesce(json_agg(json_build_object('id', id, 'userId', user_id, 'name', name)), '[]')
      FROM public.folder WHERE user_id IS NOT NULL) AS projects,
    (SELECT coalesce(json_agg(json_build_array(flow_id, json_strip_nulls(json_build_object(
        'path', path, 'blob', blob, 'revision', revision, 'base', base, 'leftBlob', left_blob,
        'relock', nullif(relock, false))))), '[]')
      FROM ${SCHEMA}.record_flow) AS known`;

const byId = <T extends { readonly id: string }>(list: readonly T[]): ReadonlyMap<string, T> =>
  new Map(list.map((each) => [each.id, each]));

/** Stores the changes in one statement, so that it stores all or none. Skips rows that did not change. */
const REMEMBER = `
  WITH change AS (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS c
      (id uuid, path text, blob text, revision text, base text, "leftBlob" text, relock boolean, forget boolean)),
  forgotten AS (
    DELETE FROM ${SCHEMA}.record_flow f USING change c WHERE c.forget AND f.flow_id = c.id),
  kept AS (
    INSERT INTO ${SCHEMA}.record_flow AS f (flow_id, path, blob, revision, base, left_blob, relock)
      SELECT id, path, blob, revision, base, "leftBlob", coalesce(relock, false) FROM change WHERE NOT forget
      ON CONFLICT (flow_id) DO UPDATE SET path = excluded.path, blob = excluded.blob, revision = excluded.revision,
        base = excluded.base, left_blob = excluded.left_blob, relock = excluded.relock
        WHERE f IS DISTINCT FROM excluded)
  UPDATE ${SCHEMA}.record_state SET head = $3 WHERE $2`;

interface ReplicatedRecord {
  readonly made?: number | null;
  /** When the row was deleted; it may have been re-created since. */
  readonly deleted?: number | null;
  readonly restored?: number | null;
  readonly stamps?: Readonly<Record<string, number>> | null;
  readonly history?: History | null;
  /** Whether the newest change that is still in the log is a delete; null if the log has no change of the row. */
  readonly isUnreadDeleted?: boolean | null;
  /** Stamps of changes that are still in the log. */
  readonly unread?: Readonly<Record<string, number>> | null;
}

function replicatedRow(record: ReplicatedRecord): Replicated {
  const { made, deleted, restored, stamps: read, history, isUnreadDeleted, unread } = record;
  const { edits = {} } = history ?? {};
  const [newest] = Object.entries(edits).sort(([, one], [, other]) => other - one);
  const stamps = { ...read, ...unread };
  const row = {
    madeAt: made ?? 0,
    cells: {},
    switches: {},
    ...(deleted != null && { deletedAt: deleted }),
    ...(restored != null && { restoredAt: restored }),
    ...(history && { history }),
  };
  return {
    isDeleted: isUnreadDeleted ?? !isAlive(row, { deletes: "unlessEdited" }),
    editedAt: (field) => Math.max(...COLUMNS[field].map((column) => stamps[column] ?? made ?? 0)) / 1000,
    newest: newest && { region: newest[0], at: newest[1] / 1000 },
    ...(unread && { unreadAt: Math.max(...Object.values(unread)) / 1000 }),
    knows(region, at) {
      // A restore with `--wins` replaces all earlier edits.
      if ((restored ?? Number.NEGATIVE_INFINITY) / 1000 >= at) return true;
      const known = region === undefined || !newest ? newest?.[1] : (edits[region] ?? Number.NEGATIVE_INFINITY);
      return (known ?? Math.max(made ?? 0, deleted ?? 0, ...Object.values(stamps))) / 1000 >= at;
    },
  };
}
