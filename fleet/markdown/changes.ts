import type { Violation } from "../../invariants/check";
import { isIrreplaceable } from "../../model/data";
import { type Change, nameOf, shortType } from "../engine/changes";
import { code, markdownTable } from "../report/markdown";
import { type Cell, chapter, sentences, toned } from "../report/report";
import { countsOf } from "../stacks/report";
import type { StackRun } from "../stacks/stackRun";

/** Renders the runs of a preview as Markdown chapters. Changes that can lose data are first. */
export function chapters(runs: readonly StackRun[], violations: readonly Violation[] = []): string[] {
  const gone = runs.flatMap(({ stack, changes }) =>
    changes.filter(isGone).map((change) => ({ change, line: `- ${described(change)} in \`${stack}\`` })),
  );
  const [data, other] = [true, false].map((wanted) =>
    gone.filter(({ change }) => isIrreplaceable(change.type) === wanted).map(({ line }) => line),
  );
  return [
    ...(data?.length ? [caution("Data would be replaced or deleted", data)] : []),
    ...failures(runs),
    ...(violations.length > 0 ? [caution("Invariants broken", violations.map(broken))] : []),
    markdownTable(
      chapter("Stacks", runs, {
        stack: ({ stack }) => sentences(code(stack)),
        changes: resultOf,
        unchanged: "unchanged",
      }),
    ),
    ...(other?.length ? [`### Replaced or deleted\n\n${other.join("\n")}`] : []),
    ...runs.filter(({ changes }) => changes.length > 0).map(details),
  ];
}

const isGone = ({ operation }: Change): boolean => operation === "replace" || operation === "delete";

/** Describes a change: operation, resource and changed properties. Properties that force a replacement are bold. */
function described(change: Change): string {
  const { operation, type, name, properties } = change;
  const differ = properties.map(({ path, replaces }) => (replaces ? `**${code(path)}**` : code(path))).join(", ");
  const what = `${isGone(change) ? `**${operation}**` : operation} ${code(shortType(type))} ${code(name)}`;
  return differ ? `${what}: ${differ}` : what;
}

function resultOf({ outcome, changes, notes }: StackRun): Cell {
  if (outcome === "done") return countsOf(changes, "to");
  return outcome === "failed" ? toned("bad", "failed") : notes.join("; ");
}

function details({ stack, changes }: StackRun): string {
  const summary = `<code>${stack}</code>: ${countsOf(changes, "to")}`;
  const lines = changes.map((change) => `- ${described(change)}`);
  return `<details><summary>${summary}</summary>\n\n${lines.join("\n")}\n\n</details>`;
}

const failures = (runs: readonly StackRun[]): string[] =>
  runs.flatMap(({ stack, failure }) => (failure ? [`### ${code(stack)} failed\n\n${fenced(failure.message)}`] : []));

const broken = ({ rule, resource, message, fix }: Violation): string =>
  `- **${rule}** ${code(nameOf(resource) || resource)}: ${message}; ${fix}`;

/** Renders a GitHub alert of the type "caution", a red box. */
function caution(title: string, lines: readonly string[]): string {
  return ["> [!CAUTION]", `> **${title}**`, ">", ...lines.map((line) => `> ${line}`)].join("\n");
}

/** Renders a fenced code block whose fence is longer than any run of backticks in the text. */
export function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}\n${text}\n${fence}`;
}
