import fc from "fast-check";
import type { Observation } from "../../../fleet/prove/assumption";
import { CHECKS } from "../../../fleet/ready/checks";
import type { Backup, Drills, Evidence, Learnt, Observed, RegionEvidence } from "../../../fleet/ready/evidence";
import { learn } from "../../../fleet/ready/evidence";
import { predictionOf } from "../../../fleet/ready/prediction";
import { exitCodeOf, readinessOf } from "../../../fleet/ready/readiness";
import { duration } from "../../../fleet/ready/readyCheck";
import { readinessReport } from "../../../fleet/ready/report";
import { markdown } from "../../../fleet/report/markdown";
import { terminalLines } from "../../../fleet/report/terminal";
import { capacities } from "../../../model/capacity";
import { ExitCode } from "../../../model/errors";

const NOW = Date.parse("2026-11-28T12:00:00Z");
const DAY_S = 86_400;
const NAMES = ["us-east", "eu-west", "us-west"];

const learnt = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<Learnt<T>> =>
  fc.oneof(
    { weight: 5, arbitrary: value.map((each) => ({ value: each })) },
    {
      weight: 1,
      arbitrary: fc.constantFrom({ unknown: "nobody knows" }, { unknown: "away", exitCode: ExitCode.Unreachable }),
    },
  );
const lines = fc.array(fc.constantFrom("this", "that"), { maxLength: 1 });
const ago = (days: number) => fc.integer({ min: 0, max: days * DAY_S }).map((seconds) => NOW - 1000 * seconds);

const backup: fc.Arbitrary<Backup> = fc.record({ id: fc.constant("20261128T000000000Z"), at: ago(3), amiss: lines });
const drills: fc.Arbitrary<Drills> = fc
  .record({ ended: ago(200), passed: fc.boolean(), before: fc.option(ago(200)) })
  .map(({ ended, passed, before }) => {
    const newest = { fault: "region", ended, passed, missed: passed ? [] : ["RTO"] };
    if (passed) return { newest, newestPassed: newest };
    return {
      newest,
      ...(before !== null && { newestPassed: { ...newest, passed: true, ended: Math.min(ended, before) } }),
    };
  });

const sizes = NAMES.map((region) => ({
  region,
  replicas: { min: 2, max: 10 },
  requests: { cpu: "500m", memory: "1Gi" },
  instanceClass: "db.m7g.large",
}));
const [capacity] = capacities(sizes, "one");
if (!capacity) throw new Error("there is a region");

const REGION_ASSUMPTIONS = ["pool", "health of the pool", "images", "signatures of images", "certificate"];
const FLEET_ASSUMPTIONS = ["steering", "monitor"];
/** Observations of `prove`, with at most one problem each. */
const observed = (names: readonly string[]): fc.Arbitrary<Observed> =>
  fc.record(
    Object.fromEntries(
      names.map((name) => [name, learnt(fc.record({ summary: fc.constant("well"), problems: lines }))]),
    ),
  );

const regionOf = (region: string): fc.Arbitrary<RegionEvidence> =>
  fc.record({
    region: fc.constant(region),
    capacity: fc.constant({ ...capacity, region }),
    limits: fc.constant({
      replicationSeconds: 120,
      recordSeconds: 900,
      backupSeconds: 93_600,
      restorableSeconds: 3_600,
    }),
    replication: learnt(
      fc.record({
        seconds: fc.nat(300),
        waiting: fc.nat(1),
        refused: lines,
        renamed: lines,
        deletesHeld: lines,
        unreached: lines,
        copySeconds: fc.nat(900),
      }),
    ),
    record: learnt(fc.option(fc.record({ seconds: fc.nat(2_000), held: fc.nat(1) }), { nil: undefined })),
    backups: fc
      .tuple(...NAMES.map(() => learnt(fc.option(backup, { nil: undefined }))))
      .map((all) => all.map((newest, index) => ({ bucketOf: NAMES[index] ?? "", newest }))),
    restorable: learnt(ago(1).map((at) => ({ at, said: "said" }))),
    rehearsal: learnt(lines.map((amiss) => ({ id: "one", seconds: 3, amiss, said: "said" }))),
    podsMax: learnt(fc.integer({ min: 1, max: 10 })),
    coresQuota: learnt(fc.nat(40)),
    observed: observed(REGION_ASSUMPTIONS),
    drills: learnt(fc.option(drills, { nil: {} })),
  });

const MONITOR = { intervalSeconds: 15, timeoutSeconds: 5, retries: 0, consecutiveDown: 3 };
const evidence: fc.Arbitrary<Evidence> = fc.record({
  at: fc.constant(NOW),
  regions: fc.tuple(...NAMES.map(regionOf)),
  observed: observed(FLEET_ASSUMPTIONS),
  isRecorded: fc.constant(true),
  oldShare: fc.constantFrom(0, 0.5),
  monitor: learnt(fc.constantFrom(MONITOR, { ...MONITOR, intervalSeconds: 60 })),
  drift: learnt(lines),
});

/** Changes a learnt value. An unknown value stays unknown. */
const within = <T>(of: Learnt<T>, change: (value: T) => T): Learnt<T> =>
  "value" in of ? { value: change(of.value) } : of;

/** Changes that each make one aspect of a region worse, by an amount. */
const mapped = (of: Observed, change: (each: Learnt<Observation>) => Learnt<Observation>): Observed =>
  Object.fromEntries(Object.entries(of).map(([name, each]) => [name, change(each)]));

const WORSE: Readonly<Record<string, (region: RegionEvidence, by: number) => Partial<RegionEvidence>>> = {
  "has a problem that `prove` finds": ({ observed: all }) => ({
    observed: mapped(all, (each) =>
      within(each, ({ summary, problems }) => ({ summary, problems: [...problems, "bad"] })),
    ),
  }),
  "its replication lags": ({ replication }, by) => ({
    replication: within(replication, (each) => ({ ...each, seconds: (each.seconds ?? 0) + by })),
  }),
  "rows from other regions wait in it": ({ replication }, by) => ({
    replication: within(replication, (each) => ({ ...each, waiting: each.waiting + by })),
  }),
  "it rejects a table": ({ replication }) => ({
    replication: within(replication, (each) => ({ ...each, refused: [...each.refused, "user"] })),
  }),
  "it renamed a user": ({ replication }) => ({
    replication: within(replication, (each) => ({ ...each, renamed: [...each.renamed, "user 1a2b"] })),
  }),
  "it holds deletes": ({ replication }) => ({
    replication: within(replication, (each) => ({ ...each, deletesHeld: [...each.deletesHeld, "flow 500"] })),
  }),
  "a bucket rejects its objects": ({ replication }) => ({
    replication: within(replication, (each) => ({ ...each, unreached: [...each.unreached, "eu-west"] })),
  }),
  "its record lags": ({ record }, by) => ({
    record: within(record, (each) => each && { ...each, seconds: (each.seconds ?? 0) + by }),
  }),
  "it holds flows in the record": ({ record }, by) => ({
    record: within(record, (each) => each && { ...each, held: each.held + by }),
  }),
  "all its backups are older": ({ backups }, by) => ({
    backups: backups.map(({ bucketOf, newest }) => ({
      bucketOf,
      newest: within(newest, (each) => each && { ...each, at: each.at - by * 100_000 }),
    })),
  }),
  "no other region has its backups": ({ backups, region }) => ({
    backups: backups.map((each) =>
      each.bucketOf === region ? each : { ...each, newest: within(each.newest, () => undefined) },
    ),
  }),
  "every copy of its backups is truncated": ({ backups }) => ({
    backups: backups.map(({ bucketOf, newest }) => ({
      bucketOf,
      newest: within(newest, (each) => each && { ...each, amiss: [...each.amiss, "cut"] }),
    })),
  }),
  "its newest restorable state is older": ({ restorable }, by) => ({
    restorable: within(restorable, (each) => ({ ...each, at: (each.at ?? 0) - by * 1000 })),
  }),
  "its test restore fails": ({ rehearsal }) => ({
    rehearsal: within(rehearsal, (each) => ({ ...each, amiss: [...each.amiss, "less"] })),
  }),
  "its autoscaler allows fewer pods": ({ podsMax }, by) => ({
    podsMax: within(podsMax, (each) => Math.max(1, each - by)),
  }),
  "its quota allows fewer cores": ({ coresQuota }, by) => ({ coresQuota: within(coresQuota, (each) => each - by) }),
  "it was never drilled": ({ drills: learntOf }) => ({ drills: within(learntOf, () => ({})) }),
  "none of its drills passed": ({ drills: learntOf }) => ({
    drills: within(learntOf, ({ newest }) => (newest ? { newest: { ...newest, passed: false } } : {})),
  }),
};

const LEARNT = ["replication", "record", "restorable", "rehearsal", "podsMax", "coresQuota", "drills"] as const;

/** Returns the evidence with a changed first region. */
const withFirst = (of: Evidence, change: (region: RegionEvidence) => Partial<RegionEvidence>): Evidence => ({
  ...of,
  regions: of.regions.map((each, index) => (index === 0 ? { ...each, ...change(each) } : each)),
});
const scoreOf = (of: Evidence): number => readinessOf(of).score;

describe("the readiness score", () => {
  it("distributes one hundred points over the checks, each of which has a reason and a fix", () => {
    expect(CHECKS.reduce((sum, { weight }) => sum + weight, 0)).toBe(100);
    expect(new Set(CHECKS.map(({ name }) => name)).size).toBe(CHECKS.length);
    for (const { weight, why, fix } of CHECKS)
      expect([weight > 0, why.length > 20, fix.length > 10]).toEqual([true, true, true]);
  });

  it("is between 0 and 100, and equals 100 minus the lost points", () => {
    fc.assert(
      fc.property(evidence, (of) => {
        const { score, lost, findings } = readinessOf(of);
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score + lost.reduce((sum, { points }) => sum + points, 0)).toBe(100);
        const isWell = findings.every(({ result }) => result === "ok");
        expect(score === 100).toBe(isWell);
      }),
    );
  });

  it.each(Object.keys(WORSE))("never rises if a region gets worse: %s", (name) => {
    fc.assert(
      fc.property(evidence, fc.integer({ min: 1, max: 500 }), (of, by) => {
        const worse = withFirst(of, (region) => WORSE[name]?.(region, by) ?? {});
        expect(scoreOf(worse)).toBeLessThanOrEqual(scoreOf(of));
      }),
    );
  });

  it("never rises if a fact becomes unknown, whether that fact was good or bad", () => {
    const unknown = { unknown: "nobody knows" };
    fc.assert(
      fc.property(evidence, fc.constantFrom(...LEARNT, "backups", "observed", "monitor", "drift"), (of, what) => {
        const forget = ({ backups, observed: all }: RegionEvidence): Partial<RegionEvidence> => {
          if (what === "observed") return { observed: mapped(all, () => unknown) };
          if (what === "backups") return { backups: backups.map((each) => ({ ...each, newest: unknown })) };
          return { [what]: unknown };
        };
        const isOfFleet = what === "monitor" || what === "drift";
        const forgotten = isOfFleet ? { ...of, [what]: unknown } : withFirst(of, forget);
        expect(scoreOf(forgotten)).toBeLessThanOrEqual(scoreOf(of));
      }),
    );
  });

  it("is limited by the worst region, whatever the other regions score", () => {
    fc.assert(
      fc.property(evidence, (of) => {
        const alone = of.regions.map((region) => scoreOf({ ...of, regions: [region] }));
        // Alone, a region lacks the other regions' drills and recorder, so it may lose the points of these two checks.
        const ofOthers = CHECKS.filter(({ name }) => name === "drill" || name === "record");
        const points = ofOthers.reduce((sum, { weight }) => sum + weight, 0);
        expect(scoreOf(of)).toBeLessThanOrEqual(Math.min(...alone) + points);
      }),
    );
  });
});

describe("the exit code of `ready`", () => {
  it("is 0 only if no check failed and no source of evidence was unavailable", () => {
    fc.assert(
      fc.property(evidence, (of) => {
        const readiness = readinessOf(of);
        const isBroken = readiness.findings.some(({ result }) => result === "broken");
        const isWithheld = readiness.findings.some(({ exitCode, result }) => result === "not checked" && exitCode);
        const expected = isWithheld ? ExitCode.Unreachable : ExitCode.Success;
        expect(exitCodeOf(readiness)).toBe(isBroken ? ExitCode.Disproved : expected);
      }),
    );
  });

  it("is 0 exactly if the score reaches the minimum", () => {
    fc.assert(
      fc.property(evidence, fc.integer({ min: 0, max: 100 }), (of, minimum) => {
        const readiness = readinessOf(of);
        expect(exitCodeOf(readiness, minimum) === ExitCode.Success).toBe(readiness.score >= minimum);
      }),
    );
  });

  it("is the code for the unavailable source if its points could have raised the score to the minimum", () => {
    const lost = [{ check: "health", points: 14, unknown: true, unanswered: true, reason: "away" }];
    const findings = [
      {
        check: "us-east: health",
        name: "health",
        result: "not checked" as const,
        finding: "away",
        exitCode: ExitCode.Unreachable,
      },
    ];
    expect(exitCodeOf({ score: 86, lost, findings }, 100)).toBe(ExitCode.Unreachable);
    expect(exitCodeOf({ score: 80, lost, findings }, 95)).toBe(ExitCode.Disproved);
    expect(exitCodeOf({ score: 86, lost: [], findings: [] }, 90)).toBe(ExitCode.Disproved);
  });
});

describe("learn()", () => {
  it("yields an unknown value with the reason if a request times out", async () => {
    const never = await learn(() => new Promise<never>(() => undefined), 20);
    expect(never).toEqual({ unknown: "no valid response: no answer within 0.02 s", exitCode: ExitCode.Unreachable });
  });
});

describe("the readiness report", () => {
  it("contains every check, merged over regions with the same result, and every region's predicted loss", () => {
    fc.assert(
      fc.property(evidence, (of) => {
        const readiness = readinessOf(of);
        const report = readinessReport(readiness, predictionOf(of), { now: NOW, isGood: true });
        const text = terminalLines(report).join("\n");
        for (const { name } of CHECKS) expect(text).toContain(name);
        const page = markdown(report);
        for (const region of NAMES) expect(page).toMatch(new RegExp(`^\\| ${region} +\\|`, "m"));
        expect(page).toContain(`${readiness.score} of 100`);
      }),
      { numRuns: 20 },
    );
  });

  it("omits the checks that passed from the brief report, and still counts them", () => {
    fc.assert(
      fc.property(evidence, (of) => {
        const readiness = readinessOf(of);
        const page = markdown(readinessReport(readiness, predictionOf(of), { now: NOW, isGood: true, isBrief: true }));
        const passed = readiness.findings.filter(({ result }) => result === "ok").length;
        expect(page).not.toMatch(/\| ok +\|/);
        expect(page.includes(`- Checks: ${passed} ok`)).toBe(passed > 0);
      }),
      { numRuns: 20 },
    );
  });

  it.each([
    [0, "0 s"],
    [119, "119 s"],
    [120, "2 minutes"],
    [5_400, "90 minutes"],
    [93_600, "26 hours"],
    [3 * DAY_S, "3 days"],
  ])("formats %d seconds as %s", (seconds, said) => {
    expect(duration(seconds)).toBe(said);
  });
});
