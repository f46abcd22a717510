import { z } from "zod";
import { backupSchedule } from "../../../model/agent";
import { longestGapSeconds } from "../../../model/backupGap";
import type { Capacity } from "../../../model/capacity";
import type { MonitorTimes } from "../../../model/failover";
import { recordLateSeconds } from "../../../observability/alerts/record";
import { backupLateSeconds, replicationLateSeconds } from "../../../observability/alerts/sync";
import type { RecordStatus } from "../../../sandbox/live/status";
import { NotCheckable } from "../../checks/checkResult";
import type { Restorable } from "../../drill/backend";
import {
  type Assumption,
  answered,
  type Deployment,
  foundationOf,
  type Observation,
  type RegionStack,
} from "../../prove/assumption";
import { copiedBackup, RESTORABLE_AGE_MS } from "../../prove/assumptions/data";
import { appliedMonitor, monitor, pool, poolHealth, steering } from "../../prove/assumptions/edge";
import { certificate } from "../../prove/assumptions/entrance";
import { running, signatures } from "../../prove/assumptions/images";
import { newestOf, ofOtherRegions } from "../backups";
import {
  type BucketBackups,
  type Drills,
  type Evidence,
  isKnown,
  type Learnt,
  learn,
  type Observed,
  type RecordState,
  type RegionEvidence,
  type Rehearsal,
  type ReplicationState,
} from "../evidence";
import { newestIn } from "./bucketBackups";
import { drillsIn, newestDrills } from "./pastDrills";

export interface CollectOptions {
  /** The local fleet has no backup schedule, and RDS does not restore its databases. */
  readonly local: boolean;
  /** Each region's capacity according to the config. */
  readonly capacities: readonly Capacity[];
  /** Whether to run a refreshing preview, which takes minutes. */
  readonly drift: boolean;
  /**
   * Restores the newest backup of a region into an empty database.
   *
   * @throws NotCheckable if there is no place for one
   */
  rehearse(region: string): Promise<Rehearsal>;
  /** Receives progress messages. */
  report(message: string): void;
}

const FLEET_ASSUMPTIONS = [steering, monitor];
const REGION_ASSUMPTIONS = [pool, poolHealth, running, signatures, certificate];

/** Collects everything that readiness is judged by. A failed request affects no other. */
export async function collect(deployment: Deployment, options: CollectOptions): Promise<Evidence> {
  const { report } = options;
  const edge = Promise.all([
    observe(FLEET_ASSUMPTIONS, (assumption) => assumption.look(deployment)),
    learn(() => monitorTimes(deployment)),
  ]);
  const regions = await Promise.all(
    deployment.regions.map(async (stack) => {
      const found = await regionEvidence(deployment, stack, options);
      report(`${stack.region.name}: checked`);
      return found;
    }),
  );
  const [observed, applied] = await edge;
  report("load balancer: checked");
  // The engine shows its own progress.
  const drift = await learn(() => drifted(deployment, options), DRIFT_MS);
  const { fleet, own } = deployment.edge;
  return {
    at: Date.now(),
    regions,
    observed,
    isRecorded: fleet.flowRepository !== undefined,
    oldShare: own.movingFrom?.share ?? 0,
    monitor: applied,
    drift,
  };
}

/** Observes assumptions of `prove`, one after the other: several start the AWS CLI or cosign. */
async function observe<A extends Assumption>(
  assumptions: readonly A[],
  look: (assumption: A) => Promise<Observation>,
): Promise<Observed> {
  const observed: Record<string, Learnt<Observation>> = {};
  for (const assumption of assumptions) observed[assumption.name] = await learn(() => look(assumption));
  return observed;
}

/** Longer than a preview, which has its own timeout for a silent engine. */
const DRIFT_MS = 60 * 60_000;

async function drifted(deployment: Deployment, { drift }: CollectOptions): Promise<readonly string[]> {
  if (!drift) throw new NotCheckable("run with `--drift`, which takes some minutes");
  return deployment.drifted();
}

/** The applied numbers, with the config's in place of those that Cloudflare leaves out. */
async function monitorTimes(deployment: Deployment): Promise<MonitorTimes> {
  const is = await appliedMonitor(deployment);
  if (!is) throw new Error("the pools do not share one monitor: run `up edge`");
  return {
    intervalSeconds: is.interval,
    timeoutSeconds: is.timeout,
    retries: is.retries ?? deployment.edge.own.monitor.retries,
    consecutiveDown: is.consecutive_down ?? 0,
  };
}

async function regionEvidence(
  deployment: Deployment,
  stack: RegionStack,
  options: CollectOptions,
): Promise<RegionEvidence> {
  const region = stack.region.name;
  const capacity = options.capacities.find((each) => each.region === region);
  if (!capacity) throw new Error(`internal error: no capacity figures for ${region}`);
  const look = <T>(what: string, work: () => Promise<T>, withinMs?: number): Promise<Learnt<T>> => {
    options.report(`${region}: checking its ${what}`);
    return learn(work, withinMs);
  };
  options.report(`${region}: checking its pool, images and certificates`);
  const observed = observe(REGION_ASSUMPTIONS, (assumption) => assumption.look(deployment, stack));
  const agent = look("agent", () => agentState(deployment, region));
  const [isAgent, backups] = await Promise.all([agent, bucketBackups(deployment, region, options)]);
  return {
    region,
    capacity,
    observed: await observed,
    limits: limitsOf(stack, options),
    backups,
    replication: part(isAgent, ({ replication }) => replication),
    record: part(isAgent, ({ record }) => record),
    restorable: await look("database's copies", () => restorable(deployment, stack, options, backups)),
    podsMax: await look("autoscaler", () => podsMax(deployment, region)),
    coresQuota: await look("quota", () => coresQuota(deployment, stack)),
    drills: await drills(deployment, region),
    rehearsal: await look("backup, by a restore", () => options.rehearse(region), REHEARSAL_MS),
  };
}

const REHEARSAL_MS = 30 * 60_000;

/** Returns the limits of the alerts, so that `ready` and alerts agree. */
function limitsOf({ own, region, fleet }: RegionStack, { local }: CollectOptions): RegionEvidence["limits"] {
  const index = fleet.regions.findIndex(({ name }) => name === region.name);
  const schedule = own.backup.schedule ?? backupSchedule(index);
  const backupSeconds = backupLateSeconds({ backupGapSeconds: longestGapSeconds(schedule) });
  return {
    replicationSeconds: replicationLateSeconds(own.sync),
    recordSeconds: recordLateSeconds(own.sync),
    backupSeconds,
    restorableSeconds: local ? backupSeconds : RESTORABLE_AGE_MS / 1000,
  };
}

/** Returns a part of a value, if it is known. */
function part<Whole, Part>(learnt: Learnt<Whole>, of: (whole: Whole) => Part): Learnt<Part> {
  return isKnown(learnt) ? { value: of(learnt.value) } : learnt;
}

interface AgentState {
  readonly replication: ReplicationState;
  readonly record: RecordState | undefined;
}

async function agentState({ clouds }: Deployment, region: string): Promise<AgentState> {
  const {
    replicationLagSeconds: seconds,
    rowsWaiting,
    tablesRefused,
    renamed,
    deletesHeld,
    bucketsUnreached,
    copySeconds,
    record,
  } = await clouds.agent(region);
  if (seconds === undefined)
    throw Object.assign(new Error(`the agent of ${region} does not report its replication lag`), {
      code: "ECONNREFUSED",
    });
  const copies = Object.values(copySeconds ?? {});
  return {
    replication: {
      seconds,
      waiting: rowsWaiting ?? 0,
      refused: tablesRefused ?? [],
      renamed: renamed ?? [],
      deletesHeld: deletesHeld ?? [],
      unreached: bucketsUnreached ?? [],
      ...(copies.length > 0 && { copySeconds: Math.max(...copies) }),
    },
    record: record && recordState(record),
  };
}

function recordState({
  lagSeconds,
  held = 0,
  skipped = 0,
  secretsHeld = 0,
  deletesHeld = 0,
}: RecordStatus): RecordState {
  return {
    held: held + skipped + secretsHeld + deletesHeld,
    ...(lagSeconds !== undefined && { seconds: lagSeconds }),
  };
}

/** Reads every region's bucket separately, so that a lost bucket does not hide the others. */
function bucketBackups(deployment: Deployment, region: string, { local }: CollectOptions): Promise<BucketBackups[]> {
  return Promise.all(
    deployment.regions.map(async (stack) => {
      const newest = await learn(async () => {
        const { bucketName } = foundationOf(deployment, stack);
        const found = await newestIn(deployment.clouds.s3(stack.region.awsRegion), bucketName, region);
        if (!found && local)
          throw new NotCheckable("the local fleet has no backup schedule, and no backup was created by hand");
        return found;
      });
      return { bucketOf: stack.region.name, newest };
    }),
  );
}

async function restorable(
  deployment: Deployment,
  stack: RegionStack,
  { local }: CollectOptions,
  backups: readonly BucketBackups[],
): Promise<Restorable> {
  const { name } = stack.region;
  if (local) {
    const newest = newestOf(ofOtherRegions(backups, name));
    if (!isKnown(newest)) throw new NotCheckable(newest.unknown);
    return { said: "the newest dump in a different region's bucket", ...(newest.value && { at: newest.value.at }) };
  }
  const { abroad, copy } = await copiedBackup(deployment, stack);
  const said = `the newest point to which RDS can restore in ${abroad.region.name}`;
  const at = Date.parse(copy?.RestoreWindow.LatestTime ?? "");
  return { said, ...(!Number.isNaN(at) && { at }) };
}

const autoscalerShape = z.object({ maxReplicas: z.number() });

async function podsMax({ clouds }: Deployment, region: string): Promise<number> {
  const name = `langflow-${region}`;
  const found = await clouds.objects(region, "horizontalpodautoscalers.autoscaling");
  const autoscaler = found.find(({ metadata }) => metadata.name === name);
  if (!autoscaler)
    throw new Error(`the cluster has no HorizontalPodAutoscaler ${name}: create it with \`up ${region}\``);
  return answered(autoscalerShape, "the autoscaler", autoscaler.spec).maxReplicas;
}

const quotaShape = z.object({ Quota: z.object({ Value: z.number() }) });
/**
 * Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances, in cores; Auto Mode's nodes count (Service Quotas).
 */
const CORES = { ServiceCode: "ec2", QuotaCode: "L-1216C47A" };

async function coresQuota({ clouds }: Deployment, { region }: RegionStack): Promise<number> {
  const ask = (operation: string) => clouds.aws(region.awsRegion, "service-quotas", operation, CORES);
  const answer = await ask("get-service-quota").catch((error: Error) => {
    // An unchanged quota may have no applied value; then the default applies.
    if (error.name !== "NoSuchResourceException") throw error;
    return ask("get-aws-default-service-quota");
  });
  return answered(quotaShape, "the quota", answer).Quota.Value;
}

/**
 * Reads drill summaries from every bucket that answers: a drill writes to a survivor's bucket, and S3 replicates it.
 */
async function drills(deployment: Deployment, region: string): Promise<Learnt<Drills>> {
  const found = await Promise.all(
    deployment.regions.map((stack) =>
      learn(() => {
        const { bucketName } = foundationOf(deployment, stack);
        return drillsIn(deployment.clouds.s3(stack.region.awsRegion), bucketName, region);
      }),
    ),
  );
  const known = found.flatMap((each) => (isKnown(each) ? [each.value] : []));
  const drilled = newestDrills(known);
  // That no drill was found is certain only if every bucket answered.
  const missing = found.find((each) => !isKnown(each));
  return missing && !drilled.newest ? missing : { value: drilled };
}
