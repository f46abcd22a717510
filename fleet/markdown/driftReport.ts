import type { StackRun } from "../stacks/stackRun";
import { chapters } from "./changes";

const WAYS_OUT = `The clouds differ from the deployed code. Change the code to match the clouds, or revert the clouds to the code:

\`\`\`console
npm run fleet -- up --refresh
\`\`\``;

/** Renders the drift as the text of a GitHub issue; empty without drift. */
export function driftReport(runs: readonly StackRun[]): string {
  if (runs.every(({ changes }) => changes.length === 0)) return "";
  const ignored = runs.flatMap(({ stack, notes }) => notes.map((note) => `- \`${stack}\`: ${note}`));
  const left = ignored.length > 0 ? [`### Ignored\n\n${ignored.join("\n")}`] : [];
  return `${["## Drift", WAYS_OUT, ...chapters(runs), ...left].join("\n\n")}\n`;
}
