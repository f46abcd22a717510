/** `npm run scrapes`: records anew what LangFlow exports, in `scrapes`, after a change of its version. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../../sandbox/live/ports";
import { pinnedLangFlow } from "../../sandbox/live/tools/python";
import { LangFlowApi } from "../live/langflowApi";
import { Scratch } from "../live/scratch";
import { condensed, scrapeLangFlow } from "./langflowScrape";

async function main(): Promise<void> {
  const scratch = await Scratch.make();
  try {
    const postgres = await scratch.postgres("recorded", scratch.tools.migratedDatabase);
    await scratch.migrate(postgres.url("recorded"));
    const port = await freePort();
    const { url, apiKey } = await scratch.langflowWithKey("recorded", {
      LANGFLOW_DATABASE_URL: postgres.url("recorded"),
      LANGFLOW_PROMETHEUS_ENABLED: "true",
      LANGFLOW_PROMETHEUS_PORT: `${port}`,
    });
    const text = await scrapeLangFlow(LangFlowApi.withKey(url, apiKey), `http://127.0.0.1:${port}/metrics`);
    const version = pinnedLangFlow().split(".").slice(0, 2).join(".");
    writeFileSync(join(__dirname, "scrapes", `langflow-${version}.txt`), condensed(text));
  } finally {
    await scratch.end();
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
