import { randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { escapeIdentifier } from "pg";
import { AgentError, ExitCode } from "../../formats/agentErrors";
import { DATABASE_DUMP } from "../../formats/backup/layout";
import type { Manifest } from "../../formats/backup/manifest";
import { type DatabaseAddress, parseDatabaseUrl, withDatabase } from "../postgres/connection";
import type { Log } from "../process/log";
import { withSnapshot } from "./database";
import { interruptible } from "./interruption";
import { type BackupPlace, readManifest } from "./newest";
import { Progress, Tally } from "./progress";
import { restoreDatabase } from "./restoreDatabase";
import { check, open } from "./verify";

export interface RehearseOptions {
  readonly source: BackupPlace;
  /** Default: the newest backup. */
  readonly id?: string;
  /**
   * URL of LangFlow's database. The rehearsal leaves that database untouched: the same login creates a second one on
   * its server.
   */
  readonly databaseUrl: string;
  readonly log: Pick<Log, "info" | "warn">;
  readonly signal?: AbortSignal;
}

export interface RehearsalResult {
  readonly id: string;
  readonly seconds: number;
  /** Size of the dump. */
  readonly bytes: number;
  readonly users: number;
  readonly flows: number;
}

/** Name prefix of databases created for a rehearsal. */
const PREFIX = "langflow_dr_rehearsal_";

/**
 * Restores a backup's dump into an empty database on the region's own server, compares its row counts with the
 * manifest, and drops the database. The server needs enough space, and the login needs the right to create databases,
 * which the master user of RDS has.
 *
 * @throws AgentError: Damaged if the dump's checksum or the row counts do not match the manifest, BadInput if the
 *   backup does not exist, Failure if the dump cannot be restored or the signal aborts the rehearsal, Unreachable
 */
export async function rehearse({ source, id, databaseUrl, log, signal }: RehearseOptions): Promise<RehearsalResult> {
  const manifest = await readManifest(source, id, log);
  const address = parseDatabaseUrl(databaseUrl);
  const result = await inEmptyDatabase(address, (empty) => restoreInto(empty, { source, manifest, log, signal }));
  log.info({ backup: manifest.id, ...result }, "rehearsal done");
  return result;
}

export interface RestoreIntoOptions extends Pick<RehearseOptions, "source" | "log" | "signal"> {
  readonly manifest: Manifest;
  /** Folder that contains pg_restore. Default: search PATH. */
  readonly programs?: string;
}

/**
 * Restores a backup's dump into an empty database, and compares the row counts with the manifest.
 *
 * @throws AgentError: Damaged if the dump's checksum or the row counts do not match the manifest, Failure if the dump
 *   cannot be restored or the signal aborts the rehearsal, Unreachable
 */
export async function restoreInto(
  empty: DatabaseAddress,
  { source, manifest, log, signal, programs }: RestoreIntoOptions,
): Promise<RehearsalResult> {
  const progress = new Progress(log, "rehearse");
  const spool = await mkdtemp(join(tmpdir(), "langflow-rehearse-"));
  const dump = join(spool, DATABASE_DUMP);
  try {
    return await interruptible(signal, "LangFlow's own data is unchanged", async () => {
      const bytes = await fetchDump({ source, manifest, progress }, dump);
      await restoreDatabase(empty, dump, { signal, programs });
      const counts = await withSnapshot(empty, async ({ users, flows }) => ({ users, flows }));
      for (const what of ["users", "flows"] as const)
        if (counts[what] !== manifest.counts[what])
          throw new AgentError(
            `${counts[what]} ${what} were restored from the backup ${manifest.id}, but its manifest says ${manifest.counts[what]}`,
            ExitCode.Damaged,
          );
      return { id: manifest.id, seconds: progress.seconds, bytes, ...counts };
    });
  } finally {
    await rm(spool, { recursive: true, force: true });
  }
}

interface Fetched {
  readonly source: BackupPlace;
  readonly manifest: Manifest;
  readonly progress: Progress;
}

/** @returns the dump's size in bytes */
async function fetchDump({ source, manifest, progress }: Fetched, path: string): Promise<number> {
  const object = manifest.objects.find(({ key }) => key === DATABASE_DUMP);
  if (!object) throw new AgentError(`the backup ${manifest.id} has no ${DATABASE_DUMP}`, ExitCode.Damaged);
  const tally = new Tally(progress);
  const { body } = await open({ source, manifest }, object);
  await pipeline(tally.through(body), createWriteStream(path, { mode: 0o600 }));
  check({ source, manifest }, object, tally);
  return tally.size;
}

/** Creates a database, passes it to `use`, and drops it. Also drops databases left behind by killed rehearsals. */
async function inEmptyDatabase<Result>(
  address: DatabaseAddress,
  use: (empty: DatabaseAddress) => Promise<Result>,
): Promise<Result> {
  const database = `${PREFIX}${randomBytes(6).toString("hex")}`;
  return withDatabase(address, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      "SELECT datname AS name FROM pg_database WHERE starts_with(datname, $1)",
      [PREFIX],
    );
    // DROP DATABASE fails if a client is connected: that database belongs to a running rehearsal and stays.
    for (const { name } of rows)
      await client.query(`DROP DATABASE IF EXISTS ${escapeIdentifier(name)}`).catch(() => undefined);
    await client.query(`CREATE DATABASE ${escapeIdentifier(database)} TEMPLATE template0`);
    try {
      return await use({ ...address, database });
    } finally {
      await client.query(`DROP DATABASE ${escapeIdentifier(database)} WITH (FORCE)`);
    }
  });
}
