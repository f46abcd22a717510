import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type DebianProgram, ensureDebianProgram } from "./debianProgram";
import { ensureGoProgram, type GoProgram } from "./goProgram";
import type { Installer, Observers } from "./installer";

/** Prometheus 3.16, the release that the rules are judged by; without the pages that its vendor's build makes. */
export const PROMETHEUS: GoProgram = {
  name: "prometheus",
  main: "github.com/prometheus/prometheus/cmd/prometheus",
  version: "v0.316.0",
  // Of the ways to find targets ours alone: the others bring every cloud's library, ten minutes of building.
  tags: ["remove_all_sd", "enable_kubernetes_sd"],
};
/** Alertmanager, of the release that its configuration is judged by; without pages too. */
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
 * OpenTelemetry's collector with the parts that ours uses: contrib's release, of which the vendor's image has two hundred more. The
 * vendor's own builder would write the same main package.
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
/** Its module is not to be had from the Go proxy. */
export const BLACKBOX_EXPORTER: DebianProgram = { name: "prometheus-blackbox-exporter", ownName: "blackbox_exporter" };

/**
 * The programs that watch a region: those of PATH, else built or unpacked into the cache the first time.
 *
 * @throws UserError where one can't be had, with the way out
 */
export async function ensureObservers(installer: Installer): Promise<Observers> {
  return {
    blackboxExporter: await ensureDebianProgram(installer, BLACKBOX_EXPORTER),
    alertmanager: await ensureGoProgram(installer, ALERTMANAGER),
    prometheus: await ensureGoProgram(installer, PROMETHEUS),
    collector: await ensureGoProgram(installer, COLLECTOR),
  };
}
