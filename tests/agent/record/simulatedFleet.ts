import { type Cycle, cycle } from "../../../agent/record/cycle";
import type { Parts } from "../../../agent/record/parts";
import { FakeLangFlow } from "../doubles/fakeLangFlow";
import { MemoryHost, MemoryRepository } from "../doubles/memoryHost";
import { type FleetOptions, partsOf, RecordFleet, unlessRaced } from "./fleet";

/** Thrown to kill an agent at an arbitrary step. */
class Killed extends Error {}

interface Region {
  readonly langflow: FakeLangFlow;
  repository: MemoryRepository;
  parts: Parts;
}

/** A fleet with the recorder's own code and a Git host in memory. */
export class SimulatedFleet extends RecordFleet<Region> {
  protected readonly cyclesToSettle = 8;
  readonly host: MemoryHost;
  private steps = Number.POSITIVE_INFINITY;

  constructor(
    readonly names: readonly string[] = ["us-east"],
    private readonly options: FleetOptions = {},
  ) {
    super();
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

  /**
   * Runs one cycle. @param steps after which the agent is killed and replaced. @returns undefined if the agent was
   * killed
   */
  async cycle(name = this.recorder, steps = Number.POSITIVE_INFINITY): Promise<Cycle | undefined> {
    this.pass(10);
    this.steps = steps;
    // The agent uses the clock of its region.
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

  /** Replaces a region's agent. @param isLost whether the region's clone is lost */
  restart(name: string, isLost = false): void {
    const region = this.region(name);
    if (isLost) region.repository = new MemoryRepository(this.host, name);
    region.parts = partsOf(this, name, region.langflow, region.repository, this.options);
  }

  headOf(): string {
    return this.host.head ?? "";
  }

  log(): string {
    const messages = [...this.host.history()].map(({ author, message }) => `${author}: ${message}`);
    return messages.slice(0, 8).join("\n");
  }

  file(path: string): string {
    return this.host.contents().get(path) ?? "{}";
  }

  messages(): string[] {
    return [...this.host.history()].map(({ message }) => message);
  }

  private step(): void {
    this.steps -= 1;
    if (this.steps < 0) throw new Killed();
  }
}
