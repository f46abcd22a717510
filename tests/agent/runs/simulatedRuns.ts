import type { Ruling, RunFence, RunFencing } from "../../../agent/runs/fence";
import { RunsKeeper } from "../../../agent/runs/keeper";
import type { TakenRunsStore } from "../../../agent/runs/takenObject";
import { READ_EVERY_MS, type TakenRuns } from "../../../agent/runs/takenRuns";
import type { SeenValue } from "../../../agent/s3/comparedObject";
import type { Chance, VirtualTime } from "../schedules/virtualTime";

const REQUEST_MS = 3_000;
const LAG_MS = [200, 2_000] as const;
const WISH_MS = 60_000;

/** The witness's object. Requests and responses are lost or late, and only one of several concurrent writes succeeds. */
export class SimulatedTakenRuns {
  #object: SeenValue<TakenRuns> | undefined;
  #writes = 0;

  constructor(
    readonly time: VirtualTime,
    readonly chance: Chance,
  ) {}

  from(isReached: () => boolean): TakenRunsStore {
    const { time, chance } = this;
    const request = async <T>(at: () => T, isWrite: boolean): Promise<T> => {
      const failed = async () => {
        await time.sleep(REQUEST_MS);
        throw new Error("no answer");
      };
      if (!isReached() || chance.happens(0.02)) return failed();
      if (isWrite && chance.happens(0.02)) {
        time.at(time.nowMs + chance.between(REQUEST_MS, 60_000), at);
        return failed();
      }
      await time.sleep(chance.between(5, 300));
      const answer = at();
      if (!isReached() || chance.happens(0.02)) return failed();
      await time.sleep(chance.between(5, 300));
      return answer;
    };
    return {
      read: () => request(() => this.#object, false),
      write: (taken, seen) => request(() => this.put(taken, seen), true),
    };
  }

  private put(value: TakenRuns, seen: SeenValue<TakenRuns> | undefined): boolean {
    if (this.#object?.etag !== seen?.etag) return false;
    this.#object = { value: JSON.parse(JSON.stringify(value)), etag: `${++this.#writes}` };
    return true;
  }
}

interface Waiting {
  readonly isHome: boolean;
  mayResume?: boolean;
  wishedAt?: number;
}

/** A region: its database with the fence, and the agent with the production keeper. */
export class SimulatedRunsRegion implements RunFencing {
  readonly waiting = new Map<string, Waiting>();
  /** Claims that the other regions do not know of yet. */
  readonly unpublished = new Set<string>();
  isLost = false;
  isCutOff = false;
  private until = Number.NEGATIVE_INFINITY;
  private stillUntilMs = 0;
  private readonly skewMs: number;
  private readonly rate: number;
  private readonly steadyRate: number;

  constructor(
    readonly name: string,
    private readonly store: SimulatedTakenRuns,
    private readonly others: () => readonly SimulatedRunsRegion[],
    private readonly ran: (key: string, region: SimulatedRunsRegion) => void,
  ) {
    const { chance } = store;
    this.skewMs = chance.between(-60_000, 60_000);
    this.rate = 1 + chance.between(-0.002, 0.002);
    this.steadyRate = 1 + chance.between(-0.004, 0.004);
    void this.agent();
  }

  private get clock(): number {
    return 1_800_000_000_000 + this.time.nowMs * this.rate + this.skewMs;
  }

  private get time(): VirtualTime {
    return this.store.time;
  }

  async read(): Promise<RunFence> {
    await this.statement();
    const waiting = [...this.waiting].map(([key, { wishedAt = Number.NEGATIVE_INFINITY }]) => {
      return { key, isWished: this.clock - wishedAt < WISH_MS };
    });
    return { waiting, now: this.clock };
  }

  async rule({ resumable, blocked, fulfilled, until }: Ruling): Promise<void> {
    await this.statement();
    for (const [keys, mayResume] of [
      [resumable, true],
      [blocked, false],
    ] as const)
      for (const key of keys) Object.assign(this.waiting.get(key) ?? {}, { mayResume });
    for (const key of fulfilled) delete this.waiting.get(key)?.wishedAt;
    this.until = until;
  }

  /** Stops the agent for a time at any point, as a busy machine does. */
  standStill(milliseconds: number): void {
    this.stillUntilMs = this.time.nowMs + milliseconds;
  }

  /** A person answers a run here. Returns whether LangFlow goes on with it. */
  answer(key: string): boolean {
    const run = this.waiting.get(key);
    if (this.isLost || !run) return false;
    const isOwn = run.mayResume ?? run.isHome;
    if (!isOwn) run.wishedAt = this.clock;
    if (!isOwn || this.clock >= this.until) return false;
    this.waiting.delete(key);
    this.unpublished.add(key);
    this.ran(key, this);
    void this.publish(key);
    return true;
  }

  private async publish(key: string): Promise<void> {
    const { time, chance } = this.store;
    await time.sleep(chance.between(...LAG_MS));
    while (this.isLost || this.isCutOff) await time.sleep(1_000);
    this.unpublished.delete(key);
    for (const other of this.others()) void other.receive(key);
  }

  private async receive(key: string): Promise<void> {
    while (this.isLost || this.isCutOff) await this.time.sleep(1_000);
    this.waiting.delete(key);
  }

  private async agent(): Promise<void> {
    const { time } = this;
    const keeper = new RunsKeeper({
      region: this.name,
      fence: this,
      store: this.store.from(() => !this.isLost && !this.isCutOff),
      isCaughtUp: () => true,
      steadyMs: () => time.nowMs * this.steadyRate,
    });
    for (;;) {
      await keeper.round().catch(() => undefined);
      await time.sleep(READ_EVERY_MS);
    }
  }

  private async statement(): Promise<void> {
    const { time, chance } = this.store;
    await time.sleep(chance.between(1, 20));
    while (time.nowMs < this.stillUntilMs) await time.sleep(this.stillUntilMs - time.nowMs);
    if (this.isLost) throw new Error("the database does not answer");
  }
}
