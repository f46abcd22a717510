import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { accessToken } from "../../agent/langflow/accessToken";
import { TABLES } from "../../formats/tables/tables";
import { CUSTOM_COMPONENTS, type CustomComponents, langFlowEnvironment } from "../../model/langflow";
import { type AccountsRegion, rounds, SECRET_KEY, twoRegions } from "./accountsRegion";
import { LangFlowApi } from "./langflowApi";
import { type Postgres, Scratch } from "./scratch";

jest.setTimeout(600_000);

/** Result of LangFlow 1.12.8's own migrations in an empty database (recordMigrated.ts). */
const EARLIER = join(__dirname, "migrated-1.12.8.sql");
const REPOSITORY = join(__dirname, "../..");

let scratch: Scratch;
let postgres: Postgres;
beforeAll(async () => {
  scratch = await Scratch.make();
  postgres = await scratch.postgres("migrated", EARLIER);
});
afterAll(() => scratch.end());

const NOW = "now() AT TIME ZONE 'UTC'";

/** Creates an ordinary user's objects: an API key, a variable, a project, a file, a message and an MCP server. */
async function fill(region: AccountsRegion, user: string, word: string): Promise<void> {
  const insert = (table: string, columns: string, values: string, ...given: unknown[]) =>
    region.query(`INSERT INTO ${table} (id, ${columns}) VALUES ($1, ${values})`, [randomUUID(), ...given]);
  await insert(
    "apikey",
    "name, api_key, user_id, total_uses, is_active, last_used_at",
    `$2, $3, $4, 3, true, ${NOW}`,
    word,
    `sk-${word}`,
    user,
  );
  await insert(
    "variable",
    "name, user_id, value, type, created_at, updated_at",
    "$2, $3, 'cipher', 'Credential', now(), now()",
    word,
    user,
  );
  await insert("folder", "name, user_id", "$2, $3", word, user);
  await insert(
    "file",
    "name, user_id, path, size, created_at, updated_at",
    `$2, $3, $4, 7, ${NOW}, ${NOW}`,
    word,
    user,
    `${user}/${word}`,
  );
  await insert(
    "message",
    "session_id, text, timestamp, sender, sender_name, error, edit, files, properties, category, content_blocks",
    `$2, 'said', ${NOW}, 'User', 'User', false, false, '[]', '{}', 'message', '[]'`,
    word,
  );
  await insert(
    "mcp_server",
    "name, user_id, transport, enabled, version, config, created_at, updated_at",
    `$2, $3, 'stdio', true, 1, '{}', ${NOW}, ${NOW}`,
    word,
    user,
  );
}

/** Returns all replicated rows in the form that is the same in every region. */
async function carried(region: AccountsRegion): Promise<Record<string, unknown[]>> {
  const tables: Record<string, unknown[]> = {};
  for (const rule of TABLES) {
    if (rule.treatment !== "carried") continue;
    const names = await region.query<{ name: string }>(
      "SELECT column_name AS name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = $1",
      [rule.table],
    );
    const columns = rule.columns.filter((column) => names.some(({ name }) => name === column));
    if (columns.length === 0) continue;
    const list = columns.map((column) => `'${column}', "${column}"`).join(", ");
    const rows = await region.query<{ row: object }>(
      `SELECT jsonb_build_object(${list}) AS row FROM "${rule.table}" ORDER BY 1`,
    );
    tables[rule.table] = rows.map(({ row }) => row);
  }
  return tables;
}

/** Returns a chat flow whose components contain code of an earlier release, which can no longer run. */
function flowOfEarlier(): string {
  const { data } = JSON.parse(readFileSync(join(REPOSITORY, "flows/default/Mock_LLM.json"), "utf8"));
  for (const { data: node } of data.nodes) {
    const { code } = node.node.template;
    code.value = `raise ImportError("needs LangFlow 1.12")\n${code.value}`;
  }
  return JSON.stringify(data);
}

/** Starts a LangFlow of the region, configured like a pod with this setting for custom components. */
function servedBy(region: AccountsRegion, customComponents: CustomComponents): Promise<string> {
  const place = { awsRegion: "us-east-1", hostname: "langflow.example.com", bucketName: "flows" };
  const all = Object.entries(langFlowEnvironment({ ...place, providerKeyNames: [], customComponents }));
  return scratch.langflow(`${region.database}-${customComponents}`, {
    ...Object.fromEntries(all.filter(([name]) => name.includes("_CUSTOM_COMPONENT"))),
    LANGFLOW_COMPONENTS_PATH: join(REPOSITORY, "images/langflow/components"),
    PYTHONDONTWRITEBYTECODE: "1",
    LANGFLOW_DATABASE_URL: postgres.url(region.database),
    LANGFLOW_SECRET_KEY: SECRET_KEY,
  });
}

let made = 0;
let regions: [AccountsRegion, AccountsRegion];
beforeEach(async () => {
  regions = await twoRegions(postgres, ++made);
});
afterEach(async () => {
  for (const region of regions) await region.client.end();
});

/** Upgrades a region's LangFlow schema to the pinned release and restarts its agent. */
async function upgrade(region: AccountsRegion, other: AccountsRegion): Promise<void> {
  await scratch.migrate(postgres.url(region.database));
  await region.client.end();
  await region.open(new Map([[other.name, other.bucket]]));
}

it("an upgrade from LangFlow 1.12.8 to the pinned release, region by region, loses no edit of either side", async () => {
  const [us, eu] = regions;
  const ada = await us.makeUser("ada");
  await fill(us, ada, "before");
  const outcomes = await rounds(us, eu, us, eu);
  expect(outcomes.flatMap(({ waiting }) => waiting)).toEqual([]);
  expect(await carried(eu)).toEqual(await carried(us));
  expect(outcomes.at(-1)).toMatchObject({ published: 0, applied: 0 });

  await upgrade(us, eu);
  await eu.query(`UPDATE "user" SET profile_image = 'of 1.12.8' WHERE id = $1`, [ada]);
  await fill(eu, ada, "meanwhile");
  await us.query(`UPDATE "user" SET password = 'of 1.13' WHERE id = $1`, [ada]);
  await fill(us, ada, "after");
  // Columns and tables that 1.12.8 does not have.
  await us.query("UPDATE folder SET is_personal = true WHERE name = 'before'");
  const connection = randomUUID();
  await us.query(
    `INSERT INTO connection (id, owner_id, provider_key, name, display_name, ownership_mode, status, granted_scopes,
        executing_identity, allow_non_interactive, health, created_at, updated_at)
      VALUES ($1, $2, 'google', 'mail', 'Mail', 'user', 'ready', '[]', '"me"', true, 'unknown', now(), now())`,
    [connection, ada],
  );
  await rounds(us, eu, us, eu);
  await eu.query("UPDATE folder SET description = 'of 1.12.8' WHERE name = 'before'");
  await rounds(eu, us, eu);
  expect(await us.query("SELECT is_personal, description FROM folder WHERE name = 'before'")).toEqual([
    { is_personal: true, description: "of 1.12.8" },
  ]);
  const names = "SELECT name FROM apikey ORDER BY 1";
  for (const region of [us, eu]) {
    expect(await region.query(names)).toEqual([{ name: "after" }, { name: "before" }, { name: "meanwhile" }]);
    expect(await region.query(`SELECT password, profile_image FROM "user" WHERE id = $1`, [ada])).toEqual([
      { password: "of 1.13", profile_image: "of 1.12.8" },
    ]);
  }
  expect(await rounds(us, eu)).toMatchObject([
    { published: 0, applied: 0 },
    { published: 0, applied: 0 },
  ]);

  await upgrade(eu, us);
  await us.query("UPDATE connection SET display_name = 'Her mail' WHERE id = $1", [connection]);
  const last = await rounds(eu, us, eu, us, eu);
  expect(last.flatMap(({ waiting, unknown, broken }) => [waiting, unknown, [...broken]].flat())).toEqual([]);
  expect(await eu.query("SELECT display_name FROM connection WHERE id = $1", [connection])).toEqual([
    { display_name: "Her mail" },
  ]);
  expect(await eu.query("SELECT is_personal FROM folder WHERE name = 'before'")).toEqual([{ is_personal: true }]);
  expect(await carried(eu)).toEqual(await carried(us));
  expect(await rounds(us, eu)).toMatchObject([
    { published: 0, applied: 0 },
    { published: 0, applied: 0 },
  ]);
});

it("an ordinary user's flow of 1.12.8 runs unchanged, but is rejected if only superusers may use custom code", async () => {
  const [us, eu] = regions;
  const ada = await us.makeUser("ada");
  const flow = randomUUID();
  await us.query(
    `INSERT INTO flow (id, name, data, user_id, access_type) VALUES ($1, 'Of 1.12.8', $2, $3, 'PRIVATE')`,
    [flow, flowOfEarlier(), ada],
  );
  await upgrade(us, eu);
  const token = accessToken(SECRET_KEY, ada, Date.now() + 600_000);
  const url = await servedBy(us, CUSTOM_COMPONENTS);
  const { api_key: key } = await LangFlowApi.withToken(url, token).call("POST", "/api/v1/api_key/", { name: "hers" });
  expect(await LangFlowApi.withKey(url, key).run(flow, "hello")).toContain("hello");
  const strict = LangFlowApi.withKey(await servedBy(us, "superusers"), key);
  await expect(strict.run(flow, "hello")).rejects.toThrow(/: 400 .*must be updated before running/);
  expect(await us.query("SELECT data::text AS data FROM flow WHERE id = $1", [flow])).toEqual([
    { data: expect.stringContaining("needs LangFlow 1.12") },
  ]);
});
