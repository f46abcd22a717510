import { Agent, type ClientRequestArgs } from "node:http";
import { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connection } from "../process/connection";

/** Why the origin did not answer a request, as the status code that Cloudflare would return. */
export interface Undelivered {
  readonly code: 520 | 521 | 522 | 524 | 530;
  /** Whether a different origin may get the request: true only if no byte of a response arrived. */
  readonly again: boolean;
}

/** Cloudflare's timeout for opening a TCP connection (Cloudflare, Connection limits). */
export const CONNECT_TIMEOUT_MS = 19_000;
/** Cloudflare's timeout for reading from a connected origin (same page: Proxy Read Timeout). */
export const ANSWER_TIMEOUT_MS = 120_000;

/** How long Cloudflare keeps an idle visitor connection (same page: Connection Keep-Alive). */
export const IDLE_TIMEOUT_MS = 400_000;

/**
 * Simulated duration of a TLS handshake. A lost origin resets the connection within this time, before the request is
 * sent.
 */
const HANDSHAKE_MS = 20;

/** State of a delivery when it failed. */
export interface Progress {
  /** Whether the request was sent. */
  readonly connected: boolean;
  /** Whether the origin sent nothing until the timeout. */
  readonly silent: boolean;
}

/**
 * Classifies a delivery that failed before any byte of a response arrived. Only an unsent request is retried
 * (Cloudflare, Adaptive routing: only 521, 522, 523, 525 and 526 are).
 */
export function undelivered({ connected, silent }: Progress): Undelivered {
  if (connected) return { code: silent ? 524 : 520, again: false };
  return { code: silent ? 522 : 521, again: true };
}

/** The connection did not open in time. */
export class ConnectTimeout extends Error {}

/**
 * Opens one connection per request: if the origin had closed a kept-alive connection, it would look like an origin that
 * is down.
 */
export class OriginAgent extends Agent {
  constructor(private readonly connectTimeoutMs = CONNECT_TIMEOUT_MS) {
    super({ keepAlive: false });
  }

  override createConnection(
    { port }: ClientRequestArgs,
    given?: (error: Error | null, socket: Socket) => void,
  ): undefined {
    this.opened(Number(port)).then(
      (socket) => given?.(null, socket),
      // Node ignores the socket if there is an error.
      (error: Error) => given?.(error, new Socket()),
    );
  }

  /**
   * Opens a connection and waits for the duration of a handshake. If the origin resets it before then, nothing was
   * sent.
   */
  private async opened(port: number): Promise<Socket> {
    const socket = await connection(port, this.connectTimeoutMs);
    if (socket === "silent") throw new ConnectTimeout();
    if (socket !== "refused") await sleep(HANDSHAKE_MS);
    if (socket === "refused" || socket.destroyed) throw new Error("reset");
    return socket;
  }
}
