import { decide, type Fence, firstGeneration, given, type Lease, type Step } from "./lease";
import type { SeenLease, Witness } from "./witness";

/** The fence in the region's database. */
export interface Fencing {
  read(): Promise<Fence | undefined>;
  ask(lease: Pick<Lease, "generation" | "until">): Promise<void>;
  open(lease: Pick<Lease, "generation" | "after">, until: number): Promise<void>;
  close(): Promise<number>;
}

export interface KeeperOptions {
  readonly region: string;
  /** The region that the configuration names. */
  readonly named: string;
  readonly fence: Fencing;
  /** Undefined if there is no witness. Then the configured region holds the schedules. */
  readonly witness: Witness | undefined;
  readonly health: () => Promise<{ isHealthy: boolean; isDown: boolean }>;
  /** Returns the region to which an operator is handing over the schedules. */
  readonly giveTo: () => string | undefined;
  /** The monotonic clock. */
  readonly steadyMs: () => number;
}

/** Outcome of a round. */
export interface Standing {
  readonly isHolder: boolean;
  readonly generation: number;
  /** The current holder, according to the witness. */
  readonly holder: string | undefined;
}

/** Holds the schedules' lease or waits for it, one round at a time. */
export class Keeper {
  #seen: { etag: string | undefined; atMs: number } | undefined;

  constructor(private readonly options: KeeperOptions) {}

  /**
   * Reads the lease and acts on it. Returns undefined if this LangFlow has no schedules.
   *
   * @param isEnding true if the agent is shutting down and must release its lease
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
    // The region still holds a lease from a witness that was removed. No other region can take that lease before it
    // expires.
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
