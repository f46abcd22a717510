import fc from "fast-check";
import { recoveredAt, targetsOf, traffic } from "../../../fleet/drill/measure";
import { type DrillReport, PHASES, type Sample, type Visit } from "../../../fleet/drill/report";
import { type PastDrill, summaryOf } from "../../../fleet/drill/report/past";
import { countsOf } from "../../../fleet/drill/visitors/counts";
import { expectedFailoverSeconds } from "../../../model/failover";

const START = Date.parse("2026-11-25T17:40:13.000Z");
const MONITOR = { intervalSeconds: 15, timeoutSeconds: 5, retries: 0, consecutiveDown: 3, consecutiveUp: 2 };
const REGIONS = ["us-east", "eu-west"];
/** Start of each phase, in seconds from the drill's start. */
const BEGINS = [0, 30, 30.1, 77, 84, 96, 141, 183];
const END = 236;
/** Seconds from the fault to the monitor's detection. In `BROKEN`, until the last failure of an open connection. */
const DETECTED = 47;
const BROKEN = 9;
const CLIENTS = ["near us-east", "near eu-west", "session"];

const FAULT_AT = START + 30_000;
const RESTORED_AT = START + 96_000;

/** Returns a deterministic generator of numbers from 0 to 1 (Park and Miller). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/**
 * Three clients send two requests per second each. us-east is down from 30 s to 96 s, and gets traffic again at 141 s.
 */
function samples(random: () => number): Sample[] {
  const ticks = Array.from({ length: END * 2 }, (_, tick) => START + tick * 500);
  return ticks.flatMap((tick) =>
    CLIENTS.map((client, index): Sample => {
      const at = tick + index * 40 + Math.round(random() * 20);
      const away = at >= FAULT_AT && at < START + 141_000;
      const wanted = client === "near eu-west" ? "eu-west" : "us-east";
      const detected = at >= FAULT_AT + DETECTED * 1000;
      const retried = away && !detected && wanted === "us-east";
      const latency = Math.round(18 + 14 * random() + (random() < 0.05 ? 90 * random() : 0) + (retried ? 35 : 0));
      if (retried && at < FAULT_AT + BROKEN * 1000 && random() < 0.06)
        return random() < 0.5
          ? { at, client, ok: false, status: 0, latency: 5000 }
          : { at, client, ok: false, status: 521, latency };
      return { at, client, ok: true, status: 200, latency, region: away ? "eu-west" : wanted };
    }),
  );
}

/** Each side starts a half-minute stream every ten seconds. The fault cuts the streams that are open in us-east. */
function streams(): Visit[] {
  const every = Array.from({ length: 20 }, (_, index) => START + index * 10_000);
  return ["us-east", "eu-west"].flatMap((side) =>
    every.map((at): Visit => {
      const visit = {
        errand: "stream",
        at,
        client: `near ${side}`,
        end: "good",
        latency: 30_400,
        region: side,
      } as const;
      if (side === "eu-west" || at > FAULT_AT) return { ...visit, region: "eu-west" };
      return at + visit.latency < FAULT_AT ? visit : { ...visit, end: "cut", latency: FAULT_AT + 40 - at };
    }),
  );
}

/** Returns the report of a successful drill, computed as for a real drill. */
export function sampleReport(more: Partial<DrillReport> = {}, seed = 17): DrillReport {
  const seen = samples(seeded(seed));
  const lost = seen.filter(({ client }) => client === "near us-east");
  const recovered = recoveredAt(lost, FAULT_AT, 5, RESTORED_AT);
  const expected = expectedFailoverSeconds(MONITOR);
  const visits = streams();
  const moments = { faultAt: FAULT_AT, awayAt: FAULT_AT + 100, returnedAt: RESTORED_AT };
  const course = { region: "us-east", detectedAt: FAULT_AT + DETECTED * 1000, ...moments };
  const found = {
    visitCounts: countsOf(visits, course),
    untilDetection: traffic(seen, FAULT_AT, FAULT_AT + DETECTED * 1000),
    afterDetection: traffic(seen, FAULT_AT + DETECTED * 1000, RESTORED_AT),
    detectionSeconds: DETECTED,
    ...(recovered !== undefined && { recoverySeconds: (recovered - FAULT_AT) / 1000 }),
    alertSeconds: 52,
    failbackSeconds: 45,
    convergenceSeconds: 87,
    losses: [
      { store: "flows", seconds: 4.2, said: "the drill's flow in eu-west, edited once a second" },
      { store: "files", seconds: 6.5, said: "uploads of the drill in eu-west's bucket" },
      { store: "database", seconds: 51_813, said: "backup 2026-11-25T03-17-00Z in eu-west's bucket" },
    ],
  } as const;
  return {
    version: 1,
    id: "2026-11-25T17-40-13Z-us-east-region",
    local: true,
    region: "us-east",
    fault: "region",
    topology: "active-active",
    regions: REGIONS,
    monitor: MONITOR,
    expectedFailoverSeconds: expected,
    startedAt: new Date(START).toISOString(),
    endedAt: new Date(START + END * 1000).toISOString(),
    phases: PHASES.filter((phase) => phase !== "hold" && phase !== "return-checks").map((phase, index) => ({
      phase,
      at: START + (BEGINS[index] ?? 0) * 1000,
    })),
    baseline: traffic(seen, START, FAULT_AT),
    whole: traffic(seen, START, START + END * 1000),
    ...found,
    alerts: [
      {
        seenBy: "eu-west",
        name: "RegionUnhealthy",
        labels: { job: "probe-origin", target_region: "us-east" },
        pendingAt: FAULT_AT + 22_000,
        firingAt: FAULT_AT + 52_000,
        overAt: FAULT_AT + 157_000,
      },
      { seenBy: "eu-west", name: "RecordBehind", labels: { workspace: "ada" }, pendingAt: FAULT_AT + 40_000 },
    ],
    checks: [
      { name: "flows", passed: true, said: "all 12 are there" },
      { name: "run of a flow", passed: true, said: "MockLLM answered in 0.8 s" },
      { name: "login session", passed: true, said: "the session from before the fault holds" },
      { name: "API key", passed: true, said: "the shared key is taken" },
      { name: "file", passed: true, said: "read by the path it had in us-east" },
    ],
    targets: targetsOf({
      ...found,
      limits: {
        detectionSeconds: 1.1 * expected,
        recoverySeconds: 1.1 * expected,
        failedPercent: 1,
        hungPercent: 0,
        brokenPercent: 0,
        newlyBrokenPercent: 0,
        alertSeconds: 71.5,
        flowsSeconds: 13,
        filesSeconds: 900,
        databaseSeconds: 90_000,
      },
      predicted: { detectionSeconds: expected, alertSeconds: 65, recoverySeconds: expected, flowsSeconds: 10 },
    }),
    samples: seen,
    visits,
    ...more,
  };
}

/** Returns quarterly drills before the sample. The second missed its targets, and the third had a different fault. */
export function pastDrills(): PastDrill[] {
  const past = (startedAt: string, recoverySeconds: number, detectionSeconds: number, met: boolean): PastDrill => ({
    ...summaryOf(sampleReport()),
    id: `${startedAt.slice(0, 19).replaceAll(":", "-")}Z-us-east-region`,
    startedAt,
    recoverySeconds,
    detectionSeconds,
    met,
  });
  return [
    past("2026-02-11T09:02:00.000Z", 31.2, 49.1, true),
    past("2026-05-13T09:01:00.000Z", 68.4, 66.9, false),
    { ...past("2026-08-12T09:05:00.000Z", 2.3, 0, true), fault: "git", region: "eu-west" },
    past("2026-11-11T10:00:00.000Z", 22.7, 44.2, true),
  ];
}

/** The state of a report that was interrupted before the fault: no checks and no measurements. */
export const ENDED_EARLY: Partial<DrillReport> = {
  aborted: "interrupted",
  phases: sampleReport().phases.slice(0, 1),
  detectionSeconds: undefined,
  recoverySeconds: undefined,
  afterDetection: undefined,
  alertSeconds: undefined,
  alerts: undefined,
  failbackSeconds: undefined,
  convergenceSeconds: undefined,
  losses: [],
  checks: [],
  targets: [],
  samples: [],
  visitCounts: [],
  visits: [],
};

/** A text between unique markers, so that tests find it wherever a report shows it. */
export const hostile = fc
  .array(
    fc.constantFrom("<", ">", '"', "'", "&", "`", "|", "{", "}", "\n", "\\", "*", "_", "x", "$&", "</svg>", "]]>"),
    {
      minLength: 1,
      maxLength: 8,
    },
  )
  .map((parts) => `⟦${parts.join("")}⟧`);

/** Returns a short report that has this text in every field that can hold text from a drill. */
export function withEverywhere(text: string): DrillReport {
  const report = sampleReport();
  return {
    ...report,
    region: text,
    regions: [text, "eu-west"],
    losses: report.losses.map((loss) => ({ ...loss, said: text })),
    checks: report.checks.map((check) => ({ ...check, name: text, said: text })),
    targets: report.targets.map((target) => ({ ...target, name: text })),
    samples: report.samples
      .filter((_, index) => index % 100 === 0)
      .map((each) => ({ ...each, client: text, region: text })),
  };
}
