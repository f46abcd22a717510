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

/** One that was built here is 120 MiB; the vendor's comes with more beside it, and as an archive first. */
const ENGINE_MIB = 600;

/** The places an engine can come from; the real ones below, others in tests. */
export interface EngineSources {
  /** The CLI on PATH whatever its version; undefined where there is none that runs. */
  onPath(): Promise<PulumiCommand | undefined>;
  /** The engine of ENGINE_VERSION in the cache; undefined where it is not there yet. */
  cached(): Promise<PulumiCommand | undefined>;
  /** Runs `work` while no other process prepares an engine. */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
  /** Puts the vendor's own build into the cache, or throws. */
  install(): Promise<void>;
  /** Builds into the cache from source, or throws. `unavailable`: why the vendor's own build could not be had. */
  build(unavailable: string): Promise<void>;
}

/**
 * The Pulumi engine this machine runs our stacks with: the CLI on PATH if new enough, else the one in our cache,
 * which is filled the first time by the vendor's installer or, where that is out of reach, by a build from the Go
 * module. One process prepares it, others wait.
 *
 * @param report shown to the user while it takes time: which phase, how long already. Called every two seconds.
 * @param signal ends whatever runs and leaves no half engine behind
 * @throws UserError with the ways out where no engine can be had, or with `ExitCode.Cancelled`
 */
export async function ensureEngine(report: (message: string) => void, signal?: AbortSignal): Promise<PulumiCommand> {
  return chooseEngine(realSources(report, signal), report, signal);
}

/** The order of preference, apart from how each place is looked at. */
export async function chooseEngine(
  sources: EngineSources,
  report: (message: string) => void,
  signal?: AbortSignal,
): Promise<PulumiCommand> {
  const onPath = await sources.onPath();
  if (onPath && recentEnough(onPath.version)) return onPath;
  if (onPath)
    report(
      `the pulumi on PATH has version ${onPath.version ?? "unknown"}, ${OLDEST_CLI} or later is needed: using our own engine`,
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
 * The engine in our cache, without the 0.1 s that asking it for its version takes (as `PulumiCommand.get` does even
 * with `skipVersionCheck`): its folder's name says it, and it was asked before it got there.
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
