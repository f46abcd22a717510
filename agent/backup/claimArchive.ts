import { constants } from "node:fs";
import { type FileHandle, lstat, open, opendir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { extract, type Pack, pack } from "tar-stream";
import { AgentError, ExitCode } from "../../formats/agentErrors";
import { claimPath, PASSING_NAME } from "./claimPath";

const KEPT_PATHS = 100;
const CHUNK_BYTES = 1024 * 1024;
/** Largest file, in bytes, that is read into memory and read again if it changes meanwhile. */
const SMALL_BYTES = 4 * CHUNK_BYTES;
const TRIES = 3;

/** Statistics of a packed claim. They are filled in while the archive is read. */
export class ClaimReport {
  files = 0;
  /** Paths of files that changed while they were read, at most 100. */
  readonly changed: string[] = [];
  /** Paths of sockets, pipes, devices, and entries that disappeared before they could be read, at most 100. */
  readonly skipped: string[] = [];

  note(list: "changed" | "skipped", path: string): void {
    if (this[list].length < KEPT_PATHS) this[list].push(path);
  }
}

/**
 * Packs a folder as a gzipped tar of files, folders and symbolic links. Links are stored as links and never followed. A
 * file that changes while it is read is packed as far as possible and reported.
 *
 * @throws AgentError through the stream: BadInput if the folder does not exist, Failure if a file is not readable
 */
export async function* packClaim(root: string, report: ClaimReport): AsyncGenerator<Uint8Array> {
  const archive = pack();
  // The claim is mostly text and indexes: the highest level would need ten times the CPU to save a few percent.
  const gzip = createGzip({ level: 1 });
  const piped = pipeline(archive, gzip);
  piped.catch(() => undefined);
  const walked = packFolder(archive, root, "", report).then(
    () => archive.finalize(),
    (error) => archive.destroy(error),
  );
  try {
    yield* gzip as AsyncIterable<Uint8Array>;
    await piped;
  } finally {
    archive.destroy();
    await walked;
  }
}

async function packFolder(archive: Pack, root: string, folder: string, report: ClaimReport): Promise<void> {
  for await (const { name } of await openFolder(join(root, folder), folder)) {
    if (name === PASSING_NAME || (folder === "" && name === "lost+found")) continue;
    const path = folder === "" ? name : `${folder}/${name}`;
    const place = join(root, path);
    const facts = await lstat(place).catch(goneOr(path));
    if (!facts) {
      report.note("skipped", path);
      continue;
    }
    const header = { name: path, mode: facts.mode & 0o7777, mtime: facts.mtime };
    if (facts.isDirectory()) {
      archive.entry({ ...header, type: "directory" });
      await packFolder(archive, root, path, report);
    } else if (facts.isSymbolicLink()) {
      const linkname = await readlink(place).catch(goneOr(path));
      if (linkname === undefined) report.note("skipped", path);
      else archive.entry({ ...header, type: "symlink", linkname });
    } else if (facts.isFile()) {
      await packFile(archive, place, path, report);
    } else report.note("skipped", path);
  }
}

async function openFolder(place: string, path: string) {
  try {
    return await opendir(place);
  } catch (error) {
    if (path === "")
      throw new AgentError(
        `the PersistentVolumeClaim mounted at ${place} cannot be read: ${message(error)}`,
        ExitCode.BadInput,
      );
    return (await goneOr(path)(error)) ?? [];
  }
}

async function packFile(archive: Pack, place: string, path: string, report: ClaimReport): Promise<void> {
  // O_NOFOLLOW: do not follow a link that has replaced the file since lstat.
  const file = await open(place, constants.O_RDONLY | constants.O_NOFOLLOW).catch(goneOr(path));
  if (!file) return report.note("skipped", path);
  try {
    const before = await file.stat();
    const small = before.size <= SMALL_BYTES ? await readSteadily(file) : undefined;
    const { size, mtime } = small ?? before;
    const entry = archive.entry({ name: path, type: "file", size, mtime, mode: before.mode & 0o7777 });
    await pipeline(small ? [small.content] : exactly(file, size), entry);
    const after = await file.stat();
    if (small ? !small.steady : after.mtimeMs !== before.mtimeMs || after.size !== size) report.note("changed", path);
    report.files++;
  } finally {
    await file.close();
  }
}

async function readSteadily(file: FileHandle) {
  for (let attempt = 1; ; attempt++) {
    const before = await file.stat();
    const chunks: Buffer[] = [];
    for await (const chunk of exactly(file, before.size)) chunks.push(chunk);
    const content = Buffer.concat(chunks);
    const after = await file.stat();
    const steady = after.mtimeMs === before.mtimeMs && after.size === before.size;
    if (steady || attempt === TRIES) return { content, size: content.length, mtime: before.mtime, steady };
  }
}

/**
 * Reads exactly `size` bytes, because the archive's header already contains the size. If the file is now shorter, the
 * rest is filled with zeros.
 */
async function* exactly(file: FileHandle, size: number): AsyncGenerator<Buffer> {
  for (let position = 0; position < size; ) {
    const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, size - position));
    const { bytesRead } = await file.read(chunk, 0, chunk.length, position);
    const taken = bytesRead === 0 ? chunk : chunk.subarray(0, bytesRead);
    position += taken.length;
    yield taken;
  }
}

const message = (error: unknown) => (error as Error).message;

/**
 * Ignores the error if the entry disappeared during the walk. Any other error is thrown, because ignoring it would
 * silently omit files from the backup.
 */
const goneOr =
  (path: string) =>
  (error: unknown): undefined => {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (["ENOENT", "ENOTDIR", "ELOOP", "ESTALE"].includes(code)) return undefined;
    throw new AgentError(`cannot read ${path} in the PersistentVolumeClaim: ${message(error)}`);
  };

/** One entry of an archive. */
export interface ArchiveEntry {
  /** Path below the claim; empty for the claim itself. */
  readonly path: readonly string[];
  readonly type: "file" | "directory" | "symlink";
  /** Permission bits. */
  readonly mode: number;
  readonly mtime: Date;
  /** Target of a symbolic link. It may be any path, because links are never followed. */
  readonly target: string;
  /** Content of the entry. Read or skip it before requesting the next entry. */
  readonly content: AsyncIterable<Uint8Array>;
}

/**
 * Reads an archive entry by entry.
 *
 * @throws AgentError (Damaged) if the archive cannot be read or contains an entry type that a claim's backup never has
 */
export async function* readArchive(source: AsyncIterable<Uint8Array>): AsyncGenerator<ArchiveEntry> {
  const entries = extract();
  const piped = pipeline(Readable.from(source, { objectMode: false }), createGunzip(), entries);
  piped.catch(() => undefined);
  try {
    for await (const entry of entries) {
      const { name, type, mode, mtime, linkname } = entry.header;
      if (type !== "file" && type !== "directory" && type !== "symlink")
        throw new AgentError(`the archive contains ${name} of the unsupported type ${type}`, ExitCode.Damaged);
      yield {
        path: claimPath(name),
        type,
        mode: mode ?? 0o644,
        mtime: mtime ?? new Date(0),
        target: linkname ?? "",
        content: entry as AsyncIterable<Uint8Array>,
      };
      entry.resume();
    }
    await piped;
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (code.startsWith("Z_") || /invalid tar|unexpected end/i.test(message(error)))
      throw new AgentError(`the archive cannot be read: ${message(error)}`, ExitCode.Damaged);
    throw error;
  } finally {
    entries.destroy();
  }
}
