import type { ClientBase } from "pg";
import { RetryBackoff } from "../rounds/retryBackoff";
import { BucketError } from "../s3/s3Request";
import type { Waiting } from "./langflowTables";

/** The region's flow bucket, as far as uploads need it. Errors are AgentErrors. */
export interface UploadObjects {
  /** Copies an object, also over another. @returns false where there is none */
  copy(from: string, to: string): Promise<boolean>;
}

interface Stray {
  readonly id: string;
  readonly owner: string;
  readonly path: string;
}

/** Copies that one round makes at most: what users did meanwhile is told after it. */
const COPIES_AT_ONCE = 100;

/**
 * LangFlow looks for an upload below the id of the user whose it is, by the last part of its path (`api/v2/files.py` of
 * 1.13). Uploads of an account that became part of another lie below an id that nobody has any more. Each is copied to its
 * owner, under a name that no other upload has, and its row follows, which the other regions are told as any edit. The first
 * object stays: flows name it by its whole path.
 */
export class StrayUploads {
  /** Where accounts were not written, none of them became part of another. */
  #mayBe = true;
  /** Why an upload was not copied. */
  readonly #backoff = new RetryBackoff<string>();

  /** @param prefix below it each user has a folder */
  constructor(
    private readonly objects: UploadObjects,
    private readonly prefix: string,
  ) {}

  /**
   * Brings home what can be. What cannot is tried again, later each time, and keeps no other waiting.
   *
   * @param written whether the region's tables have changed
   * @returns what waits for its object
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

  /** @returns why not */
  private async copy(from: string, to: string): Promise<string | undefined> {
    try {
      const isCopied = await this.objects.copy(`${this.prefix}/${from}`, `${this.prefix}/${to}`);
      return isCopied ? undefined : "its object is not in the bucket yet";
    } catch (error) {
      // A bucket that does not answer is no single upload's trouble.
      if (!(error instanceof BucketError) || error.status === 0) throw error;
      return error.message;
    }
  }
}

const STRAYS = `
  SELECT id::text, user_id::text AS owner, path FROM public.file
    WHERE path ~ '^[0-9a-f-]{36}/' AND split_part(path, '/', 1) <> user_id::text ORDER BY id`;
const MOVE = "UPDATE public.file SET path = $3 WHERE id = $1 AND path = $2";
