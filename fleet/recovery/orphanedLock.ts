import { hostname } from "node:os";
import { isRunning } from "../../sandbox/directory";

/**
 * Whether a self-managed backend's lock was left by a process of this machine that is gone: then, and only then, it
 * may be broken without asking.
 *
 * @param message the engine's words, "…locked by 1 lock(s)… created by user@host (pid 123) at …"
 */
export function isOrphanedLock(message: string, alive: (pid: number) => boolean = isRunning): boolean {
  const owners = [...message.matchAll(/created by \S+@(\S+) \(pid (\d+)\)/g)];
  return owners.length > 0 && owners.every(([, host, pid]) => host === hostname() && !alive(Number(pid)));
}
