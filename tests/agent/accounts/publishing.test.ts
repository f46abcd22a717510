import { DatabaseError } from "pg";
import { placeOf } from "../../../agent/accounts/segmentPlaces";
import { AccountsDatabase, type KnownInDatabase, MemoryObjects } from "../doubles/accountsDatabase";

const SECRET = "a-secret-key-of-the-fleet";
const DAY = 86_400_000_000;
const now = () => Date.now() * 1000;

const user = (id: string, more: Partial<KnownInDatabase> = {}): KnownInDatabase => ({
  table: "user",
  id,
  live: { id: JSON.stringify(id), username: JSON.stringify(`name of ${id}`) },
  ...more,
});

let database: AccountsDatabase;
let own: MemoryObjects;
beforeEach(() => {
  database = new AccountsDatabase();
  own = new MemoryObjects();
});

const agent = (peers: readonly string[] = ["eu-west"], secretKey = SECRET) =>
  database.agent("us-east", own, new Map(peers.map((region) => [region, new MemoryObjects()])), secretKey);
const told = async (secretKey = SECRET) => (await own.parts(secretKey)).flatMap(({ rows }) => rows.map(({ id }) => id));
const partKeys = () => [...own.objects.keys()].filter((key) => placeOf("accounts", key));
const epochs = () => new Set(partKeys().map((key) => key.split("/")[2]));

describe("hasRemoteChanges()", () => {
  it("returns true from the arrival of another region's object, readable or not, until the next round", async () => {
    const west = new AccountsDatabase();
    west.rows = [user("ada")];
    const telling = west.agent("eu-west", new MemoryObjects(), new Map([["us-east", own]]), SECRET);
    const reading = agent();
    await telling.round();
    expect(await reading.hasRemoteChanges()).toBe(false);
    await reading.round();
    expect(await reading.hasRemoteChanges()).toBe(false);
    west.rows = [user("bo", { news: 2 })];
    await telling.round();
    expect(await reading.hasRemoteChanges()).toBe(true);
    await reading.round();
    expect(await reading.hasRemoteChanges()).toBe(false);
    const [last = ""] = partKeys()
      .filter((key) => key.includes("/eu-west/"))
      .sort()
      .reverse();
    const number = String(Number(last.split("/").at(-1)) + 1).padStart((last.split("/").at(-1) ?? "").length, "0");
    own.objects.set(last.replace(/[^/]+$/, number), Buffer.from("of an unknown form"));
    expect(await reading.hasRemoteChanges()).toBe(true);
    await reading.round();
    expect(await reading.hasRemoteChanges()).toBe(false);
  });
});

describe("an epoch of a region's replication feed", () => {
  it("continues as long as the fleet has the same regions", async () => {
    await agent().round();
    const [epoch] = epochs();
    await agent().round();
    database.rows = [user("ada", { news: 1 })];
    await agent().round();
    expect(epochs()).toEqual(new Set([epoch]));
    expect(await told()).toEqual(["ada"]);
  });

  it("starts with a full snapshot when a new region replaces a lost one", async () => {
    await agent(["eu-west"]).round();
    // Only eu-west has published this row, never this region.
    database.rows = [user("of-eu-west")];
    await agent(["eu-west"]).round();
    expect(await told()).toEqual([]);
    await agent(["ap-south"]).round();
    expect(await told()).toEqual(["of-eu-west"]);
  });

  it("is replaced by a new epoch if the bucket's epoch is encrypted with an earlier secret key", async () => {
    database.rows = [user("ada")];
    await agent().round();
    await agent(["eu-west"], "another-secret-key").round();
    expect(await told("another-secret-key")).toEqual(["ada"]);
    const keys = [...own.objects.keys()];
    await agent(["eu-west"], "another-secret-key").round();
    expect([...own.objects.keys()]).toEqual(keys);
  });

  it("includes a re-created row, however long ago it was deleted, but no tombstone that is older than 180 days", async () => {
    const [long, lately] = [now() - 181 * DAY, now() - 179 * DAY];
    database.rows = [
      user("again", { deleted: long, again: long + 1 }),
      user("gone-long-ago", { live: undefined as never, deleted: long }),
      user("gone-lately", { live: undefined as never, deleted: lately }),
    ];
    await agent().round();
    expect(await told()).toEqual(["again", "gone-lately"]);
  });

  it("lists parents before their children, and is complete only once its last segment exists", async () => {
    const message = { table: "message", live: { text: JSON.stringify("said") } };
    database.rows = [
      ...[...Array(2_500).keys()].map((n) => ({ ...message, id: `message-${n}` })),
      { table: "apikey", id: "key", live: { name: '"key"' } },
      user("ada"),
    ];
    await agent().round();
    const parts = await own.parts(SECRET);
    expect(parts.map(({ completes, rows }) => [completes, rows.length])).toEqual([
      [false, 2_000],
      [true, 502],
    ]);
    expect((await told()).slice(0, 2)).toEqual(["ada", "key"]);
  });
});

describe("a segment of a region's replication feed", () => {
  it("has at most 8 MB of rows, unless a single row is larger", async () => {
    const version = (id: string, length: number): KnownInDatabase => ({
      table: "flow_version",
      id,
      live: { data: JSON.stringify("x".repeat(length)) },
      news: Number(id.slice(1)),
    });
    await agent().round();
    database.rows = [
      ...[1, 2, 3, 4, 5].map((n) => version(`v${n}`, 3_000_000)),
      version("v6", 9_000_000),
      version("v7", 1),
    ];
    await agent().round();
    const parts = (await own.parts(SECRET)).slice(1);
    expect(parts.map(({ rows }) => rows.map(({ id }) => id))).toEqual([
      ["v1", "v2"],
      ["v3", "v4"],
      ["v5"],
      ["v6"],
      ["v7"],
    ]);
  });

  it("omits rows over 64 MB, whether as changes or in a snapshot, and the agent reports those rows", async () => {
    const large = ["grown", "huge"].map((id, at) => user(id, { news: 2 + at, bytes: 64_000_001 }));
    database.rows = [user("ada", { news: 1 }), ...large, user("zoe", { news: 4 })];
    for (const epoch of [0, 1]) {
      const reading = agent(epoch === 0 ? ["eu-west"] : ["ap-south"]);
      for (let round = 0; round < 2; round += 1) {
        const reason = "has 64000001 bytes, 64000000 are allowed";
        const { waiting } = await reading.round();
        expect(waiting).toMatchObject(["grown", "huge"].map((id) => ({ table: "user", id, reason })));
      }
      const parts = (await own.parts(SECRET)).map(({ rows }) => rows.map(({ id }) => id));
      // The earlier segments stay: only they have the large row's values from before it grew.
      expect(parts).toEqual(Array(2 + epoch).fill(["ada", "zoe"]));
    }
  });

  it("that its own region cannot read is reported, and the region starts a new epoch that publishes everything again", async () => {
    await agent().round();
    const [first = ""] = partKeys();
    const taken = first.replace(/0$/, "1");
    own.objects.set(taken, Buffer.from("cut"));
    database.rows = [user("ada", { news: 1 })];
    const round = await agent().round();
    expect(round.broken).toEqual(new Map([[taken, "is not an accounts object, or is truncated"]]));
    expect(await told()).toContain("ada");
    expect(own.objects.has(taken)).toBe(false);
    expect((await agent().round()).broken.size).toBe(0);
  });
});

it("the agent reads an unreadable object only once, and reports it in every round", async () => {
  const reading = agent();
  const key = "accounts/eu-west/0000000000000001/0000000000";
  own.objects.set(key, Buffer.from("of an unknown form"));
  const read = jest.spyOn(own, "readWhole");
  for (let round = 0; round < 2; round += 1) expect([...(await reading.round()).broken.keys()]).toEqual([key]);
  expect(read.mock.calls.filter(([each]) => each === key)).toHaveLength(1);
});

it("the agent reports a waiting row that the database refuses, and the round succeeds", async () => {
  await agent().round();
  const waits = "its parent is not here yet";
  database.rows = [user("odd", { waits }), user("even", { waits })];
  const refused = Object.assign(new DatabaseError("no", 0, "error"), { code: "22P02", severity: "ERROR" });
  database.refusals.set("odd", refused);
  const { waiting } = await agent().round();
  expect(waiting).toEqual([{ table: "user", id: "odd", reason: "the database rejected it (22P02)" }]);
});

it("the agent publishes flows only once all regions' agents have announced that they replicate flows as rows", async () => {
  const west = new MemoryObjects();
  const flow = { table: "flow", id: "f", live: { data: '"graph"' } };
  database.rows = [{ ...flow, news: 1 }, user("ada", { news: 2 })];
  const east = () => database.agent("us-east", own, new Map([["eu-west", west]]), SECRET);
  await east().round();
  expect(new Set(await told())).toEqual(new Set(["ada"]));
  await new AccountsDatabase().agent("eu-west", west, new Map([["us-east", own]]), SECRET).round();
  await east().round();
  expect(await told()).toContain("f");
  for (const key of [...own.objects.keys()].filter((each) => each.startsWith("accounts/eu-west/")))
    own.objects.delete(key);
  database.rows = [{ ...flow, id: "g", news: 3 }];
  await east().round();
  expect(await told()).toContain("g");
});
