import { type LangFlowApi, until } from "../live/langflowApi";

/** What the calls below add to, and is exported only then. */
const LAST = "http_server_request_duration_seconds_count";

/** A component whose every run fails. */
const FAILING = "raise ValueError('a flow that fails')";

/**
 * What a LangFlow exports after one call of each kind that the rules look at: a run, a run that fails, a run of no flow, a
 * check and a list.
 *
 * @param metricsUrl where it shows its metrics (`LANGFLOW_PROMETHEUS_PORT`)
 * @returns the scrape, as text
 */
export async function scrapeLangFlow(api: LangFlowApi, metricsUrl: string): Promise<string> {
  const run = (id: string) => api.call("POST", `/api/v1/run/${id}`, { input_value: "hello" });
  const flow = await api.create("observed");
  await run(flow.id);
  const broken = await api.create("observed and failing");
  const { data } = await api.call("GET", `/api/v1/flows/${broken.id}`);
  for (const { data: node } of data.nodes) {
    const { template } = node.node;
    if (node.type === "MockLLM")
      template.code.value = template.code.value.replace(/(\n +)return /g, `$1${FAILING}$1return `);
  }
  await api.call("PATCH", `/api/v1/flows/${broken.id}`, { data });
  await run(broken.id).catch(() => undefined);
  await run("11111111-1111-4111-8111-111111111111").catch(() => undefined);
  for (const path of ["/health", "/healthz", "/api/v1/flows/?get_all=true"]) await api.text(path);
  await api.text("/no-such-path").catch(() => undefined);
  let text = "";
  await until("LangFlow exports what was called", async () => {
    text = await (await fetch(metricsUrl)).text();
    return text.includes(LAST);
  });
  return text;
}
