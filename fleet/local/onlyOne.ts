import { setTimeout as sleep } from "node:timers/promises";
import { ExitCode, UserError } from "../../model/errors";
import { type Claim, claim, Held } from "../../sandbox/directory";

const POLL_MS = 200;

/**
 * Waits until no other command changes a local fleet.
 *
 * @param lock the file that the one at work holds
 * @throws UserError exit 8 where it is interrupted while it waits
 */
export async function onlyOne(lock: string, report: (message: string) => void, signal: AbortSignal): Promise<Claim> {
  for (let told: number | undefined; ; ) {
    try {
      return claim(lock);
    } catch (error) {
      if (!(error instanceof Held)) throw error;
      if (told !== error.pid) report(`process ${error.pid} changes this fleet: waiting until it has ended`);
      told = error.pid;
    }
    await sleep(POLL_MS, undefined, { signal }).catch(() => {
      throw new UserError("interrupted while another command was at work; nothing was changed", ExitCode.Cancelled);
    });
  }
}
