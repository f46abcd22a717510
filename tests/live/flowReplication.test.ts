import { randomUUID } from "node:crypto";
import { parseJson } from "../../formats/flows/canonicalJson";
import { exportedFlow } from "../../formats/flows/flowFile";
import { type AccountsRegion, regionsOfFile, rounds } from "./accountsRegion";
import { until } from "./langflowApi";

jest.setTimeout(300_000);

const file = regionsOfFile();

async function fleet(): Promise<[AccountsRegion, AccountsRegion, string]> {
  const [us, eu] = await file.pair();
  const user = await us.makeUser(`user-${file.number()}`);
  await settled(us, eu);
  return [us, eu, user];
}

/** Runs rounds until no region publishes or applies anything. */
async function settled(...regions: AccountsRegion[]): Promise<void> {
  for (let round = 0; round < 6; round += 1) {
    const outcomes = await rounds(...regions);
    expect(outcomes.flatMap(({ broken }) => [...broken.values()])).toEqual([]);
    if (outcomes.every(({ published: told, applied }) => told + applied === 0)) return;
  }
  throw new Error("the regions do not come to rest");
}

const project = async (region: AccountsRegion, user: string, name: string): Promise<string> => {
  const id = randomUUID();
  await region.query("INSERT INTO folder (id, name, user_id) VALUES ($1, $2, $3)", [id, name, user]);
  return id;
};

async function flow(
  region: AccountsRegion,
  user: string,
  values: { name?: string; folder?: string; graph?: unknown; endpoint?: string } = {},
): Promise<string> {
  const id = randomUUID();
  await region.query(
    `INSERT INTO flow (id, name, user_id, folder_id, endpoint_name, data, version_token, updated_at, access_type, flow_type)
      VALUES ($1, $2, $3, $4, $5, $6, gen_random_uuid(), now(), 'PRIVATE', 'workflow')`,
    [
      id,
      values.name ?? `flow ${id.slice(0, 8)}`,
      user,
      values.folder ?? null,
      values.endpoint ?? null,
      JSON.stringify(values.graph ?? graph("made")),
    ],
  );
  return id;
}

const graph = (label: string, key?: string) => ({
  nodes: [
    {
      id: "node",
      data: { node: { template: { label: { value: label }, api_key: { password: true, value: key ?? "" } } } },
    },
  ],
  edges: [],
});

interface FlowRow {
  readonly id: string;
  readonly name: string;
  readonly label: string;
  readonly key: string;
  readonly project: string | null;
}
const flowsOf = (region: AccountsRegion, user: string) =>
  region.query<FlowRow>(
    `SELECT f.id, f.name, data #>> '{nodes,0,data,node,template,label,value}' AS label,
      data #>> '{nodes,0,data,node,template,api_key,value}' AS key, p.name AS project
      FROM flow f LEFT JOIN folder p ON p.id = f.folder_id WHERE f.user_id = $1 ORDER BY f.name, f.id`,
    [user],
  );
const tokens = (region: AccountsRegion) =>
  region.query("SELECT id, version_token, last_modified_by FROM flow WHERE user_id IS NOT NULL ORDER BY id");

it("replication copies a flow completely to the other region, with typed-in keys, project, version token and time", async () => {
  const [us, eu, user] = await fleet();
  const folder = await project(us, user, "Team");
  const id = await flow(us, user, { name: "Answers", folder, graph: graph("first", "sk-typed-in") });
  await settled(us, eu);
  expect(await flowsOf(eu, user)).toEqual([
    { id, name: "Answers", label: "first", key: "sk-typed-in", project: "Team" },
  ]);
  expect(await tokens(eu)).toEqual(await tokens(us));
  await eu.save(id, graph("second", "sk-other"));
  await settled(us, eu);
  expect(await flowsOf(us, user)).toMatchObject([{ label: "second", key: "sk-other" }]);
  expect(await tokens(eu)).toEqual(await tokens(us));
});

it("both regions export a flow to the same file, although jsonb changes the format of its numbers", async () => {
  const [us, eu, user] = await fleet();
  const id = await flow(us, user);
  const numbers = "[1e+308, -0.0, 1.5e+16, 1e-07, 5e-324, 1.0, 12345678901234567890123, 0.1]";
  await us.query("UPDATE flow SET data = $2 WHERE id = $1", [id, `{"nodes": [], "edges": [], "numbers": ${numbers}}`]);
  await settled(us, eu);
  const stored = async (region: AccountsRegion) => {
    const [row] = await region.query<{ data: string }>("SELECT data::text FROM flow WHERE id = $1", [id]);
    return { id, name: "Numbers", data: parseJson(row?.data ?? "") };
  };
  const variables = new Set<string>();
  const [ofUs, ofEu] = [await stored(us), await stored(eu)];
  const file = exportedFlow(ofUs, { variables });
  expect(exportedFlow(ofEu, { variables }).text).not.toBe(file.text);
  expect(exportedFlow(ofEu, { variables, agreed: file }).text).toBe(file.text);
  const other = exportedFlow(ofEu, { variables });
  expect(exportedFlow(ofUs, { variables, agreed: other }).text).toBe(other.text);
});

it("replication writes no typed-in API key in plain text to the buckets", async () => {
  const [us, eu, user] = await fleet();
  await flow(us, user, { graph: graph("x", "sk-canary-of-this-test") });
  await settled(us, eu);
  for (const { bucket } of [us, eu])
    for (const [key, body] of bucket.objects) expect(`${key} ${body.toString("latin1")}`).not.toContain("sk-canary");
});

it("20 renamed projects cause no duplicate and revert no change if another region moves, edits and deletes their flows meanwhile", async () => {
  const [us, eu, user] = await fleet();
  const folders: string[] = [];
  for (let each = 0; each < 20; each += 1) folders.push(await project(us, user, `P${each}`));
  const flows: string[] = [];
  for (const [each, folder] of folders.entries())
    for (let n = 0; n < 3; n += 1) flows.push(await flow(us, user, { name: `F${each}-${n}`, folder }));
  await settled(us, eu);
  for (const [each, folder] of folders.entries()) {
    await us.query("UPDATE folder SET name = $2 WHERE id = $1", [folder, `P${each} renamed`]);
    const [moved = "", deleted = "", edited = ""] = flows.slice(each * 3);
    await eu.query("UPDATE flow SET folder_id = $2, updated_at = now() WHERE id = $1", [moved, folders[0]]);
    await eu.query("DELETE FROM flow WHERE id = $1", [deleted]);
    await eu.save(edited, graph(`edited ${each}`));
    if (each % 4 === 0) await rounds(us, eu);
  }
  await settled(us, eu);
  const expected = [...folders.keys()].flatMap((each) => [
    { name: `F${each}-0`, label: "made", project: "P0 renamed" },
    { name: `F${each}-2`, label: `edited ${each}`, project: `P${each} renamed` },
  ]);
  for (const region of [us, eu])
    expect((await flowsOf(region, user)).map(({ name, label, project }) => ({ name, label, project }))).toEqual(
      expected.sort((one, other) => (one.name < other.name ? -1 : 1)),
    );
});

describe("two concurrent edits of one graph", () => {
  it("both survive: the later one as the flow, the other as a copy with the same id in both regions", async () => {
    const [us, eu, user] = await fleet();
    const id = await flow(us, user, { name: "Report", endpoint: "report" });
    await settled(us, eu);
    await us.save(id, graph("of us"));
    await eu.save(id, graph("of eu"));
    await settled(us, eu);
    const [inUs, inEu] = [await flowsOf(us, user), await flowsOf(eu, user)];
    expect(inEu).toEqual(inUs);
    expect(inUs).toMatchObject([
      { id, name: "Report", label: "of eu" },
      { name: expect.stringMatching(/^Report \(us-east \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\)$/), label: "of us" },
    ]);
    expect(await us.query("SELECT name FROM flow WHERE endpoint_name = 'report'")).toEqual([{ name: "Report" }]);
  });

  it("leave no copy after a user deletes it, even if its edit is read again", async () => {
    const [us, eu, user] = await fleet();
    const id = await flow(us, user);
    await settled(us, eu);
    await us.save(id, graph("of us"));
    await eu.save(id, graph("of eu"));
    await settled(us, eu);
    await eu.query("DELETE FROM flow WHERE user_id = $1 AND id <> $2", [user, id]);
    await settled(us, eu);
    for (const region of [us, eu]) await region.query("DELETE FROM langflow_dr.account_part");
    await settled(us, eu);
    for (const region of [us, eu]) expect(await flowsOf(region, user)).toMatchObject([{ id, label: "of eu" }]);
  });

  it("create no copy if both graphs are equal, or if one edit is based on the other edit", async () => {
    const [us, eu, user] = await fleet();
    const id = await flow(us, user);
    await settled(us, eu);
    await us.save(id, graph("the same"));
    await eu.save(id, graph("the same"));
    await settled(us, eu);
    for (const [region, label] of [[us, "1"] as const, [eu, "2"] as const, [us, "3"] as const]) {
      await region.save(id, graph(label));
      await settled(us, eu);
    }
    for (const region of [us, eu]) expect(await flowsOf(region, user)).toMatchObject([{ id, label: "3" }]);
  });

  it("are merged without a copy if one edit changes only the name", async () => {
    const [us, eu, user] = await fleet();
    const id = await flow(us, user, { name: "Old" });
    await settled(us, eu);
    await us.query("UPDATE flow SET name = 'New' WHERE id = $1", [id]);
    await eu.save(id, graph("edited"));
    await settled(us, eu);
    for (const region of [us, eu])
      expect(await flowsOf(region, user)).toMatchObject([{ id, name: "New", label: "edited" }]);
  });
});

describe("a deleted flow", () => {
  it("is restored by an edit that was unaware of the delete, but not by a move or by renaming its project", async () => {
    const [us, eu, user] = await fleet();
    const [one, other] = [await project(us, user, "One"), await project(us, user, "Other")];
    const [edited, moved, renamed] = [
      await flow(us, user, { name: "edited", folder: one }),
      await flow(us, user, { name: "moved", folder: one }),
      await flow(us, user, { name: "renamed", folder: other }),
    ];
    await settled(us, eu);
    await eu.save(edited, graph("unaware"));
    await eu.query("UPDATE flow SET folder_id = $2 WHERE id = $1", [moved, other]);
    await eu.query("UPDATE folder SET name = 'Another' WHERE id = $1", [other]);
    await us.query("DELETE FROM flow WHERE id = ANY($1)", [[edited, moved, renamed]]);
    await settled(us, eu);
    for (const region of [us, eu])
      expect(await flowsOf(region, user)).toMatchObject([{ id: edited, label: "unaware", project: "One" }]);
  });

  it("moves to its user's default project after it is restored without a project, unless the user moved it to another project", async () => {
    const [us, eu, user] = await fleet();
    const one = await project(us, user, "One");
    const [edited, moved] = [
      await flow(us, user, { name: "edited", folder: one }),
      await flow(us, user, { name: "moved" }),
    ];
    await settled(us, eu);
    await us.query("DELETE FROM flow WHERE id = $1", [edited]);
    await us.query("DELETE FROM folder WHERE id = $1", [one]);
    await eu.save(edited, graph("unaware"));
    await eu.query("UPDATE flow SET folder_id = $2 WHERE id = $1", [moved, one]);
    await rounds(us);
    await flow(eu, user, { name: "new", folder: one });
    expect((await rounds(eu, us, eu, us)).flatMap(({ waiting }) => waiting)).toEqual([]);
    await settled(us, eu);
    const projects = (region: AccountsRegion) =>
      flowsOf(region, user).then((flows) => flows.map((each) => each.project));
    for (const region of [us, eu]) expect(await projects(region)).toEqual([null, null, null]);
    await project(us, user, "Another");
    await project(us, user, "Starter Project");
    await us.query("UPDATE flow SET folder_id = (SELECT id FROM folder WHERE name = 'Another') WHERE id = $1", [moved]);
    await settled(us, eu);
    for (const region of [us, eu])
      expect(await projects(region)).toEqual(["Starter Project", "Another", "Starter Project"]);
  });

  it("stays deleted if the delete was aware of the edit, even with a clock difference of one hour", async () => {
    const [us, eu, user] = await fleet();
    const id = await flow(us, user);
    await settled(us, eu);
    await eu.save(id, graph("known"));
    await settled(us, eu);
    // Timestamps as a database with a clock one hour ahead would have recorded.
    await eu.query(
      `UPDATE langflow_dr.account_row SET stamps = (SELECT jsonb_object_agg(key, value::bigint + 3600000000) FROM jsonb_each_text(stamps))
        WHERE table_name = 'flow'`,
    );
    await us.query("DELETE FROM flow WHERE id = $1", [id]);
    await settled(us, eu);
    for (const region of [us, eu]) expect(await flowsOf(region, user)).toEqual([]);
  });

  it("exists in every region after it is created again with the same id", async () => {
    const [us, eu, user] = await fleet();
    const id = await flow(us, user, { name: "again" });
    await settled(us, eu);
    await us.query("DELETE FROM flow WHERE id = $1", [id]);
    await settled(us, eu);
    await eu.query(
      `INSERT INTO flow (id, name, user_id, data, updated_at, access_type, flow_type) VALUES ($1, 'again', $2, $3, now(), 'PRIVATE', 'workflow')`,
      [id, user, JSON.stringify(graph("anew"))],
    );
    await settled(us, eu);
    for (const region of [us, eu]) expect(await flowsOf(region, user)).toMatchObject([{ id, label: "anew" }]);
  });
});

it("two flows with the same name and endpoint, created in two regions at the same time, get unique names in both", async () => {
  const [us, eu, user] = await fleet();
  const [older, younger] = [
    await flow(us, user, { name: "Twin", endpoint: "twin" }),
    await flow(eu, user, { name: "Twin", endpoint: "twin" }),
  ];
  await settled(us, eu);
  const names = (region: AccountsRegion) =>
    region.query("SELECT id, name, endpoint_name AS endpoint FROM flow WHERE user_id = $1 ORDER BY name", [user]);
  const suffix = younger.slice(0, 8);
  for (const region of [us, eu])
    expect(await names(region)).toEqual([
      { id: older, name: "Twin", endpoint: "twin" },
      { id: younger, name: `Twin (${suffix})`, endpoint: `twin-${suffix}` },
    ]);
  await us.query("UPDATE flow SET name = name || '!', endpoint_name = endpoint_name || '-x' WHERE user_id = $1", [
    user,
  ]);
  await us.query("UPDATE flow SET name = 'Twin', endpoint_name = 'twin' WHERE id = $1", [younger]);
  await us.query("UPDATE flow SET name = $2, endpoint_name = $3 WHERE id = $1", [
    older,
    `Twin (${suffix})`,
    `twin-${suffix}`,
  ]);
  await settled(us, eu);
  expect(await names(eu)).toEqual(await names(us));
});

it("replication takes over the previous release's flows without copies, and with keys that only one region had", async () => {
  const [us, eu, user] = await fleet();
  const id = await flow(us, user, { graph: graph("both", "sk-typed-in") });
  await settled(us, eu);
  await eu.query("SELECT set_config('langflow_dr.applying', 'on', false)");
  for (const [region, key, later] of [[us, "sk-typed-in", "0 seconds"] as const, [eu, "", "1 hour"] as const]) {
    await region.query("ALTER TABLE flow DISABLE TRIGGER langflow_dr_account");
    await region.query("UPDATE flow SET data = $2, updated_at = updated_at + $3::interval WHERE id = $1", [
      id,
      JSON.stringify(graph("both", key)),
      later,
    ]);
    await region.query("ALTER TABLE flow ENABLE TRIGGER langflow_dr_account");
    // The state that the previous release left: only what it replicated outside of Git is known, without a history.
    await region.query(
      `UPDATE langflow_dr.account_row SET made_at = 0, stamps = '{}', history = NULL, news = NULL WHERE table_name = 'flow'`,
    );
    await region.query("COMMENT ON TABLE langflow_dr.account_row IS 'the release before'");
    await region.query("DELETE FROM langflow_dr.account_part");
    region.bucket.objects.clear();
  }
  await settled(us, eu);
  for (const region of [us, eu])
    expect(await flowsOf(region, user)).toMatchObject([{ id, label: "both", key: "sk-typed-in" }]);
});

it("replication publishes nothing for a save that changes only the time", async () => {
  const [us, eu, user] = await fleet();
  const id = await flow(us, user);
  await settled(us, eu);
  await us.query("UPDATE flow SET updated_at = now() + interval '1 minute' WHERE id = $1", [id]);
  expect(await rounds(us, eu)).toMatchObject([
    { published: 0, applied: 0 },
    { published: 0, applied: 0 },
  ]);
});

describe("a problem of one flow", () => {
  it("such as 100,000 NULs, unpaired surrogates or huge numbers in its graph blocks neither that flow nor another", async () => {
    const [us, eu, user] = await fleet();
    const text = `\\\\u0000 ${"\\u0000".repeat(100_000)} \\ud83d \\ud83d\\ude00`;
    const id = randomUUID();
    await us.query(
      `INSERT INTO flow (id, name, user_id, data, updated_at, access_type, flow_type) VALUES ($1, 'NULs', $2, $3, now(), 'PRIVATE', 'workflow')`,
      [id, user, `{"text": "${text}", "number": 1e140000}`],
    );
    await flow(us, user, { name: "Beside" });
    await settled(us, eu);
    const rows = await eu.query<{ text: string }>("SELECT data ->> 'text' AS text FROM flow WHERE id = $1", [id]);
    expect(rows[0]?.text).toBe(`\\u0000 ${"\ufffd".repeat(100_000)} \ufffd \u{1f600}`);
    expect(await eu.query("SELECT FROM flow WHERE name = 'Beside'")).toHaveLength(1);
  });

  it("such as a locked row delays only that flow", async () => {
    const [us, eu, user] = await fleet();
    const held = await flow(us, user, { name: "Held" });
    await settled(us, eu);
    await file.postgres().holding(eu.database, `UPDATE flow SET locked = true WHERE id = '${held}'`, async () => {
      await us.save(held, graph("edited"));
      await rounds(us, eu);
      const other = await us.makeUser(`other of ${file.number()}`);
      await rounds(us, eu, us, eu);
      expect(await eu.query(`SELECT FROM "user" WHERE id = $1`, [other])).toHaveLength(1);
    });
    // The object with the row is retried after a few seconds.
    await until("the row arrives", async () => (await rounds(us, eu)).every(({ broken }) => broken.size === 0), 60_000);
    await settled(us, eu);
    expect(await flowsOf(eu, user)).toMatchObject([{ id: held, label: "edited" }]);
  });

  it("such as a missing schema of the agent during a save loses no graph: the save becomes the flow or a copy", async () => {
    const [us, eu, user] = await fleet();
    const id = await flow(us, user);
    await settled(us, eu);
    await us.query("DROP SCHEMA langflow_dr CASCADE");
    await us.save(id, graph("saved without triggers"));
    await rounds(us, eu, us, eu);
    await settled(us, eu);
    for (const region of [us, eu])
      expect((await flowsOf(region, user)).map(({ label }) => label)).toContain("saved without triggers");
  });
});
