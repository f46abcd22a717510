import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { forEachConcurrent } from "../async/forEachConcurrent";
import { type DatabaseAddress, parseDatabaseUrl, withDatabase } from "../postgres/connection";
import { AgentError, ExitCode } from "../process/errors";
import type { Log } from "../process/log";
import type { Bucket } from "./bucket";
import { readArchive } from "./claimArchive";
import { ClaimTarget } from "./claimTarget";
import { countOthers } from "./database";
import { interruptible } from "./interruption";
import { CLAIM_ARCHIVE, DATABASE_DUMP, USER_FILES } from "./layout";
import { type Manifest, type StoredObject, sizeOf } from "./manifest";
import { countSince, countYoungRows, refuseNewer } from "./newerData";
import { type BackupPlace, readManifest } from "./newest";
import { Progress, Tally } from "./progress";
import { restoreDatabase } from "./restoreDatabase";
import { compareWithTarget, copyRecorded, type FilesPlace, parseUserFiles } from "./userFiles";
import { type Checks, check, checkObjects, open } from "./verify";

/** Said before anything is written. */
const WINS =
  "once the agent runs, in every region: what was deleted since the backup comes back, what was changed since is as it was, what was made since stays";
const GIVES_WAY =
  "once the agent runs, what was deleted and changed in the fleet since the backup is deleted and changed here again: --wins keeps the backup's";
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
  /** What is restored wins over all that any region did since, in every region. Default false: it gives way to that. */
  readonly wins?: boolean;
  /** Leave out uploaded files that are no longer there as they were backed up. Default false: they refuse the restore. */
  readonly withoutLostFiles?: boolean;
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
  /** Left out. */
  readonly lostFiles: number;
  /** Keys of the backup's objects of which an older version was taken. */
  readonly recovered: readonly string[];
}

/**
 * Puts a region back to a backup. First all of it is read and checked and compared with what the region holds, and
 * nothing is written. Then the database, in one transaction; the claim's files, each whole or not at all; the uploaded
 * files. Files that the backup does not know stay. LangFlow should be scaled to zero meanwhile. It may be run again
 * after it was cut off. The database's dump waits between check and use in the system's temporary folder, which needs
 * room for it.
 *
 * @throws AgentError: Damaged, naming the object; Refused, naming the newer data; BadInput when there is no such
 *   backup; Failure when the database is in use or the signal came; Unreachable. But for a failure in mid-restore,
 *   nothing is written.
 */
export async function restore(options: RestoreOptions): Promise<RestoreResult> {
  const { signal } = options;
  const spool = await mkdtemp(join(tmpdir(), "langflow-restore-"));
  try {
    const dump = join(spool, DATABASE_DUMP);
    const checked = await interruptible(signal, "nothing was written", () => checkFirst(options, dump));
    return await interruptible(signal, "the restore is not complete, run it again", () => putBack(options, checked));
  } finally {
    await rm(spool, { recursive: true, force: true });
  }
}

/** A backup that may be put into the region. */
interface Checked {
  readonly manifest: Manifest;
  /** Path of the database's dump. */
  readonly dump: string;
  readonly checks: Checks;
  readonly claim: ClaimTarget;
  readonly address: DatabaseAddress;
  readonly progress: Progress;
}

/** Everything that can be known before the first byte is written. */
async function checkFirst(options: RestoreOptions, dump: string): Promise<Checked> {
  const { source, target, log, signal } = options;
  const manifest = await readManifest(source, options.id, log);
  for (const key of [DATABASE_DUMP, CLAIM_ARCHIVE, USER_FILES]) objectOf(manifest, key);
  const progress = new Progress(log, "restore");
  const address = parseDatabaseUrl(target.databaseUrl);
  const claim = await ClaimTarget.at(target.dataDir);
  log.info({ backup: manifest.id, from: source.region, bucket: source.bucket.name }, "restore begins");

  const takenAt = new Date(manifest.takenAt);
  // S3 tells the second and no less: what differs and is of the same second came later.
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
      log.warn({ connections: others }, "others are connected to the database: LangFlow should be scaled to zero");
    const since = await countSince(client, takenAt);
    if (since) log.warn({ ...since }, options.wins ? WINS : GIVES_WAY);
    if (!options.overwrite) {
      const claimFiles: string[] = [];
      for await (const path of claim.changedAfter(takenAt, unchanged)) if (claimFiles.push(path) >= KEPT_PATHS) break;
      const { byPeople, byThemselves } = await countYoungRows(client, takenAt);
      log.info({ rows: byThemselves }, "younger rows that LangFlow and the agent wrote by themselves do not count");
      const newer = refuseNewer({ rows: byPeople, claimFiles, userFiles: userFiles.sort() }, takenAt);
      if (newer) throw newer;
    }
  });
  signal?.throwIfAborted();
  return { manifest, dump, checks, claim, address, progress };
}

/** The database comes first: it is what may still be refused, as long as somebody else holds a table. */
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
  log.info({ backup: manifest.id, ...result }, "restore done");
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
    else throw new AgentError(`the uploaded file ${file.key} went while it was restored`, ExitCode.Damaged);
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
