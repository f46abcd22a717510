import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Where Linux keeps control groups of memory: the file of a group's limit, and that of its kills. Version 1, then version 2. */
const HIERARCHIES = [
  { root: "/sys/fs/cgroup/memory", limit: "memory.limit_in_bytes", events: "memory.oom_control" },
  { root: "/sys/fs/cgroup", limit: "memory.max", events: "memory.events" },
] as const;

const UNITS = { Ki: 1024, Mi: 1024 ** 2, Gi: 1024 ** 3, k: 1e3, M: 1e6, G: 1e9 } as const;

/** Bytes of a Kubernetes quantity; undefined where it is none that is known here. */
export function bytesOf(quantity: string): number | undefined {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)([KMG]i|[kMG])?$/.exec(quantity) ?? [];
  return number === undefined ? undefined : Math.floor(Number(number) * (UNITS[unit as keyof typeof UNITS] ?? 1));
}

let groups = 0;

/** A limit on the memory of a process and all that it starts: the kernel kills what takes more, as in a container. */
export class MemoryLimit {
  private constructor(
    private readonly group: string,
    private readonly events: string,
    private readonly bytes: number,
  ) {}

  get mebibytes(): number {
    return Math.round(this.bytes / UNITS.Mi);
  }

  /** @returns undefined where this machine has no control groups of memory, or this user may not make one */
  static of(bytes: number): MemoryLimit | undefined {
    const found = HIERARCHIES.find(({ root }) => existsSync(join(root, "cgroup.procs")));
    if (!found) return undefined;
    const group = join(found.root, `langflow-dr-${process.pid}-${++groups}`);
    try {
      mkdirSync(group);
    } catch {
      return undefined;
    }
    const limit = new MemoryLimit(group, found.events, bytes);
    try {
      writeFileSync(join(group, found.limit), String(bytes));
    } catch {
      limit.remove();
      return undefined;
    }
    return limit;
  }

  /** The file into which a process writes its own id to be limited. */
  get members(): string {
    return join(this.group, "cgroup.procs");
  }

  /** Whether the kernel killed one of its processes. */
  get hasKilled(): boolean {
    return Number(/^oom_kill (\d+)$/m.exec(readFileSync(join(this.group, this.events), "utf8"))?.[1] ?? 0) > 0;
  }

  /** Once its processes have ended: one that is about to still counts, and is waited for. */
  remove(tries = 20): void {
    try {
      rmdirSync(this.group);
    } catch {
      if (tries > 0) setTimeout(() => this.remove(tries - 1), 100).unref();
    }
  }
}
