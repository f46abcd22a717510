import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ExitCode, UserError } from "../../../model/errors";
import type { Workshop } from "./workshop";

/** The Pythons that what we install is published for, less those the lock files were not made for. */
const OLDEST_PYTHON = [3, 11];
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
 * @throws UserError where this machine has neither uv nor a Python that will do
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
    await withElapsed(workshop, environment.title, async () => {
      if (await uvRuns(workshop)) await installWithUv(workshop, folder, environment);
      else await installWithPip(workshop, folder, environment);
    });
    await workshop.run(join(bin, "python"), ["-c", environment.proof]);
    writeFileSync(whole, `${new Date().toISOString()}\n`);
    return bin;
  });
}

async function uvRuns(workshop: Workshop): Promise<boolean> {
  return workshop.run("uv", ["--version"]).then(
    () => true,
    () => false,
  );
}

async function installWithUv(workshop: Workshop, folder: string, { lock }: PythonEnvironment): Promise<void> {
  await workshop.run("uv", ["venv", "--quiet", "--python", `>=${OLDEST_PYTHON.join(".")},<3.14`, folder]);
  await workshop.run("uv", ["pip", "install", "--python", join(folder, "bin", "python"), "--requirement", lock]);
}

async function installWithPip(
  workshop: Workshop,
  folder: string,
  { lock, wantedBy }: PythonEnvironment,
): Promise<void> {
  const said = await workshop.run("python3", ["-c", "import sys; print(*sys.version_info[:2])"]).catch(() => "");
  const [major = 0, minor = 0] = said.split(" ").map(Number);
  if (major !== OLDEST_PYTHON[0] || minor < (OLDEST_PYTHON[1] ?? 0))
    throw new UserError(
      `${wantedBy} needs uv or a python3 from ${OLDEST_PYTHON.join(".")} on; there is ${said === "" ? "neither" : `Python ${major}.${minor}`}`,
      ExitCode.BadInput,
    );
  await workshop.run("python3", ["-m", "venv", folder]);
  const pip = ["-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--requirement", lock];
  await workshop.run(join(folder, "bin", "python"), pip);
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
