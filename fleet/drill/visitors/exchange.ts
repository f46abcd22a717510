import { once } from "node:events";
import { type IncomingMessage, request as plainRequest } from "node:http";
import { request as tlsRequest } from "node:https";
import type { End } from "../report";

/** A request, and a check of its response. */
export interface Errand {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | FormData;
  /** Judges a complete response with a 2xx status. */
  judge(body: string): "good" | "cut" | "wrong";
}

export interface Exchange {
  readonly end: End;
  /** HTTP status; 0 without a complete response. */
  readonly status: number;
  /** Milliseconds until the exchange ended. */
  readonly latency: number;
  /** Absent if no response began. */
  readonly headers?: Headers;
}

/** Time without a byte after which a visitor gives up. Far longer than LangFlow normally needs. */
export const PATIENCE_MS = 10_000;

/** Statuses with which a proxy reports that it forwarded the request but received no complete response. */
const SENT_IN_VAIN = [502, 504, 520, 524];

/**
 * Sends one request on a new connection and follows it to its end.
 *
 * @param left aborted when the visitor leaves; the function then returns undefined
 * @param patienceMs maximum time without a byte
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
 * Sends the request with Node's own HTTP client. `fetch` without keep-alive mistakes a truncated response for a
 * complete one, and a kept-alive connection would stay with the previous region.
 */
async function sent(target: URL, { method, headers, body }: Errand, signal: AbortSignal) {
  const encoded = new Response(body ?? null);
  const type = encoded.headers.get("content-type");
  const bytes = Buffer.from(await encoded.arrayBuffer());
  const ask = target.protocol === "https:" ? tlsRequest : plainRequest;
  const ownHeaders = { ...(type !== null && { "content-type": type }), "content-length": bytes.length, ...headers };
  const request = ask(target, { method, headers: ownHeaders, agent: false, signal });
  // The caller that awaits the response receives the same error.
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
  // The request is valid, so a 3xx or 4xx response means that the user or the flow is missing.
  return status < 500 ? "wrong" : "refused";
}

/** Returns whether no connection was established, in which case nothing was sent. */
const neverOpened = (error: unknown): boolean =>
  ["connect", "getaddrinfo"].includes((error as NodeJS.ErrnoException).syscall ?? "");
