/**
 * The one object of the witness's bucket. Times are of regions' databases, in milliseconds since 1970: they are never
 * compared with another machine's clock, only with moments for which schedules fire, which are the same everywhere.
 */
export interface Lease {
  /** Who holds the schedules, or held them last. */
  readonly region: string;
  /** One more each time they change hands. */
  readonly generation: number;
  /** The holder fires what is due later than this, */
  readonly after: number;
  /** and not later than this: whoever comes next begins there. */
  readonly until: number;
  /** How long others wait, from when they first saw this lease, before one of them takes it. */
  readonly termMs: number;
  /** The holder has stopped by itself: nobody has to wait. */
  readonly given?: true | undefined;
  /** For whom it stopped; another region waits before it takes them all the same. */
  readonly to?: string | undefined;
}

/** What the region's database goes by, and what its clock says. */
export interface Fence {
  /** Schedules fire in this region, until then at most. */
  readonly holder: boolean;
  readonly generation: number;
  readonly after: number;
  readonly until: number;
  /** What this region asked the witness for last: kept before it is asked, as the answer may be lost. */
  readonly asked: { readonly generation: number; readonly until: number };
  /** The database's clock; of before anything was asked for that is decided by it. */
  readonly now: number;
}

/** Milliseconds a lease is good for. A holder that is lost leaves no more than this without schedules. */
export const TERM_MS = 20_000;
/** Between two renewals, and between two looks of those who wait. */
export const RENEW_MS = 5_000;
/** Clocks that are kept in time differ in rate by far less than this; beyond it, a part of the wait. */
const RATE_DRIFT = 0.01;
const MARGIN_MS = 2_000;
/** How long schedules that were given to one region wait for it: two of its looks. */
const MEANT_FOR_MS = 12_000;

/** What a region knows when it decides. */
export interface View {
  readonly region: string;
  /** The region that makes the lease where there is none. */
  readonly named: string;
  readonly fence: Fence;
  /** Undefined: there is none. */
  readonly lease: Lease | undefined;
  /** Milliseconds, by this process's own steady clock, since it first saw this lease, or that there is none. */
  readonly unchangedMs: number;
  /** LangFlow answers now. */
  readonly isHealthy: boolean;
  /** Not where LangFlow has been down for long, or the agent ends. */
  readonly mayHold: boolean;
  /** A person gave the schedules to this region. */
  readonly giveTo?: string | undefined;
}

/** What to do next. */
export type Step =
  | { readonly kind: "wait" }
  /** The database holds what is not this region's any more. */
  | { readonly kind: "close" }
  /** Stop here, then tell the witness. */
  | { readonly kind: "give"; readonly lease: Lease; readonly to: string | undefined }
  /** Ask the witness for this lease; if it takes it, fire until `until`, which may be before the lease's own end. */
  | { readonly kind: "hold"; readonly lease: Lease; readonly until: number };

/**
 * What a region does with what it sees. Two rules keep a schedule from firing twice, and the first needs no clock: each
 * holder fires moments of its own span alone, spans do not overlap, since a lease begins where the last one that was
 * written ends, and a write counts only in place of the one that was read. The second, waiting a whole term, keeps two
 * from polling and listening at once.
 */
export function decide(view: View): Step {
  const { region, fence, lease, mayHold, giveTo } = view;
  if (!lease) return make(view);
  if (lease.region !== region || lease.given || !isKnown(fence, lease))
    return fence.holder ? { kind: "close" } : take(view, lease);
  if (!mayHold || (giveTo !== undefined && giveTo !== region))
    return { kind: "give", lease, to: mayHold ? giveTo : undefined };
  return held(view, lease);
}

/** The lease as the region leaves it, once its database lets nothing through any more. */
export function given(lease: Lease, closedAt: number, to: string | undefined): Lease {
  const until = Math.max(lease.after, Math.min(lease.until, closedAt));
  return { ...lease, until, given: true, to };
}

/**
 * Whether the database knows all that was fired under a lease of its region. One that was restored, or made anew, does
 * not: what it would fire again it takes for never fired.
 */
function isKnown({ asked }: Fence, { generation, until }: Lease): boolean {
  return asked.generation >= generation && asked.until >= until;
}

function hasRunOut({ unchangedMs }: View, termMs: number): boolean {
  return unchangedMs >= termMs * (1 + RATE_DRIFT) + MARGIN_MS;
}

/** Who is named makes the lease. Where one has been lost, its holder's time has to pass first. */
function make(view: View): Step {
  const { region, named, fence, isHealthy, mayHold } = view;
  const isWithoutEnd = fence.holder && fence.until === Number.POSITIVE_INFINITY;
  if (region !== named) return fence.holder ? { kind: "close" } : { kind: "wait" };
  if (fence.holder && !isWithoutEnd && fence.now >= fence.until) return { kind: "close" };
  if (!isHealthy || !mayHold || !hasRunOut(view, TERM_MS)) return { kind: "wait" };
  const after = isWithoutEnd ? fence.after : Math.max(fence.now, fence.asked.until);
  const lease = { region, generation: firstGeneration(fence), after, until: after, termMs: TERM_MS };
  return held(view, lease);
}

/** Above those of every lease there was, also one that nobody remembers. */
export function firstGeneration({ now, generation }: Fence): number {
  return Math.max(Math.floor(now / 1000), generation + 1);
}

function take(view: View, last: Lease): Step {
  const { region, fence, unchangedMs, isHealthy, mayHold } = view;
  if (!isHealthy || !mayHold) return { kind: "wait" };
  const isMeantForMe = last.to === undefined || last.to === region || unchangedMs >= MEANT_FOR_MS;
  if (last.given ? !isMeantForMe : !hasRunOut(view, last.termMs)) return { kind: "wait" };
  const isOwn = last.region === region && isKnown(fence, last);
  const lease = {
    region,
    generation: Math.max(last.generation, fence.generation) + 1,
    after: isOwn ? last.after : last.until,
    until: last.until,
    termMs: TERM_MS,
  };
  return held(view, lease);
}

function held({ fence }: View, { to: _, ...lease }: Lease): Step {
  const until = Math.floor(fence.now) + TERM_MS;
  // The clock may have been set back: what was fired up to then was fired.
  return { kind: "hold", lease: { ...lease, until: Math.max(lease.until, until) }, until };
}
