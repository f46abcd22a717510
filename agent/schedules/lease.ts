/**
 * The lease, an object in the witness's bucket. Its times come from the regions' databases, in milliseconds since
 * 1970. They are compared only with the times for which runs are scheduled, which are the same everywhere, and never
 * with a different machine's clock.
 */
export interface Lease {
  /** The current or last holder. */
  readonly region: string;
  /** The fencing token, which increases at each change of the holder. */
  readonly generation: number;
  /** Start of the holder's span. The holder fires runs scheduled after this time. */
  readonly after: number;
  /** End of the holder's span, inclusive. The next holder's span starts here. */
  readonly until: number;
  /** Time that other regions wait before they take over, counted from when they first see this lease. */
  readonly termMs: number;
  /** True if the holder has released the lease, so that no region has to wait. */
  readonly given?: true | undefined;
  /** The region to which the lease was released. For a short time, only this region may take it. */
  readonly to?: string | undefined;
}

/** The fence in the region's database, and the database's clock. */
export interface Fence {
  /** True if this region is the holder. Schedules fire only until `until`. */
  readonly holder: boolean;
  readonly generation: number;
  readonly after: number;
  readonly until: number;
  /** The last lease that this region requested. It is stored before the request, because the response may be lost. */
  readonly asked: { readonly generation: number; readonly until: number };
  /** The database's clock, read before any request that depends on it. */
  readonly now: number;
}

/** Duration of a lease. If a holder is lost, no schedule fires for about this time. */
export const TERM_MS = 20_000;
/** Interval between two renewals, and between two polls of the waiting regions. */
export const RENEW_MS = 5_000;
/** Allowance for clock drift, as a fraction of the wait. Synchronized clocks drift far less. */
const RATE_DRIFT = 0.01;
const MARGIN_MS = 2_000;
/** Time for which a handed-over lease is reserved for its region: two of its polls. */
const MEANT_FOR_MS = 12_000;

/** Input of a region's decision. */
export interface View {
  readonly region: string;
  /** The region that creates the lease if none exists. */
  readonly named: string;
  readonly fence: Fence;
  /** Undefined if no lease exists. */
  readonly lease: Lease | undefined;
  /** Milliseconds of the monotonic clock since the process first saw this lease, or its absence. */
  readonly unchangedMs: number;
  /** True if LangFlow responds now. */
  readonly isHealthy: boolean;
  /** False if LangFlow is down or the agent is shutting down. */
  readonly mayHold: boolean;
  /** The region to which an operator is handing over the schedules. */
  readonly giveTo?: string | undefined;
}

/** The next step. */
export type Step =
  | { readonly kind: "wait" }
  /** Close the fence, because the lease no longer belongs to this region. */
  | { readonly kind: "close" }
  /** Close the fence, then release the lease at the witness. */
  | { readonly kind: "give"; readonly lease: Lease; readonly to: string | undefined }
  /** Request this lease. If the witness accepts it, fire until `until`, which may be before the lease expires. */
  | { readonly kind: "hold"; readonly lease: Lease; readonly until: number };

/**
 * Decides a region's next step. Two rules prevent duplicate runs. The first needs no clock: each holder fires only runs
 * scheduled in its own span. Spans do not overlap, because a lease starts where the last written lease ends, and a
 * write is a compare-and-swap of the lease that was read. The second rule, to wait for a whole term, prevents two
 * regions from polling and listening at the same time.
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

/** Returns the lease as the region releases it after closing its fence. */
export function given(lease: Lease, closedAt: number, to: string | undefined): Lease {
  const until = Math.max(lease.after, Math.min(lease.until, closedAt));
  return { ...lease, until, given: true, to };
}

/**
 * Returns true if the database contains all runs fired under a lease of its region. A restored or newly created
 * database does not, and would fire them again.
 */
function isKnown({ asked }: Fence, { generation, until }: Lease): boolean {
  return asked.generation >= generation && asked.until >= until;
}

function hasRunOut({ unchangedMs }: View, termMs: number): boolean {
  return unchangedMs >= termMs * (1 + RATE_DRIFT) + MARGIN_MS;
}

/**
 * Lets the configured region create the lease. A lease may have been lost, so the region waits for a whole term first.
 */
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

/** Returns a generation above that of every earlier lease, even a lost one. */
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
  // If the clock was set back, schedules up to the old `until` have already fired.
  return { kind: "hold", lease: { ...lease, until: Math.max(lease.until, until) }, until };
}
