import type { Method } from "../providers/shared/server";

export const KINDS = ["throttle", "timeout", "crash", "outage", "silent", "echo"] as const;
export type FaultKind = (typeof KINDS)[number];

/** A failure to come. */
export interface FaultRequest {
  /** Only calls of this stack's providers; any where absent. */
  readonly stack?: string;
  /** aws, cloudflare, kubernetes or random; any where absent. */
  readonly provider?: string;
  /** Only calls about what is in this AWS region, whichever stack owns it; any where absent. */
  readonly region?: string;
  /** Type token of a resource or function; any where absent. */
  readonly type?: string;
  /** Any where absent. */
  readonly method?: Method;
  /** Fails the n-th matching call from now, counted from 1. Previews are not counted. */
  readonly nth: number;
  /**
   * throttle and timeout: nothing is done. crash: it is done, and the cloud dies before it answers. outage: nothing can be
   * reached, in previews too, until the failures are forgotten. silent: as long, but calls are taken and never answered. echo:
   * nothing is done, and the error repeats what was asked, secrets and all, as AWS' validation errors do.
   */
  readonly kind: FaultKind;
}

export interface PlannedFault extends FaultRequest {
  /** Matching calls so far. */
  readonly seen: number;
}

interface Call {
  readonly stack: string;
  readonly provider: string;
  readonly type: string;
  readonly method: Method;
  readonly region?: string;
}

/** Kinds that last until they are forgotten, and that previews feel as well. */
const isLasting = ({ kind }: FaultRequest): boolean => kind === "outage" || kind === "silent";

/** The failures asked for. Each happens once, but those that last. */
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
   * Counts a call against every plan; the kind of failure that is due now.
   *
   * @param counted false for a call of a preview, which only what lasts can fail
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
 * What the Kubernetes provider answers without its cluster: checks, and previews of anything but a read. So a preview in
 * which nothing of it changes ends well (pulumi-kubernetes, provider.go, `clusterUnreachable`; tests/cluster/regions.test.ts).
 */
function needsNoCluster({ provider, method }: Call, counted: boolean): boolean {
  return provider === "kubernetes" && (method === "check" || (!counted && method !== "read"));
}

const FILTERS = ["stack", "provider", "type", "method", "region"] as const;

function concerns(fault: FaultRequest, call: Call): boolean {
  return FILTERS.every((key) => fault[key] === undefined || fault[key] === call[key]);
}
