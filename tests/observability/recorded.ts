import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { collectDefaultMetrics, Registry } from "prom-client";
import { AccountsMetrics } from "../../agent/accounts/metrics";
import { BackupMetrics } from "../../agent/backup/metrics";
import { CloudWatchMetrics } from "../../agent/cloudWatch/metrics";
import { DrillMetrics } from "../../agent/drills/metrics";
import { RecordMetrics } from "../../agent/record/metrics";
import { SchedulesMetrics } from "../../agent/schedules/metrics";
import type { Job } from "../../observability/metrics";

const SCRAPES = join(__dirname, "scrapes");

/**
 * Returns the metric names that a target exports, from a scrape or a list. For a histogram, these are the names of its
 * samples.
 *
 * @param exporter start of the file's name; the rest is the version
 */
function names(exporter: string): Set<string> {
  const files = readdirSync(SCRAPES).filter((file) => file.startsWith(`${exporter}-`));
  if (files.length !== 1)
    throw new Error(`${files.length} scrapes of ${exporter}: keep the one of the version that runs`);
  const text = readFileSync(join(SCRAPES, files[0] ?? ""), "utf8");
  return new Set(text.match(/^[a-zA-Z_:][\w:]*/gm));
}

/** Returns the names of the agent's own metrics, from its code. */
async function agentNames(): Promise<Set<string>> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new RecordMetrics(registry, "us-east");
  new BackupMetrics(registry, "us-east");
  new AccountsMetrics(registry);
  new SchedulesMetrics(registry);
  new DrillMetrics(registry);
  new CloudWatchMetrics(registry);
  return new Set((await registry.getMetricsAsJSON()).map(({ name }) => name));
}

/** Returns the metrics that each job's targets export, in the versions in the files' names. */
export async function exported(): Promise<Record<Job, Set<string>>> {
  const probes = names("blackbox-exporter");
  return {
    langflow: names("langflow"),
    agent: await agentNames(),
    kubelet: names("kubelet"),
    cadvisor: names("cadvisor"),
    "kube-state-metrics": names("kube-state-metrics"),
    "node-exporter": names("node-exporter"),
    prometheus: names("prometheus"),
    alertmanager: names("alertmanager"),
    collector: names("collector"),
    "probe-origin": probes,
    "probe-own": probes,
    "probe-public": probes,
    "probe-git": probes,
  };
}
