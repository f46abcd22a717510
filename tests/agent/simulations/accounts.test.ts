import fc from "fast-check";
import { applyRows } from "../../../agent/accounts/apply";
import type { ReplicatedRow } from "../../../agent/accounts/langflowTables";
import { newestStamp } from "../../../agent/accounts/row";
import { round, rulesOf, unread } from "../doubles/accountRounds";
import { MemoryTables } from "../doubles/memoryTables";

/** Sets of tables to test: rows that belong to one user, nested rows, and rows with another row's key. */
const TRIED = {
  "keys, variables and projects": ["user", "apikey", "variable", "folder"],
  "projects within projects, connections and their secrets": ["user", "folder", "connection", "connection_secret"],
  "accounts of users who sign in through a provider": ["user", "apikey", "variable", "sso_user_profile"],
};
const REGIONS = ["us-east", "eu-west", "ap-south"];

type Step =
  | { readonly do: "make"; readonly region: number; readonly table: string; readonly name: number }
  | {
      readonly do: "edit";
      readonly region: number;
      readonly table: string;
      readonly pick: number;
      readonly what: number;
    }
  | { readonly do: "delete"; readonly region: number; readonly table: string; readonly pick: number }
  | { readonly do: "exchange"; readonly from: number; readonly to: number; readonly part: number }
  | { readonly do: "save" | "putBack" | "win" | "brake" | "release" | "reject" | "truncate"; readonly region: number };

const region = fc.nat(REGIONS.length - 1);
const stepsOn = (tables: readonly string[]): fc.Arbitrary<Step[]> => {
  const table = fc.constantFrom(...tables);
  return fc.array(
    fc.oneof(
      { weight: 6, arbitrary: fc.record({ do: fc.constant("make" as const), region, table, name: fc.nat(3) }) },
      {
        weight: 4,
        arbitrary: fc.record({ do: fc.constant("edit" as const), region, table, pick: fc.nat(9), what: fc.nat(5) }),
      },
      { weight: 2, arbitrary: fc.record({ do: fc.constant("delete" as const), region, table, pick: fc.nat(9) }) },
      {
        weight: 5,
        arbitrary: fc.record({ do: fc.constant("exchange" as const), from: region, to: region, part: fc.nat(3) }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          do: fc.constantFrom(
            "save" as const,
            "putBack" as const,
            "win" as const,
            "brake" as const,
            "release" as const,
            "reject" as const,
            "truncate" as const,
          ),
          region,
        }),
      },
    ),
    { minLength: 10, maxLength: 60, size: "max" },
  );
};

const skews = fc.array(fc.integer({ min: -500, max: 500 }), { minLength: REGIONS.length, maxLength: REGIONS.length });
const seed = process.env.CONVERGENCE_SEED === undefined ? {} : { seed: Number(process.env.CONVERGENCE_SEED) };

/** A region's database: its tables, and the segments that it has read from each region. */
interface Region {
  readonly tables: MemoryTables;
  readonly read: Map<number, Set<ReplicatedRow[]>>;
}
const copyOf = ({ tables, read }: Region): Region => ({
  tables: tables.copy(),
  read: new Map([...read].map(([from, parts]) => [from, new Set(parts)])),
});

/**
 * Regions with skewed clocks, whose users follow the steps. Each region publishes its changes and reads each segment
 * once.
 */
class Fleet {
  readonly regions: Region[];
  readonly saved = new Map<number, Region>();
  /** Deleted rows that no edit may restore. */
  readonly deleted = new Set<string>();
  /** When a restore with `--wins` restored a row that no user has deleted since. */
  readonly restored = new Map<string, number>();
  /** Rows that any restore with `--wins` has restored. */
  readonly putBack = new Set<string>();
  readonly people = new People();
  /** All segments that any region has published. A restore of its database does not revoke them. */
  readonly parts: ReplicatedRow[][][] = REGIONS.map(() => []);
  #made = 0;
  #now = 1_000_000;

  constructor(
    tables: readonly string[],
    private readonly skews: readonly number[],
  ) {
    const replicated = rulesOf(...tables);
    this.regions = REGIONS.map((name) => ({
      tables: new MemoryTables(name, replicated),
      read: new Map([...REGIONS.keys()].map((from) => [from, new Set()])),
    }));
  }

  async run(step: Step): Promise<void> {
    this.#now += 10;
    if (step.do === "make") this.make(step.region, step.table, step.name);
    else if (step.do === "edit") this.edit(step);
    else if (step.do === "delete") this.remove(step);
    else if (step.do === "exchange") await this.exchange(step.from, step.to, step.part);
    else if (step.do === "win") await this.win(step.region);
    else if (step.do === "truncate") await this.truncate(step.region);
    else if (step.do === "brake") this.at(step.region).isBraked = !this.at(step.region).isBraked;
    else if (step.do === "release" || step.do === "reject") this.at(step.region).decide(step.do === "release");
    else if (step.do === "save") this.saved.set(step.region, copyOf(this.region(step.region)));
    else this.regions[step.region] = copyOf(this.saved.get(step.region) ?? this.region(step.region));
  }

  async settle(isReleased = true): Promise<void> {
    for (const region of REGIONS.keys()) await this.round(region, region, 0);
    for (const { tables } of this.regions) {
      tables.isBraked = false;
      tables.decide(isReleased);
    }
    for (let round = 0; round < 4; round += 1)
      for (const to of REGIONS.keys()) for (const from of REGIONS.keys()) await this.exchange(from, to, 0);
  }

  at(region: number): MemoryTables {
    return this.region(region).tables;
  }

  private region(region: number): Region {
    const found = this.regions[region];
    if (!found) throw new Error(`no region ${region}`);
    return found;
  }

  edited(region: number, id: string, values: Record<string, string>): void {
    this.at(region).edit("user", id, values, this.clock(region));
  }

  private clock(region: number): number {
    return this.#now + (this.skews[region] ?? 0);
  }

  private make(region: number, table: string, name: number): void {
    this.#made += 1;
    const id = `id-${String(this.#made).padStart(4, "0")}`;
    const called = named(name);
    if (table === "user") {
      this.people.made(id, name !== 3);
      this.at(region).edit(
        table,
        id,
        { username: called, is_active: String(name !== 3), password: '"first"' },
        this.clock(region),
      );
      return;
    }
    const owner = this.one(region, table === "connection_secret" ? "connection" : "user", name);
    if (owner === undefined) return;
    this.people.gave(`${table} ${id}`, owner);
    const [user_id, owner_id] = [JSON.stringify(owner), JSON.stringify(owner)];
    const parent = name % 2 === 0 ? undefined : this.one(region, "folder", this.#made);
    if (table === "folder" && parent !== undefined)
      this.at(region).edit(table, id, { user_id, name: called, parent_id: JSON.stringify(parent) }, this.clock(region));
    else if (table === "connection")
      this.at(region).edit(table, id, { owner_id, name: called, provider_key: '"p"' }, this.clock(region));
    else if (table === "sso_user_profile") {
      const profile = { user_id, sso_provider: '"provider"', sso_user_id: called };
      if (this.at(region).edit(table, id, profile, this.clock(region))) this.people.signedIn(owner, called);
    } else if (table !== "connection_secret")
      this.at(region).edit(table, id, { user_id, name: called }, this.clock(region));
    else if (!this.at(region).live.get(table)?.has(owner))
      this.at(region).edit(table, owner, { connection_id: owner_id, encrypted_payload: called }, this.clock(region));
  }

  /** Returns one of the ids in a region's table. */
  private one(region: number, table: string, pick: number): string | undefined {
    const ids = [...(this.at(region).live.get(table)?.keys() ?? [])];
    return ids[pick % Math.max(ids.length, 1)];
  }

  private edit({ region, table, pick, what }: Extract<Step, { do: "edit" }>): void {
    const id = this.one(region, table, pick);
    if (id === undefined) return;
    if (table === "connection_secret") {
      this.at(region).edit(table, id, { encrypted_payload: JSON.stringify(`${this.#now}`) }, this.clock(region));
      return;
    }
    const name = table === "user" ? "username" : "name";
    const edits: Record<string, string>[] = [
      { [name]: JSON.stringify(`name-${what}`) },
      table === "user" ? { is_active: what % 2 === 0 ? "false" : "true" } : { [name]: JSON.stringify(`other-${pick}`) },
      table === "variable" ? { value: JSON.stringify(`${this.#now}`), type: '"Generic"' } : {},
      table === "user" ? { password: JSON.stringify(`${this.#now}`) } : {},
    ];
    const edit = table === "sso_user_profile" ? { email: named(what) } : (edits[what % edits.length] ?? {});
    if (edit.is_active === "false") this.people.denied.add(id);
    if (Object.keys(edit).length > 0) this.at(region).edit(table, id, edit, this.clock(region));
  }

  /** Restores a region's database with `--wins`: only later deletes apply to the restored rows. */
  private async win(region: number): Promise<void> {
    this.regions[region] = copyOf(this.saved.get(region) ?? this.region(region));
    const known = this.parts.flat(2).map(({ row }) => newestStamp(row));
    const at = Math.max(this.clock(region), ...known) + 1;
    await this.at(region).restore(at, REGIONS);
    for (const [table, rows] of this.at(region).live)
      for (const id of rows.keys()) {
        this.deleted.delete(`${table} ${id}`);
        this.restored.set(`${table} ${id}`, at);
        this.putBack.add(`${table} ${id}`);
      }
    await this.round(region, region, 0);
  }

  /**
   * Truncates a region's tables. Before the region publishes anything, it reads its own and the other regions' segments
   * again.
   */
  private async truncate(region: number): Promise<void> {
    const { tables, read } = this.region(region);
    read.set(region, new Set(this.parts[region]));
    tables.truncate();
    for (const part of [...read.values()].flatMap((parts) => [...parts]))
      await applyRows(tables, tables.replicated, structuredClone(part));
    tables.forgetLacking();
  }

  private remove({ region, table, pick }: Extract<Step, { do: "delete" }>): void {
    const id = this.one(region, table, pick);
    if (id === undefined) return;
    if (table === "user") this.people.erased.add(id);
    this.at(region).edit(table, id, undefined, this.clock(region));
  }

  /** Delivers a region's segments to another region: all of them, or only some, ahead of earlier ones. */
  private async exchange(from: number, to: number, part: number): Promise<void> {
    await this.round(from, from, 0);
    await this.round(to, from, part);
  }

  /** Makes a region read its own feed, as after a restore, then another region's feed, and then publish. */
  private async round(of: number, from: number, share: number): Promise<void> {
    const { tables } = this.region(of);
    const told = await round(tables, ...this.unread(of, of, 0), ...this.unread(of, from, share));
    if (told.length === 0) return;
    this.region(of).read.get(of)?.add(told);
    this.parts[of]?.push(told);
    for (const { table, id, row } of told) {
      const [key, { deletedAt }] = [`${table} ${id}`, row];
      if (deletedAt === undefined || deletedAt <= (this.restored.get(key) ?? 0)) continue;
      this.restored.delete(key);
      if (tables.rule(table).deletes === "final") this.deleted.add(key);
    }
  }

  private unread(of: number, from: number, share: number): ReplicatedRow[][] {
    return unread(this.parts[from] ?? [], this.region(of).read.get(from) ?? new Set(), share);
  }
}

const named = (what: number) => JSON.stringify(`name-${what}`);

/**
 * Maps accounts to people: accounts with sign-ins of the same SSO subject belong to one person, all others to different
 * people.
 */
class People {
  readonly denied = new Set<string>();
  readonly erased = new Set<string>();
  readonly #inactive = new Set<string>();
  readonly #accounts = new Map<string, Set<string>>();
  readonly #subjects = new Map<string, string>();
  readonly #owners = new Map<string, string>();

  made(account: string, isActive: boolean): void {
    if (!isActive) this.#inactive.add(account);
    this.#accounts.set(account, new Set([account]));
  }

  gave(row: string, account: string): void {
    this.#owners.set(row, account);
  }

  signedIn(account: string, subject: string): void {
    const other = this.#subjects.get(subject) ?? account;
    this.#subjects.set(subject, account);
    const all = new Set([...this.of(account), ...this.of(other)]);
    for (const each of all) this.#accounts.set(each, all);
  }

  /**
   * Expects that no person has another person's rows or an unjustified denial, and that no account is missing that no
   * one erased.
   */
  keepTheirOwn({ live, states }: MemoryTables): void {
    for (const table of ["apikey", "variable", "folder", "sso_user_profile"])
      for (const [id, row] of live.get(table) ?? []) {
        const owner = this.#owners.get(`${table} ${id}`) ?? "";
        expect([table, id, [...this.of(owner)]]).toEqual([table, id, expect.arrayContaining([userOf(row)])]);
      }
    for (const [id, row] of live.get("user") ?? [])
      if (row.get("is_active") === "false" && !this.isAnyOf(id, this.#inactive))
        expect([id, this.isAnyOf(id, this.denied)]).toEqual([id, true]);
    for (const id of states.get("user")?.keys() ?? [])
      if (!this.isAnyOf(id, this.erased)) expect([id, this.isAnyOf(id, live.get("user"))]).toEqual([id, true]);
  }

  private of(account: string): Set<string> {
    return this.#accounts.get(account) ?? new Set();
  }

  private isAnyOf(account: string, accounts: { has(id: string): boolean } | undefined): boolean {
    return [...this.of(account)].some((each) => accounts?.has(each));
  }
}

const userOf = (row: ReadonlyMap<string, string>): string => JSON.parse(row.get("user_id") ?? "null");

/** Returns the ids of rows that were merged into a row, directly or indirectly. */
function partsOf(tables: MemoryTables, table: string, id: string): string[] {
  const states = [...(tables.states.get(table) ?? [])];
  const parts = states.flatMap(([part, { row }]) => (row.unitedWith === id ? part : []));
  return parts.flatMap((part) => [part, ...partsOf(tables, table, part)]);
}

const contents = (tables: MemoryTables) =>
  Object.fromEntries(
    [...tables.live].map(([table, rows]) => [
      table,
      Object.fromEntries([...rows].map(([id, row]) => [id, Object.fromEntries([...row].sort())]).sort()),
    ]),
  );

const accounts = (fleet: Fleet) => fleet.regions.map(({ tables }) => contents(tables));

it.each(Object.entries(TRIED))(
  "any history of edits leads to the same %s in every region: all users have only their own rows, and no deleted row returns",
  async (_, tables) => {
    await fc.assert(
      fc.asyncProperty(stepsOn(tables), skews, region, async (list, clocks, last) => {
        const fleet = new Fleet(tables, clocks);
        for (const step of list) await fleet.run(step);
        await fleet.settle();
        const [first, ...others] = accounts(fleet);
        for (const other of others) expect(other).toEqual(first);
        for (const { tables } of fleet.regions) fleet.people.keepTheirOwn(tables);
        for (const { tables } of fleet.regions)
          for (const gone of fleet.deleted) {
            const [table = "", id = ""] = gone.split(" ");
            const parts = partsOf(tables, table, id).map((part) => `${table} ${part}`);
            // A row may survive in a row that it was merged with, if that row was not deleted or was restored.
            if (parts.every((part) => fleet.deleted.has(part) && !fleet.putBack.has(part)))
              expect([gone, tables.live.get(table)?.has(id) ?? false]).toEqual([gone, false]);
          }
        for (const { tables } of fleet.regions)
          for (const key of fleet.restored.keys()) {
            const [table = "", id = ""] = key.split(" ");
            const isPartOfAnother = tables.states.get(table)?.get(id)?.row.unitedWith !== undefined;
            // A user's rows are deleted together with the user.
            if (table === "user") expect(isPartOfAnother || tables.live.get(table)?.has(id)).toBe(true);
          }
        await edited(fleet, last, { password: '"the last"', is_active: "false" });
        await edited(fleet, (last + 1) % REGIONS.length, { is_active: "true" });
      }),
      { numRuns: Number(process.env.CONVERGENCE_RUNS ?? 100), ...seed },
    );
  },
);

/** Expects that an edit wins everywhere if its user saw the current state, even if the region's clock is behind. */
async function edited(fleet: Fleet, region: number, values: Record<string, string>): Promise<void> {
  const [id] = [...(fleet.at(region).live.get("user")?.keys() ?? [])];
  if (id === undefined) return;
  fleet.edited(region, id, values);
  await fleet.settle();
  for (const { tables } of fleet.regions)
    expect(Object.fromEntries(tables.live.get("user")?.get(id) ?? [])).toMatchObject(values);
}
