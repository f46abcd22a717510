import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Client } from "pg";
import { inTransaction } from "../../../agent/postgres/connection";
import { ExitCode, UserError } from "../../../model/errors";
import type { LangFlowFolder } from "../sources/langflowFolder";
import { CHANGED_ON_BOTH, DELETED_IN_FLEET, FLEETS_OWN } from "./carry";
import { type Entry, Ledger } from "./ledger";
import type { Tallies } from "./tallies";

/** The region's bucket, as far as uploads need it. */
export interface UploadStore {
  /** What changes with an object's contents; undefined where there is none. */
  versionOf(key: string): Promise<string | undefined>;
  /** SHA-256 of an object, in hexadecimal. */
  digestOf(key: string): Promise<string>;
  /** Writes an object of a file, over one of that key. @returns as {@link versionOf} */
  put(key: string, file: string): Promise<string>;
}

export interface CarryingUploads {
  readonly folder: LangFlowFolder;
  readonly store: UploadStore;
  /** Before each key, without a slash at its end. */
  readonly prefix: string;
  readonly region: Client;
  readonly source: string;
  readonly tallies: Tallies;
  readonly progress: (done: string) => void;
  readonly signal: AbortSignal;
}

/** What the ledger and the table of what became of all call the files. */
export const UPLOADS = "uploads";
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Brings files from LangFlow's folder to where LangFlow looks for them in a bucket: below the id of their user or flow. Those of an
 * account that became the fleet's superuser go below that id, and below their old one too, since flows name them by it.
 */
export async function carryUploads(carrying: CarryingUploads): Promise<void> {
  const { folder, region, source, tallies, progress, signal, prefix } = carrying;
  const ledger = new Ledger(region, source);
  const users = (await ledger.others()).get("user") ?? new Map<string, string>();
  let count = 0;
  for (const id of await idsIn(folder.path)) {
    const isKnown = await Promise.all(
      ["user", "flow"].map(async (table) => (await ledger.entries(table, [id])).size > 0),
    );
    for (const path of await filesIn(join(folder.path, id))) {
      if (signal.aborted)
        throw new UserError(
          "interrupted; what is in the fleet is whole, and the same again goes on from it",
          ExitCode.Cancelled,
        );
      const name = `${id}/${path}`;
      const into = users.get(id);
      const keys = into === undefined ? [name] : [name, `${into}/${path}`];
      if (!isKnown.includes(true)) tallies.leave(UPLOADS, "of no user and no flow that came", name);
      else
        for (const key of keys)
          await new Upload(join(folder.path, id, path), `${prefix}/${key}`, name, { ...carrying, ledger }).carry();
      progress(`carried: files ${++count}`);
    }
  }
}

class Upload {
  constructor(
    private readonly file: string,
    private readonly key: string,
    private readonly name: string,
    private readonly carrying: CarryingUploads & { readonly ledger: Ledger },
  ) {}

  async carry(): Promise<void> {
    const { store, ledger, tallies } = this.carrying;
    const digest = await digestOfFile(this.file).catch((error: NodeJS.ErrnoException) => error);
    if (typeof digest !== "string") return tallies.leave(UPLOADS, `cannot be read (${digest.code})`, this.name);
    const known = (await ledger.entries(UPLOADS, [this.key])).get(this.key);
    if (known?.sourceDigest === digest) return tallies.count(UPLOADS, "unchanged");
    const version = await store.versionOf(this.key);
    if (known === undefined && version !== undefined) {
      // Written by an import that was ended before it said so, or the fleet's own.
      if ((await store.digestOf(this.key)) !== digest) return tallies.leave(UPLOADS, FLEETS_OWN, this.name);
      await this.keep(digest, version);
      return tallies.count(UPLOADS, "unchanged");
    }
    if (known !== undefined && version === undefined) return tallies.leave(UPLOADS, DELETED_IN_FLEET, this.name);
    if (known !== undefined && version !== known.fleetDigest && !(await this.isWhatCame(digest, version)))
      return tallies.leave(UPLOADS, CHANGED_ON_BOTH, this.name);
    await this.keep(digest, await store.put(this.key, this.file));
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

/** Folders that are called by an id, as LangFlow calls those of users and flows. */
async function idsIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.flatMap((each) => (each.isDirectory() && UUID.test(each.name) ? [each.name] : [])).sort();
}

/** Files alone: a link may lead out of the folder. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((each) => each.isFile())
    .map((each) => relative(folder, join(each.parentPath, each.name)).replaceAll(sep, "/"))
    .sort();
}

async function digestOfFile(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}
