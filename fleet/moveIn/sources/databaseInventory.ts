import { randomBytes } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { escapeIdentifier } from "pg";
import { type Keys, reencrypt } from "../../../formats/encryption/ciphertext";
import { legacySecret } from "../../../formats/encryption/legacySecretKey";
import { isSsoEnvelope, isToken, SecretKey } from "../../../formats/encryption/secretKey";
import { type Json, type JsonObject, parseJson } from "../../../formats/flows/canonicalJson";
import { FLOW_BYTES_MAX } from "../../../formats/flows/flowFile";
import { MCP_FILE, NAMES, nameIn, nameOrId } from "../../../formats/moveIn/names";
import type { Row } from "../../../formats/moveIn/row";
import { conditionHolds } from "../../../formats/tables/rowCondition";
import { type Ciphertext, isLostWithout, isReplicated } from "../../../formats/tables/tableRule";
import { TABLES } from "../../../formats/tables/tables";
import { ExitCode, UserError } from "../../../model/errors";
import { type FlowReader, flowFacts, type StoredFlow, tooLarge } from "../flowFacts";
import type {
  Ciphertexts,
  Inventory,
  SourceDamage,
  SourceFiles,
  SourceFlow,
  SourceTable,
  SourceUser,
} from "../inventory";
import type { LangFlowFolder } from "./langflowFolder";
import type { Rows } from "./rows";

/** Number of flows in memory at a time. */
const FLOWS_AT_ONCE = 5;
/** Id that sorts before every real id, both in PostgreSQL's and in SQLite's format. */
const FIRST_ID = "00000000-0000-0000-0000-000000000000";
const KEY_BYTES = 32;
/** Table in which LangFlow's migrations store their current revision. */
const MIGRATION_TABLE = "alembic_version";
/** Columns that are not part of a flow's file. */
const NO_PART = new Set(["user_id", "folder_id", "data", "bytes"]);

export interface DatabaseSource {
  readonly rows: Rows;
  readonly source: Inventory["source"];
  /** LANGFLOW_SECRET_KEY, if known. */
  readonly secretKey: string | undefined;
  /** LangFlow's config folder, if available. */
  readonly folder: LangFlowFolder | undefined;
  /** Whether the write-ahead log, which may contain the newest writes, is missing. */
  readonly isWithoutLog?: boolean;
  /** Aborted when the user interrupts. */
  readonly signal: AbortSignal;
  readonly onFlow?: FlowReader;
}

/** Returns an inventory of a LangFlow database of any release. Tables and columns may be missing. */
export async function databaseInventory({
  rows,
  source,
  secretKey,
  folder,
  isWithoutLog,
  signal,
  onFlow,
}: DatabaseSource): Promise<Inventory> {
  const database = new LangFlowDatabase(rows, await rows.columns());
  if (!database.has("flow", "data") || !database.has("user", "username"))
    throw new UserError(
      `${source.place} is not a LangFlow database: it has no readable tables flow and user; pass the database in LANGFLOW_DATABASE_URL`,
      ExitCode.BadInput,
    );
  const users = await database.users();
  const names = new Map(users.map(({ id, name }) => [id, name]));
  const { flows, starters } = await database.flows(signal, onFlow);
  return {
    source,
    revisions: await database.revisions(),
    databaseBytes: await rows.bytes(),
    users,
    projects: await database.countOf("folder", "WHERE user_id IS NOT NULL"),
    flows,
    starters,
    variables: await database.variables(),
    apiKeys: await database.countOf("apikey"),
    messages: await database.messages(),
    files: await database.files(folder),
    knowledgeBases: (await database.counted("knowledge_base")) ?? folder?.knowledgeBases()?.length,
    localKnowledgeBases: (await database.localKnowledgeBases(names)) ?? folder?.knowledgeBases(),
    schedules: await database.counted("trigger"),
    tables: await database.tables(),
    ciphertexts: await database.ciphertexts(secretKey, names),
    damaged: await database.damaged(names),
    orphans: await database.orphans(),
    mcpFilesOf: await database.mcpFilesOf(names),
    strangeFolders: strangeFolders(folder, [...users, ...flows]),
    ...(isWithoutLog && { withoutLogAfter: await database.lastChange() }),
    unseen: unseenOf(database, folder),
  };
}

/** Returns the folders of files whose user or flow the database does not have. */
function strangeFolders(
  folder: LangFlowFolder | undefined,
  owners: readonly { readonly id: string }[],
): Inventory["strangeFolders"] {
  const known = new Set(owners.map(({ id }) => id));
  const all = (folder?.owners() ?? []).map(([id]) => id);
  return { all: all.length, strange: all.filter((id) => !known.has(id)) };
}

function unseenOf(database: LangFlowDatabase, folder: LangFlowFolder | undefined): string[] {
  const unseen: string[] = [];
  if (!folder)
    unseen.push(
      "whether the files exist, and other contents of LangFlow's folder: the folder was not passed (--config)",
    );
  if (!database.has("knowledge_base") && folder?.knowledgeBases() === undefined)
    unseen.push(
      "knowledge bases: this release stores them only in a folder (LANGFLOW_KNOWLEDGE_BASES_DIR, default ~/.langflow/knowledge_bases)",
    );
  return unseen;
}

class LangFlowDatabase {
  constructor(
    private readonly rows: Rows,
    private readonly columns: ReadonlyMap<string, ReadonlySet<string>>,
  ) {}

  has(table: string, column?: string): boolean {
    const known = this.columns.get(table);
    return known !== undefined && (column === undefined || known.has(column));
  }

  async revisions(): Promise<string[]> {
    if (!this.has(MIGRATION_TABLE)) return [];
    return (await this.rows.all(`SELECT version_num FROM ${MIGRATION_TABLE}`)).map(({ version_num: each }) =>
      String(each),
    );
  }

  async users(): Promise<SourceUser[]> {
    const rows = await this.rows.all(`SELECT * FROM "user"`);
    return rows.map((row) => ({
      id: uuid(row.id),
      name: String(row.username),
      isActive: isTrue(row.is_active ?? true),
      isSuperuser: isTrue(row.is_superuser),
    }));
  }

  async counted(table: string): Promise<number | undefined> {
    return this.has(table) ? this.countOf(table) : undefined;
  }

  /** Returns 0 if the table does not exist. */
  async countOf(table: string, where = ""): Promise<number> {
    if (!this.has(table)) return 0;
    const [row] = await this.rows.all(`SELECT count(*) AS rows FROM ${escapeIdentifier(table)} ${where}`);
    return Number(row?.rows);
  }

  /** @throws UserError (Cancelled) */
  async flows(signal: AbortSignal, onFlow?: FlowReader): Promise<{ flows: SourceFlow[]; starters: number }> {
    const starterFolders = this.has("folder")
      ? (await this.rows.all("SELECT id FROM folder WHERE user_id IS NULL")).map(({ id }) => uuid(id))
      : [];
    const variables = await this.variableNames();
    const flows: SourceFlow[] = [];
    let starters = 0;
    for (let last = FIRST_ID; ; ) {
      // SQLite reads synchronously, so signals are only processed when this function yields to the event loop.
      await setImmediate();
      if (signal.aborted) throw new UserError("interrupted; nothing was changed", ExitCode.Cancelled);
      const some = await this.flowsAfter(last);
      for (const row of some) {
        const isStarter = row.user_id === null && starterFolders.includes(uuid(row.folder_id));
        if (isStarter) starters += 1;
        else flows.push(await flowFacts(flowOf(row, variables), onFlow));
      }
      const end = some.at(-1);
      if (!end) return { flows, starters };
      last = String(end.id);
    }
  }

  private async flowsAfter(id: string): Promise<readonly Row[]> {
    const text = this.rows.json("data");
    const others = [...(this.columns.get("flow") ?? [])].filter((column) => column !== "data").map(escapeIdentifier);
    return this.rows.all(
      `SELECT ${others.join(", ")}, octet_length(${text}) AS bytes,
          CASE WHEN octet_length(${text}) <= ${FLOW_BYTES_MAX} THEN ${text} END AS data
        FROM flow WHERE id > $1 AND ${this.rows.isText("id")} ORDER BY id LIMIT ${FLOWS_AT_ONCE}`,
      [id],
    );
  }

  private async variableNames(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
    const names = new Map<string, Set<string>>();
    if (!this.has("variable")) return names;
    for (const { user_id: user, name } of await this.rows.all("SELECT user_id, name FROM variable")) {
      const known = names.get(uuid(user)) ?? new Set<string>();
      names.set(uuid(user), known.add(String(name)));
    }
    return names;
  }

  async variables(): Promise<Inventory["variables"]> {
    if (!this.has("variable", "type")) return undefined;
    const rows = await this.rows.all("SELECT type, count(*) AS rows FROM variable GROUP BY type");
    const count = (isCredential: boolean) =>
      rows.reduce(
        (sum, { type, rows: each }) => (isCredential === (type === "Credential") ? sum + Number(each) : sum),
        0,
      );
    return { credential: count(true), generic: count(false) };
  }

  async messages(): Promise<Inventory["messages"]> {
    if (!this.has("message", "text")) return undefined;
    const [row] = await this.rows.all(
      "SELECT count(*) AS rows, coalesce(sum(octet_length(text)), 0) AS bytes FROM message",
    );
    return { count: Number(row?.rows), bytes: Number(row?.bytes) };
  }

  async files(folder: LangFlowFolder | undefined): Promise<SourceFiles | undefined> {
    if (!this.has("file", "path")) return undefined;
    const rows = await this.rows.all("SELECT path, size FROM file ORDER BY path");
    const bytes = rows.reduce((sum, { size }) => sum + Number(size ?? 0), 0);
    const paths = rows.map(({ path }) => String(path));
    return { count: rows.length, bytes, ...(folder && { missing: paths.filter((path) => !folder.hasFile(path)) }) };
  }

  /**
   * Returns the knowledge bases whose store only this LangFlow can reach. Returns undefined for releases without the
   * table.
   *
   * @param users names by id
   */
  async localKnowledgeBases(users: ReadonlyMap<string, string>): Promise<string[] | undefined> {
    if (!this.has("knowledge_base")) return undefined;
    const only = TABLES.filter(isReplicated).find(({ table }) => table === "knowledge_base")?.only;
    const rows = await this.rows.all("SELECT * FROM knowledge_base ORDER BY name");
    const isShared = (row: Row) =>
      only !== undefined && conditionHolds(only, { ...row, backend_config: parsed(row.backend_config) });
    return rows
      .filter((row) => !isShared(row))
      .map(({ name, user_id: user }) => `${name} (${users.get(uuid(user)) ?? "no user"})`);
  }

  /** Returns the tables that have rows, with their treatment by the agent. */
  async tables(): Promise<SourceTable[]> {
    const treatments = new Map(TABLES.map(({ table, treatment }) => [table, treatment]));
    const found: SourceTable[] = [];
    for (const table of [...this.columns.keys()].sort()) {
      const rows = await this.countOf(table);
      const treatment = treatments.get(table);
      if (rows > 0) found.push({ table, rows, ...(treatment && { treatment }) });
    }
    return found;
  }

  /** @param users names by id */
  async ciphertexts(secret: string | undefined, users: ReadonlyMap<string, string>): Promise<Ciphertexts> {
    const keys = secret === undefined ? nobodysKeys() : keysOf(secret);
    const unreadable: string[] = [];
    let count = 0;
    let opened = 0;
    for (const rule of TABLES.filter(isReplicated))
      for (const [column, ciphertext] of Object.entries(rule.ciphertext ?? {}))
        for (const row of await this.withCiphertext(rule.table, column)) {
          const held = ciphertextsIn(ciphertext, row.ciphertext, keys);
          count += held.count;
          opened += held.count - held.unreadable;
          if (held.unreadable > 0) unreadable.push(`${rule.table} ${nameOf(row, users)}`);
        }
    return { secretKey: secret === undefined ? "none" : "given", count, opened, unreadable };
  }

  /** @param users names by id */
  async damaged(users: ReadonlyMap<string, string>): Promise<SourceDamage[]> {
    const found: SourceDamage[] = [];
    for (const { table } of TABLES.filter(isReplicated))
      if (this.has(table))
        for (const { row, ...damage } of await this.rows.damaged(table, [...NAMES, "user_id"]))
          found.push({ ...damage, name: nameOf(row, users) });
    return found;
  }

  async orphans(): Promise<NonNullable<Inventory["orphans"]>> {
    const found: { table: string; of: string; rows: number }[] = [];
    for (const rule of TABLES.filter(isReplicated)) {
      if (!this.has(rule.table)) continue;
      const needed = Object.keys(rule.references).filter((column) => isLostWithout(rule, column));
      for (const each of await this.rows.orphans(rule.table, needed)) found.push({ table: rule.table, ...each });
    }
    return found;
  }

  /** @param users names by id */
  async mcpFilesOf(users: ReadonlyMap<string, string>): Promise<string[]> {
    if (!this.has("file", "name") || this.has("mcp_server")) return [];
    const rows = await this.rows.all(`SELECT DISTINCT user_id FROM file WHERE name LIKE '${MCP_FILE}%'`);
    return rows.flatMap(({ user_id: user }) => users.get(uuid(user)) ?? []);
  }

  /** Returns when a flow or message was last written, or `no flow or message`. */
  async lastChange(): Promise<string> {
    const [row] = await this.rows.all(
      `SELECT max(at) AS at FROM (SELECT max(updated_at) AS at FROM flow${this.has("message", "timestamp") ? " UNION ALL SELECT max(timestamp) FROM message" : ""}) t`,
    );
    return row?.at ? String(row.at).slice(0, "2026-12-31 23:59:59".length) : "no flow or message";
  }

  private async withCiphertext(table: string, column: string): Promise<readonly Row[]> {
    if (!this.has(table, column)) return [];
    const named = [...NAMES, "user_id"].filter((name) => this.has(table, name)).map(escapeIdentifier);
    const text = `CAST(${escapeIdentifier(column)} AS TEXT)`;
    return this.rows.all(
      `SELECT ${[...named, `${text} AS ciphertext`].join(", ")} FROM ${escapeIdentifier(table)} WHERE ${escapeIdentifier(column)} IS NOT NULL`,
    );
  }
}

/**
 * Counts the encrypted values of a column and those that the key does not decrypt. Ignores the rule's other conditions,
 * because earlier releases encrypted variables of every type.
 */
function ciphertextsIn({ form }: Ciphertext, stored: unknown, keys: Keys): { count: number; unreadable: number } {
  const isText = form === "token" || form === "sso";
  const value = isText ? stored : parsed(stored);
  if (isText && !isToken(value) && !isSsoEnvelope(value)) return { count: 0, unreadable: 0 };
  const unreadable = (under: Keys) => reencrypt(form, value, under).unreadable.length;
  return { count: unreadable(nobodysKeys()), unreadable: unreadable(keys) };
}

/**
 * Returns the keys that LangFlow decrypts with. For a short secret, they include the key that earlier releases derived
 * from it.
 */
function keysOf(secret: string): Keys {
  const current = new SecretKey(secret, "the secret key");
  const legacy = legacySecret(secret);
  return { current, old: legacy === undefined ? current : new SecretKey(legacy, "the secret key") };
}

/** Creates random keys with which nothing is encrypted. */
function nobodysKeys(): Keys {
  const key = new SecretKey(randomBytes(KEY_BYTES).toString("base64url"), "no key");
  return { current: key, old: key };
}

function flowOf(row: Row, variables: ReadonlyMap<string, ReadonlySet<string>>): StoredFlow {
  const owner = row.user_id === null || row.user_id === undefined ? undefined : uuid(row.user_id);
  const bytes = Number(row.bytes ?? 0);
  const id = uuid(row.id);
  const name = String(row.name);
  const value: JsonObject = { id, name };
  for (const [column, held] of Object.entries(row)) if (!NO_PART.has(column)) value[column] ??= plain(column, held);
  value.data = (parsed(row.data) ?? null) as Json;
  return {
    id,
    name,
    ...(owner !== undefined && { owner }),
    bytes,
    value: whyNot(row, bytes) ?? value,
    variables: variables.get(owner ?? "") ?? new Set(),
  };
}

/** Returns why a flow's graph could not be read, or undefined if it could. */
function whyNot({ data }: Row, bytes: number): string | undefined {
  if (bytes > FLOW_BYTES_MAX) return tooLarge(bytes);
  return parsed(data) === undefined ? "contains invalid JSON" : undefined;
}

/** Boolean columns of a flow, which SQLite stores as numbers. */
const TRUTHS = new Set(["is_component", "webhook", "locked", "mcp_enabled"]);

function plain(column: string, held: unknown): Json {
  if (TRUTHS.has(column)) return isTrue(held);
  if (column === "tags") return (parsed(held) ?? null) as Json;
  return typeof held === "string" ? held : null;
}

/**
 * Returns a JSON value that is stored as text or was already parsed by the driver. Returns undefined if the text is not
 * JSON.
 */
function parsed(stored: unknown): unknown {
  if (typeof stored !== "string") return stored ?? null;
  try {
    return parseJson(stored);
  } catch {
    return undefined;
  }
}

function nameOf(row: Row, users: ReadonlyMap<string, string>): string {
  const name = nameOrId(nameIn(row), String(row.id));
  const owner = row.user_id === undefined ? undefined : users.get(uuid(row.user_id));
  return owner === undefined ? name : `${name} (${owner})`;
}

const isTrue = (value: unknown): boolean => value === true || value === 1 || value === 1n;

/** Returns an id with hyphens, which SQLite's ids lack. */
function uuid(id: unknown): string {
  const digits = String(id).replaceAll("-", "").toLowerCase();
  return digits.length === 32 ? digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5") : String(id);
}
