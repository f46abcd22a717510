import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Installer } from "./installer";
import { ensureEnvironment } from "./pythonEnvironment";

/**
 * Lock file with the version of every package of the environment, compiled from requirements.in by `uv pip compile`.
 */
const REQUIREMENTS = join(__dirname, "..", "requirements.txt");

/** Returns the LangFlow release that the lock file pins. */
export function pinnedLangFlow(): string {
  const pin = /^langflow-base==(\S+)/m.exec(readFileSync(REQUIREMENTS, "utf8"))?.[1];
  if (pin === undefined) throw new Error(`${REQUIREMENTS} does not pin langflow-base`);
  return pin;
}

/**
 * Returns the folder of executables of a Python environment with LangFlow and moto, which is created on first use.
 *
 * @throws UserError if this machine has neither uv nor a python3 that can create the environment
 */
export function ensurePython(installer: Installer): Promise<string> {
  return ensureEnvironment(installer, {
    name: `python-${pinnedLangFlow()}`,
    lock: REQUIREMENTS,
    title: `installing LangFlow ${pinnedLangFlow()} (2 GB, once)`,
    wantedBy: "--live runs LangFlow, which",
    proof:
      "import importlib.metadata as m, psycopg, psycopg2, asyncpg, aiobotocore, moto; " +
      `assert m.version('langflow-base') == '${pinnedLangFlow()}'`,
  });
}
