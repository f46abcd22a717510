import { randomBytes, randomUUID } from "node:crypto";
import { type AccountsRegion, regionsOfFile, rounds, settle } from "./accountsRegion";

jest.setTimeout(300_000);

const file = regionsOfFile();
const LARGE = 4;
/** Graphs that PostgreSQL cannot compress, and that it compresses to a hundredth. */
const graphs = {
  "that do not compress": () => randomBytes(3_000_000).toString("base64"),
  "of a single repeated letter": () => "x".repeat(10_000_000),
};

async function fleet(): Promise<[AccountsRegion, AccountsRegion, string]> {
  const [us, eu] = await file.pair();
  const user = await us.makeUser(`user-${file.number()}`);
  await rounds(us, eu, us, eu);
  return [us, eu, user];
}

async function makeLarge(region: AccountsRegion, user: string, text: string): Promise<void> {
  await region.query(
    `INSERT INTO flow (id, name, user_id, data, updated_at, access_type, flow_type)
      SELECT gen_random_uuid(), 'large ' || n, $1, json_build_object('text', $2::text || n), now(), 'PRIVATE', 'workflow'
        FROM generate_series(1, ${LARGE}) AS n`,
    [user, text],
  );
}

async function makeSmall(region: AccountsRegion, user: string, name: string): Promise<void> {
  await region.query("INSERT INTO variable (id, name, value, type, user_id) VALUES ($1, $2, 'v', 'Generic', $3)", [
    randomUUID(),
    name,
    user,
  ]);
}

const variables = async (region: AccountsRegion) =>
  (await region.query<{ name: string }>("SELECT name FROM variable ORDER BY 1")).map(({ name }) => name);
const flows = async (region: AccountsRegion) =>
  (await region.query("SELECT FROM flow WHERE name LIKE 'large%'")).length;

/** Returns the number of large flows that a region has when it first has a variable. */
async function waitedFor(region: AccountsRegion, name: string): Promise<number | undefined> {
  const own = region.bucket.readWhole.bind(region.bucket);
  let seen: number | undefined;
  region.bucket.readWhole = async (key) => {
    if (seen === undefined && (await variables(region)).includes(name)) seen = await flows(region);
    return own(key);
  };
  await rounds(region);
  return seen ?? ((await variables(region)).includes(name) ? await flows(region) : undefined);
}

describe.each(Object.entries(graphs))("a variable that is created together with large flows %s", (_, graph) => {
  it("is published before earlier flows, and before the remaining flows if it is created during their publication", async () => {
    const [us, eu, user] = await fleet();
    const told: number[] = [];
    const create = us.bucket.createOnce.bind(us.bucket);
    us.bucket.createOnce = async (key, body) => {
      if (told.push(body.length) === 2) await makeSmall(us, user, "later");
      return create(key, body);
    };
    await makeLarge(us, user, graph());
    await makeSmall(us, user, "first");
    await rounds(us);
    const isFlow = told.map((bytes) => bytes > 1_000);
    expect(isFlow).toEqual([false, true, false, ...Array(LARGE - 1).fill(true)]);
    await rounds(eu);
    expect(await variables(eu)).toEqual(["first", "later"]);
    expect(await flows(eu)).toBe(LARGE);
  });

  it("is applied before flows that were published earlier", async () => {
    const [us, eu, user] = await fleet();
    await makeLarge(us, user, graph());
    await rounds(us);
    await makeSmall(us, user, "behind");
    await rounds(us);
    expect(await waitedFor(eu, "behind")).toBe(0);
    expect(await flows(eu)).toBe(LARGE);
  });

  it("is published at once, and the flows only by the next round", async () => {
    const [us, eu, user] = await fleet();
    await makeLarge(us, user, graph());
    await makeSmall(us, user, "at once");
    expect(await us.accounts.publishChanges()).toEqual({ published: 1, isLeft: true });
    await rounds(eu);
    expect([await variables(eu), await flows(eu)]).toEqual([["at once"], 0]);
    await rounds(us, eu);
    expect(await flows(eu)).toBe(LARGE);
  });
});

it("a row gives up its former name before a different row takes the name, even if the changes fill several objects", async () => {
  const [us, eu, user] = await fleet();
  const text = randomBytes(4_000_000).toString("base64");
  await us.query(
    `INSERT INTO variable (id, name, value, type, user_id)
      SELECT gen_random_uuid(), name, $2, 'Generic', $1 FROM unnest(ARRAY['KEY', 'OTHER']) AS name`,
    [user, text],
  );
  await settle(us, eu);
  await us.query("UPDATE variable SET name = 'KEY old' WHERE name = 'KEY'");
  await makeSmall(us, user, "KEY");
  await us.query("UPDATE variable SET name = 'OTHER too' WHERE name = 'OTHER'");
  await us.query("UPDATE variable SET type = 'Credential' WHERE name = 'KEY old'");
  const shown = (region: AccountsRegion) =>
    region.query("SELECT id, name, type, length(value) AS length FROM variable ORDER BY id");
  const asMade = await shown(us);
  await settle(us, eu);
  for (const region of [us, eu]) expect(await shown(region)).toEqual(asMade);
});

it("a large flow is not delayed indefinitely by a stream of smaller rows", async () => {
  const [us, , user] = await fleet();
  const text = randomBytes(700_000).toString("base64");
  const save = (name: string, bytes: number) =>
    us.query(
      `INSERT INTO flow (id, name, user_id, data, updated_at, access_type, flow_type)
        VALUES (gen_random_uuid(), $1, $2, json_build_object('text', $3::text), now(), 'PRIVATE', 'workflow')`,
      [name, user, text.slice(0, bytes)],
    );
  const known =
    "SELECT FROM langflow_dr.account_row r JOIN flow f ON f.id::text = row_id WHERE f.name = 'oldest' AND news IS NULL";
  await save("oldest", 900_000);
  for (const name of ["a", "b", "c"]) await save(name, 400_000);
  const create = us.bucket.createOnce.bind(us.bucket);
  const isTold: boolean[] = [];
  us.bucket.createOnce = async (key, body) => {
    isTold.push((await us.query(known)).length > 0);
    if (isTold.length < 12) await save(`later ${isTold.length}`, 400_000);
    return create(key, body);
  };
  await rounds(us);
  expect(isTold.length).toBeGreaterThan(12);
  expect(isTold.indexOf(true)).toBeLessThan(8);
});

describe("a large row's change is published and applied before a small row that depends on it:", () => {
  /**
   * Changes that start from a large flow `Large`, small flows `Small` and `Other`, and a large variable `KEY` of one
   * user in both regions.
   */
  const changes: Readonly<Record<string, readonly (readonly string[])[]>> = {
    "a rename, after which a small row gets the former name": [
      [
        "UPDATE flow SET name = 'Large old' WHERE name = 'Large'",
        "UPDATE flow SET name = 'Large' WHERE name = 'Small'",
      ],
      ["UPDATE variable SET name = 'KEY old' WHERE name = 'KEY'"],
      [
        `INSERT INTO variable (id, name, value, type, user_id) SELECT gen_random_uuid(), 'KEY', 'new', 'Generic', user_id
          FROM variable WHERE name = 'KEY old'`,
      ],
    ],
    "a delete, after which a small row gets the name and the endpoint": [
      ["DELETE FROM flow WHERE name = 'Large'"],
      ["UPDATE flow SET name = 'Large', endpoint_name = 'large' WHERE name = 'Small'"],
    ],
    "a re-creation under the same id with a different name": [
      ["DELETE FROM flow WHERE name = 'Large'"],
      [
        `INSERT INTO flow (id, name, user_id, data, updated_at, access_type, flow_type)
          SELECT row_id::uuid, 'Large again', (SELECT id FROM "user" WHERE username LIKE 'user-%'), json_build_object('text', (
              SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 3000))), now(), 'PRIVATE', 'workflow'
            FROM langflow_dr.account_row WHERE table_name = 'flow' AND deleted_at IS NOT NULL`,
        "UPDATE flow SET name = 'Large' WHERE name = 'Small'",
      ],
    ],
    "a swap of names between two rows": [
      ["UPDATE flow SET name = 'swapped' WHERE name = 'Large'"],
      ["UPDATE flow SET name = 'Large' WHERE name = 'Small'", "UPDATE flow SET name = 'Small' WHERE name = 'swapped'"],
    ],
    "a move away from an owner who is deleted": [
      ["UPDATE flow SET user_id = (SELECT id FROM \"user\" WHERE is_superuser), folder_id = NULL WHERE name = 'Large'"],
      ["DELETE FROM flow WHERE name <> 'Large' AND user_id IS NOT NULL", "DELETE FROM variable WHERE name = 'KEY'"],
      ["DELETE FROM \"user\" WHERE username LIKE 'user-%'"],
    ],
  };
  const shown = (region: AccountsRegion) =>
    Promise.all([
      region.query(
        "SELECT id, name, endpoint_name, user_id, length(data::jsonb::text) AS length FROM flow WHERE user_id IS NOT NULL ORDER BY id",
      ),
      region.query("SELECT id, name, length(value) AS length FROM variable ORDER BY id"),
    ]);
  const ways: Readonly<Record<string, (us: AccountsRegion, eu: AccountsRegion) => Promise<unknown>>> = {
    "at once": async (us, eu) => {
      await us.accounts.publishChanges();
      return rounds(eu);
    },
    "while the other region is offline": (us) => rounds(us),
    "while the bucket is unreachable, followed by an edit of the graph and a restart": async (us, eu) => {
      us.bucket.away = true;
      await us.accounts.publishChanges().catch(() => undefined);
      await us.query(
        "UPDATE flow SET data = json_build_object('text', $1::text) WHERE name LIKE 'Large%' OR name = 'swapped'",
        [randomBytes(60_000).toString("base64")],
      );
      await rounds(us).catch(() => undefined);
      us.bucket.away = false;
      await us.client.end();
      await us.open(new Map([["eu-west", eu.bucket]]));
    },
  };
  for (const [what, steps] of Object.entries(changes))
    it.each(Object.keys(ways))(`${what}, %s`, async (way) => {
      const [us, eu, user] = await fleet();
      const large = randomBytes(60_000).toString("base64");
      await us.query(
        `INSERT INTO flow (id, name, user_id, endpoint_name, data, updated_at, access_type, flow_type)
          SELECT gen_random_uuid(), f.name, $1, f.endpoint, json_build_object('text', f.text), now(), 'PRIVATE', 'workflow'
            FROM (VALUES ('Large', 'large', $2), ('Small', NULL, 'x'), ('Other', NULL, 'x')) AS f (name, endpoint, text)`,
        [user, large],
      );
      await us.query(
        "INSERT INTO variable (id, name, value, type, user_id) VALUES (gen_random_uuid(), 'KEY', $2, 'Generic', $1)",
        [user, large],
      );
      await settle(us, eu);
      for (const step of steps) {
        for (const sql of step) await us.query(sql);
        await ways[way]?.(us, eu);
      }
      const asMade = await shown(us);
      await settle(us, eu);
      expect(await shown(us)).toEqual(asMade);
      expect(await shown(eu)).toEqual(asMade);
    });
});

it("a small row is published, and applied, between the pages of a long snapshot", async () => {
  const [us, eu, user] = await fleet();
  await makeLarge(us, user, graphs["that do not compress"]());
  await rounds(us, eu);
  await us.query("UPDATE langflow_dr.account_seen SET names = '{}' WHERE what = 'peers'");
  const create = us.bucket.createOnce.bind(us.bucket);
  const arrived: string[] = [];
  let pages = 0;
  us.bucket.createOnce = async (key, body) => {
    const isPage = body.length > 1_000_000;
    if (isPage) pages += 1;
    if (isPage && pages === 2) {
      await makeSmall(us, user, "told");
      await makeSmall(eu, user, "read");
      await eu.accounts.publishChanges();
    }
    if (isPage && pages === 3) {
      await rounds(eu);
      arrived.push(...(await variables(eu)), ...(await variables(us)));
      await us.query("UPDATE variable SET value = 'later' WHERE name = 'told'");
    }
    if (isPage && pages === 4) {
      await rounds(eu);
      arrived.push(
        ...(await eu.query<{ value: string }>("SELECT value FROM variable WHERE name = 'told'")).map(
          ({ value }) => value,
        ),
      );
    }
    return create(key, body);
  };
  await makeSmall(us, user, "before");
  await rounds(us);
  expect([pages, ...arrived]).toEqual([LARGE, "before", "read", "told", "before", "read", "told", "later"]);
  // The following tests what a different region reads from the snapshot alone.
  const epochs = [...us.bucket.objects.keys()]
    .filter((key) => key.startsWith("accounts/us-east/1"))
    .map((key) => key.split("/")[2]);
  expect(new Set(epochs).size).toBe(1);
  await eu.query(
    "DELETE FROM langflow_dr.account_part; DELETE FROM langflow_dr.account_row WHERE table_name = 'variable'; TRUNCATE variable; DELETE FROM langflow_dr.account_lacking",
  );
  await rounds(eu);
  expect(await eu.query("SELECT name, value FROM variable ORDER BY 1")).toEqual(
    await us.query("SELECT name, value FROM variable ORDER BY 1"),
  );
});

it("600 large flows just above the size limit of small ones are published in few objects", async () => {
  const [us, eu, user] = await fleet();
  await us.query(
    `INSERT INTO flow (id, name, user_id, data, updated_at, access_type, flow_type)
      SELECT gen_random_uuid(), 'large ' || n, $1, json_build_object('text', $2::text || n), now(), 'PRIVATE', 'workflow'
        FROM generate_series(1, 600) AS n`,
    [user, randomBytes(54_000).toString("base64")],
  );
  const before = us.bucket.objects.size;
  for (let round = 0; round < 3; round += 1) await rounds(us, eu);
  expect(await flows(eu)).toBe(600);
  expect(us.bucket.objects.size - before).toBeLessThan(100);
});
