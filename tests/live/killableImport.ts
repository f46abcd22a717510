import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Place, StageName } from "./moveInStages";

const REPOSITORY = join(__dirname, "../..");

/** Stages of an import, in order. Loading and carrying begin after their containers have started. */
export type KillStage = "packing" | "uploading" | StageName | "loading" | "carrying" | "uploads";

/** Stages that run in the pod. */
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
  /** Configuration folder of the source. */
  readonly config: string;
  readonly place: Place;
}

interface Reached {
  /** Time, in milliseconds since 1970. */
  readonly at: number;
  readonly pid: number;
}

/** An import by `moveInRun.ts`, in a separate process group. */
export class KillableImport {
  /** Exit code. Undefined if the import was killed. */
  readonly ended: Promise<number | undefined>;
  readonly reached = new Map<KillStage, Reached>();
  said = "";
  /** When the import ended, in milliseconds since 1970. Undefined while it runs. */
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

  /** @param file contains a {@link GivenRun} */
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

  /**
   * Waits for a stage. @returns false if the import ended without reaching the stage, because nothing was left to do
   */
  async until(stage: KillStage): Promise<boolean> {
    if (this.reached.has(stage)) return true;
    return this.endedAt === undefined && new Promise<boolean>((resolve) => this.waiting.set(stage, resolve));
  }

  /**
   * Sends SIGKILL to the process of a stage: only to the pod, whose end the verb notices, or to the verb with its pod.
   *
   * @returns false if the import has ended, because its process ids may have been reused
   */
  kill(stage: KillStage, what: "pod" | "all"): boolean {
    if (this.endedAt !== undefined) return false;
    const { pid = 0 } = this.reached.get(stage) ?? {};
    if (what === "pod" && OF_POD.has(stage) && signalled(pid)) return true;
    return this.child.pid !== undefined && signalled(-this.child.pid);
  }

  /** Returns how long the import was in a stage, in milliseconds: until the next stage, its end, or now. */
  spent(stage: KillStage): number {
    const moments = [...this.reached.values()].map(({ at }) => at);
    const began = this.reached.get(stage)?.at ?? Number.NaN;
    return Math.min(this.endedAt ?? Date.now(), ...moments.filter((at) => at > began)) - began;
  }
}

/** @returns whether the process existed */
function signalled(pid: number): boolean {
  try {
    process.kill(pid, "SIGKILL");
    return true;
  } catch {
    return false;
  }
}
