import { installer } from "../../fleet/local/installer";
import { ensureTools } from "../../sandbox/live/tools/ensureTools";
import { ensureObservers } from "../../sandbox/live/tools/observers";

/** On a new machine LangFlow, its servers and what watches them take minutes to get: no test waits for that, or counts it in. */
export default async function installTools(): Promise<void> {
  const workshop = installer((message) => console.error(message), new AbortController().signal);
  await ensureTools(workshop);
  // Where they can't be had the test that needs them says so, and the others need none.
  await ensureObservers(workshop).catch((error: Error) => console.error(error.message));
}
