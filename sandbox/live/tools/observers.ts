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
  };
}
