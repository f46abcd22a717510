import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { BoundProcess } from "./boundProcess";
import { connection, takesConnections } from "./connection";

/**
 * Program that listens and then stops itself before it accepts a connection. The kernel drops connection attempts once
 * the queue is full.
 */
const PROGRAM = `
require("node:net").createServer().listen({ port: Number(process.argv[1]), host: "127.0.0.1", backlog: 1 }, () =>
  process.kill(process.pid, "SIGSTOP"));`;
/** Timeout after which a loopback connection attempt counts as dropped. */
const DROPPED_MS = 150;
const LISTENING_MS = 20_000;
const POLL_MS = 20;

/** A loopback port that drops packets: connection attempts are neither accepted nor refused. */
export class BlackHole {
  private constructor(
    private readonly listener: BoundProcess,
    /** Connections that fill the listener's queue. */
    private readonly queued: readonly Socket[],
  ) {}

  /**
   * Opens a black hole. Waits until the port is released, because a killed program's processes end one after the other.
   * @throws Error if the port stays in use
   */
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
        throw new Error(`port ${port} still answers packets`);
      }
    }
  }

  /** Closes the black hole. The port is free again once the promise resolves. */
  async close(): Promise<void> {
    for (const socket of this.queued) socket.destroy();
    this.listener.kill();
    await this.listener.ended;
  }
}
