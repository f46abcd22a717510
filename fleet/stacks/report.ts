import pc from "picocolors";
import { ExitCode } from "../../model/errors";
import { type Change, shortType } from "../engine/changes";
import type { StackRun } from "./stackRun";

const SIGNS: Readonly<Record<Change["operation"], string>> = {
  create: "+",
  import: "=",
  update: "~",
  replace: "±",
  delete: "-",
};
const COLOURS: Readonly<Record<Change["operation"], (text: string) => string>> = {
  create: pc.green,
  import: pc.cyan,
  update: pc.yellow,
  replace: pc.magenta,
  delete: pc.red,
};

/** Returns the number of changes, such as `3 to create, 1 to replace` or `no change`. */
export function countsOf(changes: readonly Change[], tense: "to" | "done"): string {
  const past = { create: "created", import: "imported", update: "updated", replace: "replaced", delete: "deleted" };
  const parts = (Object.keys(SIGNS) as Change["operation"][]).flatMap((operation) => {
    const count = changes.filter((change) => change.operation === operation).length;
    return count === 0 ? [] : [tense === "to" ? `${count} to ${operation}` : `${count} ${past[operation]}`];
  });
  return parts.join(", ") || "no change";
}

/** Returns one line per change: sign, type, name and changed properties. */
export function changeLines(changes: readonly Change[]): string[] {
  return changes.map(({ operation, type, name, properties }) => {
    const differ = properties
      .map(({ path, replaces }) => (replaces ? `${path} (forces replacement)` : path))
      .join(", ");
    return COLOURS[operation](`  ${SIGNS[operation]} ${shortType(type)} ${name}${differ ? `: ${differ}` : ""}`);
  });
}

/** Returns the messages to show below the table: failures with their fixes, and notes. */
export function afterwords(runs: readonly StackRun[]): string[] {
  return runs.flatMap(({ stack, failure, notes }) => [
    ...(failure ? [pc.red(`${stack}: ${failure.message}`)] : []),
    ...notes.map((note) => pc.yellow(`${stack}: ${note}`)),
  ]);
}

/**
 * Counts the resources that a stack owns. Excludes components, which only group resources, and references to other
 * stacks.
 */
export function countOf(resources: readonly { readonly custom?: boolean; readonly type: string }[]): number {
  return resources.filter(({ custom, type }) => custom && type !== "pulumi:pulumi:StackReference").length;
}

/**
 * Returns the exit code of the first failure in deployment order. Without a failure, the code depends on whether all
 * resources were reached.
 */
export function exitCodeOf(runs: readonly StackRun[]): ExitCode {
  const failed = runs.find(({ failure }) => failure)?.failure?.exitCode;
  return failed ?? (runs.some(({ leftOut }) => leftOut.length > 0) ? ExitCode.Unreachable : ExitCode.Success);
}

/** Returns the runs as JSON, without the details of unchanged resources. */
export function asJson(
  verb: string,
  local: boolean,
  runs: readonly StackRun[],
  exitCode: ExitCode,
  more: object = {},
): string {
  const stacks = runs.map(({ resources, ...run }) => ({ ...run, resources: countOf(resources) }));
  return JSON.stringify({ verb, local, exitCode, ...more, stacks }, null, 2);
}
