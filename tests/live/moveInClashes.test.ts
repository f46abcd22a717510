import { carry, isUnforeseen } from "../../agent/moveIn/carry";
import { DIGESTS } from "../../agent/moveIn/scratchDatabase";
import { Tallies } from "../../agent/moveIn/tallies";
import { openDatabase, parseDatabaseUrl } from "../../agent/postgres/connection";
import { SecretKey } from "../../agent/rekey/secretKey";
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
  `INSERT INTO flow (id, name, data, user_id, folder_id) VALUES ('${of}', 'Flow', '{"nodes": [], "edges": []}', ${owner && `'${owner}'`}, ${folder && `'${folder}'`})`;

/** Carries the rows of one database into another, which hold these. @returns what the second holds then, and what was left */
async function carried(source: readonly string[], fleet: readonly string[]) {
  const key = new SecretKey("k".repeat(43), "the key");
  const names = [`source_${++number}`, `fleet_${number}`];
  for (const name of names) {
    await postgres.create(name, "migrated");
    await postgres.query(name, `TRUNCATE "user" CASCADE`);
  }
  const [from = "", into = ""] = names;
  for (const sql of source) await postgres.query(from, sql);
  for (const sql of [user({ id: ADMIN, name: "admin", superuser: true }), ...fleet]) await postgres.query(into, sql);
  await postgres.query(from, "CREATE SCHEMA move_in");
  await postgres.query(from, `CREATE TABLE ${DIGESTS} (table_name text, row_id text, digest text)`);
  for (const table of ["user", "apikey", "folder", "flow", "flow_version", "authz_role", "authz_role_assignment"])
    await postgres.query(from, `INSERT INTO ${DIGESTS} SELECT '${table}', id::text, md5(id::text) FROM "${table}"`);
  const [rows, region] = await Promise.all(names.map((name) => openDatabase(parseDatabaseUrl(postgres.url(name)))));
  const tallies = new Tallies();
  try {
    if (!rows || !region) throw new Error("no database");
    await carry({
      scratch: rows,
      region,
      source: "old",
      keys: { old: [key], fleet: key },
      flowNames: new Map(),
      uploads: new Set(),
      superuser: "admin",
      tallies,
      progress: () => undefined,
      signal: new AbortController().signal,
    });
  } finally {
    await rows?.end();
    await region?.end();
  }
  const left = tallies.all().flatMap(({ table, left: all }) => all.map(({ reason }) => [table, reason] as const));
  const ask = (sql: string) => postgres.query(into, sql);
  return { left, ask, isWhole: !left.some(([, reason]) => isUnforeseen(reason)) };
}

const somebodyElse = (name: string) => ({
  exitCode: ExitCode.BadInput,
  message: expect.stringContaining(`${name} is somebody else in the fleet`),
});

describe("an import", () => {
  it("makes nobody another person: a user whom the fleet has by that name, or by that id, ends it", async () => {
    const bea = user({ id: id("1"), name: "Bea" });
    await expect(carried([bea, apiKey(id("2"), id("1"))], [user({ id: FLEETS, name: "bea" })])).rejects.toMatchObject(
      somebodyElse("Bea"),
    );
    await expect(carried([bea], [user({ id: id("1"), name: "eve" })])).rejects.toMatchObject(somebodyElse("Bea"));
  });

  it("makes the source's superuser of the fleet's name that one, and an ordinary or a deactivated user of it not", async () => {
    const admin = { id: id("1"), name: "Admin", superuser: true };
    const { ask } = await carried([user(admin), apiKey(id("2"), id("1"))], []);
    expect(await ask("SELECT user_id FROM apikey")).toEqual([{ user_id: ADMIN }]);
    for (const given of [{ superuser: false }, { active: false }])
      await expect(carried([user({ ...admin, ...given })], [])).rejects.toMatchObject(somebodyElse("Admin"));
  });

  it("gives nobody the rights of another role of the same name, and says so", async () => {
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

  it("brings a flow whose project does not come into its user's own, and one without any project as it is", async () => {
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
    expect(left).toContainEqual(["flow", expect.stringMatching(/^came, into another project/)]);
    expect(isWhole).toBe(true);
  });

  it("ends well where what stays behind with a row belongs to one that no import brings", async () => {
    const version = `INSERT INTO flow_version (id, flow_id, user_id, data, version_number, created_at) VALUES ('${id("9")}', '${id("7")}', '${id("1")}', '{}', 1, now())`;
    const { left, isWhole } = await carried(
      [user({ id: id("1"), name: "bea" }), flow(id("7"), null, null), version],
      [],
    );
    expect(left).toContainEqual(["flow_version", expect.stringMatching(/^belongs to a row that the source has not/)]);
    expect(isWhole).toBe(true);
  });
});
