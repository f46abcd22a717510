import { request } from "node:http";
import type { AppliedMonitor } from "./appliedMonitor";
import { isExpected } from "./verdict";

export interface ProbeResult {
  readonly passed: boolean;
  /** Short description of the result. */
  readonly said: string;
  readonly timedOut: boolean;
  /** Duration of the last attempt, in milliseconds. */
  readonly tookMs: number;
}

/** Health endpoints send short bodies. A probe searches at most this many bytes. */
const BODY_BYTES_MAX = 100 * 1024;

/**
 * Probes an origin once. Repeats an attempt that timed out at once, up to `retries` times.
 *
 * @param port loopback port of the origin; undefined: the origin refuses connections
 */
export async function probe(monitor: AppliedMonitor, pool: string, port: number | undefined): Promise<ProbeResult> {
  for (let left = monitor.retries; ; left--) {
    const result = await attempt(monitor, pool, port);
    if (!result.timedOut || left <= 0) return result;
  }
}

function attempt(monitor: AppliedMonitor, pool: string, port: number | undefined): Promise<ProbeResult> {
  const began = performance.now();
  return new Promise((resolve) => {
    const end = (passed: boolean, said: string, timedOut = false) =>
      resolve({ passed, said, timedOut, tookMs: performance.now() - began });
    if (port === undefined) return end(false, "connection refused");
    const { method, path, headers, expectedCodes, expectedBody, timeoutSeconds } = monitor;
    const asked = request({
      host: "127.0.0.1",
      port,
      method,
      path,
      agent: false,
      headers: {
        "user-agent": `Mozilla/5.0 (compatible; Cloudflare-Traffic-Manager/1.0; pool-id: ${pool})`,
        ...headers,
      },
    });
    const timer = setTimeout(() => {
      end(false, `no answer within ${timeoutSeconds} s`, true);
      asked.destroy();
    }, timeoutSeconds * 1000);
    asked.once("close", () => clearTimeout(timer));
    asked.on("error", (error: NodeJS.ErrnoException) => end(false, wordsOf(error)));
    asked.once("response", (answer) => {
      const status = answer.statusCode ?? 0;
      let body = "";
      answer.setEncoding("utf8");
      answer.on("data", (part: string) => {
        if (body.length < BODY_BYTES_MAX) body += part;
      });
      answer.on("error", (error: NodeJS.ErrnoException) => end(false, wordsOf(error)));
      answer.once("end", () => {
        if (!isExpected(status, expectedCodes)) end(false, `answered ${status}`);
        else if (!body.toLowerCase().includes(expectedBody.toLowerCase())) end(false, "unexpected body");
        else end(true, `answered ${status}`);
      });
    });
    asked.end();
  });
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
};
const wordsOf = (error: NodeJS.ErrnoException): string => WORDS[error.code ?? ""] ?? error.message;
