import { writeFile } from "node:fs/promises";
import { ExitCode } from "../../../model/errors";
import { connectLive } from "../../../sandbox/live/client";
import { NotCheckable } from "../../checks/checkResult";
import { liveDirectory } from "../../local/live";
import { collect } from "../../ready/collect/collect";
import { rehearsalIn } from "../../ready/collect/rehearsal";
import type { Rehearsal } from "../../ready/evidence";
import { predictionOf } from "../../ready/prediction";
import { exitCodeOf, readinessOf } from "../../ready/readiness";
import { readinessReport } from "../../ready/report";
import { markdown } from "../../report/markdown";
import { terminalLines } from "../../report/terminal";
import { fleetCapacity } from "../../stacks/capacity";
import { withSession } from "../../stacks/withSession";
import { print, report } from "../../terminal/messages";
import { openDeployment } from "../deployment";
import type { ReadyOptions } from "./verb";

/**
 * Checks how well the fleet could currently survive the loss of a region, between drills. Changes nothing, except that
 * the local fleet creates a temporary database and drops it.
 *
 * Exit 0: every check that could run passed, or the score reaches `--minimum`; 13: otherwise; 3 or 10: a service
 * rejected the credentials or did not answer, and no check failed.
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
      const shown = (isBrief: boolean) =>
        readinessReport(readiness, prediction, { now: evidence.at, isGood: exitCode === ExitCode.Success, isBrief });
      if (file !== undefined) await writeFile(file, markdown(shown(true)));
      if (json) print(JSON.stringify({ verb: "ready", local, exitCode, minimum, ...readiness, prediction }, null, 2));
      else print(...terminalLines(shown(false)));
      return exitCode;
    } finally {
      await deployment.clouds.close();
    }
  });
}

/**
 * Rehearses the restore in a different region, as after a loss. Uses a separate database and does not touch that
 * region's own.
 */
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
