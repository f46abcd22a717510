import { connect } from "node:net";

/** Why a request was not answered by its origin, as the code that Cloudflare would answer with. */
export interface Undelivered {
  readonly code: 521 | 522 | 524 | 530;
  /** Nothing of an answer came, and it may be asked of another origin. */
  readonly again: boolean;
}

/** How long Cloudflare waits for a TCP connection to open (Cloudflare, Connection limits). */
export const CONNECT_TIMEOUT_MS = 19_000;
/** How long it waits to read from an origin that has taken the connection (same page: Proxy Read Timeout). */
export const ANSWER_TIMEOUT_MS = 120_000;

/** How long a visitor's connection is kept without a request (same page: Connection Keep-Alive). */
export const IDLE_TIMEOUT_MS = 400_000;

/** What is known of a delivery when it failed. */
export interface Progress {
  readonly connected: boolean;
  /** Nothing was heard for as long as is waited. */
  readonly silent: boolean;
}

/**
 * What a failed delivery is, where no byte of an answer came. A connection that is reset then counts as refused:
 * without TLS nothing tells a handshake that fails from a request that is cut off.
 */
export function undelivered({ connected, silent }: Progress): Undelivered {
  if (silent && connected) return { code: 524, again: false };
  return { code: silent ? 522 : 521, again: true };
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
