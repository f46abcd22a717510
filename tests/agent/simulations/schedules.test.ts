import { Runs, SimulatedRegion, SimulatedWitness } from "../schedules/simulatedRegions";
import { Chance, VirtualTime } from "../schedules/virtualTime";

const FLEETS = 50;
const FAILOVERS = 20;
/** In one of this many fleets, clocks are set back, by more than a term in the worst case. */
const CLOCKS_SET_BACK = 5;
const SET_BACK_MS_MAX = 40_000;
const SETTLED_MS = 60_000;
const SAMPLE_MS = 500;
/** Maximum time from when a region could hold the schedules until a region does. */
const STOPPED_MS_MAX = 60_000;

type Fault = (region: SimulatedRegion, chance: Chance, others: readonly SimulatedRegion[]) => (() => void) | undefined;

const forSome = (chance: Chance) => chance.between(500, 90_000);

/** Faults of a region, by name. The returned function ends the fault. */
const FAULTS: Readonly<Record<string, Fault>> = {
  "the region is lost": (region) => {
    region.isLost = true;
    region.killAgent();
    return () => {
      region.isLost = false;
      region.startAgent();
    };
  },
  "its agent is gone": (region) => {
    region.killAgent();
    return () => region.startAgent();
  },
  "its agent restarts": (region) => {
    region.killAgent();
    region.startAgent();
    return undefined;
  },
  "its agent stands still": (region, chance) => {
    region.standStill("agent", forSome(chance));
    return undefined;
  },
  "LangFlow stands still": (region, chance) => {
    region.standStill("langflow", forSome(chance));
    return undefined;
  },
  "both stand still": (region, chance) => {
    region.standStill("agent", forSome(chance));
    region.standStill("langflow", forSome(chance));
    return undefined;
  },
  "LangFlow is down": (region) => {
    region.isLangFlowUp = false;
    return () => {
      region.isLangFlowUp = true;
    };
  },
  "the witness is out of its reach": (region) => {
    region.isCutOff = true;
    return () => {
      region.isCutOff = false;
    };
  },
  "its database is put back": (region) => {
    region.isLost = true;
    region.killAgent();
    region.putBack();
    return () => {
      region.isLost = false;
      region.startAgent();
    };
  },
  "a person gives them to another": (region, chance, others) => {
    region.giveTo = chance.one(others).name;
    return () => {
      region.giveTo = undefined;
    };
  },
};

/** What happened in one fleet. */
interface Story {
  readonly runs: Runs;
  readonly stoppedMs: number;
  /** Times at which two regions would poll and listen at once. */
  readonly together: readonly string[];
  readonly told: string;
}

async function story(seed: number): Promise<Story> {
  const time = new VirtualTime();
  const chance = new Chance(seed);
  const witness = new SimulatedWitness(time, chance);
  const runs = new Runs();
  const regions = ["us-east", "eu-west", "ap-south"]
    .slice(0, chance.happens(0.5) ? 2 : 3)
    .map((name) => new SimulatedRegion(name, "us-east", witness, runs));
  const areClocksSetBack = seed % CLOCKS_SET_BACK === 0;
  const watch = new Watch(time, regions);
  await time.runTo(SETTLED_MS);
  for (let failover = 0; failover < FAILOVERS; failover++) {
    if (areClocksSetBack) chance.one(regions).setClockBack(chance.between(0, SET_BACK_MS_MAX));
    const endings: ((() => void) | undefined)[] = [];
    for (let faults = chance.happens(0.3) ? 2 : 1; faults > 0; faults--) {
      const holder = regions.find(({ fires }) => fires);
      const region = holder && chance.happens(0.8) ? holder : chance.one(regions);
      const [what, fault] = chance.one(Object.entries(FAULTS));
      watch.note(`${region.name}: ${what}`);
      endings.push(
        fault(
          region,
          chance,
          regions.filter((each) => each !== region),
        ),
      );
      await time.runTo(time.nowMs + chance.between(0, 30_000));
    }
    await time.runTo(time.nowMs + chance.between(1_000, 120_000));
    for (const ending of endings) ending?.();
    await time.runTo(time.nowMs + chance.between(5_000, SETTLED_MS));
  }
  const { told, stoppedMs, together } = watch;
  return { runs, stoppedMs, told, together: areClocksSetBack ? [] : together };
}

/** Measures how long schedules were stopped while a region could have held them. */
class Watch {
  stoppedMs = 0;
  told = "";
  readonly together: string[] = [];
  private firedAtMs = 0;
  private readonly ableSinceMs = new Map<SimulatedRegion, number>();

  constructor(
    private readonly time: VirtualTime,
    private readonly regions: readonly SimulatedRegion[],
  ) {
    this.sample();
  }

  note(what: string): void {
    this.told += `${(this.time.nowMs / 1000).toFixed(1)} ${what}\n`;
  }

  private sample(): void {
    const { nowMs } = this.time;
    for (const region of this.regions)
      if (!region.isAble) this.ableSinceMs.delete(region);
      else if (!this.ableSinceMs.has(region)) this.ableSinceMs.set(region, nowMs);
    const granting = this.regions.filter(({ isLost, database }) => !isLost && database.grants());
    if (granting.length > 1) this.together.push(`${nowMs / 1000}: ${granting.map(({ name }) => name).join(", ")}`);
    if (this.regions.some(({ fires }) => fires)) this.firedAtMs = nowMs;
    const ableMs = nowMs - Math.min(nowMs, ...this.ableSinceMs.values());
    this.stoppedMs = Math.max(this.stoppedMs, Math.min(ableMs, nowMs - this.firedAtMs));
    this.time.at(nowMs + SAMPLE_MS, () => this.sample());
  }
}

it("the fleet fires no schedule twice and stops schedules for at most a minute, in a thousand failovers", async () => {
  let ran = 0;
  let longestMs = 0;
  for (let seed = 1; seed <= FLEETS; seed++) {
    const { runs, stoppedMs, told, together } = await story(seed);
    const context = `seed ${seed}\n${told}`;
    expect({ context, twice: runs.twice, together }).toEqual({ context, twice: [], together: [] });
    if (stoppedMs > STOPPED_MS_MAX) throw new Error(`stopped for ${stoppedMs} ms: ${context}`);
    ran += runs.regions.size;
    longestMs = Math.max(longestMs, stoppedMs);
  }
  if (process.env.SHOW) console.log({ ran, longestMs });
  expect(ran).toBeGreaterThan(FLEETS * FAILOVERS);
}, 300_000);
