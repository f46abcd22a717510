import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Memory control groups of Linux, version 1 and version 2: the root, the file of a group's limit, and the file that
 * counts its OOM kills.
 */
const HIERARCHIES = [
  { root: "/sys/fs/cgroup/memory", limit: "memory.limit_in_bytes", events: "memory.oom_control" },
  { root: "/sys/fs/cgroup", limit: "memory.max", events: "memory.events" },
] as const;

const UNITS = { Ki: 1024, Mi: 1024 ** 2, Gi: 1024 ** 3, k: 1e3, M: 1e6, G: 1e9 } as const;

/** Returns the bytes of a Kubernetes quantity, or undefined if it is not in a known format. */
export function bytesOf(quantity: string): number | undefined {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)([KMG]i|[kMG])?$/.exec(quantity) ?? [];
  return number === undefined ? undefined : Math.floor(Number(number) * (UNITS[unit as keyof typeof UNITS] ?? 1));
}

let groups = 0;

/** A memory limit of a process and its descendants: the kernel kills processes above it, as in a container. */
export class MemoryLimit {
  private constructor(
    private readonly group: string,
    private readonly events: string,
    private readonly bytes: number,
  ) {}

  get mebibytes(): number {
    return Math.round(this.bytes / UNITS.Mi);
  }

  /** @returns undefined if this machine has no memory control groups, or this user may not create one */
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

  /** File to which a process writes its own id to join the group. */
  get members(): string {
    return join(this.group, "cgroup.procs");
  }

  /** Whether the kernel has killed a process of the group. */
  get hasKilled(): boolean {
    return Number(/^oom_kill (\d+)$/m.exec(readFileSync(join(this.group, this.events), "utf8"))?.[1] ?? 0) > 0;
  }

  /** Removes the group. Retries while an ending process still belongs to it. */
  remove(tries = 20): void {
    try {
      rmdirSync(this.group);
    } catch {
      if (tries > 0) setTimeout(() => this.remove(tries - 1), 100).unref();
    }
  }
}
