import fc from "fast-check";
import type { JsonObject } from "../../../agent/flows/canonicalJson";
import { CANARY, graph, textOf, type World } from "./world";

/** Flows that histories are about. */
export const IDS = [
  "1b7e2c58-3a1d-4c0e-8f43-6d9a0b5c7e21",
  "2b7e2c58-3a1d-4c0e-8f43-6d9a0b5c7e21",
  "3b7e2c58-3a1d-4c0e-8f43-6d9a0b5c7e21",
] as const;
const NAMES = ["One", "Two", "Three"];

/** What may happen, a word each; which of them a history holds is a property's own choice. */
export type Action =
  | { readonly kind: "edit" | "rename" | "describe" | "move" | "endpoint" | "lock" | "delete"; readonly at: Where }
  | { readonly kind: "leak" | "break" | "unlist"; readonly at: Where }
  | { readonly kind: "renameProject" | "langflowAway" | "forget" | "restart"; readonly at: Where }
  | { readonly kind: "hostAway" | "decline" | "mend" | "byHand"; readonly at: Where }
  | { readonly kind: "sync"; readonly at: Where; readonly steps: number };
type Kind = Action["kind"];

interface Where {
  readonly region: number;
  readonly flow: number;
  /** Chooses a name, a project, an endpoint. */
  readonly choice: number;
}

/** How often a thing happens beside the others. */
const WEIGHTS: Partial<Record<Kind, number>> = { edit: 6, sync: 10, rename: 2 };

export function histories(kinds: readonly Kind[], regions: number, maxLength: number): fc.Arbitrary<readonly Action[]> {
  const at = fc.record({ region: fc.nat(regions - 1), flow: fc.nat(IDS.length - 1), choice: fc.nat(2) });
  const steps = fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.nat(25));
  const actions = kinds.map((kind) => {
    const arbitrary: fc.Arbitrary<Action> =
      kind === "sync" ? fc.record({ kind: fc.constant(kind), at, steps }) : fc.record({ kind: fc.constant(kind), at });
    return { arbitrary, weight: WEIGHTS[kind] ?? 1 };
  });
  return fc.array(fc.oneof(...actions), { maxLength });
}

interface Edit {
  readonly id: string;
  readonly text: string;
  readonly at: number;
}

/** Plays a history, and knows what must be true of the world after it. */
export class Play {
  readonly edits: Edit[] = [];
  /** Texts that somebody saw and put another in place of: nobody promises those. */
  readonly replaced = new Set<string>();
  private count = 0;

  constructor(readonly world: World) {}

  async run(actions: readonly Action[]): Promise<this> {
    for (const action of actions) {
      this.world.pass(1_000);
      await this.act(action);
    }
    return this;
  }

  /** Takes all faults away, and lets the regions come to an end. */
  async end(): Promise<this> {
    this.mend();
    for (const { langflow } of this.world.places)
      for (const [id, { flow }] of langflow.rows)
        if (textOf(flow.data).includes(CANARY)) {
          langflow.save(id, { locked: false });
          this.edit(langflow, id, { name: String(flow.name) });
        }
    await this.world.settle();
    return this;
  }

  /** Every flow as a user of a region sees it, less what a release writes in its own way. */
  seen(index: number): string[] {
    const { langflow } = this.world.place(index);
    return [...langflow.rows.values()]
      .map(({ id, flow, folder }) => {
        const { name, description, endpoint_name: endpoint, locked } = flow;
        return JSON.stringify([
          id,
          name,
          textOf(flow.data),
          description || null,
          langflow.projects.get(folder),
          endpoint,
          locked,
        ]);
      })
      .sort();
  }

  /** Edits that are nowhere: in no region, not in Git, nor in its history. */
  lost(): Edit[] {
    const found = new Set<string>();
    for (const { langflow } of this.world.places)
      for (const { flow } of langflow.rows.values()) found.add(textOf(flow.data));
    for (const { tree } of this.world.host.history())
      for (const blob of tree.values()) {
        const contents = this.world.host.blobs.get(blob)?.toString() ?? "";
        if (contents.startsWith("{")) found.add(textOf(JSON.parse(contents).data));
      }
    return this.edits.filter(({ text }) => !found.has(text) && !this.replaced.has(text));
  }

  /** Everything that left a region, and everything that was told. */
  leaked(): boolean {
    const { host, logged } = this.world;
    const left = [...host.blobs.values()].map(String).concat([...host.commits.values()].map(({ message }) => message));
    return left.concat(logged).some((text) => text.includes(CANARY));
  }

  private async act(action: Action): Promise<void> {
    const { region, flow, choice } = action.at;
    const { langflow } = this.world.place(region);
    const id = IDS[flow] ?? IDS[0];
    const row = langflow.rows.get(id);
    switch (action.kind) {
      case "sync":
        await this.world.sync(region, action.steps).catch((error) => this.expected(error));
        return;
      case "edit":
        return this.edit(langflow, id, row ? {} : { name: this.freeName(langflow, choice) });
      case "leak":
        return row && this.edit(langflow, id, {}, `${CANARY} `);
      case "rename": {
        const name = NAMES[choice] ?? "";
        if (row && !langflow.isTaken("name", name, id)) this.save(langflow, id, { name });
        return;
      }
      case "describe":
        return row && this.save(langflow, id, { description: `d${choice}` });
      case "move":
        if (row && row.flow.locked !== true) langflow.save(id, {}, ["P", "Q", "Starter Project"][choice]);
        return;
      case "endpoint": {
        const endpoint = [null, "e1", "e2"][choice] ?? null;
        if (row && !langflow.isTaken("endpoint_name", endpoint, id))
          this.save(langflow, id, { endpoint_name: endpoint });
        return;
      }
      case "lock":
        if (row) langflow.save(id, { locked: row.flow.locked !== true });
        return;
      case "delete":
        if (row) this.replaced.add(textOf(row.flow.data));
        return langflow.remove(id);
      case "renameProject":
        if (![...langflow.projects.values()].includes("R")) langflow.renameProject(choice === 0 ? "P" : "Q", "R");
        return;
      case "break":
        return void langflow.faults.broken.add(id);
      case "unlist":
        return void langflow.faults.unlisted.add(id);
      case "langflowAway":
        langflow.faults.away = true;
        return;
      case "forget":
        langflow.states = new Map();
        langflow.head = undefined;
        return;
      case "restart":
        return this.world.restart(region);
      case "hostAway":
        this.world.host.faults.away = true;
        return;
      case "decline":
        this.world.host.faults.declines = (paths) =>
          paths.some((path) => path.includes(NAMES[choice] ?? "")) ? "declined" : undefined;
        return;
      case "byHand":
        return this.editByHand(id);
      case "mend":
        return this.mend();
    }
  }

  /** The same faults end a cycle in the agent's own loop, which then tries again. */
  private expected(error: unknown): void {
    const expected = ["GitUnreachable", "LangFlowUnreachable", "DatabaseUnreachable"];
    if (!(error instanceof Error) || !expected.includes(error.constructor.name)) throw error;
  }

  private edit(langflow: World["places"][number]["langflow"], id: string, changes: JsonObject, before = ""): void {
    const row = langflow.rows.get(id);
    // The UI lets nobody edit a locked flow.
    if (row?.flow.locked === true) return;
    this.count += 1;
    const text = `${before}t${this.count}`;
    if (row) this.replaced.add(textOf(row.flow.data));
    langflow.save(id, { ...changes, data: graph(text) });
    if (before === "") this.edits.push({ id, text, at: this.world.clock });
  }

  private save(langflow: World["places"][number]["langflow"], id: string, changes: JsonObject): void {
    if (langflow.rows.get(id)?.flow.locked !== true) langflow.save(id, changes);
  }

  private editByHand(id: string): void {
    const { host } = this.world;
    const [path, text] = [...host.contents()].find(([, contents]) => contents.includes(`"id": "${id}"`)) ?? [];
    if (path === undefined || text === undefined) return;
    this.count += 1;
    const flow = JSON.parse(text);
    const token = `t${this.count}`;
    this.replaced.add(textOf(flow.data));
    flow.data.nodes[0].data.node.template.text.value = token;
    host.edit("a person", this.world.clock, new Map([[path, JSON.stringify(flow)]]));
    this.edits.push({ id, text: token, at: this.world.clock });
  }

  private freeName(langflow: World["places"][number]["langflow"], choice: number): string {
    for (let count = choice; ; count += 1) {
      const name = NAMES[count % 3] ?? "";
      const free = count < 6 ? name : `${name} ${count}`;
      if (!langflow.isTaken("name", free, "")) return free;
    }
  }

  private mend(): void {
    const { host, places } = this.world;
    host.faults.away = false;
    delete host.faults.declines;
    for (const { langflow } of places) {
      langflow.faults.away = false;
      langflow.faults.broken.clear();
      langflow.faults.unlisted.clear();
    }
  }
}

/** A likely secret, as the scanner would find it: what this world's secrets look like. */
export const findCanary = async (file: { text: string }) =>
  file.text.includes(CANARY) ? [{ field: "nodes[n].template.text", rule: "canary" }] : [];
