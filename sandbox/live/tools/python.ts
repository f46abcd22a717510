import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ExitCode, UserError } from "../../../model/errors";
import type { Workshop } from "./workshop";

/** Every package of the environment, each at one version: what `uv pip compile` made of requirements.in. */
const REQUIREMENTS = join(__dirname, "..", "requirements.txt");
/** The Pythons that langflow-base 1.13 is published for, less those the lock file was not made for. */
const OLDEST_PYTHON = [3, 11];
const TICK_MS = 5_000;

/** The release of LangFlow that the lock file pins. */
export function pinnedLangFlow(): string {
  const pin = /^langflow-base==(\S+)/m.exec(readFileSync(REQUIREMENTS, "utf8"))?.[1];
  if (pin === undefined) throw new Error(`${REQUIREMENTS} does not pin langflow-base`);
  return pin;
}

/**
 * The folder of executables of a Python environment with LangFlow and moto, made the first time.
 *
 * An environment knows its own path, so it can't be made beside its place and then moved there. What says that it is
 * whole is a file written last; an environment without it is made anew.
 *
 * @throws UserError where this machine has neither uv nor a Python that will do
 */
export async function ensurePython(workshop: Workshop): Promise<string> {
  const lock = readFileSync(REQUIREMENTS, "utf8");
  const folder = join(
    workshop.cache,
    `python-${pinnedLangFlow()}-${createHash("sha256").update(lock).digest("hex").slice(0, 12)}`,
  );
  const whole = join(folder, "whole");
  const bin = join(folder, "bin");
  if (existsSync(whole)) return bin;
  return workshop.exclusively(async () => {
    if (existsSync(whole)) return bin;
    rmSync(folder, { recursive: true, force: true });
    await withElapsed(workshop, `installing LangFlow ${pinnedLangFlow()} (1.5 GB, once)`, async () => {
      if (await uvRuns(workshop)) await installWithUv(workshop, folder);
      else await installWithPip(workshop, folder);
    });
    const said = await workshop.run(join(bin, "python"), [
      "-c",
      "import importlib.metadata as m, psycopg, psycopg2, asyncpg, aiobotocore, moto; print(m.version('langflow-base'))",
    ]);
    if (said !== pinnedLangFlow()) throw new Error(`installed LangFlow ${said} in place of ${pinnedLangFlow()}`);
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

async function installWithUv(workshop: Workshop, folder: string): Promise<void> {
  await workshop.run("uv", ["venv", "--quiet", "--python", `>=${OLDEST_PYTHON.join(".")},<3.14`, folder]);
  await workshop.run("uv", [
    "pip",
    "install",
    "--python",
    join(folder, "bin", "python"),
    "--requirement",
    REQUIREMENTS,
  ]);
}

async function installWithPip(workshop: Workshop, folder: string): Promise<void> {
  const said = await workshop.run("python3", ["-c", "import sys; print(*sys.version_info[:2])"]).catch(() => "");
  const [major = 0, minor = 0] = said.split(" ").map(Number);
  if (major !== OLDEST_PYTHON[0] || minor < (OLDEST_PYTHON[1] ?? 0))
    throw new UserError(
      `--live runs LangFlow, which needs uv or a python3 from ${OLDEST_PYTHON.join(".")} on; there is ${said === "" ? "neither" : `Python ${major}.${minor}`}`,
      ExitCode.BadInput,
    );
  await workshop.run("python3", ["-m", "venv", folder]);
  const pip = ["-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--requirement", REQUIREMENTS];
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
