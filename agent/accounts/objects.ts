/** The operations on a bucket that accounts need. Errors are AgentErrors. */
export interface Objects {
  /** One page of the keys with a prefix after a key, in order. */
  listAfter(prefix: string, after: string): Promise<string[]>;
  /** Undefined if it does not exist. */
  readWhole(key: string): Promise<Buffer | undefined>;
  /** Conditional write. @returns false if the key exists */
  createOnce(key: string, body: Buffer): Promise<boolean>;
  remove(key: string): Promise<void>;
}

/** All keys of a folder after a key, page by page. */
export async function* keysAfter(objects: Objects, folder: string, after: string): AsyncGenerator<string> {
  for (let keys = await objects.listAfter(folder, after); keys.length > 0; ) {
    yield* keys;
    keys = await objects.listAfter(folder, keys.at(-1) ?? "");
  }
}
