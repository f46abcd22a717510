import { installerWith } from "../../fleet/local/installer";
import { ensureTools } from "../../sandbox/live/tools/ensureTools";
import { ensureObservers } from "../../sandbox/live/tools/observers";

/**
 * Installs LangFlow, its servers and the monitoring programs before the tests. On a new machine this takes minutes,
 * which would count towards a test's timeout.
 */
export default async function installTools(): Promise<void> {
  const installer = installerWith((message) => console.error(message), new AbortController().signal);
  await ensureTools(installer);
  // If a program is not available, only the test that needs it reports that.
  await ensureObservers(installer).catch((error: Error) => console.error(error.message));
}
