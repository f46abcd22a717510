import { CHECKS } from "../../../fleet/ready/checks";
import { predictionOf } from "../../../fleet/ready/prediction";
import { exitCodeOf, type Readiness, readinessOf } from "../../../fleet/ready/readiness";
import { ExitCode } from "../../../model/errors";
import { AWS_REGIONS, metricsOf, RecordedFleet } from "./recordedFleet";

jest.setTimeout(60_000);

const DAY_MS = 86_400_000;
const fleet = new RecordedFleet();

beforeAll(() => fleet.start());
afterAll(() => fleet.stop());
beforeEach(() => fleet.heal());

/** What is broken, the one check that must detect it, and the finding. */
const SPOILED: readonly (readonly [what: string, spoil: () => void, check: string, finding: RegExp])[] = [
  [
    "a region that is down",
    () => fleet.edges("pool-us-east/health", "pop_health", { "Ashburn, US": { healthy: false, origins: [] } }),
    "us-east: health",
    /Ashburn, US: unhealthy/,
  ],
  [
    "a drained pool",
    () => fleet.edges("pools/pool-eu-west", "enabled", false),
    "eu-west: pool",
    /enabled is false, not true/,
  ],
  [
    "a drained origin",
    () => fleet.edges("pools/pool-eu-west", "origins.0.enabled", false),
    "eu-west: pool",
    /origin enabled is false/,
  ],
  [
    "a different pool order",
    () => fleet.edges("/zone/load_balancers", "0.default_pools", ["pool-eu-west", "pool-us-east"]),
    "steering",
    /order of the pools is \["eu-west","us-east"\], not \["us-east","eu-west"\]/,
  ],
  [
    "a different fallback pool",
    () => fleet.edges("/zone/load_balancers", "0.fallback_pool", "pool-us-east"),
    "steering",
    /fallback pool is "us-east"/,
  ],
  [
    "a missing load balancer",
    () => fleet.edges("/zone/load_balancers", "0.name", "other.example.com"),
    "steering",
    /no load/,
  ],
  ["a slow monitor", () => fleet.edges("monitors/monitor", "interval", 60), "monitor", /interval is 60, not 15/],
  [
    "lagging flows and accounts",
    () => fleet.metrics.set("eu-west", metricsOf({ lag: 300 })),
    "eu-west: replication",
    /5 minutes ago, above the limit of 2 minutes/,
  ],
  [
    "an old backup",
    () => {
      fleet.forget("backups/us-east");
      fleet.backUp("us-east", Date.now() - 3 * DAY_MS, ["us-east", "eu-west"]);
    },
    "us-east: backup's age",
    /the newest backup is 3 days old, above the limit of 26 hours/,
  ],
  ["a missing backup", () => fleet.forget("backups/eu-west"), "eu-west: backup's age", /the region has no backup/],
  [
    "a backup only in its own region",
    () => fleet.forget("flows-eu-west/backups/us-east"),
    "us-east: backup elsewhere",
    /all backups are in us-east's own bucket/,
  ],
  [
    "copies of backups that stopped days ago",
    () => {
      fleet.forget("flows-eu-west/backups/us-east");
      fleet.backUp("us-east", Date.now() - 2 * DAY_MS, ["us-east", "eu-west"]);
    },
    "us-east: backup elsewhere",
    /the newest backup in a different region is 2 days old/,
  ],
  [
    "a truncated backup",
    () => {
      for (const [key, text] of fleet.objects)
        if (/flows-eu-west\/backups\/us-east.*dump/.test(key)) fleet.objects.set(key, text.slice(0, 5));
    },
    "us-east: backup whole",
    /database\.dump has 5 bytes instead of 18/,
  ],
  [
    "a backup without its dump",
    () => {
      for (const key of fleet.objects.keys())
        if (/flows-us-east\/backups\/eu-west.*dump/.test(key)) fleet.objects.delete(key);
    },
    "eu-west: backup whole",
    /database\.dump is missing/,
  ],
  [
    "an overwritten backup manifest",
    () => {
      for (const key of fleet.objects.keys())
        if (/flows-eu-west\/backups\/us-east.*json/.test(key)) fleet.objects.set(key, "{}");
    },
    "us-east: backup whole",
    /its manifest is damaged/,
  ],
  [
    "a database that RDS does not copy",
    () => fleet.aws("eu-west", "rds describe-db-instance-automated-backups", "DBInstanceAutomatedBackups", []),
    "us-east: database",
    /no restorable copy exists yet/,
  ],
  [
    "a database whose backup copies stopped",
    () =>
      fleet.aws(
        "eu-west",
        "rds describe-db-instance-automated-backups",
        "DBInstanceAutomatedBackups.0.RestoreWindow.LatestTime",
        new Date(Date.now() - DAY_MS / 2).toISOString(),
      ),
    "us-east: database",
    /12 hours old: .*; above the limit of 60 minutes/,
  ],
  [
    "too few pods for the other region's users",
    () => fleet.cluster("eu-west", "horizontalpodautoscalers.autoscaling", "0.spec.maxReplicas", 3),
    "eu-west: spare capacity",
    /after another region's loss 4 pods are needed, but the autoscaler allows only 3/,
  ],
  [
    "a quota that is used up",
    () => fleet.aws("us-east", "service-quotas get-service-quota", "Quota.Value", 5),
    "us-east: quota",
    /quota 5 cores/,
  ],
  [
    "a different image",
    () =>
      fleet.cluster(
        "eu-west",
        "deployments.apps",
        "0.spec.template.spec.containers.0.image",
        "docker.io/langflow:latest",
      ),
    "eu-west: images",
    /runs docker\.io\/langflow:latest, which is not in the config/,
  ],
  [
    "a table that is not replicated",
    () => fleet.metrics.set("us-east", metricsOf({ refused: "user", record: {} })),
    "us-east: replicated tables",
    /^the agent does not replicate user$/,
  ],
  [
    "a certificate that expires soon",
    () =>
      fleet.aws(
        "us-east",
        "acm describe-certificate",
        "Certificate.NotAfter",
        new Date(Date.now() + 12.5 * DAY_MS).toISOString(),
      ),
    "us-east: certificates",
    /langflow\.example\.com: days until expiry: 12/,
  ],
  [
    "a certificate that is not issued yet",
    () => fleet.aws("us-east", "acm describe-certificate", "Certificate.Status", "PENDING_VALIDATION"),
    "us-east: certificates",
    /PENDING_VALIDATION/,
  ],
  [
    "a manual change",
    () => {
      fleet.drifts = ["us-east update aws:s3/bucket:Bucket us-east"];
    },
    "drift",
    /Bucket us-east differs/,
  ],
];

const brokenIn = async () => {
  const readiness = readinessOf(await fleet.collect());
  return { readiness, broken: readiness.findings.filter(({ result }) => result === "broken") };
};

describe("a recorded fleet", () => {
  it("scores 100 points if it is healthy, and has a prediction of its losses", async () => {
    const evidence = await fleet.collect();
    const readiness = readinessOf(evidence);
    expect(readiness.findings.filter(({ result }) => result !== "ok")).toEqual([]);
    expect([readiness.score, readiness.lost, exitCodeOf(readiness)]).toEqual([100, [], ExitCode.Success]);
    const { detectionSeconds, recoverySeconds, regions } = predictionOf(evidence);
    expect([detectionSeconds, recoverySeconds]).toEqual([55, 55]);
    const [rows, files, database] = regions[0]?.losses.map(({ seconds = Number.NaN }) => seconds) ?? [];
    expect([rows, files]).toEqual([3, 11]);
    expect(database).toBeGreaterThanOrEqual(300);
    expect(database).toBeLessThan(360);
    expect(regions[0]?.drill).toMatchObject({ passed: true, detectionSeconds: 36.5, recoverySeconds: 2.4 });
  });

  it.each(SPOILED)("with %s fails exactly the check for that problem", async (_, spoil, check, finding) => {
    spoil();
    const { readiness, broken } = await brokenIn();
    expect(broken.map((each) => each.check)).toEqual([check]);
    expect(broken[0]?.finding).toMatch(finding);
    expect(broken[0]?.fix).toBeTruthy();
    expect(broken[0]?.fix).not.toContain("<region>");
    expect(exitCodeOf(readiness)).toBe(ExitCode.Disproved);
    const weight = CHECKS.find(({ name }) => check.endsWith(name))?.weight ?? 0;
    expect(readiness.lost.find(({ check: name }) => check.endsWith(name))).toMatchObject({ points: weight });
    expect(readiness.score).toBeLessThanOrEqual(100 - weight);
  });

  it.each<[what: string, of: Parameters<typeof metricsOf>[0], check: string, finding: RegExp]>([
    [
      "whose record lags",
      { record: { lag: 3_600 } },
      "us-east: record",
      /is the recorder, 60 minutes behind, above the limit of 15 min/,
    ],
    [
      "that holds flows in the record",
      { record: { held: 2 } },
      "us-east: record",
      /2 flows or deletes are held and wait/,
    ],
    [
      "that rejects rows of other regions",
      { waiting: 4, record: {} },
      "us-east: replication",
      /^4 rows from other regions are not yet in its/,
    ],
    [
      "that renamed a user",
      { renamed: "1a2b", record: {} },
      "us-east: replicated tables",
      /^these users, teams or roles were renamed, because a different region used the name first: user 1a2b$/,
    ],
    [
      "that holds many deletes",
      { deletesHeld: 500, record: {} },
      "us-east: replication",
      /^deletes that wait for approval before the other regions apply them: flow 500;/,
    ],
    [
      "that cannot write to a bucket",
      { unreached: 1, record: {} },
      "us-east: replication",
      /^the agent cannot write to the bucket of eu-west/,
    ],
  ])("%s gets a warning, but is still ready", async (_, of, check, finding) => {
    fleet.metrics.set("us-east", metricsOf(of));
    const { readiness, broken } = await brokenIn();
    expect([broken, exitCodeOf(readiness)]).toEqual([[], ExitCode.Success]);
    const warned = readiness.findings.filter(({ result }) => result === "warning");
    expect(warned).toEqual([expect.objectContaining({ check, finding: expect.stringMatching(finding) })]);
  });

  it("without a recorder gets a warning in each region", async () => {
    fleet.metrics.set("us-east", metricsOf({}));
    const { readiness } = await brokenIn();
    const warned = readiness.findings.filter(({ result }) => result === "warning");
    expect(warned.map(({ check }) => check)).toEqual(["us-east: record", "eu-west: record"]);
    expect(warned[0]?.finding).toBe("no region is the recorder");
  });

  it("without signatures fails the check in each region", async () => {
    fleet.tools.say("", "unsigned", "");
    const { readiness, broken } = await brokenIn();
    expect(broken.map(({ check }) => check)).toEqual(["us-east: signatures", "eu-west: signatures"]);
    expect(readiness.score).toBe(98);
  });

  it("fails without any drill in each region, but only warns if the other region was drilled", async () => {
    fleet.forget("drills/summaries");
    const none = await brokenIn();
    expect(none.broken.map(({ check }) => check)).toEqual(["us-east: drill", "eu-west: drill"]);
    fleet.drilled({ region: "us-east", ended: Date.now() - DAY_MS });
    const one = await brokenIn();
    expect(one.broken).toEqual([]);
    expect(one.readiness.findings.find(({ check }) => check === "eu-west: drill")?.result).toBe("warning");
    expect(one.readiness.score).toBe(98);
  });

  it("fails the drill check if its drills are too old or all missed a target", async () => {
    fleet.forget("drills/summaries");
    fleet.drilled({ region: "us-east", ended: Date.now() - 200 * DAY_MS });
    fleet.drilled({ region: "eu-west", ended: Date.now() - DAY_MS, passed: false, missed: ["RTO"] });
    const { broken } = await brokenIn();
    expect(broken.map(({ check }) => check)).toEqual(["us-east: drill", "eu-west: drill"]);
  });

  it("fails the rehearsal check if a rehearsed restore does not match its manifest", async () => {
    fleet.rehearsed = ["0 users, and the manifest says 1"];
    const { broken } = await brokenIn();
    expect(broken.map(({ check }) => check)).toEqual(["us-east: restore rehearsed", "eu-west: restore rehearsed"]);
  });

  it("asks LangFlow itself in a region whose pool is disabled, because Cloudflare does not probe that pool", async () => {
    fleet.edges("pools/pool-us-east", "enabled", false);
    fleet.edges("pool-us-east/health", "pop_health", {});
    const { findings } = readinessOf(await fleet.collect());
    expect(findings.find(({ check }) => check === "us-east: health")).toMatchObject({
      result: "ok",
      finding: "/healthz answers 200",
    });
  });
});

/** Evaluates a separate fleet without open connections, because an open tunnel would be reused. */
async function ofAnother(spoil: (another: RecordedFleet) => void): Promise<Readiness> {
  const another = new RecordedFleet();
  await another.start();
  try {
    another.heal();
    spoil(another);
    return readinessOf(await another.collect());
  } finally {
    await another.stop();
  }
}

describe("evidence that could not be collected", () => {
  it("because a region's cloud is down affects only checks that need that region", async () => {
    const readiness = await ofAnother((another) => {
      another.tools.say(AWS_REGIONS["us-east"], "lost", "");
      another.edges("pool-us-east/health", "pop_health", { "Ashburn, US": { healthy: false, origins: [] } });
    });
    const west = readiness.findings.filter(({ region }) => region === "eu-west");
    // eu-west's database backups are copied to us-east, which is lost.
    expect(west.filter(({ result }) => result !== "ok").map(({ name }) => name)).toEqual(["database"]);
    const of = (name: string) => readiness.findings.find(({ check }) => check === `us-east: ${name}`);
    expect(of("health")?.result).toBe("broken");
    expect(of("replication")).toMatchObject({ result: "not checked", exitCode: ExitCode.Unreachable });
    expect(of("certificates")).toMatchObject({ result: "not checked", exitCode: ExitCode.Unreachable });
    expect(of("backup elsewhere")?.result).toBe("ok");
    expect(exitCodeOf(readiness)).toBe(ExitCode.Disproved);
  });

  it("is listed with its reason, costs its points, and determines the exit code", async () => {
    fleet.tools.forget(AWS_REGIONS["us-east"], "acm describe-certificate.json");
    const readiness = readinessOf(await fleet.collect());
    const [lost] = readiness.lost;
    expect(lost).toMatchObject({ check: "certificates", points: 4, unknown: true, unanswered: true });
    expect(lost?.reason).toMatch(
      /us-east: these credentials lack a permission that this check needs: .*not allowed to acm/,
    );
    expect([readiness.score, exitCodeOf(readiness)]).toEqual([96, ExitCode.Unauthenticated]);
  });

  it.each([
    ["unreachable", "error: unable to forward port because pod is not running", ExitCode.Unreachable],
    ["unreachable", "Error from server (ServiceUnavailable): the server is unable to handle it", ExitCode.Unreachable],
    ["unauthorized", "error: You must be logged in to the server (Unauthorized)", ExitCode.Unauthenticated],
    ["a failure", 'Error from server (NotFound): deployments.apps "flow-sync" not found', ExitCode.Failure],
  ])("because a tunnel to the pods does not open counts as %s: %s", async (_, stderr, exitCode) => {
    const readiness = await ofAnother((another) => another.tools.say("eu-west", "tunnelless", stderr));
    const silent = readiness.findings.filter(({ result }) => result === "not checked");
    expect(silent.map((each) => [each.name, each.exitCode])).toEqual(
      ["replication", "replicated tables", "record"].map((name) => [name, exitCode]),
    );
    expect(exitCodeOf(readiness)).toBe(exitCode);
  });

  it("because a cluster denies access counts as unauthorized, not as unreachable", async () => {
    const readiness = await ofAnother((another) => another.tools.say("eu-west", "reader", ""));
    const refused = readiness.findings.filter(({ result }) => result === "not checked");
    expect(refused.map(({ name }) => name)).toEqual([
      "replication",
      "replicated tables",
      "record",
      "spare capacity",
      "images",
    ]);
    expect(exitCodeOf(readiness)).toBe(ExitCode.Unauthenticated);
  });

  it("from one bucket does not make a backup missing if the other bucket has evidence", async () => {
    fleet.refused.add("flows-us-east");
    const { findings } = readinessOf(await fleet.collect());
    const of = (check: string) => findings.find((each) => each.check === check)?.result;
    expect(of("us-east: backup's age")).toBe("ok");
    expect(of("us-east: backup elsewhere")).toBe("ok");
    // Its only remote copy is in the inaccessible bucket.
    expect(of("eu-west: backup elsewhere")).toBe("not checked");
    expect(of("us-east: drill")).toBe("ok");
  });

  it("from an agent without metrics does not count as zero lag", async () => {
    fleet.metrics.set("us-east", "");
    const readiness = readinessOf(await fleet.collect());
    const silent = readiness.findings.filter(({ result }) => result === "not checked");
    expect(silent.map(({ check }) => check)).toEqual([
      "us-east: replication",
      "us-east: replicated tables",
      "us-east: record",
    ]);
    expect(exitCodeOf(readiness)).toBe(ExitCode.Unreachable);
  });

  it("about drift does not cause a failure if drift was not requested", async () => {
    const readiness = readinessOf(await fleet.collect({ drift: false }));
    expect([readiness.score, exitCodeOf(readiness)]).toEqual([98, ExitCode.Success]);
  });
});
