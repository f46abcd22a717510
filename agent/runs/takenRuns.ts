/** Runs that a region took over from the region in which they paused. */
export interface TakenRuns {
  /** By {@link WaitingRun.key}, the region that took the run last. */
  readonly runs: Readonly<Record<string, Taken>>;
}

export interface Taken {
  readonly region: string;
  /** When the region took the run, in milliseconds since 1970 by its own clock; only to forget old entries. */
  readonly at: number;
}

/** A run that waits for a person, in this region's database. */
export interface WaitingRun {
  /** Identifies the run and its pause in all regions. */
  readonly key: string;
  /** Whether a person answered it here, although it may not go on in this region. */
  readonly isWished: boolean;
}

/** How long a region may rely on what it read from the witness. Three failed requests in a row do not exceed it. */
export const RELIED_MS = 10_000;
/** Interval between two reads of the witness. */
export const READ_EVERY_MS = 2_000;
/** Allowance for clock drift, as a fraction of the wait, and for a clock that is set back. */
const RATE_DRIFT = 0.01;
const MARGIN_MS = 2_000;
/**
 * How long a region that took a run waits before it goes on with it: any other region has read of the take-over by
 * then, or may go on with no run.
 */
export const TAKE_OVER_MS = RELIED_MS * (1 + RATE_DRIFT) + MARGIN_MS;
/**
 * How long a run stays with the region that took it before another region may take it. Without this time, two people
 * who answer in two regions would move the run back and forth forever.
 */
const KEPT_MS = 60_000;
/** How long a take-over is remembered: as long as a region may be away. */
const FORGOTTEN_MS = 180 * 86_400_000;

export interface RunsView {
  readonly region: string;
  readonly taken: TakenRuns;
  readonly waiting: readonly WaitingRun[];
  /** By key, milliseconds of the monotonic clock since this process first read of the run's last take-over. */
  readonly takenForMs: (key: string) => number;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

export interface RunsStep {
  /** Keys of runs that may go on in this region because it took them. */
  readonly resumable: readonly string[];
  /**
   * Keys of runs that may not resume in this region: another region took them, or this region's own take-over is too
   * young.
   */
  readonly blocked: readonly string[];
  /** Keys of runs that this region wants, because a person answered them here. */
  readonly wanted: readonly string[];
  /** All take-overs including the wanted ones, to be written by compare-and-swap. */
  readonly take: TakenRuns;
}

/**
 * Decides which of a region's waiting runs may go on in it. A run belongs to the region in which it paused, until a
 * person answers it in another region and that region takes it. Every region reads the take-overs several times within
 * {@link RELIED_MS}, and otherwise goes on with no run. The region that took a run waits for longer than that. So no
 * region resumes a run after a different region did, although neither can ask the other. An answer that the first
 * region accepted, but could not publish before it was cut off, remains unknown to the others.
 */
export function decideRuns({ region, taken, waiting, takenForMs, nowMs }: RunsView): RunsStep {
  const [resumable, blocked, wanted]: [string[], string[], string[]] = [[], [], []];
  for (const { key, isWished } of waiting) {
    const last = taken.runs[key]?.region;
    if (last === region) (takenForMs(key) >= TAKE_OVER_MS ? resumable : blocked).push(key);
    else if (last !== undefined) blocked.push(key);
    const isFree = last === undefined || (last !== region && takenForMs(key) >= KEPT_MS);
    if (isWished && isFree) wanted.push(key);
  }
  const kept = Object.entries(taken.runs).filter(([, { at }]) => nowMs - at < FORGOTTEN_MS);
  const more = wanted.map((key): [string, Taken] => [key, { region, at: nowMs }]);
  return { resumable, blocked, wanted, take: { runs: Object.fromEntries([...kept, ...more]) } };
}
