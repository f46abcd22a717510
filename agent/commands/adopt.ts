import { parseConfig } from "../process/config";
import type { Context } from "../process/context";

/**
 * Gives the superuser its fleet-wide id, creates the database logins, and installs the schedules' fence. Idempotent.
 */
export async function adopt({ environment, log }: Context): Promise<void> {
  const { adopt } = await import("../adopt/adopt");
  const config = parseConfig("adopt", environment);
  const { LANGFLOW_DATABASE_URL: databaseUrl, LANGFLOW_SUPERUSER: superuser, AGENT_PROJECT: project } = config;
  await adopt({ databaseUrl, superuser, project, log });
  const { AGENT_SERVER_DATABASE_URL: server, AGENT_BACKUP_DATABASE_URL: backup } = config;
  if (server !== undefined && backup !== undefined) {
    const { provideLogins } = await import("../adopt/logins");
    await provideLogins(databaseUrl, { server, backup }, log);
  }
  if (config.AGENT_SCHEDULES_REGION === undefined) return;
  const { keepFromFiring } = await import("../schedules/beforeLangFlow");
  await keepFromFiring(databaseUrl, config.AGENT_REGION, config.AGENT_SCHEDULES_REGION);
}
