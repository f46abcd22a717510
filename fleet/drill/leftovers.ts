import { setTimeout as sleep } from "node:timers/promises";
import type { Backend } from "./backend";
import { LangFlow } from "./langflow";
import { DrillLock, type TakenAway } from "./lock";
import { clearUp } from "./ordinaryUser";

/** Maximum time for a LangFlow that has just been restored to answer. */
const PATIENCE_MS = 120_000;
const POLL_MS = 2_000;

/**
 * Restores what a crashed drill left offline and deletes the objects that the drill created. Works from any checkout,
 * because the drill lock in the fleet's bucket records the fault.
 *
 * @param report called with progress, one line at a time
 * @param waits how long a running drill may take to renew its lock
 * @returns the restored fault, if any; `hasEnded` is true if no drill held the lock
 * @throws UserError exit 11 if the drill is still running
 */
export async function restoreLeft(
  regions: readonly string[],
  backend: Backend,
  { signal, report, waits }: { signal: AbortSignal; report(line: string): void; waits?: { deadMs: number } },
): Promise<{ readonly taken?: TakenAway; readonly hasEnded: boolean }> {
  report("checking whether the drill is still running");
  const lock = await DrillLock.inherit(backend.lockObject(), signal, waits);
  if (!lock) return { hasEnded: true };
  const { taken } = lock;
  try {
    if (taken) {
      report(`removing the fault: ${taken.fault} of ${taken.region}, injected at ${taken.since}`);
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
 * Deletes what a crashed drill created, in every region. Replication cannot be relied on here, because a region may not
 * have received the last changes yet.
 *
 * @param patienceMs time limit for each region
 * @returns one line for each region in which deleting failed, with the reason
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
    if (trouble !== undefined)
      left.push(`the drill's test data is still in ${region}; the next drill deletes it: ${trouble}`);
  }
  return left;
}

const whyNot = (work: () => Promise<void>): Promise<string | undefined> =>
  work().then(
    () => undefined,
    (error: Error) => error.message,
  );
