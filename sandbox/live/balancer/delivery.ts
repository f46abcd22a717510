import { Agent, type ClientRequestArgs } from "node:http";
import { connect, type Socket } from "node:net";

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

  /** Given out once it is open and a handshake would be over; until then a reset means that nothing was sent. */
  override createConnection(
    { host, port }: ClientRequestArgs,
    given?: (error: Error | null, socket: Socket) => void,
  ): undefined {
    const socket = connect({ host: host ?? "127.0.0.1", port: Number(port) });
    const late = setTimeout(() => socket.destroy(new ConnectTimeout()), this.connectTimeoutMs);
    const end = (error: Error | null) => {
      clearTimeout(late);
      socket.removeAllListeners();
      given?.(error, socket);
    };
    socket.once("error", end);
    socket.once("close", () => end(new Error("reset")));
    socket.once("connect", () => setTimeout(() => socket.destroyed || end(null), HANDSHAKE_MS));
  }
}

/** Whether something takes connections at a port of loopback. */
export function takesConnections(port: number | undefined, timeoutMs: number): Promise<boolean> {
  if (port === undefined) return Promise.resolve(false);
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    const timer = setTimeout(() => socket.destroy(), timeoutMs);
    socket.once("connect", () => {
      resolve(true);
      socket.destroy();
    });
    socket.once("error", () => resolve(false));
    socket.once("close", () => {
      clearTimeout(timer);
      resolve(false);
    });
  });
}
