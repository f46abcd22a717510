import { type FlowComponent, NAMESPACE, STORAGE_PREFIX, SUPERUSER } from "./langflow";
import { MOVE_IN_PREFIX } from "./moveIn";
import { PROJECT, replicationRuleId } from "./names";

/** What the agent does beside LangFlow; each runs as pods, a ServiceAccount and a role of its own. */
export type AgentTask = Exclude<FlowComponent, "server">;

/** Where the agent takes webhooks, and where it shows metrics and health. */
export const WEBHOOK_PORT = 8080;
export const AGENT_METRICS_PORT = 9091;
/** Path Git hosts post to. */
export const WEBHOOK_PATH = "/webhook";

/** Where backups lie in the flow bucket; the same in every region, since the buckets replicate. */
export const BACKUP_PREFIX = "backups";

/** Where drills leave their reports in a flow bucket, and below that, by region, what each agent makes metrics of. */
export const DRILLS_PREFIX = "drills";
/** The one drill that there may be, and what it took away. */
export const DRILL_LOCK_KEY = `${DRILLS_PREFIX}/lock.json`;
export const DRILL_SUMMARIES_PREFIX = `${DRILLS_PREFIX}/summaries`;

/** Where changes are published in every flow bucket: below it a folder per region, which that region alone writes. */
export const ACCOUNTS_PREFIX = "accounts";

/** The one object of the witness's bucket: who holds the schedules. */
export const LEASE_KEY = "schedules/lease.json";

/** Writable places, and the claim; the rest of the root file system is read-only. */
export const AGENT_PATHS = {
  /** Clone of the flow repository and what `agent release` approves: lost with the pod, then fetched or approved again. */
  state: "/var/lib/agent",
  temporary: "/tmp",
  /** The claim that LangFlow's pods share. */
  data: "/data",
} as const;

/** Git repository of the record. */
export interface FlowRepository {
  /** `https://…`, or the path of a folder in a fleet that runs on one machine. */
  readonly url: string;
  readonly branch: string;
}

/** LangFlow's Service inside the cluster. */
const LANGFLOW_URL = `http://langflow.${NAMESPACE}.svc.cluster.local`;

/** Where an agent runs, and the bucket it knows. */
export interface AgentPlace {
  /** Our name of the region. */
  readonly region: string;
  /** The AWS region. */
  readonly awsRegion: string;
  /** The region's flow bucket. */
  readonly bucketName: string;
}

/** Another region, whose flow bucket the agent also writes its own changes to. */
export interface AgentPeer {
  /** Our name of the region. */
  readonly region: string;
  /** The AWS region of its bucket. */
  readonly awsRegion: string;
  readonly bucketName: string;
}

/** The bucket that says who holds the schedules. */
export interface AgentWitness {
  /** The AWS region of the bucket, which the fleet is not in. */
  readonly awsRegion: string;
  readonly bucketName: string;
}

/** In which region schedules fire. */
export interface ScheduleSettings {
  /** The region that holds them, and is the recorder: always without a witness; with one, at first. */
  readonly region: string;
  readonly witness?: AgentWitness | undefined;
}

/** How many of a user's flows one push may delete by itself: more than both at once wait for a person's release. */
export interface DeleteLimit {
  /** Of the user's flows, 0 to 1. */
  readonly share: number;
  readonly number: number;
}

/** More rows of a kind than both in an hour wait for a person: users, of each other kind, and of all rows of the kind from 0 to 1. */
export interface RegionDeletes {
  readonly users: number;
  readonly rows: number;
  readonly share: number;
}

/** Of what the id of LangFlow's superuser is made. */
const FIRST_ACCOUNT = { AGENT_PROJECT: PROJECT, LANGFLOW_SUPERUSER: SUPERUSER };

/** What the agent beside LangFlow does, beside where. */
export interface SyncSettings {
  /** Absent: everything but the record. */
  readonly repository?: FlowRepository | undefined;
  /** Seconds within which the buckets are read, and Git once, where nothing told of a change before. */
  readonly intervalSeconds: number;
  readonly deletes: DeleteLimit;
  /** Of all users of the region together, within an hour. */
  readonly regionDeletes: RegionDeletes;
  /** What is recorded although it looks like a secret: `<flow id>`, or `<flow id>/<rule>`. */
  readonly allowedSecrets: readonly string[];
  /** The other regions. */
  readonly peers: readonly AgentPeer[];
  readonly schedules: ScheduleSettings;
  /** RDS' identifier of the database: with it CloudWatch is asked about that and the copies between buckets. */
  readonly databaseIdentifier?: string | undefined;
}

/**
 * Environment of `agent sync`, less its secrets. The bucket is there for the replication, and for the age of the newest
 * backup, a metric. A list of the same things gives the same text, whatever their order: another text would restart the agent.
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
  };
}

/** What only the record needs: nothing of it without a repository. */
function recordEnvironment({ repository, deletes, allowedSecrets }: SyncSettings): Record<string, string> {
  if (repository === undefined) return {};
  return {
    AGENT_GIT_URL: repository.url,
    AGENT_GIT_BRANCH: repository.branch,
    AGENT_DELETES_SHARE: `${deletes.share}`,
    AGENT_DELETES_NUMBER: `${deletes.number}`,
    AGENT_ALLOWED_SECRETS: JSON.stringify(allowedSecrets),
  };
}

/** What CloudWatch knows the database and the copies of the region's flow bucket by, both ways. */
function cloudWatchNames(own: AgentPlace, peers: readonly AgentPeer[], database: string): object {
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

/** A bucket as the agent reads it. */
interface BucketPlace {
  readonly bucket: string;
  readonly awsRegion: string;
}

const bucketPlace = ({ bucketName, awsRegion }: AgentWitness): BucketPlace => ({ bucket: bucketName, awsRegion });

/**
 * Environment of `agent backup`, less its secrets: it works below LangFlow, which may be down.
 *
 * @param langFlowVersion what LangFlow's image calls itself
 */
export function backupEnvironment(place: AgentPlace, langFlowVersion: string): Record<string, string> {
  return { ...restoreEnvironment(place), AGENT_LANGFLOW_VERSION: langFlowVersion };
}

/** Environment of `agent restore`, less its secrets: it writes below LangFlow, not through it. */
export function restoreEnvironment(place: AgentPlace): Record<string, string> {
  return { ...placed(place), AGENT_FILES_PREFIX: STORAGE_PREFIX, AGENT_DATA_DIR: AGENT_PATHS.data };
}

/**
 * Environment of `agent adopt`, which gives LangFlow's superuser the fleet's one id and, before LangFlow serves, keeps it
 * from firing schedules that another region holds; less its secret.
 *
 * @param schedulesRegion the region that holds the schedules
 */
export function adoptEnvironment(region: string, schedulesRegion: string): Record<string, string> {
  return {
    AGENT_REGION: region,
    ...FIRST_ACCOUNT,
    AGENT_SCHEDULES_REGION: schedulesRegion,
  };
}

/** Environment of `agent move-in`, less its secrets and what each run is told. */
export function moveInEnvironment(place: AgentPlace): Record<string, string> {
  return {
    AGENT_REGION: place.region,
    AGENT_BUCKET: place.bucketName,
    AGENT_FILES_PREFIX: STORAGE_PREFIX,
    AGENT_MOVE_IN_PREFIX: MOVE_IN_PREFIX,
    AWS_REGION: place.awsRegion,
    LANGFLOW_SUPERUSER: SUPERUSER,
  };
}

function placed({ region, awsRegion, bucketName }: AgentPlace): Record<string, string> {
  return {
    AGENT_REGION: region,
    AGENT_BUCKET: bucketName,
    AGENT_BACKUP_PREFIX: BACKUP_PREFIX,
    AWS_REGION: awsRegion,
  };
}

/** Hour and minute (UTC) of the first region's backup. */
const FIRST_HOUR = 3;
const MINUTE = 17;

/** Seconds a backup may take: below an hour, so that it is over before the next region's begins. */
export const BACKUP_DEADLINE_SECONDS = 55 * 60;

/**
 * When a region makes its daily backup, as a cron expression in UTC: the regions an hour apart, so that no two are at it
 * at once and what breaks one backup is seen before the next.
 *
 * @param index place of the region in the fleet's list, from 0
 */
export function backupSchedule(index: number): string {
  return `${MINUTE} ${(FIRST_HOUR + index) % 24} * * *`;
}

/**
 * Name of a region's webhook: beside the public name in its zone, one per region, since any region may be the recorder when
 * somebody pushes.
 */
export function webhookHostname(region: string, zone: string): string {
  return `flows-${region}.${zone}`;
}
