/** The operations on a bucket that accounts need. Errors are AgentErrors. */
export interface Objects {
  /** Returns one page of the keys with a prefix, in order, starting after a given key. */
  listAfter(prefix: string, after: string): Promise<string[]>;
  /** Reads an object; undefined if it does not exist. */
  readWhole(key: string): Promise<Buffer | undefined>;
  /**
   * Creates an object by a conditional write.
   *
   * @returns false if the key exists
   */
  createOnce(key: string, body: Buffer): Promise<boolean>;
  remove(key: string): Promise<void>;
}

/** Yields all keys of a folder after a given key, page by page. */
export async function* keysAfter(objects: Objects, folder: string, after: string): AsyncGenerator<string> {
  for (let keys = await objects.listAfter(folder, after); keys.length > 0; ) {
    yield* keys;
    keys = await objects.listAfter(folder, keys.at(-1) ?? "");
  }
}
