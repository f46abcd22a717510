import { installerWith } from "../../fleet/local/installer";
import { ensureTools } from "../../sandbox/live/tools/ensureTools";
import { ensureObservers } from "../../sandbox/live/tools/observers";

/** On a new machine LangFlow, its servers and what watches them take minutes to get: no test waits for that, or counts it in. */
export default async function installTools(): Promise<void> {
  const installer = installerWith((message) => console.error(message), new AbortController().signal);
  await ensureTools(installer);
  // Where they can't be had the test that needs them says so, and the others need none.
  await ensureObservers(installer).catch((error: Error) => console.error(error.message));
}
