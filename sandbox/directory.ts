import { createHash } from "node:crypto";
import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ExitCode, UserError } from "../model/errors";
import { version } from "../package.json";

/** What `server.json` says of a running daemon. */
export interface ServerFile {
  readonly pid: number;
  /** http://127.0.0.1:port */
  readonly url: string;
  /** {@link codeVersion} of the code it runs. */
  readonly version: string;
}

/**
 * The project's version and a hash of a daemon's code, so that a daemon of other code is noticed.
 *
 * @param daemon `live` is made of all code here; `cloud`, which never needs the live fleet's, of the rest
 */
export function codeVersion(daemon: "cloud" | "live" = "cloud"): string {
  const hash = createHash("sha256");
  for (const file of readdirSync(__dirname, { recursive: true, encoding: "utf8" }).sort())
    if (/\.(ts|json|sh|txt)$/.test(file) && (daemon === "live" || !file.startsWith("live")))
      hash.update(file).update(readFileSync(join(__dirname, file)));
  return `${version}+${hash.digest("hex").slice(0, 12)}`;
}

/** The files of a local cloud's directory. */
export function filesIn(directory: string) {
  return {
    server: join(directory, "server.json"),
    lock: join(directory, "server.lock"),
    log: join(directory, "server.log"),
    /** What a caller shows to be given secret values: whoever may read it may read the resources' files as well. */
    secretsToken: join(directory, "secrets.token"),
    resources: join(directory, "resources"),
  };
}

export function readServerFile(directory: string): ServerFile | undefined {
  try {
    return JSON.parse(readFileSync(filesIn(directory).server, "utf8")) as ServerFile;
  } catch {
    return undefined; // not there, or not whole: then nobody serves
  }
}

/**
 * Whether the daemon of a server file answers, and not another one that has its port by now. Asked again where the first
 * question was lost: a connection that was kept open may be closed by now.
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

/** A process's hold on a lock. */
export interface HeldLock {
  /** False once its folder is gone, or another's. */
  holds(): boolean;
  release(): void;
}

/** A living process has what this one wants to itself. */
export class Held extends Error {
  constructor(
    readonly pid: number,
    lock: string,
  ) {
    super(`process ${pid} holds ${lock}`);
  }
}

/**
 * Makes this process the only one that holds a lock, a file; a dead process's is taken over.
 *
 * @throws Held when a living process holds it
 * @throws UserError exit 2 where a folder is in its place
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
        throw new UserError(`${lock} is a folder, and should be a file: move it away`, ExitCode.BadInput);
      if (linked(mine, lock)) return { holds, release: () => holds() && rmSync(lock, { force: true }) };
      const holder = contentOf(lock);
      if (holder !== undefined && isAlive(holder)) throw new Held(Number(holder.split(" ")[0]), lock);
      discard(lock, holder);
    }
    throw new Error(`${lock} changes hands too fast`);
  } finally {
    rmSync(mine, { force: true });
  }
}

/** Takes a dead process's lock away, and puts it back where it was another's by now. */
function discard(lock: string, expected: string | undefined): void {
  const aside = `${lock}.${process.pid}.stale`;
  try {
    renameSync(lock, aside);
  } catch {
    return; // somebody else was faster
  }
  if (contentOf(aside) !== expected) linked(aside, lock);
  rmSync(aside, { force: true });
}

/** Gives a file a second name in one step. False where that name is taken. */
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

/** The process, and where the system tells when it started, so that a later one of the same number is not mistaken. */
function identityOf(pid: number): string {
  const stat = contentOf(`/proc/${pid}/stat`);
  const started = stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  return started === undefined ? `${pid}` : `${pid} ${started}`;
}

function isAlive(identity: string): boolean {
  const pid = Number(identity.split(" ")[0]);
  return isRunning(pid) && identityOf(pid) === identity;
}

/** Whether a process runs. One that has ended and waits for its parent to notice does not, though it has its number. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  const stat = contentOf(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(")") + 2)[0] !== "Z";
}
