import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ensureUv } from "./uv";
import type { Workshop } from "./workshop";

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
 * An environment knows its own path, so it can't be made beside its place and then moved there. What says that it is
 * whole is a file written last; an environment without it is made anew.
 *
 * @throws UserError where this machine has neither uv nor a python3 that can make it one
 */
export async function ensureEnvironment(workshop: Workshop, environment: PythonEnvironment): Promise<string> {
  const digest = createHash("sha256").update(readFileSync(environment.lock, "utf8")).digest("hex").slice(0, 12);
  const folder = join(workshop.cache, `${environment.name}-${digest}`);
  const whole = join(folder, "whole");
  const bin = join(folder, "bin");
  if (existsSync(whole)) return bin;
  return workshop.exclusively(async () => {
    if (existsSync(whole)) return bin;
    rmSync(folder, { recursive: true, force: true });
    await withElapsed(workshop, environment.title, () => install(workshop, folder, environment));
    await workshop.run(join(bin, "python"), ["-c", environment.proof]);
    writeFileSync(whole, `${new Date().toISOString()}\n`);
    return bin;
  });
}

async function install(workshop: Workshop, folder: string, { lock, wantedBy }: PythonEnvironment): Promise<void> {
  const uv = await ensureUv(workshop, wantedBy);
  await workshop.run(uv, ["venv", "--quiet", "--python", PYTHONS, folder]);
  // From the cache of this user's other environments where uv is theirs; ours leaves none behind.
  const cache = uv === "uv" ? [] : ["--no-cache"];
  const python = join(folder, "bin", "python");
  // The live fleet's processes may not write beside the sources: uncompiled, each would compile them at each start.
  const install = ["pip", "install", "--quiet", "--compile-bytecode", ...cache];
  await workshop.run(uv, [...install, "--python", python, "--requirement", lock]);
}

/** Runs a phase that says little itself, while the time it takes is reported. */
export async function withElapsed<T>(workshop: Workshop, what: string, work: () => Promise<T>): Promise<T> {
  const start = Date.now();
  workshop.report(what);
  const tell = () => workshop.report(`${what}: ${Math.round((Date.now() - start) / 1000)} s`);
  const ticker = setInterval(tell, TICK_MS);
  try {
    return await work();
  } finally {
    clearInterval(ticker);
  }
}
