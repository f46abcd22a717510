import { setTimeout as sleep } from "node:timers/promises";
import type { Workload } from "./applied";
import type { LivePod } from "./pod";

/** What a Deployment asks of its pods. */
export type DeployedPod = Pick<
  LivePod,
  "workload" | "slot" | "ready" | "readyForMs" | "isHopeless" | "start" | "stop" | "kill" | "vanish"
>;

/** The pods of a Deployment, as many as are wanted; several are exchanged as its strategy says, a single one is stopped first. */
export class LiveDeployment<Pod extends DeployedPod = LivePod> {
  /** Those that are to stay, the oldest first. */
  private pods: Pod[] = [];
  /** Those that were told to go, and when, in milliseconds since 1970. */
  private readonly leaving = new Map<Pod, number>();
  private wanted: { readonly workload: Workload; readonly count: number } | undefined;
  /** Those that died without a word, as long as a load balancer has not found out. */
  private readonly dead = new Set<Pod>();
  private rolling: Promise<void> | undefined;
  private isOver = false;

  /**
   * @param podOf a new pod; its slot is a number that no other pod of the Deployment has
   * @param pollMs how often it is looked at pods that are exchanged
   */
  constructor(
    private readonly podOf: (workload: Workload, slot: number) => Pod,
    private readonly pollMs = 200,
  ) {}

  /** All that there are, those that go too. */
  get all(): readonly Pod[] {
    return [...this.pods, ...this.leaving.keys(), ...this.dead];
  }

  /** Whether pods are being exchanged, or go, and that may still end well. */
  get isSettling(): boolean {
    const isStuck = this.pods.some(({ isHopeless }) => isHopeless);
    return this.leaving.size > 0 || (this.rolling !== undefined && !isStuck);
  }

  isLeaving(pod: Pod): boolean {
    return this.leaving.has(pod);
  }

  /**
   * Pods that are sent connections.
   *
   * @param drainSeconds for how long also those that go, ready or not, and meanwhile those that are dead; 0: neither
   */
  targets(drainSeconds: number): Pod[] {
    const ready = this.pods.filter((pod) => pod.ready);
    if (drainSeconds === 0) return ready;
    const since = Date.now() - drainSeconds * 1000;
    const draining = [...this.leaving].filter(([, at]) => at > since).map(([pod]) => pod);
    return [...ready, ...draining, ...this.dead];
  }

  /**
   * One of several pods dies at once, and another is made in its place: packets to it vanish until a load balancer has found out.
   *
   * @returns false where there is one pod alone
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

  /** Makes its pods `count` ones of a workload: resolved once those have begun; of several, once their exchange has. */
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

  /** As the Deployment controller: never more pods than with the surge, never fewer that are available than may be missing. */
  private async roll(): Promise<void> {
    while (this.wanted && !this.isOver) {
      const { workload, count } = this.wanted;
      const { maxSurge, maxUnavailable, minReadySeconds } = workload.scale;
      const most = count + shareOf(count, maxSurge, Math.ceil);
      while (this.pods.length < most && this.fresh().length < count) this.add(workload);
      const isAvailable = (pod: Pod) => pod.readyForMs >= minReadySeconds * 1000;
      const spare = this.pods.filter(isAvailable).length - (count - shareOf(count, maxUnavailable, Math.floor));
      // Those that serve nobody go first, and cost nothing.
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
