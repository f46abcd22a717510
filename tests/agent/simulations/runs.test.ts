import { SimulatedRunsRegion, SimulatedTakenRuns } from "../runs/simulatedRuns";
import { Chance, VirtualTime } from "../schedules/virtualTime";

jest.setTimeout(300_000);

const REGIONS = ["us-east", "eu-west", "ap-south"];
const RUNS = 6;
const ANSWER_EVERY_MS = 5_000;

/**
 * One failover: runs wait in three regions, one region is lost or cut off, and people answer each run in two regions,
 * again and again. Agents stand still, and the witness's responses are lost or late.
 *
 * @param isReachedByPeople whether people still answer in the region while it is cut off
 * @returns by run, the regions in which it went on, and the time from the first answer until then; and whether each
 *   later one could know of an earlier one
 */
async function failover(seed: number, isReachedByPeople: boolean) {
  const [time, chance] = [new VirtualTime(), new Chance(seed)];
  const store = new SimulatedTakenRuns(time, chance);
  const ran = new Map<string, { regions: SimulatedRunsRegion[]; isUnknown: boolean; tookMs: number }>();
  const askedAt = new Map<string, number>();
  const regions: SimulatedRunsRegion[] = [];
  const noted = (key: string, region: SimulatedRunsRegion) => {
    const { regions: before, tookMs } = ran.get(key) ?? {
      regions: [],
      tookMs: time.nowMs - (askedAt.get(key) ?? 0),
    };
    const isUnknown = before.every((each) => each.isCutOff && each.unpublished.has(key) && !region.isCutOff);
    ran.set(key, { regions: [...before, region], isUnknown, tookMs });
  };
  for (const name of REGIONS)
    regions.push(new SimulatedRunsRegion(name, store, () => regions.filter((each) => each.name !== name), noted));
  const lost = chance.one(regions);
  const keys = Array.from({ length: RUNS }, (_, each) => `run-${each}`);
  for (const key of keys) {
    const home = chance.happens(0.7) ? lost : chance.one(regions);
    for (const region of regions) region.waiting.set(key, { isHome: region === home });
  }
  await time.runTo(60_000);

  const isCut = chance.happens(0.5);
  const backMs = time.nowMs + chance.between(70_000, 240_000);
  const fail = async () => {
    // An answer whose record has not left the region is lost with it: no other region can know of it.
    while (lost.unpublished.size > 0) await time.sleep(50);
    if (isCut) lost.isCutOff = true;
    else lost.isLost = true;
  };
  time.at(time.nowMs + chance.between(0, 60_000), () => void fail());
  time.at(backMs, () => Object.assign(lost, { isCutOff: false, isLost: false }));
  for (const region of regions)
    if (chance.happens(0.2))
      time.at(chance.between(60_000, 200_000), () => region.standStill(chance.between(1_000, 60_000)));
  const person = async (key: string) => {
    await time.sleep(chance.between(0, 120_000));
    if (!askedAt.has(key)) askedAt.set(key, time.nowMs);
    let region = chance.one(regions);
    for (;;) {
      // The balancer moves some people to another region.
      if (chance.happens(0.3) || region.isLost) region = chance.one(regions);
      if ((isReachedByPeople || !region.isCutOff) && region.answer(key)) return;
      await time.sleep(chance.between(1_000, ANSWER_EVERY_MS));
    }
  };
  for (const key of keys) for (let people = 0; people < 2; people += 1) void person(key);
  await time.runTo(900_000);
  return { ran, keys };
}

it("in 1,000 failovers, each waiting run that a person answers resumes in exactly one region", async () => {
  const took: number[] = [];
  for (let seed = 1; seed <= 1_000; seed += 1) {
    const { ran, keys } = await failover(seed, false);
    for (const key of keys) {
      const { regions = [], tookMs = 0 } = ran.get(key) ?? {};
      expect([seed, key, regions.length]).toEqual([seed, key, 1]);
      took.push(tookMs);
    }
  }
  took.sort((one, other) => one - other);
  expect(took[Math.floor(took.length / 2)]).toBeLessThan(30_000);
  expect(took[Math.floor(took.length * 0.95)]).toBeLessThan(120_000);
});

it("a run resumes in two regions only if the first region lost its connection to the others right after it accepted an answer", async () => {
  let twice = 0;
  for (let seed = 1; seed <= 500; seed += 1) {
    const { ran, keys } = await failover(seed, true);
    for (const key of keys) {
      const { regions = [], isUnknown } = ran.get(key) ?? {};
      if (regions.length > 1) twice += 1;
      expect([seed, key, regions.length > 0, regions.length === 1 || isUnknown]).toEqual([seed, key, true, true]);
    }
  }
  expect(twice).toBeLessThan(50);
});
