import { hostname } from "node:os";
import { isRunning } from "../../sandbox/directory";

/**
 * Returns whether a process of this machine that no longer exists holds a self-managed backend's lock. Only such a lock
 * may be removed without confirmation.
 *
 * @param message the engine's message, "…locked by 1 lock(s)… created by user@host (pid 123) at …"
 */
export function isOrphanedLock(message: string, alive: (pid: number) => boolean = isRunning): boolean {
  const owners = [...message.matchAll(/created by \S+@(\S+) \(pid (\d+)\)/g)];
  return owners.length > 0 && owners.every(([, host, pid]) => host === hostname() && !alive(Number(pid)));
}
