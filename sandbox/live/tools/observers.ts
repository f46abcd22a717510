import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ExitCode, UserError } from "../../../model/errors";
import { type DebianProgram, ensureDebianProgram, onPath } from "./debianProgram";
import { fillOnce, isWhole } from "./fillOnce";
import type { Observers, Workshop } from "./installer";
import { withElapsed } from "./pythonEnvironment";

/** The module of Prometheus 3.16, the release that the rules are judged by. */
const PROMETHEUS = "github.com/prometheus/prometheus";
const PROMETHEUS_VERSION = "v0.316.0";
/** Of the ways to find targets the one that is used: the others bring every cloud's library, ten minutes of building. */
const TAGS = "remove_all_sd,enable_kubernetes_sd";

/** Its module lacks the web interface that its vendor's build generates, and does not compile without. */
const ALERTMANAGER: DebianProgram = { name: "prometheus-alertmanager", ownName: "alertmanager" };
/** Its module is not to be had from the Go proxy. */
export const BLACKBOX_EXPORTER: DebianProgram = { name: "prometheus-blackbox-exporter", ownName: "blackbox_exporter" };

/**
 * The programs that watch a region: those of PATH, else built or unpacked into the cache the first time.
 *
 * @throws UserError where one can't be had, with the way out
 */
export async function ensureObservers(workshop: Workshop): Promise<Observers> {
  return {
    blackboxExporter: await ensureDebianProgram(workshop, BLACKBOX_EXPORTER),
    alertmanager: await ensureDebianProgram(workshop, ALERTMANAGER),
    prometheus: await ensurePrometheus(workshop),
  };
}

async function ensurePrometheus(workshop: Workshop): Promise<string> {
  const found = await onPath(workshop, ["prometheus"]);
  if (found !== undefined) return found;
  const folder = join(workshop.cache, `prometheus-${PROMETHEUS_VERSION}`);
  const program = join(folder, "prometheus");
  const title = "building Prometheus (some minutes, once)";
  if (!isWhole(folder))
    await workshop.exclusively(() =>
      fillOnce(folder, () => withElapsed(workshop, title, () => build(workshop, join(folder, "scratch"), program))),
    );
  return program;
}

/** In a scratch module: neither a workspace nor flags of the user's own projects reach into it. */
async function build(workshop: Workshop, scratch: string, program: string): Promise<void> {
  const main = `${PROMETHEUS}/cmd/prometheus`;
  const settings = ["CGO_ENABLED=0", "GOFLAGS=-mod=mod", "GOWORK=off"];
  const go = (command: string, ...args: string[]) =>
    workshop.run("env", [...settings, "go", command, "-C", scratch, ...args]);
  mkdirSync(scratch, { recursive: true });
  writeFileSync(join(scratch, "go.mod"), "module scratch\n\ngo 1.26.0\n");
  try {
    await go("get", "-tool", `${main}@${PROMETHEUS_VERSION}`);
    await go("build", "-trimpath", "-tags", TAGS, "-ldflags", "-s -w", "-o", program, main);
  } catch (error) {
    if (error instanceof UserError) throw error;
    const why = (error as Error).message.split("\n").at(-1);
    throw new UserError(
      `no Prometheus: none is on PATH, and its Go module can't be built (${why}). Put prometheus on PATH, or have Go 1.26`,
      ExitCode.BadInput,
    );
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
