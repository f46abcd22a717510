import { z } from "zod";
import { poolOrderOf } from "../../../config/poolOrder";
import { backupSchedule } from "../../../model/agent";
import { longestGapSeconds } from "../../../model/backupGap";
import type { Capacity } from "../../../model/capacity";
import type { MonitorTimes } from "../../../model/failover";
import { recordLateSeconds } from "../../../observability/alerts/record";
import { backupLateSeconds, replicationLateSeconds } from "../../../observability/alerts/sync";
import type { RecordStatus } from "../../../sandbox/live/status";
import type { Restorable } from "../../drill/backend";
import { NotCheckable } from "../../examination/finding";
import { answered, type Deployment, foundationOf, type RegionStack } from "../../prove/assumption";
import { copiedBackup, RESTORABLE_AGE_MS } from "../../prove/assumptions/data";
import { appliedBalancer, appliedMonitor, appliedPool, poolOf, steeringMeant } from "../../prove/assumptions/edge";
import { certificateShape } from "../../prove/assumptions/entrance";
import { imagesOf, runningImages, unsignedImages } from "../../prove/assumptions/images";
import type { Health } from "../../rollout/gate";
import { askHealth } from "../../rollout/healthz";
import { newestOf, ofOtherRegions } from "../backups";
import {
  type Balancer,
  type BucketBackups,
  type Certificate,
  type Drills,
  type Evidence,
  isKnown,
  type Learnt,
  learn,
  type RecordState,
  type RegionEvidence,
  type Rehearsal,
  type ReplicationState,
} from "../evidence";
import { newestIn } from "./bucketBackups";
import { drillsIn, newestDrills } from "./pastDrills";

export interface CollectOptions {
  /** The local fleet: no clock makes backups in it, and RDS is not what its databases come back from. */
  readonly local: boolean;
  /** What of each region the config's sizes say. */
  readonly capacities: readonly Capacity[];
  /** Whether a refreshing preview is made, which takes minutes. */
  readonly drift: boolean;
  /** Restores the newest backup of a region into an empty database. @throws NotCheckable where that cannot be done */
  rehearse(region: string): Promise<Rehearsal>;
  /** Told what has been looked at. */
  report(message: string): void;
}

/** Looks at all that readiness is judged by. What one look does not learn holds up no other. */
export async function collect(deployment: Deployment, options: CollectOptions): Promise<Evidence> {
  const { report } = options;
  const edge = Promise.all([learn(() => balancer(deployment)), learn(() => monitor(deployment))]);
  const regions = await Promise.all(
    deployment.regions.map(async (stack) => {
      const found = await regionEvidence(deployment, stack, options);
      report(`${stack.region.name}: looked at`);
      return found;
    }),
  );
  const [isBalancer, isMonitor] = await edge;
  report("load balancer: looked at");
  // By the engine, which shows its own progress.
  const drift = await learn(() => drifted(deployment, options), DRIFT_MS);
  return { at: Date.now(), regions, intended: intended(deployment), balancer: isBalancer, monitor: isMonitor, drift };
}

/** A preview gives up by itself when the engine is silent. */
const DRIFT_MS = 60 * 60_000;

async function drifted(deployment: Deployment, { drift }: CollectOptions): Promise<readonly string[]> {
  if (!drift) throw new NotCheckable("it was not looked at: `--drift` does, in some minutes");
  return deployment.drifted();
}

function intended(deployment: Deployment): Evidence["intended"] {
  const { edge } = deployment;
  const order = poolOrderOf(edge.fleet, edge.own);
  return {
    balancer: { enabled: true, policy: steeringMeant(deployment), order, fallback: order.at(-1) ?? "" },
    monitor: timesOf(edge.own.monitor),
    images: imagesOf(edge.fleet).map(({ repository, digest }) => `${repository}@${digest}`),
    isRecorded: edge.fleet.flowRepository !== undefined,
  };
}

const timesOf = ({ intervalSeconds, timeoutSeconds, retries, consecutiveDown }: MonitorTimes): MonitorTimes => ({
  intervalSeconds,
  timeoutSeconds,
  retries,
  consecutiveDown,
});

async function balancer(deployment: Deployment): Promise<Balancer> {
  const is = await appliedBalancer(deployment);
  if (typeof is === "string") return { enabled: false, policy: is, order: [], fallback: "" };
  const names = new Map(deployment.regions.map(({ region: { name } }) => [poolOf(deployment, name), name]));
  const { oldPool } = deployment.outputs.edge;
  if (oldPool !== undefined) names.set(oldPool, "old");
  // Without a share it takes nobody; with one, a lost region's visitors may be sent to it, which is a finding.
  const isLeft = deployment.edge.own.movingFrom?.share === 0;
  const named = (id: string) => names.get(id) ?? id;
  const { enabled, steering_policy: policy, default_pools: pools, fallback_pool: fallback } = is;
  return {
    enabled,
    policy,
    order: pools.filter((id) => !(isLeft && id === oldPool)).map(named),
    fallback: named(fallback),
  };
}

async function monitor(deployment: Deployment): Promise<MonitorTimes> {
  const is = await appliedMonitor(deployment);
  if (!is) throw new Error("the pools have not one monitor: `up edge` gives it to them");
  const meant = deployment.edge.own.monitor;
  return {
    intervalSeconds: is.interval,
    timeoutSeconds: is.timeout,
    // What an answer leaves out was not set by us either.
    retries: is.retries ?? meant.retries,
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
  if (!capacity) throw new Error(`${region} has no capacity`);
  const look = <T>(what: string, work: () => Promise<T>, withinMs?: number): Promise<Learnt<T>> => {
    options.report(`${region}: looking at its ${what}`);
    return learn(work, withinMs);
  };
  const pool = look("pool", () => poolSwitches(deployment, region));
  const agent = look("agent", () => agentState(deployment, region));
  const backups = bucketBackups(deployment, region, options);
  const [isPool, isAgent, isBackups] = await Promise.all([pool, agent, backups]);
  return {
    region,
    capacity,
    limits: limitsOf(stack, options),
    pool: isPool,
    backups: isBackups,
    replication: part(isAgent, ({ replication }) => replication),
    record: part(isAgent, ({ record }) => record),
    health: await look("health", () => health(deployment, region, isPool)),
    restorable: await look("database's copies", () => restorable(deployment, stack, options, isBackups)),
    podsMax: await look("autoscaler", () => podsMax(deployment, region)),
    coresQuota: await look("quota", () => coresQuota(deployment, stack)),
    images: await look("images", () => images(deployment, stack)),
    unsigned: await look("images' signatures", () => unsignedImages(deployment, stack)),
    certificates: await look("certificates", () => certificates(deployment, stack)),
    drills: await drills(deployment, region),
    rehearsal: await look("backup, by a restore", () => options.rehearse(region), REHEARSAL_MS),
  };
}

const REHEARSAL_MS = 30 * 60_000;

/** The bounds of the alerts, so that a fleet is late for both or for neither. */
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

/** Part of what was learnt. */
function part<Whole, Part>(learnt: Learnt<Whole>, of: (whole: Whole) => Part): Learnt<Part> {
  return isKnown(learnt) ? { value: of(learnt.value) } : learnt;
}

async function poolSwitches(deployment: Deployment, region: string) {
  const { enabled, origins } = await appliedPool(deployment, region);
  return { enabled, originEnabled: origins.some((origin) => origin.enabled) };
}

/** What the monitor says; nobody probes a pool that is switched off, so its LangFlow is asked itself. */
async function health({ clouds, ...rest }: Deployment, region: string, pool: RegionEvidence["pool"]): Promise<Health> {
  if (!isKnown(pool) || pool.value.enabled) return clouds.poolHealth(poolOf({ clouds, ...rest }, region));
  return askHealth(await clouds.reach(region));
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
    throw Object.assign(new Error(`the agent of ${region} does not say how far behind it is`), {
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

/** Every region's bucket is looked at by itself: one that is lost keeps what the others have from nobody. */
function bucketBackups(deployment: Deployment, region: string, { local }: CollectOptions): Promise<BucketBackups[]> {
  return Promise.all(
    deployment.regions.map(async (stack) => {
      const newest = await learn(async () => {
        const { bucketName } = foundationOf(deployment, stack);
        const found = await newestIn(deployment.clouds.s3(stack.region.awsRegion), bucketName, region);
        if (!found && local)
          throw new NotCheckable("no clock makes backups in the local fleet, and nobody has made one");
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
    return { said: "the newest dump in another region's bucket", ...(newest.value && { at: newest.value.at }) };
  }
  const { abroad, copy } = await copiedBackup(deployment, stack);
  const said = `the newest moment that RDS restores in ${abroad.region.name}`;
  const at = Date.parse(copy?.RestoreWindow.LatestTime ?? "");
  return { said, ...(!Number.isNaN(at) && { at }) };
}

const autoscalerShape = z.object({ maxReplicas: z.number() });

async function podsMax({ clouds }: Deployment, region: string): Promise<number> {
  const name = `langflow-${region}`;
  const found = await clouds.objects(region, "horizontalpodautoscalers.autoscaling");
  const autoscaler = found.find(({ metadata }) => metadata.name === name);
  if (!autoscaler) throw new Error(`there is no HorizontalPodAutoscaler ${name}: \`up ${region}\` makes it`);
  return answered(autoscalerShape, "the autoscaler", autoscaler.spec).maxReplicas;
}

const quotaShape = z.object({ Quota: z.object({ Value: z.number() }) });
/** Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances, in cores; Auto Mode's nodes count (Service Quotas). */
const CORES = { ServiceCode: "ec2", QuotaCode: "L-1216C47A" };

async function coresQuota({ clouds }: Deployment, { region }: RegionStack): Promise<number> {
  const ask = (operation: string) => clouds.aws(region.awsRegion, "service-quotas", operation, CORES);
  const answer = await ask("get-service-quota").catch((error: Error) => {
    // A quota that was never changed may have no value of its own; then the default holds.
    if (error.name !== "NoSuchResourceException") throw error;
    return ask("get-aws-default-service-quota");
  });
  return answered(quotaShape, "the quota", answer).Quota.Value;
}

/** Without the registry, which is each region's own. */
async function images(deployment: Deployment, stack: RegionStack): Promise<string[]> {
  const { registry } = foundationOf(deployment, stack);
  const running = (await runningImages(deployment, stack)).map(({ image }) =>
    image.startsWith(`${registry}/`) ? image.slice(registry.length + 1) : image,
  );
  return [...new Set(running)].sort();
}

async function certificates(deployment: Deployment, stack: RegionStack): Promise<Certificate[]> {
  const { certificateArn, webhookCertificateArn } = foundationOf(deployment, stack);
  const arns = [certificateArn, ...(webhookCertificateArn === undefined ? [] : [webhookCertificateArn])];
  return Promise.all(
    arns.map(async (CertificateArn) => {
      const { awsRegion } = stack.region;
      const answer = await deployment.clouds.aws(awsRegion, "acm", "describe-certificate", { CertificateArn });
      const { DomainName, Status, NotAfter } = answered(certificateShape, "the certificate", answer).Certificate;
      const endsAt = Date.parse(NotAfter ?? "");
      return { name: DomainName, status: Status, ...(!Number.isNaN(endsAt) && { endsAt }) };
    }),
  );
}

/** By whichever buckets answer: a drill leaves its summary in a survivor's, and S3 copies it. */
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
  // That there was none is known where all were asked.
  const missing = found.find((each) => !isKnown(each));
  return missing && !drilled.newest ? missing : { value: drilled };
}
