import { setTimeout as sleep } from "node:timers/promises";
import { throttle } from "../../../agent/moveIn/throttle";
import { ExitCode, UserError } from "../../../model/errors";
import { connectLive, type LiveConnection } from "../../../sandbox/live/client";
import { appliedRegions } from "../../../sandbox/live/cluster/applied";
import { liveDirectory } from "../../local/live";
import type { Session } from "../../stacks/session";
import { withSession } from "../../stacks/withSession";
import { report } from "../../terminal/messages";
import { type ImportedIntoFleet, type ImportRequest, importIntoRegion } from "../importing/importIntoRegion";
import { endOfImport } from "../importing/importReport";
import { localDatabase, notRunning } from "../localDatabase";
import { type Compared, compareRegion, type TriedRegion } from "./compareRegion";
import { type ExpectedSource, readSource } from "./readSource";

/** Name of LangFlow's container. */
const LANGFLOW = "langflow";
const READY_WITHIN_MS = 10 * 60_000;
const LOOK_MS = 500;
const TOLD_EVERY_MS = 5_000;

export interface Trial {
  readonly imported: ImportedIntoFleet;
  /** Results by region. Empty if the import was incomplete. */
  readonly compared: readonly Compared[];
}

/**
 * Imports into a local fleet, restarts LangFlow in each region, and compares what its users see with the source.
 *
 * @throws UserError like {@link importIntoRegion}; (ResourceFailed) if LangFlow does not restart
 */
export async function trialOf(options: ImportRequest): Promise<Trial> {
  const { from, config, signal } = options;
  const imported = await importIntoRegion(options);
  if (endOfImport(imported) !== ExitCode.Success) return { imported, compared: [] };
  const source = await readSource({ from, config, environment: process.env, signal });
  return withSession(options, { localCloud: "require", changes: false }, async ({ session }) => {
    const live = await connectLive(liveDirectory(session.options.directory));
    if (!live) throw notRunning("the local fleet");
    const regions = await triedRegions(live, session);
    await startAgain(live, regions, signal);
    return { imported, compared: await compareAll(regions, source, signal) };
  });
}

/** Compares the regions one after the other, because they share this machine. */
async function compareAll(regions: readonly TriedRegion[], source: ExpectedSource, signal: AbortSignal) {
  const compared: Compared[] = [];
  const progress = throttle(report, TOLD_EVERY_MS);
  for (const [index, each] of regions.entries())
    compared.push(await compareRegion(each, source, index === 0, progress, signal).catch(orInterrupted(signal)));
  return compared;
}

const orInterrupted = (signal: AbortSignal) => (error: unknown) => {
  if (signal.aborted)
    throw new UserError("interrupted; the import is complete, and nothing else was changed", ExitCode.Cancelled);
  throw error;
};

async function triedRegions(live: LiveConnection, session: Session): Promise<TriedRegion[]> {
  const { regions } = await live.status();
  const applied = appliedRegions((await session.cloud?.resources({ clear: true })) ?? []);
  return Promise.all(
    regions.map(async ({ region, url }) => {
      const { secrets } = applied.find((each) => each.region === region) ?? {};
      const secretKey = [...(secrets?.values() ?? [])].flatMap((each) => each.LANGFLOW_SECRET_KEY ?? [])[0];
      if (url === undefined || secretKey === undefined) throw notRunning(region);
      return { region, url, secretKey, database: await localDatabase(region, session) };
    }),
  );
}

/** Kills LangFlow in all regions, whose pods restart it. Resolves once LangFlow is ready in every region. */
async function startAgain(live: LiveConnection, regions: readonly TriedRegion[], signal: AbortSignal): Promise<void> {
  const restarts = async () => {
    const { processes } = await live.status();
    return processes.filter(({ name, region }) => name === LANGFLOW && region !== undefined);
  };
  const before = new Map((await restarts()).map((each) => [each.pod, each.restarts]));
  report("restarting LangFlow in each region");
  for (const { region } of regions) await live.kill(region, LANGFLOW);
  const until = Date.now() + READY_WITHIN_MS;
  for (;;) {
    const waited = (await restarts()).filter(({ pod, ready, ...each }) => !ready || each.restarts === before.get(pod));
    if (waited.length === 0) return;
    if (Date.now() > until)
      throw new UserError(
        `LangFlow did not restart in ${waited.map(({ region }) => region).join(", ")}; its log: ${waited[0]?.log}`,
        ExitCode.ResourceFailed,
      );
    await sleep(LOOK_MS, undefined, { signal }).catch(orInterrupted(signal));
  }
}
