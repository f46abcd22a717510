import { mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { sync as writeFileAtomicSync } from "write-file-atomic";
import { Held, type HeldLock, takeLock } from "../directory";

/** Loopback ports by what listens there, the same after every restart while nobody else takes them. */
export class Ports {
  private readonly known: Map<string, number>;
  private queue: Promise<unknown> = Promise.resolve();

  constructor(private readonly file: string) {
    this.known = new Map(Object.entries(readKnown(file)));
  }

  /** The port of a name; another than before where another program has taken that. Ask before anything of ours listens. */
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
    return {}; // not there yet
  }
}

/**
 * Our own ports begin here, and end before those that Linux (32,768 and more: net.ipv4.ip_local_port_range) and macOS
 * (49,152) give connections that go out: while a server is away, one of those could take its port, be it of a client
 * that asks for that very server.
 */
const FIRST = 20_000;
const COUNT = 12_000;
/** No port is given twice; other programs that look at the same time begin elsewhere. */
let next = process.pid * 97;
/** A lock for each port that was given: a server may be away for a while, and its port is still its own in other fleets' eyes. */
const GIVEN = join(tmpdir(), `langflow-dr-ports-${process.getuid?.() ?? 0}`);
const ours = new Map<number, HeldLock>();
process.once("exit", () => {
  for (const lock of ours.values()) lock.release();
});

/** A port of loopback that nobody listens on now, and that no other process of ours was given. */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < COUNT; tried++) {
    const port = FIRST + (next++ % COUNT);
    if (isOurs(port) && (await isFree(port))) return port;
  }
  throw new Error(`no port between ${FIRST} and ${FIRST + COUNT} is free`);
}

/** Whether this process has the port, from now on at the latest; false where a living one does. */
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
