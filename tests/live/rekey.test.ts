import { execFileSync } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { join } from "node:path";
import type { CiphertextForm } from "../../agent/rekey/ciphertext";
import { rekey } from "../../agent/rekey/rekey";
import { AccountsRegion } from "./accountsRegion";
import { type Postgres, Scratch } from "./scratch";

jest.setTimeout(300_000);

const PROGRAM = join(__dirname, "ciphertext.py");
const key = () => randomBytes(32).toString("base64url");

let scratch: Scratch;
let postgres: Postgres;

beforeAll(async () => {
  scratch = await Scratch.make();
  postgres = await scratch.postgres("migrated");
  await scratch.migrate(postgres.url("migrated"));
});
afterAll(() => scratch.end());

/** Of a column by its form; in the clear, or as LangFlow encrypts it. */
type Values = Record<string, readonly [CiphertextForm, unknown]>;

/** LangFlow's own encryption, under a secret key. */
function byLangFlow(what: "encrypt" | "decrypt", values: Values, secretKey: string): Record<string, unknown> {
  const environment = {
    PATH: process.env.PATH,
    HOME: scratch.folder,
    LANGFLOW_CONFIG_DIR: scratch.folder,
    LANGFLOW_SECRET_KEY: secretKey,
    LANGFLOW_LOG_LEVEL: "critical",
  };
  const python = join(scratch.tools.pythonBin, "python");
  const input = JSON.stringify({ [what]: values });
  const printed = execFileSync(python, [PROGRAM], { input, env: environment, encoding: "utf8" });
  return JSON.parse(printed.trim().split("\n").at(-1) ?? "");
}

const CLEAR: Values = {
  store: ["token", "key of a store"],
  apiKey: ["token", "sk-of-hers"],
  variable: ["token", "what only she may read"],
  project: ["authSettings", { auth_type: "apikey", api_key: "of her project" }],
  server: ["mcpConfig", { env: { TOKEN: "of a server" }, args: ["mcp-proxy", "--headers", "x-api-key", "of another"] }],
  connection: ["token", '{"access_token": "of a connection"}'],
  provider: ["token", "of a provider"],
  sso: ["sso", "of a client"],
  cleanup: ["token", "of what is left"],
};
const clear = (values: Values) => Object.fromEntries(Object.entries(values).map(([name, [, value]]) => [name, value]));

/** A user, and all of hers that is encrypted. */
async function fill(region: AccountsRegion, secretKey: string): Promise<string> {
  const made = byLangFlow("encrypt", CLEAR, secretKey);
  const user = await region.makeUser("ada");
  await region.query(`UPDATE "user" SET store_api_key = $2 WHERE id = $1`, [user, made.store]);
  const insert = (table: string, row: Record<string, unknown>) =>
    region.query(
      `INSERT INTO "${table}" (${Object.keys(row).join(", ")})
        SELECT ${Object.keys(row).join(", ")} FROM jsonb_populate_record(NULL::"${table}", $1)`,
      [row],
    );
  const now = new Date().toISOString();
  const times = { created_at: now, updated_at: now };
  const id = randomUUID;
  await insert("apikey", {
    id: id(),
    name: "hers",
    api_key: made.apiKey,
    user_id: user,
    total_uses: 0,
    is_active: true,
  });
  const variable = { id: id(), user_id: user, ...times };
  await insert("variable", { ...variable, name: "TOKEN", value: made.variable, type: "Credential" });
  await insert("variable", { ...variable, id: id(), name: "TEXT", value: "gAAAAA is how it begins", type: "Generic" });
  await insert("folder", { id: id(), name: "Team", auth_settings: made.project, user_id: user });
  const server = { id: id(), user_id: user, name: "proxy", transport: "stdio", enabled: true, version: 1, ...times };
  await insert("mcp_server", { ...server, config: made.server });
  const connection = id();
  await insert("connection", {
    ...{ id: connection, provider_key: "google", name: "mail", display_name: "Mail", ownership_mode: "user" },
    ...{ status: "ready", granted_scopes: [], executing_identity: "me", allow_non_interactive: true, owner_id: user },
    ...{ health: "unknown", ...times },
  });
  await insert("connection_secret", { connection_id: connection, encrypted_payload: made.connection, ...times });
  const account = { id: id(), user_id: user, name: "watsonx", provider_key: "watsonx-orchestrate", ...times };
  await insert("deployment_provider_account", {
    ...{ ...account, provider_url: "https://provider.example.com", api_key: made.provider },
  });
  await insert("sso_config", {
    ...{ id: id(), slug: "idp", display_name: "IdP", protocol: "oidc", enabled: false, sort_order: 0 },
    ...{ client_secret_encrypted: made.sso, provider_settings: { protocol: "oidc" }, email_claim: "email", ...times },
    ...{ username_claim: "name", user_id_claim: "sub" },
  });
  await insert("trigger_cleanup", {
    ...{ id: id(), trigger_id: id(), user_id: user, provider: "google", kind: "subscription", provider_state: {} },
    ...{ encrypted_credential: made.cleanup, credential_expires_at: now, available_at: now, attempt: 0 },
  });
  return user;
}

/** All that is encrypted in a region's database, as LangFlow reads it under a key. */
async function read(region: AccountsRegion, secretKey: string): Promise<Record<string, unknown>> {
  const [row = {}] = await region.query<Record<string, unknown>>(`SELECT
    (SELECT store_api_key FROM "user" WHERE username = 'ada') AS store,
    (SELECT api_key FROM apikey WHERE name = 'hers') AS "apiKey",
    (SELECT value FROM variable WHERE name = 'TOKEN') AS variable,
    (SELECT auth_settings FROM folder WHERE name = 'Team') AS project,
    (SELECT config FROM mcp_server WHERE name = 'proxy') AS server,
    (SELECT encrypted_payload FROM connection_secret) AS connection,
    (SELECT api_key FROM deployment_provider_account) AS provider,
    (SELECT client_secret_encrypted FROM sso_config) AS sso,
    (SELECT encrypted_credential FROM trigger_cleanup) AS cleanup`);
  const forms = Object.entries(CLEAR).map(([name, [form]]) => [name, [form, row[name]]] as const);
  return byLangFlow("decrypt", Object.fromEntries(forms), secretKey);
}

let made = 0;
const open: AccountsRegion[] = [];
afterEach(async () => {
  for (const region of open.splice(0)) await region.client.end();
});

async function pair(secretKey: string): Promise<[AccountsRegion, AccountsRegion]> {
  made += 1;
  const [us, eu] = [
    new AccountsRegion(postgres, "us-east", `us_${made}`),
    new AccountsRegion(postgres, "eu-west", `eu_${made}`),
  ];
  for (const region of [us, eu]) await postgres.create(region.database, "migrated");
  open.push(us, eu);
  await us.open(new Map([["eu-west", eu.bucket]]), secretKey);
  await eu.open(new Map([["us-east", us.bucket]]), secretKey);
  return [us, eu];
}
/** An agent that starts again, with the secret key of now. */
async function restart(region: AccountsRegion, other: AccountsRegion, secretKey: string): Promise<void> {
  await region.client.end();
  await region.open(new Map([[other.name, other.bucket]]), secretKey);
}

const said: object[] = [];
const log = { info: (fields: object) => void said.push(fields), warn: (fields: object) => void said.push(fields) };
const run = (region: AccountsRegion, oldKey: string, currentKey: string, more: object = {}) => {
  said.length = 0;
  const databaseUrl = postgres.url(region.database);
  return rekey({ databaseUrl, oldKey, currentKey, dryRun: false, leaveUnreadable: false, log, ...more });
};

it("changes the secret key of two regions, one after the other, and both read all of it, an edit made in between too", async () => {
  const [before, after] = [key(), key()];
  const [us, eu] = await pair(before);
  await fill(us, before);
  for (const region of [us, eu, us]) await region.accounts.round();
  expect(await read(eu, before)).toEqual(clear(CLEAR));

  await restart(us, eu, after);
  await run(us, before, after, { dryRun: true });
  expect(await read(us, before)).toEqual(clear(CLEAR));
  await run(us, before, after);
  expect(said).toEqual([
    { reencrypted: expect.objectContaining({ "mcp_server.config": 2 }), unreadable: 0, dryRun: false },
  ]);
  await us.accounts.round();
  const { variable } = byLangFlow("encrypt", { variable: ["token", "edited meanwhile"] }, before);
  await eu.query("UPDATE variable SET value = $1 WHERE name = 'TOKEN'", [variable]);
  const { broken } = await eu.accounts.round();
  expect([...broken.values()]).toContain("was written under another LANGFLOW_SECRET_KEY");
  expect(await read(eu, before)).toMatchObject({ variable: "edited meanwhile", sso: "of a client" });

  await restart(eu, us, after);
  await run(eu, before, after);
  for (const region of [eu, us, eu, us]) await region.accounts.round();
  const expected = { ...clear(CLEAR), variable: "edited meanwhile" };
  for (const region of [us, eu]) {
    expect(await read(region, after)).toEqual(expected);
    await run(region, before, after);
    expect(said).toEqual([{ reencrypted: {}, unreadable: 0, dryRun: false }]);
    expect(await region.accounts.round()).toMatchObject({ told: 0, applied: 0, waiting: [] });
    expect(await region.query("SELECT value FROM variable WHERE name = 'TEXT'")).toEqual([
      { value: "gAAAAA is how it begins" },
    ]);
  }
});

it("mends a region that was told the old ciphertext after its own was changed", async () => {
  const [before, after] = [key(), key()];
  const [us, eu] = await pair(before);
  await fill(us, before);
  for (const region of [us, eu]) await region.accounts.round();
  await restart(us, eu, after);
  await run(us, before, after);
  // The agent is restarted first, and LangFlow, which still has the old key, writes one more.
  await restart(eu, us, after);
  const { variable } = byLangFlow("encrypt", { variable: ["token", "late"] }, before);
  await eu.query("UPDATE variable SET value = $1 WHERE name = 'TOKEN'", [variable]);
  for (const region of [eu, us]) await region.accounts.round();
  await run(eu, before, after);
  await run(us, before, after);
  for (const region of [us, eu, us, eu]) await region.accounts.round();
  for (const region of [us, eu]) expect(await read(region, after)).toEqual({ ...clear(CLEAR), variable: "late" });
});

it("changes nothing where a ciphertext is under neither key, names it, and says no secret", async () => {
  const [before, after, strange] = [key(), key(), key()];
  const [us] = await pair(before);
  await fill(us, before);
  const foreign = byLangFlow("encrypt", { variable: ["token", "of another fleet"] }, strange).variable;
  const [{ id } = { id: "" }] = await us.query<{ id: string }>(
    "UPDATE variable SET value = $1 WHERE name = 'TOKEN' RETURNING id::text",
    [foreign],
  );
  const contents = await postgres.contents(us.database);
  const failure = await run(us, before, after).catch((error: Error) => error.message);
  expect(failure).toContain(`1 ciphertexts are under neither key, so nothing was changed:\n  variable ${id}: value\n`);
  expect(await postgres.contents(us.database)).toEqual(contents);
  await run(us, before, after, { leaveUnreadable: true });
  expect(said).toContainEqual({ table: "variable", id, place: "value" });
  const { variable: _, ...others } = clear(CLEAR);
  expect(await read(us, after)).toEqual({ ...others, variable: "" });
  for (const secret of [before, after, foreign, "sk-of-hers"])
    expect(JSON.stringify([failure, said])).not.toContain(secret);
});
