import { AgentError, ExitCode } from "../../formats/agentErrors";
import { backupFolder, CLAIM_ARCHIVE, USER_FILES } from "../../formats/backup/layout";
import { type Manifest, type StoredObject, sizeOf } from "../../formats/backup/manifest";
import { forEachConcurrent } from "../async/forEachConcurrent";
import type { Log } from "../process/log";
import type { ObjectStream } from "./bucket";
import { type ArchiveEntry, readArchive } from "./claimArchive";
import { type BackupPlace, readManifest } from "./newest";
import { Progress, Tally } from "./progress";
import { type FilesPlace, findRecorded, LostFiles, parseUserFiles, type UserFile } from "./userFiles";

const OBJECTS_AT_ONCE = 4;
const FILES_AT_ONCE = 16;

export interface VerifyOptions {
  readonly source: BackupPlace;
  /** Default: the newest backup. */
  readonly id?: string;
  readonly log: Pick<Log, "info" | "warn">;
}

export interface VerifyResult {
  readonly id: string;
  readonly bytes: number;
  readonly seconds: number;
  readonly objects: number;
  /** Keys of objects whose current version is damaged or deleted, but of which an older version is intact. */
  readonly recovered: readonly string[];
}

/**
 * Reads every object of a backup and verifies it against the manifest. Also checks that each uploaded file still exists
 * in the recorded version. If an object was deleted or overwritten, an intact older version is accepted.
 *
 * @throws AgentError: Damaged, naming the object, BadInput if the backup does not exist, Unreachable
 */
export async function verify({ source, id, log }: VerifyOptions): Promise<VerifyResult> {
  const manifest = await readManifest(source, id, log);
  const progress = new Progress(log, "verify");
  const { recovered, lost } = await checkObjects({ source, manifest, progress, log }, {});
  const refusal = lost.refusal();
  if (refusal) throw refusal;
  const result = {
    id: manifest.id,
    bytes: sizeOf(manifest.objects),
    seconds: progress.seconds,
    objects: manifest.objects.length,
    recovered,
  };
  log.info({ backup: result.id, ...result }, "every object of the backup is intact");
  return result;
}

/** Context for reading a backup. */
export interface Reading {
  readonly source: BackupPlace;
  readonly manifest: Manifest;
  readonly progress: Progress;
  readonly log: Pick<Log, "warn">;
}

/** Callbacks that receive content while it is verified. The content may still prove to be damaged afterwards. */
export interface Readers {
  /**
   * Must read the content to its end. It is called again with a different version if this version proves to be damaged.
   */
  readonly content?: (object: StoredObject, content: AsyncIterable<Uint8Array>) => Promise<void>;
  readonly claimEntry?: (entry: ArchiveEntry) => Promise<void>;
  /** Called concurrently for many files, but not for lost files. */
  readonly userFile?: (file: UserFile) => Promise<void>;
}

/** Identifies a version of an object's content; empty for the current version. */
export interface ContentId {
  readonly versionId?: string | undefined;
  readonly etag?: string | undefined;
}

/** Result of verifying a backup's objects. */
export interface Checks {
  /** Verified content of each object, by key, so that a second read returns the same content or fails. */
  readonly contents: ReadonlyMap<string, ContentId>;
  /** Keys of objects that were deleted or overwritten. */
  readonly recovered: readonly string[];
  readonly lost: LostFiles;
}

/**
 * Verifies every object of a backup.
 *
 * @throws AgentError (Damaged), naming the object
 */
export async function checkObjects(reading: Reading, readers: Readers): Promise<Checks> {
  const { source, manifest, progress, log } = reading;
  const contents = new Map<string, ContentId>();
  const recovered: string[] = [];
  const files: FilesPlace = { bucket: source.bucket, prefix: manifest.userFiles.prefix };
  const lost = new LostFiles(files, log);

  // Parse the content only after its checksum is verified: errors from parsing a corrupt archive would be misleading.
  await forEachConcurrent(manifest.objects, OBJECTS_AT_ONCE, async (object) => {
    const looksInside = object.key === CLAIM_ARCHIVE || object.key === USER_FILES;
    const reader = looksInside ? undefined : readers.content;
    const { content, isCurrent } = await readAnyVersion(reading, object, reader);
    contents.set(object.key, content);
    if (!isCurrent) recovered.push(keyOf(source, manifest, object));
    progress.objectDone();
  });
  for (const object of manifest.objects) {
    const again = async () => (await open(reading, object, contents.get(object.key))).body;
    if (object.key === CLAIM_ARCHIVE && readers.claimEntry)
      for await (const entry of readArchive(await again())) await readers.claimEntry(entry);
    if (object.key === USER_FILES)
      await forEachConcurrent(parseUserFiles(await again()), FILES_AT_ONCE, async (file) => {
        if (await findRecorded(files, file)) await readers.userFile?.(file);
        else lost.note(file);
      });
  }
  return { contents, recovered: recovered.sort(), lost };
}

/** Reads the current version of an object or, if it is damaged, the first intact older version. */
async function readAnyVersion(reading: Reading, object: StoredObject, reader: Readers["content"]) {
  const { source, manifest, log } = reading;
  try {
    return { content: await readVersion(reading, object, reader), isCurrent: true };
  } catch (error) {
    if (!(error instanceof AgentError) || error.exitCode !== ExitCode.Damaged) throw error;
    const key = keyOf(source, manifest, object);
    for (const { versionId, size, isCurrent } of await source.bucket.versionsOf(key)) {
      if (isCurrent || size !== object.size) continue;
      const content = await readVersion(reading, object, reader, { versionId }).catch(notDamaged);
      if (!content) continue;
      log.warn({ key, versionId }, `${error.message}; using an intact older version`);
      return { content, isCurrent: false };
    }
    throw error;
  }
}

function notDamaged(error: unknown): undefined {
  if (!(error instanceof AgentError) || error.exitCode !== ExitCode.Damaged) throw error;
}

async function readVersion(
  reading: Reading,
  object: StoredObject,
  reader: Readers["content"],
  version: ContentId = {},
): Promise<ContentId> {
  const { body, etag, versionId } = await open(reading, object, version);
  const tally = new Tally(reading.progress);
  const content = tally.through(body);
  if (reader) await reader(object, content);
  else for await (const _ of content);
  check(reading, object, tally);
  return { etag, versionId };
}

/**
 * Opens one object.
 *
 * @param content selects a version; any other content is rejected
 * @throws AgentError (Damaged) if the object does not exist or has changed
 */
export async function open(
  { source, manifest }: Pick<Reading, "source" | "manifest">,
  object: StoredObject,
  { versionId, etag }: ContentId = {},
): Promise<ObjectStream> {
  const key = keyOf(source, manifest, object);
  const stored = await source.bucket.get(key, { ...(versionId && { versionId }), ...(etag && { etag }) });
  if (stored) return stored;
  throw new AgentError(`${key} does not exist, or has changed since it was listed`, ExitCode.Damaged);
}

/** @throws AgentError (Damaged) if the size or the checksum differs from the manifest's */
export function check(
  { source, manifest }: Pick<Reading, "source" | "manifest">,
  object: StoredObject,
  tally: Tally,
): void {
  const key = keyOf(source, manifest, object);
  if (tally.size !== object.size)
    throw new AgentError(`${key} is damaged: ${tally.size} bytes instead of ${object.size}`, ExitCode.Damaged);
  if (tally.sha256() !== object.sha256)
    throw new AgentError(`${key} is damaged: its checksum does not match`, ExitCode.Damaged);
}

function keyOf({ prefix, region }: BackupPlace, { id }: Manifest, { key }: StoredObject): string {
  return `${backupFolder(prefix, region, id)}${key}`;
}
