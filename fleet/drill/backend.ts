import type { Fault } from "./faults";
import type { LockObject } from "./lock";

/**
 * Operations that a drill needs from a fleet. One implementation controls a local fleet, the other a fleet on the
 * clouds.
 */
export interface Backend {
  /** Public URL that users call. */
  readonly publicUrl: string;
  /** API key of the superuser, valid in every region. */
  readonly apiKey: string;
  /**
   * Headers of the fleet's service token, with which the drill passes Cloudflare Access. Empty if Access is disabled.
   */
  readonly accessHeaders: Readonly<Record<string, string>>;
  /**
   * Returns headers that make a request appear to come from a region's side. Empty on the clouds, where every request
   * comes from this machine.
   */
  from(region: string): Record<string, string>;
  /** Returns the region that answered, or undefined if the response does not identify the region. */
  answeredBy(headers: Headers): string | undefined;
  /** Returns the URL of one region's LangFlow, which bypasses the public name. */
  reach(region: string): Promise<string>;
  /** Returns the URL of one region's Prometheus, or undefined if the fleet has no monitoring. */
  prometheus(region: string): Promise<string | undefined>;
  /** Returns the load balancer monitor's verdict on each region's pool. */
  pools(): Promise<ReadonlyMap<string, PoolVerdict>>;
  /** Lists the fleet's current problems, one line each. The drill calls this before it injects a fault. */
  troubles(): Promise<string[]>;
  /** Lists what the fleet lacks for a fault, one line each. Waiting does not fix any of these. */
  lacks(fault: Fault, region: string): Promise<string[]>;
  /** Counts LangFlow's pods in a region. */
  pods(region: string): Promise<Pods>;
  /**
   * Returns the newest state to which a region's database could be restored if the region failed now without
   * preparation.
   */
  restorable(region: string, survivor: string): Promise<Restorable>;
  /** Sets up what a fault needs and a fleet lacks by default. Runs before any measurement and is idempotent. */
  prepare(fault: Fault, region: string): Promise<void>;
  /** Injects the fault. Resolves once everything that the fault affects is down, not merely shutting down. */
  takeAway(fault: Fault, region: string): Promise<void>;
  /** Undoes {@link takeAway}. Idempotent. */
  putBack(fault: Fault, region: string): Promise<void>;
  /**
   * Returns the keys below a prefix in a region's flow bucket, with each object's modification time in milliseconds
   * since 1970.
   */
  keys(region: string, prefix: string): Promise<ReadonlyMap<string, number>>;
  /**
   * Writes a text to a region's flow bucket, so that the text survives the loss of this machine. Returns the object's
   * address.
   */
  keep(region: string, key: string, contents: string): Promise<string>;
  /** Returns the fleet's one drill lock, which is the same S3 object for every checkout. */
  lockObject(): LockObject;
  close(): Promise<void>;
}

export interface Restorable {
  /** Time of the newest restorable state, in milliseconds since 1970. Absent if nothing can be restored yet. */
  readonly at?: number;
  /** Description of the restore source and its location. */
  readonly said: string;
}

/** Pod counts of LangFlow in one region. */
export interface Pods {
  readonly ready: number;
  /** The autoscaler's current desired count and its maximum. Both are absent without an autoscaler. */
  readonly wanted?: number;
  readonly most?: number;
}

export interface PoolVerdict {
  /** Undefined while the monitor's verdict is still unknown. */
  readonly healthy: boolean | undefined;
  readonly enabled: boolean;
  /**
   * Time of the last change, in milliseconds since 1970. If the backend polls, the time at which it first saw the
   * change.
   */
  readonly since: number;
}
