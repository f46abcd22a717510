import { type LangFlowApi, until } from "../live/langflowApi";

/** What the calls below add to, and is exported only then. */
const LAST = 'http_response_status_code="500",http_route="/api/v1/run/';

/**
 * What a LangFlow exports after one call of each kind that the rules look at: a run, a run that fails, a run of no flow, a
 * check and a list.
 *
 * @param metricsUrl where it shows its metrics (`LANGFLOW_PROMETHEUS_PORT`)
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

/** What a collector shows of those calls, once it has heard of a run that failed. */
export async function scrapeCollector(metricsUrl: string): Promise<string> {
  let text = "";
  await until("the collector counts the run that failed", async () => {
    text = await (await fetch(metricsUrl)).text();
    return /flow_id="[^"]+".*status="error"/.test(text);
  });
  return text;
}

/**
 * A scrape with each metric once: of a histogram's buckets those of its first series, of all else every series. A tenth of
 * its size, and not a name or a label less.
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
