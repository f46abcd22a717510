import { type LangFlowApi, until } from "../live/langflowApi";

/** Start of the last series that the calls below create; LangFlow exports it only after the calls. */
const LAST = 'http_response_status_code="500",http_route="/api/v1/run/';

/**
 * Returns LangFlow's metrics after one call of each kind that the rules use: a run, a failed run, a run of an unknown
 * flow, a health check and a list.
 *
 * @param metricsUrl URL of LangFlow's metrics (`LANGFLOW_PROMETHEUS_PORT`)
 * @returns the scrape, as text
 */
export async function scrapeLangFlow(api: LangFlowApi, metricsUrl: string): Promise<string> {
  const flow = await api.createRunnable("observed");
  await api.run(flow.id, "hello");
  const broken = await api.createFailing("observed and failing");
  await api.run(broken.id, "hello").catch(() => undefined);
  await api.run("11111111-1111-4111-8111-111111111111", "hello").catch(() => undefined);
  for (const path of ["/health", "/healthz", "/api/v1/flows/?get_all=true"]) await api.text(path);
  await api.text("/no-such-path").catch(() => undefined);
  let text = "";
  await until("LangFlow exports what was called", async () => {
    text = await (await fetch(metricsUrl)).text();
    return text.includes(LAST);
  });
  return text;
}

/** Returns the collector's metrics after it has counted the failed run of these calls. */
export async function scrapeCollector(metricsUrl: string): Promise<string> {
  let text = "";
  await until("the collector counts the run that failed", async () => {
    text = await (await fetch(metricsUrl)).text();
    return /flow_id="[^"]+".*status="error"/.test(text);
  });
  return text;
}

/**
 * Reduces a scrape to one series of each histogram and all other series. The result is a tenth of the size with the
 * same names and labels.
 */
export function condensed(scrape: string): string {
  const first = new Map<string, string>();
  return scrape
    .split("\n")
    .filter((line) => {
      const [, name, labels = ""] = /^(\w+_bucket)\{(.*)\}/.exec(line) ?? [];
      if (name === undefined) return true;
      const series = labels.replace(/le="[^"]*",?/, "");
      if (!first.has(name)) first.set(name, series);
      return first.get(name) === series;
    })
    .join("\n");
}
