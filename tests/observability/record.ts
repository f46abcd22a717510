/**
 * Implements `npm run scrapes`: records the metrics that LangFlow and the collector export in `scrapes`, after a change
 * of their versions.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { spansEnvironment } from "../../model/langflow";
import { freePort } from "../../sandbox/live/ports";
import { COLLECTOR } from "../../sandbox/live/tools/observers";
import { pinnedLangFlow } from "../../sandbox/live/tools/python";
import { LangFlowApi } from "../live/langflowApi";
import { Scratch } from "../live/scratch";
import { condensed, scrapeCollector, scrapeLangFlow } from "./langflowScrape";

async function main(): Promise<void> {
  const scratch = await Scratch.make();
  try {
    const postgres = await scratch.postgres("recorded", scratch.tools.migratedDatabase);
    await scratch.migrate(postgres.url("recorded"));
    const port = await freePort();
    const collector = await scratch.collector();
    const { url, apiKey } = await scratch.langflowWithKey("recorded", {
      LANGFLOW_DATABASE_URL: postgres.url("recorded"),
      LANGFLOW_PROMETHEUS_ENABLED: "true",
      LANGFLOW_PROMETHEUS_PORT: `${port}`,
      ...spansEnvironment(collector.spansUrl),
    });
    const text = await scrapeLangFlow(LangFlowApi.withKey(url, apiKey), `http://127.0.0.1:${port}/metrics`);
    const version = pinnedLangFlow().split(".").slice(0, 2).join(".");
    writeFileSync(join(__dirname, "scrapes", `langflow-${version}.txt`), condensed(text));
    const counted = await scrapeCollector(collector.metricsUrl);
    writeFileSync(join(__dirname, "scrapes", `collector-${COLLECTOR.version.slice(1)}.txt`), condensed(counted));
  } finally {
    await scratch.end();
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
