import { S3ServiceException } from "@aws-sdk/client-s3";
import { AgentError, ExitCode } from "../../formats/agentErrors";
import { withTimeout } from "../async/withTimeout";

/** A bucket rejected a request or did not respond. */
export class BucketError extends AgentError {
  /** @param status HTTP status; 0 if there was no response */
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message, ExitCode.Unreachable);
  }
}

/** Returns the source of a copy (S3 API reference, CopyObject, `x-amz-copy-source`). */
export const copySource = (bucket: string, key: string): string =>
  [bucket, ...key.split("/").map(encodeURIComponent)].join("/");

/**
 * Runs a request with a timeout that includes the client's retries, so that a lost bucket does not block the caller.
 *
 * @param signal also aborts the request
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
  const what = answers
    ? `rejected the request: ${error.name}: ${error.message}`
    : `does not answer: ${error.message || error.name}`;
  return new BucketError(`the bucket ${bucket} ${what}`, status);
}
