import { carry } from "../../agent/moveIn/carry";
import { DIGESTS, ScratchDatabase } from "../../agent/moveIn/scratchDatabase";
import type { Strangers } from "../../agent/moveIn/strangers";
import { carryUploads } from "../../agent/moveIn/uploads";
import { openDatabase, parseDatabaseUrl } from "../../agent/postgres/connection";
import { inspect } from "../../fleet/moveIn/inspect";
import { withPostgresRows } from "../../fleet/moveIn/sources/postgresRows";
import { SecretKey } from "../../formats/encryption/secretKey";
import {
  DELETED_BY_OTHERS,
  isUnforeseen,
  NO_LONGER_MERGED,
  OLDER_IN_SOURCE,
  WITHOUT_ITS_PROJECT,
} from "../../formats/moveIn/reasons";
import { Tallies } from "../../formats/moveIn/tallies";
import { ExitCode } from "../../model/errors";
import { type Postgres, Scratch } from "./scratch";

jest.setTimeout(120_000);

const id = (digit: string) => `${digit.repeat(8)}-0000-4000-8000-000000000000`;
const FLEETS = id("f");
const ADMIN = id("e");
let scratch: Scratch;
let postgres: Postgres;
let number = 0;
beforeAll(async () => {
  scratch = await Scratch.make();
  postgres = await scratch.migratedPostgres();
});
afterAll(() => scratch.end());

const user = (given: { id: string; name: string; superuser?: boolean; active?: boolean }) =>
  `INSERT INTO "user" (id, username, password, is_active, is_superuser, create_at, updated_at)
    VALUES ('${given.id}', '${given.name}', 'hash', ${given.active ?? true}, ${given.superuser ?? false}, now(), now())`;
const apiKey = (of: string, owner: string) =>
  `INSERT INTO apikey (id, name, api_key, user_id, total_uses, is_active, created_at) VALUES ('${of}', 'script', 'sk-${of}', '${owner}', 0, true, now())`;
const flow = (of: string, owner: string | null, folder: string | null) =>
  `INSERT INTO flow (id, name, data, user_id, folder_id) VALUES ('${of}', 'Flow ${of}', '{"nodes": [], "edges": []}', ${owner && `'${owner}'`}, ${folder && `'${folder}'`})`;

/** The agent's table, with only the columns that the import reads. */
const ACCOUNT_ROWS = `CREATE TABLE langflow_dr.account_row (table_name text, row_id text, deleted_at bigint, made_again_at bigint,
  restored_at bigint, held_at bigint, united_with text)`;
const chatOf = (of: string, flowId: string) =>
  `INSERT INTO message (id, session_id, text, timestamp, sender, sender_name, error, edit, files, properties, category, content_blocks, flow_id) VALUES ('${of}', 's', 'secret', now(), 'User', 'bob', false, false, '[]', '{}', 'message', '[]', '${flowId}')`;
const share = (of: string, kind: string, resource: string, given: { to?: string; by: string }) =>
  `INSERT INTO authz_share (id, resource_type, resource_id, scope, target_id, permission_level, created_by, created_at) VALUES ('${of}', '${kind}', '${resource}', ${given.to ? `'user', '${given.to}'` : "'public', NULL"}, 'execute', '${given.by}', now())`;
const version = (of: string, flowId: string, by: string) =>
  `INSERT INTO flow_version (id, flow_id, user_id, data, version_number) VALUES ('${of}', '${flowId}', '${by}', '{}', 1)`;

const digests = (from: string) =>
  Promise.all(
    [
      "user",
      "apikey",
      "folder",
      "message",
      "flow",
      "flow_version",
      "authz_role",
      "authz_role_assignment",
      "authz_share",
      "authz_access_exception",
    ].map((table) =>
      postgres.query(from, `INSERT INTO ${DIGESTS} SELECT '${table}', id::text, md5(t::text) FROM "${table}" t`),
    ),
  );

/** An import of one database's rows into a second one. */
class Move {
  private constructor(
    private readonly from: string,
    private readonly into: string,
  ) {}

  static async of(source: readonly string[], fleet: readonly string[]): Promise<Move> {
    const names = [`source_${++number}`, `fleet_${number}`] as const;
    for (const name of names) {
      await postgres.create(name, "migrated");
      await postgres.query(name, `TRUNCATE "user" CASCADE`);
    }
    const [from, into] = names;
    for (const sql of [...source, "CREATE SCHEMA move_in"]) await postgres.query(from, sql);
    await postgres.query(from, `CREATE TABLE ${DIGESTS} (table_name text, row_id text, digest text)`);
    for (const sql of [user({ id: ADMIN, name: "admin", superuser: true }), ...fleet]) await postgres.query(into, sql);
    return new Move(from, into);
  }

  async changeSource(...statements: readonly string[]): Promise<void> {
    for (const sql of [...statements, `TRUNCATE ${DIGESTS}`]) await postgres.query(this.from, sql);
  }

  /** Imports uploaded files, which are stored below `files`. @param put receives the keys that are written */
  async upload(paths: readonly string[], put: string[], tallies = new Tallies()): Promise<void> {
    await postgres.connected(this.into, (region) =>
      carryUploads({
        files: paths.map((path) => ({ path, sha256: path.padEnd(64, "a") })),
        store: {
          versionOf: async (key) => this.objects.get(key),
          digestOf: async (key) => this.objects.get(key),
          put: async (file, key) => {
            put.push(key);
            this.objects.set(key, file.sha256);
            return file.sha256;
          },
        },
        prefix: "files",
        region,
        scratch: {
          flowsAmong: async (ids) => {
            const rows: { id?: string }[] = await postgres.query(this.from, "SELECT id FROM flow");
            return new Set(rows.map(({ id: flowId }) => String(flowId)).filter((flowId) => ids.includes(flowId)));
          },
        },
        source: "old",
        strangers: this.strangers,
        tallies,
        progress: () => undefined,
        signal: new AbortController().signal,
      }),
    );
  }

  /** Digests of the objects in the bucket, by key. */
  private readonly objects = new Map<string, string>();
  private strangers: Strangers = new Map();

  /** Imports the rows. @returns the reasons for which rows were skipped or changed, by table */
  async carry(source = "old"): Promise<(readonly [table: string, reason: string])[]> {
    const key = new SecretKey("k".repeat(43), "the key");
    await digests(this.from);
    const open = (name: string) => openDatabase(parseDatabaseUrl(postgres.url(name)));
    const [rows, region] = await Promise.all([open(this.from), open(this.into)]);
    const tallies = new Tallies();
    try {
      this.strangers = await carry({
        scratch: rows,
        region,
        source,
        keys: { old: [key], fleet: key },
        flowNames: new Map(),
        uploads: new Set(),
        superuser: "admin",
        tallies,
        progress: () => undefined,
        signal: new AbortController().signal,
      });
    } finally {
      await rows.end();
      await region.end();
    }
    return tallies.all().flatMap(({ table, left: all }) => all.map(({ reason }) => [table, reason] as const));
  }

  readonly ask = (sql: string) => postgres.query(this.into, sql);
}

/** Name of the scratch database. */
const LOADED = "langflow_dr_move_in";
const AT = "2026-12-01 00:00:00";
const BEA = {
  id: id("1"),
  username: "bea",
  password: "hash",
  is_active: "1",
  is_superuser: "0",
  create_at: AT,
  updated_at: AT,
};

/** Loads rows into a scratch database with the schema of the fleet's release. @returns the skipped rows */
async function loaded(source: Readonly<Record<string, Record<string, string>[]>>) {
  await postgres.create(LOADED, "migrated");
  await postgres.query(
    LOADED,
    `TRUNCATE "user" CASCADE; CREATE SCHEMA move_in; CREATE TABLE move_in.tallies (told text);
     CREATE TABLE ${DIGESTS} (table_name text, row_id text, digest text, PRIMARY KEY (table_name, row_id))`,
  );
  const rows = {
    columns: async () =>
      new Map(Object.entries(source).map(([table, some]) => [table, new Set(Object.keys(some[0] ?? {}))])),
    async *pages(table: string) {
      yield source[table] ?? [];
    },
  };
  const database = new ScratchDatabase(parseDatabaseUrl(postgres.url("migrated")));
  const { signal } = new AbortController();
  await database.load({ rows, tallies: new Tallies(), progress: () => undefined, signal });
  return database.told();
}

/** Changes a flow's description at a given time. */
const at = (of: string, description: string, time: string) =>
  `UPDATE flow SET description = '${description}', updated_at = '${time}' WHERE id = '${of}'`;

/** Imports once. @returns the content of the target database, and the skipped rows */
async function carried(source: readonly string[], fleet: readonly string[]) {
  const move = await Move.of(source, fleet);
  const left = await move.carry();
  return { left, ask: move.ask, isWhole: !left.some(([, reason]) => isUnforeseen(reason)) };
}

const somebodyElse = (name: string) => ({
  exitCode: ExitCode.BadInput,
  message: expect.stringContaining(`a different user with the name or id of ${name},`),
});

describe("an import", () => {
  it("never merges two people: it fails if the fleet has a different user with the same name or id", async () => {
    const bea = user({ id: id("1"), name: "Bea" });
    await expect(carried([bea, apiKey(id("2"), id("1"))], [user({ id: FLEETS, name: "bea" })])).rejects.toMatchObject(
      somebodyElse("Bea"),
    );
    await expect(carried([bea], [user({ id: id("1"), name: "eve" })])).rejects.toMatchObject(somebodyElse("Bea"));
  });

  it("merges the source's superuser into the fleet's if they have the same name, but not an ordinary or deactivated user", async () => {
    const admin = { id: id("1"), name: "Admin", superuser: true };
    const { ask } = await carried([user(admin), apiKey(id("2"), id("1"))], []);
    expect(await ask("SELECT user_id FROM apikey")).toEqual([{ user_id: ADMIN }]);
    for (const given of [{ superuser: false }, { active: false }])
      await expect(carried([user({ ...admin, ...given })], [])).rejects.toMatchObject(somebodyElse("Admin"));
  });

  it("imports nothing more from a user who was merged into the fleet's superuser and then renamed in the source", async () => {
    const move = await Move.of([user({ id: id("1"), name: "admin", superuser: true })], []);
    await move.carry();
    await move.changeSource(
      `UPDATE "user" SET username = 'bob', is_superuser = false WHERE id = '${id("1")}'`,
      apiKey(id("2"), id("1")),
      flow(id("7"), id("1"), null),
      chatOf(id("5"), id("7")),
      user({ id: id("3"), name: "bea" }),
      apiKey(id("4"), id("3")),
    );
    const left = await move.carry();
    const tables = ["user", "apikey", "flow", "message"];
    expect(left).toEqual(expect.arrayContaining(tables.map((table) => [table, NO_LONGER_MERGED])));
    expect(await move.ask("SELECT FROM message")).toEqual([]);
    expect(left.some(([, reason]) => isUnforeseen(reason))).toBe(true);
    expect(await move.ask("SELECT user_id FROM apikey")).toEqual([{ user_id: id("3") }]);
    const put: string[] = [];
    await move.upload([`${id("1")}/new.txt`, `${id("3")}/new.txt`], put);
    expect(put).toEqual([`files/${id("3")}/new.txt`]);
  });

  it("keeps the fleet's version of an account with the same id and name, even if no earlier import is recorded", async () => {
    const bea = { id: id("1"), name: "bea" };
    const move = await Move.of(
      [user(bea)],
      [user(bea), `UPDATE "user" SET password = 'changed' WHERE username = 'bea'`],
    );
    expect(await move.carry()).toContainEqual([
      "user",
      expect.stringMatching(/which no import into this region brought, and keeps it/),
    ]);
    expect(await move.ask(`SELECT password FROM "user" WHERE username = 'bea'`)).toEqual([{ password: "changed" }]);
  });

  it("assigns no user a different role with the same name, and reports that", async () => {
    const role = (of: string, permissions: string) =>
      `INSERT INTO authz_role (id, name, is_system, permissions, created_at, updated_at) VALUES ('${of}', 'support', false, '${permissions}', now(), now())`;
    const assigned = `INSERT INTO authz_role_assignment (id, user_id, role_id, domain_type, assigned_at) VALUES ('${id("3")}', '${id("1")}', '${id("2")}', 'global', now())`;
    const { left, ask, isWhole } = await carried(
      [user({ id: id("1"), name: "bea" }), role(id("2"), '["flow:read"]'), assigned],
      [role(FLEETS, '["*"]')],
    );
    expect(await ask("SELECT FROM authz_role_assignment")).toEqual([]);
    expect(left.map(([table]) => table)).toEqual(expect.arrayContaining(["authz_role", "authz_role_assignment"]));
    expect(isWhole).toBe(false);
  });

  it("puts a flow into its user's default project if its project is not imported, or into no project if the user has none", async () => {
    const mine = `INSERT INTO folder (id, name, user_id) VALUES ('${id("4")}', 'Starter Project', '${id("1")}')`;
    const nobodys = `INSERT INTO folder (id, name) VALUES ('${id("5")}', 'Starters')`;
    const { left, ask, isWhole } = await carried(
      [user({ id: id("1"), name: "bea" }), user({ id: id("6"), name: "cem" }), mine, nobodys]
        .concat(flow(id("7"), id("1"), id("5")))
        .concat(flow(id("8"), id("6"), id("5"))),
      [],
    );
    expect(await ask("SELECT id, folder_id FROM flow ORDER BY id")).toEqual([
      { id: id("7"), folder_id: id("4") },
      { id: id("8"), folder_id: null },
    ]);
    expect(left).toContainEqual(["flow", expect.stringMatching(/^imported into a different project/)]);
    expect(isWhole).toBe(true);
  });

  it("attaches no rows to a different user's flow or project with the same id, on the first import or later", async () => {
    const [bob, zoe, flowId] = [id("1"), id("2"), id("7")];
    const shared = share(id("3"), "flow", flowId, { by: bob });
    const chat = (of: string) => chatOf(of, flowId);
    const project = `INSERT INTO folder (id, name, user_id) VALUES ('${id("4")}', 'Bobs', '${bob}')`;
    const inIt = flow(id("8"), bob, id("4"));
    const zoes = [user({ id: zoe, name: "zoe" }), flow(flowId, zoe, null)];
    const hers = `INSERT INTO folder (id, name, user_id) VALUES ('${id("4")}', 'Zoes', '${zoe}')`;
    const source = [
      user({ id: bob, name: "bob" }),
      project,
      flow(flowId, bob, null),
      inIt,
      shared,
      version(id("9"), flowId, bob),
    ];
    const first = await carried([...source, chat(id("5"))], [...zoes, hers]);
    const hanging =
      "SELECT (SELECT count(*)::int FROM message) AS chats, (SELECT count(*)::int FROM authz_share) AS shares, (SELECT count(*)::int FROM flow_version) AS versions";
    expect(await first.ask(hanging)).toEqual([{ chats: 0, shares: 0, versions: 0 }]);
    expect(await first.ask(`SELECT folder_id FROM flow WHERE id = '${id("8")}'`)).toEqual([{ folder_id: null }]);
    expect(first.isWhole).toBe(false);

    const later = await Move.of(source, []);
    await later.carry();
    for (const sql of [
      "DELETE FROM authz_share",
      "DELETE FROM flow_version",
      `DELETE FROM flow WHERE id = '${flowId}'`,
      ...zoes,
    ])
      await later.ask(sql);
    await later.changeSource(chat(id("6")));
    const left = await later.carry();
    expect(await later.ask(hanging)).toEqual([{ chats: 0, shares: 0, versions: 0 }]);
    expect(left.some(([, reason]) => isUnforeseen(reason))).toBe(true);
  });

  it("attaches no imported rows to a user's flow in the fleet if the source lacks that flow or its owner", async () => {
    const [bob, carol, flowId] = [id("1"), id("2"), id("7")];
    const hanging = [chatOf(id("5"), flowId), share(id("3"), "flow", flowId, { to: bob, by: bob })];
    const fleet = [user({ id: carol, name: "carol" }), flow(flowId, carol, null)];
    const counts =
      "SELECT (SELECT count(*)::int FROM message) AS chats, (SELECT count(*)::int FROM authz_share) AS shares";
    for (const nobodys of [[flow(flowId, null, null)], []]) {
      const { ask } = await carried([user({ id: bob, name: "bob" }), ...nobodys, ...hanging], fleet);
      expect(await ask(counts)).toEqual([{ chats: 0, shares: 0 }]);
    }
    // The rows must not be imported without the flow either, because a user could load that flow later.
    const { ask, isWhole } = await carried([user({ id: bob, name: "bob" }), flow(flowId, null, null), ...hanging], []);
    expect(await ask(counts)).toEqual([{ chats: 0, shares: 0 }]);
    expect(isWhole).toBe(true);
  });

  it("imports the files of imported users and flows, and no file of a flow whose id belongs to a different user of the fleet", async () => {
    const [bob, zoe] = [id("1"), id("2")];
    const move = await Move.of(
      [user({ id: bob, name: "bob" }), flow(id("7"), bob, null), flow(id("8"), bob, null)],
      [user({ id: zoe, name: "zoe" }), flow(id("7"), zoe, null), flow(id("6"), zoe, null)],
    );
    await move.carry();
    const put: string[] = [];
    // Flow 6 of the source was damaged, and therefore not loaded.
    await move.upload(
      ["notes.txt", "passport.png", "chart.png", "lost.png", "damaged.png"].map(
        (name, at) => `${[bob, id("7"), id("8"), id("9"), id("6")][at]}/${name}`,
      ),
      put,
    );
    expect(put).toEqual([`files/${bob}/notes.txt`, `files/${id("8")}/chart.png`]);
  });

  it("imports an account's later work into the account with which the fleet has merged it", async () => {
    const [bob, flowId] = [id("1"), id("7")];
    const move = await Move.of(
      [user({ id: bob, name: "bob" }), flow(flowId, bob, null)],
      ["CREATE SCHEMA langflow_dr", ACCOUNT_ROWS, user({ id: FLEETS, name: "bob@corp" })],
    );
    await move.carry();
    await move.ask(`UPDATE flow SET user_id = '${FLEETS}'`);
    await move.ask(`DELETE FROM "user" WHERE id = '${bob}'`);
    await move.ask(
      `INSERT INTO langflow_dr.account_row (table_name, row_id, united_with) VALUES ('user', '${bob}', '${FLEETS}')`,
    );
    await move.changeSource(chatOf(id("5"), flowId), flow(id("8"), bob, null));
    await move.carry();
    expect(await move.ask(`SELECT user_id FROM flow WHERE id = '${id("8")}'`)).toEqual([{ user_id: FLEETS }]);
    expect(await move.ask("SELECT flow_id FROM message")).toEqual([{ flow_id: flowId }]);
    const put: string[] = [];
    await move.upload([`${bob}/plan.pdf`], put);
    expect(put).toEqual([`files/${bob}/plan.pdf`, `files/${FLEETS}/plan.pdf`]);
  });

  it("imports nothing of a different source's user into the account with which the fleet has merged the user of that id", async () => {
    const bob = id("1");
    const move = await Move.of(
      [user({ id: bob, name: "bob" })],
      ["CREATE SCHEMA langflow_dr", ACCOUNT_ROWS, user({ id: FLEETS, name: "robert" })],
    );
    await move.carry();
    await move.ask(`DELETE FROM "user" WHERE id = '${bob}'`);
    await move.ask(
      `INSERT INTO langflow_dr.account_row (table_name, row_id, united_with) VALUES ('user', '${bob}', '${FLEETS}')`,
    );
    await move.changeSource(`UPDATE "user" SET username = 'zoe' WHERE id = '${bob}'`, apiKey(id("2"), bob));
    const left = await move.carry("another");
    expect(left).toEqual(expect.arrayContaining(["user", "apikey"].map((table) => [table, NO_LONGER_MERGED])));
    expect(await move.ask("SELECT FROM apikey")).toEqual([]);
    const put: string[] = [];
    await move.upload([`${bob}/plan.pdf`], put);
    expect(put).toEqual([]);
  });

  it("keeps two files of the same name apart if they belong to two accounts and the fleet merged the accounts", async () => {
    const [bob, ben] = [id("1"), id("2")];
    const move = await Move.of(
      [user({ id: bob, name: "bob" }), user({ id: ben, name: "ben" })],
      ["CREATE SCHEMA langflow_dr", ACCOUNT_ROWS, user({ id: FLEETS, name: "bob@corp" })],
    );
    await move.carry();
    for (const one of [bob, ben]) {
      await move.ask(`DELETE FROM "user" WHERE id = '${one}'`);
      await move.ask(
        `INSERT INTO langflow_dr.account_row (table_name, row_id, united_with) VALUES ('user', '${one}', '${FLEETS}')`,
      );
    }
    const both = [`${bob}/plan.pdf`, `${ben}/plan.pdf`];
    const put: string[] = [];
    const tallies = new Tallies();
    await move.upload(both, put, tallies);
    expect(put).toEqual([`files/${bob}/plan.pdf`, `files/${FLEETS}/plan.pdf`, `files/${ben}/plan.pdf`]);
    const left = tallies.all().find(({ table }) => table === "uploads")?.left;
    expect(JSON.stringify(left)).toContain(`${ben}/plan.pdf`);
    await move.upload(both, put);
    expect(put).toHaveLength(3);
  });

  it("imports the files of an earlier import's flow even if the source has lost the flow's row since", async () => {
    const [bob, flowId] = [id("1"), id("7")];
    const move = await Move.of([user({ id: bob, name: "bob" }), flow(flowId, bob, null)], []);
    await move.carry();
    await move.changeSource(`DELETE FROM flow WHERE id = '${flowId}'`);
    const put: string[] = [];
    await move.upload([`${flowId}/chart.png`], put);
    expect(put).toEqual([`files/${flowId}/chart.png`]);
  });

  it("imports an access denial together with its resource, even if the resource already existed in the fleet", async () => {
    const project = (of: string, owner: string) =>
      `INSERT INTO folder (id, name, user_id) VALUES ('${of}', 'Starter Project', '${owner}')`;
    const denied = `INSERT INTO authz_access_exception (id, user_id, resource_type, resource_id, created_by, created_at) VALUES ('${id("3")}', '${id("2")}', 'project', '${id("4")}', '${id("1")}', now())`;
    const { ask } = await carried(
      [
        user({ id: id("1"), name: "admin", superuser: true }),
        user({ id: id("2"), name: "eve" }),
        project(id("4"), id("1")),
        denied,
      ],
      [project(FLEETS, ADMIN)],
    );
    expect(await ask("SELECT resource_id FROM authz_access_exception")).toEqual([{ resource_id: FLEETS }]);
  });

  it("grants no right on a resource that already existed in the fleet with the same name", async () => {
    const project = (of: string, owner: string) =>
      `INSERT INTO folder (id, name, user_id) VALUES ('${of}', 'Starter Project', '${owner}')`;
    const shared = `INSERT INTO authz_share (id, resource_type, resource_id, scope, target_id, permission_level, created_by, created_at) VALUES ('${id("3")}', 'project', '${id("4")}', 'user', '${id("2")}', 'write', '${id("1")}', now())`;
    const { left, ask } = await carried(
      [
        user({ id: id("1"), name: "admin", superuser: true }),
        user({ id: id("2"), name: "eve" }),
        project(id("4"), id("1")),
        shared,
      ],
      [project(FLEETS, ADMIN)],
    );
    expect(await ask("SELECT FROM authz_share")).toEqual([]);
    expect(left).toContainEqual([
      "authz_share",
      expect.stringMatching(/^would grant a permission on a row that was in the fleet/),
    ]);
  });

  it("restores no user whom the fleet deleted, even if this region has no record of an import", async () => {
    const alice = { id: id("1"), name: "alice", superuser: true };
    const move = await Move.of(
      [user(alice), apiKey(id("2"), id("1"))],
      [
        "CREATE SCHEMA langflow_dr",
        ACCOUNT_ROWS,
        `INSERT INTO langflow_dr.account_row (table_name, row_id, deleted_at) VALUES ('user', '${id("1")}', 1)`,
      ],
    );
    expect(await move.carry()).toContainEqual([
      "user",
      expect.stringMatching(/^the fleet deleted a row with that id, .*: it stays deleted/),
    ]);
    expect(await move.ask(`SELECT username FROM "user"`)).toEqual([{ username: "admin" }]);
  });

  it("reports a flow as missing if a different user's flow with the same id was imported from a different source and deleted", async () => {
    const [alice, carl, flowId] = [id("1"), id("2"), id("7")];
    const move = await Move.of([user({ id: alice, name: "alice" }), flow(flowId, alice, null)], []);
    await move.carry();
    await move.ask(`DELETE FROM flow WHERE id = '${flowId}'`);
    await move.changeSource(
      `TRUNCATE "user" CASCADE`,
      user({ id: carl, name: "carl" }),
      flow(flowId, carl, null),
      chatOf(id("5"), flowId),
    );
    const left = await move.carry("another");
    expect(left).toEqual(
      expect.arrayContaining([
        ["flow", DELETED_BY_OTHERS],
        ["message", DELETED_BY_OTHERS],
      ]),
    );
    expect(await move.ask("SELECT FROM message")).toEqual([]);
    expect(isUnforeseen(DELETED_BY_OTHERS)).toBe(true);
  });

  it("skips only the row whose text is too long for one of LangFlow's indexes", async () => {
    const long = Array.from({ length: 4_000 }, (_, at) => String.fromCodePoint(0x4e00 + ((at * 7919) % 20_000))).join(
      "",
    );
    const flowOf = (of: string, description: string) => ({
      id: id(of),
      name: `flow ${of}`,
      user_id: BEA.id,
      description,
      data: "{}",
      version_token: id(of),
      access_type: "PRIVATE",
      flow_type: "workflow",
      updated_at: AT,
    });
    const told = await loaded({ user: [BEA], flow: [flowOf("5", long), flowOf("6", "short")] });
    expect(JSON.stringify(told)).toContain("too long for an index");
    expect(JSON.stringify(told)).toContain("flow 5");
    const flows = await postgres.query(LOADED, "SELECT name FROM flow");
    expect(flows).toEqual([{ name: "flow 6" }]);
  });

  it("prints no name that is a credential, even of a row that PostgreSQL rejects", async () => {
    const name = `sk-proj-${"a1B2".repeat(12)}`;
    const rejected = { id: id("5"), name, user_id: BEA.id, data: "{}", version_token: id("5"), access_type: "private" };
    const told = await loaded({ user: [BEA], flow: [{ ...rejected, flow_type: "workflow", updated_at: AT }] });
    expect(JSON.stringify(told)).toContain(id("5"));
    expect(JSON.stringify(told)).not.toContain(name);
  });

  it("succeeds if it skips a row whose parent is never imported", async () => {
    const { left, isWhole } = await carried(
      [user({ id: id("1"), name: "bea" }), flow(id("7"), null, null), version(id("9"), id("7"), id("1"))],
      [],
    );
    expect(left).toContainEqual([
      "flow_version",
      expect.stringMatching(/^belongs to a row that the source does not have/),
    ]);
    expect(isWhole).toBe(true);
  });

  it("moves a flow to its user's default project and reports this if the source lacks the flow's project", async () => {
    const told = await loaded({
      user: [BEA],
      folder: [{ id: id("4"), name: "Starter Project", user_id: id("1") }],
      flow: [{ id: id("7"), name: "Flow", data: "{}", user_id: id("1"), folder_id: id("9"), access_type: "PRIVATE" }],
    });
    expect(await postgres.query(LOADED, "SELECT folder_id FROM flow")).toEqual([{ folder_id: id("4") }]);
    expect(told).toMatchObject([{ table: "flow", left: [{ reason: WITHOUT_ITS_PROJECT, which: [id("7")] }] }]);
  });

  it("never makes a deleted user's connection everybody's, and runs no other flow version than a schedule's own", async () => {
    const connection = {
      provider_key: "google",
      name: "mail",
      display_name: "Mail",
      ownership_mode: "user",
      status: "ready",
      health: "unknown",
      executing_identity: '"owner"',
      allow_non_interactive: "1",
      granted_scopes: "[]",
      created_at: AT,
      updated_at: AT,
    };
    const told = await loaded({
      user: [BEA],
      connection: [
        { ...connection, id: id("5"), owner_id: id("9") },
        { ...connection, id: id("6"), owner_id: id("1") },
      ],
      flow: [{ id: id("7"), name: "Flow", data: "{}", user_id: id("1"), access_type: "PRIVATE" }],
      trigger: [
        {
          id: id("8"),
          flow_id: id("7"),
          user_id: id("1"),
          flow_version_id: id("9"),
          name: "daily",
          kind: "schedule",
          config: "{}",
          provider_state: "{}",
          state: "active",
          session_policy: "shared",
          concurrency_limit: "1",
          max_attempts: "1",
          created_at: AT,
          updated_at: AT,
        },
      ],
    });
    expect(await postgres.query(LOADED, "SELECT id, owner_id FROM connection")).toEqual([
      { id: id("6"), owner_id: id("1") },
    ]);
    expect(await postgres.query(LOADED, "SELECT id FROM trigger")).toEqual([]);
    expect(told).toMatchObject([
      { table: "connection", left: [{ reason: "refers to a row of user that does not exist", count: 1 }] },
      { table: "trigger", left: [{ reason: "refers to a row of flow_version that does not exist", count: 1 }] },
    ]);
  });

  it("keeps the fleet's row and names it if the source is an older copy than the one imported last", async () => {
    const move = await Move.of(
      [user({ id: id("1"), name: "bea" }), flow(id("7"), id("1"), null), at(id("7"), "new", "2026-12-02 10:00:00")],
      [],
    );
    await move.carry();
    await move.changeSource(at(id("7"), "old", "2026-12-02 09:59:59.999"));
    expect(await move.carry()).toEqual([["flow", OLDER_IN_SOURCE]]);
    expect(isUnforeseen(OLDER_IN_SOURCE)).toBe(true);
    expect(await move.ask("SELECT description FROM flow")).toEqual([{ description: "new" }]);
    await move.changeSource(at(id("7"), "newest", "2026-12-02 10:00:00.001"));
    expect(await move.carry()).toEqual([]);
    expect(await move.ask("SELECT description FROM flow")).toEqual([{ description: "newest" }]);
  });
});

describe("a PostgreSQL source", () => {
  it("is refused if row security hides rows from the role, which a query would silently omit", async () => {
    await postgres.create("secured", "migrated");
    await postgres.query(
      "secured",
      "ALTER TABLE flow ENABLE ROW LEVEL SECURITY; ALTER TABLE flow FORCE ROW LEVEL SECURITY",
    );
    const read = withPostgresRows(parseDatabaseUrl(postgres.url("secured")), ({ all }) => all("SELECT id FROM flow"));
    await expect(read).rejects.toMatchObject({
      exitCode: ExitCode.BadInput,
      message: expect.stringMatching(/row-level/),
    });
  });

  it("is refused if the role may not read one of its tables, which the information schema omits", async () => {
    await postgres.create("partly", "migrated");
    await postgres.query(
      "partly",
      `CREATE ROLE reader LOGIN PASSWORD 'reads'; GRANT USAGE ON SCHEMA public TO reader;
       GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader; REVOKE ALL ON message FROM reader`,
    );
    const read = inspect({
      from: "env:SOURCE",
      config: undefined,
      environment: { SOURCE: postgres.url("partly").replace(/\/\/[^@]*@/, "//reader:reads@") },
      signal: new AbortController().signal,
    });
    await expect(read).rejects.toMatchObject({
      exitCode: ExitCode.BadInput,
      message: expect.stringMatching(/denies reader access .*message/),
    });
  });
});
