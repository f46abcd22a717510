import type { AppliedFrontDoor } from "./appliedFrontDoor";
import type { SeenRequest } from "./expression";

/** Response to a visitor whose request the front door rejects. */
export interface Refusal {
  readonly status: 403 | 429;
  readonly text: string;
}

/** Cloudflare's error codes ("Cloudflare 1xxx errors"): blocked by a rule, and rate limited. */
const BLOCKED: Refusal = { status: 403, text: "error code: 1020\n" };
const LIMITED: Refusal = { status: 429, text: "error code: 1015\n" };

interface Counter {
  /** Start of the current period; `count` is the number of requests in it. */
  since: number;
  count: number;
  blockedUntil: number;
}

/** Evaluates the applied rulesets, as a single data center. */
export class FrontDoor {
  private applied: AppliedFrontDoor = { closing: [], limits: [], headers: [] };
  /** Counters by a limit's ref, then by the visitor's address. */
  private readonly counters = new Map<string, Map<string, Counter>>();

  /** @param now current time, in milliseconds since 1970 */
  constructor(private readonly now: () => number = Date.now) {}

  apply(applied: AppliedFrontDoor): void {
    this.applied = applied;
    for (const ref of this.counters.keys())
      if (!applied.limits.some((limit) => limit.ref === ref)) this.counters.delete(ref);
  }

  /**
   * Returns the rejection of a request, or undefined if it may pass. Once a rule blocks a request, no later rule
   * evaluates it ("Rate limiting rules").
   */
  refuses(request: SeenRequest): Refusal | undefined {
    if (this.applied.closing.some(({ matches }) => matches(request))) return BLOCKED;
    return this.applied.limits.some((limit) => limit.matches(request) && this.isAbove(limit, request.address))
      ? LIMITED
      : undefined;
  }

  /**
   * Returns the headers to set on the response to a request, with names in lower case. They apply to Cloudflare's own
   * responses too.
   */
  headersFor(request: SeenRequest): Record<string, string> {
    return Object.assign({}, ...this.applied.headers.filter(({ matches }) => matches(request)).map(({ set }) => set));
  }

  private isAbove({ ref, requests, periodMs, blockMs }: AppliedFrontDoor["limits"][number], address: string): boolean {
    const at = this.now();
    const ofLimit = this.counters.get(ref) ?? new Map<string, Counter>();
    this.counters.set(ref, ofLimit);
    const counter = ofLimit.get(address) ?? { since: at, count: 0, blockedUntil: 0 };
    ofLimit.set(address, counter);
    if (at < counter.blockedUntil) return true;
    if (at >= counter.since + periodMs) Object.assign(counter, { since: at, count: 0 });
    counter.count++;
    if (counter.count <= requests) return false;
    Object.assign(counter, { blockedUntil: at + blockMs, since: at + blockMs, count: 0 });
    return true;
  }
}
