import { once } from "node:events";
import { type IncomingMessage, request as plainRequest } from "node:http";
import { request as tlsRequest } from "node:https";
import type { End } from "../report";

/** What is asked, and what must be answered. */
export interface Errand {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | FormData;
  /** What became of an answer that came to its end with a good status. */
  judge(body: string): "good" | "cut" | "wrong";
}

export interface Exchange {
  readonly end: End;
  /** HTTP status; 0 where no answer came to its end. */
  readonly status: number;
  /** Milliseconds until its end. */
  readonly latency: number;
  /** Absent where no answer began. */
  readonly headers?: Headers;
}

/** After so long without a byte a visitor gives up: well above what LangFlow takes. */
export const PATIENCE_MS = 10_000;

/** Somebody between the visitor and LangFlow had sent the request on, and got no whole answer to it. */
const SENT_IN_VAIN = [502, 504, 520, 524];

/**
 * One request, by a connection of its own, followed to its end.
 *
 * @param left aborted where nobody waits for the end any more: it is undefined then
 * @param patienceMs without a byte
 */
export async function exchange(
  url: string,
  errand: Errand,
  left?: AbortSignal,
  patienceMs = PATIENCE_MS,
): Promise<Exchange | undefined> {
  const began = performance.now();
  const line = new AbortController();
  const leave = () => line.abort();
  left?.addEventListener("abort", leave);
  let hasHung = false;
  const patience = setTimeout(() => {
    hasHung = true;
    line.abort();
  }, patienceMs);
  const ended = (end: End, status = 0, headers?: Headers): Exchange => ({
    end,
    status,
    latency: performance.now() - began,
    ...(headers && { headers }),
  });
  let headers: Headers | undefined;
  try {
    const request = await sent(new URL(url + errand.path), errand, line.signal);
    const [answer] = (await once(request, "response")) as [IncomingMessage];
    headers = headersOf(answer);
    const body = await read(answer, () => patience.refresh());
    const { statusCode = 0 } = answer;
    return ended(endOf(statusCode, body, errand), statusCode, headers);
  } catch (error) {
    if (left?.aborted) return undefined;
    if (hasHung) return ended("hung", 0, headers);
    return ended(neverOpened(error) ? "refused" : "cut", 0, headers);
  } finally {
    clearTimeout(patience);
    left?.removeEventListener("abort", leave);
  }
}

/**
 * By Node's own client: `fetch`, told to keep no connection, takes an answer that is cut for a whole one. A kept connection would show
 * where somebody was steered before.
 */
async function sent(target: URL, { method, headers, body }: Errand, signal: AbortSignal) {
  const encoded = new Response(body ?? null);
  const type = encoded.headers.get("content-type");
  const bytes = Buffer.from(await encoded.arrayBuffer());
  const ask = target.protocol === "https:" ? tlsRequest : plainRequest;
  const ownHeaders = { ...(type !== null && { "content-type": type }), "content-length": bytes.length, ...headers };
  const request = ask(target, { method, headers: ownHeaders, agent: false, signal });
  // Whoever waits for the answer is told as well.
  request.on("error", () => undefined);
  request.end(bytes);
  return request;
}

async function read(answer: IncomingMessage, heard: () => void): Promise<string> {
  heard();
  answer.setEncoding("utf8");
  let text = "";
  for await (const chunk of answer) {
    heard();
    text += chunk;
  }
  return text;
}

function headersOf({ headersDistinct }: IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, values = []] of Object.entries(headersDistinct))
    for (const value of values) headers.append(name, value);
  return headers;
}

function endOf(status: number, body: string, errand: Errand): End {
  if (status >= 200 && status < 300) return errand.judge(body);
  if (SENT_IN_VAIN.includes(status)) return "cut";
  // What was right to ask is told to be wrong: of a user, or a flow, that must be there.
  return status < 500 ? "wrong" : "refused";
}

/** No connection opened, so that nothing was sent. */
const neverOpened = (error: unknown): boolean =>
  ["connect", "getaddrinfo"].includes((error as NodeJS.ErrnoException).syscall ?? "");
