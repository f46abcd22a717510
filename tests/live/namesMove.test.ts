import { randomBytes } from "node:crypto";
import { AccountsRegion, regionsOfFile, rounds, settle } from "./accountsRegion";

jest.setTimeout(300_000);

const file = regionsOfFile();
/** Incompressible text of which two exceed the size of one object. */
const LARGE = randomBytes(4_000_000).toString("base64");
/** Returns an id whose order follows the number. */
const ID = (number: number) => `${number}0000000-0000-4000-8000-${String(file.number()).padStart(12, "0")}`;

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

/** Restarts a region's agent, which then reads the other regions in the given order. */
async function restart(region: AccountsRegion, ...others: readonly AccountsRegion[]): Promise<void> {
  await region.client.end();
  await region.open(new Map(others.map((each) => [each.name, each.bucket])));
}

/** Adds a third region that has all data of the other two. */
async function third(us: AccountsRegion, eu: AccountsRegion): Promise<AccountsRegion> {
  const ap = new AccountsRegion(file.postgres(), "ap-south", `ap_${file.number()}`);
  await file.postgres().create(ap.database, "migrated");
  await ap.open(new Map());
  await restart(us, eu, ap);
  await restart(eu, us, ap);
  await restart(ap, us, eu);
  file.endWithTest(ap);
  await settle(us, eu, ap);
  return ap;
}

/** Returns the keys of a region's objects in a bucket. */
const objectsOf = (region: string, { bucket }: AccountsRegion) =>
  [...bucket.objects.keys()].filter((key) => key.startsWith(`accounts/${region}/1`)).sort();

/** Deletes a region's objects from a different region's bucket unless the region's own bucket still contains them. */
function keepNewest(region: AccountsRegion, other: AccountsRegion): void {
  const own = new Set(objectsOf(region.name, region));
  for (const key of objectsOf(region.name, other)) if (!own.has(key)) other.bucket.objects.delete(key);
}

/** Makes a region write a new snapshot while the other region is offline. */
async function leaveOnlySnapshot(region: AccountsRegion, other: AccountsRegion, user: string): Promise<void> {
  await region.query("UPDATE langflow_dr.account_seen SET names = '{}' WHERE what = 'peers'");
  await make(region, "variable", user, ID(9), "news", "small");
  await rounds(region);
  keepNewest(region, other);
}

/** Runs a round whose objects are not yet replicated to a different bucket. @returns a function that replicates them */
async function roundsLate(region: AccountsRegion, other: AccountsRegion): Promise<() => void> {
  const before = new Set(objectsOf(region.name, other));
  await rounds(region);
  const late = objectsOf(region.name, other).filter((key) => !before.has(key));
  const bodies = late.map((key) => [key, other.bucket.objects.get(key) as Buffer] as const);
  for (const key of late) other.bucket.objects.delete(key);
  return () => {
    for (const [key, body] of bodies) other.bucket.objects.set(key, body);
  };
}

/** Runs `work`, and calls `happens` after each object that the region writes. */
async function oncePerObject(
  { bucket }: AccountsRegion,
  happens: (written: number) => Promise<unknown>,
  work: () => Promise<unknown>,
): Promise<void> {
  const create = bucket.createOnce;
  let written = 0;
  bucket.createOnce = async (...object) => {
    const isNew = await create.call(bucket, ...object);
    written += 1;
    await happens(written);
    return isNew;
  };
  await work();
  bucket.createOnce = create;
}

async function expectSame(asMadeBy: AccountsRegion, kind: Kind, ...others: AccountsRegion[]): Promise<void> {
  const asMade = await shown(asMadeBy, kind);
  await settle(asMadeBy, ...others);
  for (const region of [asMadeBy, ...others]) expect(await shown(region, kind)).toEqual(asMade);
}

describe.each(["variable", "flow"] as const)("a %s takes the former name of a renamed row", (kind) => {
  it("even if the renamed row has since taken a third row's former name, and the changes are in separate objects", async () => {
    const [us, eu, user] = await fleet();
    const [renamed, third, taker] = [ID(1), ID(2), ID(3)];
    await make(us, kind, user, renamed, "first");
    await make(us, kind, user, third, "third");
    await settle(us, eu);
    await rename(us, kind, renamed, "on its way");
    await make(us, kind, user, taker, "first", "small");
    await rename(us, kind, third, "fourth");
    await rename(us, kind, renamed, "third");
    await expectSame(us, kind, eu);
  });

  it("even if a region was offline meanwhile and reads a snapshot that contains the new row first", async () => {
    const [us, eu, user] = await fleet();
    const [taker, renamed] = [ID(1), ID(2)];
    await make(us, kind, user, renamed, "name");
    await settle(us, eu);
    await rename(us, kind, renamed, "former");
    await make(us, kind, user, taker, "name");
    await rounds(us);
    await leaveOnlySnapshot(us, eu, user);
    await expectSame(us, kind, eu);
  });

  it("even if a snapshot of one page is applied in several transactions", async () => {
    const [us, eu, user] = await fleet();
    const [taker, renamed] = [ID(1), ID(4)];
    for (const id of [ID(2), ID(3)]) await make(us, kind, user, id, `large ${id}`);
    await make(us, kind, user, renamed, "name", "small");
    await settle(us, eu);
    await rename(us, kind, renamed, "former");
    await make(us, kind, user, taker, "name", "small too");
    const short = kind === "flow" ? `data = '{"text": "short"}'` : "value = 'short'";
    await us.query(`UPDATE ${kind} SET ${short} WHERE name LIKE 'large%'`);
    await rounds(us);
    await leaveOnlySnapshot(us, eu, user);
    await expectSame(us, kind, eu);
  });

  it("even if the rename happens while a snapshot is being written", async () => {
    const [us, eu, user] = await fleet();
    const [renamed, taker] = [ID(1), ID(4)];
    for (const id of [renamed, ID(2), ID(3)]) await make(us, kind, user, id, `name of ${id[0]}`);
    await settle(us, eu);
    await oncePerObject(
      us,
      async (written) => {
        if (written === 1) {
          await rename(us, kind, renamed, "former");
          await make(us, kind, user, taker, "name of 1", "small");
        }
        await keepNewest(us, eu);
        await rounds(eu);
      },
      () => leaveOnlySnapshot(us, eu, user),
    );
    await expectSame(us, kind, eu);
  });

  it("even if the rename happens between the writes of two objects, and is read together with the second object", async () => {
    const [us, eu, user] = await fleet();
    const renamed = ID(1);
    await make(us, kind, user, renamed, "name", "small");
    for (const id of [ID(2), ID(3)]) await make(us, "variable", user, id, `large ${id}`);
    await settle(us, eu);
    for (const id of [ID(2), ID(3)]) await rename(us, "variable", id, `renamed ${id}`);
    await make(us, kind, user, ID(4), "on its way", "small too");
    await oncePerObject(
      us,
      async (written) => {
        if (written !== 1) return;
        await rename(us, kind, renamed, "former");
        await rename(us, kind, ID(4), "name");
      },
      () => rounds(us),
    );
    await rounds(eu);
    await expectSame(us, kind, eu);
  });

  it.each([false, true])(
    "even if the object with the rename arrives after the next one (agent restarted in between: %s)",
    async (isRestarted) => {
      const [us, eu, user] = await fleet();
      const [renamed, taker] = [ID(1), ID(2)];
      await make(us, kind, user, renamed, "name", "small");
      await settle(us, eu);
      await rename(us, kind, renamed, "former");
      const arrive = await roundsLate(us, eu);
      await make(us, kind, user, taker, "name", "small too");
      await rounds(us);
      const asBefore = await shown(eu, kind);
      await rounds(eu, eu);
      if (isRestarted) await restart(eu, us);
      await rounds(eu);
      expect(await shown(eu, kind)).toEqual(asBefore);
      arrive();
      await expectSame(us, kind, eu);
    },
  );

  it("even if a third row had the name in between, and neither object with a rename has arrived", async () => {
    const [us, eu, user] = await fleet();
    await make(us, kind, user, ID(1), "name", "one");
    await settle(us, eu);
    await rename(us, kind, ID(1), "first");
    const first = await roundsLate(us, eu);
    await make(us, kind, user, ID(2), "name", "two");
    await rounds(us, eu);
    await rename(us, kind, ID(2), "second");
    const second = await roundsLate(us, eu);
    await make(us, kind, user, ID(3), "name", "three");
    await rounds(us, eu, eu);
    first();
    second();
    await expectSame(us, kind, eu);
  });

  it.each(["us-east", "eu-west"])(
    "even if a third region replicates the new row first, to a region that starts and reads %s first",
    async (first) => {
      const [us, eu, user] = await fleet();
      const [renamed, taker] = [ID(1), ID(2)];
      await make(us, kind, user, renamed, "name", "small");
      await settle(us, eu);
      const ap = await third(us, eu);
      await rename(us, kind, renamed, "former");
      await make(us, kind, user, taker, "name", "small too");
      const arrive = await roundsLate(us, ap);
      await rounds(eu);
      const column = kind === "flow" ? "description" : "type";
      await eu.query(`UPDATE ${kind} SET ${column} = 'Credential' WHERE id = $1`, [taker]);
      await rounds(eu);
      await restart(ap, ...(first === "us-east" ? [us, eu] : [eu, us]));
      await rounds(ap, ap);
      arrive();
      await expectSame(us, kind, eu, ap);
    },
  );
});

it("a variable takes a renamed row's former name, even if the rename is published after 2,000 other changes", async () => {
  const [us, eu, user] = await fleet();
  const [renamed, taker] = [ID(1), ID(2)];
  await make(us, "variable", user, renamed, "name", "one");
  await settle(us, eu);
  const { bucket } = us;
  const create = bucket.createOnce;
  const untold = async () => void (await us.accounts.round().catch(() => undefined));
  await make(us, "variable", user, ID(3), "large");
  // The change is read but remains unpublished.
  bucket.createOnce = async () => {
    bucket.away = true;
    throw new Error("the bucket is away");
  };
  await untold();
  bucket.createOnce = create;
  await rename(us, "variable", renamed, "former");
  await untold();
  await make(us, "variable", user, taker, "name", "two");
  await us.query(
    `INSERT INTO variable (id, name, value, type, user_id)
      SELECT gen_random_uuid(), 'other ' || n, 'v', 'Generic', $1 FROM generate_series(1, 2100) AS n`,
    [user],
  );
  await untold();
  await us.query("UPDATE variable SET type = 'Credential' WHERE id = $1", [renamed]);
  await untold();
  bucket.away = false;
  await oncePerObject(
    us,
    () => rounds(eu),
    () => rounds(us),
  );
  await expectSame(us, "variable", eu);
});

it("a flow that waits for its name in a region moves to its new project once it has the name", async () => {
  const [us, eu, user] = await fleet();
  const projects = [ID(3), ID(4)];
  for (const id of projects)
    await us.query("INSERT INTO folder (id, name, user_id) VALUES ($1, $2, $3)", [id, `project ${id}`, user]);
  for (const id of [ID(1), ID(2)]) await make(us, "flow", user, id, `name of ${id[0]}`, "small");
  await us.query("UPDATE flow SET folder_id = $1", [projects[0]]);
  await settle(us, eu);
  await rename(us, "flow", ID(1), "former");
  const arrive = await roundsLate(us, eu);
  await us.query("UPDATE flow SET name = 'name of 1', folder_id = $2 WHERE id = $1", [ID(2), projects[1]]);
  await us.query("UPDATE flow SET folder_id = $1", [projects[1]]);
  await rounds(us);
  await us.query("DELETE FROM folder WHERE id = $1", [projects[0]]);
  await rounds(us, eu);
  arrive();
  await expectSame(us, "flow", eu);
});

it.each(["late", "in a snapshot"])(
  "a variable takes a renamed row's former name, even if a user of the receiving region edited that row before the rename arrived (%s)",
  async (how) => {
    const [us, eu, user] = await fleet();
    const [taker, renamed] = [ID(1), ID(4)];
    await make(us, "variable", user, renamed, "name", "one");
    for (const id of [ID(2), ID(3)]) await make(us, "variable", user, id, `large ${id}`);
    await settle(us, eu);
    await rename(us, "variable", renamed, "former");
    const arrive = how === "late" ? await roundsLate(us, eu) : () => undefined;
    await make(us, "variable", user, taker, "name", "two");
    if (how === "late") await rounds(us);
    else await leaveOnlySnapshot(us, eu, user);
    await eu.query("UPDATE variable SET default_fields = $2 WHERE id = $1", [renamed, '["hers"]']);
    await rounds(eu, eu);
    arrive();
    await expectSame(us, "variable", eu);
  },
);

it("a project takes the former name of a renamed project, even if the receiving region has deleted the renamed project's parent", async () => {
  const [us, eu, user] = await fleet();
  const [parent, renamed, taker] = [ID(1), ID(2), ID(3)];
  const makeProject = (id: string, name: string, within: string | null) =>
    us.query("INSERT INTO folder (id, name, user_id, parent_id) VALUES ($1, $2, $3, $4)", [id, name, user, within]);
  await makeProject(parent, "parent", null);
  await makeProject(renamed, "name", parent);
  await settle(us, eu);
  await us.query("UPDATE folder SET name = 'former', parent_id = NULL WHERE id = $1", [renamed]);
  const arrive = await roundsLate(us, eu);
  await us.query("DELETE FROM folder WHERE id = $1", [parent]);
  await makeProject(taker, "name", null);
  await rounds(us, eu, eu);
  arrive();
  await settle(us, eu);
  for (const region of [us, eu])
    expect(await region.query("SELECT id, name FROM folder WHERE user_id = $1 ORDER BY id", [user])).toEqual([
      { id: renamed, name: "former" },
      { id: taker, name: "name" },
    ]);
});

it("two rows with the same name from two regions become one, even if the first segment is incomplete", async () => {
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
