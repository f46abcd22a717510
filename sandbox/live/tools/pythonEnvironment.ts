import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fillOnce, isWhole } from "./fillOnce";
import type { Installer } from "./installer";
import { ensureUv } from "./uv";

/** Python versions that our packages support and that the lock files cover. */
const PYTHONS = ">=3.11,<3.14";
const TICK_MS = 5_000;

/** A Python environment that contains exactly the packages of a lock file. */
export interface PythonEnvironment {
  /** First part of the folder's name. The rest is a digest of the lock file. */
  readonly name: string;
  /** Lock file with every package's version, compiled by `uv pip compile` from the `.in` file in the same folder. */
  readonly lock: string;
  /** Message during the installation. */
  readonly title: string;
  /**
   * Reason for the environment, which begins the error message if it is not available: "--live runs LangFlow, which".
   */
  readonly wantedBy: string;
  /** Python code that fails if the environment is incomplete. */
  readonly proof: string;
}

/**
 * Returns the folder of executables of a Python environment, which is created on first use.
 *
 * @throws UserError if this machine has neither uv nor a python3 that can create the environment
 */
export async function ensureEnvironment(installer: Installer, environment: PythonEnvironment): Promise<string> {
  const digest = createHash("sha256").update(readFileSync(environment.lock, "utf8")).digest("hex").slice(0, 12);
  const folder = join(installer.cache, `${environment.name}-${digest}`);
  const bin = join(folder, "bin");
  if (isWhole(folder)) return bin;
  await installer.exclusively(() =>
    fillOnce(folder, async () => {
      await withElapsed(installer, environment.title, () => install(installer, folder, environment));
      await installer.run(join(bin, "python"), ["-c", environment.proof]);
    }),
  );
  return bin;
}

async function install(installer: Installer, folder: string, { lock, wantedBy }: PythonEnvironment): Promise<void> {
  const uv = await ensureUv(installer, wantedBy);
  await installer.run(uv, ["venv", "--quiet", "--python", PYTHONS, folder]);
  // The user's own uv may use its package cache. Ours must not leave a cache behind.
  const cache = uv === "uv" ? [] : ["--no-cache"];
  // Compiles the packages now: the live fleet's processes may not write to the package folders and would otherwise
  // compile them at each start.
  const how = ["--quiet", "--compile-bytecode", ...cache, "--python", join(folder, "bin", "python")];
  await installer.run(uv, ["pip", "install", ...how, "--requirement", lock]);
}

/** Runs a phase that produces little output, and reports the elapsed time. */
export async function withElapsed<T>(installer: Installer, what: string, work: () => Promise<T>): Promise<T> {
  const start = Date.now();
  installer.report(what);
  const tell = () => installer.report(`${what}: ${Math.round((Date.now() - start) / 1000)} s`);
  const ticker = setInterval(tell, TICK_MS);
  try {
    return await work();
  } finally {
    clearInterval(ticker);
  }
}
