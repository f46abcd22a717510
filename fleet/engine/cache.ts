import { randomUUID } from "node:crypto";
import * as fs from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cancelled } from "./run";

/** How often the holder of the lock shows that it lives. */
const HEARTBEAT_MS = 2_000;
/** A lock that was not touched for so long belongs to a process that died. */
const ABANDONED_MS = 20_000;
const POLL_MS = 500;

const PARTIAL = ".partial-";

/**
 * Where engines are kept, a folder per version, outside any checkout: `<XDG_CACHE_HOME or ~/.cache>/langflow-dr/engine`.
 * XDG says that a relative XDG_CACHE_HOME is to be ignored.
 */
export function engineCache(env: NodeJS.ProcessEnv = process.env, home: string = os.homedir()): string {
  const xdg = env.XDG_CACHE_HOME;
  const cacheHome = xdg !== undefined && path.isAbsolute(xdg) ? xdg : path.join(home, ".cache");
  return path.join(cacheHome, "langflow-dr", "engine");
}

/** The CLI inside one engine's folder, laid out as the vendor's installer lays it out. */
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
 * Lets `make` fill an empty folder and moves it to `<cache>/<version>` in one step once it is whole: there is never a
 * half engine under the final name. Whatever goes wrong, the half one is removed.
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
 * Runs `work` while no other process does so for the same cache; waits for the other one otherwise.
 *
 * Two waiters that find an abandoned lock in the same instant may both take it; then the engine is made twice, and
 * since it is published in one step the second replaces the first by its equal.
 *
 * @param waiting told once when another process holds the lock
 * @throws UserError with `ExitCode.Cancelled` when `signal` fires while waiting
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

/** Under the lock, a partial folder can only be what a killed process left. */
async function sweep(cache: string): Promise<void> {
  const entries = await fs.readdir(cache);
  await Promise.all(
    entries
      .filter((name) => name.startsWith(PARTIAL))
      .map((name) => fs.rm(path.join(cache, name), { recursive: true, force: true })),
  );
}
