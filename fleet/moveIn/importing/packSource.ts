import { createHash } from "node:crypto";
import { createReadStream, type Stats } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { MoveInBucket } from "../../../agent/moveIn/moveInBucket";
import { nameIn, nameOrId } from "../../../formats/moveIn/names";
import {
  FIRST_FORM,
  filePath,
  MANIFEST,
  type PackagedFile,
  type PackagedTable,
  type PackageManifest,
  packRows,
  sha256,
} from "../../../formats/moveIn/package";
import { LARGE_FILE, OF_NOBODY, UNREADABLE_FILE } from "../../../formats/moveIn/reasons";
import { type Row, rowsAtOnce, type TableRows } from "../../../formats/moveIn/row";
import { UPLOADS } from "../../../formats/moveIn/tallies";
import { isReplicated, type ReplicatedTable } from "../../../formats/tables/tableRule";
import { TABLES } from "../../../formats/tables/tables";
import { ExitCode, UserError } from "../../../model/errors";
import type { Inventory, SourceDamage } from "../inventory";
import type { LangFlowFolder } from "../sources/langflowFolder";
import { ROW_NUMBER } from "../sources/sqliteChecks";

/** Number of characters after which a part is written, before compression. The last row may exceed it. */
const PART_CHARACTERS = 8 * 1024 ** 2;
/** S3's maximum size of an object that is uploaded in one request (S3 user guide, "Uploading objects"). */
const FILE_BYTES_MAX = 5 * 1024 ** 3;
/** Maximum number of attempts to read a file that changes meanwhile. */
const TRIES = 3;

export interface Packing {
  readonly rows: TableRows;
  readonly inventory: Inventory;
  /** LangFlow's config folder, which contains its files. */
  readonly folder: LangFlowFolder | undefined;
  readonly bucket: MoveInBucket;
  /** Key prefix of the package's objects, without a trailing slash. */
  readonly prefix: string;
  readonly progress: (done: string) => void;
  readonly signal: AbortSignal;
}

type Left = PackageManifest["left"];

/**
 * Writes the source's data to a bucket, in parts that fit into memory. Writes the manifest last.
 *
 * @returns SHA-256 of the manifest
 * @throws UserError (Cancelled)
 */
export async function packSource(packing: Packing): Promise<string> {
  const { inventory, rows, bucket, prefix } = packing;
  const { source, revisions = [], users = [], flows } = inventory;
  const found = await rows.columns();
  const tables: PackagedTable[] = [];
  const damage = new Damage(inventory.damaged);
  for (const rule of TABLES.filter(isReplicated)) {
    const columns = found.get(rule.table);
    if (columns) tables.push(await packTable(rule, [...columns], packing, damage));
  }
  const { files, left } = await packFiles(packing);
  const manifest: PackageManifest = {
    form: FIRST_FORM,
    source: source.place,
    revisions: [...revisions],
    tables,
    userNames: Object.fromEntries(users.map(({ id, name }) => [id, name])),
    flowNames: Object.fromEntries(flows.map(({ id, name }) => [id, name])),
    ...(files && { files }),
    left: [...damage.left, ...left],
  };
  const text = JSON.stringify(manifest);
  await bucket.write(`${prefix}/${MANIFEST}`, text);
  return sha256(text);
}

/**
 * Leaves damaged rows behind, together with the rows that depend on them. Relies on `TABLES` listing each table after
 * the tables that it references.
 */
class Damage {
  readonly left: Left = [];
  private readonly damaged: ReadonlyMap<string, SourceDamage>;
  private readonly ids = new Map<string, Set<unknown>>();

  constructor(damaged: readonly SourceDamage[] = []) {
    this.damaged = new Map(damaged.map((each) => [`${each.table} ${each.rowNumber}`, each]));
  }

  sound(rule: ReplicatedTable, page: readonly Row[]): readonly Row[] {
    if (this.damaged.size === 0) return page;
    return page.filter((row) => {
      const reason = this.reason(rule, row);
      if (reason === undefined) return true;
      this.left.push({ table: rule.table, reason, name: nameOrId(nameIn(row), String(row.id)), rows: 1 });
      this.ids.set(rule.table, (this.ids.get(rule.table) ?? new Set()).add(row.id));
      return false;
    });
  }

  private reason({ table, references }: ReplicatedTable, row: Row): string | undefined {
    const own = this.damaged.get(`${table} ${row[ROW_NUMBER]}`);
    if (own) return `damaged: ${own.column} is not ${own.holds}`;
    const lost = Object.entries(references).find(
      ([column, { to, missing, dead, instead }]) =>
        // A row whose reference has a substitute is kept: the substitute replaces the damaged row.
        (dead === "dies" || (missing === "waits" && !instead)) &&
        typeof to === "string" &&
        this.ids.get(to)?.has(row[column]),
    );
    return lost && `belongs to a damaged row (${lost[0]})`;
  }
}

async function packTable(
  rule: ReplicatedTable,
  columns: readonly string[],
  packing: Packing,
  damage: Damage,
): Promise<PackagedTable> {
  const { rows, bucket, prefix, progress } = packing;
  const { table: name } = rule;
  const parts: PackagedTable["parts"] = [];
  let held: Row[] = [];
  let characters = 0;
  let count = 0;
  const write = async () => {
    if (held.length === 0) return;
    const bytes = await packRows(held, columns);
    const part = { name: `rows/${name}-${parts.length}.ndjson.gz`, rows: held.length, sha256: sha256(bytes) };
    [held, characters] = [[], 0];
    await bucket.write(`${prefix}/${part.name}`, bytes);
    parts.push(part);
  };
  for await (const page of rows.pages(name, columns, rowsAtOnce(name))) {
    requireGoingOn(packing);
    for (const row of damage.sound(rule, page)) {
      held.push(row);
      characters += lengthOf(row);
      if (characters >= PART_CHARACTERS) await write();
    }
    count += page.length;
    progress(`packed: ${name} ${count}`);
  }
  await write();
  return { name, columns: [...columns], parts };
}

const lengthOf = (row: Row): number =>
  Object.values(row).reduce<number>((sum, value) => {
    const isLong = typeof value === "string" || value instanceof Uint8Array;
    return sum + (isLong ? value.length : 0);
  }, 0);

/** Packs the files. Each folder of files is named after the id of a user or flow. */
async function packFiles(packing: Packing): Promise<{ files?: PackagedFile[]; left: Left }> {
  const { inventory, folder, progress } = packing;
  const { users = [], flows } = inventory;
  const left: Left = (inventory.files?.missing ?? []).map((name) =>
    leftFile("the database lists it, but the folder does not contain it", name),
  );
  if (!folder) {
    const rows = inventory.files?.count ?? 0;
    const reason = "LangFlow's folder was not passed (--config)";
    return { left: rows === 0 ? left : [...left, { table: UPLOADS, reason, rows }] };
  }
  const known = new Set([...users, ...flows].map(({ id }) => id));
  const folders = new Map(folder.owners());
  const files: PackagedFile[] = [];
  for (const [id, name] of folder.owners())
    for (const path of await folder.filesOf(name).catch((error: NodeJS.ErrnoException) => {
      left.push(leftFile(`${UNREADABLE_FILE} (${error.code})`, id));
      return [];
    })) {
      requireGoingOn(packing);
      const isOwned = known.has(id) && folders.get(id) === name;
      const packed = isOwned ? await packFile(`${id}/${path}`, join(folder.path, name, path), packing) : OF_NOBODY;
      if (typeof packed === "string") left.push(leftFile(packed, `${name}/${path}`));
      else files.push(packed);
      progress(`packed: files ${files.length}`);
    }
  return { files, left };
}

const leftFile = (reason: string, name: string): Left[number] => ({ table: UPLOADS, reason, name, rows: 1 });

/** @returns the packed file, or the reason why it is left behind */
async function packFile(path: string, file: string, { bucket, prefix }: Packing): Promise<PackagedFile | string> {
  // LangFlow may be writing the file. A digest of different contents would fail the whole import.
  for (let tries = 1; tries <= TRIES; tries += 1) {
    let digest: string;
    let before: Stats;
    try {
      before = await stat(file);
      digest = await digestOfFile(file);
    } catch (error) {
      return `${UNREADABLE_FILE} (${(error as NodeJS.ErrnoException).code})`;
    }
    if (before.size > FILE_BYTES_MAX) return LARGE_FILE;
    const isStill = async () => {
      const after = await stat(file).catch(() => undefined);
      return after?.size === before.size && after.mtimeMs === before.mtimeMs;
    };
    try {
      await bucket.writeFile(`${prefix}/${filePath(path)}`, file, before.size);
    } catch (error) {
      if (await isStill()) throw error;
      continue;
    }
    if (await isStill()) return { path, sha256: digest };
  }
  return `${UNREADABLE_FILE} (it changed during each of ${TRIES} attempts)`;
}

function requireGoingOn({ signal }: Packing): void {
  if (signal.aborted) throw new UserError("interrupted; nothing was changed", ExitCode.Cancelled);
}

async function digestOfFile(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}
