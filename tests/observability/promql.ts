import { parser } from "@prometheus-io/lezer-promql";

/** Returns the names of the series that an expression reads. */
export function seriesOf(expression: string): string[] {
  const found: string[] = [];
  parser.parse(expression).iterate({
    enter: ({ name, from, to }) => {
      if (name === "⚠") throw new Error(`no PromQL: ${expression}`);
      if (name === "VectorSelector") found.push(/^[\w:]+/.exec(expression.slice(from, to))?.[0] ?? "");
    },
  });
  return [...new Set(found)];
}
