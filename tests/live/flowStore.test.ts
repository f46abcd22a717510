import { randomUUID } from "node:crypto";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { canonicalJson } from "../../agent/flows/canonicalJson";
import { DEFAULT_PROJECT } from "../../agent/flows/layout";
import { FIELDS, type Field } from "../../agent/flows/version";
import { LangFlow } from "../../agent/langflow/client";
import { type FlowState, STATE_FORM } from "../../agent/langflow/flowState";
import { DatabaseUnreachable, type FlowRow, FlowStore, type StoredRow } from "../../agent/langflow/store";
import { openDatabase, parseDatabaseUrl } from "../../agent/postgres/connection";
import { KEPT_BY_NONE, LangFlowApi, until } from "./langflowApi";
import { type Postgres, Scratch, SUPERUSER } from "./scratch";

jest.setTimeout(300_000);

/** The migration before the last one that gives a column of flows another type. */
const BEFORE_TIMES_CHANGED = "9d7e2a6c4b81";

let scratch: Scratch;
let postgres: Postgres;
/** LangFlow on the database `served`, as its user reaches it. */
let served: ReturnType<Scratch["langflowWithKey"]>;
let databases = 0;
const stores: FlowStore[] = [];

beforeAll(async () => {
  scratch = await Scratch.make();
  postgres = await scratch.migratedPostgres();
  await postgres.create("served", "migrated");
  served = scratch.langflowWithKey("served", { LANGFLOW_DATABASE_URL: postgres.url("served") });
  served.catch(() => undefined); // told by the tests that wait for it
});
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
});
afterAll(() => scratch.end());

/** A database of its own, as LangFlow's migrations leave it. */
async function migrated(): Promise<string> {
  databases += 1;
  await postgres.create(`own_${databases}`, "migrated");
  return `own_${databases}`;
}

function storeOf(database: string, onChange?: () => void): FlowStore {
  const store = new FlowStore(parseDatabaseUrl(postgres.url(database)), onChange);
  stores.push(store);
  return store;
}

async function owner(database: string): Promise<{ workspace: string; userId: string }> {
  const [user] = await postgres.query<{ id: string }>(database, `SELECT id FROM "user" WHERE username = $1`, [
    SUPERUSER.username,
  ]);
  return { workspace: "default", userId: user?.id ?? "" };
}

async function lookAt(database: string, store: FlowStore) {
  const { users, head } = await store.look([await owner(database)]);
  const user = users.get("default");
  if (!user) throw new Error("the user is not in the look");
  return { ...user, head };
}

async function rowOf(database: string, store: FlowStore, id: string): Promise<FlowRow> {
  const row = (await lookAt(database, store)).rows.get(id);
  if (!row) throw new Error("the flow is not in the look");
  return row;
}

/** A flow's row, as SQL makes it. */
async function insertFlow(database: string, columns: Record<string, unknown> = {}): Promise<string> {
  const id = randomUUID();
  const { userId } = await owner(database);
  const all = {
    id,
    name: `Flow ${id}`,
    data: { nodes: [], edges: [] },
    user_id: userId,
    version_token: randomUUID(),
    updated_at: "2026-01-02T03:04:05",
    ...columns,
  };
  const names = Object.keys(all);
  await postgres.query(
    database,
    `INSERT INTO flow (${names.join(", ")}) VALUES (${names.map((_, index) => `$${index + 1}`).join(", ")})`,
    Object.values(all),
  );
  return id;
}

const project = async (database: string, name: string): Promise<string> => {
  const { userId } = await owner(database);
  const id = randomUUID();
  await postgres.query(database, "INSERT INTO folder (id, name, user_id) VALUES ($1, $2, $3)", [id, name, userId]);
  return id;
};

async function contentsOf(store: FlowStore, ids: readonly string[]): Promise<StoredRow[]> {
  const found: StoredRow[] = [];
  for await (const each of store.contents(ids)) found.push(each);
  return found;
}

const state = (text: string): FlowState => ({
  agreed: { graph: { langflow: text, git: `${text} "ä" \\ ☃` }, name: { langflow: "", git: "" } },
  intent: { kind: "export", commit: "c".repeat(40), agreed: undefined },
});
/** As a database gives it back. */
const plain = (value: FlowState): unknown => JSON.parse(JSON.stringify(value));

async function session(database: string): Promise<Client> {
  const client = new Client(postgres.url(database));
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

/** Ends the sessions of agents, as a database that fails over does. */
const endSessions = (database: string) =>
  postgres.query(
    database,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND application_name = 'langflow-dr-agent'`,
  );

async function took(work: () => Promise<unknown>): Promise<number> {
  const began = Date.now();
  await work();
  return Date.now() - began;
}

describe("a look", () => {
  it("shows the user's flows, projects and variables, and what is remembered", async () => {
    const database = await migrated();
    const store = storeOf(database);
    const [team, first] = [await project(database, "Team / Ä"), await project(database, DEFAULT_PROJECT)];
    const flow = await insertFlow(database, { name: "One", endpoint_name: "one", folder_id: team });
    const other = await insertFlow(database, { name: "Two", folder_id: first });
    const loose = await insertFlow(database, { name: "Three" });
    await insertFlow(database, { name: "A starter's", user_id: null });
    await postgres.query(
      database,
      "INSERT INTO variable (id, name, value, type, user_id) VALUES (gen_random_uuid(), 'OPENAI_API_KEY', 'x', 'Credential', $1)",
      [(await owner(database)).userId],
    );
    const { rows, projects, variables, states, head } = await lookAt(database, store);
    expect([...rows.keys()].sort()).toEqual([flow, other, loose].sort());
    expect(rows.get(flow)).toMatchObject({
      name: "One",
      endpointName: "one",
      project: "Team / Ä",
      updatedAt: Date.UTC(2026, 0, 2, 3, 4, 5),
    });
    expect(rows.get(other)).not.toHaveProperty("project");
    expect(rows.get(other)).not.toHaveProperty("endpointName");
    expect(projects.get("Team / Ä")).toBe(team);
    expect(variables).toContain("OPENAI_API_KEY");
    expect([states.size, head]).toEqual([0, undefined]);
  });

  it("leaves out users that are not there or not active, and says so of a database without LangFlow", async () => {
    const database = await migrated();
    const id = await insertFlow(database);
    const own = await owner(database);
    const stranger = { workspace: "other", userId: randomUUID() };
    const store = storeOf(database);
    expect([...(await store.look([own, stranger])).users.keys()]).toEqual(["default"]);
    expect(await store.usersOf([id, randomUUID()])).toEqual(new Map([[id, own.userId]]));
    const user = { id: own.userId, name: SUPERUSER.username, hasFlows: true };
    expect(await store.users()).toEqual([{ ...user, isActive: true }]);
    await postgres.query(database, `UPDATE "user" SET is_active = false`);
    expect([...(await store.look([own])).users.keys()]).toEqual([]);
    expect(await store.users()).toEqual([{ ...user, isActive: false }]);
    await postgres.create("empty");
    await expect(storeOf("empty").look([stranger])).rejects.toThrow(/has no LangFlow in it yet/);
  });

  it("is of one moment: what is committed while it is taken is in the next one", async () => {
    const database = await migrated();
    const store = storeOf(database);
    const id = await insertFlow(database);
    const { userId } = await owner(database);
    const { revision } = await rowOf(database, store, id);
    const writer = await session(database);
    await writer.query("BEGIN; LOCK TABLE variable IN ACCESS EXCLUSIVE MODE");
    const taken = lookAt(database, store);
    await until("it waits for the variables, the flows being read", async () => {
      const [{ waits }] = (await postgres.query<{ waits: boolean }>(
        database,
        "SELECT count(*) > 0 AS waits FROM pg_locks WHERE NOT granted AND relation = 'variable'::regclass",
      )) as [{ waits: boolean }];
      return waits;
    });
    await writer.query("UPDATE flow SET name = 'Later' WHERE id = $1", [id]);
    await writer.query(
      "INSERT INTO variable (id, name, value, type, user_id) VALUES (gen_random_uuid(), 'LATER', 'x', 'Generic', $1)",
      [userId],
    );
    await writer.query("COMMIT");
    await writer.end();
    const before = await taken;
    expect(before.rows.get(id)?.revision).toBe(revision);
    expect(before.variables).not.toContain("LATER");
    const after = await lookAt(database, store);
    expect(after.rows.get(id)?.name).toBe("Later");
    expect(after.variables).toContain("LATER");
  });

  it("shows another revision after each write to a row, and of no other row", async () => {
    const database = await migrated();
    const store = storeOf(database);
    const folder = await project(database, "Elsewhere");
    const [id, other] = [await insertFlow(database), await insertFlow(database)];
    const revisions = async () => {
      const { rows } = await lookAt(database, store);
      return [rows.get(id)?.revision, rows.get(other)?.revision];
    };
    const seen = [await revisions()];
    for (const change of [
      "name = 'Another'",
      "name = name",
      "description = 'd'",
      `data = '{"nodes": [], "edges": [1]}'`,
      "locked = true",
      "tags = '[\"t\"]'",
      "endpoint_name = 'e'",
      "icon = 'i'",
      "mcp_enabled = true",
      `folder_id = '${folder}'`,
      "updated_at = now()",
    ]) {
      await postgres.query(database, `UPDATE flow SET ${change} WHERE id = '${id}'`);
      seen.push(await revisions());
    }
    expect(new Set(seen.map(([own]) => own)).size).toBe(seen.length);
    expect(new Set(seen.map(([, others]) => others)).size).toBe(1);
    for (const nothing of [
      "SELECT * FROM flow FOR UPDATE",
      "ANALYZE flow",
      "VACUUM flow",
      "UPDATE folder SET description = 'd'",
      `UPDATE "user" SET last_login_at = now()`,
    ])
      await postgres.query(database, nothing);
    expect(await revisions()).toEqual(seen.at(-1));
  });
});

describe("the time of an edit", () => {
  /** Fields whose time is another by now. */
  const moved = (before: FlowRow, after: FlowRow): Field[] =>
    FIELDS.filter((field) => before.editedAt[field] !== after.editedAt[field]);
  const node = (text: string) => ({ nodes: [{ id: "n", type: "noteNode", data: { text } }], edges: [] });

  it("is that of each field, for whatever LangFlow's API changes", async () => {
    const { url, apiKey } = await served;
    const api = LangFlowApi.withKey(url, apiKey);
    const store = storeOf("served");
    await lookAt("served", store);
    const makeProject = async (name: string): Promise<string> =>
      (await api.call("POST", "/api/v1/projects/", { name, description: "" })).id;
    const [folder, elsewhere] = [await makeProject("Edits"), await makeProject("Elsewhere")];
    const { id } = await api.create("Edited", { data: node("one"), folder_id: folder });
    const patch = (changes: object) => api.call("PATCH", `/api/v1/flows/${id}`, changes);
    const whole = () => api.call("GET", `/api/v1/flows/${id}`);
    const put = async (changes: object) => {
      const { id: _, user_id: _user, version_token: _token, updated_at: _at, ...flow } = await whole();
      return api.call("PUT", `/api/v1/flows/${id}`, { ...flow, ...changes });
    };
    let before = await rowOf("served", store, id);
    expect(Object.keys(before.editedAt).sort()).toEqual([...FIELDS].sort());
    const edits: [Field[], () => Promise<unknown>][] = [
      [["name"], () => patch({ name: "Renamed" })],
      [["name"], () => put({ name: "Renamed again" })],
      [["graph"], () => patch({ data: node("two") })],
      [["graph"], () => put({ data: node("three") })],
      [["description"], () => patch({ description: "told" })],
      [["project"], () => patch({ folder_id: elsewhere })],
      [["project"], () => api.call("PATCH", `/api/v1/projects/${elsewhere}`, { name: "Elsewhere, renamed" })],
      [["endpoint"], () => patch({ endpoint_name: "edited" })],
      [["details"], () => put({ tags: ["t"] })],
      [["details"], () => put({ icon: "Bot" })],
      [["details"], () => patch({ mcp_enabled: true })],
      [["lock"], () => patch({ locked: true })],
      [["lock"], () => patch({ locked: false })],
      [["name", "description"], () => patch({ name: "Both", description: "both" })],
      [[], () => put({})],
      [[], () => api.call("PATCH", `/api/v1/projects/${elsewhere}`, { description: "nothing of a flow" })],
    ];
    for (const [fields, edit] of edits) {
      const began = Date.now();
      await edit();
      const after = await rowOf("served", store, id);
      expect([edit.toString(), moved(before, after).sort()]).toEqual([edit.toString(), [...fields].sort()]);
      for (const field of fields) {
        expect(after.editedAt[field]).toBeGreaterThanOrEqual(began);
        expect(after.editedAt[field]).toBeLessThanOrEqual(Date.now());
      }
      before = after;
    }
  });

  it("is that of the graph where LangFlow keeps no token of it", async () => {
    const database = await migrated();
    const store = storeOf(database);
    await lookAt(database, store);
    const id = await insertFlow(database, { version_token: null });
    const before = await rowOf(database, store, id);
    await postgres.query(database, "UPDATE flow SET data = $1 WHERE id = $2", [node("other"), id]);
    const after = await rowOf(database, store, id);
    expect(moved(before, after)).toEqual(["graph"]);
  });

  it("is LangFlow's own for flows from before the triggers, and for what was written while there were none", async () => {
    const database = await migrated();
    const store = storeOf(database);
    const [id, other] = [await insertFlow(database), await insertFlow(database)];
    const at = Date.UTC(2026, 0, 2, 3, 4, 5);
    const all = (time: number) => Object.fromEntries(FIELDS.map((field) => [field, time]));
    expect((await rowOf(database, store, id)).editedAt).toEqual(all(at));

    await postgres.query(database, "DROP TRIGGER langflow_dr_flow ON flow");
    await postgres.query(database, "UPDATE flow SET name = 'Unseen', updated_at = '2026-01-03' WHERE id = $1", [id]);
    await postgres.query(database, "DELETE FROM flow WHERE id = $1", [other]);
    expect((await rowOf(database, store, id)).editedAt).toEqual(all(Date.UTC(2026, 0, 3)));
    expect(await postgres.query(database, "SELECT flow_id FROM langflow_dr.edit")).toEqual([{ flow_id: id }]);
  });
});

describe("a notification", () => {
  it("comes within a second of each change of a flow, and of a project's name", async () => {
    const database = await migrated();
    let changes = 0;
    const store = storeOf(database, () => {
      changes += 1;
    });
    await store.becomeWriter();
    await lookAt(database, store);
    const folder = await project(database, "Before");
    const id = await insertFlow(database, { folder_id: folder });
    for (const change of [
      `UPDATE flow SET name = 'After' WHERE id = '${id}'`,
      "UPDATE folder SET name = 'After'",
      `DELETE FROM flow WHERE id = '${id}'`,
    ]) {
      await sleep(300);
      changes = 0;
      await postgres.query(database, change);
      // Nobody looks meanwhile: only the database can have told it.
      await until("told", async () => changes > 0);
    }
    await sleep(300);
    changes = 0;
    await postgres.query(database, "UPDATE folder SET description = 'no name'");
    await store.remember([{ ...(await owner(database)), id, state: state("a") }], "head");
    await sleep(500);
    expect(changes).toBe(0);
  });
});

describe("contents", () => {
  it("are what LangFlow's API shows, numbers as they are written", async () => {
    const { url, apiKey, token } = await served;
    const langflow = new LangFlow(url, token);
    const id = randomUUID();
    const text = `{"nodes":[{"id":"n","data":{"one":1.0,"small":1e-7,"big":12345678901234567890,"text":"ä \\"☃\\" \\\\ ","none":null,"list":[0.10,-0.0]}}],"edges":[],"viewport":{"zoom":1.0}}`;
    const response = await fetch(`${url}/api/v1/flows/${id}`, {
      method: "PUT",
      headers: { "x-api-key": apiKey, "content-type": "application/json", ...KEPT_BY_NONE },
      body: `{"name":"Numbers","description":"d ☃","tags":["a"],"icon":"Bot","locked":true,"data":${text}}`,
    });
    expect(response.status).toBe(201);
    const runnable = await LangFlowApi.withKey(url, apiKey).createRunnable("Contents");
    const rows = await contentsOf(storeOf("served"), [id, runnable.id, randomUUID()]);
    expect(rows.map((row) => row.id).sort()).toEqual([id, runnable.id].sort());
    for (const row of rows) {
      const shown = await langflow.flow(row.id);
      expect([row.locked, row.versionToken]).toEqual([shown?.locked, shown?.versionToken]);
      const keys = Object.keys(row.flow);
      expect(keys).toEqual(expect.arrayContaining(["data", "description", "endpoint_name", "icon", "locked", "tags"]));
      const same = Object.fromEntries(keys.map((key) => [key, shown?.flow[key] ?? null]));
      expect(canonicalJson(row.flow)).toBe(canonicalJson(same));
    }
    const [{ data }] = (await postgres.query<{ data: string }>("served", "SELECT data::text FROM flow WHERE id = $1", [
      id,
    ])) as [{ data: string }];
    expect(data).toMatch(/"one": 1\.0,.*"big": 12345678901234567890,/);
  });

  it("of flows without a graph, without tags and without a token are none", async () => {
    const database = await migrated();
    const id = await insertFlow(database, { data: null, tags: null, version_token: null });
    const [row] = await contentsOf(storeOf(database), [id]);
    expect(row).toMatchObject({ id, locked: false, flow: { data: null, tags: null } });
    expect(row).not.toHaveProperty("versionToken");
  });

  it("of many flows come whole, with the revisions that a look shows", async () => {
    const database = await migrated();
    const store = storeOf(database);
    const ids = await Promise.all(Array.from({ length: 40 }, () => insertFlow(database)));
    const rows = await contentsOf(store, ids);
    const look = await lookAt(database, store);
    expect(rows.map(({ id, revision }) => [id, revision]).sort()).toEqual(
      ids.map((id) => [id, look.rows.get(id)?.revision]).sort(),
    );
  });
});

describe("the version token of another region", () => {
  it("is what a page's next save is compared with, unless LangFlow's own is another by now", async () => {
    const { url, apiKey } = await served;
    const api = LangFlowApi.withKey(url, apiKey);
    const { id } = await api.createRunnable("Token");
    const token = async (): Promise<string> => (await api.call("GET", `/api/v1/flows/${id}`)).version_token;
    const saved = async (ifMatch: string, text: string) => {
      const response = await fetch(`${url}/api/v1/flows/${id}`, {
        method: "PATCH",
        headers: {
          "x-api-key": apiKey,
          "if-match": ifMatch,
          "content-type": "application/json",
          ...KEPT_BY_NONE,
        },
        body: JSON.stringify({ data: { nodes: [], edges: [], text } }),
      });
      return response.status;
    };
    const store = storeOf("served");
    const [first, elsewhere, later] = [await token(), randomUUID(), randomUUID()];
    expect(await store.giveVersionToken(id, first, elsewhere)).toBe(true);
    expect(await token()).toBe(elsewhere);
    expect(await saved(first, "by who had the flow open before")).toBe(409);
    expect(await saved(elsewhere, "by who had it open in the other region")).toBe(200);
    const own = await token();
    expect(await store.giveVersionToken(id, elsewhere, later)).toBe(false);
    expect(await token()).toBe(own);
  });

  it("is given to a graph that has none yet, and to no flow that is gone", async () => {
    const database = await migrated();
    const id = await insertFlow(database, { version_token: null });
    const [store, token] = [storeOf(database), randomUUID()];
    await lookAt(database, store);
    expect(await store.giveVersionToken(id, undefined, token)).toBe(true);
    expect((await contentsOf(store, [id]))[0]?.versionToken).toBe(token);
    expect(await store.giveVersionToken(randomUUID(), undefined, token)).toBe(false);
  });
});

describe("what is remembered", () => {
  it("is read back equal, by this agent and by the next", async () => {
    const database = await migrated();
    const store = storeOf(database);
    const own = await owner(database);
    await lookAt(database, store);
    const ids = Array.from({ length: 1_100 }, () => randomUUID());
    await store.remember(
      ids.map((id) => ({ ...own, id, state: state(id) })),
      "a".repeat(40),
    );
    await store.remember([{ ...own, id: ids[0] ?? "", state: undefined }]);
    const wanted = new Map(ids.slice(1).map((id) => [id, plain(state(id))]));
    for (const each of [store, storeOf(database)]) {
      const { states, head } = await lookAt(database, each);
      expect(head).toBe("a".repeat(40));
      expect(new Map([...states].map(([id, one]) => [id, plain(one)]))).toEqual(wanted);
    }
  });

  it("is of one workspace and user each", async () => {
    const database = await migrated();
    const store = storeOf(database);
    const own = await owner(database);
    const id = randomUUID();
    await lookAt(database, store);
    await store.remember([{ ...own, id, state: state("own") }]);
    await store.remember([{ workspace: "team", userId: own.userId, id, state: state("team's") }]);
    const { users } = await store.look([own, { workspace: "team", userId: own.userId }]);
    expect(users.get("default")?.states.get(id)).toEqual(state("own"));
    expect(users.get("team")?.states.get(id)).toEqual(state("team's"));
  });

  it("is written whole or not at all, whatever else is written meanwhile", async () => {
    const database = await migrated();
    const store = storeOf(database);
    const own = await owner(database);
    const [before, good, also] = [randomUUID(), randomUUID(), randomUUID()];
    await lookAt(database, store);
    await store.remember([{ ...own, id: before, state: state("before") }], "before");
    const bad = { workspace: "no \u0000 text", userId: own.userId, id: also, state: state("bad") };
    const results = await Promise.allSettled([
      store.remember(
        [{ ...own, id: good, state: state("bad") }, { ...own, id: before, state: undefined }, bad],
        "after",
      ),
      store.remember([{ ...own, id: good, state: state("good") }]),
    ]);
    expect(results.map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
    for (const each of [store, storeOf(database)]) {
      const { states, head } = await lookAt(database, each);
      expect([head, [...states.keys()].sort()]).toEqual(["before", [before, good].sort()]);
      expect(states.get(good)).toEqual(plain(state("good")));
    }
  });

  it("is read anew where the database holds something else than was written last", async () => {
    const database = await migrated();
    const store = storeOf(database);
    const own = await owner(database);
    const [old, later] = [randomUUID(), randomUUID()];
    await lookAt(database, store);
    await store.remember([{ ...own, id: old, state: state("old") }], "old");
    await store.close(); // a copy is made of a database that nobody uses
    await postgres.create("backup", database);
    await store.remember([{ ...own, id: later, state: state("later") }], "later");
    expect((await lookAt(database, store)).states.size).toBe(2);

    // The tables of a backup in place of these, in a session that goes on.
    await postgres.query(
      database,
      `BEGIN; DELETE FROM langflow_dr.flow_state WHERE flow_id = '${later}';
       UPDATE langflow_dr.region_state SET head = 'old', writes = writes - 1; COMMIT`,
    );
    const rolledBack = await lookAt(database, store);
    expect([rolledBack.head, [...rolledBack.states.keys()]]).toEqual(["old", [old]]);

    await postgres.query(database, "DROP SCHEMA langflow_dr CASCADE");
    const forgotten = await lookAt(database, store);
    expect([forgotten.head, forgotten.states.size]).toEqual([undefined, 0]);

    await postgres.create(database, "backup");
    await lookAt(database, store).catch(() => undefined); // the session was ended
    const restored = await lookAt(database, store);
    expect([restored.head, [...restored.states.keys()]]).toEqual(["old", [old]]);
  });
});

describe("what an agent of another release remembered", () => {
  it.each([
    ["is kept where it means the same", `another ${STATE_FORM}`, 1],
    ["is forgotten where it may mean something else", `another ${STATE_FORM + 1}`, 0],
    ["is forgotten where it does not say what it means", "another", 0],
  ])("%s", async (_, comment, kept) => {
    const database = await migrated();
    const store = storeOf(database);
    await lookAt(database, store);
    await store.remember([{ ...(await owner(database)), id: randomUUID(), state: state("old") }], "head");
    await postgres.query(database, `COMMENT ON SCHEMA langflow_dr IS '${comment}'`);
    const { states, head } = await lookAt(database, store);
    expect([states.size, head]).toEqual([kept, "head"]);
    await store.remember([{ ...(await owner(database)), id: randomUUID(), state: state("new") }]);
    expect((await lookAt(database, storeOf(database))).states.size).toBe(kept + 1);
  });
});

describe("the agent's schema", () => {
  const REVIVE = "UPDATE flow SET name = name || '!' WHERE id = $1";

  it.each([
    ["the schema", "DROP SCHEMA langflow_dr CASCADE"],
    ["the table of edits", "DROP TABLE langflow_dr.edit"],
    ["the table of states", "DROP TABLE langflow_dr.flow_state"],
    ["a trigger", "DROP TRIGGER langflow_dr_flow ON flow"],
    ["a function, and its trigger", "DROP FUNCTION langflow_dr.project_changed() CASCADE"],
    [
      "the functions of another release",
      `CREATE OR REPLACE FUNCTION langflow_dr.flow_changed() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
       COMMENT ON SCHEMA langflow_dr IS 'another ${STATE_FORM}'`,
    ],
  ])("comes back by itself: %s", async (_, statements) => {
    const database = await migrated();
    let changes = 0;
    const store = storeOf(database, () => {
      changes += 1;
    });
    const folder = await project(database, "Folder");
    const id = await insertFlow(database, { folder_id: folder });
    await lookAt(database, store);
    await postgres.query(database, statements);
    const before = await rowOf(database, store, id);
    await postgres.query(database, REVIVE, [id]);
    await postgres.query(database, "UPDATE folder SET name = 'Other' WHERE id = $1", [folder]);
    const after = await rowOf(database, store, id);
    expect(after.editedAt.name).toBeGreaterThan(before.editedAt.name ?? 0);
    expect(after.editedAt.project).toBeGreaterThan(before.editedAt.project ?? 0);
    await until("told", async () => changes >= 2);
  });

  it.each([
    ["without its tables", "DROP TABLE langflow_dr.edit"],
    ["without a function it calls", "DROP FUNCTION langflow_dr.announce()"],
    [
      "with tables of another shape",
      "ALTER TABLE langflow_dr.edit DROP COLUMN lock, ADD CHECK (name IS NULL) NOT VALID",
    ],
  ])("never fails a user's write, %s", async (_, statement) => {
    const database = await migrated();
    const folder = await project(database, "Folder");
    const id = await insertFlow(database, { folder_id: folder });
    await lookAt(database, storeOf(database));
    await postgres.query(database, statement);
    await postgres.query(database, REVIVE, [id]);
    await postgres.query(database, "UPDATE folder SET name = 'Other' WHERE id = $1", [folder]);
    const made = await insertFlow(database);
    await postgres.query(database, "DELETE FROM flow WHERE id = $1", [id]);
    expect(await postgres.query(database, "SELECT id FROM flow")).toEqual([{ id: made }]);
    expect(await postgres.query(database, "SELECT name FROM folder")).toEqual([{ name: "Other" }]);
  });

  it("keeps no user's write waiting for whoever holds its table, however many flows are written", async () => {
    const database = await migrated();
    const ids = await Promise.all(Array.from({ length: 30 }, () => insertFlow(database)));
    await lookAt(database, storeOf(database));
    // The holder goes when these are through: one that waited for it would never end.
    await postgres.holding(database, "LOCK TABLE langflow_dr.edit IN ACCESS EXCLUSIVE MODE", async () => {
      for (const statement of [REVIVE, "DELETE FROM flow WHERE id = $1"])
        await postgres.query(database, statement, [ids[0]]);
      await postgres.query(database, "UPDATE flow SET locked = true");
    });
    expect(await postgres.query(database, "SELECT id FROM flow WHERE locked")).toHaveLength(29);
  });

  it("waits itself no longer for LangFlow's tables than their users would notice", async () => {
    const database = await migrated();
    const store = storeOf(database);
    await postgres.holding(database, "LOCK TABLE flow IN ROW EXCLUSIVE MODE", async () => {
      const milliseconds = await took(() => expect(lookAt(database, store)).rejects.toThrow(DatabaseUnreachable));
      expect(milliseconds).toBeLessThan(30_000);
    });
    expect((await lookAt(database, store)).rows.size).toBe(0);
  });

  it("lets LangFlow's own migrations run, back and forth", async () => {
    const database = await migrated();
    const store = storeOf(database);
    const id = await insertFlow(database);
    const before = await rowOf(database, store, id);
    const type = () =>
      postgres.query(
        database,
        "SELECT data_type FROM information_schema.columns WHERE table_name = 'flow' AND column_name = 'updated_at'",
      );
    const newest = await type();
    await scratch.migrateBack(postgres.url(database), BEFORE_TIMES_CHANGED);
    expect(await type()).not.toEqual(newest);
    expect(await rowOf(database, store, id)).toEqual({ ...before, revision: expect.any(String) });
    await store.close();
    await scratch.migrate(postgres.url(database));
    expect(await type()).toEqual(newest);
    expect(await rowOf(database, store, id)).toEqual({ ...before, revision: expect.any(String) });
    await postgres.query(database, REVIVE, [id]);
    const after = await rowOf(database, store, id);
    expect(after.editedAt.name).toBeGreaterThan(before.editedAt.name ?? 0);
  });
});

describe("a database whose machine vanished", () => {
  it("fails what was asked of it, though no word of its end ever comes", async () => {
    const database = await migrated();
    const address = parseDatabaseUrl(postgres.url(database));
    const passages: Socket[] = [];
    const proxy = createServer((near) => {
      const far = connect(address.port, address.host);
      passages.push(near, far);
      for (const socket of [near, far]) socket.on("error", () => undefined);
      near.pipe(far).pipe(near);
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    const client = await openDatabase({ ...address, port: (proxy.address() as AddressInfo).port }, 1_000);
    try {
      expect((await client.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
      for (const socket of passages) socket.unpipe().pause();
      await expect(client.query("SELECT 2")).rejects.toThrow("timeout");
      await client.end();
    } finally {
      for (const socket of passages) socket.destroy();
      proxy.close();
    }
  });
});

describe("the one writer of a region", () => {
  it("is one agent, and another once the first ended", async () => {
    const database = await migrated();
    const [first, second] = [storeOf(database), storeOf(database)];
    expect([await first.becomeWriter(), await second.becomeWriter(), await first.becomeWriter()]).toEqual([
      true,
      false,
      true,
    ]);
    await first.close();
    await until("the second has it", () => second.becomeWriter());
    expect(await first.becomeWriter()).toBe(false);
  });

  it("is another once the database ended the first one's session, and the first writes nothing more", async () => {
    const database = await migrated();
    const [first, second] = [storeOf(database), storeOf(database)];
    const own = await owner(database);
    const id = randomUUID();
    await first.becomeWriter();
    await lookAt(database, first);
    await first.remember([{ ...own, id, state: state("first") }]);
    await endSessions(database);
    await until("the second has it", () => second.becomeWriter().catch(() => false));
    await lookAt(database, second);
    await second.remember([{ ...own, id, state: state("second") }]);
    await expect(first.remember([{ ...own, id, state: state("first, late") }])).rejects.toThrow(DatabaseUnreachable);
    await expect(lookAt(database, first)).rejects.toThrow(DatabaseUnreachable);
    await expect(contentsOf(first, [id])).rejects.toThrow(DatabaseUnreachable);
    expect(await first.becomeWriter()).toBe(false);
    expect((await lookAt(database, second)).states.get(id)).toEqual(state("second"));
    await second.close();
    await until("the first has it again", () => first.becomeWriter());
    expect((await lookAt(database, first)).states.get(id)).toEqual(plain(state("second")));
  });
});

describe("a database that goes away", () => {
  it("is told as such, without its password, and is there again once it answers", async () => {
    const database = await migrated();
    let changes = 0;
    const store = storeOf(database, () => {
      changes += 1;
    });
    const own = await owner(database);
    const id = await insertFlow(database);
    await store.becomeWriter();
    await lookAt(database, store);
    await store.remember([{ ...own, id, state: state("kept") }], "head");
    await postgres.stop();
    try {
      for (const ask of [() => store.becomeWriter(), () => store.look([own]), () => store.remember([], "other")]) {
        const error = await ask().then(
          () => undefined,
          (thrown: Error) => thrown,
        );
        expect(error).toBeInstanceOf(DatabaseUnreachable);
        expect(error?.message).not.toContain(parseDatabaseUrl(postgres.url(database)).password);
      }
    } finally {
      await postgres.start();
    }
    expect(await store.becomeWriter()).toBe(true);
    const { rows, states, head } = await lookAt(database, store);
    expect([head, rows.has(id), states.get(id)]).toEqual(["head", true, plain(state("kept"))]);
    await postgres.query(database, "UPDATE flow SET name = 'After'");
    await until("told", async () => changes > 0);
  });
});
