import * as http from "node:http";
import * as https from "node:https";
import { text } from "node:stream/consumers";

/**
 * Sends a request to LangFlow on a connection of its own, because LangFlow closes an idle connection after two seconds,
 * possibly while the agent reuses it. Does not follow redirects.
 *
 * Does not use `fetch`: in Node 24 it ends the process if a server closes a connection before the response body is read
 * (https://github.com/nodejs/undici/issues/5360).
 *
 * @throws Error if the server does not answer completely, or the signal aborts
 */
export async function request(
  url: string | URL,
  options: Pick<http.RequestOptions, "method" | "headers"> & { signal: AbortSignal },
  body = "",
): Promise<{ status: number; text: string }> {
  const { request } = new URL(url).protocol === "https:" ? https : http;
  const response = await new Promise<http.IncomingMessage>((resolve, reject) =>
    request(url, { ...options, agent: false }, resolve)
      .on("error", reject)
      .end(body),
  );
  return { status: response.statusCode ?? 0, text: await text(response) };
}
