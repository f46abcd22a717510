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

/** Shows what `up` would do. Stacks do not wait for each other: each reads what the others' states say today. */
export async function preview(options: PreviewOptions): Promise<ExitCode> {
  try {
    return await previewFrom(options);
  } catch (error) {
    // A pull request is told as well why there is no preview.
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

/** Stacks that are deployed and that the config does not name any more: nothing here would ever touch them again. */
function leftBehind({ project, session }: Opened): StackRun[] {
  const because = "deployed, but no longer in the config: retire it (docs/operations/retire-a-region.md)";
  return session.others([...project.stacks.keys()]).map((stack) => skippedRun(stack, because));
}

/** @param options.silenceMinutes how long the engine may say nothing */
export function runPreview(
  { session, project, order }: Opened,
  { refresh = false, silenceMinutes = SILENCE.looking }: { refresh?: boolean; silenceMinutes?: number } = {},
): Promise<StackRun[]> {
  const { signal: wish } = session.options;
  // An engine and a program each, which wait for processors; a refresh waits for the clouds, and all of them at once.
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

/** What a preview says against the change: what failed, or what it would break. */
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
