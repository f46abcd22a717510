import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import pc from "picocolors";
import { checkInvariants, type Violation } from "../../../invariants/check";
import { ExitCode, UserError } from "../../../model/errors";
import { failureOf } from "../../engine/failure";
import { SILENCE, whileHeard } from "../../engine/silence";
import { comment, commentOnFailure } from "../../markdown/comment";
import { withBase } from "../../stacks/baseFleet";
import { fleetCapacity } from "../../stacks/capacity";
import { homeOf, withoutDeadRegions } from "../../stacks/elsewhere";
import { afterwords, asJson, changeLines, countsOf, exitCodeOf } from "../../stacks/report";
import { runStacks, type StackRun, skippedRun } from "../../stacks/stackRun";
import { type Opened, withSession } from "../../stacks/withSession";
import { print } from "../../terminal/messages";
import type { PreviewOptions } from "./verb";

/**
 * Shows what `up` would change. Stacks are previewed in parallel, because each reads the other stacks' current state.
 */
export async function preview(options: PreviewOptions): Promise<ExitCode> {
  try {
    return await previewFrom(options);
  } catch (error) {
    // The pull request also shows why the preview failed.
    if (options.markdown) writeFileSync(options.markdown, commentOnFailure(failureOf(error).message));
    throw error;
  }
}

async function previewFrom(options: PreviewOptions): Promise<ExitCode> {
  if (options.base === undefined) return previewStacks(options);
  if (!options.local) throw new UserError("--base works only on the local fleet: add --local", ExitCode.BadInput);
  const { project, signal } = options;
  const report = (message: string) => process.stderr.write(`${message}\n`);
  return withBase(options.base, { project, signal, report }, (directory) => previewStacks({ ...options, directory }));
}

async function previewStacks(options: PreviewOptions): Promise<ExitCode> {
  return withSession(options, { localCloud: "start", changes: false }, async (opened) => {
    const left = options.stacks.length > 0 ? [] : leftBehind(opened);
    const runs = [...(await runPreview(opened, { silenceMinutes: options.silence })), ...left];
    const { violations, exitCode } = judged(runs);
    const capacity = fleetCapacity(opened.project.stacks);
    if (options.markdown) writeFileSync(options.markdown, comment(runs, violations, capacity));
    if (options.json) print(asJson("preview", options.local, runs, exitCode, { violations }));
    else print(...showChanges(runs), ...afterwords(runs), ...violationLines(violations));
    return exitCode;
  });
}

/** Returns deployed stacks that the config no longer contains. No verb would ever change them again. */
function leftBehind({ project, session }: Opened): StackRun[] {
  const because = "deployed, but no longer in the config: retire it (docs/operations/retire-a-region.md)";
  return session.others([...project.stacks.keys()]).map((stack) => skippedRun(stack, because));
}

/** @param options.silenceMinutes maximum time without engine output */
export function runPreview(
  { session, project, order }: Opened,
  { refresh = false, silenceMinutes = SILENCE.looking }: { refresh?: boolean; silenceMinutes?: number } = {},
): Promise<StackRun[]> {
  const { signal: wish } = session.options;
  // Without a refresh, each stack's engine and program compete for CPUs, so the width is limited. A refresh mostly
  // waits for the clouds, so all stacks run at once.
  const width = refresh ? {} : { width: 2 * availableParallelism() };
  return runStacks(
    { session, order: [order.flat()], ...width, summarise: (changes) => countsOf(changes, "to") },
    async (stack, recording) => {
      const { onEvent } = recording;
      await withoutDeadRegions(recording, homeOf(project, stack.name), (exclude) =>
        whileHeard(recording, silenceMinutes, wish, (signal) =>
          stack.preview({ refresh, onEvent, signal, ...(exclude.length > 0 && { exclude }) }),
        ),
      );
      return {};
    },
  );
}

/** Evaluates a preview: returns broken invariants, and the exit code for failures or broken invariants. */
export function judged(runs: readonly StackRun[]): { violations: Violation[]; exitCode: ExitCode } {
  const violations = checkInvariants(runs.flatMap(({ resources }) => resources));
  return {
    violations,
    exitCode: exitCodeOf(runs) || (violations.length > 0 ? ExitCode.InvariantBroken : ExitCode.Success),
  };
}

export function showChanges(runs: readonly StackRun[]): string[] {
  return runs
    .filter(({ outcome }) => outcome === "done")
    .flatMap(({ stack, changes, unchanged }) => [
      `${pc.bold(stack)}: ${countsOf(changes, "to")}, ${unchanged} unchanged`,
      ...changeLines(changes),
    ]);
}

export function violationLines(violations: readonly Violation[]): string[] {
  return violations.map(({ rule, resource, message, fix }) => pc.red(`${rule}: ${resource}: ${message}; ${fix}`));
}
