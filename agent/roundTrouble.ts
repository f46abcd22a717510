import { DatabaseUnreachable } from "./langflow/store";
import type { Log } from "./log";
import { BucketError } from "./s3Request";
import { ToldOnce } from "./toldOnce";

/** What rounds of something fail by: said once, and again after another trouble or a round that went well. */
export class RoundTrouble<Unreachable extends string> {
  readonly #told = new ToldOnce();

  /**
   * @param what the rounds are of, in the log
   * @param bucketUnreachable what a round ends with whose bucket does not answer
   */
  constructor(
    private readonly what: string,
    private readonly bucketUnreachable: Unreachable,
    private readonly log: Pick<Log, "error">,
  ) {}

  /** A round went well. */
  isOver(): void {
    this.#told.forget("trouble");
  }

  /** @returns what the round ended with */
  say(error: unknown): Unreachable | "database-unreachable" | "failed" {
    const result = this.resultOf(error);
    const { message, stack } = error as Error;
    if (this.#told.isNews("trouble", message))
      this.log.error({ result, ...(result === "failed" && { stack }) }, `${this.what}: ${message}`);
    return result;
  }

  private resultOf(error: unknown) {
    if (error instanceof BucketError) return this.bucketUnreachable;
    if (error instanceof DatabaseUnreachable) return "database-unreachable";
    return "failed";
  }
}
