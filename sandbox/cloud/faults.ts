import type { Method } from "../providers/shared/server";

export const KINDS = ["throttle", "timeout", "crash", "outage", "silent", "echo"] as const;
export type FaultKind = (typeof KINDS)[number];

/** A fault to inject into a later call. */
export interface FaultRequest {
  /** Stack whose provider calls fail. Default: any stack. */
  readonly stack?: string;
  /** Provider whose calls fail: aws, cloudflare, kubernetes or random. Default: any provider. */
  readonly provider?: string;
  /** AWS region whose resources' calls fail, whichever stack owns them. Default: any region. */
  readonly region?: string;
  /** Type token of the resource or function whose calls fail. Default: any type. */
  readonly type?: string;
  /** Provider method that fails. Default: any method. */
  readonly method?: Method;
  /** Which matching call from now on fails, counted from 1. Calls of previews are not counted. */
  readonly nth: number;
  /**
   * Kind of failure.
   * - throttle, timeout: the call fails without an effect.
   * - crash: the call takes effect, and the cloud dies before it answers.
   * - outage: every call fails, in previews too, until the faults are cleared.
   * - silent: every call hangs without an answer, in previews too, until the faults are cleared.
   * - echo: the call fails without an effect, and the error repeats the inputs including secrets, as AWS' validation
   *   errors do.
   */
  readonly kind: FaultKind;
}

export interface PlannedFault extends FaultRequest {
  /** Number of matching calls so far. */
  readonly seen: number;
}

interface Call {
  readonly stack: string;
  readonly provider: string;
  readonly type: string;
  readonly method: Method;
  readonly region?: string;
}

/** Whether a fault lasts until the faults are cleared. Lasting faults affect previews too. */
const isLasting = ({ kind }: FaultRequest): boolean => kind === "outage" || kind === "silent";

/** The planned faults. Each fires once, except lasting faults. */
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

  /**
   * Counts a call against every planned fault and returns the kind of the fault that fires now.
   *
   * @param counted false for a call of a preview, which only a lasting fault can fail
   */
  take(call: Call, counted = true): FaultKind | undefined {
    let due: FaultKind | undefined;
    this.planned = this.planned.flatMap((fault) => {
      if (!concerns(fault, call) || !(counted || isLasting(fault))) return [fault];
      if (fault.kind === "outage" && needsNoCluster(call, counted)) return [fault];
      if (due === undefined && fault.seen + 1 >= fault.nth) {
        due = fault.kind;
        return isLasting(fault) ? [fault] : [];
      }
      return [{ ...fault, seen: fault.seen + 1 }];
    });
    return due;
  }
}

/**
 * Whether the Kubernetes provider answers a call without its cluster: it does for checks, and in previews for
 * everything except reads. A preview without Kubernetes changes therefore succeeds during an outage (pulumi-kubernetes,
 * provider.go, `clusterUnreachable`; tests/cluster/regions.test.ts).
 */
function needsNoCluster({ provider, method }: Call, counted: boolean): boolean {
  return provider === "kubernetes" && (method === "check" || (!counted && method !== "read"));
}

const FILTERS = ["stack", "provider", "type", "method", "region"] as const;

function concerns(fault: FaultRequest, call: Call): boolean {
  return FILTERS.every((key) => fault[key] === undefined || fault[key] === call[key]);
}
