import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Place, StageName } from "./moveInStages";

const REPOSITORY = join(__dirname, "../..");

/** What an import is at, in order; what is loaded or carried begins after its container has. */
export type KillStage = "packing" | "uploading" | StageName | "loading" | "carrying" | "uploads";

/** Those of the pod. */
const OF_POD: ReadonlySet<KillStage> = new Set<KillStage>([
  "begin",
  "migrate-source",
  "load",
  "loading",
  "migrate-newest",
  "carry",
  "carrying",
  "uploads",
]);

export interface GivenRun {
  /** URL of the source's database. */
  readonly from: string;
  /** The source's folder. */
  readonly config: string;
  readonly place: Place;
}

interface Reached {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly pid: number;
}

/** An import as `moveInRun.ts` makes it, in a process group of its own. */
export class KillableImport {
  /** Exit code; undefined where it was killed. */
  readonly ended: Promise<number | undefined>;
  readonly reached = new Map<KillStage, Reached>();
  said = "";
  /** When it ended, in milliseconds since 1970; undefined: it has not. */
  private endedAt: number | undefined;
  private readonly waiting = new Map<KillStage, (isReached: boolean) => void>();

  private constructor(private readonly child: ChildProcess) {
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.said += text;
    });
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    lines.on("line", (line) => {
      const [stage, pid] = line.split(" ");
      this.reached.set(stage as KillStage, { at: Date.now(), pid: Number(pid) });
      this.waiting.get(stage as KillStage)?.(true);
    });
    this.ended = new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => {
        this.endedAt = Date.now();
        for (const tell of this.waiting.values()) tell(false);
        resolve(code ?? undefined);
      });
    });
  }

  /** @param file holds a {@link GivenRun} */
  static start(file: string): KillableImport {
    const args = ["--require", "./typescript.cjs", "tests/live/moveInRun.ts", file];
    const environment = { ...process.env, NODE_NO_WARNINGS: "1" };
    const child = spawn(process.execPath, args, {
      cwd: REPOSITORY,
      env: environment,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    return new KillableImport(child);
  }

  /** @returns false where it ended without coming there: there was nothing left to do */
  async until(stage: KillStage): Promise<boolean> {
    if (this.reached.has(stage)) return true;
    return this.endedAt === undefined && new Promise<boolean>((resolve) => this.waiting.set(stage, resolve));
  }

  /**
   * SIGKILL to what is at a stage: the pod alone, of which the verb hears, or the verb with its pod.
   *
   * @returns false where it was over: its numbers may be another process's by now
   */
  kill(stage: KillStage, what: "pod" | "all"): boolean {
    if (this.endedAt !== undefined) return false;
    const { pid = 0 } = this.reached.get(stage) ?? {};
    if (what === "pod" && OF_POD.has(stage) && signalled(pid)) return true;
    return this.child.pid !== undefined && signalled(-this.child.pid);
  }

  /** Milliseconds that it was at a stage, until it came to the next one; at the last until it ended, or until now. */
  spent(stage: KillStage): number {
    const moments = [...this.reached.values()].map(({ at }) => at);
    const began = this.reached.get(stage)?.at ?? Number.NaN;
    return Math.min(this.endedAt ?? Date.now(), ...moments.filter((at) => at > began)) - began;
  }
}

/** @returns whether it was there */
function signalled(pid: number): boolean {
  try {
    process.kill(pid, "SIGKILL");
    return true;
  } catch {
    return false;
  }
}
