import { ExitCode } from "../../../model/errors";
import { gitHub, runUrl } from "../../github/client";
import { settleDriftIssue } from "../../github/driftIssue";
import { asking } from "../../github/refusal";
import { driftReport } from "../../markdown/driftReport";
import { withoutNoise } from "../../stacks/noise";
import { afterwords, asJson, exitCodeOf } from "../../stacks/report";
import type { StackRun } from "../../stacks/stackRun";
import { withSession } from "../../stacks/withSession";
import { print } from "../../terminal/messages";
import { runPreview, showChanges } from "../preview/handler";
import { withHandMade } from "./handMade";
import type { DriftOptions } from "./verb";

/**
 * Compares the code with the deployed resources through a refreshing preview. Exit 0: no difference; 7: drift. Any
 * other code means that the comparison was incomplete, and leaves the GitHub issue unchanged. If some resources cannot
 * be reached, drift in the others still results in exit 7, with notes about the unreachable ones. Without drift, the
 * result is exit 10.
 */
export async function drift(options: DriftOptions): Promise<ExitCode> {
  // Fails early if the settings are missing, because the comparison takes minutes.
  const hub = options.issue ? gitHub() : undefined;
  return withSession(options, { localCloud: "require", changes: false }, async (opened) => {
    const looked = await runPreview(opened, { refresh: true, silenceMinutes: options.silence });
    const runs = await Promise.all(looked.map(quietened).map((run) => withHandMade(opened.session, run)));
    const drifted = runs.some(({ changes }) => changes.length > 0);
    const isWhole = runs.every(({ failure }) => failure === undefined);
    const exitCode = isWhole && drifted ? ExitCode.Drift : exitCodeOf(runs);
    const told = exitCode === ExitCode.Success || exitCode === ExitCode.Drift;
    const issue =
      hub && told
        ? await asking("issues: write", () => settleDriftIssue(hub, driftReport(runs), runUrl(process.env)))
        : undefined;
    if (options.json) print(asJson("drift", options.local, runs, exitCode, issue && { issue }));
    else
      print(...showChanges(runs), ...afterwords(runs), ...(issue ? [`issue ${issue.issue ?? ""}: ${issue.done}`] : []));
    return exitCode;
  });
}

/** Moves known provider noise from the changes to the notes. */
function quietened(run: StackRun): StackRun {
  const { changes, ignored } = withoutNoise(run.changes);
  return { ...run, changes, notes: [...run.notes, ...ignored.map((each) => `left out: ${each}`)] };
}
