/** The files that the programs read, as text. */
import { stringify } from "yaml";
import { alertmanagerConfig, type Notifications } from "./alertmanager";
import { cloudRules } from "./alerts/clouds";
import { clusterRules } from "./alerts/cluster";
import { flowRules } from "./alerts/flows";
import { langFlowRules } from "./alerts/langflow";
import { monitoringRules } from "./alerts/monitoring";
import { type RecordSettings, recordRules } from "./alerts/record";
import { regionRules } from "./alerts/regions";
import { type SyncTimes, syncRules } from "./alerts/sync";
import { collectorConfig } from "./collector";
import { blackboxConfig, type HealthCheckTimes } from "./healthChecks";
import { objectiveRules } from "./objectives";
import { type RuleGroup, ruleFile } from "./rules";
import { prometheusConfig, RULE_FILE, type Watched } from "./scrape";

/** What the rules of a region depend on. */
export interface RuleSettings {
  readonly healthCheck: HealthCheckTimes;
  readonly sync: SyncTimes;
  /** Absent: the fleet has no flow repository. */
  readonly record?: RecordSettings | undefined;
  /** Connections that the region's database takes; absent where that is not known. */
  readonly connectionsMax?: number | undefined;
  /** GiB of the database's disk at first, to which RDS adds by itself. */
  readonly databaseStorageGib: number;
  /** Whether a collector counts runs by flow. */
  readonly hasCollector: boolean;
  /** Whether series are sent on to a store outside. */
  readonly isSentOn: boolean;
}

/** All rules of a region, in groups. */
export function ruleGroups(settings: RuleSettings): RuleGroup[] {
  const { healthCheck, sync, record, connectionsMax, databaseStorageGib, hasCollector, isSentOn } = settings;
  return [
    regionRules(healthCheck),
    ...objectiveRules(),
    langFlowRules(connectionsMax),
    ...(hasCollector ? [flowRules()] : []),
    syncRules(sync),
    ...(record ? [recordRules(record)] : []),
    cloudRules({ connectionsMax, databaseStorageGib }),
    clusterRules(),
    monitoringRules(isSentOn),
  ];
}

/** One line per value: an expression that is folded is read badly, and compared worse. */
const yaml = (value: object): string => stringify(value, { lineWidth: 0 });

/** Prometheus' configuration and its rules, by file name. */
export function prometheusFiles(watched: Watched, settings: RuleSettings, repository?: string): Record<string, string> {
  return {
    "prometheus.yml": yaml(prometheusConfig(watched)),
    [RULE_FILE]: yaml(ruleFile(ruleGroups(settings), repository)),
  };
}

/** Alertmanager's configuration, by file name. */
export function alertmanagerFiles(notifications: Notifications): Record<string, string> {
  return { "alertmanager.yml": yaml(alertmanagerConfig(notifications)) };
}

/** The blackbox exporter's configuration, by file name. */
export function blackboxFiles(hostname: string, times: HealthCheckTimes): Record<string, string> {
  return { "blackbox.yml": yaml(blackboxConfig(hostname, times)) };
}

/** The collector's configuration, by file name. */
export function collectorFiles(): Record<string, string> {
  return { "collector.yml": yaml(collectorConfig()) };
}
