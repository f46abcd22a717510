import { setTimeout as sleep } from "node:timers/promises";
import type { Workload } from "./applied";
import type { LivePod } from "./pod";

/** Methods of a pod that a Deployment uses. */
export type DeployedPod = Pick<
  LivePod,
  "workload" | "slot" | "ready" | "readyForMs" | "isHopeless" | "start" | "stop" | "kill" | "vanish"
>;

/**
 * The pods of a Deployment. With several pods, it performs a rolling update by the Deployment's strategy; a single pod
 * is stopped before its replacement starts.
 */
export class LiveDeployment<Pod extends DeployedPod = LivePod> {
  /** Pods that are not terminating, the oldest first. */
  private pods: Pod[] = [];
  /** Terminating pods, with the start of their termination in milliseconds since 1970. */
  private readonly leaving = new Map<Pod, number>();
  private wanted: { readonly workload: Workload; readonly count: number } | undefined;
  /** Pods that died abruptly and that the load balancer has not yet detected as dead. */
  private readonly dead = new Set<Pod>();
  private rolling: Promise<void> | undefined;
  private isOver = false;

  /**
   * @param podOf creates a pod; its slot is a number that no other pod of the Deployment has
   * @param pollMs interval at which a rolling update checks its pods
   */
  constructor(
    private readonly podOf: (workload: Workload, slot: number) => Pod,
    private readonly pollMs = 200,
  ) {}

  /** All pods, including terminating and dead ones. */
  get all(): readonly Pod[] {
    return [...this.pods, ...this.leaving.keys(), ...this.dead];
  }

  /** Whether a rolling update or a termination is in progress that can still succeed. */
  get isSettling(): boolean {
    const isStuck = this.pods.some(({ isHopeless }) => isHopeless);
    return this.leaving.size > 0 || (this.rolling !== undefined && !isStuck);
  }

  isLeaving(pod: Pod): boolean {
    return this.leaving.has(pod);
  }

  /**
   * Returns the pods that receive connections.
   *
   * @param drainSeconds how long terminating pods still receive connections, ready or not; if it is not 0, undetected
   * dead pods do too
   */
  targets(drainSeconds: number): Pod[] {
    const ready = this.pods.filter((pod) => pod.ready);
    if (drainSeconds === 0) return ready;
    const since = Date.now() - drainSeconds * 1000;
    const draining = [...this.leaving].filter(([, at]) => at > since).map(([pod]) => pod);
    return [...ready, ...draining, ...this.dead];
  }

  /**
   * Kills one of several pods at once and starts a replacement. Packets to the dead pod are dropped until the load
   * balancer detects it.
   *
   * @returns false if the Deployment has only one ready pod
   */
  async loseOne(failSeconds: number): Promise<boolean> {
    const [pod, other] = this.pods.filter(({ ready }) => ready);
    if (!pod || !other) return false;
    this.pods = this.pods.filter((each) => each !== pod);
    this.dead.add(pod);
    await pod.kill();
    const found = await pod.vanish();
    this.fill();
    void sleep(failSeconds * 1000, undefined, { ref: false }).then(async () => {
      this.dead.delete(pod);
      await found();
    });
    return true;
  }

  /**
   * Scales to `count` pods of a workload. Resolves once the pods have started or, with several pods, once their rolling
   * update has begun.
   */
  async become(workload: Workload, count: number): Promise<void> {
    this.wanted = { workload, count };
    if (count > 1 && this.outdated().length > 0) {
      this.rolling ??= this.roll().finally(() => {
        this.rolling = undefined;
      });
      return;
    }
    const surplus = [...this.outdated(), ...this.fresh().slice(count)];
    await Promise.all(surplus.map((pod) => this.dismiss(pod)));
    this.fill();
  }

  async stop(runsHooks: boolean): Promise<void> {
    this.isOver = true;
    await Promise.all(this.all.map((pod) => pod.stop(runsHooks)));
  }

  async kill(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.all.map((pod) => pod.kill()));
  }

  private outdated(): Pod[] {
    return this.pods.filter(({ workload }) => workload.templateHash !== this.wanted?.workload.templateHash);
  }

  private fresh(): Pod[] {
    return this.pods.filter(({ workload }) => workload.templateHash === this.wanted?.workload.templateHash);
  }

  private fill(): void {
    while (this.wanted && !this.isOver && this.pods.length < this.wanted.count) this.add(this.wanted.workload);
  }

  private add(workload: Workload): void {
    const taken = new Set(this.all.map(({ slot }) => slot));
    let slot = 0;
    while (taken.has(slot)) slot++;
    const pod = this.podOf(workload, slot);
    this.pods.push(pod);
    pod.start();
  }

  private async dismiss(pod: Pod): Promise<void> {
    this.pods = this.pods.filter((each) => each !== pod);
    this.leaving.set(pod, Date.now());
    await pod.stop(true);
    this.leaving.delete(pod);
  }

  /**
   * Rolls the pods like the Deployment controller: never more pods than the surge allows, and never more unavailable
   * pods than the maximum.
   */
  private async roll(): Promise<void> {
    while (this.wanted && !this.isOver) {
      const { workload, count } = this.wanted;
      const { maxSurge, maxUnavailable, minReadySeconds } = workload.scale;
      const most = count + shareOf(count, maxSurge, Math.ceil);
      while (this.pods.length < most && this.fresh().length < count) this.add(workload);
      const isAvailable = (pod: Pod) => pod.readyForMs >= minReadySeconds * 1000;
      const spare = this.pods.filter(isAvailable).length - (count - shareOf(count, maxUnavailable, Math.floor));
      // Pods that are not ready are stopped first, because stopping them does not reduce the capacity.
      const [next] = this.outdated().sort((one, other) => Number(one.ready) - Number(other.ready));
      if (!next) break;
      if (!next.ready || spare > 0) void this.dismiss(next);
      await sleep(this.pollMs);
    }
    for (const pod of this.fresh().slice(this.wanted?.count)) void this.dismiss(pod);
    this.fill();
  }
}

function shareOf(count: number, share: number | string, round: (value: number) => number): number {
  return typeof share === "number" ? share : round((count * Number.parseFloat(share)) / 100);
}
