import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fillOnce, isWhole } from "./fillOnce";
import type { Installer } from "./installer";
import { ensureUv } from "./uv";

/** The Pythons that what we install is published for, less those the lock files were not made for. */
const PYTHONS = ">=3.11,<3.14";
const TICK_MS = 5_000;

/** A Python environment: what a lock file names, and nothing else. */
export interface PythonEnvironment {
  /** First part of its folder's name; the rest is a digest of the lock file. */
  readonly name: string;
  /** Every package at one version: what `uv pip compile` made of the `.in` file beside it. */
  readonly lock: string;
  /** Shown while it is installed. */
  readonly title: string;
  /** Who asks for it, in the message on a machine where it can't be had: "--live runs LangFlow, which". */
  readonly wantedBy: string;
  /** Python that fails where the environment is not whole. */
  readonly proof: string;
}

/**
 * The folder of executables of a Python environment, made the first time.
 *
 * @throws UserError where this machine has neither uv nor a python3 that can make it one
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
  // From the cache of this user's other environments where uv is theirs; ours leaves none behind.
  const cache = uv === "uv" ? [] : ["--no-cache"];
  // The live fleet's processes may not write beside the sources: uncompiled, each would compile them at each start.
  const how = ["--quiet", "--compile-bytecode", ...cache, "--python", join(folder, "bin", "python")];
  await installer.run(uv, ["pip", "install", ...how, "--requirement", lock]);
}

/** Runs a phase that says little itself, while the time it takes is reported. */
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
