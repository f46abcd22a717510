import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { rekey } from "../../agent/rekey/rekey";
import type { CiphertextForm } from "../../formats/tables/tableRule";
import { type AccountsRegion, twoRegions } from "./accountsRegion";
import { type Postgres, Scratch } from "./scratch";

jest.setTimeout(300_000);

const PROGRAM = join(__dirname, "ciphertext.py");
const key = () => randomBytes(32).toString("base64url");

let scratch: Scratch;
let postgres: Postgres;
let before: LangFlowCipher;
let after: LangFlowCipher;
let strange: LangFlowCipher;

beforeAll(async () => {
  scratch = await Scratch.make();
  [before, after, strange] = [new LangFlowCipher(key()), new LangFlowCipher(key()), new LangFlowCipher(key())];
  postgres = await scratch.migratedPostgres();
});
afterAll(async () => {
  for (const cipher of [before, after, strange]) cipher?.end();
  await scratch.end();
});

/** Values with the form of their column, as plaintext or as encrypted by LangFlow. */
type Values = Record<string, readonly [CiphertextForm, unknown]>;

/** LangFlow's own encryption with one secret key. */
class LangFlowCipher {
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly answers: AsyncIterator<string>;

  constructor(readonly secretKey: string) {
    const env = {
      PATH: process.env.PATH,
      HOME: scratch.folder,
      LANGFLOW_CONFIG_DIR: join(scratch.folder, secretKey),
      LANGFLOW_SECRET_KEY: secretKey,
      LANGFLOW_LOG_LEVEL: "critical",
    };
    this.child = spawn(join(scratch.tools.pythonBin, "python"), [PROGRAM], { env });
    this.answers = createInterface(this.child.stdout)[Symbol.asyncIterator]();
  }

  async encrypt(values: Values): Promise<Record<string, unknown>> {
    return this.ask({ encrypt: values });
  }

  async decrypt(values: Values): Promise<Record<string, unknown>> {
    return this.ask({ decrypt: values });
  }

  end(): void {
    this.child.kill();
  }

  private async ask(what: object): Promise<Record<string, unknown>> {
    this.child.stdin.write(`${JSON.stringify(what)}\n`);
    for (;;) {
      const { value, done } = await this.answers.next();
      if (done) throw new Error("LangFlow's encryption has ended");
      // LangFlow may print other lines first.
      if (value.startsWith("{")) return JSON.parse(value);
    }
  }
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

/** Creates a user with every kind of encrypted value. */
async function fill(region: AccountsRegion): Promise<void> {
  const made = await before.encrypt(CLEAR);
  const user = await region.makeUser("ada");
  await region.query(`UPDATE "user" SET store_api_key = $2 WHERE id = $1`, [user, made.store]);
  /** Inserts a row without the values for which the table has no column. */
  const insert = async (table: string, row: Record<string, unknown>) => {
    const columns = await region.query<{ name: string }>(
      "SELECT column_name AS name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = $1",
      [table],
    );
    const names = columns.flatMap(({ name }) => (name in row ? [name] : [])).join(", ");
    const values = `jsonb_populate_record(NULL::"${table}", $1)`;
    await region.query(`INSERT INTO "${table}" (${names}) SELECT ${names} FROM ${values}`, [row]);
  };
  const now = new Date().toISOString();
  const times = { created_at: now, updated_at: now };
  const id = randomUUID;
  const hers = () => ({ id: id(), user_id: user, ...times });
  await insert("apikey", { ...hers(), name: "hers", api_key: made.apiKey, total_uses: 0, is_active: true });
  await insert("variable", { ...hers(), name: "TOKEN", value: made.variable, type: "Credential" });
  await insert("variable", { ...hers(), name: "TEXT", value: "gAAAAA is how it begins", type: "Generic" });
  await insert("folder", { ...hers(), name: "Team", auth_settings: made.project });
  const server = { name: "proxy", transport: "stdio", enabled: true, version: 1, config: made.server };
  await insert("mcp_server", { ...hers(), ...server });
  const connection = {
    provider_key: "google",
    name: "mail",
    display_name: "Mail",
    ownership_mode: "user",
    status: "ready",
    granted_scopes: [],
    executing_identity: "me",
    allow_non_interactive: true,
    owner_id: user,
    health: "unknown",
  };
  const secret = { connection_id: id(), encrypted_payload: made.connection };
  await insert("connection", { ...hers(), ...connection, id: secret.connection_id });
  await insert("connection_secret", { ...secret, ...times });
  const provider = { name: "watsonx", provider_key: "watsonx-orchestrate", provider_url: "https://example.com" };
  await insert("deployment_provider_account", { ...hers(), ...provider, api_key: made.provider });
  const identityProvider = {
    slug: "idp",
    display_name: "IdP",
    protocol: "oidc",
    enabled: false,
    sort_order: 0,
    client_secret_encrypted: made.sso,
    provider_settings: { protocol: "oidc" },
    email_claim: "email",
    username_claim: "name",
    user_id_claim: "sub",
  };
  await insert("sso_config", { ...hers(), ...identityProvider });
  const cleanup = {
    trigger_id: id(),
    provider: "google",
    kind: "subscription",
    provider_state: {},
    provider_subscription_id: "s",
    encrypted_credential: made.cleanup,
    credential_expires_at: now,
    available_at: now,
    attempt: 0,
  };
  await insert("trigger_cleanup", { ...hers(), ...cleanup });
}

/** Returns all encrypted values of a region's database, decrypted by LangFlow with a key. */
async function read(region: AccountsRegion, cipher: LangFlowCipher): Promise<Record<string, unknown>> {
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
  return cipher.decrypt(Object.fromEntries(forms));
}

let made = 0;
const open: AccountsRegion[] = [];
afterEach(async () => {
  for (const region of open.splice(0)) await region.client.end();
});

async function pair(): Promise<[AccountsRegion, AccountsRegion]> {
  made += 1;
  const regions = await twoRegions(postgres, made, before.secretKey);
  open.push(...regions);
  return regions;
}
/** Restarts a region's agent with the new secret key. */
async function restart(region: AccountsRegion, other: AccountsRegion): Promise<void> {
  await region.client.end();
  await region.open(new Map([[other.name, other.bucket]]), after.secretKey);
}

const said: object[] = [];
const log = { info: (fields: object) => void said.push(fields), warn: (fields: object) => void said.push(fields) };
const run = (region: AccountsRegion, more: object = {}) => {
  said.length = 0;
  const databaseUrl = postgres.url(region.database);
  const [oldKey, currentKey] = [before.secretKey, after.secretKey];
  return rekey({ databaseUrl, oldKey, currentKey, dryRun: false, leaveUnreadable: false, log, ...more });
};

it("rekey changes the secret key of two regions in turn, and both regions decrypt everything, even an edit in between", async () => {
  const [us, eu] = await pair();
  await fill(us);
  for (const region of [us, eu, us]) await region.accounts.round();
  expect(await read(eu, before)).toEqual(clear(CLEAR));

  await restart(us, eu);
  await run(us, { dryRun: true });
  expect(await read(us, before)).toEqual(clear(CLEAR));
  await run(us);
  expect(said).toEqual([
    { reencrypted: expect.objectContaining({ "mcp_server.config": 2 }), unreadable: 0, dryRun: false },
  ]);
  await us.accounts.round();
  const { variable } = await before.encrypt({ variable: ["token", "edited meanwhile"] });
  await eu.query("UPDATE variable SET value = $1 WHERE name = 'TOKEN'", [variable]);
  const { broken } = await eu.accounts.round();
  expect([...broken.values()]).toContain("was encrypted with a different LANGFLOW_SECRET_KEY");
  expect(await read(eu, before)).toMatchObject({ variable: "edited meanwhile", sso: "of a client" });

  await restart(eu, us);
  await run(eu);
  for (const region of [eu, us, eu, us]) await region.accounts.round();
  const expected = { ...clear(CLEAR), variable: "edited meanwhile" };
  for (const region of [us, eu]) {
    expect(await read(region, after)).toEqual(expected);
    await run(region);
    expect(said).toEqual([{ reencrypted: {}, unreadable: 0, dryRun: false }]);
    expect(await region.accounts.round()).toMatchObject({ published: 0, applied: 0, waiting: [] });
    expect(await region.query("SELECT value FROM variable WHERE name = 'TEXT'")).toEqual([
      { value: "gAAAAA is how it begins" },
    ]);
  }
});

it("rekey repairs a region that received ciphertext of the old key after its own rows were re-encrypted", async () => {
  const [us, eu] = await pair();
  await fill(us);
  for (const region of [us, eu]) await region.accounts.round();
  await restart(us, eu);
  await run(us);
  // The agent is restarted first. LangFlow still has the old key and writes one more value.
  await restart(eu, us);
  const { variable } = await before.encrypt({ variable: ["token", "late"] });
  await eu.query("UPDATE variable SET value = $1 WHERE name = 'TOKEN'", [variable]);
  for (const region of [eu, us]) await region.accounts.round();
  await run(eu);
  await run(us);
  for (const region of [us, eu, us, eu]) await region.accounts.round();
  for (const region of [us, eu]) expect(await read(region, after)).toEqual({ ...clear(CLEAR), variable: "late" });
});

it("rekey also re-encrypts rows that were deleted with their flow, so that restored rows use the current key", async () => {
  const [us, eu] = await pair();
  const user = await us.makeUser("ada");
  const { secret } = await before.encrypt({ secret: ["token", "of a webhook"] });
  const flows = [randomUUID(), randomUUID()];
  const make = (flow: string) =>
    us.query(
      `INSERT INTO flow (id, name, user_id, updated_at, access_type, flow_type) VALUES ($1::uuid, $1::uuid::text, $2, now(), 'PRIVATE', 'workflow')`,
      [flow, user],
    );
  for (const flow of flows) {
    await make(flow);
    await us.query(
      `INSERT INTO trigger (id, flow_id, user_id, name, kind, config, provider_state, signing_secret_encrypted)
        VALUES (gen_random_uuid(), $1, $2, 'hook', 'webhook', '{}', '{}', $3)`,
      [flow, user, secret],
    );
    await us.accounts.round();
  }
  for (const flow of flows) {
    if (flow !== flows[0]) await us.accounts.round();
    await us.query("DELETE FROM flow WHERE id = $1", [flow]);
  }
  await restart(us, eu);
  await run(us);
  await us.query("CREATE TABLE IF NOT EXISTS langflow_dr.record_import (flow_id uuid PRIMARY KEY)");
  for (const flow of flows) {
    await us.query("INSERT INTO langflow_dr.record_import VALUES ($1)", [flow]);
    await make(flow);
  }
  for (let round = 0; round < 2; round += 1) await us.accounts.round();
  const rows = await us.query<{ secret: string }>("SELECT signing_secret_encrypted AS secret FROM trigger");
  expect(rows).toHaveLength(2);
  for (const row of rows)
    expect(await after.decrypt({ secret: ["token", row.secret] })).toEqual({ secret: "of a webhook" });
});

it("rekey changes nothing if neither key decrypts a ciphertext, and names the ciphertext without printing a secret", async () => {
  const [us] = await pair();
  await fill(us);
  const foreign = (await strange.encrypt({ variable: ["token", "of another fleet"] })).variable;
  const [{ id } = { id: "" }] = await us.query<{ id: string }>(
    "UPDATE variable SET value = $1 WHERE name = 'TOKEN' RETURNING id::text",
    [foreign],
  );
  const contents = await postgres.contents(us.database);
  const failure = await run(us).catch((error: Error) => error.message);
  expect(failure).toContain(
    `neither key decrypts 1 of the secrets, so nothing was changed:\n  variable ${id}: value\n`,
  );
  expect(await postgres.contents(us.database)).toEqual(contents);
  await run(us, { leaveUnreadable: true });
  expect(said).toContainEqual({ table: "variable", id, place: "value" });
  const { variable: _, ...others } = clear(CLEAR);
  expect(await read(us, after)).toEqual({ ...others, variable: "" });
  for (const secret of [before.secretKey, after.secretKey, foreign, "sk-of-hers"])
    expect(JSON.stringify([failure, said])).not.toContain(secret);
});

it("the agent's command rekey reads the old key only from standard input", async () => {
  const [us] = await pair();
  await fill(us);
  // LangFlow's JSON may contain values that `jsonb` rejects.
  await us.query(`UPDATE mcp_server SET config = (left(config::text, -1) || ', "note": "\\u0000"}')::json`);
  const { server, ...others } = clear(CLEAR);
  const all = { ...others, server: { ...(server as object), note: "\u0000" } };
  const agent = (input: string, ...flags: string[]) => {
    const { status, stdout } = spawnSync(
      process.execPath,
      ["--require", "./typescript.cjs", "agent/main.ts", "rekey", ...flags],
      {
        cwd: join(__dirname, "../.."),
        input,
        encoding: "utf8",
        env: {
          PATH: process.env.PATH,
          AGENT_REGION: "us-east",
          LANGFLOW_DATABASE_URL: postgres.url(us.database),
          LANGFLOW_SECRET_KEY: after.secretKey,
        },
      },
    );
    return { status, stdout };
  };
  expect(agent("")).toMatchObject({ status: 2, stdout: expect.stringContaining("standard input is empty") });
  expect(agent(after.secretKey)).toMatchObject({ status: 2, stdout: expect.stringContaining("nothing to do") });
  expect(agent(strange.secretKey)).toMatchObject({
    status: 3,
    stdout: expect.stringContaining("neither key decrypts"),
  });
  expect(agent(`${before.secretKey}\n`, "--dry-run")).toMatchObject({
    status: 0,
    stdout: expect.stringContaining("dry run: nothing was changed"),
  });
  expect(await read(us, before)).toEqual(all);
  expect(agent(`${before.secretKey}\n`).status).toBe(0);
  expect(await read(us, after)).toEqual(all);
});
