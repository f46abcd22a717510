import { AgentError, ExitCode } from "../errors";
import type { Log } from "../log";
import type { ObjectStream } from "./bucket";
import { type ArchiveEntry, readArchive } from "./claimArchive";
import { backupFolder, CLAIM_ARCHIVE, USER_FILES } from "./layout";
import { type Manifest, type StoredObject, sizeOf } from "./manifest";
import { type BackupPlace, readManifest } from "./newest";
import { inParallel } from "./parallel";
import { Progress, Tally } from "./progress";
import { type FilesPlace, findRecorded, lost, parseUserFiles, type UserFile } from "./userFiles";

const OBJECTS_AT_ONCE = 4;
const FILES_AT_ONCE = 16;

export interface VerifyOptions {
  readonly source: BackupPlace;
  /** Default: the newest. */
  readonly id?: string;
  readonly log: Pick<Log, "info">;
}

export interface VerifyResult {
  readonly id: string;
  readonly bytes: number;
  readonly seconds: number;
  readonly objects: number;
}

/**
 * Reads every object of a backup and checks it against the manifest, and that each uploaded file is still there in the
 * version that was backed up.
 *
 * @throws AgentError: Damaged, naming the object, BadInput when there is no such backup, Unreachable
 */
export async function verify({ source, id, log }: VerifyOptions): Promise<VerifyResult> {
  const manifest = await readManifest(source, id);
  const progress = new Progress(log, "verify");
  await checkObjects(source, manifest, progress, {});
  const result = {
    id: manifest.id,
    bytes: sizeOf(manifest.objects),
    seconds: progress.seconds,
    objects: manifest.objects.length,
  };
  log.info({ backup: result.id, ...result }, "every object is as it was written");
  return result;
}

/** What to do with content while it is checked. Whatever is seen here may still prove damaged. */
export interface Readers {
  /** Must read to the end. */
  readonly content?: (object: StoredObject, content: AsyncIterable<Uint8Array>) => Promise<void>;
  readonly claimEntry?: (entry: ArchiveEntry) => Promise<void>;
  /** Called for many files at once. */
  readonly userFile?: (file: UserFile) => Promise<void>;
}

/**
 * Checks every object of a backup.
 *
 * @returns the ETags of what was checked, by key, so that a second reading gets the same content or nothing
 * @throws AgentError (Damaged), naming the object
 */
export async function checkObjects(
  source: BackupPlace,
  manifest: Manifest,
  progress: Progress,
  readers: Readers,
): Promise<Map<string, string>> {
  const etags = new Map<string, string>();
  const files: FilesPlace = { bucket: source.bucket, prefix: manifest.userFiles.prefix };
  const read = async (object: StoredObject, content: AsyncIterable<Uint8Array>) => {
    if (object.key === CLAIM_ARCHIVE) {
      for await (const entry of readArchive(content)) await readers.claimEntry?.(entry);
    } else if (object.key === USER_FILES) {
      await inParallel(parseUserFiles(content), FILES_AT_ONCE, async (file) => {
        if (!(await findRecorded(files, file))) throw lost(files, file);
        await readers.userFile?.(file);
      });
    } else if (readers.content) await readers.content(object, content);
    else for await (const _ of content);
  };

  // Content is looked at only after its checksum held: what a flipped byte makes of an archive explains nothing.
  await inParallel(manifest.objects, OBJECTS_AT_ONCE, async (object) => {
    const stored = await open(source, manifest, object);
    etags.set(object.key, stored.etag);
    const looksInside = object.key === CLAIM_ARCHIVE || object.key === USER_FILES;
    const tally = new Tally(progress);
    const content = tally.through(stored.body);
    if (looksInside) for await (const _ of content);
    else await read(object, content);
    check(source, manifest, object, tally);
    progress.objectDone();
  });
  const inside = manifest.objects.filter(
    ({ key }) => key === USER_FILES || (key === CLAIM_ARCHIVE && readers.claimEntry !== undefined),
  );
  for (const object of inside) await read(object, (await open(source, manifest, object, etags.get(object.key))).body);
  return etags;
}

/**
 * Opens one object.
 *
 * @param etag to get that content and no other
 * @throws AgentError (Damaged) when it is not there, or no longer that
 */
export async function open(
  source: BackupPlace,
  manifest: Manifest,
  object: StoredObject,
  etag?: string,
): Promise<ObjectStream> {
  const stored = await source.bucket.get(keyOf(source, manifest, object), { etag });
  if (stored) return stored;
  throw new AgentError(`${keyOf(source, manifest, object)} is not there, or was changed meanwhile`, ExitCode.Damaged);
}

/** @throws AgentError (Damaged) when size or checksum are not the manifest's */
export function check(source: BackupPlace, manifest: Manifest, object: StoredObject, tally: Tally): void {
  const key = keyOf(source, manifest, object);
  if (tally.size !== object.size)
    throw new AgentError(`${key} is damaged: ${tally.size} bytes instead of ${object.size}`, ExitCode.Damaged);
  if (tally.sha256() !== object.sha256)
    throw new AgentError(`${key} is damaged: its checksum does not hold`, ExitCode.Damaged);
}

function keyOf({ prefix, region }: BackupPlace, { id }: Manifest, { key }: StoredObject): string {
  return `${backupFolder(prefix, region, id)}${key}`;
}
