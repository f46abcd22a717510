import { described } from "../../config/capacity";
import { shortages } from "../../model/capacity";
import { DRILL_OVERDUE_SECONDS } from "../../observability/alerts/sync";
import { type CheckResult, notChecked, ok, warning } from "../checks/checkResult";
import {
  monitor as monitorAssumption,
  pool as poolAssumption,
  poolHealth,
  steering as steeringAssumption,
} from "../prove/assumptions/edge";
import { certificate } from "../prove/assumptions/entrance";
import { running, signatures } from "../prove/assumptions/images";
import { newestOf, ofOtherRegions } from "./backups";
import { type Backup, type Evidence, ifKnown, isKnown, type PastDrill, type RegionEvidence } from "./evidence";
import {
  bad,
  duration,
  type FleetCheck,
  judged,
  provedInFleet,
  provedInRegion,
  type RegionCheck,
  unless,
} from "./readyCheck";

/** S3 replication time control promises 15 minutes; a younger object may not have arrived yet. */
const COPY_SECONDS = 900;

const health = provedInRegion(poolHealth, {
  name: "health",
  weight: 14,
  why: "a region that is down cannot take over users: the fleet has already lost one region",
});

const pool = provedInRegion(poolAssumption, {
  name: "pool",
  weight: 6,
  why: "a pool that was drained and forgotten receives no failover",
});

const intendedSteering = provedInFleet(steeringAssumption, {
  name: "steering",
  weight: 4,
  why: "the order of the pools is the failover order, and the fallback pool receives all users if every pool is down",
});

const steering: FleetCheck = {
  ...intendedSteering,
  judge(evidence) {
    const result = intendedSteering.judge(evidence);
    return result.result === "ok" && evidence.oldShare > 0
      ? warning(
          "a lost region's users may reach the old LangFlow until its share is 0",
          "finish the cut-over (docs/move-in.md)",
        )
      : result;
  },
};

const monitor = provedInFleet(monitorAssumption, {
  name: "monitor",
  weight: 2,
  why: "its interval, timeout and retries determine how long a lost region stays undetected",
});

const replication: RegionCheck = {
  name: "replication",
  of: "region",
  weight: 12,
  why: "changes that have not reached the other regions are lost while this region is down",
  fix: "the agent's log names the unreachable bucket, or the waiting row and the reason; held deletes: docs/operations/mass-delete.md",
  judge: ({ replication: learnt, limits }) =>
    judged(learnt, ({ seconds, waiting, deletesHeld, unreached }) => {
      if (seconds === undefined) return bad("the agent has not completed a sync round since it started");
      const lag = `last complete sync with the other regions: ${duration(seconds)} ago`;
      if (seconds > limits.replicationSeconds)
        return bad(`${lag}, above the limit of ${duration(limits.replicationSeconds)}`);
      const short = [
        ...(unreached.length > 0
          ? [
              `the agent cannot write to the bucket of ${unreached.join(", ")}: only S3's replication still copies objects there`,
            ]
          : []),
        ...(waiting > 0 ? [`${waiting} rows from other regions are not yet in its database`] : []),
        ...(deletesHeld.length > 0
          ? [`deletes that wait for approval before the other regions apply them: ${deletesHeld.join(", ")}`]
          : []),
      ];
      return short.length > 0 ? warning([...short, lag].join("; ")) : ok(lag);
    }),
};

const tables: RegionCheck = {
  name: "replicated tables",
  of: "region",
  weight: 4,
  why: "rows of a table that the agent refuses exist in one region only, and users see no error",
  fix: "deploy an agent that supports LangFlow's new schema; give renamed accounts a new name: docs/operations/alerts.md#tablerefused",
  judge: ({ replication: learnt }) =>
    judged(learnt, ({ refused, renamed }) => {
      if (refused.length > 0) return bad(`the agent does not replicate ${refused.join(", ")}`);
      return renamed.length > 0
        ? warning(
            `these users, teams or roles were renamed, because a different region used the name first: ${renamed.join(", ")}`,
          )
        : ok("all tables are replicated");
    }),
};

const record: RegionCheck = {
  name: "record",
  of: "region",
  weight: 2,
  why: "Git has each flow's history, and users push to it; a failover does not need it, so this is at most a warning",
  fix: "the recorder's log shows the failing step; an operator must decide about held flows: docs/operations/held-flows.md",
  judge: ({ region, record: learnt, limits }, { regions, isRecorded }) => {
    if (!isRecorded) return ok("the config does not set flowRepository");
    return judged(learnt, (state) => {
      if (state === undefined) return elsewhere(regions.filter((other) => other.region !== region));
      const { seconds, held } = state;
      if (seconds === undefined) return warning("this region is the recorder and has recorded nothing yet");
      const lag = `this region is the recorder, ${duration(seconds)} behind`;
      if (seconds > limits.recordSeconds)
        return warning(`${lag}, above the limit of ${duration(limits.recordSeconds)}`);
      return held > 0 ? warning(`${lag}; ${held} flows or deletes are held and wait for a decision`) : ok(lag);
    });
  },
};

/** Judges a region that is not the recorder. */
function elsewhere(others: readonly RegionEvidence[]): CheckResult {
  const recorder = others.find((other) => ifKnown(other.record) !== undefined);
  if (recorder) return ok(`${recorder.region} is the recorder`);
  const silent = others.find((other) => !isKnown(other.record));
  return silent
    ? ok(`this region is not the recorder; ${silent.region} may be, but does not answer`)
    : warning("no region is the recorder");
}

const backupAge: RegionCheck = {
  name: "backup's age",
  of: "region",
  weight: 6,
  why: "a region with a lost or corrupt database is restored from the newest backup",
  fix: "run `kubectl -n langflow create job --from=cronjob/backup-<region> by-hand`, and read its log (docs/operations/restore-data.md)",
  judge: ({ backups, limits }, { at }) =>
    judged(newestOf(backups), (newest) => {
      if (!newest) return bad("the region has no backup");
      const seconds = (at - newest.at) / 1000;
      const age = `the newest backup is ${duration(seconds)} old`;
      return seconds > limits.backupSeconds
        ? bad(`${age}, above the limit of ${duration(limits.backupSeconds)}`)
        : ok(age);
    }),
};

const backupAbroad: RegionCheck = {
  name: "backup elsewhere",
  of: "region",
  weight: 6,
  why: "a backup that exists only in its own region is lost with the region",
  fix: "check the object's `ReplicationStatus` (FAILED: the role lacks permissions); copy missing objects with S3 Batch Replication",
  judge: ({ region, backups, limits }, { at }) =>
    judged(newestOf(backups), (newest) => {
      if (!newest) return notChecked("the region has no backup");
      const ageOf = (backup: Backup) => (at - backup.at) / 1000;
      return judged(newestOf(ofOtherRegions(backups, region)), (copy) => {
        if (copy && ageOf(copy) <= limits.backupSeconds)
          return ok(`a backup of ${duration(ageOf(copy))} ago is in a different region's bucket`);
        if (ageOf(newest) > limits.backupSeconds) return notChecked("the newest backup is too old");
        const said = copy
          ? `the newest backup in a different region is ${duration(ageOf(copy))} old`
          : `all backups are in ${region}'s own bucket`;
        return ageOf(newest) < COPY_SECONDS
          ? warning(`${said}; the newest backup may not have been copied yet`)
          : bad(said);
      });
    }),
};

const backupWhole: RegionCheck = {
  name: "backup whole",
  of: "region",
  weight: 5,
  why: "a copy with a missing or truncated object cannot be restored, and its manifest does not show that",
  fix: "create a new backup by hand; run `agent verify` to find damaged objects, whose older versions the bucket keeps",
  judge: ({ region, backups }) =>
    judged(newestOf(ofOtherRegions(backups, region)), (copy) => {
      if (!copy) return notChecked("no other region's bucket has a backup");
      return unless(copy.amiss, `${copy.id} has every object of its manifest, with the right size`);
    }),
};

const database: RegionCheck = {
  name: "database",
  of: "region",
  weight: 8,
  why: "the age of the newest restorable copy in a different region is the data loss",
  fix: "run `aws rds describe-db-instance-automated-backups` in the backup region to see what RDS copies",
  judge: ({ restorable, limits }, { at: now }) =>
    judged(restorable, ({ at, said }) => {
      if (at === undefined) return bad(`no restorable copy exists yet: ${said}`);
      const seconds = (now - at) / 1000;
      const age = `${duration(seconds)} old: ${said}`;
      return seconds > limits.restorableSeconds
        ? bad(`${age}; above the limit of ${duration(limits.restorableSeconds)}`)
        : ok(age);
    }),
};

const rehearsal: RegionCheck = {
  name: "restore rehearsed",
  of: "region",
  weight: 5,
  why: "only a test restore proves that a dump can be restored",
  fix: "create a new backup by hand and rehearse it (docs/operations/restore-data.md); if that fails too, the log shows the step",
  judge: (region) =>
    judged(region.rehearsal, ({ id, seconds, amiss, said }) => unless(amiss, `${id} in ${duration(seconds)}: ${said}`)),
};

const capacity: RegionCheck = {
  name: "spare capacity",
  of: "region",
  weight: 8,
  why: "a survivor that cannot scale up fails under the lost region's users",
  fix: "raise replicas.max (and the database's class if connections are short) in Pulumi.<region>.yaml, then run `up`",
  judge: ({ capacity: is, podsMax }) =>
    judged(podsMax, (max) => {
      const replicas = { ...is.replicas, max: Math.min(max, is.replicas.max) };
      const short = shortages({ ...is, replicas });
      const after = short
        .filter(({ of }) => of === "pods")
        .map(
          ({ needed }) =>
            `after another region's loss ${needed} pods are needed, but the autoscaler allows only ${max}`,
        );
      const rest = short.filter(({ of }) => of !== "pods");
      const impossible = rest.filter(({ impossible: never }) => never).map((each) => described(each, is).finding);
      if (after.length + impossible.length > 0) return bad([...after, ...impossible].join("\n"));
      if (rest.length > 0) return warning(rest.map((each) => described(each, is).finding).join("\n"));
      return ok(`${is.podsAfterLoss} pods after another region's loss; the autoscaler allows ${max}`);
    }),
};

const quota: RegionCheck = {
  name: "quota",
  of: "region",
  weight: 3,
  why: "the account's quota limits the cores, whatever the autoscaler requests",
  fix: "request more cores of standard on-demand instances in Service Quotas (L-1216C47A)",
  judge: ({ capacity: { cores }, coresQuota }) =>
    judged(coresQuota, (allowed) => {
      const [after, rolling] = [Math.ceil(cores.needs.afterLoss), Math.ceil(cores.needs.rolling)];
      const said = `quota ${allowed} cores, needed ${after} after another region's loss, at most ${rolling}`;
      if (allowed < after) return bad(said);
      return allowed < rolling ? warning(said) : ok(said);
    }),
};

const images = provedInRegion(running, {
  name: "images",
  weight: 3,
  why: "users get the same behaviour in every region only if all run the same digest",
});

const signed = provedInRegion(signatures, {
  name: "signatures",
  weight: 2,
  why: "`deploy` refuses a region whose registry lacks the signature; find out before you need to deploy",
});

const certificates = provedInRegion(certificate, {
  name: "certificates",
  weight: 4,
  why: "an expired certificate takes the region offline, and ACM renews it only while its DNS record exists",
});

const drift: FleetCheck = {
  name: "drift",
  of: "fleet",
  weight: 2,
  why: "a manual change exists in one region only, and the next `up` reverts it, perhaps during an outage",
  fix: "run `npm run fleet -- drift` to list the properties that differ",
  judge: (evidence) =>
    judged(evidence.drift, (drifted) =>
      unless(
        drifted.map((each) => `${each} differs`),
        "no resource differs from the code",
      ),
    ),
};

const drill: RegionCheck = {
  name: "drill",
  of: "region",
  weight: 4,
  why: "an untested failover may not work, and a test of a year ago tested a different fleet",
  fix: "run `npm run fleet -- drill --region <region>` (docs/drill.md)",
  judge: ({ drills }, evidence) =>
    judged(drills, ({ newest, newestPassed }) => {
      if (!newest) return lacking("the region was never drilled", evidence);
      const said = `${newest.fault} ${duration(secondsSince(newest, evidence))} ago`;
      if (!isCurrent(newestPassed, evidence))
        return lacking(
          newestPassed
            ? `no drill passed within the last quarter; the last was ${said}`
            : `no drill passed; the last was ${said}`,
          evidence,
        );
      if (!newest.passed) return warning(`the last drill, ${said}, missed ${newest.missed.join(", ")}`);
      return ok(`${said}, passed`);
    }),
};

/** A missing drill is a warning if a different region passed one, since all regions run the same program. */
function lacking(said: string, evidence: Evidence): CheckResult {
  const another = evidence.regions.find(({ drills }) => isCurrent(ifKnown(drills)?.newestPassed, evidence));
  return another ? warning(`${said}; a drill of ${another.region} passed`) : bad(said);
}

const secondsSince = ({ ended }: PastDrill, { at }: Evidence) => (at - ended) / 1000;
const isCurrent = (passed: PastDrill | undefined, evidence: Evidence) =>
  passed !== undefined && secondsSince(passed, evidence) <= DRILL_OVERDUE_SECONDS;

/** Every check, in the order of the report; the weights add up to 100. */
export const CHECKS: readonly (RegionCheck | FleetCheck)[] = [
  health,
  pool,
  steering,
  monitor,
  replication,
  tables,
  record,
  backupAge,
  backupAbroad,
  backupWhole,
  database,
  rehearsal,
  capacity,
  quota,
  images,
  signed,
  certificates,
  drift,
  drill,
];
