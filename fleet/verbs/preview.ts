import { writeFileSync } from "node:fs";
import pc from "picocolors";
import { checkInvariants, type Violation } from "../../invariants/check";
import { ExitCode } from "../../model/errors";
import { type Opened, print, type VerbOptions, withSession } from "../command";
import { markdown } from "../markdown";
import { afterwords, asJson, changeLines, countsOf, exitCodeOf } from "../report";
import { runStacks, type StackRun } from "../runs";

export interface PreviewOptions extends VerbOptions {
  /** Also write the changes as one pull-request comment to this file. */
  readonly markdown?: string;
}

/** Shows what `up` would do. Stacks do not wait for each other: each reads what the others' states say today. */
export async function preview(options: PreviewOptions): Promise<ExitCode> {
  return withSession(options, "start", async (opened) => {
    const runs = await runPreview(opened);
    const violations = checkInvariants(runs.flatMap(({ resources }) => resources));
    const exitCode = exitCodeOf(runs) || (violations.length > 0 ? ExitCode.InvariantBroken : ExitCode.Success);
    if (options.markdown) writeFileSync(options.markdown, markdown(runs, violations));
    if (options.json) print(asJson("preview", options.local, runs, exitCode, { violations }));
    else print(...showChanges(runs), ...afterwords(runs), ...violationLines(violations));
    return exitCode;
  });
}

export function runPreview({ session, order }: Opened, options: { refresh?: boolean } = {}): Promise<StackRun[]> {
  return runStacks(
    { session, order: [order.flat()], summarise: (changes) => countsOf(changes, "to") },
    async (stack, recording) => {
      await stack.preview({ ...options, onEvent: recording.onEvent, signal: session.options.signal });
      return {};
    },
  );
}

export function showChanges(runs: readonly StackRun[]): string[] {
  return runs
    .filter(({ outcome }) => outcome === "done")
    .flatMap(({ stack, changes, unchanged }) => [
      `${pc.bold(stack)}: ${countsOf(changes, "to")}, ${unchanged} unchanged`,
      ...changeLines(changes),
    ]);
}

function violationLines(violations: readonly Violation[]): string[] {
  return violations.map(({ rule, resource, message, fix }) => pc.red(`${rule}: ${resource}: ${message}; ${fix}`));
}
