import { decide, type Fence, firstGeneration, given, type Lease, type Step } from "./lease";
import type { SeenLease, Witness } from "./witness";

/** The region's database, as the keeper uses it. */
export interface Fencing {
  read(): Promise<Fence | undefined>;
  ask(lease: Pick<Lease, "generation" | "until">): Promise<void>;
  open(lease: Pick<Lease, "generation" | "after">, until: number): Promise<void>;
  close(): Promise<number>;
}

export interface KeeperOptions {
  readonly region: string;
  /** The region that config names. */
  readonly named: string;
  readonly fence: Fencing;
  /** Undefined: there is none, and the region that is named holds them. */
  readonly witness: Witness | undefined;
  readonly health: () => Promise<{ isHealthy: boolean; isDown: boolean }>;
  /** To which region a person gave the schedules. */
  readonly giveTo: () => string | undefined;
  /** The process's own clock, which nobody sets. */
  readonly steadyMs: () => number;
}

/** What a round left. */
export interface Standing {
  readonly isHolder: boolean;
  readonly generation: number;
  /** Who else holds them, as far as the witness says. */
  readonly holder: string | undefined;
}

/** Holds the schedules, or waits for them, a round at a time. */
export class Keeper {
  #seen: { etag: string | undefined; atMs: number } | undefined;

  constructor(private readonly options: KeeperOptions) {}

  /**
   * One look, and what follows from it. Undefined: this LangFlow has no schedules.
   *
   * @param isEnding the agent ends: what it holds is given up
   */
  async round(isEnding = false): Promise<Standing | undefined> {
    const { fence, witness } = this.options;
    const state = await fence.read();
    if (!state) return undefined;
    return witness ? this.withWitness(witness, state, isEnding) : this.byWord(state);
  }

  private async byWord(state: Fence): Promise<Standing> {
    const { region, named, fence } = this.options;
    const generation = firstGeneration(state);
    const standing = { isHolder: region === named, generation: state.generation, holder: named };
    if (region !== named) {
      if (state.holder) await fence.close();
      return standing;
    }
    const isWithoutEnd = state.until === Number.POSITIVE_INFINITY;
    if (state.holder && isWithoutEnd) return standing;
    // Up to its end the lease of a witness that is no more was this region's alone.
    const after = state.holder && state.now < state.until ? state.after : Math.max(state.now, state.asked.until);
    await fence.open({ generation, after }, Number.POSITIVE_INFINITY);
    return { ...standing, generation };
  }

  private async withWitness(witness: Witness, state: Fence, isEnding: boolean): Promise<Standing> {
    const { region, named, health, giveTo } = this.options;
    const [seen, { isHealthy, isDown }] = await Promise.all([witness.read(), health()]);
    const mayHold = !isDown && !isEnding;
    const step = decide({
      region,
      named,
      fence: state,
      lease: seen?.lease,
      unchangedMs: this.unchangedMs(seen?.etag),
      isHealthy,
      mayHold,
      giveTo: giveTo(),
    });
    const isHolder = await this.follow(step, witness, seen);
    const generation = step.kind === "hold" ? step.lease.generation : (seen?.lease.generation ?? state.generation);
    const other = seen?.lease.given ? undefined : seen?.lease.region;
    return { isHolder, generation, holder: isHolder ? region : other };
  }

  private async follow(step: Step, witness: Witness, seen: SeenLease | undefined): Promise<boolean> {
    const { fence } = this.options;
    switch (step.kind) {
      case "wait":
        return false;
      case "close":
        await fence.close();
        return false;
      case "give":
        await witness.write(given(step.lease, await fence.close(), step.to), seen);
        return false;
      case "hold":
        await fence.ask(step.lease);
        if (!(await witness.write(step.lease, seen))) return false;
        await fence.open(step.lease, step.until);
        return true;
    }
  }

  private unchangedMs(etag: string | undefined): number {
    const nowMs = this.options.steadyMs();
    if (!this.#seen || this.#seen.etag !== etag) this.#seen = { etag, atMs: nowMs };
    return nowMs - this.#seen.atMs;
  }
}
