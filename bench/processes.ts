import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

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

/** Where Linux keeps control groups of memory, with the name of a group's limit: version 1, then version 2. */
const CONTROL_GROUPS = [
  ["/sys/fs/cgroup/memory", "memory.limit_in_bytes"],
  ["/sys/fs/cgroup", "memory.max"],
] as const;

/**
 * Puts a process, and all that it starts from now on, into a control group of so much memory: the kernel kills what takes more.
 * The group goes with this process.
 *
 * @throws Error where this machine does not let it
 */
export function limitMemory(pid: number, megabytes: number): void {
  const [root, limit] = CONTROL_GROUPS.find(([folder]) => existsSync(join(folder, "cgroup.procs"))) ?? [];
  if (!root) throw new Error("this machine has no control groups of memory");
  const group = join(root, `langflow-dr-bench-${pid}`);
  mkdirSync(group);
  process.once("exit", () => {
    // A process that ends at this moment still counts: the group is then empty, and in nobody's way.
    if (readFileSync(join(group, "cgroup.procs"), "utf8") === "") rmdirSync(group);
  });
  writeFileSync(join(group, limit), String(megabytes * 1024 * 1024));
  writeFileSync(join(group, "cgroup.procs"), String(pid));
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
