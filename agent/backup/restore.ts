import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { AgentError, ExitCode } from "../../formats/agentErrors";
import { CLAIM_ARCHIVE, DATABASE_DUMP, USER_FILES } from "../../formats/backup/layout";
import { type Manifest, type StoredObject, sizeOf } from "../../formats/backup/manifest";
import { forEachConcurrent } from "../async/forEachConcurrent";
import { type DatabaseAddress, parseDatabaseUrl, withDatabase } from "../postgres/connection";
import type { Log } from "../process/log";
import type { Bucket } from "./bucket";
import { readArchive } from "./claimArchive";
import { ClaimTarget } from "./claimTarget";
import { countOthers } from "./database";
import { interruptible } from "./interruption";
import { countSince, countYoungRows, refuseNewer } from "./newerData";
import { type BackupPlace, readManifest } from "./newest";
import { Progress, Tally } from "./progress";
import { restoreDatabase } from "./restoreDatabase";
import { compareWithTarget, copyRecorded, type FilesPlace, parseUserFiles } from "./userFiles";
import { type Checks, check, checkObjects, open } from "./verify";

/** Warnings about the effect on other regions, logged before anything is written. */
const WINS =
  "once the agent runs, every region returns to the backup: rows that were deleted since are restored, rows that were changed since are reverted, and rows that were created since stay";
const GIVES_WAY =
  "once the agent runs, it applies the fleet's deletes and changes since the backup to this region again; with --wins, the backup overrides them";
const COPIES_AT_ONCE = 8;
/** Maximum number of paths to collect: enough to show what the restore would overwrite. */
const KEPT_PATHS = 100;

export interface RestoreOptions {
  /** Location of the backup, possibly of another region. The uploaded files are copied from the same bucket. */
  readonly source: BackupPlace;
  /** Default: the newest backup. */
  readonly id?: string;
  /** The region to restore. */
  readonly target: {
    readonly databaseUrl: string;
    /** Mount path of the claim. */
    readonly dataDir: string;
    /** The region's flow bucket. */
    readonly bucket: Bucket;
    /** Key prefix of LangFlow's uploaded files in the bucket. */
    readonly filesPrefix: string;
  };
  /** Overwrites newer data with the backup. Default: false. */
  readonly overwrite?: boolean;
  /** The restored rows override every later write, in every region. Default: false, later writes override them. */
  readonly wins?: boolean;
  /** Skips uploaded files whose recorded version no longer exists. Default: false, such files make the restore fail. */
  readonly withoutLostFiles?: boolean;
  readonly log: Pick<Log, "info" | "warn">;
  readonly signal?: AbortSignal;
}

export interface RestoreResult {
  readonly id: string;
  /** Total size of the backup's objects, in bytes. */
  readonly bytes: number;
  readonly seconds: number;
  readonly objects: number;
  /** Number of files written into the claim. */
  readonly claimFiles: number;
  /** Number of uploaded files that were missing or different and have been copied. */
  readonly userFiles: number;
  /** Number of uploaded files that were skipped because they no longer exist. */
  readonly lostFiles: number;
  /** Keys of the backup's objects that were restored from an older version. */
  readonly recovered: readonly string[];
}

/**
 * Restores a region to a backup. First, it reads and verifies the whole backup and compares it with the region's data,
 * without writing anything. Then it restores the database in one transaction, the claim's files, each atomically, and
 * the uploaded files. Files that are not in the backup stay. Scale LangFlow to zero during a restore. An interrupted
 * restore can be run again. Between verification and use, the database's dump is stored in the system's temporary
 * folder, which needs enough space.
 *
 * @throws AgentError: Damaged, naming the object; Refused, naming the newer data; BadInput if the backup does not
 *   exist; Failure if the database is in use or the signal aborts the restore; Unreachable. Unless the restore fails
 *   midway, nothing is written.
 */
export async function restore(options: RestoreOptions): Promise<RestoreResult> {
  const { signal } = options;
  const spool = await mkdtemp(join(tmpdir(), "langflow-restore-"));
  try {
    const dump = join(spool, DATABASE_DUMP);
    const checked = await interruptible(signal, "nothing was written", () => checkFirst(options, dump));
    return await interruptible(signal, "the restore is incomplete: run it again", () => putBack(options, checked));
  } finally {
    await rm(spool, { recursive: true, force: true });
  }
}

/** A verified backup that may be restored into the region. */
interface Checked {
  readonly manifest: Manifest;
  /** Path of the database's dump. */
  readonly dump: string;
  readonly checks: Checks;
  readonly claim: ClaimTarget;
  readonly address: DatabaseAddress;
  readonly progress: Progress;
}

/** Runs every check that is possible before the first byte is written. */
async function checkFirst(options: RestoreOptions, dump: string): Promise<Checked> {
  const { source, target, log, signal } = options;
  const manifest = await readManifest(source, options.id, log);
  for (const key of [DATABASE_DUMP, CLAIM_ARCHIVE, USER_FILES]) objectOf(manifest, key);
  const progress = new Progress(log, "restore");
  const address = parseDatabaseUrl(target.databaseUrl);
  const claim = await ClaimTarget.at(target.dataDir);
  log.info({ backup: manifest.id, from: source.region, bucket: source.bucket.name }, "restore started");

  const takenAt = new Date(manifest.takenAt);
  // S3 reports times in whole seconds. A different file of the same second counts as newer.
  const takenSecond = new Date(Math.floor(takenAt.getTime() / 1000) * 1000);
  const files = filesPlaces(source, manifest, target);
  const unchanged = new Set<string>();
  const userFiles: string[] = [];
  const checks = await checkObjects(
    { source, manifest, progress, log },
    {
      content: async ({ key }, content) => {
        if (key === DATABASE_DUMP) await pipeline(content, createWriteStream(dump, { mode: 0o600 }));
        else for await (const _ of content);
      },
      claimEntry: async (entry) => {
        if (await claim.inspect(entry, takenAt)) unchanged.add(entry.path.join("/"));
      },
      userFile: async (file) => {
        const present = await compareWithTarget(files.source, files.target, file);
        if (present && present !== "same" && present.lastModified >= takenSecond && userFiles.length < KEPT_PATHS)
          userFiles.push(present.key);
      },
    },
  );
  const refusal = checks.lost.refusal();
  if (refusal && !options.withoutLostFiles) throw refusal;

  await withDatabase(address, async (client) => {
    const others = await countOthers(client);
    if (others > 0)
      log.warn(
        { connections: others },
        "other clients are connected to the database: scale LangFlow to zero before a restore",
      );
    const since = await countSince(client, takenAt);
    if (since) log.warn({ ...since }, options.wins ? WINS : GIVES_WAY);
    if (!options.overwrite) {
      const claimFiles: string[] = [];
      for await (const path of claim.changedAfter(takenAt, unchanged)) if (claimFiles.push(path) >= KEPT_PATHS) break;
      const { byPeople, byThemselves } = await countYoungRows(client, takenAt);
      log.info(
        { rows: byThemselves },
        "ignored rows newer than the backup that LangFlow and the agent wrote by themselves",
      );
      const newer = refuseNewer({ rows: byPeople, claimFiles, userFiles: userFiles.sort() }, takenAt);
      if (newer) throw newer;
    }
  });
  signal?.throwIfAborted();
  return { manifest, dump, checks, claim, address, progress };
}

/** Restores the database first, because this step can still fail if another client locks a table. */
async function putBack(options: RestoreOptions, checked: Checked): Promise<RestoreResult> {
  const { log, signal, wins } = options;
  const { manifest, address, dump, checks, progress } = checked;
  await restoreDatabase(address, dump, { wins, signal });
  log.info({ backup: manifest.id }, "database restored");
  const claimFiles = await restoreClaim(options, checked);
  log.info({ backup: manifest.id, files: claimFiles }, "claim restored");
  const { copied: userFiles, lost: lostFiles } = await restoreUserFiles(options, checked);
  const result = {
    id: manifest.id,
    bytes: sizeOf(manifest.objects),
    seconds: progress.seconds,
    objects: manifest.objects.length,
    claimFiles,
    userFiles,
    lostFiles,
    recovered: checks.recovered,
  };
  log.info({ backup: manifest.id, ...result }, "restore completed");
  return result;
}

async function restoreClaim(
  { source, signal }: RestoreOptions,
  { manifest, checks, claim, progress }: Checked,
): Promise<number> {
  const object = objectOf(manifest, CLAIM_ARCHIVE);
  const stored = await open({ source, manifest }, object, checks.contents.get(object.key));
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
  check({ source, manifest }, object, tally);
  return files;
}

async function restoreUserFiles(
  { source, target, signal, withoutLostFiles }: RestoreOptions,
  { manifest, checks, progress }: Checked,
): Promise<{ copied: number; lost: number }> {
  const object = objectOf(manifest, USER_FILES);
  const files = filesPlaces(source, manifest, target);
  const stored = await open({ source, manifest }, object, checks.contents.get(object.key));
  let copied = 0;
  let lost = 0;
  await forEachConcurrent(parseUserFiles(stored.body), COPIES_AT_ONCE, async (file) => {
    signal?.throwIfAborted();
    if ((await compareWithTarget(files.source, files.target, file)) === "same") return;
    if (await copyRecorded(files.source, files.target, file)) {
      progress.add(file.size);
      copied++;
    } else if (withoutLostFiles) lost++;
    else throw new AgentError(`the uploaded file ${file.key} was deleted during the restore`, ExitCode.Damaged);
  });
  return { copied, lost };
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
