import { type Chart, WIDTH } from "./chart";

/**
 * Renders the chart as an inline SVG element without scripts or external resources. The SVG fills the available width
 * and uses the page's text color.
 */
export function svgOf({ height, name, option }: Chart, title: string, description: string): string {
  // Loading echarts takes about 170 ms, and only reports need it.
  const echarts: typeof import("echarts") = require("echarts");
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width: WIDTH, height });
  try {
    chart.setOption(option);
    return labelled(tidied(chart.renderToSVGString(), name), name, title, description);
  } finally {
    chart.dispose();
  }
}

/**
 * Removes the markup that only a script would use, about half of the size. Bases the ids on the chart's name instead of
 * the number of charts drawn so far.
 */
const tidied = (svg: string, name: string): string =>
  svg
    .replace(/<style ?><!\[CDATA\[.*?\]\]>\s*<\/style>\n?/gs, "")
    .replace(/ (?:class|ecmeta_\w+|pointer-events)="[^"]*"/g, "")
    .replace(/="(url\(#)?zr\d+-/g, `="$1${name}-`);

const labelled = (svg: string, name: string, title: string, description: string): string =>
  svg.replace(
    /^<svg ([^>]*)>/,
    (_, attributes: string) =>
      `<svg role="img" aria-labelledby="${name}-title ${name}-desc" ${attributes}>\n<title id="${name}-title">${title}</title>\n<desc id="${name}-desc">${description}</desc>`,
  );
