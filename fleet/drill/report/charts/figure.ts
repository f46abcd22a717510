import { escaped, wide } from "../../../page/page";
import type { Chart } from "./chart";
import { svgOf } from "./svg";

/** Renders a chart with its title above it. Returns an empty string without a chart. */
export function figure(chart: Chart | undefined): string {
  if (chart === undefined) return "";
  const title = escaped(chart.title);
  return `<figure>
<figcaption>${title}</figcaption>
${wide(chart.title)}${svgOf(chart, title, escaped(chart.description))}</div>
</figure>`;
}
