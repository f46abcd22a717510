import { randomUUID } from "node:crypto";
import { type AccountsRegion, regionsOfFile, rounds } from "./accountsRegion";

jest.setTimeout(300_000);

const file = regionsOfFile();

const graph = (id: string) => ({ nodes: [{ id }], edges: [] });
const graphs = async (region: AccountsRegion) => {
  const rows = await region.query<{ node: string }>(
    "SELECT data->'nodes'->0->>'id' AS node FROM flow WHERE user_id IS NOT NULL ORDER BY 1",
  );
  return rows.map(({ node }) => node);
};

/** Returns two regions with a flow. */
async function fleet() {
  const [us, eu] = await file.pair();
  const [user, flow] = [await us.makeUser(`user-${file.number()}`), randomUUID()];
  await us.query(
    `INSERT INTO flow (id, name, user_id, data, version_token, updated_at, access_type, flow_type)
      VALUES ($1, 'Flow', $2, $3, gen_random_uuid(), now(), 'PRIVATE', 'workflow')`,
    [flow, user, JSON.stringify(graph("first"))],
  );
  await rounds(us, eu, us, eu);
  expect(await graphs(eu)).toEqual(["first"]);
  return { us, eu, user, flow };
}

it("if a flow's new graph waits for the flow's project and a user edits the older graph, both graphs are kept", async () => {
  const { us, eu, user, flow } = await fleet();
  const [project, before] = [randomUUID(), new Set(eu.bucket.objects.keys())];
  await us.query("INSERT INTO folder (id, name, user_id) VALUES ($1, 'New', $2)", [project, user]);
  await rounds(us);
  const late = [...eu.bucket.objects].filter(([key]) => !before.has(key));
  for (const [key] of late) eu.bucket.objects.delete(key);
  await us.query("UPDATE flow SET folder_id = $2 WHERE id = $1", [flow, project]);
  await us.save(flow, graph("moved"));
  await rounds(us, eu);
  expect(await graphs(eu)).toEqual(["first"]);
  await eu.save(flow, graph("shown"));
  expect(await rounds(eu)).toMatchObject([{ copies: 1 }]);
  for (const [key, body] of late) eu.bucket.objects.set(key, body);
  await rounds(eu, us, eu, us);
  for (const region of [us, eu]) expect(await graphs(region)).toEqual(["moved", "shown"]);
});

it.each<[string, (all: Awaited<ReturnType<typeof fleet>>) => Promise<unknown>, string[]]>([
  ["deleted in another region", ({ eu, flow }) => eu.query("DELETE FROM flow WHERE id = $1", [flow]), []],
  ["edited again in another region", ({ eu, flow }) => eu.save(flow, graph("edited on")), ["edited on"]],
])(
  "an edit in a restored backup does not count as new if it was published before the restore and the flow was %s since",
  async (_, since, after) => {
    const all = await fleet();
    const { us, eu, flow } = all;
    await us.save(flow, graph("unread"));
    await us.client.end();
    await file.postgres().create(`${us.database}_saved`, us.database);
    await us.open(new Map([["eu-west", eu.bucket]]));
    await rounds(us, eu);
    await since(all);
    await rounds(eu, us);
    await us.client.end();
    await file.postgres().create(us.database, `${us.database}_saved`);
    await us.open(new Map([["eu-west", eu.bucket]]));
    await rounds(us, eu, us, eu);
    for (const region of [us, eu]) expect(await graphs(region)).toEqual(after);
  },
);

it("a published graph is kept as a copy if the database is restored and the older graph is edited", async () => {
  const { us, eu, flow } = await fleet();
  await us.client.end();
  await file.postgres().create(`${us.database}_saved`, us.database);
  await us.open(new Map([["eu-west", eu.bucket]]));
  await us.save(flow, graph("told"));
  await rounds(us, eu);
  await us.client.end();
  await file.postgres().create(us.database, `${us.database}_saved`);
  await us.open(new Map([["eu-west", eu.bucket]]));
  await us.save(flow, graph("since"));
  await rounds(us, eu, us, eu);
  for (const region of [us, eu]) expect(await graphs(region)).toEqual(["since", "told"]);
});
