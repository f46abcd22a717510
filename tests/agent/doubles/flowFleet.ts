import fc from "fast-check";
import { applyRows } from "../../../agent/accounts/apply";
import type { ReplicatedRow } from "../../../agent/accounts/langflowTables";
import { DEFAULT_PROJECT } from "../../../formats/flows/defaultProject";
import { readOwn, round, rulesOf, unread } from "./accountRounds";
import { FlowLedger } from "./flowLedger";
import { MemoryTables } from "./memoryTables";

const REGIONS = ["us-east", "eu-west", "ap-south"];
const CARRIED = rulesOf(
  "user",
  "folder",
  "flow",
  "flow_version",
  "trigger",
  "trigger_subscription",
  "trigger_source_version",
  "authz_share",
);
/** Only the second user may be deleted, and only the first user's project has LangFlow's default name. */
const USERS = ["u", "w"];
const FIRST: Readonly<Record<string, string>> = { u: DEFAULT_PROJECT, w: "First" };
/** Child tables of flows in which deletes are final. */
const COUNTED = ["flow_version", "trigger_subscription", "authz_share"];

/** User actions and their relative frequencies. */
const DEEDS = {
  makeFlow: 4,
  editGraph: 10,
  saveTheSame: 2,
  rename: 4,
  setEndpoint: 3,
  describe: 2,
  move: 4,
  show: 2,
  deleteFlow: 5,
  makeAgain: 3,
  makeProject: 3,
  renameProject: 3,
  deleteProject: 2,
  deleteUser: 1,
  addVersion: 4,
  editVersion: 2,
  deleteVersion: 2,
  addTrigger: 2,
  addSubscription: 2,
  addShare: 3,
  deleteShare: 1,
} as const;
type Deed = keyof typeof DEEDS;
type Whole = "save" | "putBack" | "epoch";

export type Step =
  /** `pick` selects one of the existing items, and `to` selects the new value. */
  | { readonly do: Deed; readonly region: number; readonly pick: number; readonly to: number }
  | { readonly do: "exchange"; readonly from: number; readonly to: number; readonly share: number }
  | { readonly do: Whole; readonly region: number };

const region = fc.nat(REGIONS.length - 1);

/** Kinds of histories: all user actions, or only a few, which collide more often. */
const KINDS: readonly (readonly Deed[])[] = [
  Object.keys(DEEDS) as Deed[],
  ["editGraph", "deleteFlow", "makeAgain", "makeProject", "move"],
  ["editGraph", "rename", "deleteFlow", "addVersion", "addShare"],
  ["makeFlow", "editGraph", "move", "makeProject", "renameProject", "deleteProject"],
];

/** Returns histories of random steps. @param also events that affect a region as a whole */
export const historiesWith = (...also: readonly Whole[]): fc.Arbitrary<Step[]> =>
  fc.oneof(...KINDS.map((deeds) => historiesOf(deeds, also)));

function historiesOf(deeds: readonly Deed[], also: readonly Whole[]): fc.Arbitrary<Step[]> {
  const sum = deeds.reduce((so, name) => so + DEEDS[name], 0);
  return fc.array(
    fc.oneof(
      ...deeds.map((name) => ({
        weight: DEEDS[name],
        arbitrary: fc.record({ do: fc.constant(name), region, pick: fc.nat(11), to: fc.nat(5) }),
      })),
      {
        weight: Math.ceil(sum / 3),
        arbitrary: fc.record({ do: fc.constant("exchange" as const), from: region, to: region, share: fc.nat(2) }),
      },
      ...also.map((name) => ({
        weight: Math.ceil(sum / 30),
        arbitrary: fc.record({ do: fc.constant(name), region }),
      })),
    ),
    { minLength: 10, maxLength: 60, size: "max" },
  );
}

const HOUR = 3_600_000_000;

/** Clock skew of each region, and the clocks' resolution: events within one tick have the same time. */
export const clocks = fc.record({
  skews: fc.array(fc.oneof(fc.integer({ min: -500, max: 500 }), fc.constantFrom(-HOUR, HOUR)), {
    minLength: REGIONS.length,
    maxLength: REGIONS.length,
  }),
  tick: fc.constantFrom(1, 50, 1_000),
});
export type Clocks = typeof clocks extends fc.Arbitrary<infer Each> ? Each : never;

interface Region {
  readonly tables: MemoryTables;
  readonly read: ReadonlyMap<number, Set<ReplicatedRow[]>>;
}

const copyOf = ({ tables, read }: Region): Region => ({
  tables: tables.copy(),
  read: new Map([...read].map(([from, parts]) => [from, new Set(parts)])),
});

/** Returns a fleet after a history, once every region has received all of it. */
export async function settled(steps: readonly Step[], by: Clocks): Promise<FlowFleet> {
  const fleet = new FlowFleet(by);
  await fleet.begin();
  for (const step of steps) await fleet.run(step);
  await fleet.settle();
  return fleet;
}

const json = (value: unknown): string => JSON.stringify(value);

/**
 * Regions whose users work on flows, with skewed clocks. Each region publishes its changes and reads each segment once.
 */
export class FlowFleet {
  readonly regions = REGIONS.map(
    (name): Region => ({
      tables: new MemoryTables(name, CARRIED),
      read: new Map([...REGIONS.keys()].map((from) => [from, new Set()])),
    }),
  );
  readonly ledger = new FlowLedger(REGIONS.length);
  /** Maps each child row that any region has published, as `table id`, to its flow. */
  readonly told = new Map<string, string>();
  /** Child rows with a tombstone: a user deleted the row itself, or re-created its deleted flow. */
  readonly deleted = new Set<string>();
  readonly #owners = new Map<string, string>();
  /** Flows that users created. */
  readonly #flows = new Set<string>();
  readonly #lost = new Set<string>();
  readonly #triggers = new Map<string, string>();
  readonly #saved = new Map<number, Region>();
  readonly #parts: ReplicatedRow[][][] = REGIONS.map(() => []);
  #made = 0;
  #now = 100 * HOUR;

  constructor(private readonly clocks: Clocks) {
    this.ledger.isOfSomebody = (flow) => !this.#lost.has(this.#owners.get(flow) ?? "");
  }

  /** Creates both users with a project each and two flows, in all regions. */
  async begin(): Promise<void> {
    for (const user of USERS) {
      this.edit(0, "user", user, { username: json(user), is_active: "true" });
      this.edit(0, "folder", `first-${user}`, { user_id: json(user), name: json(FIRST[user]) });
    }
    for (const flow of ["f", "g"]) this.make(0, flow, "u", "first-u", `name of ${flow}`);
    await this.settle();
  }

  async run(step: Step): Promise<void> {
    this.#now += 10;
    if (step.do === "exchange") await this.exchange(step.from, step.to, step.share);
    else if ("pick" in step) this.deed(step.do, step.region, step.pick, step.to);
    else await this.whole(step.do, step.region);
  }

  async settle(): Promise<void> {
    for (let round = 0; round < 6; round += 1) await this.exchangeAll();
  }

  /** Exchanges rows between all regions. @returns the number of published rows: 0 once the regions are equal */
  async exchangeAll(): Promise<number> {
    let told = 0;
    this.#now += 10;
    for (const to of REGIONS.keys()) for (const from of REGIONS.keys()) told += await this.exchange(from, to, 0);
    return told;
  }

  /** Returns whether a flow's user still exists. The flows of a deleted user exist nowhere. */
  isOfSomebody(flow: string): boolean {
    return this.ledger.isOfSomebody(flow);
  }

  /** Returns the flow of a trigger that any region has ever had. */
  flowOf(trigger: string): string {
    return this.#triggers.get(trigger) ?? "";
  }

  at(region: number): MemoryTables {
    return this.region(region).tables;
  }

  private async whole(happens: Whole, region: number): Promise<void> {
    if (happens === "save") {
      this.#saved.set(region, copyOf(this.region(region)));
      this.ledger.save(region);
    } else if (happens === "epoch") {
      // The region reads its own feed first.
      await this.round(region, region, 0);
      const all = structuredClone(this.at(region).remembered());
      this.#parts[region] = [all];
      this.region(region).read.get(region)?.add(all);
      this.ledger.told(region, all);
    } else {
      this.regions[region] = copyOf(this.#saved.get(region) ?? this.region(region));
      this.ledger.putBack(region);
    }
  }

  private deed(what: Deed, region: number, pick: number, to: number): void {
    if (what === "makeFlow") this.makeFlow(region, this.fresh("flow"), pick, to);
    else if (what === "makeAgain") this.makeAgain(region, pick, to);
    else if (what === "deleteFlow") this.deleteFlow(region, this.one(region, "flow", pick));
    else if (what === "deleteUser") this.deleteUser(region);
    else if (what.endsWith("Project")) this.project(what, region, pick, to);
    else if (what.endsWith("Version") || what.endsWith("Share")) this.part(what, region, pick);
    else if (what === "addTrigger" || what === "addSubscription") this.hang(what, region, pick);
    else this.editFlow(what, region, pick, to);
  }

  private makeFlow(region: number, flow: string, pick: number, to: number): void {
    const owner = this.#owners.get(flow) ?? USERS[pick % USERS.length] ?? "";
    const projects = this.projectsOf(region, owner);
    if (projects.length > 0) this.make(region, flow, owner, projects[to % projects.length] ?? "", `name-${to % 3}`);
  }

  private make(region: number, flow: string, owner: string, project: string, name: string): void {
    const data = this.graph();
    const values = { user_id: json(owner), folder_id: json(project), name: json(name), access_type: json("PRIVATE") };
    if (!this.edit(region, "flow", flow, { ...values, data, version_token: json(this.fresh("token")) })) return;
    this.#owners.set(flow, owner);
    this.#flows.add(flow);
    this.ledger.did(region, flow, { graph: data });
  }

  /** Re-creates a flow that is missing from the region, as if a user imported it from a file. */
  private makeAgain(region: number, pick: number, to: number): void {
    const gone = [...this.#flows].filter((flow) => !this.rows(region, "flow").has(flow));
    const flow = gone[pick % Math.max(gone.length, 1)];
    if (flow !== undefined) this.makeFlow(region, flow, pick, to);
  }

  private editFlow(what: Deed, region: number, pick: number, to: number): void {
    const flow = this.one(region, "flow", pick);
    const row = this.rows(region, "flow").get(flow ?? "");
    if (flow === undefined || !row) return;
    const owner = JSON.parse(row.get("user_id") ?? "null") as string;
    this.#owners.set(flow, owner);
    const projects = this.projectsOf(region, owner);
    const data = what === "saveTheSame" ? json({ same: flow, n: to % 2 }) : this.graph();
    const saved = {
      data,
      version_token: json(this.fresh("token")),
      last_modified_by: json(USERS[to % USERS.length]),
    };
    const values: Partial<Record<Deed, Record<string, string>>> = {
      editGraph: saved,
      saveTheSame: row.get("data") === data ? {} : saved,
      rename: { name: json(`name-${to % 3}`) },
      setEndpoint: { endpoint_name: to === 0 ? "null" : json(`hook-${to % 2}`) },
      describe: { description: json(`${this.#made}`), locked: json(to % 2 === 0) },
      // In LangFlow, a user without projects gets one before a flow is moved, so this move does nothing.
      move: projects.length === 0 ? {} : { folder_id: json(projects[to % projects.length]) },
      show: { access_type: json(to % 2 === 0 ? "PUBLIC" : "PRIVATE") },
    };
    const replaced = row.get("data");
    const written = values[what] ?? {};
    if (!Object.entries(written).some(([column, value]) => row.get(column) !== value)) return;
    if (!this.edit(region, "flow", flow, written)) return;
    if (what === "editGraph" || what === "saveTheSame") this.ledger.did(region, flow, { graph: data, replaced });
    else if (what !== "move" && what !== "show") this.ledger.did(region, flow, {});
  }

  private deleteFlow(region: number, flow: string | undefined): void {
    if (flow === undefined) return;
    const replaced = this.rows(region, "flow").get(flow)?.get("data");
    this.at(region).edit("flow", flow, undefined, this.clock(region));
    this.ledger.did(region, flow, { isDelete: true, replaced });
  }

  /** Changes a project. LangFlow deletes a project together with its flows. */
  private project(what: Deed, region: number, pick: number, to: number): void {
    const project = this.one(region, "folder", pick);
    const name = json(`project-${to % 3}`);
    const owner = USERS[pick % USERS.length] ?? "";
    if (what === "makeProject") {
      if (this.rows(region, "user").has(owner))
        this.edit(region, "folder", this.fresh("project"), { user_id: json(owner), name });
    } else if (project !== undefined && what === "renameProject") this.edit(region, "folder", project, { name });
    else if (project !== undefined) {
      for (const [flow, row] of [...this.rows(region, "flow")])
        if (row.get("folder_id") === json(project)) this.deleteFlow(region, flow);
      this.at(region).edit("folder", project, undefined, this.clock(region));
    }
  }

  private deleteUser(region: number): void {
    if (!this.rows(region, "user").has("w")) return;
    for (const [flow, row] of [...this.rows(region, "flow")])
      if (row.get("user_id") === json("w")) this.deleteFlow(region, flow);
    this.at(region).edit("user", "w", undefined, this.clock(region));
  }

  private part(what: Deed, region: number, pick: number): void {
    const table = what.endsWith("Share") ? "authz_share" : "flow_version";
    if (what.startsWith("add")) {
      const flow = this.one(region, "flow", pick);
      if (flow === undefined) return;
      const id = this.fresh("part");
      const number = json(1 + this.ofFlow(region, "flow_version", flow).length);
      const version = { flow_id: json(flow), version_number: number, data: json("graph") };
      const share = { resource_type: json("flow"), resource_id: json(flow), scope: json("team"), target_id: json(id) };
      this.edit(region, table, id, table === "authz_share" ? share : version);
      return;
    }
    const id = this.one(region, table, pick);
    if (id === undefined) return;
    const values = what.startsWith("edit") ? { description: json(`${this.#now}`) } : undefined;
    this.at(region).edit(table, id, values, this.clock(region));
  }

  /** Adds a schedule to a flow, or child rows to the flow's schedule. */
  private hang(what: Deed, region: number, pick: number): void {
    const flow = this.one(region, "flow", pick);
    if (flow === undefined) return;
    const [trigger] = this.ofFlow(region, "trigger", flow)[0] ?? [];
    const id = this.fresh("part");
    if (what === "addTrigger") {
      const user_id = this.rows(region, "flow").get(flow)?.get("user_id") ?? "null";
      if (trigger === undefined) this.edit(region, "trigger", id, { flow_id: json(flow), user_id, node_id: json("n") });
      this.#triggers.set(id, flow);
    } else if (trigger !== undefined) {
      const hangs = { trigger_id: json(trigger) };
      const subscription = { ...hangs, provider: json("slack"), provider_subscription_id: json(id) };
      this.edit(region, "trigger_subscription", id, subscription);
      this.edit(region, "trigger_source_version", `${trigger}/i`, { ...hangs, item_key: json("i"), version: json(id) });
    }
  }

  private edit(region: number, table: string, id: string, values: Record<string, string>): boolean {
    return this.at(region).edit(table, id, values, this.clock(region));
  }

  private fresh(what: string): string {
    this.#made += 1;
    return `${what}-${String(this.#made).padStart(4, "0")}`;
  }

  private graph(): string {
    return json({ nodes: [{ id: this.fresh("graph") }] });
  }

  private rows(region: number, table: string): ReadonlyMap<string, ReadonlyMap<string, string>> {
    return this.at(region).live.get(table) ?? new Map();
  }

  /** Returns one of the ids in a region's table. */
  private one(region: number, table: string, pick: number): string | undefined {
    const ids = [...this.rows(region, table).keys()].sort();
    return ids[pick % Math.max(ids.length, 1)];
  }

  private projectsOf(region: number, owner: string): string[] {
    const rows = [...this.rows(region, "folder")].filter(([, row]) => row.get("user_id") === json(owner));
    return rows.map(([id]) => id).sort();
  }

  private ofFlow(region: number, table: string, flow: string): [string, ReadonlyMap<string, string>][] {
    return [...this.rows(region, table)].filter(([, row]) => row.get("flow_id") === json(flow));
  }

  /**
   * Delivers a region's segments to another region: all of them, or only some, ahead of earlier ones. @returns the
   * number of published rows
   */
  private async exchange(from: number, to: number, share: number): Promise<number> {
    return (await this.round(from, from, 0)) + (await this.round(to, from, share));
  }

  /** Makes a region read its own feed, as after a restore, then another region's feed, and then publish. */
  private async round(of: number, from: number, share: number): Promise<number> {
    const { tables, read } = this.region(of);
    const [own, others] = [this.unread(of, of, 0), this.unread(of, from, share)];
    for (const part of own) this.ledger.read(of, part);
    await readOwn(tables, own, this.#now);
    for (const part of others) {
      this.ledger.read(of, part);
      await applyRows(tables, CARRIED, structuredClone(part));
      this.ledger.shows(of, tables);
    }
    const told = await round(tables);
    this.ledger.shows(of, tables);
    this.ledger.told(of, told);
    if (told.length === 0) return 0;
    read.get(of)?.add(told);
    this.#parts[of]?.push(told);
    for (const each of told) this.count(each);
    return told.length;
  }

  private count({ table, id, row }: ReplicatedRow): void {
    if (table === "user" && row.deletedAt !== undefined) this.#lost.add(id);
    const owner = table === "flow" ? row.cells.user_id?.value : undefined;
    if (owner !== undefined && !this.#owners.has(id)) this.#owners.set(id, JSON.parse(owner));
    if (!COUNTED.includes(table)) return;
    const column = { flow_version: "flow_id", authz_share: "resource_id" }[table] ?? "trigger_id";
    const whole = row.cells[column]?.value;
    if (row.deletedAt !== undefined) this.deleted.add(`${table} ${id}`);
    else if (whole !== undefined && row.unitedWith === undefined) this.told.set(`${table} ${id}`, JSON.parse(whole));
  }

  private unread(of: number, from: number, share: number): ReplicatedRow[][] {
    return unread(this.#parts[from] ?? [], this.region(of).read.get(from) ?? new Set(), share);
  }

  private region(region: number): Region {
    const found = this.regions[region];
    if (!found) throw new Error(`no region ${region}`);
    return found;
  }

  private clock(region: number): number {
    const { skews, tick } = this.clocks;
    return Math.floor(this.#now / tick) * tick + (skews[region] ?? 0);
  }
}
