import type { Client } from "pg";
import { AgentError, ExitCode } from "../../formats/agentErrors";
import type { PackagedFile } from "../../formats/moveIn/package";
import { CHANGED_ON_BOTH, DELETED_IN_FLEET, FLEETS_OWN, INTERRUPTED, OF_NOBODY } from "../../formats/moveIn/reasons";
import { type Tallies, UPLOADS } from "../../formats/moveIn/tallies";
import { inTransaction } from "../postgres/connection";
import { type Entry, Ledger } from "./ledger";
import type { ScratchDatabase } from "./scratchDatabase";
import type { Strangers } from "./strangers";

/** The operations on the region's bucket that uploads need. */
export interface UploadStore {
  /** Returns the ETag of an object, which changes with its content, or undefined if the object does not exist. */
  versionOf(key: string): Promise<string | undefined>;
  /** Returns the SHA-256 of an object in hexadecimal, or undefined if the object does not exist. */
  digestOf(key: string): Promise<string | undefined>;
  /**
   * Copies a file of the package to a key, and overwrites an existing object. @returns the new object's ETag, like
   * {@link versionOf}
   */
  put(file: PackagedFile, key: string): Promise<string>;
}

export interface CarryingUploads {
  readonly files: readonly PackagedFile[];
  readonly store: UploadStore;
  /** Prefix of each key, without a trailing slash. */
  readonly prefix: string;
  readonly region: Client;
  readonly scratch: Pick<ScratchDatabase, "flowsAmong">;
  readonly source: string;
  /** Rows that belong to other users in the fleet. The source's files must not be attached to such flows. */
  readonly strangers: Strangers;
  readonly tallies: Tallies;
  readonly progress: (done: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Copies files to the keys at which LangFlow expects them, below the id of their user or flow. The files of an account
 * that was merged with the fleet's superuser are copied below that id and below the old one, because flows reference
 * them by the old id.
 */
export async function carryUploads(carrying: CarryingUploads): Promise<void> {
  const { files, region, source, tallies, progress, signal, prefix } = carrying;
  const ledger = new Ledger(region, source);
  const users = (await ledger.others()).get("user") ?? new Map<string, string>();
  const known = new Map<string, boolean>();
  // Flows of this source: imported now, or by an earlier import if the source's row is damaged now.
  const flows = new Set(await ledger.idsOf("flow"));
  const folders = new Set(files.map(({ path }) => path.split("/")[0] ?? ""));
  for (const id of await carrying.scratch.flowsAmong([...folders])) flows.add(id);
  let count = 0;
  for (const file of files) {
    if (signal.aborted) throw new AgentError(INTERRUPTED, ExitCode.Failure);
    const [id = ""] = file.path.split("/");
    const into = users.get(id);
    const isExcluded = carrying.strangers.get("user")?.has(id) === true;
    const isKnown = known.get(id) ?? (!isExcluded && (await hasCome(carrying, flows, into ?? id)));
    known.set(id, isKnown);
    if (!isKnown) tallies.leave(UPLOADS, OF_NOBODY, file.path);
    else {
      const own = `${prefix}/${file.path}`;
      await new Upload(file, own, own, { ...carrying, ledger }).carry();
      // Files of several merged accounts may have one key. The ledger tells them apart by their own paths.
      const merged = `${prefix}/${into}${file.path.slice(id.length)}`;
      if (into !== undefined) await new Upload(file, merged, `${own} → ${merged}`, { ...carrying, ledger }).carry();
    }
    progress(`imported: files ${++count}`);
  }
}

/** Returns true if the region has a user or flow of that id that may receive the source's files. */
async function hasCome(
  { region, strangers }: CarryingUploads,
  flows: ReadonlySet<string>,
  id: string,
): Promise<boolean> {
  const isIn = async (table: string) =>
    (await region.query(`SELECT FROM public.${table} WHERE id::text = $1`, [id])).rows.length > 0;
  if (await isIn(`"user"`)) return true;
  // If the fleet has a flow of a different source with that id, it may belong to a different user.
  return flows.has(id) && !strangers.get("flow")?.has(id) && (await isIn("flow"));
}

class Upload {
  constructor(
    private readonly file: PackagedFile,
    private readonly key: string,
    /** Id of the ledger's entry. */
    private readonly id: string,
    private readonly carrying: CarryingUploads & { readonly ledger: Ledger },
  ) {}

  async carry(): Promise<void> {
    const { store, ledger, tallies } = this.carrying;
    const { path: name, sha256: digest } = this.file;
    const known = (await ledger.entries(UPLOADS, [this.id])).get(this.id);
    if (known?.sourceDigest === digest) return tallies.count(UPLOADS, "unchanged");
    const version = await store.versionOf(this.key);
    if (known === undefined && version !== undefined) {
      // An interrupted import wrote the object without recording it, or it is the fleet's own.
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

  /** Returns true if an interrupted import wrote the object without recording it. */
  private async isWhatCame(digest: string, version: string | undefined): Promise<boolean> {
    return version !== undefined && (await this.carrying.store.digestOf(this.key)) === digest;
  }

  private async keep(sourceDigest: string, fleetDigest: string): Promise<void> {
    const { region, ledger } = this.carrying;
    const entry: Entry = { id: this.id, sourceDigest, sourceTime: null, fleetId: this.id, fleetDigest };
    await inTransaction(region, () => ledger.keep(UPLOADS, [entry]));
  }
}
