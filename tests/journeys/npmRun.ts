import { spawn } from "node:child_process";
import { join } from "node:path";

const ROOT = join(__dirname, "../..");

export interface Answer {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line as in the README, without a terminal. */
export function npmRun(line: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const child = spawn("npm", ["run", "-s", "fleet", "--", ...line], {
      cwd: ROOT,
      env: { ...process.env, NO_COLOR: "1", ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const written = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const)
      child[stream].on("data", (chunk) => {
        written[stream] += chunk;
      });
    child.on("error", reject);
    child.on("close", (exitCode) => resolve({ exitCode, ...written }));
  });
}

/** Parses stdout as one JSON document. Fails if stdout has less or more than one document. */
export function documentOf({ stdout, stderr }: Answer): { readonly verb?: string } {
  try {
    return JSON.parse(stdout);
  } catch (error) {
    throw new Error(`stdout is not one JSON document (${error}):\n${stdout}\nstderr:\n${stderr}`);
  }
}
