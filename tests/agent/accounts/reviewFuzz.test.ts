import fc from "fast-check";
import { applyRows, type CarriedRow, type Kept, type Travelling, travelling } from "../../../agent/accounts/apply";
import { travels } from "../../../agent/accounts/tableRule";
import { TABLES } from "../../../agent/accounts/tables";
import { MemoryTables } from "../doubles/memoryTables";

const TRIED = (process.env.TRIED ?? "user,apikey,variable,folder").split(",");
const CARRIED = TABLES.filter(travels).filter(({ table }) => TRIED.includes(table)).map((rule) => travelling(rule, true));
const NAMES = Number(process.env.NAMES ?? 2);
const DELETES = process.env.DELETES !== "no";

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
  override async known(table: Travelling, ids: readonly string[]) {
    const taken = this.log.filter((each) => each.table === table.table && ids.includes(each.id));
    const rest = this.log.filter((each) => !taken.includes(each));
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
type Step = { do: "make" | "edit" | "delete" | "round"; region: number; table: number; pick: number; what: number };
const REGIONS = Number(process.env.REGIONS ?? 2);
const step: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom(...(["make", "make", "edit", "edit", "round", "round", ...(DELETES ? ["delete"] : [])] as Step["do"][])),
  region: fc.nat(REGIONS - 1),
  table: fc.nat(TRIED.length - 1),
  pick: fc.nat(5),
  what: fc.nat(5),
});

async function run(steps: Step[]): Promise<unknown[]> {
  const regions = [...Array(REGIONS).keys()].map((n) => new NewsTables(`region-${n}`, CARRIED));
  const parts: CarriedRow[][][] = regions.map(() => []);
  const read = regions.map(() => regions.map(() => 0));
  let now = 1000;
  let made = 0;
  const round = async (n: number) => {
    const tables = regions[n] as NewsTables;
    for (const from of regions.keys()) {
      if (from === n) continue;
      const all = parts[from] as CarriedRow[][];
      const so = read[n] as number[];
      while ((so[from] as number) < all.length) {
        await applyRows(tables, CARRIED, structuredClone(all[so[from] as number] as CarriedRow[]));
        so[from] = (so[from] as number) + 1;
      }
    }
    const waiting = tables.waiting().map(({ table, id }) => `${table} ${id}`);
    await applyRows(tables, CARRIED, tables.all().filter(({ table, id }) => waiting.includes(`${table} ${id}`)));
    tables.takeChanges();
    const told = tables.tell();
    if (told.length > 0) (parts[n] as CarriedRow[][]).push(told);
  };
  for (const { do: what, region, table: t, pick, what: w } of steps) {
    now += 10;
    const tables = regions[region] as NewsTables;
    const table = TRIED[t] as string;
    const ids = [...(tables.live.get(table)?.keys() ?? [])];
    const id = ids[pick % Math.max(ids.length, 1)];
    const name = JSON.stringify(`n${w % NAMES}`);
    if (what === "round") await round(region);
    else if (what === "make") {
      const users = [...(tables.live.get("user")?.keys() ?? [])];
      const user = users[pick % Math.max(users.length, 1)];
      made += 1;
      const mine = `id-${String(made).padStart(3, "0")}`;
      if (table === "user") tables.edit(table, mine, { username: name, is_active: "true", password: JSON.stringify(mine) }, now);
      else if (user !== undefined) tables.edit(table, mine, { user_id: JSON.stringify(user), name, ...(table === "variable" && { value: JSON.stringify(mine) }), ...(table === "folder" && { description: JSON.stringify(mine) }) }, now);
    } else if (id !== undefined && what === "delete") tables.edit(table, id, undefined, now);
    else if (id !== undefined) {
      const e: Record<string, Record<string, string>> = {
        user: w % 2 ? { is_active: w === 1 ? "false" : "true" } : { password: JSON.stringify(`p${now}`) },
        apikey: { is_active: w % 2 ? "true" : "false" },
        variable: w % 2 ? { value: JSON.stringify(`v${now}`) } : { name },
        folder: w % 2 ? { description: JSON.stringify(`d${now}`) } : { name },
      };
      tables.edit(table, id, e[table] as Record<string, string>, now);
    }
  }
  for (let n = 0; n < 6; n++) for (const region of regions.keys()) await round(region);
  return regions.map((tables) => ({
    live: Object.fromEntries([...tables.live].map(([table, rows]) => [table, Object.fromEntries([...rows].sort().map(([id, row]) => [id, Object.fromEntries([...row].filter(([, v]) => v !== "null").sort())]))])),
    waiting: tables.waiting().length,
  }));
}

it("converges", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      const [first, ...others] = await run(steps);
      for (const other of others) expect(other).toEqual(first);
    }),
    { numRuns: Number(process.env.RUNS ?? 400), ...(process.env.SEED && { seed: Number(process.env.SEED) }) },
  );
});
