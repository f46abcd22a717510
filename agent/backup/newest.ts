import { AgentError, ExitCode } from "../../formats/agentErrors";
import { backupFolder, isBackupId, MANIFEST } from "../../formats/backup/layout";
import { type Manifest, parseManifest } from "../../formats/backup/manifest";
import type { Log } from "../process/log";
import type { Bucket } from "./bucket";

/** Location of a region's backups. */
export interface BackupPlace {
  readonly bucket: Bucket;
  /** Key prefix of all backups, for example `backups`. */
  readonly prefix: string;
  /** Region that made the backups. */
  readonly region: string;
}

/** Facts about a backup, from the headers of its manifest. */
export interface BackupFacts {
  readonly id: string;
  /** Time at which the manifest was written. */
  readonly finishedAt: Date;
  /** Total size of the backup's objects, in bytes. Uploaded files are not copied and do not count. */
  readonly bytes: number;
}

/** Metadata key of the manifest that holds the backup's size, so that the size can be read without the manifest. */
export const BYTES_METADATA = "bytes";

/**
 * Returns the newest complete backup of a region. A backup without a manifest is still being made or was never
 * completed, so it is skipped.
 *
 * @returns undefined if there is no backup
 * @throws AgentError (Unreachable) if the bucket does not answer
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
 * Reads a backup's manifest: the oldest valid version, because the agent writes a manifest only once. If this version
 * is not current, the manifest was overwritten or deleted later, and a warning is logged.
 *
 * @param id undefined for the newest backup, including deleted ones
 * @throws AgentError (BadInput) if the backup does not exist, (Damaged) if no version of its manifest is valid
 */
export async function readManifest(
  place: BackupPlace,
  id: string | undefined,
  log: Pick<Log, "warn">,
): Promise<Manifest> {
  const where = `${place.bucket.name}/${backupFolder(place.prefix, place.region)}`;
  if (id !== undefined) {
    if (!isBackupId(id)) throw new AgentError(`"${id}" is not a backup id`, ExitCode.BadInput);
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

/** @returns undefined if the backup never had a manifest */
async function firstManifest(place: BackupPlace, id: string, log: Pick<Log, "warn">): Promise<Manifest | undefined> {
  const key = `${backupFolder(place.prefix, place.region, id)}${MANIFEST}`;
  const versions = await place.bucket.versionsOf(key);
  for (const { versionId, isCurrent } of versions) {
    const manifest = parseManifest(await textOf(place.bucket, key, versionId));
    if (manifest?.id !== id || manifest.region !== place.region) continue;
    if (!isCurrent)
      log.warn({ key, versionId }, "the manifest was deleted or overwritten: using the version that was written first");
    return manifest;
  }
  if (versions.length === 0) return undefined;
  throw new AgentError(`${key} is damaged: none of its versions is intact`, ExitCode.Damaged);
}

async function textOf(bucket: Bucket, key: string, versionId: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  const stored = await bucket.get(key, { versionId });
  if (stored) for await (const chunk of stored.body) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}
