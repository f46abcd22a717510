import { text } from "node:stream/consumers";
import { AgentError, ExitCode } from "../../formats/agentErrors";
import { parseConfig } from "../process/config";
import type { Context } from "../process/context";

/** Re-encrypts the database from an earlier secret key, read from standard input, to this agent's key. */
export async function rekey(
  { environment, log }: Context,
  { dryRun = false, leaveUnreadable = false }: { dryRun?: boolean; leaveUnreadable?: boolean },
): Promise<void> {
  const { rekey } = await import("../rekey/rekey");
  const config = parseConfig("rekey", environment);
  const oldKey = (await text(process.stdin)).trim();
  if (oldKey === "")
    throw new AgentError("standard input is empty: pass the previous secret key to it", ExitCode.BadInput);
  const { LANGFLOW_DATABASE_URL: databaseUrl, LANGFLOW_SECRET_KEY: currentKey } = config;
  await rekey({ databaseUrl, oldKey, currentKey, dryRun, leaveUnreadable, log });
}
