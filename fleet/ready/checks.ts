import { described } from "../../config/capacity";
import { shortages } from "../../model/capacity";
import { DRILL_OVERDUE_SECONDS } from "../../observability/alerts/sync";
import { CERTIFICATE_DAYS } from "../prove/assumptions/entrance";
import { newestOf, ofOtherRegions } from "./backups";
import {
  type Backup,
  type Balancer,
  type Evidence,
  ifKnown,
  isKnown,
  type PastDrill,
  type RegionEvidence,
} from "./evidence";
import {
  bad,
  duration,
  type FleetCheck,
  good,
  type Judgement,
  judged,
  poor,
  type RegionCheck,
  unless,
} from "./judgement";

const DAY_MS = 86_400_000;
/** S3 replication time control promises fifteen minutes: what is younger may be on its way. */
const COPY_SECONDS = 900;

const health: RegionCheck = {
  name: "health",
  of: "region",
  weight: 14,
  why: "a region that does not serve now takes nobody's users: the fleet is one loss further than it looks",
  fix: "the reason is the monitor's; docs/operations/region-lost.md",
  judge: (region) => judged(region.health, ({ healthy, said }) => (healthy ? good(said) : bad(said))),
};

const pool: RegionCheck = {
  name: "pool",
  of: "region",
  weight: 6,
  why: "a pool that somebody drained and forgot looks well, and no failover leads to it",
  fix: "switch it on again in Cloudflare; a drill that died is put back by `drill --restore`, anything else by `up edge`",
  judge: (region) =>
    judged(region.pool, ({ enabled, originEnabled }) =>
      unless(
        [...(enabled ? [] : ["it is switched off"]), ...(originEnabled ? [] : ["its origin is switched off"])],
        "switched on",
      ),
    ),
};

const steering: FleetCheck = {
  name: "steering",
  of: "fleet",
  weight: 4,
  why: "the order of the pools is the order of the failover, and where the fallback leads everybody goes who is lost",
  fix: "`up edge` puts it right; where the plan refuses a policy, choose another `steering` in Pulumi.edge.yaml",
  judge: ({ balancer, intended }) =>
    judged(balancer, (is) =>
      unless(differing(steered(is), steered(intended.balancer)), `${is.policy} over ${is.order.join(", ")}`),
    ),
};

const monitor: FleetCheck = {
  name: "monitor",
  of: "fleet",
  weight: 2,
  why: "its numbers are the time that a loss goes unnoticed",
  fix: "`up edge` writes them again; see the plan's limits where one is refused",
  judge: ({ monitor: learnt, intended }) =>
    judged(learnt, (is) =>
      unless(
        differing({ ...is }, { ...intended.monitor }),
        `every ${is.intervalSeconds} s, down after ${is.consecutiveDown}`,
      ),
    ),
};

const steered = ({ enabled, policy, order, fallback }: Balancer) => ({
  "switched on": enabled,
  policy,
  "order of the pools": order.join(", "),
  "fallback pool": fallback,
});

/** `policy is off, not proximity`, a line each. */
function differing(is: Readonly<Record<string, unknown>>, meant: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(meant)
    .filter(([key, value]) => is[key] !== value)
    .map(([key, value]) => `${key} is ${is[key]}, not ${value}`);
}

const replication: RegionCheck = {
  name: "replication",
  of: "region",
  weight: 12,
  why: "what the other regions lack of a region's flows and accounts is lost with it, as long as it stays away",
  fix: "the agent's log names the bucket that it does not reach, or the row that waits and why; held deletes: docs/operations/mass-delete.md",
  judge: ({ replication: learnt, limits }) =>
    judged(learnt, ({ seconds, waiting, deletesHeld, unreached }) => {
      if (seconds === undefined) return bad("no round has succeeded since the agent started");
      const lag = `all changes were last published, and the others' read, ${duration(seconds)} ago`;
      if (seconds > limits.replicationSeconds) return bad(`${lag}, above ${duration(limits.replicationSeconds)}`);
      const short = [
        ...(unreached.length > 0
          ? [`the bucket of ${unreached.join(", ")} takes nothing: S3's replication is all that is left`]
          : []),
        ...(waiting > 0 ? [`${waiting} rows of other regions are not in its database`] : []),
        ...(deletesHeld.length > 0 ? [`deleted here alone until a person decides: ${deletesHeld.join(", ")}`] : []),
      ];
      return short.length > 0 ? poor([...short, lag].join("; ")) : good(lag);
    }),
};

const tables: RegionCheck = {
  name: "replicated tables",
  of: "region",
  weight: 4,
  why: "what is written in a table that the agent refuses is in one region alone, and nothing else says so",
  fix: "deploy an agent that knows LangFlow's new schema; give whoever was renamed a name: docs/operations/alerts.md#tablerefused",
  judge: ({ replication: learnt }) =>
    judged(learnt, ({ refused, renamed }) => {
      if (refused.length > 0) return bad(`no row of ${refused.join(", ")} is replicated`);
      return renamed.length > 0
        ? poor(`renamed, as another region had the name before: ${renamed.join(", ")}`)
        : good("every table that is to be");
    }),
};

const record: RegionCheck = {
  name: "record",
  of: "region",
  weight: 2,
  why: "Git has each flow's history, and people push to it; a failover needs neither, so it is a warning at most",
  fix: "the recorder's log says which step fails; held flows wait for a person: docs/operations/held-flows.md",
  judge: ({ region, record: learnt, limits }, { regions, intended }) => {
    if (!intended.isRecorded) return good("the config has no flowRepository");
    return judged(learnt, (state) => {
      if (state === undefined) return elsewhere(regions.filter((other) => other.region !== region));
      const { seconds, held } = state;
      if (seconds === undefined) return poor("the recorder, which has recorded nothing yet");
      const lag = `the recorder, ${duration(seconds)} behind`;
      if (seconds > limits.recordSeconds) return poor(`${lag}, above ${duration(limits.recordSeconds)}`);
      return held > 0 ? poor(`${lag}; ${held} flows or deletes are held in the record`) : good(lag);
    });
  },
};

/** Of a region that is not the recorder: one of the others is, or may be. */
function elsewhere(others: readonly RegionEvidence[]): Judgement {
  const recorder = others.find((other) => ifKnown(other.record) !== undefined);
  if (recorder) return good(`${recorder.region} is the recorder`);
  const silent = others.find((other) => !isKnown(other.record));
  return silent ? good(`not the recorder; ${silent.region} may be`) : poor("no region is the recorder");
}

const backupAge: RegionCheck = {
  name: "backup's age",
  of: "region",
  weight: 6,
  why: "the newest backup is what a region whose database is lost or spoiled goes back to",
  fix: "`kubectl -n langflow create job --from=cronjob/backup-<region> by-hand`, and its log (docs/operations/restore-data.md)",
  judge: ({ backups, limits }, { at }) =>
    judged(newestOf(backups), (newest) => {
      if (!newest) return bad("there is none");
      const seconds = (at - newest.at) / 1000;
      const age = `the newest is ${duration(seconds)} old`;
      return seconds > limits.backupSeconds ? bad(`${age}, above ${duration(limits.backupSeconds)}`) : good(age);
    }),
};

const backupAbroad: RegionCheck = {
  name: "backup elsewhere",
  of: "region",
  weight: 6,
  why: "a backup that lies in the region alone is lost with it",
  fix: "see the object's `ReplicationStatus` (FAILED: the role's rights); S3 Batch Replication copies what is missing",
  judge: ({ region, backups, limits }, { at }) =>
    judged(newestOf(backups), (newest) => {
      if (!newest) return { result: "not checked", finding: "there is no backup" };
      const ageOf = (backup: Backup) => (at - backup.at) / 1000;
      return judged(newestOf(ofOtherRegions(backups, region)), (copy) => {
        if (copy && ageOf(copy) <= limits.backupSeconds)
          return good(`one of ${duration(ageOf(copy))} ago is in another region's bucket`);
        if (ageOf(newest) > limits.backupSeconds) return { result: "not checked", finding: "there is no new one" };
        const said = copy
          ? `the newest elsewhere is ${duration(ageOf(copy))} old`
          : `all are in ${region}'s own bucket`;
        return ageOf(newest) < COPY_SECONDS ? poor(`${said}; the newest may be on its way`) : bad(said);
      });
    }),
};

const backupWhole: RegionCheck = {
  name: "backup whole",
  of: "region",
  weight: 5,
  why: "a copy elsewhere of which an object is missing or cut restores nothing, and its manifest alone does not say so",
  fix: "make another by hand; older versions of an object are kept, and `agent verify` finds them",
  judge: ({ region, backups }) =>
    judged(newestOf(ofOtherRegions(backups, region)), (copy) => {
      if (!copy) return { result: "not checked", finding: "there is none elsewhere" };
      return unless(copy.amiss, `${copy.id} has every object of its manifest, in its size`);
    }),
};

const database: RegionCheck = {
  name: "database",
  of: "region",
  weight: 8,
  why: "the age of what can be restored elsewhere is what the loss of the database costs",
  fix: "`aws rds describe-db-instance-automated-backups` in the backup region says what RDS copies",
  judge: ({ restorable, limits }, { at: now }) =>
    judged(restorable, ({ at, said }) => {
      if (at === undefined) return bad(`nothing can be restored yet: ${said}`);
      const seconds = (now - at) / 1000;
      const age = `${duration(seconds)} old: ${said}`;
      return seconds > limits.restorableSeconds
        ? bad(`${age}; above ${duration(limits.restorableSeconds)}`)
        : good(age);
    }),
};

const rehearsal: RegionCheck = {
  name: "restore rehearsed",
  of: "region",
  weight: 5,
  why: "only a dump that was restored is known to restore",
  fix: "make another backup by hand and rehearse that (docs/operations/restore-data.md); where it fails too, the log says at what",
  judge: (region) =>
    judged(region.rehearsal, ({ id, seconds, amiss, said }) => unless(amiss, `${id} in ${duration(seconds)}: ${said}`)),
};

const capacity: RegionCheck = {
  name: "spare capacity",
  of: "region",
  weight: 8,
  why: "a survivor that may not grow is lost as well, by the users of the first",
  fix: "raise replicas.max (and the database's class where connections are short) in Pulumi.<region>.yaml, then `up`",
  judge: ({ capacity: is, podsMax }) =>
    judged(podsMax, (max) => {
      const replicas = { ...is.replicas, max: Math.min(max, is.replicas.max) };
      const short = shortages({ ...is, replicas });
      const after = short
        .filter(({ of }) => of === "pods")
        .map(
          ({ needed }) => `${needed} pods are needed after another region's loss, and the autoscaler may run ${max}`,
        );
      const rest = short.filter(({ of }) => of !== "pods");
      const impossible = rest.filter(({ impossible: never }) => never).map((each) => described(each, is).finding);
      if (after.length + impossible.length > 0) return bad([...after, ...impossible].join("\n"));
      if (rest.length > 0) return poor(rest.map((each) => described(each, is).finding).join("\n"));
      return good(`${is.podsAfterLoss} pods after another region's loss, of ${max} that the autoscaler may run`);
    }),
};

const quota: RegionCheck = {
  name: "quota",
  of: "region",
  weight: 3,
  why: "AWS gives no more cores than the account's quota, whatever the autoscaler asks for",
  fix: "ask Service Quotas for more cores of standard on-demand instances (L-1216C47A)",
  judge: ({ capacity: { cores }, coresQuota }) =>
    judged(coresQuota, (allowed) => {
      const [after, rolling] = [Math.ceil(cores.needs.afterLoss), Math.ceil(cores.needs.rolling)];
      const said = `${allowed} cores allowed, ${after} needed after another region's loss, ${rolling} at most`;
      if (allowed < after) return bad(said);
      return allowed < rolling ? poor(said) : good(said);
    }),
};

const images: RegionCheck = {
  name: "images",
  of: "region",
  weight: 3,
  why: "one digest everywhere is what makes the regions the same to whoever moves between them",
  fix: "`up` puts the config's digests back; see who changed it in the cluster's audit log",
  judge: (region, { intended }) =>
    judged(region.images, (running) =>
      unless(
        [
          ...running
            .filter((each) => !intended.images.includes(each))
            .map((each) => `${each} runs, which the config does not name`),
          ...intended.images.filter((each) => !running.includes(each)).map((each) => `nothing runs ${each}`),
        ],
        `${intended.images.length} images, by the config's digests`,
      ),
    ),
};

const signatures: RegionCheck = {
  name: "signatures",
  of: "region",
  weight: 2,
  why: "`deploy` refuses a region whose registry has no signature, and the day of a loss is a bad one to find out",
  fix: "`npm run fleet -- image verify` waits for them; the workflow Image signs where none has come",
  judge: (region) => judged(region.unsigned, (amiss) => unless(amiss, "signed, in the region's own registry")),
};

const certificates: RegionCheck = {
  name: "certificates",
  of: "region",
  weight: 4,
  why: "a certificate that ends takes the region away from everybody, and ACM renews it only while its DNS record is there",
  fix: "put the validation record back (`aws acm describe-certificate` has it): ACM renews 60 days before the end",
  judge: (region, { at }) =>
    judged(region.certificates, (all) => {
      const left = all.map(({ endsAt }) => Math.floor(((endsAt ?? Number.NaN) - at) / DAY_MS));
      const amiss = all.flatMap(({ name, status }, index) => {
        if (status !== "ISSUED") return [`${name} is ${status}`];
        const days = left[index] ?? Number.NaN;
        if (Number.isNaN(days)) return [`${name} has no end`];
        return days > CERTIFICATE_DAYS ? [] : [`${name}: ${days} days are left`];
      });
      return unless(amiss, `${Math.min(...left)} days are left`);
    }),
};

const drift: FleetCheck = {
  name: "drift",
  of: "fleet",
  weight: 2,
  why: "what a hand changed in one region is not in the other, and `up` on the day of a loss undoes it",
  fix: "`npm run fleet -- drift` shows the properties",
  judge: (evidence) =>
    judged(evidence.drift, (drifted) =>
      unless(
        drifted.map((each) => `${each} differs`),
        "the clouds are as the code says",
      ),
    ),
};

const drill: RegionCheck = {
  name: "drill",
  of: "region",
  weight: 4,
  why: "what was never done is not known to work, and what worked a year ago was another fleet",
  fix: "`npm run fleet -- drill --region <region>`; docs/drill.md",
  judge: ({ drills }, evidence) =>
    judged(drills, ({ newest, newestPassed }) => {
      if (!newest) return lacking("it was never drilled", evidence);
      const said = `${newest.fault} ${duration(secondsSince(newest, evidence))} ago`;
      if (!isCurrent(newestPassed, evidence))
        return lacking(newestPassed ? `none passed since ${said}` : `none passed; the last was ${said}`, evidence);
      if (!newest.passed) return poor(`the last, ${said}, missed ${newest.missed.join(", ")}`);
      return good(`${said}, passed`);
    }),
};

/** One region's drill says much of the others', which run the same: without any at all nothing is known. */
function lacking(said: string, evidence: Evidence): Judgement {
  const another = evidence.regions.find(({ drills }) => isCurrent(ifKnown(drills)?.newestPassed, evidence));
  return another ? poor(`${said}; one of ${another.region} passed`) : bad(said);
}

const secondsSince = ({ ended }: PastDrill, { at }: Evidence) => (at - ended) / 1000;
const isCurrent = (passed: PastDrill | undefined, evidence: Evidence) =>
  passed !== undefined && secondsSince(passed, evidence) <= DRILL_OVERDUE_SECONDS;

/** Everything that readiness is made of, in the order in which it is told; the weights are 100 together. */
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
  signatures,
  certificates,
  drift,
  drill,
];
