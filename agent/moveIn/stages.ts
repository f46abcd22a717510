import type { Client } from "pg";
import { AgentError, ExitCode } from "../../formats/agentErrors";
import { legacySecret } from "../../formats/encryption/legacySecretKey";
import { SecretKey } from "../../formats/encryption/secretKey";
import { printedName } from "../../formats/moveIn/names";
import { type PackageManifest, RESULT } from "../../formats/moveIn/package";
import type { AskedShare, MovedIn } from "../../formats/moveIn/result";
import { Tallies } from "../../formats/moveIn/tallies";
import { type DatabaseAddress, withDatabase } from "../postgres/connection";
import { carry } from "./carry";
import { regionContents } from "./contents";
import { inWords } from "./databaseWords";
import { fleetAlone } from "./fleetAlone";
import { Ledger } from "./ledger";
import type { MoveInBucket } from "./moveInBucket";
import { PackageReader } from "./packageReader";
import { revisionsOf, ScratchDatabase } from "./scratchDatabase";
import type { SecretKeys } from "./secrets";
import type { Strangers } from "./strangers";
import { throttle } from "./throttle";
import { carryUploads, type UploadStore } from "./uploads";

/**
 * Arbitrary number of an advisory lock that no other user of the database takes. LangFlow locks by numbers that it
 * derives from texts.
 */
const LOCK = 0x6c66_6d69;

/** Input of an import's stage. */
export interface MoveIn {
  /** Our name of the region. */
  readonly region: string;
  readonly database: DatabaseAddress;
  readonly bucket: MoveInBucket;
  /** Key prefix of the package in the bucket, without a trailing slash. */
  readonly prefix: string;
  /** SHA-256 of the package's manifest. */
  readonly sha256: string;
  /** Prefix of the keys of users' files. */
  readonly filesPrefix: string;
  /** LANGFLOW_SECRET_KEY of the fleet. */
  readonly secretKey: string;
  /** LANGFLOW_SECRET_KEY of the source; an arbitrary text if there is none. */
  readonly sourceSecretKey: string;
  /** Name of the fleet's superuser. */
  readonly superuser: string;
  /** True if the stage `since` returns the texts of flows. */
  readonly withFlows: boolean;
  /** Shares that the stage `contents` lists row by row. */
  readonly asked: readonly AskedShare[];
  readonly report: (message: string) => void;
  readonly signal: AbortSignal;
}

/**
 * The stages of an import, in order. Before `load`, LangFlow's migrations migrate the scratch database to the source's
 * revision, and before `carry` to the newest. `contents` and `since` run separately, later: they report what the region
 * contains, and how it has changed since the import.
 */
export const STAGES = { begin, load, carry: carryIn, contents, since } as const;

/**
 * Rejects a package with conflicting users before anything is written, and creates an empty scratch database. Drops a
 * scratch database that a previous import left behind.
 *
 * @throws AgentError (BadInput) if a name is taken or LangFlow has not migrated the region; (Refused) if a different
 *   import is running
 */
async function begin(moveIn: MoveIn): Promise<void> {
  const { manifest } = await opened(moveIn);
  await alone(moveIn, async (region) => {
    await refuseNames(manifest, region, moveIn);
    await requireRevisions(region, moveIn);
    await new ScratchDatabase(moveIn.database).make(manifest.revisions, moveIn.sha256);
  });
}

/**
 * Loads the package's rows into the scratch database, which LangFlow's migrations have migrated to the source's
 * revision.
 */
async function load(moveIn: MoveIn): Promise<void> {
  const rows = await opened(moveIn);
  await alone(moveIn, async () => {
    const scratch = new ScratchDatabase(moveIn.database);
    const { signal } = moveIn;
    await scratch.requirePackage(moveIn.sha256);
    try {
      await scratch.load({ rows, tallies: new Tallies(), progress: throttle(moveIn.report), signal });
    } catch (error) {
      await scratch.drop().catch(() => undefined);
      throw error;
    }
  });
}

/**
 * Copies the rows of the scratch database into the region and the files into its bucket, and writes the result next to
 * the package. Drops the scratch database.
 *
 * @throws AgentError (BadInput) if the region's LangFlow has a different release than the migrations; then nothing was
 *   written
 */
async function carryIn(moveIn: MoveIn): Promise<void> {
  const reader = await opened(moveIn);
  const { manifest } = reader;
  await alone(moveIn, async (region) => {
    const scratch = new ScratchDatabase(moveIn.database);
    const tallies = new Tallies();
    const began = Date.now();
    await scratch.requirePackage(moveIn.sha256);
    try {
      tallies.add(await scratch.told());
      const strangers = await carryRows({ scratch, region, tallies, manifest, moveIn });
      for (const { table, reason, name, rows } of manifest.left) tallies.leave(table, reason, name, rows);
      const { source, files = [] } = manifest;
      const { filesPrefix: prefix, signal } = moveIn;
      const progress = throttle(moveIn.report);
      const store = storeOf(moveIn.bucket, reader);
      await carryUploads({ files, store, prefix, region, scratch, source, strangers, tallies, progress, signal });
    } finally {
      await scratch.drop().catch(() => undefined);
    }
    const result: MovedIn = { tables: tallies.all(), carryingMs: Date.now() - began };
    await moveIn.bucket.write(`${moveIn.prefix}/${RESULT}`, JSON.stringify(result));
  });
}

/**
 * Writes a summary of the region's content under the prefix of the import's package. Writes nothing to the region's
 * database.
 */
async function contents({ region, database, bucket, prefix, asked }: MoveIn): Promise<void> {
  await withDatabase(database, async (client) => {
    const found = await inWords(`the database of ${region}`, () => regionContents(client, asked));
    await bucket.write(`${prefix}/${RESULT}`, JSON.stringify(found));
  });
}

/**
 * Writes the region's differences from the import under the prefix of the import's package. Writes nothing to the
 * region's database.
 */
async function since({ region, database, bucket, prefix, withFlows }: MoveIn): Promise<void> {
  await withDatabase(database, async (client) => {
    const found = await inWords(`the database of ${region}`, () => fleetAlone(client, withFlows));
    await bucket.write(`${prefix}/${RESULT}`, JSON.stringify(found));
  });
}

interface Carried {
  readonly scratch: ScratchDatabase;
  readonly region: Client;
  readonly tallies: Tallies;
  readonly manifest: PackageManifest;
  readonly moveIn: MoveIn;
}

async function carryRows({ scratch, region, tallies, manifest, moveIn }: Carried): Promise<Strangers> {
  const { source, flowNames, files = [] } = manifest;
  const rows = await scratch.open();
  try {
    const newest = await revisionsOf(rows);
    requireSame(newest, await requireRevisions(region, moveIn), moveIn);
    return await carry({
      scratch: rows,
      region,
      source,
      keys: keysOf(moveIn.sourceSecretKey, moveIn.secretKey),
      flowNames: new Map(Object.entries(flowNames)),
      uploads: new Set(files.map(({ path }) => path)),
      superuser: moveIn.superuser,
      tallies,
      progress: throttle(moveIn.report),
      signal: moveIn.signal,
    });
  } finally {
    await rows.end();
  }
}

const opened = ({ bucket, prefix, sha256 }: MoveIn): Promise<PackageReader> =>
  PackageReader.open(bucket, prefix, sha256);

const storeOf = (bucket: MoveInBucket, reader: PackageReader): UploadStore => ({
  versionOf: (key) => bucket.versionOf(key),
  digestOf: async (key) => (await bucket.look(key))?.sha256,
  put: (file, key) => reader.copyFile(file, key),
});

/**
 * Connects to the region's database and holds the lock of imports during the work. @throws AgentError (Refused) if a
 * different import holds it
 */
async function alone(moveIn: MoveIn, work: (region: Client) => Promise<void>): Promise<void> {
  await withDatabase(moveIn.database, async (region) => {
    const { rows } = await region.query<{ isAlone: boolean }>(`SELECT pg_try_advisory_lock($1) AS "isAlone"`, [LOCK]);
    if (!rows[0]?.isAlone)
      throw new AgentError("another import into this region is running: wait until it ends", ExitCode.Refused);
    await inWords(`the database of ${moveIn.region}`, () => work(region));
  });
}

/** LangFlow's releases derive two different keys from a short secret. */
function keysOf(secret: string, fleet: string): SecretKeys {
  const legacy = legacySecret(secret);
  const old = [secret, ...(legacy === undefined ? [] : [legacy])].map((each) => new SecretKey(each, "the secret key"));
  return { old, fleet: new SecretKey(fleet, "the fleet's LANGFLOW_SECRET_KEY") };
}

async function refuseNames(
  { source, userNames }: PackageManifest,
  region: Client,
  { superuser }: MoveIn,
): Promise<void> {
  const known = new Set(await new Ledger(region, source).knownUsers());
  const users = Object.entries(userNames).filter(([id]) => !known.has(id));
  // Compare with PostgreSQL's lower(), which LangFlow's index also uses.
  const { rows: taken } = await region.query<{ name: string }>(
    `SELECT DISTINCT g.name FROM unnest($1::text[], $2::text[]) AS g (id, name) JOIN public."user" u
      ON (lower(u.username) = lower(g.name) AND u.id::text <> g.id AND lower(g.name) <> lower($3))
        OR (u.id::text = g.id AND lower(u.username) <> lower(g.name)) ORDER BY 1`,
    [users.map(([id]) => id), users.map(([, name]) => name), superuser],
  );
  if (taken.length > 0)
    throw new AgentError(
      `nothing was imported: the fleet has different users with the same names or ids: ${taken.map(({ name }) => printedName(name)).join(", ")}. Rename them in the source or in the fleet`,
      ExitCode.BadInput,
    );
}

async function requireRevisions(region: Client, { region: name }: MoveIn): Promise<string[]> {
  const revisions = await revisionsOf(region);
  if (revisions.length > 0) return revisions;
  throw new AgentError(
    `the database of ${name} has no schema of LangFlow yet: deploy the region, and wait until its LangFlow has started`,
    ExitCode.BadInput,
  );
}

function requireSame(newest: readonly string[], inRegion: readonly string[], { region }: MoveIn): void {
  if (newest.join() === inRegion.join()) return;
  throw new AgentError(
    `nothing was imported: LangFlow's migrations end at ${newest.join(", ")}, and the database of ${region} is at ${inRegion.join(", ")}. First upgrade the region to the same release (docs/upgrade.md)`,
    ExitCode.BadInput,
  );
}
