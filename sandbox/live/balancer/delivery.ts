import { Agent, type ClientRequestArgs } from "node:http";
import { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connection } from "../process/connection";

/** Why a request was not answered by its origin, as the code that Cloudflare would answer with. */
export interface Undelivered {
  readonly code: 520 | 521 | 522 | 524 | 530;
  /** Nothing of an answer came, and it may be asked of another origin. */
  readonly again: boolean;
}

/** How long Cloudflare waits for a TCP connection to open (Cloudflare, Connection limits). */
export const CONNECT_TIMEOUT_MS = 19_000;
/** How long it waits to read from an origin that has taken the connection (same page: Proxy Read Timeout). */
export const ANSWER_TIMEOUT_MS = 120_000;

/** How long a visitor's connection is kept without a request (same page: Connection Keep-Alive). */
export const IDLE_TIMEOUT_MS = 400_000;

/** As long as a TLS handshake takes: an origin that is gone resets a connection before that, and so before it is asked. */
const HANDSHAKE_MS = 20;

/** What is known of a delivery when it failed. */
export interface Progress {
  /** The request was sent. */
  readonly connected: boolean;
  /** Nothing was heard for as long as is waited. */
  readonly silent: boolean;
}

/**
 * What a failed delivery is, where no byte of an answer came. Only what was never sent is asked again (Cloudflare, Adaptive
 * routing: 521, 522, 523, 525 and 526 alone are).
 */
export function undelivered({ connected, silent }: Progress): Undelivered {
  if (connected) return { code: silent ? 524 : 520, again: false };
  return { code: silent ? 522 : 521, again: true };
}

/** A connection did not open in time. */
export class ConnectTimeout extends Error {}

/** Connections to origins, one a request: one that is kept and closed meanwhile would look like an origin that is down. */
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
      // Node looks at no socket then.
      (error: Error) => given?.(error, new Socket()),
    );
  }

  /** Given out once a handshake would be over: until then a reset means that nothing was sent. */
  private async opened(port: number): Promise<Socket> {
    const socket = await connection(port, this.connectTimeoutMs);
    if (socket === "silent") throw new ConnectTimeout();
    if (socket !== "refused") await sleep(HANDSHAKE_MS);
    if (socket === "refused" || socket.destroyed) throw new Error("reset");
    return socket;
  }
}
