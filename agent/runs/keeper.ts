import type { RunFencing } from "./fence";
import type { TakenRunsStore } from "./takenObject";
import { decideRuns, RELIED_MS, type Taken, type TakenRuns } from "./takenRuns";

export interface RunsKeeperOptions {
  readonly region: string;
  readonly fence: RunFencing;
  /** Undefined if there is no witness. Then a run goes on only in the region in which it paused. */
  readonly store: TakenRunsStore | undefined;
  /**
   * Whether the database has the other regions' changes, and its own changes from before a restore. Until then no run
   * may go on: it may have ended.
   */
  readonly isCaughtUp: () => boolean;
  /** The monotonic clock. */
  readonly steadyMs: () => number;
}

const NONE: TakenRuns = { runs: {} };

/** Keeps the fence of the region's waiting runs, one round at a time. */
export class RunsKeeper {
  /** By run, its last take-over, and when this process first read of it. */
  readonly #seen = new Map<string, Taken & { readonly atMs: number }>();

  constructor(private readonly options: RunsKeeperOptions) {}

  /**
   * Reads which runs were taken over, and takes over those that a person answered in this region.
   *
   * @returns the number of runs that the region took; undefined if there is no fence yet
   */
  async round(): Promise<number | undefined> {
    const { region, fence, store, isCaughtUp, steadyMs } = this.options;
    const found = await fence.read();
    if (!found) return undefined;
    if (!isCaughtUp()) return 0;
    // Also without a witness, the fence stays open for only as long as the agent runs: a backup contains it.
    const until = found.now + RELIED_MS;
    if (!store) {
      await fence.rule({ region, takesOver: false, resumable: [], blocked: [], fulfilled: [], until });
      return 0;
    }
    // The database's clock was read before this request: no later take-over is missing for RELIED_MS from then.
    const seen = await store.read();
    const taken = seen?.value ?? NONE;
    this.see(taken);
    const fulfilled = Object.keys(taken.runs).filter((key) => taken.runs[key]?.region === region);
    const { resumable, blocked, wanted, take } = decideRuns({
      region,
      taken,
      waiting: found.waiting,
      takenForMs: (key) => steadyMs() - (this.#seen.get(key)?.atMs ?? Number.POSITIVE_INFINITY),
      nowMs: Date.now(),
    });
    await fence.rule({ region, takesOver: true, resumable, blocked, fulfilled, until });
    if (wanted.length === 0 || !(await store.write(take, seen))) return 0;
    // The wait begins now: every read of a different region that misses these take-overs began earlier.
    this.see(take);
    return wanted.length;
  }

  /** Notes when this process first read of each take-over. */
  private see({ runs }: TakenRuns): void {
    const nowMs = this.options.steadyMs();
    for (const key of this.#seen.keys()) if (!runs[key]) this.#seen.delete(key);
    for (const [key, taken] of Object.entries(runs)) {
      const before = this.#seen.get(key);
      if (before?.region !== taken.region || before.at !== taken.at) this.#seen.set(key, { ...taken, atMs: nowMs });
    }
  }
}
