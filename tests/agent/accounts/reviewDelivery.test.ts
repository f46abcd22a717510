import { applyRows, type CarriedRow, type Kept, type Travelling, travelling } from "../../../agent/accounts/apply";
import { travels } from "../../../agent/accounts/tableRule";
import { TABLES } from "../../../agent/accounts/tables";
import { MemoryTables } from "../doubles/memoryTables";

const rule = (name: string): Travelling => {
  const found = TABLES.filter(travels).find(({ table }) => table === name);
  if (!found) throw new Error(`no table ${name}`);
  return travelling(found, true);
};
const only = (...names: string[]) => names.map(rule);

/** As DatabaseTables: what is told is what is flagged as news, once; each region reads each part once. */
class NewsTables extends MemoryTables {
  readonly news = new Set<string>();

  override async keep(table: string, rows: readonly Kept[]): Promise<void> {
    for (const { id, news } of rows) if (news) this.news.add(`${table} ${id}`);
    await super.keep(table, rows);
  }
  override takeChanges(): void {
    for (const { table, id } of this.log) this.news.add(`${table} ${id}`);
    super.takeChanges();
  }
  /** `known` takes in what was edited before the lock. */
  override async known(table: Travelling, ids: readonly string[]) {
    const taken = this.log.filter((each) => each.table === table.table && ids.includes(each.id));
    this.log = this.log.filter((each) => !taken.includes(each));
    const rest = this.log;
    this.log = taken;
    this.takeChanges();
    this.log = rest;
    return super.known(table, ids);
  }
  tell(): CarriedRow[] {
    const rows = this.all().filter(({ table, id }) => this.news.has(`${table} ${id}`));
    this.news.clear();
    return structuredClone(rows);
  }
}

const text = (value: unknown) => JSON.stringify(value);

/** A round: reads the parts given, takes in what users did, tells. */
async function round(tables: NewsTables, ...parts: CarriedRow[][]): Promise<CarriedRow[]> {
  for (const part of parts) await applyRows(tables, tables.carried, structuredClone(part));
  const waiting = tables.waiting().map(({ table, id }) => `${table} ${id}`);
  await applyRows(
    tables,
    tables.carried,
    tables.all().filter(({ table, id }) => waiting.includes(`${table} ${id}`)),
  );
  tables.takeChanges();
  return tables.tell();
}
const shown = (tables: MemoryTables, table: string) =>
  Object.fromEntries(
    [...(tables.live.get(table) ?? [])].map(([id, row]) => [
      id,
      Object.fromEntries([...row].filter(([, value]) => value !== "null").sort()),
    ]),
  );

describe("what is delivered once", () => {
  it("1. two variables of one name, one not told yet when the other comes: both regions hold the same value", async () => {
    const carried = only("user", "variable");
    const [east, west] = [new NewsTables("us-east", carried), new NewsTables("eu-west", carried)];
    east.edit("user", "u", { username: '"ada"', is_active: "true" }, 1);
    await round(west, await round(east));
    const variable = (value: string) => ({ user_id: '"u"', name: '"KEY"', type: '"Credential"', value: text(value) });
    east.edit("variable", "x", variable("of the east"), 30);
    const toldByEast = await round(east);
    // The user of the west saves hers before the west's next round, which begins with reading.
    west.edit("variable", "y", variable("of the west, later"), 40);
    const toldByWest = await round(west, toldByEast);
    await round(east, toldByWest);
    expect(shown(east, "variable")).toEqual(shown(west, "variable"));
  });

  it("1b. the same with two accounts: a password changed before the first telling", async () => {
    const carried = only("user");
    const [east, west] = [new NewsTables("us-east", carried), new NewsTables("eu-west", carried)];
    east.edit("user", "x", { username: '"bob"', is_active: "true", password: '"east"' }, 30);
    const toldByEast = await round(east);
    west.edit("user", "y", { username: '"bob"', is_active: "true", password: '"west"' }, 40);
    west.edit("user", "y", { is_active: "false" }, 50);
    const toldByWest = await round(west, toldByEast);
    await round(east, toldByWest);
    expect(shown(east, "user")).toEqual(shown(west, "user"));
  });

  it("2. a name made here lives on though another of that name was made and deleted elsewhere", async () => {
    const carried = only("user", "apikey");
    const [east, west] = [new NewsTables("us-east", carried), new NewsTables("eu-west", carried)];
    east.edit("user", "x", { username: '"bob"', is_active: "true" }, 10);
    const made = await round(east);
    east.edit("user", "x", undefined, 20);
    const deleted = await round(east);
    // The west was cut off all the while, and its admin made its own bob long after the other was deleted.
    west.edit("user", "y", { username: '"bob"', is_active: "true" }, 1_000);
    west.edit("apikey", "k", { user_id: '"y"', name: '"key"' }, 1_001);
    await round(west);
    await round(west, made, deleted);
    expect(Object.keys(shown(west, "user"))).toHaveLength(1);
    expect(Object.keys(shown(west, "apikey"))).toEqual(["k"]);
  });

  it("3. a revocation is not lost with a delete that a later edit undoes", async () => {
    const carried = only("user", "connection");
    const [a, b, c] = ["us-east", "eu-west", "ap-south"].map((region) => new NewsTables(region, carried));
    if (!a || !b || !c) throw new Error("no regions");
    a.edit("user", "u", { username: '"ada"', is_active: "true" }, 1);
    a.edit("connection", "n", { owner_id: '"u"', name: '"n"', provider_key: '"p"', status: '"ready"' }, 2);
    const made = await round(a);
    await round(b, made);
    await round(c, made);
    b.edit("connection", "n", { status: '"revoked"' }, 15);
    a.edit("connection", "n", undefined, 20);
    c.edit("connection", "n", { display_name: '"mine"' }, 30);
    const [told, toldByB, toldByC] = [await round(a), await round(b), await round(c)];
    await round(a, toldByB, toldByC);
    await round(b, told, toldByC);
    await round(c, told, toldByB);
    const status = (tables: NewsTables) => tables.live.get("connection")?.get("n")?.get("status");
    expect([status(a), status(b), status(c)]).toEqual(['"revoked"', '"revoked"', '"revoked"']);
  });

  it("4. a flow that Git brings back after a delete keeps what it shows the world, and overwrites nothing", async () => {
    const carried = only("flow");
    const [east, west] = [new NewsTables("us-east", carried), new NewsTables("eu-west", carried)];
    const flow = rule("flow");
    const asMade = {
      ...Object.fromEntries(flow.columns.map((column) => [column, "null"])),
      id: '"f"',
      access_type: '"PRIVATE"',
      flow_type: '"workflow"',
      a2a_enabled: "false",
    };
    const imported = (tables: NewsTables, at: number) => {
      tables.live.get("flow")?.set("f", new Map(Object.entries(asMade)));
      // The trigger: `id` is not among what LangFlow makes a flow with, so it differs.
      tables.log.push({ table: "flow", id: "f", kind: "edited", at, columns: ["id"] });
    };
    imported(east, 10);
    imported(west, 11);
    const [fromEast, fromWest] = [await round(east), await round(west)];
    await round(east, fromWest);
    await round(west, fromEast);
    east.edit("flow", "f", { action_name: '"search"', access_type: '"PUBLIC"' }, 100);
    await round(west, await round(east));
    expect(shown(west, "flow")).toEqual(shown(east, "flow"));
    // A user of the west deletes it while one of the east edits its graph: the edit survives, and Git brings it back.
    west.live.get("flow")?.delete("f");
    await round(west);
    imported(west, 200);
    await round(east, await round(west));
    expect(shown(east, "flow")).toMatchObject({ f: { action_name: '"search"', access_type: '"PUBLIC"' } });
    expect(shown(west, "flow")).toEqual(shown(east, "flow"));
  });

  it("5. a column that this region's LangFlow does not have yet is not nulled everywhere by its upgrade", async () => {
    const full = only("variable", "user").sort((x, y) => (x.table < y.table ? -1 : 1));
    const former = full.map((each) => ({ ...each, columns: each.columns.filter((column) => column !== "default_fields") }));
    const [east, west] = [new NewsTables("us-east", full), new NewsTables("eu-west", former)];
    east.edit("user", "u", { username: '"ada"', is_active: "true" }, 9);
    east.edit("variable", "v", { user_id: '"u"', name: '"K"', default_fields: '["a"]' }, 10);
    await round(west, await round(east));
    const upgraded = new NewsTables("eu-west", full);
    for (const table of ["user", "variable"]) {
      for (const [id, row] of west.live.get(table) ?? [])
        upgraded.live.get(table)?.set(id, new Map(row).set("default_fields", "null"));
      for (const [id, state] of west.states.get(table) ?? []) upgraded.states.get(table)?.set(id, state);
    }
    upgraded.news.add("variable v");
    await round(east, await round(upgraded));
    expect(shown(east, "variable")).toMatchObject({ v: { default_fields: '["a"]' } });
  });

  it("6. a share of a project that became part of another is a share of that one", async () => {
    const carried = only("user", "folder", "authz_share");
    const [east, west] = [new NewsTables("us-east", carried), new NewsTables("eu-west", carried)];
    east.edit("user", "u", { username: '"ada"', is_active: "true" }, 1);
    await round(west, await round(east));
    east.edit("folder", "x", { user_id: '"u"', name: '"Finance"' }, 10);
    west.edit("folder", "y", { user_id: '"u"', name: '"Finance"' }, 20);
    west.edit(
      "authz_share",
      "s",
      { resource_type: '"project"', resource_id: '"y"', scope: '"public"', permission_level: '"read"' },
      21,
    );
    const [fromEast, fromWest] = [await round(east), await round(west)];
    await round(west, fromEast);
    await round(east, fromWest);
    for (const region of [east, west]) {
      expect(Object.keys(shown(region, "folder"))).toEqual(["x"]);
      expect(shown(region, "authz_share").s?.resource_id).toBe('"x"');
    }
  });

  it("7. a deactivation outlives that the account was deleted and made again elsewhere", async () => {
    const carried = only("user");
    const [a, b] = [new NewsTables("us-east", carried), new NewsTables("eu-west", carried)];
    a.edit("user", "u", { username: '"ada"', is_active: "true" }, 1);
    await round(b, await round(a));
    a.edit("user", "u", undefined, 20);
    const deleted = await round(a);
    b.edit("user", "u", { is_active: "false" }, 15);
    const off = await round(b);
    await round(a, off);
    a.edit("user", "u", { username: '"ada"', is_active: "true" }, 30);
    const again = await round(a);
    // Replication keeps no order.
    await round(b, again, deleted);
    expect(shown(a, "user")).toEqual(shown(b, "user"));
  });

  it("8. of two rows of one name, the one that stays has its own id in its key's column", async () => {
    const carried = only("user", "variable");
    const [east, west] = [new NewsTables("us-east", carried), new NewsTables("eu-west", carried)];
    east.edit("user", "u", { username: '"ada"', is_active: "true" }, 1);
    await round(west, await round(east));
    east.edit("variable", "x", { user_id: '"u"', name: '"KEY"', value: '"1"' }, 30);
    west.edit("variable", "y", { user_id: '"u"', name: '"KEY"', value: '"2"' }, 40);
    const [fromEast, fromWest] = [await round(east), await round(west)];
    await round(west, fromEast);
    await round(east, fromWest);
    // PostgreSQL's `UPDATE ... WHERE t.id = w.id` writes nothing then, its INSERT meets the other row.
    for (const region of [east, west]) expect(region.live.get("variable")?.get("x")?.get("id")).toBe('"x"');
  });

  it("9. what a user has here is not deleted because the account that it became part of comes later", async () => {
    const carried = only("user", "apikey", "variable");
    const [us, eu, ap] = ["us-east", "eu-west", "ap-south"].map((region) => new NewsTables(region, carried));
    if (!us || !eu || !ap) throw new Error("no regions");
    us.edit("user", "x", { username: '"bob"', is_active: "true" }, 10);
    eu.edit("user", "y", { username: '"bob"', is_active: "true" }, 20);
    eu.edit("apikey", "k", { user_id: '"y"', name: '"key"' }, 21);
    const [fromUs, fromEu] = [await round(us), await round(eu)];
    await round(ap, fromEu);
    expect(Object.keys(shown(ap, "apikey"))).toEqual(["k"]);
    const united = await round(eu, fromUs);
    // What eu-west wrote comes to ap-south before what us-east wrote: replication keeps no order.
    await round(ap, united);
    await round(ap, fromUs);
    expect(Object.keys(shown(ap, "user"))).toEqual(["x"]);
    expect(Object.keys(shown(ap, "apikey"))).toEqual(["k"]);
  });

  it("10. a key of a deleted account does not become one of the next account of that name", async () => {
    const carried = only("user", "apikey");
    const [us, eu] = [new NewsTables("us-east", carried), new NewsTables("eu-west", carried)];
    us.edit("user", "old", { username: '"bob"', is_active: "true" }, 10);
    await round(eu, await round(us));
    eu.edit("apikey", "k", { user_id: '"old"', name: '"key"' }, 20);
    // Bob leaves; another bob comes. Both are told in one part.
    us.edit("user", "old", undefined, 30);
    us.edit("user", "new", { username: '"bob"', is_active: "true" }, 40);
    const told = await round(us);
    const toldByEu = await round(eu, told);
    await round(us, toldByEu);
    expect(shown(eu, "apikey")).toEqual({});
    expect(shown(us, "apikey")).toEqual({});
  });
});
