import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { type DatabaseAddress, openDatabase, parseDatabaseUrl } from "../adopt/connection";
import { AgentError, ExitCode } from "../errors";
import type { Log } from "../log";
import type { Bucket } from "./bucket";
import { readArchive } from "./claimArchive";
import { ClaimTarget } from "./claimTarget";
import { countOthers, restoreDatabase } from "./database";
import { CLAIM_ARCHIVE, DATABASE_DUMP, USER_FILES } from "./layout";
import { type Manifest, type StoredObject, sizeOf } from "./manifest";
import { countNewerRows, refuseNewer } from "./newerData";
import { type BackupPlace, readManifest } from "./newest";
import { inParallel } from "./parallel";
import { Progress, Tally } from "./progress";
import { compareWithTarget, copyRecorded, type FilesPlace, parseUserFiles } from "./userFiles";
import { check, checkObjects, open } from "./verify";

const COPIES_AT_ONCE = 8;
/** Enough to say what is at stake. */
const KEPT_PATHS = 100;

export interface RestoreOptions {
  /** The backup; its region and bucket may be another region's. The uploaded files come from the same bucket. */
  readonly source: BackupPlace;
  /** Default: the newest. */
  readonly id?: string;
  /** The region that is restored. */
  readonly target: {
    readonly databaseUrl: string;
    /** The claim's mount. */
    readonly dataDir: string;
    /** The region's flow bucket. */
    readonly bucket: Bucket;
    /** Of LangFlow's uploaded files in it. */
    readonly filesPrefix: string;
  };
  /** Put the backup over newer data. Default false. */
  readonly overwrite?: boolean;
  /** Where the database's dump waits between check and use; needs room for it. Default: the system's. */
  readonly spoolDir?: string;
  readonly log: Pick<Log, "info" | "warn">;
  readonly signal?: AbortSignal;
}

export interface RestoreResult {
  readonly id: string;
  /** Of the backup's objects. */
  readonly bytes: number;
  readonly seconds: number;
  readonly objects: number;
  /** Written into the claim. */
  readonly claimFiles: number;
  /** Copied, as they were missing or different; the others were in place. */
  readonly userFiles: number;
}

/**
 * Puts a region back to a backup. First all of it is read and checked and compared with what the region holds, and
 * nothing is written. Then the database, in one transaction; the claim's files, each whole or not at all; the uploaded
 * files. Files that the backup does not know stay. LangFlow should be scaled to zero meanwhile. It may be run again
 * after it was cut off.
 *
 * @throws AgentError: Damaged, naming the object; Refused, naming the newer data; BadInput when there is no such
 *   backup; Failure when the database is in use; Unreachable. But for a failure in mid-restore, nothing is written.
 */
export async function restore(options: RestoreOptions): Promise<RestoreResult> {
  const { source, target, log, signal } = options;
  const manifest = await readManifest(source, options.id);
  const progress = new Progress(log, "restore");
  const address = parseDatabaseUrl(target.databaseUrl);
  const claim = await ClaimTarget.at(target.dataDir);
  const spool = await mkdtemp(join(options.spoolDir ?? tmpdir(), "langflow-restore-"));
  log.info({ backup: manifest.id, from: source.region, bucket: source.bucket.name }, "restore begins");
  try {
    const dump = join(spool, DATABASE_DUMP);
    const etags = await judge(options, manifest, { dump, claim, address, progress });
    signal?.throwIfAborted();
    await restoreDatabase(address, dump, signal);
    log.info({ backup: manifest.id }, "database restored");
    const claimFiles = await restoreClaim(source, manifest, { claim, etags, progress, signal });
    log.info({ backup: manifest.id, files: claimFiles }, "claim restored");
    const userFiles = await restoreUserFiles(options, manifest, etags, progress);
    const result = {
      id: manifest.id,
      bytes: sizeOf(manifest.objects),
      seconds: progress.seconds,
      objects: manifest.objects.length,
      claimFiles,
      userFiles,
    };
    log.info({ backup: manifest.id, ...result }, "restore done");
    return result;
  } finally {
    await rm(spool, { recursive: true, force: true });
  }
}

interface Judgement {
  /** Where the dump is left, checked. */
  readonly dump: string;
  readonly claim: ClaimTarget;
  readonly address: DatabaseAddress;
  readonly progress: Progress;
}

/** Everything that can be known before the first byte is written. */
async function judge(
  { source, target, overwrite = false, log }: RestoreOptions,
  manifest: Manifest,
  { dump, claim, address, progress }: Judgement,
): Promise<Map<string, string>> {
  for (const key of [DATABASE_DUMP, CLAIM_ARCHIVE, USER_FILES]) objectOf(manifest, key);
  const takenAt = new Date(manifest.takenAt);
  const files = filesPlaces(source, manifest, target);
  const unchanged = new Set<string>();
  const newerFiles: string[] = [];
  // S3 tells the second and no less: what differs and is of the same second came later.
  const takenSecond = new Date(Math.floor(takenAt.getTime() / 1000) * 1000);

  const etags = await checkObjects(source, manifest, progress, {
    content: async ({ key }, content) => {
      if (key === DATABASE_DUMP) await pipeline(content, createWriteStream(dump, { mode: 0o600 }));
      else for await (const _ of content);
    },
    claimEntry: async (entry) => {
      if (await claim.inspect(entry, takenAt)) unchanged.add(entry.path.join("/"));
    },
    userFile: async (file) => {
      const present = await compareWithTarget(files.source, files.target, file);
      if (present && present !== "same" && present.lastModified >= takenSecond && newerFiles.length < KEPT_PATHS)
        newerFiles.push(present.key);
    },
  });

  const client = await openDatabase(address);
  try {
    const others = await countOthers(client);
    if (others > 0)
      log.warn({ connections: others }, "others are connected to the database: LangFlow should be scaled to zero");
    if (overwrite) return etags;
    const claimFiles: string[] = [];
    for await (const path of claim.changedAfter(takenAt, unchanged)) {
      claimFiles.push(path);
      if (claimFiles.length >= KEPT_PATHS) break;
    }
    const rows = await countNewerRows(client, takenAt);
    const refusal = refuseNewer({ rows, claimFiles, userFiles: newerFiles.sort() }, takenAt);
    if (refusal) throw refusal;
    return etags;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function restoreClaim(
  source: BackupPlace,
  manifest: Manifest,
  {
    claim,
    etags,
    progress,
    signal,
  }: { etags: Map<string, string>; signal?: AbortSignal } & Omit<Judgement, "dump" | "address">,
): Promise<number> {
  const object = objectOf(manifest, CLAIM_ARCHIVE);
  const stored = await open(source, manifest, object, etags.get(object.key));
  const tally = new Tally(progress);
  const entries = readArchive(tally.through(stored.body));
  const files = await claim.write(
    (async function* () {
      for await (const entry of entries) {
        signal?.throwIfAborted();
        yield entry;
      }
    })(),
  );
  check(source, manifest, object, tally);
  return files;
}

async function restoreUserFiles(
  { source, target, signal }: RestoreOptions,
  manifest: Manifest,
  etags: Map<string, string>,
  progress: Progress,
): Promise<number> {
  const object = objectOf(manifest, USER_FILES);
  const files = filesPlaces(source, manifest, target);
  const stored = await open(source, manifest, object, etags.get(object.key));
  let copied = 0;
  await inParallel(parseUserFiles(stored.body), COPIES_AT_ONCE, async (file) => {
    signal?.throwIfAborted();
    if ((await compareWithTarget(files.source, files.target, file)) === "same") return;
    await copyRecorded(files.source, files.target, file);
    progress.add(file.size);
    copied++;
  });
  return copied;
}

function filesPlaces(source: BackupPlace, manifest: Manifest, target: RestoreOptions["target"]) {
  return {
    source: { bucket: source.bucket, prefix: manifest.userFiles.prefix } satisfies FilesPlace,
    target: { bucket: target.bucket, prefix: target.filesPrefix } satisfies FilesPlace,
  };
}

function objectOf(manifest: Manifest, key: string): StoredObject {
  const object = manifest.objects.find((candidate) => candidate.key === key);
  if (!object) throw new AgentError(`the backup ${manifest.id} has no ${key}`, ExitCode.Damaged);
  return object;
}
