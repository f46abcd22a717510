import { createHash } from "node:crypto";
import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ExitCode, UserError } from "../model/errors";
import { version } from "../package.json";

/** Content of a running daemon's `server.json`. */
export interface ServerFile {
  readonly pid: number;
  /** Base URL of the daemon: http://127.0.0.1:port. */
  readonly url: string;
  /** {@link codeVersion} of the code that the daemon runs. */
  readonly version: string;
}

/**
 * Returns the project's version and a hash of a daemon's code, so that clients detect a daemon that runs different
 * code. A release's code does not change, so its version suffices.
 *
 * @param daemon `live` hashes all code in this folder; `cloud` leaves out the live fleet's, which the cloud never uses
 */
export function codeVersion(daemon: "cloud" | "live" = "cloud"): string {
  if (__filename.endsWith(".js")) return version;
  const hash = createHash("sha256");
  for (const file of readdirSync(__dirname, { recursive: true, encoding: "utf8" }).sort())
    if (/\.(ts|json|sh|txt)$/.test(file) && (daemon === "live" || !file.startsWith("live")))
      hash.update(file).update(readFileSync(join(__dirname, file)));
  return `${version}+${hash.digest("hex").slice(0, 12)}`;
}

/** Returns the paths of the files in a local cloud's directory. */
export function filesIn(directory: string) {
  return {
    server: join(directory, "server.json"),
    lock: join(directory, "server.lock"),
    log: join(directory, "server.log"),
    /**
     * Token that authorizes reading secret values. Everyone who can read this file can also read the resources' files.
     */
    secretsToken: join(directory, "secrets.token"),
    resources: join(directory, "resources"),
  };
}

export function readServerFile(directory: string): ServerFile | undefined {
  try {
    return JSON.parse(readFileSync(filesIn(directory).server, "utf8")) as ServerFile;
  } catch {
    return undefined; // The file is missing or incomplete, so no daemon serves this directory.
  }
}

/**
 * Whether the daemon of a server file answers, as opposed to a different process that has taken over its port. Asks a
 * second time if the first request fails, because a kept-alive connection may have been closed.
 */
export async function answers({ url, pid }: ServerFile, timeoutMs: number): Promise<boolean> {
  for (let attempt = 1; ; attempt++)
    try {
      const health = await fetch(`${url}/health`, { signal: AbortSignal.timeout(timeoutMs) });
      return ((await health.json()) as { pid?: number }).pid === pid;
    } catch {
      if (attempt === 2) return false;
    }
}

/** A lock that this process holds. */
export interface HeldLock {
  /** Returns false once the lock file is deleted or belongs to a different process. */
  holds(): boolean;
  release(): void;
}

/** A running process already holds the lock. */
export class Held extends Error {
  constructor(
    readonly pid: number,
    lock: string,
  ) {
    super(`process ${pid} holds ${lock}`);
  }
}

/**
 * Acquires an exclusive lock file. Takes over the lock of a dead process.
 *
 * @throws Held if a running process holds the lock
 * @throws UserError exit 2 if the path is a folder
 */
export function takeLock(lock: string): HeldLock {
  mkdirSync(dirname(lock), { recursive: true });
  const mine = `${lock}.${process.pid}`;
  const identity = identityOf(process.pid);
  const holds = () => contentOf(lock) === identity;
  writeFileSync(mine, identity);
  try {
    for (let attempt = 0; attempt < 3; attempt++) {
      if (statSync(lock, { throwIfNoEntry: false })?.isDirectory())
        throw new UserError(`${lock} is a folder, but must be a file: move it away`, ExitCode.BadInput);
      if (linked(mine, lock)) return { holds, release: () => holds() && rmSync(lock, { force: true }) };
      const holder = contentOf(lock);
      if (holder !== undefined && isAlive(holder)) throw new Held(Number(holder.split(" ")[0]), lock);
      discard(lock, holder);
    }
    throw new Error(`${lock} cannot be acquired: other processes keep taking it`);
  } finally {
    rmSync(mine, { force: true });
  }
}

/** Removes a dead process's lock, and puts the lock back if a different process has acquired it meanwhile. */
function discard(lock: string, expected: string | undefined): void {
  const aside = `${lock}.${process.pid}.stale`;
  try {
    renameSync(lock, aside);
  } catch {
    return; // A different process removed the lock first.
  }
  if (contentOf(aside) !== expected) linked(aside, lock);
  rmSync(aside, { force: true });
}

/** Creates a hard link atomically. Returns false if the new name exists. */
export function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/**
 * Returns the process id with its start time, so that a later process with the same id is not mistaken for this one.
 */
function identityOf(pid: number): string {
  const stat = contentOf(`/proc/${pid}/stat`);
  const started = stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  return started === undefined ? `${pid}` : `${pid} ${started}`;
}

function isAlive(identity: string): boolean {
  const pid = Number(identity.split(" ")[0]);
  return isRunning(pid) && identityOf(pid) === identity;
}

/**
 * Whether a process runs. A zombie does not count: it has ended, and only keeps its id until its parent collects it.
 */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  const stat = contentOf(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(")") + 2)[0] !== "Z";
}
