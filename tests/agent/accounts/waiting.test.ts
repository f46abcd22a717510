import { applyRows } from "../../../agent/accounts/apply";
import type { Row } from "../../../agent/accounts/row";
import type { ReplicatedTable } from "../../../formats/tables/tableRule";
import { isReplicated, type Reference } from "../../../formats/tables/tableRule";
import { TABLES } from "../../../formats/tables/tables";
import { MemoryTables } from "../doubles/memoryTables";

const rule = (name: string): ReplicatedTable => {
  const found = TABLES.filter(isReplicated).find(({ table }) => table === name);
  if (!found) throw new Error(`no table ${name}`);
  return found;
};

/** Creates a region without users and projects, in which no row waits for them. */
const regionOf = (name: string, table: ReplicatedTable) => new MemoryTables(name, [{ ...table, references: {} }]);

/** Returns a row as another region created it. */
const made = (values: Record<string, string>, at: number): Row => ({
  madeAt: at,
  cells: Object.fromEntries(Object.entries(values).map(([column, value]) => [column, { value, at }])),
  switches: {},
});

/** Retries the waiting rows, as the agent does in each round. */
async function retry(tables: MemoryTables, replicated: readonly ReplicatedTable[]): Promise<void> {
  const waiting = tables.waiting().map(({ table, id }) => `${table} ${id}`);
  const rows = tables.all().filter(({ table, id }) => waiting.includes(`${table} ${id}`));
  await applyRows(tables, replicated, rows);
}

describe("a flow's public settings", () => {
  const flow = rule("flow");
  const made = { user_id: '"u"', data: '"graph"', version_token: '"token"', access_type: '"PRIVATE"' };
  const shown = { access_type: '"PUBLIC"', action_name: '"echo"' };
  const holds = (tables: MemoryTables) => Object.fromEntries(tables.live.get("flow")?.get("f") ?? []);
  const exchange = async (from: MemoryTables, to: MemoryTables) =>
    applyRows(to, to.replicated, structuredClone(from.all()));
  let east: MemoryTables;
  let west: MemoryTables;
  beforeEach(async () => {
    [east, west] = [regionOf("us-east", flow), regionOf("eu-west", flow)];
    east.edit("flow", "f", made, 10);
    east.takeChanges();
    await exchange(east, west);
    east.edit("flow", "f", shown, 20);
    east.takeChanges();
  });

  it("are equal in every region, and private everywhere once any region has made the flow private, whatever the others had seen", async () => {
    west.edit("flow", "f", { access_type: '"PUBLIC"' }, 21);
    west.edit("flow", "f", { access_type: '"PRIVATE"' }, 22);
    west.takeChanges();
    await exchange(east, west);
    await exchange(west, east);
    for (const each of [east, west]) expect(holds(each)).toMatchObject({ ...shown, access_type: '"PRIVATE"' });
  });

  it("are restored together with a deleted flow if another region had edited that flow", async () => {
    west.edit("flow", "f", undefined, 30);
    west.takeChanges();
    east.edit("flow", "f", { name: '"still here"' }, 25);
    east.takeChanges();
    await exchange(east, west);
    await exchange(west, east);
    for (const each of [east, west]) expect(holds(each)).toMatchObject({ ...shown, name: '"still here"' });
  });
});

describe("a column that one region's release does not have", () => {
  const full = [rule("user"), rule("variable")];
  const former = full.map((each) => ({ ...each, columns: each.columns.filter((name) => name !== "default_fields") }));
  const holds = (tables: MemoryTables) => tables.live.get("variable")?.get("v")?.get("default_fields");

  it("keeps its value everywhere, and the region gets the value with its upgrade, even if the row was edited before", async () => {
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

describe("a waiting row", () => {
  /** The projects table without the reference to users, so that projects do not wait for users. */
  const folder: ReplicatedTable = {
    ...rule("folder"),
    references: { parent_id: rule("folder").references.parent_id as Reference },
  };

  it("is applied in the same round as the referenced row, even if the referenced row merges into another row", async () => {
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
    await applyRows(west, [folder], rows);
    expect(west.live.get("folder")?.get("c")?.get("parent_id")).toBe('"p"');
    expect(west.waiting()).toEqual([]);
  });

  it("gets its reference when the referenced row arrives, even if a user edited the waiting row before", async () => {
    const west = new MemoryTables("eu-west", [folder]);
    const child = { id: '"c"', user_id: '"u"', name: '"child"', parent_id: '"p"', description: '"first"' };
    await applyRows(west, [folder], [{ table: "folder", id: "c", row: made(child, 10) }]);
    expect(west.live.get("folder")?.get("c")?.get("parent_id")).toBe("null");
    west.edit("folder", "c", { description: '"second"' }, 20);
    west.takeChanges();
    await applyRows(
      west,
      [folder],
      [{ table: "folder", id: "p", row: made({ id: '"p"', user_id: '"u"', name: '"parent"' }, 5) }],
    );
    await retry(west, [folder]);
    expect(Object.fromEntries(west.live.get("folder")?.get("c") ?? [])).toMatchObject({
      ...child,
      description: '"second"',
    });
  });

  it("keeps a user's own value of the column whose reference was missing, if the user wrote it in the meantime", async () => {
    const west = new MemoryTables("eu-west", [folder]);
    const user_id = '"u"';
    const [own, other] = [
      made({ id: '"o"', user_id, name: '"own"' }, 4),
      made({ id: '"p"', user_id, name: '"parent"' }, 5),
    ];
    const child = made({ id: '"c"', user_id, name: '"child"', parent_id: '"p"' }, 10);
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
