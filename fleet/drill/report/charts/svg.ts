import { type Chart, WIDTH } from "./chart";

/**
 * The chart as an SVG element for the body of a page, drawn here and now: no script, nothing to fetch. It fills the
 * width it is given; what is the page's text colour is its own too.
 */
export function svgOf({ height, name, option }: Chart, title: string, description: string): string {
  // A sixth of a second to load; only a report needs it.
  const echarts: typeof import("echarts") = require("echarts");
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width: WIDTH, height });
  try {
    chart.setOption(option);
    return labelled(tidied(chart.renderToSVGString(), name), name, title, description);
  } finally {
    chart.dispose();
  }
}

/** Without what serves a script that is not there, half of the size; and with ids by the chart, not by how many were drawn. */
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
