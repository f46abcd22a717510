import { randomBytes, randomUUID } from "node:crypto";
import { DRILL_ACCOUNT } from "../../agent/accounts/capture";
import { type AccountsRegion, regionsOfFile, rounds, settle } from "./accountsRegion";

jest.setTimeout(300_000);

const file = regionsOfFile();
const LIMITS = { users: 5, rows: 20, share: 0.1 };
const deleteUsers = (which: string) =>
  ["flow", "folder", "variable"]
    .map((table) => `DELETE FROM ${table} WHERE user_id IN (SELECT id FROM "user" WHERE ${which})`)
    .concat(`DELETE FROM "user" WHERE ${which}`)
    .join(";");
const graph = JSON.stringify({ nodes: [{ id: "first" }], edges: [] });

const count = async (region: AccountsRegion, table: string) => {
  const who = table === "user" ? "NOT is_superuser" : "user_id IS NOT NULL";
  const [row] = await region.query<{ count: number }>(`SELECT count(*)::int AS count FROM "${table}" WHERE ${who}`);
  return row?.count;
};
const counts = async (region: AccountsRegion) => [
  await count(region, "user"),
  await count(region, "flow"),
  await count(region, "flow_version"),
  await count(region, "variable"),
];

/** Returns two regions with delete limits. */
async function braked() {
  const [us, eu] = await file.pair();
  for (const region of [us, eu]) region.limits = LIMITS;
  for (const region of [us, eu]) {
    await region.client.end();
    await region.open(new Map(region === us ? [["eu-west", eu.bucket]] : [["us-east", us.bucket]]));
  }
  return [us, eu] as const;
}

/** Returns two regions and users with ten flows each, each flow with a version, and each user with a variable. */
async function fleet({ users = 50, flows = 10 } = {}) {
  const [us, eu] = await braked();
  await us.query(
    `INSERT INTO "user" (id, username, password, is_active, is_superuser, create_at, updated_at)
      SELECT gen_random_uuid(), 'user-' || n, 'hash', true, false, now(), now() FROM generate_series(1, $1) AS n`,
    [users],
  );
  const own = `FROM "user" WHERE NOT is_superuser`;
  await us.query(`INSERT INTO folder (id, name, user_id) SELECT gen_random_uuid(), 'Starter Project', id ${own}`);
  await us.query(`INSERT INTO variable (id, name, type, value, default_fields, user_id, created_at)
    SELECT gen_random_uuid(), 'KEY', 'Credential', 'v', '[]', id, now() ${own}`);
  await us.query(
    `INSERT INTO flow (id, name, user_id, folder_id, data, version_token, updated_at, access_type, flow_type)
      SELECT gen_random_uuid(), 'Flow ' || n, f.user_id, f.id, $2, gen_random_uuid(), now(), 'PRIVATE', 'workflow'
        FROM folder f, generate_series(1, $1) AS n WHERE f.user_id IN (SELECT id ${own})`,
    [flows, graph],
  );
  await us.query(`INSERT INTO flow_version (id, flow_id, user_id, data, version_number, retained)
    SELECT gen_random_uuid(), id, user_id, '{}', 1, false FROM flow WHERE user_id IS NOT NULL`);
  await settle(us, eu);
  const all = [users, users * flows, users * flows, users];
  expect(await counts(eu)).toEqual(all);
  return { us, eu, all };
}

/** Returns a region's held deletes, as reported by its next round. */
const heldIn = async (region: AccountsRegion) => (await rounds(region))[0]?.held;

async function decide(region: AccountsRegion, decision: "release" | "reject") {
  region.decisions.set((await heldIn(region))?.code ?? "", decision);
}

describe("a mass delete is held in its region, and the other regions keep the rows:", () => {
  it.each([
    ["all users, by SQL", deleteUsers("NOT is_superuser"), { user: 50, flow: 500, variable: 50 }],
    ["all flows", "DELETE FROM flow WHERE user_id IS NOT NULL", { flow: 500 }],
  ])("a delete of %s is undone if the operator rejects it", async (_, sql, rows) => {
    const { us, eu, all } = await fleet();
    await us.query(sql);
    const [outcome] = await settle(us, eu);
    expect(outcome?.held).toMatchObject({ rows, code: expect.stringMatching(/^[0-9a-f]{8}$/) });
    expect(outcome?.held?.owners[0]).toMatch(/^user-\d+$/);
    expect(await counts(eu)).toEqual(all);
    expect((await counts(us))[1]).toBe(0);
    // Neither a snapshot nor an agent's restart replicates the delete.
    await eu.query("DELETE FROM langflow_dr.account_part");
    await us.client.end();
    await us.open(new Map([["eu-west", eu.bucket]]));
    await settle(us, eu);
    expect(await counts(eu)).toEqual(all);
    const readings = () => us.query("SELECT last_value, is_called FROM langflow_dr.account_lacking_seq_seq");
    const before = await readings();
    await decide(us, "reject");
    const [after] = await settle(us, eu);
    expect(after?.held).toBeUndefined();
    // The agent has stored the rows' values, so it rereads no segments.
    expect(await readings()).toEqual(before);
    for (const region of [us, eu]) expect(await counts(region)).toEqual(all);
  });

  it("a released delete removes all flows, except a flow that a different region has edited since", async () => {
    const { us, eu } = await fleet();
    await us.query("DELETE FROM flow WHERE user_id IS NOT NULL");
    await settle(us, eu);
    const [edited] = await eu.query<{ id: string }>("SELECT id FROM flow WHERE user_id IS NOT NULL LIMIT 1");
    await eu.save(edited?.id ?? "", { nodes: [{ id: "edited since" }], edges: [] });
    await settle(us, eu);
    expect(await count(us, "flow")).toBe(0);
    await decide(us, "release");
    await settle(us, eu);
    for (const region of [us, eu]) {
      expect(
        await region.query("SELECT id, data->'nodes'->0->>'id' AS node FROM flow WHERE user_id IS NOT NULL"),
      ).toEqual([{ id: edited?.id, node: "edited since" }]);
      expect(await count(region, "flow_version")).toBe(1);
    }
  });

  it("a released delete spares rows that users changed, or created under the same name, while the delete was held", async () => {
    const { us, eu } = await fleet();
    await us.query("DELETE FROM variable WHERE user_id IS NOT NULL");
    await settle(us, eu);
    await eu.query(
      "UPDATE variable SET value = 'rotated', updated_at = now() WHERE user_id IN (SELECT user_id FROM variable ORDER BY 1 LIMIT 7)",
    );
    await us.query(`INSERT INTO variable (id, name, type, value, default_fields, user_id, created_at)
      SELECT gen_random_uuid(), 'KEY', 'Credential', 'new', '[]', id, now() FROM "user" WHERE username LIKE 'user-2%'`);
    await settle(us, eu);
    await decide(us, "release");
    await settle(us, eu);
    for (const region of [us, eu]) {
      const values = await region.query<{ value: string; count: number }>(
        "SELECT value, count(*)::int AS count FROM variable WHERE user_id IS NOT NULL GROUP BY 1 ORDER BY 1",
      );
      expect(values.find(({ value }) => value === "new")?.count).toBeGreaterThanOrEqual(4);
      expect(values.reduce((sum, { count }) => sum + count, 0)).toBeGreaterThanOrEqual(11);
      expect(values.map(({ value }) => value)).toEqual(["new", "rotated"]);
    }
  });

  it("a second delete of the same rows requires a new decision by the operator", async () => {
    const { us, eu } = await fleet({ users: 10 });
    const remove = () => us.query("DELETE FROM flow WHERE user_id IS NOT NULL");
    await remove();
    await decide(us, "reject");
    await settle(us, eu);
    expect(await count(us, "flow")).toBe(100);
    await remove();
    const [outcome] = await settle(us, eu);
    expect(outcome?.held?.rows).toEqual({ flow: 100 });
    expect(await count(us, "flow")).toBe(0);
  });

  it("flows with held deletes get their versions back if they are created again one by one with the same ids", async () => {
    const { us, eu, all } = await fleet({ users: 10 });
    await us.query("CREATE TABLE saved AS SELECT * FROM flow WHERE user_id IS NOT NULL");
    await us.query("DELETE FROM flow WHERE user_id IS NOT NULL");
    await settle(us, eu);
    await us.query("INSERT INTO flow SELECT * FROM saved");
    await settle(us, eu);
    for (const region of [us, eu]) expect(await counts(region)).toEqual(all);
  });

  it("a mass delete by LangFlow itself is held too", async () => {
    const { us, eu, all } = await fleet({ users: 10 });
    await us.query("DELETE FROM flow_version");
    await settle(us, eu);
    expect(await counts(eu)).toEqual(all);
  });

  it("variables that LangFlow takes from its environment at sign-ins do not count as deleted, but others do", async () => {
    const { us, eu } = await fleet({ flows: 1 });
    await us.query(`INSERT INTO variable (id, name, type, value, default_fields, user_id, created_at)
      SELECT gen_random_uuid(), 'OPENAI_API_KEY', 'Credential', 'v', '[]', id, now() FROM "user" WHERE NOT is_superuser`);
    // As LangFlow does: an insert as a user's variable, and an update in the same transaction.
    await us.query(`INSERT INTO variable (id, name, type, value, default_fields, user_id, created_at, is_environment_managed)
        SELECT gen_random_uuid(), 'ANTHROPIC_API_KEY', 'Credential', 'v', '[]', id, now(), false
          FROM "user" WHERE NOT is_superuser;
      UPDATE variable SET is_environment_managed = true, updated_at = created_at WHERE name = 'ANTHROPIC_API_KEY'`);
    await settle(us, eu);
    // As LangFlow does with the variables of an earlier release.
    await us.query(
      "UPDATE variable SET is_environment_managed = true, updated_at = created_at WHERE name = 'OPENAI_API_KEY'",
    );
    const [outcome] = await settle(us, eu);
    expect(outcome?.held).toBeUndefined();
    expect(await count(us, "variable")).toBe(150);
    expect(await count(eu, "variable")).toBe(50);
    // A mistake, by SQL.
    await us.query("UPDATE variable SET is_environment_managed = true WHERE name = 'KEY'");
    const [after] = await settle(us, eu);
    expect(after?.held?.rows).toEqual({ variable: 50 });
    expect(await count(eu, "variable")).toBe(50);
  });

  it("of a series of single deletes, those beyond the hourly limit are held, and other users' edits and deletes are replicated", async () => {
    const { us, eu } = await fleet();
    const flows = await us.query<{ id: string }>("SELECT id FROM flow WHERE user_id IS NOT NULL ORDER BY id LIMIT 80");
    for (const { id } of flows) await us.query("DELETE FROM flow WHERE id = $1", [id]);
    await us.query("DELETE FROM variable WHERE user_id IN (SELECT user_id FROM variable ORDER BY 1 LIMIT 1)");
    const [kept] = await us.query<{ id: string }>(
      "SELECT id FROM flow WHERE user_id IS NOT NULL ORDER BY id DESC LIMIT 1",
    );
    await us.save(kept?.id ?? "", { nodes: [{ id: "goes on" }], edges: [] });
    const [outcome] = await settle(us, eu);
    const held = outcome?.held?.rows.flow ?? 0;
    expect(held).toBeGreaterThanOrEqual(30);
    expect(await count(eu, "flow")).toBe(420 + held);
    expect(await count(eu, "variable")).toBe(49);
    expect(await eu.query("SELECT data->'nodes'->0->>'id' AS node FROM flow WHERE id = $1", [kept?.id])).toEqual([
      { node: "goes on" },
    ]);
  });

  it("the code of a smaller set of held deletes does not release a larger set", async () => {
    const { us, eu, all } = await fleet();
    await us.query(`DELETE FROM flow WHERE user_id IN (SELECT id FROM "user" WHERE username LIKE 'user-2%')`);
    await settle(us, eu);
    const code = (await heldIn(us))?.code ?? "";
    await us.query("DELETE FROM flow WHERE user_id IS NOT NULL");
    await settle(us, eu);
    us.decisions.set(code, "release");
    await settle(us, eu);
    expect(await counts(eu)).toEqual(all);
    expect((await heldIn(us))?.rows).toEqual({ flow: 500 });
  });
});

describe("a row that reuses the name of a row whose delete is held", () => {
  const KINDS: Record<string, string> = {
    mcp_server: `INSERT INTO mcp_server (id, user_id, name, transport, config, enabled, version, created_at, updated_at)
      SELECT gen_random_uuid(), $1::uuid, 'name ' || n, 'http', jsonb_build_object('url', $2::text), true, 1, now(), now()`,
    file: `INSERT INTO file (id, user_id, name, path, size, created_at, updated_at)
      SELECT gen_random_uuid(), $1::uuid, 'name ' || n, 'path ' || n, length($2::text), now(), now()`,
    authz_share: `INSERT INTO authz_share (id, resource_type, resource_id, scope, permission_level, created_by, created_at)
      SELECT gen_random_uuid(), 'component', md5(n::text)::uuid, 'public', CASE $2::text WHEN 'old' THEN 'write' ELSE 'read' END,
        $1::uuid, now()`,
    folder: `INSERT INTO folder (id, name, user_id, description)
      SELECT gen_random_uuid(), 'name ' || n, $1::uuid, $2::text`,
  };
  const make = async (region: AccountsRegion, owner: string, what: string, rows: number) => {
    for (const sql of Object.values(KINDS))
      await region.query(`${sql} FROM generate_series(1, $3::int) AS n`, [owner, what, rows]);
  };
  const valuesIn = async (region: AccountsRegion) => ({
    servers: await region.query("SELECT name, config->>'url' AS url FROM mcp_server ORDER BY name LIMIT 1"),
    files: await region.query("SELECT name, path, size FROM file ORDER BY name LIMIT 1"),
    shares: await region.query("SELECT permission_level AS level FROM authz_share WHERE resource_id = md5('1')::uuid"),
    projects: await region.query(
      "SELECT p.name, p.description, f.name AS flow FROM folder p LEFT JOIN flow f ON f.folder_id = p.id WHERE p.name = 'name 1'",
    ),
  });
  const made = (text: string) => ({
    servers: [{ name: "name 1", url: text }],
    files: [{ name: "name 1", path: "path 1", size: text.length }],
    shares: [{ level: "read" }],
    projects: [{ name: "name 1", description: text, flow: "in it" }],
  });
  const OLD = {
    servers: [{ name: "name 1", url: "old" }],
    files: [{ name: "name 1", path: "path 1", size: 3 }],
    shares: [{ level: "write" }],
    projects: [{ name: "name 1", description: "old", flow: null }],
  };
  const countsOf = async (region: AccountsRegion) =>
    Promise.all(
      Object.keys(KINDS).map(async (table) => {
        const [row] = await region.query<{ count: number }>(
          `SELECT count(*)::int AS count FROM ${table}${table === "folder" ? " WHERE name LIKE 'name%'" : ""}`,
        );
        return row?.count;
      }),
    );

  it.each([
    ["release", "small", "a new one"],
    ["reject", "small", "a new one"],
    ["release", "large", randomBytes(60_000).toString("base64")],
  ] as const)("is a separate row with its own values, and still exists after a %s (%s)", async (decision, _, text) => {
    const NEW = made(text);
    const [us, eu] = await braked();
    const owner = await us.makeUser("ada");
    await make(us, owner, "old", 25);
    await settle(us, eu);
    for (const table of Object.keys(KINDS))
      await us.query(`DELETE FROM ${table} WHERE ${table === "folder" ? "user_id = $1" : "$1::uuid IS NOT NULL"}`, [
        owner,
      ]);
    await settle(us, eu);
    await make(us, owner, text, 1);
    await us.query(
      `INSERT INTO flow (id, name, user_id, folder_id, data, version_token, updated_at, access_type, flow_type)
        SELECT gen_random_uuid(), 'in it', user_id, id, $1, gen_random_uuid(), now(), 'PRIVATE', 'workflow' FROM folder WHERE name = 'name 1'`,
      [graph],
    );
    const [, outcome] = await settle(us, eu);
    expect(await valuesIn(us)).toEqual(NEW);
    expect(await valuesIn(eu)).toEqual(OLD);
    // The row has a different name for a while, and can be used during that time.
    expect(
      await eu.query(
        "SELECT p.description, p.name LIKE 'name 1 (%' AS is_beside FROM flow f JOIN folder p ON p.id = f.folder_id WHERE f.name = 'in it'",
      ),
    ).toEqual([{ description: text, is_beside: true }]);
    expect(outcome?.waiting).toEqual([]);
    await decide(us, decision);
    await settle(us, eu);
    for (const region of [us, eu])
      if (decision === "release") {
        expect(await countsOf(region)).toEqual([1, 1, 1, 1]);
        expect(await valuesIn(region)).toEqual(NEW);
      } else {
        // Two rows of the same name are merged, as if two regions had created them: each column has the older or the
        // newer value.
        expect(await countsOf(region)).toEqual([25, 25, 25, 25]);
        expect(await valuesIn(region)).toEqual({
          servers: OLD.servers,
          files: NEW.files,
          shares: NEW.shares,
          projects: [{ ...OLD.projects[0], flow: "in it" }],
        });
      }
  });

  it.each([
    ["release", [{ node: "imported", count: 30, own: 30 }]],
    [
      "reject",
      [
        { node: "first", count: 30, own: 30 },
        { node: "imported", count: 30, own: 0 },
      ],
    ],
  ] as const)(
    "keeps its name and endpoint in its region if an import that replaces flows created it; after a %s also where they are free",
    async (decision, after) => {
      const [us, eu] = await braked();
      const owner = await us.makeUser("ada");
      await us.query(
        `INSERT INTO flow (id, name, endpoint_name, user_id, data, version_token, updated_at, access_type, flow_type)
        SELECT gen_random_uuid(), 'flow ' || n, 'run-' || n, $1, $2, gen_random_uuid(), now(), 'PRIVATE', 'workflow' FROM generate_series(1, 30) AS n`,
        [owner, graph],
      );
      await settle(us, eu);
      await us.query(
        `CREATE TABLE saved AS SELECT * FROM flow WHERE user_id IS NOT NULL;
      BEGIN; DELETE FROM flow WHERE user_id IS NOT NULL;
      UPDATE saved SET id = gen_random_uuid(), version_token = gen_random_uuid(), data = '{"nodes":[{"id":"imported"}],"edges":[]}';
      INSERT INTO flow SELECT * FROM saved; COMMIT`.replaceAll("\n", " "),
      );
      await settle(us, eu);
      const flowsIn = (region: AccountsRegion) =>
        region.query(`SELECT data->'nodes'->0->>'id' AS node, count(*)::int AS count,
        (count(*) FILTER (WHERE name ~ '^flow [0-9]+$' AND endpoint_name ~ '^run-[0-9]+$'))::int AS own
        FROM flow WHERE user_id IS NOT NULL GROUP BY 1 ORDER BY 1`);
      expect(await flowsIn(us)).toEqual([{ node: "imported", count: 30, own: 30 }]);
      expect(await flowsIn(eu)).toEqual([
        { node: "first", count: 30, own: 30 },
        { node: "imported", count: 30, own: 0 },
      ]);
      const [flow] = await eu.query<{ id: string }>("SELECT id FROM flow WHERE name ~ '^flow 1 '");
      await eu.save(flow?.id ?? "", { nodes: [{ id: "imported", edited: true }], edges: [] });
      await settle(us, eu);
      expect(await flowsIn(us)).toEqual([{ node: "imported", count: 30, own: 30 }]);
      await decide(us, decision);
      await settle(us, eu);
      for (const region of [us, eu]) expect(await flowsIn(region)).toEqual(after);
    },
  );
});

it("a user who signs in again while the account's delete is held gets a new account, and the release of the delete keeps it", async () => {
  const [us, eu] = await braked();
  const signIn = async (name: string) => {
    const id = await us.makeUser(name);
    await us.query(
      `INSERT INTO sso_user_profile (id, user_id, sso_provider, sso_user_id, created_at, updated_at)
        VALUES (gen_random_uuid(), $1, 'provider', $2, now(), now())`,
      [id, name],
    );
    return id;
  };
  for (let user = 0; user < 8; user += 1) await signIn(`user-${user}`);
  await settle(us, eu);
  await us.query(`DELETE FROM "user" WHERE username LIKE 'user-%'`);
  await settle(us, eu);
  const id = await signIn("user-1");
  await settle(us, eu);
  expect(await count(eu, "user")).toBe(9);
  await decide(us, "release");
  await settle(us, eu);
  for (const region of [us, eu])
    expect(
      await region.query(
        `SELECT u.id, username, sso_user_id AS subject FROM "user" u JOIN sso_user_profile ON user_id = u.id`,
      ),
    ).toEqual([{ id, username: "user-1", subject: "user-1" }]);
});

describe("a column that a foreign key sets to null on delete", () => {
  /**
   * Returns regions with triggers that refer to connections, and with a flow version, a role and its assignment by
   * users who are deleted.
   */
  async function referring() {
    const [us, eu] = await braked();
    const admin = await us.makeUser("keeps");
    for (let user = 0; user < 8; user += 1) await us.makeUser(`user-${user}`);
    const insert = (sql: string) => us.query(sql, [admin]);
    await insert(`INSERT INTO connection (id, owner_id, provider_key, name, display_name, ownership_mode, status, health, granted_scopes, executing_identity, allow_non_interactive, created_at, updated_at)
      SELECT gen_random_uuid(), $1::uuid, 'google', 'c' || n, 'c', 'user', 'ready', 'unknown', '{}', '{}', true, now(), now() FROM generate_series(1, 30) AS n`);
    await insert(`INSERT INTO flow (id, name, user_id, data, version_token, updated_at, access_type, flow_type)
      SELECT gen_random_uuid(), name, $1::uuid, '{"nodes":[],"edges":[]}', gen_random_uuid(), now(), 'PRIVATE', 'workflow' FROM connection`);
    await us.query(`INSERT INTO trigger (id, flow_id, user_id, name, kind, node_id, connection_id, config, provider_state, state)
      SELECT gen_random_uuid(), f.id, f.user_id, f.name, 'schedule', 'node', c.id, '{}', '{}', 'active' FROM flow f JOIN connection c USING (name)`);
    const one = `(SELECT id FROM "user" WHERE username = 'user-1')`;
    await insert(`INSERT INTO flow_version (id, flow_id, user_id, data, version_number, retained)
      SELECT gen_random_uuid(), id, ${one}, '{}', 1, false FROM flow WHERE user_id = $1 LIMIT 1`);
    await us.query(`INSERT INTO authz_role (id, name, is_system, permissions, created_by, created_at, updated_at)
      SELECT gen_random_uuid(), 'role', false, '[]', ${one}, now(), now()`);
    await insert(`INSERT INTO authz_role_assignment (id, user_id, role_id, domain_type, assigned_by, assigned_at)
      SELECT gen_random_uuid(), $1::uuid, id, 'global', ${one}, now() FROM authz_role WHERE name = 'role'`);
    // This assignment is deleted with its user, to whom two of its columns refer.
    await us.query(`INSERT INTO authz_role_assignment (id, user_id, role_id, domain_type, assigned_by, assigned_at)
      SELECT gen_random_uuid(), u.id, r.id, 'global', u.id, now() FROM authz_role r, "user" u WHERE r.name = 'role' AND username = 'user-2'`);
    await settle(us, eu);
    return [us, eu] as const;
  }
  const namedIn = async (region: AccountsRegion) => {
    const [row] = await region.query(`SELECT (SELECT count(connection_id)::int FROM trigger) AS triggers,
      (SELECT count(user_id)::int FROM flow_version) AS versions,
      (SELECT count(created_by)::int FROM authz_role) AS roles, (SELECT count(assigned_by)::int FROM authz_role_assignment) AS assignments`);
    return row;
  };
  const ALL = { triggers: 30, versions: 1, roles: 1, assignments: 2 };
  const NONE = { triggers: 0, versions: 0, roles: 0, assignments: 0 };

  it.each([
    ["release", NONE],
    ["reject", ALL],
  ] as const)(
    "keeps its value in the other regions while the delete is held, and is the same in all regions after a %s",
    async (decision, after) => {
      const [us, eu] = await referring();
      await us.query(`DELETE FROM "user" WHERE username LIKE 'user-%'`);
      await us.query("DELETE FROM connection");
      const [outcome] = await settle(us, eu);
      expect(outcome?.held?.rows).toEqual({ authz_role_assignment: 1, connection: 30, user: 8 });
      expect([await namedIn(us), await namedIn(eu)]).toEqual([NONE, ALL]);
      // Other changes of the same row do not replicate the null value either.
      await us.query("UPDATE trigger SET max_attempts = 2");
      await us.query("UPDATE trigger SET name = 'renamed' WHERE name = 'c1'");
      const [last] = await settle(us, eu);
      expect([await namedIn(us), await namedIn(eu), last?.waiting]).toEqual([NONE, ALL, []]);
      await decide(us, decision);
      const outcomes = await settle(us, eu);
      for (const region of [us, eu]) {
        expect(await namedIn(region)).toEqual(after);
        expect(await region.query("SELECT name, max_attempts FROM trigger WHERE name = 'renamed'")).toEqual([
          { name: "renamed", max_attempts: 2 },
        ]);
      }
      for (const { waiting } of outcomes) expect(waiting).toEqual([]);
    },
  );

  it("is null in every region after a delete that is not held", async () => {
    const [us, eu] = await referring();
    await us.query("DELETE FROM connection WHERE name = 'c1'");
    await us.query(`DELETE FROM "user" WHERE username = 'user-1'`);
    const outcomes = await settle(us, eu);
    for (const region of [us, eu])
      expect(await namedIn(region)).toEqual({ triggers: 29, versions: 0, roles: 0, assignments: 1 });
    for (const { waiting } of outcomes) expect(waiting).toEqual([]);
  });

  it("counts as edited if a user clears it, even if the referenced row is deleted later", async () => {
    const [us, eu] = await referring();
    await us.query("UPDATE trigger SET connection_id = NULL WHERE name = 'c1'");
    await us.query("DELETE FROM connection");
    await settle(us, eu);
    expect(await namedIn(eu)).toMatchObject({ triggers: 29 });
    await decide(us, "reject");
    await settle(us, eu);
    for (const region of [us, eu]) expect(await namedIn(region)).toMatchObject({ triggers: 29 });
  });
});

it.each([
  [
    "a few deletes by one user",
    "DELETE FROM flow WHERE id IN (SELECT id FROM flow WHERE user_id IS NOT NULL LIMIT 45)",
    [50, 455],
  ],
  ["deletes of a few users", deleteUsers("username IN ('user-1', 'user-2', 'user-3')"), [47, 470]],
])("%s are not held", async (_, sql, left) => {
  const { us, eu } = await fleet();
  await us.query(sql);
  const [outcome] = await settle(us, eu);
  expect(outcome?.held).toBeUndefined();
  expect((await counts(eu)).slice(0, 2)).toEqual(left);
});

/** Creates flows of one user with a graph, and deletes them with `sql` in the same region. */
async function deletedFlows(data: string, sql: string) {
  const { us, eu } = await fleet({ users: 1, flows: 0 });
  await us.query(
    `INSERT INTO flow (id, name, user_id, data, version_token, updated_at, access_type, flow_type)
      SELECT gen_random_uuid(), 'Flow ' || n, id, $1, gen_random_uuid(), now(), 'PRIVATE', 'workflow'
        FROM "user", generate_series(1, 25) AS n WHERE NOT is_superuser`,
    [data],
  );
  await settle(us, eu);
  expect(await count(eu, "flow")).toBe(25);
  await us.query(sql);
  expect((await heldIn(us))?.rows).toEqual({ flow: 25 });
  return { us, eu };
}

const FLOWS_WITH_DATA = "SELECT name, data::text FROM flow WHERE user_id IS NOT NULL ORDER BY id";

describe("a mass delete is held even if its rows contain", () => {
  it("JSON nested as deeply as PostgreSQL can store, which exceeds the stack depth of a trigger", async () => {
    const [us] = await file.pair();
    const deep = (levels: number) => `{"a":${"[".repeat(levels)}${"]".repeat(levels)}}`;
    let [depth, tooDeep] = [1_000, 100_000];
    while (tooDeep - depth > 8) {
      const levels = (depth + tooDeep) >> 1;
      const isStored = await us.query("SELECT $1::json", [deep(levels)]).then(
        () => true,
        () => false,
      );
      [depth, tooDeep] = isStored ? [levels, tooDeep] : [depth, levels];
    }
    const regions = await deletedFlows(deep(depth - 40), "DELETE FROM flow WHERE user_id IS NOT NULL");
    await settle(regions.us, regions.eu);
    expect(await count(regions.eu, "flow")).toBe(25);
    await decide(regions.us, "reject");
    await settle(regions.us, regions.eu);
    for (const region of [regions.us, regions.eu]) expect(await count(region, "flow")).toBe(25);
  });

  it("values that the trigger could not store: a rejection restores them from the published segments, even across a snapshot", async () => {
    const unkept = `DO $$ DECLARE
      whole text := pg_get_functiondef('langflow_dr.account_text(json)'::regprocedure);
    BEGIN
      CREATE OR REPLACE FUNCTION langflow_dr.account_text(value_ json) RETURNS text LANGUAGE plpgsql STABLE AS
        'BEGIN RAISE EXCEPTION ''it is too large''; END';
      DELETE FROM flow WHERE user_id IS NOT NULL;
      EXECUTE whole;
    END $$`;
    const { us, eu } = await deletedFlows(graph, unkept);
    const all = await eu.query(FLOWS_WITH_DATA);
    await us.query("UPDATE langflow_dr.account_seen SET names = '{}' WHERE what = 'peers'");
    await settle(us, eu);
    expect(await count(us, "flow")).toBe(0);
    await decide(us, "reject");
    await settle(us, eu);
    for (const region of [us, eu]) expect(await region.query(FLOWS_WITH_DATA)).toEqual(all);
    expect(all).toHaveLength(25);
  });
});

it("replication fills a truncated table again, because no user deleted its rows", async () => {
  const { us, eu, all } = await fleet();
  await us.query('TRUNCATE "user" CASCADE');
  expect(await count(us, "user")).toBe(0);
  await settle(us, eu);
  for (const region of [us, eu]) expect(await counts(region)).toEqual(all);
});

it("deletes by a push to Git are not held by the agent, because the recorder holds them", async () => {
  const { us, eu } = await fleet();
  await us.query(
    "CREATE TABLE langflow_dr.record_import AS SELECT id AS flow_id FROM flow WHERE user_id IS NOT NULL LIMIT 200",
  );
  await us.query("DELETE FROM flow WHERE id IN (SELECT flow_id FROM langflow_dr.record_import)");
  await settle(us, eu);
  expect(await count(eu, "flow")).toBe(300);
});

it("clearing a column counts as an edit, even if the row that the column referenced was deleted earlier", async () => {
  const { us, eu } = await fleet({ users: 1, flows: 1 });
  const [parent, child] = [randomUUID(), randomUUID()];
  const make = (id: string, parentId: string | null) =>
    us.query(
      `INSERT INTO folder (id, name, user_id, parent_id) SELECT $1::uuid, $1::text, id, $2 FROM "user" WHERE NOT is_superuser`,
      [id, parentId],
    );
  await make(parent, null);
  await settle(us, eu);
  await us.query("DELETE FROM folder WHERE id = $1", [parent]);
  await eu.query("UPDATE folder SET name = 'lives on' WHERE id = $1", [parent]);
  await settle(us, eu);
  await make(child, parent);
  await settle(us, eu);
  await us.query("UPDATE folder SET parent_id = NULL WHERE id = $1", [child]);
  await settle(us, eu);
  for (const region of [us, eu])
    expect(await region.query("SELECT parent_id FROM folder WHERE id = ANY($1)", [[parent, child]])).toEqual(
      Array(2).fill({ parent_id: null }),
    );
});

it("all deletes of one transaction are held, even if the agent reads the transaction in several steps", async () => {
  const { us, eu, all } = await fleet({ users: 6 });
  await us.query("UPDATE variable SET value = repeat(md5(random()::text), 100000) WHERE name = 'KEY'");
  await settle(us, eu);
  await us.query("BEGIN; DELETE FROM flow WHERE user_id IS NOT NULL; DELETE FROM variable WHERE name = 'KEY'; COMMIT");
  const [outcome] = await rounds(us, eu);
  expect(outcome?.held?.rows).toEqual({ flow: 60, variable: 6 });
  expect(await counts(eu)).toEqual(all);
  await decide(us, "reject");
  await settle(us, eu);
  for (const region of [us, eu]) expect(await counts(region)).toEqual(all);
});

it("deletes of a drill's own rows are not held", async () => {
  const { us, eu } = await fleet({ users: 1, flows: 1 });
  const [drill, beside] = [await us.makeUser(DRILL_ACCOUNT), `${DRILL_ACCOUNT}-beside`];
  const make = async (user: string) => {
    await us.query(
      `INSERT INTO file (id, user_id, name, path, size, created_at, updated_at)
        SELECT gen_random_uuid(), $1::uuid, 'drill-' || n, $1 || '/drill-' || n, 1, now(), now() FROM generate_series(1, 60) AS n`,
      [user],
    );
    for (let each = 0; each < 10; each += 1) await us.makeUser(`${beside}-${each}`);
    await settle(us, eu);
  };
  await make(drill);
  await us.query(`DELETE FROM file WHERE user_id = $1`, [drill]);
  await us.query(`DELETE FROM "user" WHERE username LIKE $1`, [`${beside}%`]);
  expect((await settle(us, eu))[0]?.held).toBeUndefined();
  expect(await count(eu, "file")).toBe(0);
  expect(await count(eu, "user")).toBe(2);
  // The deletes of a different user's rows are held.
  await make(await us.makeUser("another"));
  await us.query(`DELETE FROM file WHERE user_id <> $1`, [drill]);
  expect((await settle(us, eu))[0]?.held).toMatchObject({ rows: { file: 60 } });
});

it("a flow that is created again with the same id exists in every region, even if its delete was held", async () => {
  const { us, eu } = await fleet();
  const [first] = await us.query<{ id: string; user_id: string }>(
    "SELECT id, user_id FROM flow WHERE user_id IS NOT NULL LIMIT 1",
  );
  await us.query("DELETE FROM flow WHERE user_id IS NOT NULL");
  await settle(us, eu);
  await us.query(
    `INSERT INTO flow (id, name, user_id, data, version_token, updated_at, access_type, flow_type)
      VALUES ($1, $2, $3, $4, gen_random_uuid(), now(), 'PRIVATE', 'workflow')`,
    [first?.id, `Again ${randomUUID()}`, first?.user_id, graph],
  );
  await settle(us, eu);
  expect((await heldIn(us))?.rows).toEqual({ flow: 499 });
  for (const region of [us, eu])
    expect(await region.query("SELECT name FROM flow WHERE id = $1", [first?.id])).toEqual([
      { name: expect.stringContaining("Again") },
    ]);
});
