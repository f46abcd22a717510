import { applyRows, type Travelling, travelling } from "../../../agent/accounts/apply";
import type { Row } from "../../../agent/accounts/row";
import { travels } from "../../../agent/accounts/tableRule";
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
