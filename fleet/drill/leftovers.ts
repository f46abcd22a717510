import { setTimeout as sleep } from "node:timers/promises";
import type { Backend } from "./backend";
import { LangFlow } from "./langflow";
import { DrillLock, type TakenAway } from "./lock";
import { clearUp } from "./ordinaryUser";

/** How long a LangFlow that has just been put back may take to answer. */
const PATIENCE_MS = 120_000;
const POLL_MS = 2_000;

/**
 * Puts back what a drill that died left taken away, and takes away what it made. Any checkout can: the fleet's buckets say what it is.
 *
 * @param report told what is under way, a line each
 * @param waits how long a living drill takes to renew its lock
 * @returns what was put back; `hasEnded` where there was no such drill
 * @throws UserError exit 11 where the drill lives
 */
export async function restoreLeft(
  regions: readonly string[],
  backend: Backend,
  { signal, report, waits }: { signal: AbortSignal; report(line: string): void; waits?: { deadMs: number } },
): Promise<{ readonly taken?: TakenAway; readonly hasEnded: boolean }> {
  report("looking whether the drill still runs");
  const lock = await DrillLock.inherit(backend.lockObject(), signal, waits);
  if (!lock) return { hasEnded: true };
  const { taken } = lock;
  try {
    if (taken) {
      report(`putting back: ${taken.fault} of ${taken.region}, taken away at ${taken.since}`);
      await backend.putBack(taken.fault, taken.region);
    }
  } catch (error) {
    lock.abandon();
    throw error;
  }
  for (const each of await clearLeftovers(regions, backend, signal)) report(each);
  await lock.release();
  return { ...(taken && { taken }), hasEnded: false };
}

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
