import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ExitCode, UserError } from "../../model/errors";
import { Held, type HeldLock, takeLock } from "../../sandbox/directory";

const POLL_MS = 200;

/**
 * Runs `work` under a local fleet's lock. Waits if a different command is changing the fleet. On the clouds, the
 * backend locks each stack instead.
 *
 * @param directory folder of the fleet
 * @throws UserError exit 8 if it is interrupted while waiting
 */
export async function onlyOne<T>(
  directory: string,
  report: (message: string) => void,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  const hold = await held(join(resolve(directory), "change.lock"), report, signal);
  try {
    return await work();
  } finally {
    hold.release();
  }
}

async function held(lock: string, report: (message: string) => void, signal: AbortSignal): Promise<HeldLock> {
  for (let told: number | undefined; ; ) {
    try {
      return takeLock(lock);
    } catch (error) {
      if (!(error instanceof Held)) throw error;
      if (told !== error.pid) report(`process ${error.pid} is changing this fleet: waiting for it to finish`);
      told = error.pid;
    }
    await sleep(POLL_MS, undefined, { signal }).catch(() => {
      throw new UserError(
        "interrupted while waiting for another command to end; nothing was changed",
        ExitCode.Cancelled,
      );
    });
  }
}
