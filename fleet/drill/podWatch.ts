import { setTimeout as sleep } from "node:timers/promises";
import type { Backend, Pods } from "./backend";
import { traffic } from "./measure";
import type { Sample, UnderLoad } from "./report";

/** `kubectl` is asked as often on the clouds. */
const ASK_MS = 5_000;

/**
 * After so long an autoscaler that wants no more will not: it looks every 15 seconds, at numbers of the last minute (Kubernetes,
 * "Horizontal Pod Autoscaling").
 */
const UNWANTED_MS = 120_000;

interface Seen extends Pods {
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** How many pods of LangFlow a region has while it takes more visitors than usual. */
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

  /** Whether it has as many as its autoscaler wants, more than at first; or will have no more, since nobody makes or wants them. */
  get hasScaled(): boolean {
    const last = this.seen.at(-1);
    if (!last) return false;
    const { ready, wanted, most } = last;
    if (wanted === undefined || most === undefined || ready >= most) return true;
    const hasHadTime = last.at - (this.seen[0]?.at ?? last.at) >= this.paces.unwantedMs;
    return ready >= wanted && (hasHadTime || moreSince(this.seen) !== undefined);
  }

  /**
   * What came of it.
   *
   * @param samples of all visitors
   * @param from the fault, in milliseconds since 1970, as the next
   * @param to when the region that was away was put back
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
      // Who does not answer is asked again.
      const pods = await this.backend.pods(this.region).catch(() => undefined);
      if (pods) this.seen.push(Object.assign({ at: Date.now() }, pods));
      await sleep(this.paces.askMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** When there were first more ready ones than at first, in milliseconds since 1970. */
const moreSince = (seen: readonly Seen[]): number | undefined =>
  seen.find(({ ready }) => ready > (seen[0]?.ready ?? 0))?.at;
