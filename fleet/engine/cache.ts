import { randomUUID } from "node:crypto";
import * as fs from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cancelled } from "./run";

/** Interval at which the lock's holder touches the lock. */
const HEARTBEAT_MS = 2_000;
/** A lock that was not touched for this time belongs to a process that died. */
const ABANDONED_MS = 20_000;
const POLL_MS = 500;

const PARTIAL = ".partial-";

/**
 * Returns the folder that contains one folder per engine version, outside of any checkout: `<XDG_CACHE_HOME or
 * ~/.cache>/langflow-dr/engine`. Ignores a relative XDG_CACHE_HOME, as the XDG specification requires.
 */
export function engineCache(env: NodeJS.ProcessEnv = process.env, home: string = os.homedir()): string {
  const xdg = env.XDG_CACHE_HOME;
  const cacheHome = xdg !== undefined && path.isAbsolute(xdg) ? xdg : path.join(home, ".cache");
  return path.join(cacheHome, "langflow-dr", "engine");
}

/** Returns the path of the CLI in an engine's folder, which has the same layout as the official installer's. */
export function cliIn(folder: string): string {
  return path.join(folder, "bin", "pulumi");
}

export async function isExecutable(file: string): Promise<boolean> {
  return fs.access(file, fs.constants.X_OK).then(
    () => true,
    () => false,
  );
}

/**
 * Lets `make` fill an empty folder and atomically renames the folder to `<cache>/<version>`. The final name therefore
 * never contains a partial engine. Deletes the partial folder on failure.
 */
export async function publish(cache: string, version: string, make: (folder: string) => Promise<void>): Promise<void> {
  const folder = path.join(cache, `${PARTIAL}${randomUUID()}`);
  await fs.mkdir(folder, { recursive: true });
  try {
    await make(folder);
    const final = path.join(cache, version);
    await fs.rm(final, { recursive: true, force: true });
    await fs.rename(folder, final);
  } finally {
    await fs.rm(folder, { recursive: true, force: true });
  }
}

/**
 * Runs `work` under the cache's lock and waits while a different process holds the lock.
 *
 * Two waiting processes that detect an abandoned lock at the same instant may both take it. In this case both install
 * the engine, and the second installation atomically replaces the first with an identical one.
 *
 * @param waiting called once if a different process holds the lock
 * @throws UserError with `ExitCode.Cancelled` if `signal` aborts while waiting
 */
export async function exclusively<T>(
  cache: string,
  work: () => Promise<T>,
  waiting: () => void = () => undefined,
  signal?: AbortSignal,
): Promise<T> {
  const lock = path.join(cache, ".lock");
  await fs.mkdir(cache, { recursive: true });
  let told = false;
  while (!(await take(lock))) {
    if (!told) waiting();
    told = true;
    await sleep(POLL_MS, undefined, { signal }).catch(() => {
      throw cancelled();
    });
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    fs.utimes(lock, now, now).catch(() => undefined);
  }, HEARTBEAT_MS);
  try {
    await sweep(cache);
    return await work();
  } finally {
    clearInterval(heartbeat);
    await fs.rm(lock, { force: true });
  }
}

async function take(lock: string): Promise<boolean> {
  try {
    await fs.writeFile(lock, `${process.pid}\n`, { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const held = await fs.stat(lock).catch(() => undefined);
  if (held !== undefined && Date.now() - held.mtimeMs > ABANDONED_MS) await fs.rm(lock, { force: true });
  return false;
}

/** Deletes partial folders. Because the lock is held, they can only be leftovers of killed processes. */
async function sweep(cache: string): Promise<void> {
  const entries = await fs.readdir(cache);
  await Promise.all(
    entries
      .filter((name) => name.startsWith(PARTIAL))
      .map((name) => fs.rm(path.join(cache, name), { recursive: true, force: true })),
  );
}
