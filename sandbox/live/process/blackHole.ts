import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { BoundProcess } from "./boundProcess";
import { connection, takesConnections } from "./connection";

/** Listens, and stands still before it takes a connection: the system then drops what comes when the queue is full. */
const PROGRAM = `
require("node:net").createServer().listen({ port: Number(process.argv[1]), host: "127.0.0.1", backlog: 1 }, () =>
  process.kill(process.pid, "SIGSTOP"));`;
/** A connection on loopback that is not there by then is not coming. */
const DROPPED_MS = 150;
const LISTENING_MS = 20_000;
const POLL_MS = 20;

/** A port of loopback whose packets vanish: nobody who connects is answered, nor refused. */
export class BlackHole {
  private constructor(
    private readonly listener: BoundProcess,
    /** Those that fill its queue. */
    private readonly queued: readonly Socket[],
  ) {}

  /** Waits for who still has the port: a killed program's processes end one after the other. @throws Error where it stays another's */
  static async open(port: number): Promise<BlackHole> {
    const deadline = Date.now() + LISTENING_MS;
    while (Date.now() < deadline && (await takesConnections(port, DROPPED_MS))) await sleep(POLL_MS);
    const listener = BoundProcess.start({
      command: [process.execPath, "-e", PROGRAM, String(port)],
      environment: {},
      directory: "/",
      log: "/dev/null",
    });
    const queued: Socket[] = [];
    for (;;) {
      const outcome = await connection(port, DROPPED_MS);
      if (outcome === "silent") return new BlackHole(listener, queued);
      if (outcome === "refused") await sleep(POLL_MS);
      else queued.push(outcome);
      if (Date.now() > deadline || listener.pid === undefined) {
        listener.kill();
        throw new Error(`packets to port ${port} do not vanish`);
      }
    }
  }

  /** The port is free again once this is resolved. */
  async close(): Promise<void> {
    for (const socket of this.queued) socket.destroy();
    this.listener.kill();
    await this.listener.ended;
  }
}
