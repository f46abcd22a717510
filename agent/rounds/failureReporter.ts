import { DatabaseUnreachable } from "../postgres/databaseUnreachable";
import type { Log } from "../process/log";
import { BucketError } from "../s3/s3Request";
import { LogDeduplicator } from "./logDeduplicator";

export interface FailureReporterOptions<Result extends string> {
  /** Classifies an error, for the log and the metrics. An error with the result `failed` is logged with its stack. */
  readonly resultOf: (error: unknown) => Result;
  /** Prefix of each log message, such as `accounts`. Default: none. */
  readonly subject?: string;
  /**
   * Whether each of several alternating failures is logged only once until a success. Default: a failure is logged
   * again after a different failure.
   */
  readonly isOncePerSuccess?: boolean;
  readonly log: Pick<Log, "error">;
}

/** Logs why rounds fail: each failure once, and again after a successful round. */
export class FailureReporter<Result extends string> {
  readonly #logged = new LogDeduplicator();

  constructor(private readonly options: FailureReporterOptions<Result>) {}

  succeeded(): void {
    this.#logged.clear();
  }

  isRepeated(error: unknown): boolean {
    const message = messageOf(error);
    return this.#logged.isLast(this.keyOf(message), message);
  }

  /**
   * Logs a failure unless it is repeated.
   *
   * @returns the error's result
   */
  report(error: unknown): Result {
    const { resultOf, subject, log } = this.options;
    const result = resultOf(error);
    const message = messageOf(error);
    const stack = result === "failed" && error instanceof Error && error.stack ? { stack: error.stack } : {};
    if (this.#logged.changed(this.keyOf(message), message))
      log.error({ result, ...stack }, subject === undefined ? message : `${subject}: ${message}`);
    return result;
  }

  private keyOf(message: string): string {
    return this.options.isOncePerSuccess ? message : "failure";
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message || error.name : String(error));

/**
 * Returns a function that classifies the errors of rounds which need a bucket and the region's database.
 *
 * @param bucketUnreachable the result if the bucket does not respond
 */
export const resultOfRound =
  <Unreachable extends string>(bucketUnreachable: Unreachable) =>
  (error: unknown): Unreachable | "database-unreachable" | "failed" => {
    if (error instanceof BucketError) return bucketUnreachable;
    if (error instanceof DatabaseUnreachable) return "database-unreachable";
    return "failed";
  };
