import type { S3Client } from "@aws-sdk/client-s3";
import { forEachConcurrent } from "../async/forEachConcurrent";
import { exportedFlow } from "../flows/flowFile";
import { itemTrouble } from "../langflow/itemTrouble";
import { parseDatabaseUrl } from "../postgres/connection";
import type { Log } from "../process/log";
import { collectAfter } from "../process/memory";
import { Bucket } from "./bucket";
import { ClaimReport, packClaim } from "./claimArchive";
import { dumpDatabase, withSnapshot } from "./database";
import type { FlowRow } from "./flowRows";
import { interruptible } from "./interruption";
import { backupFolder, backupId, CLAIM_ARCHIVE, DATABASE_DUMP, flowKey, MANIFEST, USER_FILES } from "./layout";
import { type Manifest, renderManifest, type StoredObject, sizeOf } from "./manifest";
import { BYTES_METADATA } from "./newest";
import { Progress, Tally } from "./progress";
import { FilesReport, listUserFiles } from "./userFiles";

const FLOWS_AT_ONCE = 4;

export interface BackupOptions {
  readonly s3: S3Client;
  /** The region's flow bucket. */
  readonly bucket: string;
  /** Of all backups in it. */
  readonly prefix: string;
  /** Of LangFlow's uploaded files in it. */
  readonly filesPrefix: string;
  /** Our name of the region, for example us-east. */
  readonly region: string;
  readonly databaseUrl: string;
  /** The claim's mount. */
  readonly dataDir: string;
  /** LangFlow's release, as the program that runs it calls it. */
  readonly langflowVersion: string;
  readonly log: Pick<Log, "info" | "warn">;
  readonly signal?: AbortSignal;
}

export interface BackupResult {
  readonly id: string;
  /** Of all objects but the manifest. */
  readonly bytes: number;
  readonly seconds: number;
  /** But the manifest. */
  readonly objects: number;
  readonly counts: Manifest["counts"];
}

/**
 * Backs a region up: the database as one snapshot, the claim's files, the list of uploaded files, every user's flow as
 * JSON. It asks nothing of LangFlow, which may be down. The manifest is written when all else is safe in the bucket, so a
 * backup is whole or does not exist; none of its objects is ever written over. Nothing is held in memory beyond a few
 * parts of an upload, a few flows, and a line an object.
 *
 * @throws AgentError: Unreachable for a database or bucket that does not answer, BadInput for a claim or a pg_dump that
 *   is not there, Failure when pg_dump fails, the claim may not be read, or the signal came
 */
export function backup(options: BackupOptions): Promise<BackupResult> {
  return interruptible(options.signal, "there is no new backup", () => makeBackup(options));
}

async function makeBackup(options: BackupOptions): Promise<BackupResult> {
  const { log, signal, region } = options;
  const bucket = new Bucket(options.s3, options.bucket, signal);
  const address = parseDatabaseUrl(options.databaseUrl);
  const progress = new Progress(log, "backup");

  return withSnapshot(address, async (snapshot) => {
    const id = backupId(snapshot.takenAt);
    const folder = backupFolder(options.prefix, region, id);
    log.info({ backup: id, bucket: bucket.name }, "backup begins");
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
    // After the dump: LangFlow stores a file before it writes its row, so each row of the dump has its file in the bucket.
    const files = new FilesReport();
    await store(USER_FILES, listUserFiles(bucket, options.filesPrefix, files));
    let flowFiles = 0;
    const weightOf = ({ isLarge }: FlowRow) => (isLarge ? FLOWS_AT_ONCE : 1);
    const storeFlow = async (flow: FlowRow) => {
      signal?.throwIfAborted();
      const contents = contentsOf(flow);
      if (!Buffer.isBuffer(contents)) {
        // The dump has it all the same.
        log.warn(
          { flow: flow.id, reason: contents.reason },
          "a flow is in the database's dump alone, not among the flow files",
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
      log.warn({ changed: claim.changed, skipped: claim.skipped }, "the claim changed while it was backed up");
    const { seconds } = progress;
    log.info({ backup: id, bytes, seconds, objects: objects.length, counts }, "backup done");
    return { id, bytes, seconds, objects: objects.length, counts };
  });
}

/** For a person to read, or to take one flow out of; without secrets, which the dump has. Or why there is none. */
function contentsOf({ read, variables }: FlowRow): Buffer | { readonly reason: string } {
  try {
    return exportedFlow(read(), { variables }).contents;
  } catch (error) {
    return { reason: itemTrouble(error) };
  }
}
