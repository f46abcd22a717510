import { AgentError, ExitCode } from "../process/errors";
import type { Log } from "../process/log";
import type { Bucket } from "./bucket";
import { backupFolder, isBackupId, MANIFEST } from "./layout";
import { type Manifest, parseManifest } from "./manifest";

/** Where a region's backups lie. */
export interface BackupPlace {
  readonly bucket: Bucket;
  /** Of all backups, for example `backups`. */
  readonly prefix: string;
  /** The region whose backups they are. */
  readonly region: string;
}

/** A backup as its manifest's headers show it. */
export interface BackupFacts {
  readonly id: string;
  /** When its manifest was written. */
  readonly finishedAt: Date;
  /** Bytes of all objects; uploaded files stay where they are and do not count. */
  readonly bytes: number;
}

/** What the manifest says of its backup's size, to be had without reading it. */
export const BYTES_METADATA = "bytes";

/**
 * The newest complete backup of a region. One without a manifest does not exist: it is being made, or never was.
 *
 * @returns undefined when there is none
 * @throws AgentError (Unreachable) when the bucket does not answer
 */
export async function newestBackup({ bucket, prefix, region }: BackupPlace): Promise<BackupFacts | undefined> {
  const ids = (await bucket.folders(backupFolder(prefix, region))).filter(isBackupId);
  for (const id of ids.reverse()) {
    const manifest = await bucket.head(`${backupFolder(prefix, region, id)}${MANIFEST}`);
    if (manifest)
      return { id, finishedAt: manifest.lastModified, bytes: Number(manifest.metadata[BYTES_METADATA] ?? 0) };
  }
  return undefined;
}

/**
 * Reads a backup's manifest: of its versions the first that is one, since a manifest is written once. Where that is not
 * the current one, somebody wrote over it or deleted it, which is said.
 *
 * @param id undefined for the newest, deleted ones included
 * @throws AgentError (BadInput) when there is no such backup, (Damaged) when no version of its manifest is one
 */
export async function readManifest(
  place: BackupPlace,
  id: string | undefined,
  log: Pick<Log, "warn">,
): Promise<Manifest> {
  const where = `${place.bucket.name}/${backupFolder(place.prefix, place.region)}`;
  if (id !== undefined) {
    if (!isBackupId(id)) throw new AgentError(`"${id}" is no backup's id`, ExitCode.BadInput);
    const manifest = await firstManifest(place, id, log);
    if (!manifest) throw new AgentError(`there is no backup ${id} in ${where}`, ExitCode.BadInput);
    return manifest;
  }
  const ids = (await place.bucket.foldersEver(backupFolder(place.prefix, place.region))).filter(isBackupId);
  for (const each of ids.reverse()) {
    const manifest = await firstManifest(place, each, log);
    if (manifest) return manifest;
  }
  throw new AgentError(`there is no backup in ${where}`, ExitCode.BadInput);
}

/** @returns undefined when there never was one */
async function firstManifest(place: BackupPlace, id: string, log: Pick<Log, "warn">): Promise<Manifest | undefined> {
  const key = `${backupFolder(place.prefix, place.region, id)}${MANIFEST}`;
  const versions = await place.bucket.versionsOf(key);
  for (const { versionId, isCurrent } of versions) {
    const manifest = parseManifest(await textOf(place.bucket, key, versionId));
    if (manifest?.id !== id || manifest.region !== place.region) continue;
    if (!isCurrent)
      log.warn(
        { key, versionId },
        "the manifest was deleted or written over: the version that was written first is used",
      );
    return manifest;
  }
  if (versions.length === 0) return undefined;
  throw new AgentError(`${key} is damaged: no version of it is as it was written`, ExitCode.Damaged);
}

async function textOf(bucket: Bucket, key: string, versionId: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  const stored = await bucket.get(key, { versionId });
  if (stored) for await (const chunk of stored.body) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}
