import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Installer } from "./installer";
import { ensureEnvironment } from "./pythonEnvironment";

/** Every package of the environment, each at one version: what `uv pip compile` made of requirements.in. */
const REQUIREMENTS = join(__dirname, "..", "requirements.txt");

/** The release of LangFlow that the lock file pins. */
export function pinnedLangFlow(): string {
  const pin = /^langflow-base==(\S+)/m.exec(readFileSync(REQUIREMENTS, "utf8"))?.[1];
  if (pin === undefined) throw new Error(`${REQUIREMENTS} does not pin langflow-base`);
  return pin;
}

/**
 * The folder of executables of a Python environment with LangFlow and moto, made the first time.
 *
 * @throws UserError where this machine has neither uv nor a python3 that can make it one
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
