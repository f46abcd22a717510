import type { StackRun } from "../stacks/stackRun";
import { chapters } from "./changes";

const WAYS_OUT = `The clouds differ from the code that was deployed. Bring the code to what the clouds are, or put them right:

\`\`\`console
npm run fleet -- up --refresh
\`\`\``;

/** What drifted, as the text of an issue; empty where nothing did. */
export function driftReport(runs: readonly StackRun[]): string {
  if (runs.every(({ changes }) => changes.length === 0)) return "";
  const ignored = runs.flatMap(({ stack, notes }) => notes.map((note) => `- \`${stack}\`: ${note}`));
  const left = ignored.length > 0 ? [`### Left out\n\n${ignored.join("\n")}`] : [];
  return `${["## Drift", WAYS_OUT, ...chapters(runs), ...left].join("\n\n")}\n`;
}
