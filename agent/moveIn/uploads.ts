import type { Client } from "pg";
import { inTransaction } from "../postgres/connection";
import { AgentError, ExitCode } from "../process/errors";
import { type Entry, Ledger } from "./ledger";
import type { PackagedFile } from "./package";
import { CHANGED_ON_BOTH, DELETED_IN_FLEET, FLEETS_OWN, INTERRUPTED, OF_NOBODY } from "./reasons";
import type { Strangers } from "./strangers";
import type { Tallies } from "./tallies";

/** The region's bucket, as far as uploads need it. */
export interface UploadStore {
  /** What changes with an object's content; undefined where there is none. */
  versionOf(key: string): Promise<string | undefined>;
  /** SHA-256 of an object, in hexadecimal; undefined where there is none. */
  digestOf(key: string): Promise<string | undefined>;
  /** Copies a file of the package, over an object of that key. @returns as {@link versionOf} */
  put(file: PackagedFile, key: string): Promise<string>;
}

export interface CarryingUploads {
  readonly files: readonly PackagedFile[];
  readonly store: UploadStore;
  /** Before each key, without a slash at its end. */
  readonly prefix: string;
  readonly region: Client;
  readonly source: string;
  /** Flows that are another user's in the fleet get nothing of the source's. */
  readonly strangers: Strangers;
  readonly tallies: Tallies;
  readonly progress: (done: string) => void;
  readonly signal: AbortSignal;
}

/** What the ledger and the table of what became of all call the files. */
export const UPLOADS = "uploads";

/**
 * Brings files to where LangFlow looks for them in a bucket: below the id of their user or flow. Those of an account that became the
 * fleet's superuser go below that id, and below their old one too, since flows name them by it.
 */
export async function carryUploads(carrying: CarryingUploads): Promise<void> {
  const { files, region, source, tallies, progress, signal, prefix } = carrying;
  const ledger = new Ledger(region, source);
  const users = (await ledger.others()).get("user") ?? new Map<string, string>();
  const known = new Map<string, boolean>();
  let count = 0;
  for (const file of files) {
    if (signal.aborted) throw new AgentError(INTERRUPTED, ExitCode.Failure);
    const [id = ""] = file.path.split("/");
    const into = users.get(id);
    const keys = into === undefined ? [file.path] : [file.path, `${into}${file.path.slice(id.length)}`];
    const isKnown = known.get(id) ?? (await hasCome(carrying, into ?? id));
    known.set(id, isKnown);
    if (!isKnown) tallies.leave(UPLOADS, OF_NOBODY, file.path);
    else for (const key of keys) await new Upload(file, `${prefix}/${key}`, { ...carrying, ledger }).carry();
    progress(`carried: files ${++count}`);
  }
}

/** Whether the region has a user or a flow of that id, which came or was there as the source has it. */
async function hasCome({ region, strangers }: CarryingUploads, id: string): Promise<boolean> {
  if (strangers.get("flow")?.has(id)) return false;
  const { rows } = await region.query(
    `SELECT FROM public."user" WHERE id::text = $1 UNION ALL SELECT FROM public.flow WHERE id::text = $1`,
    [id],
  );
  return rows.length > 0;
}

class Upload {
  constructor(
    private readonly file: PackagedFile,
    private readonly key: string,
    private readonly carrying: CarryingUploads & { readonly ledger: Ledger },
  ) {}

  async carry(): Promise<void> {
    const { store, ledger, tallies } = this.carrying;
    const { path: name, sha256: digest } = this.file;
    const known = (await ledger.entries(UPLOADS, [this.key])).get(this.key);
    if (known?.sourceDigest === digest) return tallies.count(UPLOADS, "unchanged");
    const version = await store.versionOf(this.key);
    if (known === undefined && version !== undefined) {
      // Written by an import that was ended before it said so, or the fleet's own.
      if ((await store.digestOf(this.key)) !== digest) return tallies.leave(UPLOADS, FLEETS_OWN, name);
      await this.keep(digest, version);
      return tallies.count(UPLOADS, "unchanged");
    }
    if (known !== undefined && version === undefined) return tallies.leave(UPLOADS, DELETED_IN_FLEET, name);
    if (known !== undefined && version !== known.fleetDigest && !(await this.isWhatCame(digest, version)))
      return tallies.leave(UPLOADS, CHANGED_ON_BOTH, name);
    await this.keep(digest, await store.put(this.file, this.key));
    tallies.count(UPLOADS, known === undefined ? "made" : "changed");
  }

  /** Whether an import wrote it that was ended before it said so. */
  private async isWhatCame(digest: string, version: string | undefined): Promise<boolean> {
    return version !== undefined && (await this.carrying.store.digestOf(this.key)) === digest;
  }

  private async keep(sourceDigest: string, fleetDigest: string): Promise<void> {
    const { region, ledger } = this.carrying;
    const entry: Entry = { id: this.key, sourceDigest, fleetId: this.key, fleetDigest };
    await inTransaction(region, () => ledger.keep(UPLOADS, [entry]));
  }
}
