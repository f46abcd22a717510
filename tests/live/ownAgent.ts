import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildSync } from "esbuild";
import type { MemoryLimit } from "../../sandbox/live/process/memoryLimit";
import { until } from "./langflowApi";
import { environOf, type LiveFleet } from "./liveFleet";

const ROOT = join(__dirname, "../..");

/** The agent bundled into one file, as in its image. It starts several times as fast as the sources. */
export class AgentBundle {
  private readonly folder = mkdtempSync(join(tmpdir(), "agent-"));
  readonly file = join(this.folder, "agent.js");

  constructor() {
    buildSync({
      entryPoints: [join(ROOT, "agent/main.ts")],
      bundle: true,
      platform: "node",
      target: "node20",
      external: ["pg-native"],
      outfile: this.file,
      logLevel: "error",
    });
  }

  /** Creates a folder that is deleted with the bundle. */
  stateDir(name: string): string {
    return mkdtempSync(join(this.folder, `${name}-`));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Returns the environment of a region's own agent, except its ports. */
export async function environmentOfAgent(fleet: LiveFleet, region: string): Promise<Record<string, string>> {
  const { pid } = await fleet.process(region, "flow-sync");
  const { AGENT_WEBHOOK_SECRET: _, ...environment } = environOf(pid);
  return { ...environment, AGENT_METRICS_PORT: "0", AGENT_INTERVAL_SECONDS: "1", NODE_NO_WARNINGS: "1" };
}

/** A flow agent that a test starts and ends itself. */
export class OwnAgent {
  /** Output so far. */
  log = "";
  private readonly child: ChildProcess;
  private readonly over: Promise<unknown>;

  constructor(
    { file }: AgentBundle,
    environment: Record<string, string>,
    { command = "sync", limit }: { command?: string; limit?: MemoryLimit } = {},
  ) {
    const agent = [process.execPath, file, command];
    const [program = "", ...args] = limit ? ["sh", "-c", 'echo $$ >"$0" && exec "$@"', limit.members, ...agent] : agent;
    this.child = spawn(program, args, { env: environment, stdio: ["ignore", "pipe", "inherit"] });
    this.child.stdout?.on("data", (chunk) => {
      this.log += chunk;
    });
    this.over = new Promise((resolve) => this.child.once("close", resolve));
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  says(text: string): Promise<number> {
    return until(`an agent says "${text}"`, async () => this.log.includes(text));
  }

  /** Waits for the end and returns the signal that ended the agent, or its exit code. */
  async ended(): Promise<string> {
    await this.over;
    return String(this.child.signalCode ?? this.child.exitCode);
  }

  async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    this.child.kill(signal);
    await this.over;
  }
}
