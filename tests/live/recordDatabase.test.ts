import { randomUUID } from "node:crypto";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { LangFlow } from "../../agent/langflow/client";
import { FlowStore } from "../../agent/langflow/store";
import { openDatabase, parseDatabaseUrl } from "../../agent/postgres/connection";
import { DatabaseUnreachable } from "../../agent/postgres/databaseUnreachable";
import { RecordDatabase, type StoredRow } from "../../agent/record/database";
import { canonicalJson } from "../../formats/flows/canonicalJson";
import { KEPT_BY_NONE, LangFlowApi, until } from "./langflowApi";
import { type Postgres, Scratch, SUPERUSER } from "./scratch";

jest.setTimeout(300_000);

let scratch: Scratch;
let postgres: Postgres;
/** LangFlow on the database `served`, with its superuser's credentials. */
let served: ReturnType<Scratch["langflowWithKey"]>;
let databases = 0;
const stores: FlowStore[] = [];

beforeAll(async () => {
  scratch = await Scratch.make();
  postgres = await scratch.migratedPostgres();
  await postgres.create("served", "migrated");
  served = scratch.langflowWithKey("served", { LANGFLOW_DATABASE_URL: postgres.url("served") });
  served.catch(() => undefined); // The tests that await LangFlow report the error.
});
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
});
afterAll(() => scratch.end());

/** Creates a separate database with the result of LangFlow's migrations. */
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

const recordOf = (database: string): RecordDatabase => new RecordDatabase(storeOf(database));

async function ownerOf(database: string): Promise<string> {
  const [user] = await postgres.query<{ id: string }>(database, `SELECT id FROM "user" WHERE username = $1`, [
    SUPERUSER.username,
  ]);
  return user?.id ?? "";
}

/** Inserts a flow's row by SQL. */
async function insertFlow(database: string, columns: Record<string, unknown> = {}): Promise<string> {
  const id = randomUUID();
  const userId = await ownerOf(database);
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

async function contentsOf(record: RecordDatabase, ids: readonly string[]): Promise<StoredRow[]> {
  const found: StoredRow[] = [];
  for (const id of ids) found.push(...[await record.stored(id)].filter((row) => row !== undefined));
  return found;
}

/** Terminates the agents' sessions, like a database failover. */
const endSessions = (database: string) =>
  postgres.query(
    database,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND application_name = 'langflow-dr-agent'`,
  );

describe("the recorder's query of the database", () => {
  it("returns users, rows, projects and the record's state from a single snapshot", async () => {
    const database = await migrated();
    const record = recordOf(database);
    const userId = await ownerOf(database);
    const flow = await insertFlow(database, { name: "One" });
    await insertFlow(database, { name: "A starter's", user_id: null });
    await record.head();
    const known = { path: "default/Ö.json", blob: "b".repeat(40), revision: "1", base: "" };
    await record.remember(new Map([[flow, { ...known, relock: true }]]), "c".repeat(40));
    const look = await record.look();
    expect(look.users.find(({ id }) => id === userId)).toMatchObject({ name: SUPERUSER.username, isActive: true });
    expect([...look.rows.keys()]).toEqual([flow]);
    expect(look.rows.get(flow)).toMatchObject({ userId, updatedAt: Date.UTC(2026, 0, 2, 3, 4, 5) });
    expect(look.known.get(flow)).toEqual({ ...known, relock: true });
    expect(await record.head()).toBe("c".repeat(40));
    await record.remember(new Map([[flow, undefined]]), null);
    expect([(await record.look()).known.size, await record.head()]).toEqual([0, undefined]);
  });

  it("returns a new revision only for rows that were written", async () => {
    const database = await migrated();
    const record = recordOf(database);
    const [flow, other] = [await insertFlow(database), await insertFlow(database)];
    await record.head();
    const before = (await record.look()).rows;
    await postgres.query(database, "UPDATE flow SET description = 'd' WHERE id = $1", [flow]);
    const after = (await record.look()).rows;
    expect(after.get(flow)?.revision).not.toBe(before.get(flow)?.revision);
    expect(after.get(other)?.revision).toBe(before.get(other)?.revision);
  });
});

describe("flows that are created from files", () => {
  it("are registered during their creation, and registrations of a killed agent are deleted", async () => {
    const database = await migrated();
    const record = recordOf(database);
    const announced = () => postgres.query(database, "SELECT flow_id FROM langflow_dr.record_import");
    const id = randomUUID();
    await record.head();
    await record.whileImporting([id], async () => expect(await announced()).toEqual([{ flow_id: id }]));
    expect(await announced()).toEqual([]);
    await postgres.query(database, "INSERT INTO langflow_dr.record_import VALUES ($1)", [id]);
    await record.head();
    expect(await announced()).toEqual([]);
  });
});

describe("the replication state of flows", () => {
  it("is undefined without replication; with replication, it has tombstones, timestamps by field, and unread changes", async () => {
    const database = await migrated();
    const record = recordOf(database);
    const id = randomUUID();
    await record.head();
    expect(await record.replicated([id])).toBeUndefined();
    await postgres.query(
      database,
      `CREATE TABLE langflow_dr.account_row (table_name text, row_id text, made_at bigint, deleted_at bigint, stamps jsonb);
       CREATE TABLE langflow_dr.account_change (table_name text, row_id text, kind text, at bigint, columns text[])`,
    );
    await postgres.query(
      database,
      `INSERT INTO langflow_dr.account_row VALUES ('flow', '${id}', 1000000, NULL, '{"data": 3000000}')`,
    );
    const first = (await record.replicated([id]))?.get(id);
    expect([first?.isDeleted, first?.editedAt("graph"), first?.editedAt("details"), first?.newest]).toEqual([
      false,
      3000,
      1000,
      undefined,
    ]);
    await postgres.query(database, `ALTER TABLE langflow_dr.account_row ADD history jsonb`);
    await postgres.query(
      database,
      `UPDATE langflow_dr.account_row SET deleted_at = 5,
         history = '{"edits":{"us-east":5000000,"eu-west":7000000},"deleted":{"us-east":5000000}}'`,
    );
    expect((await record.replicated([id]))?.get(id)?.isDeleted).toBe(false);
    await postgres.query(
      database,
      `UPDATE langflow_dr.account_row SET history = jsonb_set(history, '{deleted}', history -> 'edits')`,
    );
    const second = (await record.replicated([id]))?.get(id);
    expect([second?.isDeleted, second?.newest]).toEqual([true, { region: "eu-west", at: 7000 }]);
    expect(second?.unreadAt).toBeUndefined();
    const added = randomUUID();
    await postgres.query(
      database,
      `INSERT INTO langflow_dr.account_change VALUES ('flow', '${id}', 'edited', 8000000, '{name}'),
         ('flow', '${id}', 'edited', 9000000, '{data,name}'), ('flow', '${id}', 'deleted', 9500000, NULL),
         ('flow', '${added}', 'made', 6000000, '{data,name,folder_id}')`,
    );
    const rows = await record.replicated([id, added]);
    const [third, made] = [rows?.get(id), rows?.get(added)];
    await postgres.query(
      database,
      `INSERT INTO langflow_dr.account_change VALUES ('flow', '${added}', 'deleted', 6500000, NULL)`,
    );
    // A user deleted the flow in LangFlow, and replication has not read the delete yet.
    expect((await record.replicated([added]))?.get(added)).toMatchObject({ isDeleted: true, unreadAt: 6000 });
    expect([third?.unreadAt, third?.newest?.at, third?.editedAt("graph"), third?.editedAt("details")]).toEqual([
      9000, 7000, 9000, 1000,
    ]);
    expect([made?.unreadAt, made?.newest, made?.editedAt("project"), made?.isDeleted]).toEqual([
      6000,
      undefined,
      6000,
      false,
    ]);
  });
});

describe("contents of flows", () => {
  it("are equal to those in LangFlow's API, with numbers as written", async () => {
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
    const rows = await contentsOf(recordOf("served"), [id, runnable.id, randomUUID()]);
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

  it("have null for a missing graph and missing tags, and no `versionToken` if it is missing", async () => {
    const database = await migrated();
    const id = await insertFlow(database, { data: null, tags: null, version_token: null });
    const [row] = await contentsOf(recordOf(database), [id]);
    expect(row).toMatchObject({ id, locked: false, flow: { data: null, tags: null } });
    expect(row).not.toHaveProperty("versionToken");
  });

  it("are complete for many flows, with the same revisions as in the recorder's query", async () => {
    const database = await migrated();
    const record = recordOf(database);
    const large = { nodes: [], edges: [], text: "x".repeat(3_000_000) };
    const ids = await Promise.all(
      Array.from({ length: 40 }, (_, at) => insertFlow(database, at % 10 === 0 ? { data: large } : {})),
    );
    const rows = await contentsOf(record, ids);
    await record.head();
    const look = await record.look();
    expect(rows.map(({ id, revision }) => [id, revision]).sort()).toEqual(
      ids.map((id) => [id, look.rows.get(id)?.revision]).sort(),
    );
  });
});

describe("a version token from a different region", () => {
  it("is compared with a page's next save, unless LangFlow's own token has changed meanwhile", async () => {
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
    const record = recordOf("served");
    const [first, elsewhere, later] = [await token(), randomUUID(), randomUUID()];
    await record.giveVersionToken(id, first, elsewhere);
    expect(await token()).toBe(elsewhere);
    expect(await saved(first, "by who had the flow open before")).toBe(409);
    expect(await saved(elsewhere, "by who had it open in the other region")).toBe(200);
    const own = await token();
    await record.giveVersionToken(id, elsewhere, later);
    expect(await token()).toBe(own);
  });

  it("is set on a graph that has no token yet, and not on a deleted flow", async () => {
    const database = await migrated();
    const id = await insertFlow(database, { version_token: null });
    const [record, token] = [recordOf(database), randomUUID()];
    await record.giveVersionToken(id, undefined, token);
    expect((await contentsOf(record, [id]))[0]?.versionToken).toBe(token);
    await record.giveVersionToken(randomUUID(), undefined, token);
    expect(await postgres.query(database, "SELECT FROM flow")).toHaveLength(1);
  });
});

it("JIT compilation is off for the agent's statements, because PostgreSQL overestimates the cost of some", async () => {
  const client = await openDatabase(parseDatabaseUrl(postgres.url(await migrated())));
  const { rows } = await client.query("SHOW jit");
  await client.end();
  expect(rows).toEqual([{ jit: "off" }]);
});

describe("a database whose machine vanished", () => {
  it("makes pending queries fail by a timeout, although the connection is never closed", async () => {
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

describe("the single writer of a region", () => {
  it("is one agent, and a different one after the first has ended", async () => {
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

  it("changes after the database terminated the first writer's session; the first agent can then no longer write", async () => {
    const database = await migrated();
    const [first, second] = [storeOf(database), storeOf(database)];
    const [early, late] = [new RecordDatabase(first), new RecordDatabase(second)];
    await first.becomeWriter();
    await early.head();
    await early.remember(new Map(), "first");
    await endSessions(database);
    await until("the second has it", () => second.becomeWriter().catch(() => false));
    await late.remember(new Map(), "second");
    await expect(early.remember(new Map(), "first, late")).rejects.toThrow(DatabaseUnreachable);
    await expect(early.look()).rejects.toThrow(DatabaseUnreachable);
    expect(await first.becomeWriter()).toBe(false);
    expect(await late.head()).toBe("second");
    await second.close();
    await until("the first has it again", () => first.becomeWriter());
  });
});

describe("a database that becomes unavailable", () => {
  it("is reported without its password, and works again once it responds", async () => {
    const database = await migrated();
    const store = storeOf(database);
    const record = new RecordDatabase(store);
    await store.becomeWriter();
    await record.head();
    await record.remember(new Map(), "head");
    await postgres.stop();
    try {
      for (const ask of [() => store.becomeWriter(), () => record.look(), () => record.remember(new Map(), "other")]) {
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
    expect(await record.head()).toBe("head");
  });
});
