import { type Cycle, cycle } from "../../../agent/record/cycle";
import type { Parts } from "../../../agent/record/parts";
import { FakeLangFlow } from "../doubles/fakeLangFlow";
import { MemoryHost, MemoryRepository } from "../doubles/memoryHost";
import { type FleetOptions, partsOf, unlessRaced } from "./fleet";

/** An agent is killed, at any instruction. */
class Killed extends Error {}

interface Region {
  readonly langflow: FakeLangFlow;
  repository: MemoryRepository;
  parts: Parts;
}

/** A fleet around a Git host in memory, with the recorder's own code, and time that only moves when it is told to. */
export class SimulatedFleet {
  readonly host: MemoryHost;
  readonly regions = new Map<string, Region>();
  readonly released = new Set<string>();
  recorder: string;
  readonly isCaughtUp = true;
  clock = Date.UTC(2026, 0, 1);
  private steps = Number.POSITIVE_INFINITY;

  constructor(
    readonly names: readonly string[] = ["us-east"],
    private readonly options: FleetOptions = {},
  ) {
    this.host = new MemoryHost(() => this.clock);
    this.host.step = () => this.step();
    this.recorder = names[0] ?? "";
    for (const name of names) {
      const langflow = new FakeLangFlow(name, () => this.clock);
      langflow.faults.step = () => this.step();
      const repository = new MemoryRepository(this.host, name);
      this.regions.set(name, { langflow, repository, parts: partsOf(this, name, langflow, repository, options) });
    }
  }

  region(name = this.recorder): Region {
    const region = this.regions.get(name);
    if (!region) throw new Error(`no region ${name}`);
    return region;
  }

  get langflow(): FakeLangFlow {
    return this.region().langflow;
  }

  pass(seconds: number): void {
    this.clock += seconds * 1000;
  }

  /** @param steps after which the agent is killed and another one takes its place. @returns undefined where it was */
  async cycle(name = this.recorder, steps = Number.POSITIVE_INFINITY): Promise<Cycle | undefined> {
    this.pass(10);
    this.steps = steps;
    // The agent's own clock is that of its region.
    const now = Date.now;
    Date.now = () => this.clock;
    try {
      return await unlessRaced(() => cycle(this.region(name).parts));
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      this.restart(name);
      return undefined;
    } finally {
      Date.now = now;
      this.steps = Number.POSITIVE_INFINITY;
    }
  }

  /** @param isLost whether the region's clone is lost */
  restart(name: string, isLost = false): void {
    const region = this.region(name);
    if (isLost) region.repository = new MemoryRepository(this.host, name);
    region.parts = partsOf(this, name, region.langflow, region.repository, this.options);
  }

  /** Cycles until nothing changes. */
  async settle(rounds = 8): Promise<Cycle | undefined> {
    for (let round = 0; round < rounds; round += 1) {
      const before = this.state();
      // What was held is tried again.
      this.pass(11 * 60);
      const done = await this.cycle();
      if (this.state() === before) return done;
    }
    const messages = [...this.host.history()].map(({ author, message }) => `${author}: ${message}`);
    throw new Error(`still changing after ${rounds} rounds:\n${messages.slice(0, 8).join("\n")}`);
  }

  messages(): string[] {
    return [...this.host.history()].map(({ message }) => message);
  }

  /** A flow's file with changes in it, as a person edits it. */
  edited(path: string, changes: object): string {
    return `${JSON.stringify({ ...JSON.parse(this.host.contents().get(path) ?? "{}"), ...changes }, null, 2)}\n`;
  }

  private state(): string {
    return JSON.stringify([this.host.head, [...this.regions.values()].map(({ langflow }) => langflow.writes)]);
  }

  private step(): void {
    this.steps -= 1;
    if (this.steps < 0) throw new Killed();
  }
}
