import { setTimeout as sleep } from "node:timers/promises";
import type { Backend, Pods } from "./backend";
import { traffic } from "./measure";
import type { Sample, UnderLoad } from "./report";

/** Poll interval. On the clouds, each poll runs `kubectl`. */
const ASK_MS = 5_000;

/**
 * After this time without a higher desired count, the autoscaler will not scale up. It polls every 15 seconds and uses
 * the last minute's metrics (Kubernetes, "Horizontal Pod Autoscaling").
 */
const UNWANTED_MS = 120_000;

interface Seen extends Pods {
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** Records the number of LangFlow pods in a region that takes over a different region's visitors. */
export class PodWatch {
  private readonly seen: Seen[] = [];
  private readonly stopped = new AbortController();
  private readonly watching: Promise<void>;

  constructor(
    private readonly backend: Pick<Backend, "pods">,
    readonly region: string,
    private readonly paces = { askMs: ASK_MS, unwantedMs: UNWANTED_MS },
  ) {
    this.watching = this.watch();
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    await this.watching;
  }

  /**
   * Whether the region has scaled up to its autoscaler's desired count, or will not scale up: no autoscaler exists, it
   * is at its maximum, or it has had enough time.
   */
  get hasScaled(): boolean {
    const last = this.seen.at(-1);
    if (!last) return false;
    const { ready, wanted, most } = last;
    if (wanted === undefined || most === undefined || ready >= most) return true;
    const hasHadTime = last.at - (this.seen[0]?.at ?? last.at) >= this.paces.unwantedMs;
    return ready >= wanted && (hasHadTime || moreSince(this.seen) !== undefined);
  }

  /**
   * Returns the region's load measurements, or undefined if no poll succeeded.
   *
   * @param samples requests of all visitors
   * @param from time of the fault, in milliseconds since 1970
   * @param to when the drilled region was restored, in milliseconds since 1970
   */
  found(factor: number, samples: readonly Sample[], from: number, to: number): UnderLoad | undefined {
    const [first] = this.seen;
    if (!first) return undefined;
    const readyAt = moreSince(this.seen);
    const most = this.seen.findLast((each) => each.most !== undefined)?.most;
    return {
      factor,
      region: this.region,
      podsBefore: first.ready,
      podsMost: Math.max(...this.seen.map(({ ready }) => ready)),
      ...(most !== undefined && { podsAllowed: most }),
      ...(readyAt !== undefined && { readySeconds: (readyAt - from) / 1000 }),
      scaling: traffic(samples, from, readyAt ?? to),
      ...(readyAt !== undefined && { scaled: traffic(samples, readyAt, to) }),
    };
  }

  private async watch(): Promise<void> {
    const { signal } = this.stopped;
    while (!signal.aborted) {
      // A failed poll is retried by the next poll.
      const pods = await this.backend.pods(this.region).catch(() => undefined);
      if (pods) this.seen.push(Object.assign({ at: Date.now() }, pods));
      await sleep(this.paces.askMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** Returns when the number of ready pods first exceeded its initial value, in milliseconds since 1970. */
const moreSince = (seen: readonly Seen[]): number | undefined =>
  seen.find(({ ready }) => ready > (seen[0]?.ready ?? 0))?.at;
