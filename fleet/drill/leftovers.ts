import { setTimeout as sleep } from "node:timers/promises";
import type { Backend } from "./backend";
import { LangFlow } from "./langflow";
import { clearUp } from "./ordinaryUser";

/** How long a LangFlow that has just been put back may take to answer. */
const PATIENCE_MS = 120_000;
const POLL_MS = 2_000;

/**
 * Takes away what a drill that died has made, in every region: none of them knows yet what the others were told last.
 *
 * @param patienceMs for each region
 * @returns where it could not be, and why, a line each
 */
export async function clearLeftovers(
  regions: readonly string[],
  backend: Backend,
  signal: AbortSignal,
  patienceMs = PATIENCE_MS,
): Promise<string[]> {
  const left: string[] = [];
  for (const region of regions) {
    const longest = Date.now() + patienceMs;
    const clear = async () => clearUp(new LangFlow(await backend.reach(region), { "x-api-key": backend.apiKey }));
    let trouble = await whyNot(clear);
    while (trouble !== undefined && !signal.aborted && Date.now() < longest) {
      await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
      trouble = await whyNot(clear);
    }
    if (trouble !== undefined) left.push(`what the drill made is still in ${region}, until the next drill: ${trouble}`);
  }
  return left;
}

const whyNot = (work: () => Promise<void>): Promise<string | undefined> =>
  work().then(
    () => undefined,
    (error: Error) => error.message,
  );
