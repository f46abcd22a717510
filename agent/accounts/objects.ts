/** A bucket, as far as accounts need one. Errors are AgentErrors. */
export interface Objects {
  /** Keys below a prefix and behind a key, in their order; at most a page of them. */
  listAfter(prefix: string, after: string): Promise<string[]>;
  /** Undefined where there is none. */
  readWhole(key: string): Promise<Buffer | undefined>;
  /** @returns false where there is one already, which stays as it is */
  createOnce(key: string, body: Buffer): Promise<boolean>;
  remove(key: string): Promise<void>;
}
