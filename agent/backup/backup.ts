import type { S3Client } from "@aws-sdk/client-s3";
import {
  backupFolder,
  backupId,
  CLAIM_ARCHIVE,
  DATABASE_DUMP,
  flowKey,
  MANIFEST,
  USER_FILES,
} from "../../formats/backup/layout";
import { type Manifest, renderManifest, type StoredObject, sizeOf } from "../../formats/backup/manifest";
import { exportedFlow } from "../../formats/flows/flowFile";
import { forEachConcurrent } from "../async/forEachConcurrent";
import { itemTrouble } from "../langflow/itemTrouble";
import { parseDatabaseUrl } from "../postgres/connection";
import type { Log } from "../process/log";
import { collectAfter } from "../process/memory";
import { Bucket } from "./bucket";
import { ClaimReport, packClaim } from "./claimArchive";
import { dumpDatabase, withSnapshot } from "./database";
import type { FlowRow } from "./flowRows";
import { interruptible } from "./interruption";
import { BYTES_METADATA } from "./newest";
import { Progress, Tally } from "./progress";
import { FilesReport, listUserFiles } from "./userFiles";

const FLOWS_AT_ONCE = 4;

export interface BackupOptions {
  readonly s3: S3Client;
  /** The region's flow bucket. */
  readonly bucket: string;
  /** Key prefix of all backups in the bucket. */
  readonly prefix: string;
  /** Key prefix of LangFlow's uploaded files in the bucket. */
  readonly filesPrefix: string;
  /** Our name of the region, for example us-east. */
  readonly region: string;
  readonly databaseUrl: string;
  /** Mount path of the claim. */
  readonly dataDir: string;
  /** LangFlow's version, as reported by the program that runs LangFlow. */
  readonly langflowVersion: string;
  readonly log: Pick<Log, "info" | "warn">;
  readonly signal?: AbortSignal;
}

export interface BackupResult {
  readonly id: string;
  /** Total size of the backup's objects, excluding the manifest. */
  readonly bytes: number;
  readonly seconds: number;
  /** Number of the backup's objects, excluding the manifest. */
  readonly objects: number;
  readonly counts: Manifest["counts"];
}

/**
 * Backs up a region: one snapshot of the database, the claim's files, a list of the uploaded files, and every user's
 * flow as JSON. The backup does not use LangFlow's API, so LangFlow may be down. The manifest is uploaded last, after
 * every other object is stored, so a backup is either complete or does not exist. No object is ever overwritten. Memory
 * use is bounded: a few parts of an upload, a few flows, and one record per object.
 *
 * @throws AgentError: Unreachable if the database or the bucket does not answer, BadInput if the claim or pg_dump does
 *   not exist, Failure if pg_dump fails, the claim is not readable, or the signal aborts the backup
 */
export function backup(options: BackupOptions): Promise<BackupResult> {
  return interruptible(options.signal, "no backup was created", () => makeBackup(options));
}

async function makeBackup(options: BackupOptions): Promise<BackupResult> {
  const { log, signal, region } = options;
  const bucket = new Bucket(options.s3, options.bucket, signal);
  const address = parseDatabaseUrl(options.databaseUrl);
  const progress = new Progress(log, "backup");

  return withSnapshot(address, async (snapshot) => {
    const id = backupId(snapshot.takenAt);
    const folder = backupFolder(options.prefix, region, id);
    log.info({ backup: id, bucket: bucket.name }, "backup started");
    const objects: StoredObject[] = [];
    const store = async (key: string, source: AsyncIterable<Uint8Array>) => {
      const tally = new Tally(progress);
      await bucket.putStream(`${folder}${key}`, tally.through(source));
      objects.push({ key, size: tally.size, sha256: tally.sha256() });
      progress.objectDone();
    };

    await store(DATABASE_DUMP, dumpDatabase(address, snapshot, signal));
    const claim = new ClaimReport();
    await store(CLAIM_ARCHIVE, packClaim(options.dataDir, claim));
    // List the files after the dump. LangFlow stores a file before it inserts the file's row, so the bucket contains
    // the file of every row in the dump.
    const files = new FilesReport();
    await store(USER_FILES, listUserFiles(bucket, options.filesPrefix, files));
    let flowFiles = 0;
    const weightOf = ({ isLarge }: FlowRow) => (isLarge ? FLOWS_AT_ONCE : 1);
    const storeFlow = async (flow: FlowRow) => {
      signal?.throwIfAborted();
      const contents = contentsOf(flow);
      if (!Buffer.isBuffer(contents)) {
        // The dump still contains this flow.
        log.warn(
          { flow: flow.id, reason: contents.reason },
          "a flow is only in the database's dump, without a flow file",
        );
        return;
      }
      const key = flowKey(flow.user, flow.id);
      const tally = new Tally(progress);
      tally.add(contents);
      await bucket.putText(`${folder}${key}`, contents);
      collectAfter(contents.length);
      objects.push({ key, size: tally.size, sha256: tally.sha256() });
      flowFiles++;
      progress.objectDone();
    };
    await forEachConcurrent(snapshot.readFlows(), FLOWS_AT_ONCE, storeFlow, weightOf);
    signal?.throwIfAborted();

    const counts = {
      users: snapshot.users,
      flows: snapshot.flows,
      flowFiles,
      claimFiles: claim.files,
      userFiles: files.files,
    };
    const bytes = sizeOf(objects);
    const manifest: Manifest = {
      format: 1,
      id,
      region,
      takenAt: snapshot.takenAt.toISOString(),
      finishedAt: new Date().toISOString(),
      langflowVersion: options.langflowVersion,
      schemaRevision: snapshot.schemaRevision,
      databaseServerVersion: snapshot.serverVersion,
      counts,
      userFiles: { bucket: bucket.name, prefix: options.filesPrefix, bytes: files.bytes },
      claim: { changed: claim.changed, skipped: claim.skipped },
      objects: objects.sort((one, other) => (one.key < other.key ? -1 : 1)),
    };
    await bucket.putText(`${folder}${MANIFEST}`, renderManifest(manifest), { [BYTES_METADATA]: String(bytes) });
    if (claim.changed.length + claim.skipped.length > 0)
      log.warn(
        { changed: claim.changed, skipped: claim.skipped },
        "files in the PersistentVolumeClaim changed during the backup",
      );
    const { seconds } = progress;
    log.info({ backup: id, bytes, seconds, objects: objects.length, counts }, "backup completed");
    return { id, bytes, seconds, objects: objects.length, counts };
  });
}

/**
 * Returns a flow's JSON without secrets, so that a person can read it or restore this one flow. The dump contains the
 * secrets. Returns a reason if the flow cannot be exported.
 */
function contentsOf({ read, variables }: FlowRow): Buffer | { readonly reason: string } {
  try {
    return exportedFlow(read(), { variables }).contents;
  } catch (error) {
    return { reason: itemTrouble(error) };
  }
}
