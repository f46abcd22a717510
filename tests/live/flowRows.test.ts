import { randomUUID } from "node:crypto";
import { readFileSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { groupBy } from "../../agent/collections/groupBy";
import { KEPT_BY_NONE, LangFlowApi, until } from "./langflowApi";
import { type Postgres, Scratch, type ScratchLangFlow } from "./scratch";

jest.setTimeout(90_000);

/**
 * Tests how LangFlow's pods handle rows of the table `flow` that they did not write, because the agent writes such rows
 * by SQL while pods are serving.
 */
const DATABASE = "langflow";
const SAMPLE = readFileSync(join(__dirname, "../../flows/default/Mock_LLM.json"), "utf8");
const SLOW_SECONDS = 3;

let scratch: Scratch;
let postgres: Postgres;
let langflow: ScratchLangFlow;
let api: LangFlowApi;
let user: string;
let project: string;

beforeAll(async () => {
  scratch = await Scratch.make();
  postgres = await scratch.postgres(DATABASE, scratch.tools.migratedDatabase);
  langflow = await scratch.langflowWithKey("langflow", {
    LANGFLOW_DATABASE_URL: postgres.url(DATABASE),
    LANGFLOW_EVENT_DELIVERY: "direct",
    // Off by default. If it is on, a pod caches graphs by the row's updated_at.
    LANGFLOW_WARM_REGISTRY_ENABLED: "true",
    // Shorter than the defaults of five and ten seconds.
    LANGFLOW_TRIGGER_DISPATCHER_POLL_INTERVAL_S: "0.3",
    LANGFLOW_FS_FLOWS_POLLING_INTERVAL: "300",
  });
  api = LangFlowApi.withKey(langflow.url, langflow.apiKey);
  user = (await api.call("GET", "/api/v1/users/whoami")).id;
  project = (await api.call("GET", "/api/v1/projects/"))[0].id;
});
afterAll(() => scratch.end());

type Columns = Record<string, unknown>;

const query = <Row extends object>(text: string, values: unknown[] = []) => postgres.query<Row>(DATABASE, text, values);

/** Returns a graph whose run responds with the given text. */
function graph(answer: string, seconds = 0): object {
  const { data } = JSON.parse(SAMPLE);
  for (const { data: node } of data.nodes) {
    const { template } = node.node;
    // A pod does not cache a graph with a field that a user's variable might fill.
    for (const field of Object.values<Columns>(template)) if (field?.value === "") field.show = false;
    if (!node.type.includes("MockLLM")) continue;
    template.template.value = answer;
    template.latency_seconds.value = seconds;
  }
  return data;
}

/** Inserts a row as the agent does for a flow of another region. */
async function insert(columns: Columns = {}): Promise<string> {
  const id = randomUUID();
  const row: Columns = {
    id,
    name: `Flow ${id}`,
    data: graph("one"),
    user_id: user,
    folder_id: project,
    version_token: randomUUID(),
    is_component: false,
    mcp_enabled: false,
    webhook: false,
    locked: false,
    tags: "[]",
    updated_at: new Date(),
    ...columns,
  };
  const names = Object.keys(row);
  await query(
    `INSERT INTO flow (${names.join(", ")}) VALUES (${names.map((_, index) => `$${index + 1}`).join(", ")})`,
    Object.values(row),
  );
  return row.id as string;
}

const UPDATED = "updated_at = greatest(clock_timestamp(), updated_at + interval '1 microsecond')";

/** Updates an existing row, like {@link insert}. */
async function update(id: string, columns: Columns): Promise<void> {
  const set = Object.keys(columns).map((name, index) => `${name} = $${index + 2}`);
  await query(`UPDATE flow SET ${[...set, UPDATED].join(", ")} WHERE id = $1`, [id, ...Object.values(columns)]);
}

const remove = (id: string) => query("DELETE FROM flow WHERE id = $1", [id]);

async function ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(langflow.url + path, {
    method,
    headers: { "x-api-key": langflow.apiKey, "content-type": "application/json", ...KEPT_BY_NONE, ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, text, json: () => JSON.parse(text) };
}

/** Saves changes like a page that was opened at a version. */
const save = (id: string, changes: Columns, token: string) =>
  ask("PATCH", `/api/v1/flows/${id}`, changes, { "if-match": token });

const opened = async (id: string) => (await ask("GET", `/api/v1/flows/${id}`)).json();

/** Returns the text that the stored graph of a flow responds with. */
async function answerOf(id: string): Promise<string> {
  const { nodes } = (await opened(id)).data;
  const model = nodes.find(({ data }: { data: { type: string } }) => data.type.includes("MockLLM"));
  return model.data.node.template.template.value;
}

const SLEEPS = "SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep'";

const answersOf = async (id: string) =>
  (await query<{ text: string }>("SELECT text FROM message WHERE flow_id = $1 AND sender = 'Machine'", [id])).map(
    ({ text }) => text,
  );

describe("a flow whose row is inserted by SQL", () => {
  it("is listed, opened and run at once, by its id and by its endpoint name", async () => {
    const endpoint = `endpoint-${randomUUID()}`;
    const id = await insert({ endpoint_name: endpoint });
    expect((await api.flow(id))?.folder_id).toBe(project);
    const page = await api.call("GET", `/api/v1/projects/${project}`);
    expect(page.flows.map((flow: { id: string }) => flow.id)).toContain(id);
    expect(await api.run(endpoint, "?")).toBe("one");
    expect(await api.run(id, "?")).toBe("one");
  });

  it("is in no project if its row names none, until a save puts the flow into the user's default project", async () => {
    const id = await insert({ folder_id: null });
    const page = async () =>
      (await api.call("GET", `/api/v1/projects/${project}`)).flows.map((flow: Columns) => flow.id);
    expect(await page()).not.toContain(id);
    expect(await api.run(id, "?")).toBe("one");
    await api.edit(id, { description: "saved" });
    expect(await page()).toContain(id);
  });

  it("can be deleted by its user, unless its id is a version-5 UUID: LangFlow then deletes neither the flow nor its project", async () => {
    const other = (await api.call("POST", "/api/v1/projects/", { name: `Of ${randomUUID()}`, description: "" })).id;
    const ofVersion = (version: number) => randomUUID().replace(/^(.{14})./, `$1${version}`);
    const [five, eight] = [ofVersion(5), ofVersion(8)];
    for (const id of [five, eight]) await insert({ id, folder_id: other });
    expect(await api.run(eight, "?")).toBe("one");
    expect((await ask("DELETE", `/api/v1/flows/${eight}`)).status).toBe(200);
    expect((await ask("DELETE", `/api/v1/flows/${five}`)).status).toBe(400);
    expect((await ask("DELETE", `/api/v1/projects/${other}`)).status).toBe(400);
    await remove(five);
    expect((await ask("DELETE", `/api/v1/projects/${other}`)).status).toBe(204);
  });
});

describe("a flow whose row is updated by SQL", () => {
  it("runs the new graph at once, and only under its new endpoint name", async () => {
    const [before, after] = [`before-${randomUUID()}`, `after-${randomUUID()}`];
    const id = await insert({ endpoint_name: before });
    expect(await api.run(before, "?")).toBe("one");
    await update(id, { data: graph("two"), version_token: randomUUID(), endpoint_name: after });
    expect(await api.run(id, "?")).toBe("two");
    expect(await api.run(after, "?")).toBe("two");
    expect((await ask("POST", `/api/v1/run/${before}`, {})).status).toBe(404);
  });

  it("runs a pod's cached graph if `updated_at` did not change, so each SQL write must advance `updated_at`", async () => {
    const id = await insert();
    expect(await api.run(id, "?")).toBe("one");
    await query("UPDATE flow SET data = $2, version_token = $3 WHERE id = $1", [id, graph("two"), randomUUID()]);
    expect(await api.run(id, "?")).toBe("one");
    await update(id, {});
    expect(await api.run(id, "?")).toBe("two");
  });

  it("completes a run with the graph from the run's start, even if the row is deleted during the run", async () => {
    const [updated, deleted] = await Promise.all(
      ["one", "one"].map((answer) => insert({ data: graph(answer, SLOW_SECONDS) })),
    );
    const runs = [updated, deleted].map((id) => api.run(id ?? "", "?"));
    const asked = "SELECT FROM message WHERE flow_id = ANY($1) AND sender = 'User'";
    await until("both have begun", async () => (await query(asked, [[updated, deleted]])).length === 2);
    await update(updated ?? "", { data: graph("two"), version_token: randomUUID() });
    await remove(deleted ?? "");
    expect(await Promise.all(runs)).toEqual(["one", "one"]);
    expect(await api.run(updated ?? "", "?")).toBe("two");
    expect((await ask("POST", `/api/v1/run/${deleted}`, {})).status).toBe(404);
  });

  it("answers a webhook call with the new graph", async () => {
    const id = await insert({ webhook: true });
    await update(id, { data: graph("two"), version_token: randomUUID() });
    expect((await ask("POST", `/api/v1/webhook/${id}`, { called: true })).status).toBe(202);
    await until("the run has answered", async () => (await answersOf(id)).length > 0);
    expect(await answersOf(id)).toEqual(["two"]);
  });

  it("keeps its active schedule, which fires with the new graph", async () => {
    const id = await insert();
    const trigger = randomUUID();
    await query(
      `INSERT INTO trigger (id, flow_id, user_id, name, kind, config, provider_state, state, next_fire_at, created_at)
        VALUES ($1, $2, $3, 'each minute', 'schedule', $4, '{}', 'active', now() + interval '1 hour', now() - interval '1 day')`,
      [trigger, id, user, { cron: "* * * * *", timezone: "UTC", catchup_policy: "coalesce" }],
    );
    await update(id, { data: graph("two"), version_token: randomUUID(), name: `Renamed ${id}` });
    await query("UPDATE trigger SET next_fire_at = now() - interval '90 seconds' WHERE id = $1", [trigger]);
    await until("the schedule has fired", async () => (await answersOf(id)).length > 0);
    // The schedule may have fired twice by now.
    expect(new Set(await answersOf(id))).toEqual(new Set(["two"]));
    await query("UPDATE trigger SET state = 'paused' WHERE id = $1", [trigger]);
  });

  it("changes at once in its project's list of MCP tools, although LangFlow does not notify MCP clients", async () => {
    const mcp = async (method: string, params: object = {}) => {
      const { text } = await ask(
        "POST",
        `/api/v1/mcp/project/${project}/streamable`,
        { jsonrpc: "2.0", id: 1, method, params },
        { accept: "application/json, text/event-stream" },
      );
      return JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? text).result;
    };
    const tools = async () => (await mcp("tools/list")).tools.map(({ name }: { name: string }) => name);
    const client = { protocolVersion: "2025-03-26", capabilities: {}, clientInfo: { name: "test", version: "1" } };
    expect((await mcp("initialize", client)).capabilities.tools).toEqual({ listChanged: false });
    const id = await insert({ mcp_enabled: true, action_name: "first_name" });
    expect(await tools()).toContain("first_name");
    await update(id, { action_name: "second_name", data: graph("two"), version_token: randomUUID() });
    expect(await tools()).toEqual(expect.arrayContaining(["second_name"]));
    expect(await tools()).not.toContain("first_name");
    const { content } = await mcp("tools/call", { name: "second_name", arguments: { input_value: "?" } });
    expect(content[0].text).toContain("two");
    // LangFlow lists a tool only if the column is false; NULL hides the tool.
    await update(id, { is_component: null });
    expect(await tools()).not.toContain("second_name");
    await update(id, { is_component: false });
    await remove(id);
    expect(await tools()).not.toContain("second_name");
  });
});

describe("a page with an open flow whose row is written by SQL", () => {
  it("shows who wrote the current version, and can save only a version that is based on it", async () => {
    const [first, second, author] = [randomUUID(), randomUUID(), user];
    const id = await insert({ version_token: first });
    await update(id, { data: graph("two"), version_token: second, last_modified_by: author });
    expect((await ask("GET", `/api/v1/flows/${id}/version-state`)).json()).toMatchObject({
      version_token: second,
      last_modified_by: author,
      last_modified_by_username: "admin",
    });
    const refused = await save(id, { data: graph("mine") }, first);
    expect(refused.status).toBe(409);
    expect(refused.json().detail).toMatchObject({
      code: "flow_version_conflict",
      current_version_token: second,
      modified_by: { id: author, username: "admin" },
    });
    expect(await answerOf(id)).toBe("two");
    expect((await save(id, { data: graph("mine") }, second)).status).toBe(200);
    expect(await answerOf(id)).toBe("mine");
  });

  it("cannot overwrite the row even if its save was blocked until the SQL write was committed", async () => {
    const [first, second] = [randomUUID(), randomUUID()];
    const [id, source] = [await insert({ version_token: first }), await insert({ data: graph("two") })];
    // A single query, so both statements run in one transaction.
    const write = `UPDATE flow SET data = (SELECT data FROM flow WHERE id = '${source}'), version_token = '${second}', ${UPDATED}
      WHERE id = '${id}'; SELECT pg_sleep(1.5)`;
    const writing = query(write);
    await until("the row is written", async () => (await query(SLEEPS)).length > 0);
    const refused = await save(id, { data: graph("mine") }, first);
    await writing;
    expect(refused.status).toBe(409);
    expect(refused.json().detail).toMatchObject({ current_version_token: second });
    expect(await answerOf(id)).toBe("two");
  });

  it("overwrites the graph silently if the write kept the version token or set it to NULL", async () => {
    const first = randomUUID();
    for (const token of [first, null]) {
      const id = await insert({ version_token: first });
      await update(id, { data: graph("two"), version_token: token });
      expect((await save(id, { data: graph("mine") }, first)).status).toBe(200);
      expect(await answerOf(id)).toBe("mine");
    }
  });

  it("can rename the flow without overwriting the written graph", async () => {
    const first = randomUUID();
    const id = await insert({ version_token: first });
    await update(id, { data: graph("two") });
    expect((await save(id, { name: `Renamed ${id}` }, first)).status).toBe(200);
    expect(await answerOf(id)).toBe("two");
  });

  it("cannot restore a flow whose row was deleted", async () => {
    const first = randomUUID();
    const id = await insert({ version_token: first });
    await remove(id);
    expect((await save(id, { data: graph("mine") }, first)).status).toBe(404);
    expect(await api.flow(id)).toBeUndefined();
  });
});

it("at a pod's start, a flow's mirror file overwrites the flow, unless the SQL write has cleared `fs_path`", async () => {
  const [kept, cleared] = [await insert(), await insert()];
  const mirror = (id: string) => join(scratch.folder, "config", "flows", user, `${id}.json`);
  for (const id of [kept, cleared]) await api.edit(id, { fs_path: `${id}.json` });
  const token = randomUUID();
  await update(kept, { data: graph("two"), version_token: token });
  await update(cleared, { data: graph("two"), version_token: token, fs_path: null });
  // A pod reads each file that changed since its last read, and all files at its start.
  for (const id of [kept, cleared]) utimesSync(mirror(id), new Date(), new Date(Date.now() + 60_000));
  await until("the file is read", async () => (await answerOf(kept)) === "one");
  expect((await opened(kept)).version_token).toBe(token);
  expect(await answerOf(cleared)).toBe("two");
});

describe("a flow whose row is deleted by SQL", () => {
  it("leaves exactly the rows without a cascading foreign key, which LangFlow deletes itself", async () => {
    const [byApi, bySql] = [await insert(), await insert()];
    const [partsByApi, partsBySql] = [await fill(byApi), await fill(bySql)];
    expect(partsBySql.length).toBeGreaterThan(15);
    await api.delete(byApi);
    await remove(bySql);
    const [keptByApi, keptBySql] = [await tablesOf(partsByApi), await tablesOf(partsBySql)];
    expect(keptByApi).toEqual(["job"]);
    expect(keptBySql).toEqual([
      "authz_share",
      "job",
      "memory_base",
      "memory_base_preprocessing_output",
      "memory_base_session",
      "memory_base_workflow_run",
      "message",
      "message_ingestion_record",
      "transaction",
      "vertex_build",
    ]);
    // A memory base contains the flow's chat. LangFlow deletes the memory base and its store when its owner requests
    // that.
    const [memory] = await query<{ id: string }>("SELECT id FROM memory_base WHERE flow_id = $1", [bySql]);
    expect((await ask("DELETE", `/api/v1/memories/${memory?.id}`)).status).toBe(204);
    expect((await tablesOf(partsBySql)).filter((table) => table.startsWith("memory_base"))).toEqual([]);
  });
});

/** A column of LangFlow's database. */
interface Column {
  readonly table: string;
  readonly column: string;
  readonly type: string;
  /** Whether the column is NOT NULL and has no default. */
  readonly required: boolean;
  /** The table that the column's foreign key references. */
  readonly references: string | null;
}

const COLUMNS = `SELECT r.relname AS table, a.attname AS column, a.atttypid::regtype::text AS type,
    a.attnotnull AND NOT a.atthasdef AS required,
    (SELECT t.relname FROM pg_constraint k JOIN pg_class t ON t.oid = k.confrelid
      WHERE k.contype = 'f' AND k.conrelid = r.oid AND k.conkey = ARRAY[a.attnum] LIMIT 1) AS references
  FROM pg_class r JOIN pg_attribute a ON a.attrelid = r.oid
  WHERE r.relkind = 'r' AND r.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
  ORDER BY r.relname, a.attnum`;
const LABELS =
  "SELECT DISTINCT ON (enumtypid) enumtypid::regtype::text AS type, enumlabel AS label FROM pg_enum ORDER BY enumtypid";

/** Rows of a table, identified by the value of a column. */
interface Part {
  readonly table: string;
  readonly column: string;
  readonly value: string;
}

/**
 * Inserts a row into every table that refers to a flow, and into their child tables. The trigger is pinned to the
 * version.
 */
async function fill(flow: string): Promise<Part[]> {
  const tables = groupBy(await query<Column>(COLUMNS), ({ table }) => table);
  const labels = new Map((await query<{ type: string; label: string }>(LABELS)).map((each) => [each.type, each.label]));
  const ids = new Map([["user", user]]);
  const byName = new Map([
    ["flow_id", flow],
    ["user_id", user],
  ]);
  const parts: Part[] = [];
  const named = ({ column, references }: Column) => byName.get(column) ?? ids.get(references ?? "");
  const add = async (table: string, columns: readonly Column[]) => {
    const owner = columns.find(
      ({ column, required, references }) =>
        column === "flow_id" || (required && parts.some((part) => part.table === references)),
    );
    const filled = columns.filter((each) => each.required || each === owner || each.column === "flow_version_id");
    if (ids.has(table) || !owner || filled.some((each) => each.references && !named(each))) return;
    const id = randomUUID();
    const values = filled.map((each) => named(each) ?? (each.column === "id" ? id : sample(each.type, labels)));
    const names = filled.map(({ column }) => `"${column}"`);
    await query(
      `INSERT INTO "${table}" (${names.join(", ")}) VALUES (${names.map((_, n) => `$${n + 1}`).join(", ")})`,
      values,
    );
    ids.set(table, id);
    parts.push({ table, column: owner.column, value: named(owner) ?? "" });
  };
  for (let before = -1; before < parts.length; ) {
    before = parts.length;
    for (const [table, columns] of tables) await add(table, columns);
  }
  await query("UPDATE trigger SET state = 'paused' WHERE flow_id = $1", [flow]);
  await query(
    `INSERT INTO authz_share (id, resource_type, resource_id, scope, target_id, permission_level, created_at)
      VALUES (gen_random_uuid(), 'flow', $1, 'user', $2, 'read', now())`,
    [flow, user],
  );
  return [...parts, { table: "authz_share", column: "resource_id", value: flow }];
}

/** Returns the tables that still contain rows of a flow. */
async function tablesOf(parts: readonly Part[]): Promise<string[]> {
  const kept = await Promise.all(
    parts.map(async ({ table, column, value }) => {
      const rows = await query(`SELECT FROM "${table}" WHERE "${column}" = $1`, [value]);
      return rows.length > 0 ? [table] : [];
    }),
  );
  return kept.flat().sort();
}

function sample(type: string, labels: ReadonlyMap<string, string>): unknown {
  if (labels.has(type)) return labels.get(type);
  if (type === "uuid") return randomUUID();
  if (type.startsWith("timestamp")) return new Date();
  if (type.startsWith("json")) return "{}";
  if (type === "boolean") return false;
  return /int|double|numeric/.test(type) ? 1 : randomUUID().slice(0, 16);
}
