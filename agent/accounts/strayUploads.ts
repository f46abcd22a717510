import type { ClientBase } from "pg";
import { RetryBackoff } from "../rounds/retryBackoff";
import { BucketError } from "../s3/s3Request";
import type { Waiting } from "./langflowTables";

/** The operations on the region's flow bucket that uploads need. Errors are AgentErrors. */
export interface UploadObjects {
  /**
   * Copies an object, and overwrites the target.
   *
   * @returns false if the source does not exist
   */
  copy(from: string, to: string): Promise<boolean>;
}

interface Stray {
  readonly id: string;
  readonly owner: string;
  readonly path: string;
}

/** Maximum number of copies per round. Users' changes are published only after the copies. */
const COPIES_AT_ONCE = 100;

/**
 * Moves uploads to their owner's folder after two accounts were merged. LangFlow looks for an upload in the folder of
 * the user who owns it, by the last part of its path (`api/v2/files.py` of 1.13). The uploads of the merged account are
 * still in the folder of its former id. The agent copies each upload to its owner's folder, under a name that no other
 * upload has, and updates the row's path, which is published like any edit. The original object stays, because flows
 * refer to it by its full path.
 */
export class StrayUploads {
  /** Whether misplaced uploads may exist. Only a round that writes rows can merge accounts. */
  #mayBe = true;
  /** Backoff of failed copies, by upload. */
  readonly #backoff = new RetryBackoff<string>();

  /** @param prefix prefix of the users' folders */
  constructor(
    private readonly objects: UploadObjects,
    private readonly prefix: string,
  ) {}

  /**
   * Copies misplaced uploads to their owners' folders. A failed copy is retried with backoff and does not delay the
   * others.
   *
   * @param written whether the region's tables have changed
   * @returns the uploads that could not be copied yet
   */
  async bringHome(
    session: <T>(work: (client: ClientBase) => Promise<T>) => Promise<T>,
    written: boolean,
  ): Promise<Waiting[]> {
    this.#mayBe ||= written;
    if (!this.#mayBe) return [];
    const strays = await session(async (client) => (await client.query<Stray>(STRAYS)).rows);
    const waiting: Waiting[] = [];
    let copies = 0;
    for (const { id, owner, path } of strays) {
      let reason = this.#backoff.blockedReason(id, path);
      if (reason === undefined && copies < COPIES_AT_ONCE) {
        copies += 1;
        const home = `${owner}/${id.slice(0, 8)}-${path.split("/").at(-1)}`;
        reason = await this.copy(path, home);
        if (reason !== undefined) this.#backoff.recordFailure(id, path, reason);
        else {
          await session((client) => client.query(MOVE, [id, path, home]));
          this.#backoff.recordSuccess(id);
        }
      }
      if (reason !== undefined) waiting.push({ table: "file", id, reason });
    }
    this.#mayBe = strays.length > 0;
    return waiting;
  }

  /**
   * Copies an upload.
   *
   * @returns the reason if the copy failed
   */
  private async copy(from: string, to: string): Promise<string | undefined> {
    try {
      const isCopied = await this.objects.copy(`${this.prefix}/${from}`, `${this.prefix}/${to}`);
      return isCopied ? undefined : "its object is not in the bucket yet";
    } catch (error) {
      // If the whole bucket does not respond, the upload is not the cause.
      if (!(error instanceof BucketError) || error.status === 0) throw error;
      return error.message;
    }
  }
}

const STRAYS = `
  SELECT id::text, user_id::text AS owner, path FROM public.file
    WHERE path ~ '^[0-9a-f-]{36}/' AND split_part(path, '/', 1) <> user_id::text ORDER BY id`;
const MOVE = "UPDATE public.file SET path = $3 WHERE id = $1 AND path = $2";
