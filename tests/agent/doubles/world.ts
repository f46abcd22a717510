import type { JsonObject } from "../../../agent/flows/canonicalJson";
import type { FlowFile } from "../../../agent/flows/flowFile";
import { SnapshotReader } from "../../../agent/git/snapshot";
import { Holds } from "../../../agent/holds";
import { cycle, type Outcome } from "../../../agent/sync/cycle";
import { Raced, type Region, type Workspaces } from "../../../agent/sync/region";
import { FakeLangFlow, type Normaliser } from "./fakeLangFlow";
import { MemoryHost, MemoryRepository } from "./memoryHost";

/** A secret that must never leave a region. */
export const CANARY = "canary-7f3d9b1e5a";

/** An agent is killed, at any instruction. */
class Killed extends Error {}

interface Place {
  readonly name: string;
  readonly langflow: FakeLangFlow;
  /** Milliseconds that the region's clocks are ahead. */
  skewMs: number;
  region: Region;
}

export interface WorldOptions {
  readonly regions?: number;
  readonly normalisers?: readonly Normaliser[];
  readonly findSecrets?: (file: FlowFile) => Promise<readonly { field: string; rule: string }[]>;
  readonly deletes?: Region["deletes"];
}

/** Regions around one Git host, with the agent's own code between them, and time that only moves when it is told to. */
export class World {
  readonly host: MemoryHost;
  readonly places: Place[];
  readonly logged: string[] = [];
  readonly released = new Set<string>();
  clock = Date.UTC(2026, 0, 1);
  private steps = Number.POSITIVE_INFINITY;

  constructor(private readonly options: WorldOptions = {}) {
    this.host = new MemoryHost(() => this.clock);
    this.host.faults.step = () => this.step();
    this.places = Array.from({ length: options.regions ?? 2 }, (_, index): Place => {
      const name = `r${index}`;
      const langflow = new FakeLangFlow(() => this.time(index), options.normalisers?.[index]);
      langflow.faults.step = () => this.step();
      return { name, langflow, skewMs: 0, region: this.region(name, langflow, index) };
    });
  }

  place(index: number): Place {
    return this.places[index] as Place;
  }

  /** Lets time pass. */
  pass(milliseconds: number): void {
    this.clock += milliseconds;
  }

  /**
   * One cycle of one region's agent.
   *
   * @param steps requests and statements until it is killed, and another one takes its place
   */
  async sync(index: number, steps = Number.POSITIVE_INFINITY): Promise<Outcome | undefined> {
    const { region, langflow } = this.place(index);
    this.steps = steps;
    // The agent's own clock is that of its region.
    const now = Date.now;
    Date.now = () => this.time(index);
    try {
      const [outcome] = await cycle(region, this.whose(langflow));
      this.logged.push(JSON.stringify(outcome));
      return outcome;
    } catch (error) {
      if (error instanceof Killed) this.restart(index);
      else if (!(error instanceof Raced)) throw error;
      return undefined;
    } finally {
      Date.now = now;
      this.steps = Number.POSITIVE_INFINITY;
    }
  }

  /** Another agent takes over: it knows what the region's database knows. */
  restart(index: number): void {
    const place = this.place(index);
    place.region = this.region(place.name, place.langflow, index);
  }

  /**
   * Syncs all in turn until nothing changes.
   *
   * @throws Error where there is no end
   */
  async settle(rounds = 12, state = () => this.state()): Promise<void> {
    for (let round = 0; round < rounds; round += 1) {
      const before = state();
      // What was held is tried again.
      this.pass(11 * 60_000);
      for (const index of this.places.keys()) await this.sync(index);
      if (state() === before) return;
    }
    throw new Error(
      `still changing after ${rounds} rounds:\n${[...this.host.history()].map((c) => c.message).join("\n")}`,
    );
  }

  /** Everything that users and the host see. */
  state(): string {
    return JSON.stringify([this.host.head, this.places.map(({ langflow }) => langflow.writes)]);
  }

  private whose(langflow: FakeLangFlow): Workspaces {
    return {
      at: async (head) => ({ head, workspaces: [{ workspace: "default", userId: "user", langflow: langflow.api }] }),
    };
  }

  private time(index: number): number {
    return this.clock + (this.places?.[index]?.skewMs ?? 0);
  }

  private step(): void {
    this.steps -= 1;
    if (this.steps < 0) throw new Killed();
  }

  private region(name: string, langflow: FakeLangFlow, index: number): Region {
    const repository = new MemoryRepository(this.host, name, () => this.time(index));
    const taken = new Set<string>();
    return {
      name,
      store: langflow.store,
      repository,
      // biome-ignore lint/suspicious/noExplicitAny: a class of its own, with the same methods
      reader: new SnapshotReader(repository as any),
      holds: new Holds(),
      deletes: this.options.deletes ?? { share: 1, number: Number.POSITIVE_INFINITY },
      releases: {
        has: (_, id) => taken.has(id),
        take: (_, { ids, code }) => {
          if (!this.released.has(code)) return false;
          for (const id of ids) taken.add(id);
          return true;
        },
      },
      findSecrets: this.options.findSecrets ?? (async () => []),
      onClockAhead: (by, milliseconds) => this.logged.push(`clock ahead ${by} ${milliseconds}`),
    };
  }
}

/** A graph with a text, and a secret beside it. */
export const graph = (text: string, secret = CANARY): JsonObject => ({
  nodes: [
    {
      id: "n",
      data: { node: { template: { text: { value: text }, api_key: { password: true, value: secret } } } },
    },
  ],
  edges: [],
});

/** The text of a graph. */
export function textOf(data: unknown): string {
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into any shape
  const value = (data as any)?.nodes?.[0]?.data?.node?.template?.text?.value;
  return typeof value === "string" ? value : "";
}
