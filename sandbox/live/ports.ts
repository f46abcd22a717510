import { mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { sync as writeFileAtomicSync } from "write-file-atomic";
import { Held, type HeldLock, takeLock } from "../directory";

/** Assigns loopback ports by name. A name keeps its port across restarts unless a different program takes the port. */
export class Ports {
  private readonly known: Map<string, number>;
  private queue: Promise<unknown> = Promise.resolve();

  constructor(private readonly file: string) {
    this.known = new Map(Object.entries(readKnown(file)));
  }

  /**
   * Returns the port of a name, or a new port if a different program has taken the old one. Call this before a server
   * of ours listens on the port.
   */
  take(name: string): Promise<number> {
    const taken = this.queue.then(async () => {
      const before = this.known.get(name);
      if (before !== undefined && isOurs(before) && (await isFree(before))) return before;
      const others = new Set(this.known.values());
      let port = await freePort();
      while (others.has(port)) port = await freePort();
      this.known.set(name, port);
      mkdirSync(dirname(this.file), { recursive: true });
      writeFileAtomicSync(this.file, `${JSON.stringify(Object.fromEntries(this.known), null, 1)}\n`);
      return port;
    });
    this.queue = taken.catch(() => undefined);
    return taken;
  }
}

function readKnown(file: string): Record<string, number> {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return {}; // The file does not exist yet.
  }
}

/**
 * First of our ports. The range ends below the ephemeral ports of Linux (32,768 and more: net.ipv4.ip_local_port_range)
 * and macOS (49,152): while a server is down, an outgoing connection could otherwise take its port, even a connection
 * of a client of that very server.
 */
const FIRST = 20_000;
const COUNT = 12_000;
/** No port is assigned twice. Programs that search at the same time start at different ports. */
let next = process.pid * 97;
/**
 * Folder with a lock for each assigned port: other fleets must not take the port of a server that is down for a while.
 */
const GIVEN = join(tmpdir(), `langflow-dr-ports-${process.getuid?.() ?? 0}`);
const ours = new Map<number, HeldLock>();
process.once("exit", () => {
  for (const lock of ours.values()) lock.release();
});

/** Returns a loopback port that is free and that no other process of ours has reserved. */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < COUNT; tried++) {
    const port = FIRST + (next++ % COUNT);
    if (isOurs(port) && (await isFree(port))) return port;
  }
  throw new Error(`all ports from ${FIRST} to ${FIRST + COUNT} are in use`);
}

/**
 * Reserves a port for this process, unless it already has the port. Returns false if a different running process has
 * it.
 */
function isOurs(port: number): boolean {
  if (ours.has(port)) return true;
  try {
    ours.set(port, takeLock(join(GIVEN, String(port))));
    return true;
  } catch (error) {
    if (error instanceof Held) return error.pid === process.pid;
    throw error;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
