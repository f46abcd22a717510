import type { IncomingMessage } from "node:http";
import { Readable, Transform } from "node:stream";
import { BODY_BYTES_MAX } from "./asSent";

/** Maximum size of a buffered body, in bytes. Only a buffered body can be sent again. */
const KEPT_BYTES = 1024 * 1024;

/**
 * Reads the whole body of a request and returns a function that streams it any number of times. Returns undefined if
 * the body is too long or its length is not declared: the caller can then pass it on only once, while it arrives.
 *
 * @throws Error if the visitor disconnects meanwhile
 */
export async function keptBody(request: IncomingMessage): Promise<(() => Readable) | undefined> {
  const length = request.headers["content-length"];
  if (request.headers["transfer-encoding"] !== undefined || Number(length ?? 0) > KEPT_BYTES) return undefined;
  const parts: Buffer[] = [];
  if (Number(length ?? 0) > 0) for await (const part of request) parts.push(part as Buffer);
  return () => Readable.from(parts);
}

/**
 * Returns a stream that passes on a body of undeclared length, up to a limit.
 *
 * @param tooLong ends the request if the body is longer than the limit
 */
export function boundedBody(request: IncomingMessage, tooLong: () => void, bytesMax = BODY_BYTES_MAX): Readable {
  let bytes = 0;
  const bounded = new Transform({
    transform(part: Buffer, _encoding, next) {
      bytes += part.length;
      if (bytes > bytesMax) return tooLong();
      next(null, part);
    },
  });
  return request.pipe(bounded);
}
