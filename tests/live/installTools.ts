import { installer } from "../../fleet/local/installer";
import { ensureTools } from "../../sandbox/live/tools/ensureTools";

/** On a new machine LangFlow and its servers take minutes to install: no test waits for them, or counts them in. */
export default async function installTools(): Promise<void> {
  await ensureTools(installer((message) => console.error(message), new AbortController().signal));
}
