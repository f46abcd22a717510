import { AgentError, ExitCode } from "../errors";
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
 * Reads a backup's manifest.
 *
 * @param id undefined for the newest
 * @throws AgentError (BadInput) when there is no such backup, (Damaged) when its manifest is not as it was written
 */
export async function readManifest(place: BackupPlace, id: string | undefined): Promise<Manifest> {
  const chosen = id ?? (await newestBackup(place))?.id;
  const where = `${place.bucket.name}/${backupFolder(place.prefix, place.region)}`;
  if (chosen === undefined) throw new AgentError(`there is no backup in ${where}`, ExitCode.BadInput);
  if (!isBackupId(chosen)) throw new AgentError(`"${chosen}" is no backup's id`, ExitCode.BadInput);
  const key = `${backupFolder(place.prefix, place.region, chosen)}${MANIFEST}`;
  const stored = await place.bucket.get(key);
  if (!stored) throw new AgentError(`there is no backup ${chosen} in ${where}`, ExitCode.BadInput);
  const chunks: Uint8Array[] = [];
  for await (const chunk of stored.body) chunks.push(chunk);
  const manifest = parseManifest(Buffer.concat(chunks).toString("utf8"));
  if (!manifest || manifest.id !== chosen || manifest.region !== place.region)
    throw new AgentError(`${key} is damaged: it is not as it was written`, ExitCode.Damaged);
  return manifest;
}
