import { mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname } from "node:path";
import { sync as writeFileAtomicSync } from "write-file-atomic";

/** Loopback ports by what listens there, the same after every restart while nobody else takes them. */
export class Ports {
  private readonly known: Map<string, number>;
  private queue: Promise<unknown> = Promise.resolve();

  constructor(private readonly file: string) {
    this.known = new Map(Object.entries(readKnown(file)));
  }

  /** The port of a name; another than before where that is taken by a stranger. Ask before anything of ours listens. */
  take(name: string): Promise<number> {
    const taken = this.queue.then(async () => {
      const before = this.known.get(name);
      if (before !== undefined && (await isFree(before))) return before;
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

function listenOnce(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : port));
    });
  });
}

const freePort = (): Promise<number> => listenOnce(0);
const isFree = (port: number): Promise<boolean> =>
  listenOnce(port).then(
    () => true,
    () => false,
  );
