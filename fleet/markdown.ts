import type { Violation } from "../invariants/check";
import { shortType } from "./changes";
import { countsOf } from "./report";
import type { StackRun } from "./runs";

/** Longest body of a comment GitHub takes (its API answers 422 beyond). */
const COMMENT_MAX = 65_536;
const CUT = "\n\n… cut here: the rest is in the job's log.\n";

/** The first line, by which a workflow finds its earlier comment and replaces it. */
export const COMMENT_MARK = "<!-- langflow-dr preview -->";

/** The runs of a preview as one pull-request comment; replacements and deletions come first, since they can lose data. */
export function markdown(runs: readonly StackRun[], violations: readonly Violation[]): string {
  const danger = runs.flatMap(({ stack, changes }) =>
    changes
      .filter(({ operation }) => operation === "replace" || operation === "delete")
      .map(({ operation, type, name }) => `- **${operation}** \`${shortType(type)}\` \`${name}\` in \`${stack}\``),
  );
  const parts = [
    COMMENT_MARK,
    "## Preview",
    ["| stack | changes | unchanged |", "|---|---|---|", ...runs.map(row)].join("\n"),
    ...(danger.length > 0 ? [`### Replaced or deleted\n\n${danger.join("\n")}`] : []),
    ...(violations.length > 0 ? [`### Invariants broken\n\n${violations.map(broken).join("\n")}`] : []),
    ...runs.filter(({ changes }) => changes.length > 0).map(details),
    ...runs.flatMap(({ stack, failure }) => (failure ? [`### \`${stack}\` failed\n\n${fenced(failure.message)}`] : [])),
  ];
  const text = `${parts.join("\n\n")}\n`;
  return text.length <= COMMENT_MAX ? text : `${text.slice(0, COMMENT_MAX - CUT.length)}${CUT}`;
}

function row({ stack, outcome, changes, unchanged, notes }: StackRun): string {
  const said = outcome === "done" ? countsOf(changes, "to") : outcome === "failed" ? "**failed**" : notes.join("; ");
  return `| \`${stack}\` | ${said} | ${unchanged} |`;
}

function details({ stack, changes }: StackRun): string {
  const lines = changes.map(({ operation, type, name, properties }) => {
    const differ = properties.map(({ path }) => `\`${path}\``).join(", ");
    return `- ${operation} \`${shortType(type)}\` \`${name}\`${differ ? `: ${differ}` : ""}`;
  });
  const summary = `<code>${stack}</code>: ${countsOf(changes, "to")}`;
  return `<details><summary>${summary}</summary>\n\n${lines.join("\n")}\n\n</details>`;
}

const broken = ({ rule, resource, message, fix }: Violation): string =>
  `- **${rule}** \`${resource}\`: ${message}; ${fix}`;

/** A fence longer than any run of backticks inside. */
function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}\n${text}\n${fence}`;
}
