import { randomBytes, randomUUID } from "node:crypto";
import { AccountsRegion, regionsOfFile, rounds, settle } from "./accountsRegion";

jest.setTimeout(300_000);

const file = regionsOfFile();
/** As nothing packs it, and two are more than an object has. */
const LARGE = randomBytes(4_000_000).toString("base64");
/** Rows whose ids are in this order. */
const ID = (number: number) => `${number}0000000-0000-4000-8000-${randomUUID().slice(-12)}`;

type Kind = "variable" | "flow";

async function make(region: AccountsRegion, kind: Kind, user: string, id: string, name: string, text = LARGE) {
  if (kind === "variable")
    await region.query("INSERT INTO variable (id, name, value, type, user_id) VALUES ($1, $2, $3, 'Generic', $4)", [
      id,
      name,
      text,
      user,
    ]);
  else
    await region.query(
      `INSERT INTO flow (id, name, user_id, data, updated_at, access_type, flow_type)
        VALUES ($1, $2, $3, json_build_object('text', $4::text), now(), 'PRIVATE', 'workflow')`,
      [id, name, user, text],
    );
}

const rename = (region: AccountsRegion, kind: Kind, id: string, name: string) =>
  region.query(`UPDATE ${kind} SET name = $2 WHERE id = $1`, [id, name]);

const shown = (region: AccountsRegion, kind: Kind) =>
  region.query(
    `SELECT id, name, length(${kind === "flow" ? "data->>'text'" : "value"}) AS length FROM ${kind} ORDER BY id`,
  );

async function fleet(): Promise<[AccountsRegion, AccountsRegion, string]> {
  const [us, eu] = await file.pair();
  const user = await us.makeUser(`user-${file.number()}`);
  await rounds(us, eu, us, eu);
  return [us, eu, user];
}

/** Another region of the fleet of two, with all that these have. */
async function third(us: AccountsRegion, eu: AccountsRegion): Promise<AccountsRegion> {
  const ap = new AccountsRegion(file.postgres(), "ap-south", `ap_${file.number()}`);
  await file.postgres().create(ap.database, "migrated");
  const regions = [us, eu, ap];
  for (const region of regions) {
    if (region !== ap) await region.client.end();
    await region.open(new Map(regions.filter((each) => each !== region).map((each) => [each.name, each.bucket])));
  }
  file.endWithTest(ap);
  await settle(...regions);
  return ap;
}

/** Objects of a region's that a bucket has. */
const objectsOf = (region: string, { bucket }: AccountsRegion) =>
  [...bucket.objects.keys()].filter((key) => key.startsWith(`accounts/${region}/1`)).sort();

describe.each(["variable", "flow"] as const)("a %s has a name that another gave up", (kind) => {
  it("though that one got a third one's since, and objects that are full keep them apart", async () => {
    const [us, eu, user] = await fleet();
    const [renamed, third, taker] = [ID(1), ID(2), ID(3)];
    await make(us, kind, user, renamed, "first");
    await make(us, kind, user, third, "third");
    await settle(us, eu);
    await rename(us, kind, renamed, "on its way");
    await make(us, kind, user, taker, "first", "small");
    await rename(us, kind, third, "fourth");
    await rename(us, kind, renamed, "third");
    const asMade = await shown(us, kind);
    await settle(us, eu);
    for (const region of [us, eu]) expect(await shown(region, kind)).toEqual(asMade);
  });

  it("where a region was away meanwhile, and reads a snapshot that has the new one first", async () => {
    const [us, eu, user] = await fleet();
    const [taker, renamed] = [ID(1), ID(2)];
    await make(us, kind, user, renamed, "name");
    await settle(us, eu);
    await rename(us, kind, renamed, "former");
    await make(us, kind, user, taker, "name");
    await rounds(us);
    await us.query("UPDATE langflow_dr.account_seen SET names = '{}' WHERE what = 'peers'");
    await make(us, kind, user, ID(3), "news");
    await rounds(us);
    const own = new Set(objectsOf("us-east", us));
    for (const key of objectsOf("us-east", eu)) if (!own.has(key)) eu.bucket.objects.delete(key);
    const asMade = await shown(us, kind);
    await settle(us, eu);
    for (const region of [us, eu]) expect(await shown(region, kind)).toEqual(asMade);
  });

  it("where the object that says so comes after the next", async () => {
    const [us, eu, user] = await fleet();
    const [renamed, taker] = [ID(1), ID(2)];
    await make(us, kind, user, renamed, "name", "small");
    await settle(us, eu);
    const before = new Set(objectsOf("us-east", eu));
    await rename(us, kind, renamed, "former");
    await rounds(us);
    await make(us, kind, user, taker, "name", "small too");
    await rounds(us);
    const [late = "", ...more] = objectsOf("us-east", eu).filter((key) => !before.has(key));
    expect(more).toHaveLength(1);
    const body = eu.bucket.objects.get(late);
    eu.bucket.objects.delete(late);
    const asBefore = await shown(eu, kind);
    await rounds(eu, eu);
    expect(await shown(eu, kind)).toEqual(asBefore);
    if (body) eu.bucket.objects.set(late, body);
    const asMade = await shown(us, kind);
    await settle(us, eu);
    for (const region of [us, eu]) expect(await shown(region, kind)).toEqual(asMade);
  });

  it("where a third region tells of it first", async () => {
    const [us, eu, user] = await fleet();
    const [renamed, taker] = [ID(1), ID(2)];
    await make(us, kind, user, renamed, "name", "small");
    await settle(us, eu);
    const ap = await third(us, eu);
    const before = new Set(objectsOf("us-east", ap));
    await rename(us, kind, renamed, "former");
    await make(us, kind, user, taker, "name", "small too");
    await rounds(us, eu);
    const late = objectsOf("us-east", ap).filter((key) => !before.has(key));
    const bodies = late.map((key) => [key, ap.bucket.objects.get(key) as Buffer] as const);
    for (const [key] of bodies) ap.bucket.objects.delete(key);
    const column = kind === "flow" ? "description" : "type";
    await eu.query(`UPDATE ${kind} SET ${column} = 'Credential' WHERE id = $1`, [taker]);
    await rounds(eu, ap, ap);
    for (const [key, body] of bodies) ap.bucket.objects.set(key, body);
    const asMade = await shown(us, kind);
    await settle(us, eu, ap);
    for (const region of [us, eu, ap]) expect(await shown(region, kind)).toEqual(asMade);
  });
});

it("a name that two regions gave at once is settled though more is to come", async () => {
  const [us, eu, user] = await fleet();
  const [one, other] = [ID(1), ID(2)];
  await make(us, "variable", user, one, "same");
  await make(us, "variable", user, ID(3), "more");
  await make(eu, "variable", user, other, "same", "small");
  await settle(us, eu);
  const [first] = await shown(us, "variable");
  expect(first).toMatchObject({ id: one, name: "same" });
  expect(await shown(eu, "variable")).toEqual(await shown(us, "variable"));
  expect(await shown(eu, "variable")).toHaveLength(2);
});
