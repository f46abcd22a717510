import type { Fault } from "./faults";
import type { LockObject } from "./lock";

/** What a drill needs of a fleet, local or on the clouds. */
export interface Backend {
  /** The public name, as users call it. */
  readonly publicUrl: string;
  /** The superuser's key, which is good in every region. */
  readonly apiKey: string;
  /** By what the drill passes Cloudflare Access: headers of the fleet's own token; none where it is not on. */
  readonly accessHeaders: Readonly<Record<string, string>>;
  /** Headers that make a request come from a region's side; none on the clouds, where it comes from this machine. */
  from(region: string): Record<string, string>;
  /** The region that answered; undefined where that cannot be known. */
  answeredBy(headers: Headers): string | undefined;
  /** Address of one region's LangFlow, past the public name. */
  reach(region: string): Promise<string>;
  /** Address of one region's Prometheus; undefined where nothing watches it. */
  prometheus(region: string): Promise<string | undefined>;
  /** What the monitor says of each region's pool. */
  pools(): Promise<ReadonlyMap<string, PoolVerdict>>;
  /** What is wrong with the fleet, a line each, before anything is taken away. */
  troubles(): Promise<string[]>;
  /** What the fleet would have to be for that fault, and is not, a line each: no waiting changes it. */
  lacks(fault: Fault, region: string): Promise<string[]>;
  /** LangFlow's pods in a region. */
  pods(region: string): Promise<Pods>;
  /** What of a region's database could be restored if it fell now, by somebody who had prepared nothing for it. */
  restorable(region: string, survivor: string): Promise<Restorable>;
  /** What a fault needs that a fleet does not have by itself: done before anybody is measured, and harmless once it is there. */
  prepare(fault: Fault, region: string): Promise<void>;
  /** Resolved once all that the fault takes is gone, and not only going. */
  takeAway(fault: Fault, region: string): Promise<void>;
  /** Undoes {@link takeAway}; harmless where there is nothing to undo. */
  putBack(fault: Fault, region: string): Promise<void>;
  /** Keys below a prefix in a region's flow bucket, with the time each came there, in milliseconds since 1970. */
  keys(region: string, prefix: string): Promise<ReadonlyMap<string, number>>;
  /** Keeps a text in a region's flow bucket, where whoever lost this machine finds it; in words where. */
  keep(region: string, key: string, contents: string): Promise<string>;
  /** The fleet's one lock of drills: the same object from every checkout. */
  lockObject(): LockObject;
  close(): Promise<void>;
}

export interface Restorable {
  /** The newest state, in milliseconds since 1970; absent: nothing can be restored yet. */
  readonly at?: number;
  /** Of what, and where. */
  readonly said: string;
}

/** How many pods of LangFlow there are. */
export interface Pods {
  readonly ready: number;
  /** What its autoscaler wants at the moment, and at most; absent where there is none. */
  readonly wanted?: number;
  readonly most?: number;
}

export interface PoolVerdict {
  /** Undefined: not known yet. */
  readonly healthy: boolean | undefined;
  readonly enabled: boolean;
  /** Since when, in milliseconds since 1970; where only asked now and then, since that was first seen. */
  readonly since: number;
}
