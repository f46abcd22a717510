import * as path from "node:path";
import { PulumiCommand } from "@pulumi/pulumi/automation/cmd";
import * as semver from "semver";
import { UserError } from "../../model/errors";
import { requireRoom } from "../cli/folders";
import { cliIn, engineCache, exclusively, isExecutable, publish } from "./cache";
import { installOfficial } from "./official";
import { ENGINE_VERSION, OLDEST_CLI, recentEnough } from "./pins";
import { cancelled, run } from "./run";
import { buildFromSource } from "./source";

/**
 * Disk space needed for an engine. A built engine needs 120 MiB; the official one contains additional programs, and its
 * archive needs space during the installation.
 */
const ENGINE_MIB = 600;

/** Sources of an engine. Tests replace the real ones below. */
export interface EngineSources {
  /** Returns the CLI on PATH of any version, or undefined if none can be run. */
  onPath(): Promise<PulumiCommand | undefined>;
  /** Returns the engine of ENGINE_VERSION in the cache, or undefined if it is not there yet. */
  cached(): Promise<PulumiCommand | undefined>;
  /** Runs `work` while no other process prepares an engine. */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
  /** Installs the official build into the cache, or throws. */
  install(): Promise<void>;
  /**
   * Builds the engine from source into the cache, or throws. `unavailable` is the reason why the official build could
   * not be installed.
   */
  build(unavailable: string): Promise<void>;
}

/**
 * Returns the Pulumi engine for this machine: the CLI on PATH if it is new enough, otherwise the one in our cache. On
 * first use, fills the cache with the official installer or, if that is unreachable, with a build of the Go module.
 * Only one process installs; others wait.
 *
 * @param report called with each phase, and during a build every two seconds with the elapsed time
 * @param signal aborts the installation and removes partial files
 * @throws UserError with possible fixes if no engine is available, or with `ExitCode.Cancelled`
 */
export async function ensureEngine(report: (message: string) => void, signal?: AbortSignal): Promise<PulumiCommand> {
  return chooseEngine(realSources(report, signal), report, signal);
}

/** Selects an engine by order of preference, independent of how each source works. */
export async function chooseEngine(
  sources: EngineSources,
  report: (message: string) => void,
  signal?: AbortSignal,
): Promise<PulumiCommand> {
  const onPath = await sources.onPath();
  if (onPath && recentEnough(onPath.version)) return onPath;
  if (onPath)
    report(
      `the pulumi on PATH has version ${onPath.version ?? "unknown"}, but ${OLDEST_CLI} or later is needed: using the project's own engine`,
    );
  const cached = await sources.cached();
  if (cached) return cached;
  return sources.exclusively(async () => {
    const madeByAnother = await sources.cached();
    if (madeByAnother) return madeByAnother;
    try {
      await sources.install();
    } catch (error) {
      if (signal?.aborted) throw cancelled();
      const unavailable = error instanceof Error ? error.message : String(error);
      report(`${unavailable}: building it from source`);
      await sources.build(unavailable);
    }
    const made = await sources.cached();
    if (!made) throw new Error("internal error: the Pulumi engine was installed but is missing from the cache");
    return made;
  });
}

function realSources(report: (message: string) => void, signal?: AbortSignal): EngineSources {
  const cache = engineCache();
  const tell = (message: string): void => report(`Pulumi engine ${ENGINE_VERSION}: ${message}`);
  const checked = (make: (folder: string) => Promise<void>): Promise<void> =>
    publish(cache, ENGINE_VERSION, async (folder) => {
      await make(folder);
      await expectVersion(cliIn(folder), signal);
    });
  return {
    onPath: () => PulumiCommand.get({ skipVersionCheck: true }).catch(() => undefined),
    cached: async () => {
      const cli = cliIn(path.join(cache, ENGINE_VERSION));
      return (await isExecutable(cli)) ? knownCommand(cli) : undefined;
    },
    exclusively: async (work) => {
      requireRoom({ folder: cache, mib: ENGINE_MIB });
      return exclusively(cache, work, () => tell("waiting for a different process to finish the installation"), signal);
    },
    install: () => {
      tell("downloading the official build");
      return checked((folder) => installOfficial(ENGINE_VERSION, folder, signal));
    },
    build: (unavailable) => checked((folder) => buildFromSource(ENGINE_VERSION, folder, unavailable, tell, signal)),
  };
}

/**
 * Returns the cached engine without querying its version, which saves 0.1 s (`PulumiCommand.get` queries the version
 * even with `skipVersionCheck`). The folder's name contains the version, which was verified during the installation.
 */
function knownCommand(command: string): PulumiCommand {
  const made: PulumiCommand = Object.create(PulumiCommand.prototype);
  return Object.assign(made, { command, version: semver.parse(ENGINE_VERSION) });
}

async function expectVersion(cli: string, signal?: AbortSignal): Promise<void> {
  const said = await run(cli, ["version"], { env: { PULUMI_SKIP_UPDATE_CHECK: "true" }, signal });
  if (semver.clean(said) !== ENGINE_VERSION)
    throw new UserError(
      `the installed Pulumi engine reports version ${said} instead of ${ENGINE_VERSION}: run this again, or install the Pulumi CLI`,
    );
}
