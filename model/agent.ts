import { AGENT_METRICS_PORT, WEBHOOK_PORT } from "../formats/agentEndpoints";
import {
  ACCOUNTS_PREFIX,
  BACKUP_PREFIX,
  DRILL_SUMMARIES_PREFIX,
  MOVE_IN_PREFIX,
  STORAGE_PREFIX,
} from "../formats/bucketKeys";
import type { CloudWatchNames, Environment } from "../formats/environment";
import { type FlowComponent, NAMESPACE, SUPERUSER } from "./langflow";
import { PROJECT, replicationRuleId } from "./names";

/** Tasks of the agent. Each has its own pods, ServiceAccount and role. */
export type AgentTask = Exclude<FlowComponent, "server" | "listeners">;

/** Writable paths, including the claim; the rest of the root file system is read-only. */
export const AGENT_PATHS = {
  /**
   * Folder of the flow repository's clone and of approvals by `agent release`. It is lost with the pod; the agent then
   * clones again, and the operator approves again.
   */
  state: "/var/lib/agent",
  temporary: "/tmp",
  /** Mount path of the claim that LangFlow's pods share. */
  data: "/data",
} as const;

/** Git repository that stores the record. */
export interface FlowRepository {
  /** `https://…`, or the path of a folder for a local fleet. */
  readonly url: string;
  readonly branch: string;
}

/** URL of LangFlow's Service inside the cluster. */
const LANGFLOW_URL = `http://langflow.${NAMESPACE}.svc.cluster.local`;

/** Region and flow bucket of an agent. */
export interface AgentPlace {
  /** The fleet's name for the region. */
  readonly region: string;
  /** The AWS region. */
  readonly awsRegion: string;
  /** Name of the region's flow bucket. */
  readonly bucketName: string;
}

/** Another region, to whose flow bucket the agent also writes its changes. */
export interface AgentPeer {
  /** The fleet's name for the region. */
  readonly region: string;
  /** The AWS region of the bucket. */
  readonly awsRegion: string;
  readonly bucketName: string;
}

/** Bucket that stores the lease of the schedules. */
export interface AgentWitness {
  /** The AWS region of the bucket, outside the fleet's regions. */
  readonly awsRegion: string;
  readonly bucketName: string;
}

/** Settings that determine the region in which schedules fire. */
export interface ScheduleSettings {
  /**
   * The fleet's name for the region that fires schedules and is the recorder: permanently without a witness, otherwise
   * only initially.
   */
  readonly region: string;
  readonly witness?: AgentWitness | undefined;
}

/**
 * Maximum number of a user's flows that one push may delete without approval. A push that exceeds both limits waits for
 * an operator's release.
 */
export interface DeleteLimit {
  /** Fraction of the user's flows, from 0 to 1. */
  readonly share: number;
  readonly number: number;
}

/**
 * Limits on deleted rows per table and hour. Deletes that exceed both the number (`users` for users, `rows` for other
 * tables) and the share of the table's rows (0 to 1) wait for an operator's release.
 */
export interface RegionDeletes {
  readonly users: number;
  readonly rows: number;
  readonly share: number;
}

/** Values from which the id of LangFlow's superuser is derived. */
const FIRST_ACCOUNT = { AGENT_PROJECT: PROJECT, LANGFLOW_SUPERUSER: SUPERUSER } satisfies Environment<"adopt">;

/** Settings of `agent sync`, except its {@link AgentPlace}. */
export interface SyncSettings {
  /** Git repository of the record. Absent: the agent keeps no record. */
  readonly repository?: FlowRepository | undefined;
  /** Polling interval for buckets and Git, in seconds, for changes without a notification. */
  readonly intervalSeconds: number;
  readonly deletes: DeleteLimit;
  /** Limits on deletes of all users of the region together, per hour. */
  readonly regionDeletes: RegionDeletes;
  /** Flows to record even though they appear to contain a secret: `<flow id>`, or `<flow id>/<rule>`. */
  readonly allowedSecrets: readonly string[];
  /** The other regions. */
  readonly peers: readonly AgentPeer[];
  readonly schedules: ScheduleSettings;
  /**
   * Identifier of the RDS database. If set, the agent queries CloudWatch about the database and about replication
   * between buckets.
   */
  readonly databaseIdentifier?: string | undefined;
}

/**
 * Returns the environment of `agent sync`, without secrets. The bucket is used for replication and for the metric of
 * the newest backup's age. Lists are sorted, because a different order would change the text and restart the agent.
 */
export function syncEnvironment(place: AgentPlace, settings: SyncSettings): Record<string, string> {
  const { intervalSeconds, peers, schedules, databaseIdentifier, regionDeletes } = settings;
  const { region: schedulesRegion, witness } = schedules;
  return {
    ...placed(place),
    LANGFLOW_URL,
    ...FIRST_ACCOUNT,
    AGENT_HOST: "0.0.0.0",
    AGENT_PORT: `${WEBHOOK_PORT}`,
    AGENT_METRICS_PORT: `${AGENT_METRICS_PORT}`,
    ...recordEnvironment(settings),
    AGENT_INTERVAL_SECONDS: `${intervalSeconds}`,
    AGENT_REGION_DELETES: JSON.stringify(regionDeletes),
    AGENT_ACCOUNTS_PREFIX: ACCOUNTS_PREFIX,
    AGENT_DRILLS_PREFIX: DRILL_SUMMARIES_PREFIX,
    AGENT_FILES_PREFIX: STORAGE_PREFIX,
    AGENT_PEERS: JSON.stringify(peersByRegion(peers)),
    AGENT_SCHEDULES_REGION: schedulesRegion,
    ...(witness && { AGENT_WITNESS: JSON.stringify(bucketPlace(witness)) }),
    ...(databaseIdentifier !== undefined && {
      AGENT_CLOUDWATCH: JSON.stringify(cloudWatchNames(place, peers, databaseIdentifier)),
    }),
    AGENT_STATE_DIR: AGENT_PATHS.state,
  } satisfies Environment<"sync">;
}

/** Returns the environment variables of the record; none without a repository. */
function recordEnvironment({ repository, deletes, allowedSecrets }: SyncSettings): Record<string, string> {
  if (repository === undefined) return {};
  return {
    AGENT_GIT_URL: repository.url,
    AGENT_GIT_BRANCH: repository.branch,
    AGENT_DELETES_SHARE: `${deletes.share}`,
    AGENT_DELETES_NUMBER: `${deletes.number}`,
    AGENT_ALLOWED_SECRETS: JSON.stringify(allowedSecrets),
  } satisfies Environment<"sync">;
}

/**
 * Returns the CloudWatch dimensions of the database and of the replication of the region's flow bucket in both
 * directions.
 */
function cloudWatchNames(own: AgentPlace, peers: readonly AgentPeer[], database: string): CloudWatchNames {
  const copy = (source: Pick<AgentPeer, "region" | "bucketName">, destination: typeof source) => ({
    from: source.region,
    to: destination.region,
    source: source.bucketName,
    destination: destination.bucketName,
    rule: replicationRuleId(destination.region),
  });
  return { database, replications: byRegion(peers).flatMap((peer) => [copy(own, peer), copy(peer, own)]) };
}

const byRegion = (peers: readonly AgentPeer[]) => peers.toSorted((one, other) => (one.region < other.region ? -1 : 1));

function peersByRegion(peers: readonly AgentPeer[]): Record<string, BucketPlace> {
  return Object.fromEntries(byRegion(peers).map((peer) => [peer.region, bucketPlace(peer)]));
}

/** A bucket in the format that the agent parses. */
interface BucketPlace {
  readonly bucket: string;
  readonly awsRegion: string;
}

const bucketPlace = ({ bucketName, awsRegion }: AgentWitness): BucketPlace => ({ bucket: bucketName, awsRegion });

/**
 * Returns the environment of `agent backup`, without secrets. The backup does not need LangFlow, which may be down.
 *
 * @param langFlowVersion version of LangFlow's image
 */
export function backupEnvironment(place: AgentPlace, langFlowVersion: string): Record<string, string> {
  return { ...restoreEnvironment(place), AGENT_LANGFLOW_VERSION: langFlowVersion } satisfies Environment<"backup">;
}

/**
 * Returns the environment of `agent restore`, without secrets. A restore writes to the database and the storage
 * directly, not through LangFlow.
 */
export function restoreEnvironment(place: AgentPlace): Record<string, string> {
  return {
    ...placed(place),
    AGENT_FILES_PREFIX: STORAGE_PREFIX,
    AGENT_DATA_DIR: AGENT_PATHS.data,
  } satisfies Environment<"restore">;
}

/**
 * Returns the environment of `agent adopt`, without its secret. Before LangFlow starts, `adopt` gives LangFlow's
 * superuser its fleet-wide id and prevents LangFlow from firing schedules that a different region holds.
 *
 * @param schedulesRegion the region that holds the schedules
 */
export function adoptEnvironment(region: string, schedulesRegion: string): Record<string, string> {
  return {
    AGENT_REGION: region,
    ...FIRST_ACCOUNT,
    AGENT_SCHEDULES_REGION: schedulesRegion,
  } satisfies Environment<"adopt">;
}

/** Returns the environment of `agent move-in`, without secrets and without the parameters of each run. */
export function moveInEnvironment(place: AgentPlace): Record<string, string> {
  return {
    AGENT_REGION: place.region,
    AGENT_BUCKET: place.bucketName,
    AGENT_FILES_PREFIX: STORAGE_PREFIX,
    AGENT_MOVE_IN_PREFIX: MOVE_IN_PREFIX,
    AWS_REGION: place.awsRegion,
    LANGFLOW_SUPERUSER: SUPERUSER,
  } satisfies Environment<"moveIn">;
}

function placed({ region, awsRegion, bucketName }: AgentPlace): Record<string, string> {
  return {
    AGENT_REGION: region,
    AGENT_BUCKET: bucketName,
    AGENT_BACKUP_PREFIX: BACKUP_PREFIX,
    AWS_REGION: awsRegion,
  } satisfies Environment<"verify">;
}

/** Hour and minute of the first region's backup, in UTC. */
const FIRST_HOUR = 3;
const MINUTE = 17;

/** Timeout of a backup, in seconds: less than an hour, so that it ends before the next region's backup begins. */
export const BACKUP_DEADLINE_SECONDS = 55 * 60;

/**
 * Returns the schedule of a region's daily backup, as a cron expression in UTC. The regions' backups start an hour
 * apart, so that no two run concurrently and operators can react to a failed backup before the next one.
 *
 * @param index position of the region in the fleet's list, from 0
 */
export function backupSchedule(index: number): string {
  return `${MINUTE} ${(FIRST_HOUR + index) % 24} * * *`;
}

/**
 * Returns the host name of a region's webhook, in the zone of the public name. Each region has a webhook, because any
 * region may be the recorder when a user pushes.
 */
export function webhookHostname(region: string, zone: string): string {
  return `flows-${region}.${zone}`;
}
