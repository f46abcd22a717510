import { join } from "node:path";
import { ExitCode, UserError } from "../../model/errors";
import type { Installer } from "../../sandbox/live/tools/installer";
import { engineCache, exclusively } from "../engine/cache";
import { run } from "../engine/run";

/**
 * Returns the installer for the live fleet's tools. The tools are cached next to the engine, installed by one process
 * at a time, and reported with progress.
 */
export function installerWith(report: (message: string) => void, signal: AbortSignal): Installer {
  const cache = join(engineCache(), "..", "live");
  const interruptible = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (!signal.aborted) throw error;
      throw new UserError(
        "interrupted during tool installation; the next run reinstalls what is incomplete",
        ExitCode.Cancelled,
      );
    }
  };
  return {
    cache,
    exclusively: (work) =>
      interruptible(() =>
        exclusively(cache, work, () => report("waiting for a different process to finish the installation"), signal),
      ),
    run: (command, args, onLine) => interruptible(() => run(command, args, { signal, onLine })),
    report,
  };
}
