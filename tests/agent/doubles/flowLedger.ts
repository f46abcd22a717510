import type { ReplicatedRow } from "../../../agent/accounts/langflowTables";
import type { MemoryTables } from "./memoryTables";

/** What a user did to a flow in a region, and which deeds the flow showed that she saw. */
interface Deed {
  readonly number: number;
  readonly flow: string;
  readonly isDelete: boolean;
  /** The graph that she saved. */
  readonly graph: string | undefined;
  /** The graph that was there before. */
  readonly replaced: string | undefined;
  readonly knew: ReadonlySet<number>;
}

interface Knowledge {
  /** By flow, the deeds that the region has read of. */
  readonly known: ReadonlyMap<string, ReadonlySet<number>>;
  /** Of these the deeds that its table shows. */
  readonly shown: ReadonlyMap<string, ReadonlySet<number>>;
  /** Its own that it told nobody of. */
  readonly untold: ReadonlySet<number>;
}

const NOTHING: Knowledge = { known: new Map(), shown: new Map(), untold: new Set() };

/**
 * Who knew of what, counted beside the agent and in another way: each deed by itself, without clocks. It says which flows are to be
 * there, which graphs may be gone, and which copies have a reason.
 */
export class FlowLedger {
  #deeds: Deed[] = [];
  readonly #regions: Knowledge[];
  readonly #saved = new Map<number, Knowledge>();
  /** What was known of a row when it was told. */
  readonly #sent = new Map<ReplicatedRow, ReadonlySet<number>>();
  /**
   * Flows that were edited just before a database was saved, so that its agent had not looked yet: put back, it takes the edit for
   * a new one of which nobody knows. Better once too often than lost.
   */
  readonly #twice = new Set<string>();
  /** By flow that nobody made, the graph that it was first told with. */
  readonly #copies = new Map<string, string>();
  readonly #made = new Set<string>();
  #last = 0;

  constructor(regions: number) {
    this.#regions = Array.from({ length: regions }, () => NOTHING);
  }

  /** A user does something to a flow that she sees as the region shows it. */
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

  /** What the region's users see by now: all that is known of a flow that does not wait as a whole. */
  shows(region: number, tables: MemoryTables): void {
    const { known, shown, untold } = this.at(region);
    const seen = [...known].filter(([flow]) => tables.states.get("flow")?.get(flow)?.shown === undefined);
    this.#regions[region] = { known, untold, shown: new Map([...shown, ...seen]) };
  }

  save(region: number): void {
    this.#saved.set(region, this.at(region));
  }

  /** What the region did since, and told nobody of, is lost with its database. */
  putBack(region: number): void {
    const saved = this.#saved.get(region);
    if (!saved) return;
    const lost = [...this.at(region).untold].filter((number) => !saved.untold.has(number));
    this.#deeds = this.#deeds.filter(({ number }) => !lost.includes(number));
    for (const { number, flow, isDelete } of this.#deeds)
      if (!isDelete && saved.untold.has(number)) this.#twice.add(flow);
    this.#regions[region] = saved;
  }

  /** Flows that users made, with whether they are to be there: where some edit was known to nobody who deleted it. */
  get expected(): ReadonlyMap<string, boolean> {
    const flows = [...this.#made].map((flow) => [flow, this.isAlive(flow)] as const);
    return new Map(flows.filter(([flow, isAlive]) => isAlive || !this.#twice.has(flow)));
  }

  /** Graphs that users saved, and that nobody who saw them replaced or deleted. */
  get kept(): string[] {
    const replaced = new Set(this.#deeds.map((deed) => deed.replaced));
    return this.#deeds.flatMap(({ graph, flow }) =>
      graph === undefined || replaced.has(graph) || !this.isOfSomebody(flow) ? [] : [graph],
    );
  }

  /** Copies of which no two edits say why: of a graph that was saved beside another, neither knowing of the other. */
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
    // Who deletes a copy knows that it was made, which is no deed of anybody.
    if (this.#copies.has(flow) && deletes.length === 0) return true;
    return deeds.some(({ number, isDelete }) => !isDelete && deletes.every(({ knew }) => !knew.has(number)));
  }

  /** Set by the fleet: whether a flow's user is there. */
  isOfSomebody: (flow: string) => boolean = () => true;

  private at(region: number): Knowledge {
    return this.#regions[region] ?? NOTHING;
  }
}
