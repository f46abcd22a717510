import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { MemoryLimit } from "../sandbox/live/process/memoryLimit";

/** Clock ticks per second in `/proc/<pid>/stat`, which is the same on every machine that Node supports. */
const TICKS_PER_SECOND = 100;

/** Returns the processor time of a process without its child processes, in seconds. */
export function processorSeconds(pid: number): number {
  const [, , , , , , , , , , , user, system] = fieldsOf(pid);
  return (Number(user) + Number(system)) / TICKS_PER_SECOND;
}

/** Returns the resident memory of a process and all its descendants, in megabytes. */
export function residentMegabytes(root: number): number {
  const parents = new Map(processes().map((pid) => [pid, Number(fieldsOf(pid)[1])]));
  const isBelow = (pid: number | undefined): boolean =>
    pid !== undefined && (pid === root || isBelow(parents.get(pid)));
  return [...parents.keys()].filter(isBelow).reduce((total, pid) => total + megabytes(pid, "VmRSS"), 0);
}

/** Returns the peak resident memory of a process since its start, in megabytes. */
export const peakMegabytes = (pid: number): number => megabytes(pid, "VmHWM");

/**
 * Moves a process into a new control group with a memory limit that also applies to its future children. The kernel
 * kills
 * processes that exceed the limit. The group is removed when this process exits.
 *
 * @throws Error if this machine does not allow it
 */
export function limitMemory(pid: number, megabytes: number): void {
  const limit = MemoryLimit.of(megabytes * 1024 * 1024);
  if (!limit) throw new Error("this machine has no memory control groups, or lets only root create them");
  process.once("exit", () => limit.remove(0));
  writeFileSync(limit.members, String(pid));
}

/** Returns the fields of `/proc/<pid>/stat` from the state on, because the name before it may contain spaces. */
function fieldsOf(pid: number): string[] {
  const stat = read(pid, "stat");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

function megabytes(pid: number, what: string): number {
  return Number(new RegExp(`^${what}:\\s+(\\d+)`, "m").exec(read(pid, "status"))?.[1] ?? 0) / 1024;
}

function processes(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Returns the content of a file in `/proc/<pid>`, or an empty string if the process has exited. */
function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
