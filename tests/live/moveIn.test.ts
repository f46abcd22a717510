import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { moveInFindings } from "../../fleet/moveIn/findings";
import { inspect } from "../../fleet/moveIn/inspect";
import { releaseOf } from "../../fleet/moveIn/releases";
import { postgresAddress, withPostgresRows } from "../../fleet/moveIn/sources/postgresRows";
import { ExitCode } from "../../model/errors";
import { LANGFLOW_RELEASE } from "../../model/langflow";
import { pinnedLangFlow } from "../../sandbox/live/tools/python";
import { type Postgres, Scratch } from "./scratch";

jest.setTimeout(120_000);

const USER = "11111111-1111-4111-8111-111111111111";
const FLOW = "22222222-2222-4222-8222-222222222222";
/** Example data of a team that ran 1.12.8 on PostgreSQL. */
const ROWS = [
  `INSERT INTO "user" (id, username, password, is_active, is_superuser, create_at, updated_at)
    VALUES ('${USER}', 'bea', 'hash', true, false, now(), now()), (gen_random_uuid(), 'Bea', 'hash', false, false, now(), now())`,
  `INSERT INTO flow (id, name, data, user_id) VALUES ('${FLOW}', 'Flow', '{"nodes": [], "edges": []}', '${USER}')`,
  `INSERT INTO variable (id, name, value, type, user_id) VALUES (gen_random_uuid(), 'KEY', 'gAAAAA', 'Credential', '${USER}')`,
  `INSERT INTO apikey (id, name, api_key, user_id, total_uses, is_active, created_at)
    VALUES (gen_random_uuid(), 'script', 'sk-plain', '${USER}', 0, true, now())`,
];

let scratch: Scratch;
let postgres: Postgres;
beforeAll(async () => {
  scratch = await Scratch.make();
  postgres = await scratch.postgres("moving", join(__dirname, "migrated-1.12.8.sql"));
  for (const sql of ROWS) await postgres.query("moving", sql);
});
afterAll(() => scratch.end());

const { signal } = new AbortController();
const look = (url: string) => inspect({ from: "env:URL", config: undefined, environment: { URL: url }, signal });

describe("`move-in inspect` of a LangFlow 1.12.8 on PostgreSQL", () => {
  it("has the same counts and checks as on SQLite, and changes no rows", async () => {
    const before = await postgres.contents("moving");
    const inventory = await look(postgres.url("moving"));
    expect(await postgres.contents("moving")).toEqual(before);
    const { port } = postgres.address("moving");
    expect(inventory).toMatchObject({
      source: { kind: "PostgreSQL database", place: `127.0.0.1:${port}/moving` },
      users: [
        { id: USER, name: "bea", isActive: true, isSuperuser: false },
        { name: "Bea", isActive: false },
      ],
      flows: [{ id: FLOW, name: "Flow", owner: USER, secrets: [], localPaths: [], ownCode: [] }],
      starters: 0,
      variables: { credential: 1, generic: 0 },
      apiKeys: 1,
      messages: { count: 0, bytes: 0 },
      files: { count: 0, bytes: 0 },
      ciphertexts: { secretKey: "none", count: 1, unreadable: ["variable KEY (bea)"] },
    });
    expect(inventory.flows[0]).not.toHaveProperty("problem");
    expect(inventory.databaseBytes).toBeGreaterThan(1_000_000);
    expect(releaseOf(inventory)).toEqual({ said: "of series 1.12 (revision 386662af02e9)", standing: "older" });
    expect(moveInFindings(inventory).map(({ what }) => what)).toEqual(["users with the same name", "secrets"]);
  });

  it("reads the database in a read-only transaction", async () => {
    const address = postgresAddress(postgres.url("moving"), false, undefined);
    const write = `INSERT INTO "user" SELECT * FROM "user"`;
    await expect(withPostgresRows(address, (rows) => rows.all(write))).rejects.toThrow("read-only transaction");
  });

  it("fails with exit code 2 and a remedy if the role lacks privileges on some or all tables, or the password is wrong", async () => {
    const other = (user: string, password: string) => {
      const url = new URL(postgres.url("moving"));
      return Object.assign(url, { username: user, password }).href;
    };
    const refused = (said: RegExp) => ({ exitCode: ExitCode.BadInput, message: expect.stringMatching(said) });
    await postgres.query("moving", "REVOKE ALL ON message FROM langflow");
    try {
      await expect(look(postgres.url("moving"))).rejects.toMatchObject(
        refused(/ denies langflow access to some tables \(.*message\): grant the role SELECT/),
      );
    } finally {
      await postgres.query("moving", "GRANT ALL ON message TO langflow");
    }
    await expect(look(other("langflow", "wrong"))).rejects.toMatchObject(refused(/ rejects the login: (?!.*wrong)/));
    await expect(look(postgres.url("postgres"))).rejects.toMatchObject(refused(/ is not a LangFlow database: /));
  });
});

describe("the list of releases", () => {
  it("contains every revision of the LangFlow that fleets run, and classifies the newest as ours", () => {
    const lib = join(scratch.tools.pythonBin, "../lib");
    const python = readdirSync(lib).find((name) => name.startsWith("python3")) ?? "";
    const folder = join(lib, python, "site-packages/langflow/alembic/versions");
    const revisions = readdirSync(folder)
      .filter((name) => name.endsWith(".py"))
      .flatMap((name) => /^revision\b[^=]*=\s*["'](\w+)/m.exec(readFileSync(join(folder, name), "utf8"))?.[1] ?? []);
    expect(revisions.length).toBeGreaterThan(150);
    const unknown = revisions.filter(
      (revision) => !["older", "same"].includes(releaseOf({ revisions: [revision] }).standing),
    );
    expect([LANGFLOW_RELEASE, unknown]).toEqual([pinnedLangFlow(), []]);
  });
});
