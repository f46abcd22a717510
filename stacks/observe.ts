import * as pulumi from "@pulumi/pulumi";
import { Observability, type ObservabilityArgs } from "../components/observability/Observability";
import { schedulesRegion } from "../config/schedulesRegion";
import type { FleetConfig, RegionStackConfig } from "../config/schema";
import { longestGapSeconds } from "../model/backupGap";
import { connectionsMax } from "../model/databaseClass";
import { type Notifications, neededSecrets } from "../observability/alertmanager";
import type { RecordSettings } from "../observability/alerts/record";
import { HEALTH_CHECK } from "../observability/healthChecks";
import { writeSecrets } from "../observability/remoteWrite";
import { shortcomings } from "../observability/shortcomings";
import { type FoundationFor, foundationAlertingSecret } from "./references";

type ObservabilityConfig = NonNullable<FleetConfig["observability"]>;

/** Inputs of a region's monitoring. */
export interface Observed {
  readonly fleet: FleetConfig;
  /** The region's config. */
  readonly config: RegionStackConfig;
  /** Schedule of the region's backup, as a cron expression. */
  readonly schedule: string;
  readonly place: Pick<ObservabilityArgs, "region" | "awsRegion" | "clusterName" | "keyArn" | "registry" | "vpcCidr">;
}

/**
 * Creates a region's monitoring, and logs a warning for each gap in its coverage.
 *
 * @throws pulumi.RunError through an output if the foundation lacks a secret that the config names
 */
export function observe(
  { fleet, config, schedule, place }: Observed,
  observability: ObservabilityConfig,
  foundation: pulumi.Output<FoundationFor>,
  opts: pulumi.ComponentResourceOptions,
): void {
  const { region, awsRegion } = place;
  const { instanceClass } = config.database;
  const connections = connectionsMax(instanceClass);
  const peers = fleet.regions
    .filter(({ name }) => name !== region)
    .map(({ name }) => ({ region: name, ...originOf(name, observability) }));
  const notifications = notificationsOf(region, observability);
  const known = { region, awsRegion, peers, notifications, connectionsMax: connections, instanceClass };
  for (const shortcoming of shortcomings(known)) void pulumi.log.warn(shortcoming);

  const needed = [...neededSecrets(notifications), ...writeSecrets(observability.remoteWrite)];
  const hasCollector = observability.images.collector !== undefined;
  new Observability(
    region,
    {
      ...place,
      kubernetesVersion: config.cluster.version,
      images: observability.images,
      watched: {
        hostname: fleet.hostname,
        peers,
        repositoryUrl: fleet.flowRepository?.url,
        healthCheck: HEALTH_CHECK,
        hasCollector,
        remoteWrite: observability.remoteWrite,
      },
      rules: {
        healthCheck: HEALTH_CHECK,
        hasCollector,
        isSentOn: observability.remoteWrite !== undefined,
        sync: { intervalSeconds: config.sync.intervalSeconds, backupGapSeconds: longestGapSeconds(schedule) },
        record: recordOf(fleet, config, region),
        connectionsMax: connections,
        databaseStorageGib: config.database.storageGib,
      },
      repository: fleet.githubRepository,
      retentionDays: observability.retentionDays,
      storageGib: observability.storageGib,
      notifications,
      ...(needed.length > 0 && { alertingSecretArn: foundationAlertingSecret(foundation, needed) }),
    },
    opts,
  );
}

/** Returns the alert settings of the record; undefined without a flow repository. */
function recordOf(fleet: FleetConfig, { sync }: RegionStackConfig, region: string): RecordSettings | undefined {
  if (fleet.flowRepository === undefined) return undefined;
  const { intervalSeconds } = sync;
  const isNamed = schedulesRegion(fleet) === region;
  return { intervalSeconds, isNamed, hasWitness: fleet.schedules.witness !== undefined };
}

function originOf(region: string, { origins }: ObservabilityConfig): { origin?: string } {
  const origin = origins[region];
  return origin ? { origin: origin.hostname } : {};
}

function notificationsOf(region: string, { receivers, deadMansSwitch }: ObservabilityConfig): Notifications {
  const secret = deadMansSwitch?.secrets[region];
  if (secret === undefined || !deadMansSwitch) return { receivers };
  return { receivers, deadMansSwitch: { secret, intervalSeconds: deadMansSwitch.intervalSeconds } };
}
