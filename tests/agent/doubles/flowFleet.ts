import fc from "fast-check";
import type { CarriedRow } from "../../../agent/accounts/langflowTables";
import { round, rulesOf, unread } from "./accountRounds";
import { MemoryTables } from "./memoryTables";

const REGIONS = ["us-east", "eu-west", "ap-south"];
const CARRIED = rulesOf("user", "flow", "flow_version", "trigger", "trigger_subscription", "trigger_source_version");
const FLOWS = ["f", "g"];
const OWNER = '"u"';
/** What the oracle counts: rows whose deletes are for ever. */
const COUNTED = ["flow_version", "trigger_subscription"];

export type Step =
  | {
      readonly do: "deleteFlow" | "editFlow" | "makeAnew" | "addVersion" | "addTrigger" | "addSubscription" | "git";
      readonly region: number;
      readonly flow: string;
    }
  | { readonly do: "editVersion" | "deleteVersion"; readonly region: number; readonly pick: number }
  | { readonly do: "exchange"; readonly from: number; readonly to: number; readonly share: number }
  | { readonly do: "save" | "putBack" | "epoch"; readonly region: number };

const region = fc.nat(REGIONS.length - 1);
const flow = fc.constantFrom(...FLOWS);
const aboutFlow = (name: Extract<Step, { flow: string }>["do"], weight: number) => ({
  weight,
  arbitrary: fc.record({ do: fc.constant(name), region, flow }),
});
const aboutVersion = (name: "editVersion" | "deleteVersion", weight: number) => ({
  weight,
  arbitrary: fc.record({ do: fc.constant(name), region, pick: fc.nat(9) }),
});

/** @param also what else happens to a region as a whole */
export const historiesWith = (...also: readonly ("save" | "putBack" | "epoch")[]): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.oneof(
      aboutFlow("addVersion", 6),
      aboutFlow("addTrigger", 2),
      aboutFlow("addSubscription", 3),
      aboutFlow("deleteFlow", 4),
      aboutFlow("editFlow", 3),
      aboutFlow("makeAnew", 1),
      aboutFlow("git", 7),
      aboutVersion("editVersion", 2),
      aboutVersion("deleteVersion", 2),
      {
        weight: 7,
        arbitrary: fc.record({ do: fc.constant("exchange" as const), from: region, to: region, share: fc.nat(2) }),
      },
      ...also.map((name) => ({ weight: 1, arbitrary: fc.record({ do: fc.constant(name), region }) })),
    ),
    { minLength: 10, maxLength: 60, size: "max" },
  );

export const clocks = fc.array(fc.integer({ min: -500, max: 500 }), {
  minLength: REGIONS.length,
  maxLength: REGIONS.length,
});

/** A flow as the flow sync of a region left it. */
interface Synced {
  /** The commit that was looked at last; undefined where there is no common past. */
  readonly base?: number;
  readonly edited?: boolean;
}

interface Region {
  readonly tables: MemoryTables;
  readonly read: ReadonlyMap<number, Set<CarriedRow[]>>;
  readonly synced: Map<string, Synced>;
}

const copyOf = ({ tables, read, synced }: Region): Region => ({
  tables: tables.copy(),
  read: new Map([...read].map(([from, parts]) => [from, new Set(parts)])),
  synced: new Map(synced),
});

/**
 * Regions that have two flows by Git, and what is part of these by the accounts. Git here is one file a flow: an edit wins over
 * a delete, and nothing reads as deleted without a common past.
 */
export class FlowFleet {
  readonly regions = REGIONS.map(
    (name): Region => ({
      tables: new MemoryTables(name, CARRIED),
      read: new Map([...REGIONS.keys()].map((from) => [from, new Set()])),
      synced: new Map(),
    }),
  );
  /** By what the oracle counts, the flow it is part of: whatever any region told. */
  readonly told = new Map<string, string>();
  /** Of these what somebody deleted by itself, or with a flow that a person made anew. */
  readonly deleted = new Set<string>();
  readonly #git = new Map<string, { exists: boolean; commit: number }>();
  readonly #triggers = new Map<string, string>();
  readonly #saved = new Map<number, Region>();
  readonly #parts: CarriedRow[][][] = REGIONS.map(() => []);
  #made = 0;
  #now = 1_000_000;

  constructor(private readonly skews: readonly number[]) {}

  /** All regions have the owner and both flows. */
  async begin(): Promise<void> {
    this.at(0).edit("user", "u", { username: '"ada"', is_active: "true" }, this.clock(0));
    for (const flow of FLOWS) {
      this.#git.set(flow, { exists: true, commit: 1 });
      for (const region of REGIONS.keys()) this.git(region, flow);
    }
    await this.settle();
  }

  async run(step: Step): Promise<void> {
    this.#now += 10;
    if (step.do === "exchange") await this.exchange(step.from, step.to, step.share);
    else if (step.do === "editVersion" || step.do === "deleteVersion") this.version(step);
    else if (step.do === "git") this.git(step.region, step.flow);
    else if ("flow" in step) this.flow(step);
    else this.whole(step.do, step.region);
  }

  async settle(): Promise<void> {
    for (let round = 0; round < 6; round += 1) {
      this.#now += 10;
      for (const region of REGIONS.keys()) for (const flow of FLOWS) this.git(region, flow);
      for (const to of REGIONS.keys()) for (const from of REGIONS.keys()) await this.exchange(from, to, 0);
    }
  }

  private whole(happens: "save" | "putBack" | "epoch", region: number): void {
    if (happens === "save") this.#saved.set(region, copyOf(this.region(region)));
    else if (happens === "epoch") {
      this.at(region).takeChanges();
      this.#parts[region] = [structuredClone(this.at(region).remembered())];
    } else {
      const saved = copyOf(this.#saved.get(region) ?? this.region(region));
      saved.synced.clear();
      this.regions[region] = saved;
    }
  }

  private flow({ do: what, region, flow }: Extract<Step, { flow: string }>): void {
    const tables = this.at(region);
    const isHere = tables.live.get("flow")?.has(flow) === true;
    const at = this.clock(region);
    if (what === "makeAnew") {
      if (!isHere) tables.makeAnew(flow, { user_id: OWNER, access_type: '"PRIVATE"' }, at);
      this.edited(region, flow);
    } else if (isHere && what === "deleteFlow") tables.edit("flow", flow, undefined, at);
    else if (isHere && what === "editFlow") this.edited(region, flow);
    else if (isHere) this.add(region, flow, what);
  }

  private edited(region: number, flow: string): void {
    const { synced } = this.region(region);
    synced.set(flow, { ...synced.get(flow), edited: true });
  }

  private add(region: number, flow: string, what: string): void {
    this.#made += 1;
    const [tables, id] = [this.at(region), `id-${String(this.#made).padStart(4, "0")}`];
    const trigger = [...(tables.live.get("trigger") ?? [])].find(([, row]) => row.get("flow_id") === `"${flow}"`)?.[0];
    const part = { flow_id: JSON.stringify(flow), user_id: OWNER };
    if (what === "addVersion") {
      const number = JSON.stringify(1 + this.ofFlow(region, "flow_version", flow).length);
      tables.edit("flow_version", id, { ...part, version_number: number, data: '"graph"' }, this.clock(region));
    } else if (what === "addTrigger") {
      if (trigger === undefined) this.trigger(region, flow, id, "armed");
    } else if (trigger !== undefined) {
      const hangs = { trigger_id: JSON.stringify(trigger) };
      const subscription = { ...hangs, provider: '"slack"', provider_subscription_id: JSON.stringify(id) };
      tables.edit("trigger_subscription", id, subscription, this.clock(region));
      const item = { ...hangs, item_key: '"i"', version: JSON.stringify(id) };
      tables.edit("trigger_source_version", `${trigger}/i`, item, this.clock(region));
    }
  }

  /** The flow of a trigger that any region ever had. */
  flowOf(trigger: string): string {
    return this.#triggers.get(trigger) ?? "";
  }

  private trigger(region: number, flow: string, id: string, state: string): void {
    const trigger = { flow_id: JSON.stringify(flow), user_id: OWNER, node_id: '"n"', state: JSON.stringify(state) };
    this.at(region).edit("trigger", id, trigger, this.clock(region));
    this.#triggers.set(id, flow);
  }

  private version({ do: what, region, pick }: Extract<Step, { pick: number }>): void {
    const ids = [...(this.at(region).live.get("flow_version")?.keys() ?? [])];
    const id = ids[pick % Math.max(ids.length, 1)];
    if (id === undefined) return;
    const values = what === "editVersion" ? { description: JSON.stringify(`${this.#now}`) } : undefined;
    this.at(region).edit("flow_version", id, values, this.clock(region));
  }

  private git(region: number, flow: string): void {
    const { tables, synced } = this.region(region);
    const file = this.#git.get(flow) ?? { exists: false, commit: 0 };
    const { base, edited = false } = synced.get(flow) ?? {};
    const isHere = tables.live.get("flow")?.has(flow) === true;
    if (isHere && (edited || (!file.exists && base === undefined))) this.commit(flow, true);
    else if (isHere && !file.exists) tables.edit("flow", flow, undefined, this.clock(region));
    else if (!isHere && file.exists && base === file.commit) this.commit(flow, false);
    else if (!isHere && file.exists) this.bring(region, flow);
    const isLeft = tables.live.get("flow")?.has(flow) === true;
    synced.set(flow, isLeft ? { base: this.#git.get(flow)?.commit ?? 0 } : {});
  }

  private commit(flow: string, exists: boolean): void {
    this.#git.set(flow, { exists, commit: (this.#git.get(flow)?.commit ?? 0) + 1 });
  }

  /** LangFlow makes a pending trigger with each flow that it saves. */
  private bring(region: number, flow: string): void {
    this.at(region).bring(flow, { user_id: OWNER, access_type: '"PRIVATE"' });
    this.#made += 1;
    this.trigger(region, flow, `id-${String(this.#made).padStart(4, "0")}`, "pending");
  }

  /** A region's parts reach another: all of them, or some before those that were told before them. */
  private async exchange(from: number, to: number, share: number): Promise<void> {
    await this.round(from, from, 0);
    await this.round(to, from, share);
  }

  private async round(of: number, from: number, share: number): Promise<void> {
    const { tables, read } = this.region(of);
    const told = await round(tables, ...this.unread(of, of, 0), ...this.unread(of, from, share));
    if (told.length === 0) return;
    read.get(of)?.add(told);
    this.#parts[of]?.push(told);
    for (const each of told) this.count(each);
  }

  private count({ table, id, row }: CarriedRow): void {
    if (!COUNTED.includes(table)) return;
    const whole = row.cells[table === "flow_version" ? "flow_id" : "trigger_id"]?.value;
    if (row.deletedAt !== undefined) this.deleted.add(`${table} ${id}`);
    else if (whole !== undefined && row.unitedWith === undefined) this.told.set(`${table} ${id}`, JSON.parse(whole));
  }

  private unread(of: number, from: number, share: number): CarriedRow[][] {
    return unread(this.#parts[from] ?? [], this.region(of).read.get(from) ?? new Set(), share);
  }

  ofFlow(region: number, table: string, flow: string): [string, ReadonlyMap<string, string>][] {
    const rows = [...(this.at(region).live.get(table) ?? [])];
    return rows.filter(([, row]) => row.get("flow_id") === JSON.stringify(flow));
  }

  at(region: number): MemoryTables {
    return this.region(region).tables;
  }

  private region(region: number): Region {
    const found = this.regions[region];
    if (!found) throw new Error(`no region ${region}`);
    return found;
  }

  private clock(region: number): number {
    return this.#now + (this.skews[region] ?? 0);
  }
}
