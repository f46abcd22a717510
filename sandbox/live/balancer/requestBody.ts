import type { IncomingMessage } from "node:http";
import { Readable, Transform } from "node:stream";
import { BODY_BYTES_MAX } from "./asSent";

/** A body up to this size is kept, so that the request can be made again. */
const KEPT_BYTES = 1024 * 1024;

/**
 * The body of a request, read to its end, as a stream that can be had again and again; undefined where it is too long
 * for that or does not say how long it is: then it can be passed on once, while it arrives.
 *
 * @throws Error where the visitor goes away meanwhile
 */
export async function keptBody(request: IncomingMessage): Promise<(() => Readable) | undefined> {
  const length = request.headers["content-length"];
  if (request.headers["transfer-encoding"] !== undefined || Number(length ?? 0) > KEPT_BYTES) return undefined;
  const parts: Buffer[] = [];
  if (Number(length ?? 0) > 0) for await (const part of request) parts.push(part as Buffer);
  return () => Readable.from(parts);
}

/**
 * A body that is passed on while it arrives, up to the limit: one that did not say how long it is.
 *
 * @param tooLong what ends the request where it is longer
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
