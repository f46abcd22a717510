import { S3ServiceException } from "@aws-sdk/client-s3";
import { withTimeout } from "../async/withTimeout";
import { AgentError, ExitCode } from "../process/errors";

/** A bucket that refuses or does not answer. */
export class BucketError extends AgentError {
  /** @param status HTTP's; 0 where there was no answer */
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message, ExitCode.Unreachable);
  }
}

/** An object as a copy names where it comes from (S3 API reference, CopyObject, `x-amz-copy-source`). */
export const copySource = (bucket: string, key: string): string =>
  [bucket, ...key.split("/").map(encodeURIComponent)].join("/");

/**
 * A request that ends after its time, whatever the client would try again: a bucket that is gone keeps nobody waiting.
 *
 * @param signal ends it too
 * @throws BucketError
 */
export async function s3Request<T>(
  bucket: string,
  milliseconds: number,
  request: (options: { abortSignal: AbortSignal }) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  try {
    return await withTimeout(milliseconds, signal, (abortSignal) => request({ abortSignal }));
  } catch (error) {
    throw explained(bucket, error);
  }
}

function explained(bucket: string, error: unknown): Error {
  if (error instanceof BucketError || !(error instanceof Error)) return error as Error;
  const status = error instanceof S3ServiceException ? (error.$metadata.httpStatusCode ?? 0) : 0;
  const answers = status > 0 && status < 500;
  const what = answers ? `refused: ${error.name}: ${error.message}` : `does not answer: ${error.message || error.name}`;
  return new BucketError(`the bucket ${bucket} ${what}`, status);
}
