import type { ReplicatedRow } from "../../../agent/accounts/langflowTables";
import type { MemoryTables } from "./memoryTables";

/** A user's action on a flow in a region, and the earlier actions whose effects the user saw. */
interface Deed {
  readonly number: number;
  readonly flow: string;
  readonly isDelete: boolean;
  /** The graph that the user saved. */
  readonly graph: string | undefined;
  /** The flow's graph before the action. */
  readonly replaced: string | undefined;
  readonly knew: ReadonlySet<number>;
}

interface Knowledge {
  /** By flow, the actions that the region has read. */
  readonly known: ReadonlyMap<string, ReadonlySet<number>>;
  /** By flow, the known actions whose effects the region's table shows. */
  readonly shown: ReadonlyMap<string, ReadonlySet<number>>;
  /** The region's own actions that it has not published. */
  readonly untold: ReadonlySet<number>;
}

const NOTHING: Knowledge = { known: new Map(), shown: new Map(), untold: new Set() };

/**
 * Tracks which region knew of which action, independently of the agent: action by action, without clocks. The ledger
 * derives which flows must exist, which graphs may be lost, and which copies are justified.
 */
export class FlowLedger {
  #deeds: Deed[] = [];
  readonly #regions: Knowledge[];
  readonly #saved = new Map<number, Knowledge>();
  /** The actions that were known of a row when it was published. */
  readonly #sent = new Map<ReplicatedRow, ReadonlySet<number>>();
  /**
   * Flows that were edited just before a database was saved, when the agent had not read the edit yet. After the
   * restore, the agent takes the edit for a new one that no region knows. A needless copy is better than a lost edit.
   */
  readonly #twice = new Set<string>();
  /** By flow that no user created, the first graph that was published for it. */
  readonly #copies = new Map<string, string>();
  readonly #made = new Set<string>();
  #last = 0;

  constructor(regions: number) {
    this.#regions = Array.from({ length: regions }, () => NOTHING);
  }

  /** Records a user's action on a flow in the state that the region shows. */
  did(region: number, flow: string, deed: { graph?: string; replaced?: string | undefined; isDelete?: boolean }): void {
    this.#last += 1;
    this.#made.add(flow);
    const { known, shown, untold } = this.at(region);
    const knew = shown.get(flow) ?? new Set();
    const { graph, replaced, isDelete = false } = deed;
    this.#deeds.push({ number: this.#last, flow, graph, replaced, isDelete, knew });
    const also = (before: ReadonlySet<number> | undefined) => new Set([...(before ?? []), this.#last]);
    this.#regions[region] = {
      known: new Map(known).set(flow, also(known.get(flow))),
      shown: new Map(shown).set(flow, also(knew)),
      untold: also(untold),
    };
  }

  told(region: number, rows: readonly ReplicatedRow[]): void {
    const { known } = this.at(region);
    for (const each of rows) {
      if (each.table !== "flow") continue;
      this.#sent.set(each, known.get(each.id) ?? new Set());
      const graph = each.row.cells.data?.value;
      if (graph !== undefined && !this.#made.has(each.id) && !this.#copies.has(each.id))
        this.#copies.set(each.id, graph);
    }
    this.#regions[region] = { ...this.at(region), untold: new Set() };
  }

  read(region: number, rows: readonly ReplicatedRow[]): void {
    const { known, ...rest } = this.at(region);
    const read = new Map(known);
    for (const each of rows)
      if (each.table === "flow")
        read.set(each.id, new Set([...(read.get(each.id) ?? []), ...(this.#sent.get(each) ?? [])]));
    this.#regions[region] = { ...rest, known: read };
  }

  /** Updates what the region's users see: everything known of a flow, unless the flow waits as a whole. */
  shows(region: number, tables: MemoryTables): void {
    const { known, shown, untold } = this.at(region);
    const seen = [...known].filter(([flow]) => tables.states.get("flow")?.get(flow)?.shown === undefined);
    this.#regions[region] = { known, untold, shown: new Map([...shown, ...seen]) };
  }

  save(region: number): void {
    this.#saved.set(region, this.at(region));
  }

  /** Restores the saved state. What the region has done since and not published is lost with its database. */
  putBack(region: number): void {
    const saved = this.#saved.get(region);
    if (!saved) return;
    const lost = [...this.at(region).untold].filter((number) => !saved.untold.has(number));
    this.#deeds = this.#deeds.filter(({ number }) => !lost.includes(number));
    for (const { number, flow, isDelete } of this.#deeds)
      if (!isDelete && saved.untold.has(number)) this.#twice.add(flow);
    this.#regions[region] = saved;
  }

  /** Flows that users created, and whether they must exist: a flow must if some edit was unknown to every delete. */
  get expected(): ReadonlyMap<string, boolean> {
    const flows = [...this.#made].map((flow) => [flow, this.isAlive(flow)] as const);
    return new Map(flows.filter(([flow, isAlive]) => isAlive || !this.#twice.has(flow)));
  }

  /** Graphs that users saved and that no user who saw them has replaced or deleted. */
  get kept(): string[] {
    const replaced = new Set(this.#deeds.map((deed) => deed.replaced));
    return this.#deeds.flatMap(({ graph, flow }) =>
      graph === undefined || replaced.has(graph) || !this.isOfSomebody(flow) ? [] : [graph],
    );
  }

  /** Copies without a reason. A copy is justified if its graph was saved concurrently with a different one. */
  get needlessCopies(): string[] {
    return [...this.#copies].flatMap(([copy, graph]) => (this.isNeeded(graph) ? [] : [copy]));
  }

  private isNeeded(graph: string): boolean {
    const edits = this.#deeds.filter((deed) => deed.graph !== undefined);
    return edits.some(
      (one) =>
        one.graph === graph &&
        (this.#twice.has(one.flow) ||
          edits.some(
            (other) =>
              other.flow === one.flow && !one.knew.has(other.number) && !other.knew.has(one.number) && one !== other,
          )),
    );
  }

  private isAlive(flow: string): boolean {
    const deeds = this.#deeds.filter((deed) => deed.flow === flow);
    const deletes = deeds.filter(({ isDelete }) => isDelete);
    // A delete of a copy knows of its creation, which is no user's action.
    if (this.#copies.has(flow) && deletes.length === 0) return true;
    return deeds.some(({ number, isDelete }) => !isDelete && deletes.every(({ knew }) => !knew.has(number)));
  }

  /** Returns whether a flow's user exists. The fleet sets this function. */
  isOfSomebody: (flow: string) => boolean = () => true;

  private at(region: number): Knowledge {
    return this.#regions[region] ?? NOTHING;
  }
}
