import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type DebianProgram, ensureDebianProgram } from "./debianProgram";
import { ensureGoProgram, type GoProgram } from "./goProgram";
import type { Installer, Observers } from "./installer";

/**
 * Prometheus 3.16, the release that also checks the rules in tests. Built without the web pages of the vendor's build.
 */
export const PROMETHEUS: GoProgram = {
  name: "prometheus",
  main: "github.com/prometheus/prometheus/cmd/prometheus",
  version: "v0.316.0",
  // Includes only the service discovery that we use. The others would add every cloud's library and ten minutes of
  // build time.
  tags: ["remove_all_sd", "enable_kubernetes_sd"],
};
/** Alertmanager, in the release that also checks its configuration in tests. Built without web pages. */
export const ALERTMANAGER: GoProgram = {
  name: "alertmanager",
  main: "github.com/prometheus/alertmanager/cmd/alertmanager",
  version: "v0.35.0",
  generated: { module: "github.com/prometheus/alertmanager", file: "ui/app/dist/index.html" },
};
const CONTRIB = "github.com/open-telemetry/opentelemetry-collector-contrib";
const CORE = "go.opentelemetry.io/collector";
const CONTRIB_VERSION = "v0.165.1";
const CORE_VERSION = "v0.165.0";
/**
 * OpenTelemetry's collector with only the components that we use, in contrib's release; the vendor's image has two
 * hundred more. The vendor's own builder would generate the same main package.
 */
export const COLLECTOR: GoProgram = {
  name: "otelcol",
  version: CONTRIB_VERSION,
  main: `${CONTRIB}/connector/spanmetricsconnector`,
  alongside: [
    `${CONTRIB}/exporter/prometheusexporter@${CONTRIB_VERSION}`,
    `${CONTRIB}/extension/healthcheckextension@${CONTRIB_VERSION}`,
    `${CONTRIB}/processor/redactionprocessor@${CONTRIB_VERSION}`,
    `${CORE}/processor/memorylimiterprocessor@${CORE_VERSION}`,
    `${CORE}/receiver/otlpreceiver@${CORE_VERSION}`,
    `${CORE}/otelcol@${CORE_VERSION}`,
    `${CORE}/service@${CORE_VERSION}`,
  ],
  files: async () => ({ "main.go": await readFile(join(__dirname, "collector.go"), "utf8") }),
};
/** Debian's package, because the Go proxy does not have this module. */
export const BLACKBOX_EXPORTER: DebianProgram = { name: "prometheus-blackbox-exporter", ownName: "blackbox_exporter" };

/**
 * Returns the programs that monitor a region: from PATH, or otherwise built or unpacked into the cache the first time.
 *
 * @throws UserError with a remedy if a program is not available
 */
export async function ensureObservers(installer: Installer): Promise<Observers> {
  return {
    blackboxExporter: await ensureDebianProgram(installer, BLACKBOX_EXPORTER),
    alertmanager: await ensureGoProgram(installer, ALERTMANAGER),
    prometheus: await ensureGoProgram(installer, PROMETHEUS),
    collector: await ensureGoProgram(installer, COLLECTOR),
  };
}
