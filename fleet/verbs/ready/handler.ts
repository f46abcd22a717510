import { writeFile } from "node:fs/promises";
import type { ExitCode } from "../../../model/errors";
import { connectLive } from "../../../sandbox/live/client";
import { NotCheckable } from "../../checks/checkResult";
import { liveDirectory } from "../../local/live";
import { collect } from "../../ready/collect/collect";
import { rehearsalIn } from "../../ready/collect/rehearsal";
import type { Rehearsal } from "../../ready/evidence";
import { predictionOf } from "../../ready/prediction";
import { exitCodeOf, readinessOf } from "../../ready/readiness";
import { markdown, tables } from "../../ready/report";
import { fleetCapacity } from "../../stacks/capacity";
import { withSession } from "../../stacks/withSession";
import { print, report } from "../../terminal/messages";
import { openDeployment } from "../deployment";
import type { ReadyOptions } from "./verb";

/**
 * Looks how ready the fleet is for the loss of a region now, between drills. It changes nothing, but for a
 * database that is made beside another in the local fleet, and dropped.
 *
 * Exit 0: all that could be looked at holds, or with `--minimum` the score is enough; 13: it does not, or is not; 3 or 10:
 * somebody refused us or did not answer, and nothing else is against it.
 */
export async function ready(options: ReadyOptions): Promise<ExitCode> {
  const { local, json, minimum, drift, markdown: file } = options;
  return withSession(options, { localCloud: "require", changes: false }, async (opened) => {
    const deployment = await openDeployment(opened, options);
    try {
      const capacities = fleetCapacity(opened.project.stacks);
      const names = deployment.regions.map(({ region }) => region.name);
      const evidence = await collect(deployment, {
        local,
        capacities,
        drift,
        rehearse: (region) => rehearse(region, names, options),
        report,
      });
      const readiness = readinessOf(evidence);
      const prediction = predictionOf(evidence);
      const exitCode = exitCodeOf(readiness, minimum);
      if (file !== undefined) await writeFile(file, markdown(readiness, prediction, evidence.at));
      if (json) print(JSON.stringify({ verb: "ready", local, exitCode, minimum, ...readiness, prediction }, null, 2));
      else print(...tables(readiness, prediction, evidence.at));
      return exitCode;
    } finally {
      await deployment.clouds.close();
    }
  });
}

/** In another region, as after the loss; beside that one's database, which is not touched. */
async function rehearse(
  region: string,
  regions: readonly string[],
  { local, directory }: ReadyOptions,
): Promise<Rehearsal> {
  if (!local)
    throw new NotCheckable(
      "no restore rehearsal is recorded: run `agent restore --rehearse` (docs/operations/restore-data.md)",
    );
  const live = await connectLive(liveDirectory(directory));
  if (!live) throw new NotCheckable("nothing is running: start it with `up --local --live`");
  const survivor = regions.find((each) => each !== region);
  const args = ["--rehearse", "--from-region", region];
  return rehearsalIn(await live.job(survivor ?? region, `restore-${survivor ?? region}`, { args }));
}
