import { AgentError, ExitCode } from "../../formats/agentErrors";
import { parseConfig } from "../process/config";
import type { Context } from "../process/context";
import { s3Client } from "../s3/s3Client";

/**
 * Runs one stage of an import, or a stage that reports on the region after an import. LangFlow's migrations run between
 * the stages of an import.
 */
export async function moveIn({ environment, log, signal }: Context, stage: string): Promise<void> {
  const { MoveInBucket } = await import("../moveIn/moveInBucket");
  const { STAGES } = await import("../moveIn/stages");
  const { parseDatabaseUrl } = await import("../postgres/connection");
  const config = parseConfig("moveIn", environment);
  const work = Object.entries(STAGES).find(([name]) => name === stage)?.[1];
  if (!work)
    throw new AgentError(
      `unknown import stage ${stage}: the stages are ${Object.keys(STAGES).join(", ")}`,
      ExitCode.BadInput,
    );
  await work({
    region: config.AGENT_REGION,
    database: parseDatabaseUrl(config.LANGFLOW_DATABASE_URL),
    bucket: new MoveInBucket(s3Client(), config.AGENT_BUCKET),
    prefix: `${config.AGENT_MOVE_IN_PREFIX}/${config.MOVE_IN_PACKAGE}`,
    sha256: config.MOVE_IN_SHA256,
    filesPrefix: config.AGENT_FILES_PREFIX,
    secretKey: config.LANGFLOW_SECRET_KEY,
    sourceSecretKey: config.MOVE_IN_SECRET_KEY,
    superuser: config.LANGFLOW_SUPERUSER,
    withFlows: config.MOVE_IN_FLOWS === "true",
    asked: config.MOVE_IN_ASKED,
    report: (message) => log.info(message),
    signal,
  });
  log.info({ stage }, "stage completed");
}
