/** The programs' configuration files, as text. */
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

/** Settings of a region that the rules depend on. */
export interface RuleSettings {
  readonly healthCheck: HealthCheckTimes;
  readonly sync: SyncTimes;
  /** Absent: the fleet has no flow repository. */
  readonly record?: RecordSettings | undefined;
  /** Maximum connections of the region's database. Absent if it is not known. */
  readonly connectionsMax?: number | undefined;
  /** Initial size of the database's disk, in GiB. RDS extends the disk automatically. */
  readonly databaseStorageGib: number;
  /** Whether a collector counts runs by flow. */
  readonly hasCollector: boolean;
  /** Whether Prometheus sends its series to an external store. */
  readonly isSentOn: boolean;
}

/** Returns all rule groups of a region. */
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

/** Writes each value on one line, because folded expressions are hard to read and to compare. */
const yaml = (value: object): string => stringify(value, { lineWidth: 0 });

/** Returns Prometheus' configuration and rules, by file name. */
export function prometheusFiles(watched: Watched, settings: RuleSettings, repository?: string): Record<string, string> {
  return {
    "prometheus.yml": yaml(prometheusConfig(watched)),
    [RULE_FILE]: yaml(ruleFile(ruleGroups(settings), repository)),
  };
}

/** Returns Alertmanager's configuration, by file name. */
export function alertmanagerFiles(notifications: Notifications): Record<string, string> {
  return { "alertmanager.yml": yaml(alertmanagerConfig(notifications)) };
}

/** Returns the blackbox exporter's configuration, by file name. */
export function blackboxFiles(hostname: string, times: HealthCheckTimes): Record<string, string> {
  return { "blackbox.yml": yaml(blackboxConfig(hostname, times)) };
}

/** Returns the collector's configuration, by file name. */
export function collectorFiles(): Record<string, string> {
  return { "collector.yml": yaml(collectorConfig()) };
}
