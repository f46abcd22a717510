import { SCHEMA } from "../langflow/storeSchema";
import { parseDatabaseUrl, withDatabase } from "../postgres/connection";
import { provideFence } from "./fence";

/** Of a pod that is about to be replaced, say. */
const LOCK_TIMEOUT_MS = 60_000;

/**
 * Before LangFlow serves: nothing fires that is not held. A hold without an end, which a backup brought back or a person
 * has given to another region since, is over.
 */
export async function keepFromFiring(databaseUrl: string, region: string, named: string): Promise<void> {
  await withDatabase(parseDatabaseUrl(databaseUrl), async (client) => {
    await client.query(`SET lock_timeout = ${LOCK_TIMEOUT_MS}`);
    if ((await provideFence(client)) && region !== named)
      await client.query(`UPDATE ${SCHEMA}.schedules SET holder = false WHERE until = 'infinity'`);
  });
}
