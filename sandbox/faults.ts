export const METHODS = ["create", "update", "delete", "read", "check", "invoke"] as const;
export type Method = (typeof METHODS)[number];

export const KINDS = ["throttle", "timeout", "crash"] as const;
export type FaultKind = (typeof KINDS)[number];

/** A failure to come. */
export interface FaultRequest {
  /** aws, cloudflare, kubernetes or random; any where absent. */
  readonly provider?: string;
  /** Type token of a resource or function; any where absent. */
  readonly type?: string;
  readonly method: Method;
  /** Fails the n-th matching call from now, counted from 1. Previews are not counted. */
  readonly nth: number;
  /** throttle and timeout: nothing is done. crash: it is done, and the cloud dies before it answers. */
  readonly kind: FaultKind;
}

export interface PlannedFault extends FaultRequest {
  /** Matching calls so far. */
  readonly seen: number;
}

interface Call {
  readonly provider: string;
  readonly type: string;
  readonly method: Method;
}

/** The failures asked for. Each happens once. */
export class FaultPlan {
  private planned: PlannedFault[] = [];

  add(request: FaultRequest): void {
    this.planned.push({ ...request, seen: 0 });
  }

  list(): readonly PlannedFault[] {
    return this.planned;
  }

  clear(): void {
    this.planned = [];
  }

  /** Counts a call against every plan; the kind of failure that is due now. */
  take(call: Call): FaultKind | undefined {
    let due: FaultKind | undefined;
    this.planned = this.planned.flatMap((fault) => {
      const concerns =
        fault.method === call.method &&
        (fault.provider === undefined || fault.provider === call.provider) &&
        (fault.type === undefined || fault.type === call.type);
      if (!concerns) return [fault];
      if (due === undefined && fault.seen + 1 >= fault.nth) {
        due = fault.kind;
        return [];
      }
      return [{ ...fault, seen: fault.seen + 1 }];
    });
    return due;
  }
}
