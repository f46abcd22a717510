import { applyRows } from "../../../agent/accounts/apply";
import { type Travelling, travelling } from "../../../agent/accounts/langflowTables";
import type { Row } from "../../../agent/accounts/row";
import { type Reference, travels } from "../../../agent/accounts/tableRule";
import { TABLES } from "../../../agent/accounts/tables";
import { MemoryTables } from "../doubles/memoryTables";

const rule = (name: string): Travelling => {
  const found = TABLES.filter(travels).find(({ table }) => table === name);
  if (!found) throw new Error(`no table ${name}`);
  return travelling(found, true);
};

/** A row as another region made it. */
const made = (values: Record<string, string>, at: number): Row => ({
  madeAt: at,
  cells: Object.fromEntries(Object.entries(values).map(([column, value]) => [column, { value, at }])),
  switches: {},
});

/** What the agent does in each round with what waits. */
async function retry(tables: MemoryTables, carried: readonly Travelling[]): Promise<void> {
  const waiting = tables.waiting().map(({ table, id }) => `${table} ${id}`);
  const rows = tables.all().filter(({ table, id }) => waiting.includes(`${table} ${id}`));
  await applyRows(tables, carried, rows);
}

describe("what a flow shows the world", () => {
  it("comes to a flow that Git brought before, and does not go where it was shown", async () => {
    const flow = rule("flow");
    const [east, west] = ["us-east", "eu-west"].map((region) => new MemoryTables(region, [flow]));
    if (!east || !west) throw new Error("no regions");
    const asMade = { ...Object.fromEntries(flow.columns.map((column) => [column, "null"])), access_type: '"PRIVATE"' };
    const shown = { ...asMade, id: '"f"', access_type: '"PUBLIC"', action_name: '"echo"' };
    east.live.get("flow")?.set("f", new Map(Object.entries(shown)));
    east.log.push({ table: "flow", id: "f", kind: "edited", at: 10, columns: ["id", "access_type", "action_name"] });
    west.live.get("flow")?.set("f", new Map(Object.entries({ ...asMade, id: '"f"' })));
    west.log.push({ table: "flow", id: "f", kind: "edited", at: 20, columns: ["id"] });
    for (const each of [east, west]) each.takeChanges();
    const [told, toldBack] = [east.all(), west.all()];
    await applyRows(west, [flow], told);
    await applyRows(east, [flow], toldBack);
    for (const each of [east, west]) expect(Object.fromEntries(each.live.get("flow")?.get("f") ?? [])).toEqual(shown);
  });
});

describe("a flow that went and comes again by Git", () => {
  const flow = rule("flow");
  const asMade = {
    ...Object.fromEntries(flow.columns.map((column) => [column, "null"])),
    id: '"f"',
    access_type: '"PRIVATE"',
  };
  const shown = { ...asMade, access_type: '"PUBLIC"', action_name: '"search"' };
  const imported = (tables: MemoryTables) => tables.live.get("flow")?.set("f", new Map(Object.entries(asMade)));
  const holds = (tables: MemoryTables) => Object.fromEntries(tables.live.get("flow")?.get("f") ?? []);
  let east: MemoryTables;
  let west: MemoryTables;
  beforeEach(() => {
    [east, west] = [new MemoryTables("us-east", [flow]), new MemoryTables("eu-west", [flow])];
    for (const each of [east, west]) imported(each);
    east.edit("flow", "f", { access_type: '"PUBLIC"', action_name: '"search"' }, 100);
    east.takeChanges();
  });
  const exchange = async (from: MemoryTables, to: MemoryTables) => applyRows(to, [flow], structuredClone(from.all()));

  it("shows the world what it showed before, where it was deleted and elsewhere", async () => {
    await exchange(east, west);
    await retry(west, [flow]);
    expect(holds(west)).toEqual(shown);
    west.edit("flow", "f", undefined, 150);
    west.takeChanges();
    await exchange(west, east);
    expect(holds(east)).toEqual(shown);
    imported(west);
    west.takeChanges();
    await exchange(west, east);
    await retry(west, [flow]);
    expect([holds(west), holds(east)]).toEqual([shown, shown]);
  });

  it("does so too where it went and came, and was edited before and after, between two looks of the agent", async () => {
    east.edit("flow", "f", { action_name: '"find"' }, 110);
    east.edit("flow", "f", undefined, 120);
    imported(east);
    east.edit("flow", "f", { action_description: '"later"' }, 130);
    east.takeChanges();
    await retry(east, [flow]);
    const now = { ...shown, action_name: '"find"', action_description: '"later"' };
    await exchange(east, west);
    await retry(west, [flow]);
    expect([holds(east), holds(west)]).toEqual([now, now]);
  });

  it("is waited for in no round while it is gone, and is known of no more where nobody wrote anything beside it", () => {
    east.edit("flow", "f", undefined, 120);
    west.edit("flow", "f", undefined, 120);
    for (const each of [east, west]) each.takeChanges();
    expect([east.waiting(), west.waiting()]).toEqual([[], []]);
    expect(east.all().map(({ row }) => row.cells.action_name)).toEqual([{ value: '"search"', at: 100 }]);
    expect(west.all()).toEqual([]);
  });
});

describe("a column that one region's release does not have", () => {
  const full = [rule("user"), rule("variable")];
  const former = full.map((each) => ({ ...each, columns: each.columns.filter((name) => name !== "default_fields") }));
  const holds = (tables: MemoryTables) => tables.live.get("variable")?.get("v")?.get("default_fields");

  it("keeps its value everywhere when that region is upgraded, and comes to it, though the row was edited before", async () => {
    const [east, west] = [new MemoryTables("us-east", full), new MemoryTables("eu-west", former)];
    east.edit("user", "u", { username: '"ada"', is_active: "true" }, 9);
    east.edit("variable", "v", { user_id: '"u"', name: '"K"', default_fields: '["a"]' }, 10);
    east.takeChanges();
    await applyRows(west, former, structuredClone(east.all()));
    west.edit("variable", "v", { value: '"cipher"' }, 20);
    west.takeChanges();
    const upgraded = west.upgraded(full);
    await applyRows(east, full, structuredClone(upgraded.all()));
    expect(holds(east)).toBe('["a"]');
    await retry(upgraded, full);
    expect([holds(upgraded), upgraded.waiting()]).toEqual(['["a"]', []]);
  });
});

describe("a row that waits", () => {
  it("brings to a flow what it shows the world, once Git has brought the flow, whatever LangFlow made it with", async () => {
    const flow = rule("flow");
    const west = new MemoryTables("eu-west", [flow]);
    const shown = { id: '"f"', access_type: '"PUBLIC"', action_name: '"echo"' };
    await applyRows(west, [flow], [{ table: "flow", id: "f", row: made(shown, 10) }]);
    expect(west.live.get("flow")?.size).toBe(0);
    const asMade = { ...Object.fromEntries(flow.columns.map((column) => [column, "null"])), access_type: '"PRIVATE"' };
    west.live.get("flow")?.set("f", new Map(Object.entries({ ...asMade, id: '"f"' })));
    west.log.push({ table: "flow", id: "f", kind: "edited", at: 20, columns: ["id"] });
    west.takeChanges();
    await retry(west, [flow]);
    expect(Object.fromEntries(west.live.get("flow")?.get("f") ?? [])).toMatchObject(shown);
    expect(west.waiting()).toEqual([]);
  });

  it("waits no round for what comes with it, also where that becomes part of another", async () => {
    const folder = rule("folder");
    const west = new MemoryTables("eu-west", [folder]);
    const named = (id: string, values: Record<string, string>, at: number) => ({
      table: "folder",
      id,
      row: made({ id: JSON.stringify(id), user_id: '"u"', ...values }, at),
    });
    const rows = [
      named("p", { name: '"Finance"' }, 5),
      named("q", { name: '"Finance"' }, 6),
      named("c", { name: '"child"', parent_id: '"q"' }, 10),
    ];
    await applyRows(west, [{ ...folder, references: { parent_id: folder.references.parent_id as Reference } }], rows);
    expect(west.live.get("folder")?.get("c")?.get("parent_id")).toBe('"p"');
    expect(west.waiting()).toEqual([]);
  });

  it("gets what it refers to when that comes, though it was edited in between", async () => {
    const folder = rule("folder");
    const west = new MemoryTables("eu-west", [folder]);
    const child = { id: '"c"', name: '"child"', parent_id: '"p"', description: '"first"' };
    await applyRows(west, [folder], [{ table: "folder", id: "c", row: made(child, 10) }]);
    expect(west.live.get("folder")?.get("c")?.get("parent_id")).toBe("null");
    west.edit("folder", "c", { description: '"second"' }, 20);
    west.takeChanges();
    await applyRows(west, [folder], [{ table: "folder", id: "p", row: made({ id: '"p"', name: '"parent"' }, 5) }]);
    await retry(west, [folder]);
    expect(Object.fromEntries(west.live.get("folder")?.get("c") ?? [])).toMatchObject({
      ...child,
      description: '"second"',
    });
  });

  it("leaves alone what a user has written since in the column that waited", async () => {
    const folder = rule("folder");
    const west = new MemoryTables("eu-west", [folder]);
    const [own, other] = [made({ id: '"o"', name: '"own"' }, 4), made({ id: '"p"', name: '"parent"' }, 5)];
    const child = made({ id: '"c"', name: '"child"', parent_id: '"p"' }, 10);
    await applyRows(
      west,
      [folder],
      [
        { table: "folder", id: "o", row: own },
        { table: "folder", id: "c", row: child },
      ],
    );
    west.edit("folder", "c", { parent_id: '"o"' }, 20);
    west.takeChanges();
    await applyRows(west, [folder], [{ table: "folder", id: "p", row: other }]);
    await retry(west, [folder]);
    expect(west.live.get("folder")?.get("c")?.get("parent_id")).toBe('"o"');
  });
});
