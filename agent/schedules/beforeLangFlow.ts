import { SCHEMA } from "../../formats/tables/agentSchema";
import { parseDatabaseUrl, withDatabase } from "../postgres/connection";
import { provideFence } from "./fence";

/** Maximum wait for the lock, which a pod that is about to be replaced may hold. */
const LOCK_TIMEOUT_MS = 60_000;

/**
 * Installs the fence before LangFlow starts, so that schedules fire only in the holder's region. Ends a lease without
 * expiry that a backup restored, or that has since been handed over to a different region.
 */
export async function keepFromFiring(databaseUrl: string, region: string, named: string): Promise<void> {
  await withDatabase(parseDatabaseUrl(databaseUrl), async (client) => {
    await client.query(`SET lock_timeout = ${LOCK_TIMEOUT_MS}`);
    if ((await provideFence(client)) && region !== named)
      await client.query(`UPDATE ${SCHEMA}.schedules SET holder = false WHERE until = 'infinity'`);
  });
}
