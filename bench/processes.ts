import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { MemoryLimit } from "../sandbox/live/process/memoryLimit";

/** Of `/proc/<pid>/stat`, the same on every machine that Node runs on. */
const TICKS_PER_SECOND = 100;

/** Seconds of processor time that a process used by itself, without the programs it started. */
export function processorSeconds(pid: number): number {
  const [, , , , , , , , , , , user, system] = fieldsOf(pid);
  return (Number(user) + Number(system)) / TICKS_PER_SECOND;
}

/** Resident memory of a process and all below it, MB. */
export function residentMegabytes(root: number): number {
  const parents = new Map(processes().map((pid) => [pid, Number(fieldsOf(pid)[1])]));
  const isBelow = (pid: number | undefined): boolean =>
    pid !== undefined && (pid === root || isBelow(parents.get(pid)));
  return [...parents.keys()].filter(isBelow).reduce((total, pid) => total + megabytes(pid, "VmRSS"), 0);
}

/** Greatest resident memory of a process since it started, MB. */
export const peakMegabytes = (pid: number): number => megabytes(pid, "VmHWM");

/**
 * Puts a process, and all that it starts from now on, into a control group of so much memory: the kernel kills what takes more.
 * The group goes with this process.
 *
 * @throws Error where this machine does not let it
 */
export function limitMemory(pid: number, megabytes: number): void {
  const limit = MemoryLimit.of(megabytes * 1024 * 1024);
  if (!limit) throw new Error("this machine has no control groups of memory, or lets only root make them");
  process.once("exit", () => limit.remove(0));
  writeFileSync(limit.members, String(pid));
}

/** From the state on: what comes before it may hold blanks. */
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

/** Empty where it has ended meanwhile. */
function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
