import { POD_AHEAD_MS } from "../../../agent/schedules/fenceSchema";
import { Keeper } from "../../../agent/schedules/keeper";
import { type Fence, type Lease, RENEW_MS } from "../../../agent/schedules/lease";
import type { SeenLease, Witness } from "../../../agent/schedules/witness";
import type { Chance, VirtualTime } from "./virtualTime";

const REQUEST_MS = 3_000;
const POLL_MS = 5_000;
const DOWN_MS = 15_000;
const BACKUP_MS = 90_000;
/** Share of the steps of a pod's transaction in which the pod hangs while other pods respond. */
const STUCK_SHARE = 0.01;
const STUCK_MS_MAX = 60_000;
/** Intervals of the triggers, in seconds. */
const PERIODS = [7, 60];

/**
 * The witness bucket. It accepts only one of several concurrent conditional writes, at some time between request and
 * response, or after the timeout.
 */
export class SimulatedWitness {
  #object: SeenLease | undefined;
  #writes = 0;
  /** Share of requests or responses that are lost. */
  loss = 0.01;
  /** Share of writes that arrive long after their sender's timeout. */
  late = 0.005;

  constructor(
    readonly time: VirtualTime,
    readonly chance: Chance,
  ) {}

  get lease(): Lease | undefined {
    return this.#object?.lease;
  }

  /** Returns one process's client of the witness, with that process's delays and outages. */
  from(isReached: () => boolean): Witness {
    const { time, chance } = this;
    const request = async <T>(at: () => T, isWrite: boolean): Promise<T> => {
      const delayMs = chance.between(5, 300);
      const failed = async () => {
        await time.sleep(REQUEST_MS);
        throw new Error("no answer");
      };
      if (!isReached() || chance.happens(this.loss)) return failed();
      if (isWrite && chance.happens(this.late)) {
        time.at(time.nowMs + chance.between(REQUEST_MS, 60_000), at);
        return failed();
      }
      await time.sleep(delayMs);
      if (!isReached()) return failed();
      const answer = at();
      if (chance.happens(this.loss)) return failed();
      await time.sleep(chance.between(5, 300));
      return isReached() ? answer : failed();
    };
    return {
      read: () => request(() => this.#object, false),
      write: (lease, seen) => request(() => this.put(lease, seen), true),
    };
  }

  private put(lease: Lease, seen: SeenLease | undefined): boolean {
    if (this.#object?.etag !== seen?.etag) return false;
    this.#object = { lease: JSON.parse(JSON.stringify(lease)), etag: `${++this.#writes}` };
    return true;
  }
}

/** A region's database: the row that the fence checks, and LangFlow's ledger. */
export class SimulatedDatabase {
  readonly row = { holder: false, generation: 0, after: -Infinity, until: -Infinity };
  readonly asked = { generation: 0, until: -Infinity };
  /** Next time of each trigger, by its interval. */
  readonly nextFireAt = new Map<number, number | undefined>();
  readonly ledger = new Set<string>();

  /** Changes with each restore, because no transaction survives a restore. */
  epoch = 0;

  constructor(readonly clock: () => number) {}

  /** Returns a function that restores the current state. */
  snapshot(): () => void {
    const [row, asked, next, ledger] = [{ ...this.row }, { ...this.asked }, [...this.nextFireAt], [...this.ledger]];
    return () => {
      this.epoch += 1;
      Object.assign(this.row, row);
      Object.assign(this.asked, asked);
      this.nextFireAt.clear();
      for (const [period, at] of next) this.nextFireAt.set(period, at);
      this.ledger.clear();
      for (const key of ledger) this.ledger.add(key);
    };
  }

  grants(): boolean {
    return this.row.holder && this.clock() < this.row.until;
  }

  /** Handles a trigger's tick: the fence accepts it, refuses it, or records it as failed. */
  tick(at: number): "in" | "refused" | "failed" {
    const { holder, after, until } = this.row;
    if (!holder || this.clock() >= until || at > Math.min(until, this.clock() + POD_AHEAD_MS)) return "refused";
    return at <= after ? "failed" : "in";
  }

  read(): Fence {
    return { ...this.row, asked: { ...this.asked }, now: this.clock() };
  }

  ask({ generation, until }: Pick<Lease, "generation" | "until">): void {
    this.asked.generation = Math.max(this.asked.generation, generation);
    this.asked.until = Math.max(this.asked.until, until);
  }

  open({ generation, after }: Pick<Lease, "generation" | "after">, until: number): void {
    if (this.row.generation > generation) return;
    const hasMoved = this.row.after !== after;
    Object.assign(this.row, { holder: true, generation, after, until });
    if (hasMoved) for (const period of PERIODS) this.nextFireAt.set(period, after + 0.001);
  }

  close(): number {
    this.row.holder = false;
    return Math.max(
      Math.ceil(this.clock()) + POD_AHEAD_MS,
      ...[...this.ledger].map((key) => Number(key.split(" ")[1])),
    );
  }
}

/** All runs in the fleet. */
export class Runs {
  readonly regions = new Map<string, string[]>();

  ran(period: number, at: number, region: string): void {
    const key = `${period} ${at}`;
    this.regions.set(key, [...(this.regions.get(key) ?? []), region]);
  }

  get twice(): [string, string[]][] {
    return [...this.regions].filter(([, regions]) => regions.length > 1);
  }
}

/**
 * A region: its database, LangFlow's pods, and the agent with the production keeper. Each of them can hang or be lost.
 */
export class SimulatedRegion {
  readonly database: SimulatedDatabase;
  isLost = false;
  isLangFlowUp = true;
  isCutOff = false;
  giveTo: string | undefined;
  private readonly stillUntilMs = { agent: 0, langflow: 0 };
  private skewMs: number;
  private readonly rate: number;
  private readonly steadyRate: number;
  private readonly podSkewMs: number;
  private agents = 0;
  private backups: (() => void)[] = [];

  constructor(
    readonly name: string,
    private readonly named: string,
    private readonly witness: SimulatedWitness,
    private readonly runs: Runs,
  ) {
    const { chance } = witness;
    this.skewMs = chance.between(-3_000, 3_000);
    this.rate = 1 + chance.between(-0.002, 0.002);
    this.steadyRate = 1 + chance.between(-0.004, 0.004);
    this.podSkewMs = chance.happens(0.2) ? chance.between(-3_000, 3_000) : chance.between(-50, 50);
    this.database = new SimulatedDatabase(() => 1_800_000_000_000 + this.time.nowMs * this.rate + this.skewMs);
    void this.langflow();
    void this.backUp();
    this.startAgent();
  }

  private get time(): VirtualTime {
    return this.witness.time;
  }

  /** Whether schedules that are due would fire. */
  get fires(): boolean {
    return !this.isLost && this.isLangFlowUp && this.time.nowMs >= this.stillUntilMs.langflow && this.database.grants();
  }

  /** Whether the region could hold the schedules. */
  get isAble(): boolean {
    const still = Math.max(this.stillUntilMs.agent, this.stillUntilMs.langflow);
    return !this.isLost && this.isLangFlowUp && !this.isCutOff && this.agents % 2 === 1 && this.time.nowMs >= still;
  }

  /** Restores the database from one or two backups ago. */
  putBack(): void {
    this.backups[0]?.();
  }

  setClockBack(milliseconds: number): void {
    this.skewMs -= milliseconds;
  }

  /** Pauses a process at any point, as a busy machine does. */
  standStill(process: "agent" | "langflow", milliseconds: number): void {
    this.stillUntilMs[process] = this.time.nowMs + milliseconds;
  }

  startAgent(): void {
    if (this.agents % 2 === 0) void this.agent(++this.agents);
  }

  killAgent(): void {
    if (this.agents % 2 === 1) this.agents += 1;
  }

  private async agent(life: number): Promise<void> {
    const { time, database, name: region, named } = this;
    const isAlive = () => this.agents === life;
    const ifAlive = async <T>(answer: Promise<T>): Promise<T> => {
      const settled = await answer.then(
        (value) => () => value,
        (error) => () => {
          throw error;
        },
      );
      await this.awake("agent");
      // A killed agent does nothing more.
      return isAlive() ? settled() : new Promise<never>(() => undefined);
    };
    const sql = <T>(work: () => T) => ifAlive(this.statement(work));
    const witness = this.witness.from(() => !this.isCutOff && !this.isLost);
    let healthyAtMs = this.steadyMs();
    const keeper = new Keeper({
      region,
      named,
      fence: {
        read: () => sql(() => database.read()),
        ask: (lease) => sql(() => database.ask(lease)),
        open: (lease, until) => sql(() => database.open(lease, until)),
        close: () => sql(() => database.close()),
      },
      witness: {
        read: () => ifAlive(witness.read()),
        write: (lease, seen) => ifAlive(witness.write(lease, seen)),
      },
      health: async () => {
        await ifAlive(time.sleep(10));
        const isHealthy = !this.isLost && this.isLangFlowUp && time.nowMs >= this.stillUntilMs.langflow;
        if (isHealthy) healthyAtMs = this.steadyMs();
        return { isHealthy, isDown: this.steadyMs() - healthyAtMs >= DOWN_MS };
      },
      giveTo: () => this.giveTo,
      steadyMs: () => this.steadyMs(),
    });
    while (isAlive()) {
      const beganMs = time.nowMs;
      await keeper.round().catch(() => undefined);
      await ifAlive(time.sleep(Math.max(100, RENEW_MS - (time.nowMs - beganMs))));
    }
  }

  private async backUp(): Promise<void> {
    for (;;) {
      this.backups = [...this.backups.slice(-1), this.database.snapshot()];
      await this.time.sleep(BACKUP_MS);
    }
  }

  private steadyMs(): number {
    return this.time.nowMs * this.steadyRate;
  }

  /** Runs a statement, which takes effect at some time between request and response. */
  private async statement<T>(work: () => T): Promise<T> {
    const { chance } = this.witness;
    await this.time.sleep(chance.between(1, 20));
    if (this.isLost) {
      await this.time.sleep(REQUEST_MS);
      throw new Error("the database does not answer");
    }
    const result = work();
    await this.time.sleep(chance.between(1, 20));
    return result;
  }

  private async awake(process: "agent" | "langflow"): Promise<void> {
    while (this.time.nowMs < this.stillUntilMs[process])
      await this.time.sleep(this.stillUntilMs[process] - this.time.nowMs);
  }

  /**
   * LangFlow's scheduler as in services/triggers/scheduler.py: a lease, then one transaction for everything that is
   * due.
   */
  private async langflow(): Promise<void> {
    const { time } = this;
    await time.sleep(this.witness.chance.between(0, POLL_MS));
    for (;;) {
      await time.sleep(POLL_MS);
      await this.awake("langflow");
      if (this.isLost || !this.isLangFlowUp || !this.database.grants()) continue;
      await this.pass();
    }
  }

  private async pass(): Promise<void> {
    const { database } = this;
    const { epoch } = database;
    await this.step();
    const counted = new Map<number, number>();
    const ticks: [number, number, "in" | "failed"][] = [];
    for (const period of PERIODS) {
      const now = database.clock() + this.podSkewMs;
      const due = database.nextFireAt.get(period);
      const next = (Math.floor(now / (period * 1000)) + 1) * period * 1000;
      await this.step();
      if (due === undefined) counted.set(period, next);
      if (due === undefined || due > now) continue;
      const latest = next - period * 1000;
      if (latest >= due && !database.ledger.has(`${period} ${latest}`)) {
        const verdict = database.tick(latest);
        if (verdict === "refused") return;
        ticks.push([period, latest, verdict]);
      }
      counted.set(period, next);
    }
    await this.step();
    // A transaction does not survive its database.
    if (this.isLost || database.epoch !== epoch) return;
    for (const [period, at, verdict] of ticks) {
      if (database.ledger.has(`${period} ${at}`)) return;
      database.ledger.add(`${period} ${at}`);
      if (verdict === "in") this.runs.ran(period, at, this.name);
    }
    for (const [period, at] of counted) database.nextFireAt.set(period, at);
  }

  private async step(): Promise<void> {
    const { chance } = this.witness;
    await this.time.sleep(chance.happens(STUCK_SHARE) ? chance.between(1_000, STUCK_MS_MAX) : chance.between(1, 30));
    await this.awake("langflow");
  }
}
