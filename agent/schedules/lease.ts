/**
 * The one object of the witness's bucket. Times are of regions' databases, in milliseconds since 1970: they are never
 * compared with another machine's clock, only with moments for which schedules fire, which are the same everywhere.
 */
export interface Lease {
  /** The current or last holder. */
  readonly region: string;
  /** The fencing token: increased at each change of the holder. */
  readonly generation: number;
  /** The holder fires schedules that are due later than this, */
  readonly after: number;
  /** and not later than this: the next holder starts there. */
  readonly until: number;
  /** How long the others wait before they take over, from when they first saw this lease. */
  readonly termMs: number;
  /** The holder has released it: nobody has to wait. */
  readonly given?: true | undefined;
  /** The region it was released to. Other regions still wait before they take over. */
  readonly to?: string | undefined;
}

/** The fence in the region's database, and its clock. */
export interface Fence {
  /** Until when schedules fire in this region at most. */
  readonly holder: boolean;
  readonly generation: number;
  readonly after: number;
  readonly until: number;
  /** The last lease that this region requested. Stored before the request, as the response may be lost. */
  readonly asked: { readonly generation: number; readonly until: number };
  /** The database's clock, read before any request that depends on it. */
  readonly now: number;
}

/** The lease's duration. After the loss of a holder no schedule fires for at most this long. */
export const TERM_MS = 20_000;
/** Between two renewals, and between two polls of the waiting regions. */
export const RENEW_MS = 5_000;
/** Allowance for clock drift, as a fraction of the wait: synchronized clocks drift far less. */
const RATE_DRIFT = 0.01;
const MARGIN_MS = 2_000;
/** How long a handed-over lease is reserved for its region: two of its polls. */
const MEANT_FOR_MS = 12_000;

/** The input of a region's decision. */
export interface View {
  readonly region: string;
  /** The region that creates the lease if there is none. */
  readonly named: string;
  readonly fence: Fence;
  /** Undefined: there is none. */
  readonly lease: Lease | undefined;
  /** Milliseconds of the monotonic clock since the process first saw this lease, or its absence. */
  readonly unchangedMs: number;
  /** LangFlow responds now. */
  readonly isHealthy: boolean;
  /** False if LangFlow has been down for long, or the agent stops. */
  readonly mayHold: boolean;
  /** The region to which an operator gave the schedules. */
  readonly giveTo?: string | undefined;
}

/** What to do next. */
export type Step =
  | { readonly kind: "wait" }
  /** Close the fence: the lease is no longer this region's. */
  | { readonly kind: "close" }
  /** Close the fence, then release the lease at the witness. */
  | { readonly kind: "give"; readonly lease: Lease; readonly to: string | undefined }
  /** Request this lease. If the witness accepts it, fire until `until`, which may be before the lease expires. */
  | { readonly kind: "hold"; readonly lease: Lease; readonly until: number };

/**
 * Decides a region's next step. Two rules keep a schedule from firing twice. The first needs no clock: each holder fires only schedules due
 * in its own span. Spans do not overlap, since a lease starts where the last written one ends, and a write is a compare-and-swap of the
 * lease that was read. The second rule, to wait a whole term, keeps two regions from polling and listening at once.
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

/** The lease as the region releases it, once its fence is closed. */
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

/** The configured region creates the lease. If one was lost, its term has to pass first. */
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

/** Above the generation of every earlier lease, even a lost one. */
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
  // The clock may have been set back: schedules up to then have fired already.
  return { kind: "hold", lease: { ...lease, until: Math.max(lease.until, until) }, until };
}
