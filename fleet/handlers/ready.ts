import { writeFile } from "node:fs/promises";
import type { ExitCode } from "../../model/errors";
import { print, report, withSession } from "../cli/command";
import { NotCheckable } from "../examination/finding";
import { collect } from "../ready/collect/collect";
import { predictionOf } from "../ready/prediction";
import { exitCodeOf, readinessOf } from "../ready/readiness";
import { markdown, tables } from "../ready/report";
import { fleetCapacity } from "../stacks/capacity";
import type { ReadyOptions } from "../verbs/ready";
import { openDeployment } from "./deployment";

/**
 * Looks how ready the fleet is for the loss of a region now, between drills. It changes nothing.
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
      const evidence = await collect(deployment, { local, capacities, drift, rehearse, report });
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

async function rehearse(): Promise<never> {
  throw new NotCheckable("nobody rehearses a restore");
}
