import type { Client, ClientBase } from "pg";
import { AgentError } from "../errors";
import { type JsonObject, parseJson } from "../flows/canonicalJson";
import { DEFAULT_PROJECT } from "../flows/layout";
import type { Field } from "../flows/version";
import { type DatabaseAddress, inTransaction, openDatabase } from "../postgres/connection";
import type { StoredFlow } from "./client";
import type { FlowState } from "./flowState";
import { CHANNEL, SCHEMA, SCHEMA_SQL, SCHEMA_VERSION, WRITER_LOCK } from "./storeSchema";

/** LangFlow's database does not answer, or is not one that the agent understands. */
export class DatabaseUnreachable extends Error {}

/** A workspace, and the user whose flows it has. */
export interface Owner {
  readonly workspace: string;
  readonly userId: string;
}

/** A user as LangFlow's database has one. */
export interface User {
  readonly id: string;
  readonly name: string;
  /** Whether LangFlow lets the user in. */
  readonly isActive: boolean;
  readonly hasFlows: boolean;
}

/** A flow's row, less its contents. */
export interface FlowRow {
  readonly id: string;
  /** Another one after each write to the row, whatever it wrote. */
  readonly revision: string;
  readonly name: string;
  readonly endpointName?: string;
  readonly project?: string;
  /** Milliseconds: when a field was last written, by the database's clock; `updatedAt` where it is not known. */
  readonly editedAt: Partial<Record<Field, number>>;
  /** Milliseconds, by LangFlow's clock. */
  readonly updatedAt: number;
}

/** A whole row: the flow as LangFlow's API would show it. */
export interface StoredRow extends StoredFlow {
  readonly id: string;
  readonly revision: string;
}

/** One user's side of LangFlow. */
export interface UserLook {
  readonly rows: ReadonlyMap<string, FlowRow>;
  /** Project ids by name. */
  readonly projects: ReadonlyMap<string, string>;
  /** Names of the user's global variables. */
  readonly variables: ReadonlySet<string>;
  /** What is remembered of each flow, those included that LangFlow no longer has. */
  readonly states: ReadonlyMap<string, FlowState>;
}

/** LangFlow at one moment. */
export interface Look {
  /** By workspace. */
  readonly users: ReadonlyMap<string, UserLook>;
  /** The Git commit that was looked at last: what is missing since then was deleted by somebody. */
  readonly head: string | undefined;
}

/** A change of what is remembered; undefined: nothing is. */
export interface StateChange extends Owner {
  readonly id: string;
  readonly state: FlowState | undefined;
}

/** Waits no longer for a lock of LangFlow's tables than its users would notice. */
const LOCK_TIMEOUT_MS = 2_000;
const STATEMENT_TIMEOUT_MS = 60_000;
/** The server ends a statement itself before; without an answer by then there is no server. */
const ANSWER_MS = STATEMENT_TIMEOUT_MS + 10_000;
/** Seconds until the database ends the session, and with it the lock, of an agent whose machine is gone. */
const KEEPALIVE = { idleSeconds: 10, intervalSeconds: 5, count: 4 };
const CONTENTS_AT_ONCE = 16;
const OUTLINES_AT_ONCE = 500;
const STATES_AT_ONCE = 500;

const FIELDS_OF_FILE =
  "description, endpoint_name, icon, icon_bg_color, is_component, locked, mcp_enabled, name, webhook";

/**
 * LangFlow's database: read, all of it at one moment, and never written but for a schema of our own. Listings of
 * LangFlow's API load every flow of everybody to tell what changed; here an unchanged flow costs a line.
 */
export class FlowStore {
  #client: Client | undefined;
  /** Whether the session is, or was, the region's writer's. */
  #isWriter = false;
  #turn: Promise<unknown> = Promise.resolve();
  #writes: string | undefined;
  #states = new Map<string, Map<string, FlowState>>();

  /** @param onChange called when the database says that a flow changed */
  constructor(
    private readonly address: DatabaseAddress,
    private readonly onChange: () => void = () => undefined,
  ) {}

  /**
   * Becomes the region's one writer, where no other agent is; true where it is. No other one is for as long as this one's
   * session lasts. Time has nothing to do with it, so an agent that was stopped and goes on writes nothing that another has
   * written meanwhile: once its session ended, it has to become the writer again before anything else.
   *
   * @throws DatabaseUnreachable
   */
  async becomeWriter(): Promise<boolean> {
    this.#isWriter = false;
    this.#isWriter = await this.use(async (client) => {
      const held = await client.query(
        `SELECT count(*) > 0 AS held FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
           AND classid = $1 AND objid = $2 AND granted`,
        [...WRITER_LOCK],
      );
      if (held.rows[0]?.held) return true;
      const { rows } = await client.query("SELECT pg_try_advisory_lock($1, $2) AS mine", [...WRITER_LOCK]);
      return rows[0]?.mine === true;
    });
    return this.#isWriter;
  }

  /**
   * All users, in the order of their ids.
   *
   * @throws DatabaseUnreachable
   */
  async users(): Promise<readonly User[]> {
    await this.provide();
    return this.use(async (client) => {
      const { rows } = await client.query<User>(
        `SELECT id::text, username AS name, is_active AS "isActive",
           EXISTS (SELECT FROM public.flow f WHERE f.user_id = u.id) AS "hasFlows"
         FROM public."user" u ORDER BY u.id`,
      );
      return rows;
    });
  }

  /**
   * Whose flows these are; those that are not there, or nobody's, are left out.
   *
   * @returns ids of users by the flow's
   * @throws DatabaseUnreachable
   */
  async usersOf(flowIds: readonly string[]): Promise<ReadonlyMap<string, string>> {
    return this.use(async (client) => {
      const { rows } = await client.query<{ id: string; user_id: string }>(
        "SELECT id::text, user_id::text FROM public.flow WHERE id = ANY($1::uuid[]) AND user_id IS NOT NULL",
        [flowIds],
      );
      return new Map(rows.map((row) => [row.id, row.user_id]));
    });
  }

  /**
   * Everything that a round must know of LangFlow, in one transaction that writes nothing. Users that are not there, or not
   * active, at that very moment are left out: that their flows are gone is no word of theirs.
   *
   * @throws DatabaseUnreachable
   */
  async look(owners: readonly Owner[]): Promise<Look> {
    await this.provide();
    return this.use(async (client) => {
      await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
      try {
        const head = await this.refreshStates(client);
        const userIds = await activeUsers(client, [...new Set(owners.map(({ userId }) => userId))]);
        const users = emptyLooks(userIds);
        await readRows(client, userIds, users);
        await readProjects(client, userIds, users);
        await readVariables(client, userIds, users);
        const looks = owners.flatMap(({ workspace, userId }): [string, UserLook][] => {
          const user = users.get(userId);
          const states = this.#states.get(stateKey(workspace, userId)) ?? new Map();
          return user ? [[workspace, { ...user, states }]] : [];
        });
        return { users: new Map(looks), head };
      } finally {
        await client.query("COMMIT").catch(() => undefined);
      }
    });
  }

  /** Whole flows, as LangFlow's API would show them; those that are gone are left out. */
  contents(ids: readonly string[]): AsyncGenerator<StoredRow> {
    return this.read(ids, CONTENTS_AT_ONCE, "data::text");
  }

  /** The same with no graph in them: whether it is one that is known is told by the version token. */
  outlines(ids: readonly string[]): AsyncGenerator<StoredRow> {
    return this.read(ids, OUTLINES_AT_ONCE, "NULL");
  }

  private async *read(ids: readonly string[], atOnce: number, graph: string): AsyncGenerator<StoredRow> {
    for (let at = 0; at < ids.length; at += atOnce) {
      const some = ids.slice(at, at + atOnce);
      const rows = await this.use(async (client) => {
        const found = await client.query(
          `SELECT id::text, xmin::text AS revision, ${graph} AS data, tags::text AS tags,
             version_token::text AS version_token, ${FIELDS_OF_FILE} FROM public.flow WHERE id = ANY($1::uuid[])`,
          [some],
        );
        return found.rows as Record<string, string | null>[];
      });
      for (const { revision, data, tags, version_token: versionToken, ...rest } of rows)
        yield {
          id: rest.id ?? "",
          revision: revision ?? "",
          ...(versionToken && { versionToken }),
          locked: (rest as JsonObject).locked === true,
          flow: {
            ...(rest as JsonObject),
            data: data == null ? null : parseJson(data),
            tags: tags == null ? null : parseJson(tags),
          },
        };
    }
  }

  /**
   * Gives a graph the token of its version in other regions, unless it was saved meanwhile.
   *
   * @param now LangFlow's own token; undefined: it has none
   * @returns whether it has the new one
   */
  async giveVersionToken(id: string, now: string | undefined, token: string): Promise<boolean> {
    return this.use(async (client) => {
      const { rowCount } = await client.query(
        "UPDATE public.flow SET version_token = $3::uuid WHERE id = $1::uuid AND version_token IS NOT DISTINCT FROM $2::uuid",
        [id, now ?? null, token],
      );
      return rowCount === 1;
    });
  }

  /**
   * Remembers, all of it or nothing; never in another session than the one that became the writer.
   *
   * @param head the Git commit that was looked at; undefined: as it was
   */
  async remember(changes: readonly StateChange[], head?: string): Promise<void> {
    if (changes.length === 0 && head === undefined) return;
    await this.use(async (client) => {
      const { rows } = await inTransaction(client, async () => {
        for (let at = 0; at < changes.length; at += STATES_AT_ONCE)
          await writeStates(client, changes.slice(at, at + STATES_AT_ONCE));
        return client.query<{ writes: string }>(
          `UPDATE ${SCHEMA}.region_state SET writes = writes + 1, head = coalesce($1, head) RETURNING writes`,
          [head ?? null],
        );
      });
      this.#writes = `${await this.identity(client)} ${rows[0]?.writes}`;
    });
    for (const { workspace, userId, id, state } of changes) {
      const key = stateKey(workspace, userId);
      const states = this.#states.get(key) ?? new Map<string, FlowState>();
      this.#states.set(key, states);
      if (state) states.set(id, state);
      else states.delete(id);
    }
  }

  /**
   * Work in the session that holds the region, between the flows' own.
   *
   * @throws DatabaseUnreachable
   */
  through<T>(work: (client: ClientBase) => Promise<T>): Promise<T> {
    return this.use(work);
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => undefined);
  }

  /**
   * The schema and the triggers: made where they are missing, as after a restore of what was backed up without them, and
   * where they are another release's.
   */
  private async provide(): Promise<void> {
    await this.use(async (client) => {
      const { rows } = await client.query(
        `SELECT obj_description(to_regnamespace('${SCHEMA}'), 'pg_namespace') IS NOT DISTINCT FROM $1
            AND (SELECT count(*) = 3 FROM pg_class WHERE relnamespace = to_regnamespace('${SCHEMA}')
                  AND relname IN ('flow_state', 'region_state', 'edit'))
            AND (SELECT count(*) = 2 FROM pg_trigger WHERE tgname IN ('langflow_dr_flow', 'langflow_dr_project')
                  AND tgrelid = ANY(ARRAY[to_regclass('public.flow'), to_regclass('public.folder')]::oid[])) AS found,
          to_regclass('public.flow') IS NOT NULL AS langflow`,
        [SCHEMA_VERSION],
      );
      if (!rows[0]?.langflow) throw new DatabaseUnreachable("the database has no LangFlow in it yet");
      if (rows[0]?.found) return;
      await inTransaction(client, () => client.query(SCHEMA_SQL));
    });
  }

  /** Reads what is remembered, unless it is what we wrote last: a restored database remembers something else. */
  private async refreshStates(client: Client): Promise<string | undefined> {
    const { rows } = await client.query(`SELECT head, writes FROM ${SCHEMA}.region_state`);
    const writes = `${await this.identity(client)} ${rows[0]?.writes}`;
    if (writes !== this.#writes) {
      const found = await client.query(
        `SELECT workspace, user_id::text AS user_id, flow_id::text AS flow_id, state FROM ${SCHEMA}.flow_state`,
      );
      const states = new Map<string, Map<string, FlowState>>();
      for (const { workspace, user_id, flow_id, state } of found.rows) {
        const key = stateKey(workspace, user_id);
        const own = states.get(key) ?? new Map<string, FlowState>();
        states.set(key, own.set(flow_id, state as FlowState));
      }
      this.#states = states;
      this.#writes = writes;
    }
    return rows[0]?.head ?? undefined;
  }

  /** Of the table itself: one that was restored is another, whatever it counts. */
  private async identity(client: Client): Promise<string> {
    const { rows } = await client.query(`SELECT '${SCHEMA}.flow_state'::regclass::oid::text AS identity`);
    return rows[0]?.identity ?? "";
  }

  /** One after the other: all share one session, where a transaction would take in what others do meanwhile. */
  private use<T>(work: (client: Client) => Promise<T>): Promise<T> {
    const result = this.#turn.then(() => this.attempt(work));
    this.#turn = result.catch(() => undefined);
    return result;
  }

  private async attempt<T>(work: (client: Client) => Promise<T>): Promise<T> {
    try {
      return await work(await this.connected());
    } catch (error) {
      if (error instanceof DatabaseUnreachable) throw error;
      // Whatever state the session is in, the next round begins with a new one.
      await this.close();
      this.#writes = undefined;
      throw new DatabaseUnreachable(
        error instanceof AgentError ? error.message : `database: ${(error as Error).message}`,
      );
    }
  }

  private async connected(): Promise<Client> {
    if (this.#client) return this.#client;
    if (this.#isWriter) throw new DatabaseUnreachable("database: the session that held the region has ended");
    const client = await openDatabase(this.address, ANSWER_MS);
    client.on("end", () => {
      if (this.#client === client) this.#client = undefined;
    });
    client.on("notification", () => this.onChange());
    this.#client = client;
    this.#writes = undefined;
    await client.query(
      `SET lock_timeout = ${LOCK_TIMEOUT_MS}; SET statement_timeout = ${STATEMENT_TIMEOUT_MS};
       SET tcp_keepalives_idle = ${KEEPALIVE.idleSeconds}; SET tcp_keepalives_interval = ${KEEPALIVE.intervalSeconds};
       SET tcp_keepalives_count = ${KEEPALIVE.count}; LISTEN ${CHANNEL}`,
    );
    return client;
  }
}

interface MutableLook {
  rows: Map<string, FlowRow>;
  projects: Map<string, string>;
  variables: Set<string>;
}
const emptyLook = (): MutableLook => ({ rows: new Map(), projects: new Map(), variables: new Set() });
const emptyLooks = (ids: readonly string[]): Map<string, MutableLook> => new Map(ids.map((id) => [id, emptyLook()]));
const stateKey = (workspace: string, userId: string): string => `${workspace} ${userId}`;
const milliseconds = (column: string): string => `(extract(epoch FROM ${column}) * 1000)::float8`;

async function activeUsers(client: Client, ids: string[]): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>(
    'SELECT id::text FROM public."user" WHERE id = ANY($1::uuid[]) AND is_active',
    [ids],
  );
  return rows.map((row) => row.id);
}

async function readRows(client: Client, userIds: string[], users: Map<string, MutableLook>): Promise<void> {
  const { rows } = await client.query({
    text: `SELECT f.id::text, f.user_id::text, f.xmin::text, f.name, f.endpoint_name, p.name,
        ${milliseconds("f.updated_at")}, ${milliseconds("e.graph")}, ${milliseconds("e.name")},
        ${milliseconds("e.description")}, ${milliseconds("e.project")}, ${milliseconds("e.endpoint")},
        ${milliseconds("e.lock")}, ${milliseconds("e.details")}
      FROM public.flow f LEFT JOIN public.folder p ON p.id = f.folder_id
        LEFT JOIN ${SCHEMA}.edit e ON e.flow_id = f.id
      WHERE f.user_id = ANY($1::uuid[])`,
    values: [userIds],
    rowMode: "array",
  });
  for (const [id, userId, revision, name, endpointName, project, updatedAt, ...edits] of rows) {
    const [graph, named, description, moved, endpoint, lock, details] = edits;
    const editedAt = { graph, name: named, description, project: moved, endpoint, lock, details };
    users.get(userId)?.rows.set(id, {
      id,
      revision,
      name,
      ...(endpointName && { endpointName }),
      ...(project != null && project !== DEFAULT_PROJECT && { project }),
      editedAt: Object.fromEntries(Object.entries(editedAt).filter(([, at]) => at !== null)),
      updatedAt: updatedAt ?? 0,
    });
  }
}

async function readProjects(client: Client, userIds: string[], users: Map<string, MutableLook>): Promise<void> {
  const { rows } = await client.query(
    "SELECT id::text, user_id::text, name FROM public.folder WHERE user_id = ANY($1::uuid[])",
    [userIds],
  );
  for (const { id, user_id, name } of rows) users.get(user_id)?.projects.set(name, id);
}

async function readVariables(client: Client, userIds: string[], users: Map<string, MutableLook>): Promise<void> {
  const { rows } = await client.query(
    "SELECT user_id::text, name FROM public.variable WHERE user_id = ANY($1::uuid[])",
    [userIds],
  );
  for (const { user_id, name } of rows) users.get(user_id)?.variables.add(name);
}

async function writeStates(client: Client, changes: readonly StateChange[]): Promise<void> {
  const gone = changes.filter(({ state }) => state === undefined);
  const kept = changes.filter(({ state }) => state !== undefined);
  const columns = (some: readonly StateChange[]) => [
    some.map(({ workspace }) => workspace),
    some.map(({ userId }) => userId),
    some.map(({ id }) => id),
  ];
  if (gone.length > 0)
    await client.query(
      `DELETE FROM ${SCHEMA}.flow_state s USING unnest($1::text[], $2::uuid[], $3::uuid[]) AS g (workspace, user_id, flow_id)
        WHERE s.workspace = g.workspace AND s.user_id = g.user_id AND s.flow_id = g.flow_id`,
      columns(gone),
    );
  if (kept.length > 0)
    await client.query(
      `INSERT INTO ${SCHEMA}.flow_state (workspace, user_id, flow_id, state)
        SELECT * FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::jsonb[])
        ON CONFLICT (workspace, user_id, flow_id) DO UPDATE SET state = excluded.state`,
      [...columns(kept), kept.map(({ state }) => JSON.stringify(state))],
    );
}
