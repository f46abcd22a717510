import type { Client } from "pg";
import { type DatabaseAddress, withDatabase } from "../postgres/connection";
import { AgentError, ExitCode } from "../process/errors";
import { SecretKey } from "../rekey/secretKey";
import { carry } from "./carry";
import { type AskedShare, regionContents } from "./contents";
import { inWords } from "./databaseWords";
import { fleetAlone } from "./fleetAlone";
import { Ledger } from "./ledger";
import { legacySecret } from "./legacySecretKey";
import type { MoveInBucket } from "./moveInBucket";
import { printable } from "./names";
import { type PackageManifest, RESULT } from "./package";
import { PackageReader } from "./packageReader";
import { revisionsOf, ScratchDatabase } from "./scratchDatabase";
import type { SecretKeys } from "./secrets";
import type { Strangers } from "./strangers";
import { type TableTally, Tallies } from "./tallies";
import { throttle } from "./throttle";
import { carryUploads, type UploadStore } from "./uploads";

/** Any number that no other user of the database takes; LangFlow locks by numbers it derives from texts. */
const LOCK = 0x6c66_6d69;

/** What a stage of an import is told. */
export interface MoveIn {
  /** Our name of the region. */
  readonly region: string;
  readonly database: DatabaseAddress;
  readonly bucket: MoveInBucket;
  /** Where the package lies in it, without a slash at its end. */
  readonly prefix: string;
  /** SHA-256 of its manifest. */
  readonly sha256: string;
  /** Before the keys of users' files. */
  readonly filesPrefix: string;
  /** LANGFLOW_SECRET_KEY of the fleet. */
  readonly secretKey: string;
  /** That of the source; any, where there is none. */
  readonly sourceSecretKey: string;
  /** Name of the fleet's superuser. */
  readonly superuser: string;
  /** Whether the texts of flows are asked for, of what was made since. */
  readonly withFlows: boolean;
  /** Of the region's contents: what is asked for row by row. */
  readonly asked: readonly AskedShare[];
  readonly report: (message: string) => void;
  readonly signal: AbortSignal;
}

/** What came of an import. */
export interface MovedIn {
  readonly tables: readonly TableTally[];
  /** In which rows and files went into the region. */
  readonly carryingMs: number;
}

/**
 * Of an import, one after the other: before the second and the third LangFlow's migrations run, to the source's revision and to the newest.
 * And by themselves, later: what the region holds, and what was made in it since.
 */
export const STAGES = { begin, load, carry: carryIn, contents, since } as const;

/**
 * Refuses, before anything is written, what must not move in, and makes an empty scratch database. What another import left goes.
 *
 * @throws AgentError (BadInput) where a name is taken or LangFlow has not migrated the region; (Refused) where another import runs
 */
async function begin(moveIn: MoveIn): Promise<void> {
  const { manifest } = await opened(moveIn);
  await alone(moveIn, async (region) => {
    await refuseNames(manifest, region, moveIn);
    await requireRevisions(region, moveIn);
    await new ScratchDatabase(moveIn.database).make(manifest.revisions, moveIn.sha256);
  });
}

/** Brings the package's rows into the scratch database, which LangFlow's migrations have brought to the source's revision. */
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
 * Brings rows of the scratch database into the region, files to its bucket, and says beside the package what came of it. The scratch
 * database goes.
 *
 * @throws AgentError (BadInput) where the region's LangFlow is of another release than the migrations; nothing was written then
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
      await carryUploads({ files, store, prefix, region, source, strangers, tallies, progress, signal });
    } finally {
      await scratch.drop().catch(() => undefined);
    }
    const result: MovedIn = { tables: tallies.all(), carryingMs: Date.now() - began };
    await moveIn.bucket.write(`${moveIn.prefix}/${RESULT}`, JSON.stringify(result));
  });
}

/** Says, where the package of an import would lie, what the region holds. Nothing is written to the region. */
async function contents({ region, database, bucket, prefix, asked }: MoveIn): Promise<void> {
  await withDatabase(database, async (client) => {
    const found = await inWords(`the database of ${region}`, () => regionContents(client, asked));
    await bucket.write(`${prefix}/${RESULT}`, JSON.stringify(found));
  });
}

/** Says, where the package of an import would lie, what is in the region alone. Nothing is written to the region. */
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

/** With the region's database, and as the one import into it. @throws AgentError (Refused) where another runs */
async function alone(moveIn: MoveIn, work: (region: Client) => Promise<void>): Promise<void> {
  await withDatabase(moveIn.database, async (region) => {
    const { rows } = await region.query<{ isAlone: boolean }>(`SELECT pg_try_advisory_lock($1) AS "isAlone"`, [LOCK]);
    if (!rows[0]?.isAlone)
      throw new AgentError("another import into this region runs: wait for its end", ExitCode.Refused);
    await inWords(`the database of ${moveIn.region}`, () => work(region));
  });
}

/** Of a short secret LangFlow has made keys in two ways. */
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
  // PostgreSQL's own idea of capitals is the one that LangFlow's index has.
  const { rows: taken } = await region.query<{ name: string }>(
    `SELECT DISTINCT g.name FROM unnest($1::text[], $2::text[]) AS g (id, name) JOIN public."user" u
      ON (lower(u.username) = lower(g.name) AND u.id::text <> g.id AND lower(g.name) <> lower($3))
        OR (u.id::text = g.id AND lower(u.username) <> lower(g.name)) ORDER BY 1`,
    [users.map(([id]) => id), users.map(([, name]) => name), superuser],
  );
  if (taken.length > 0)
    throw new AgentError(
      `nothing was moved: ${taken.map(({ name }) => printable(name)).join(", ")} in the fleet is somebody else, by name or id; rename them there or in the fleet`,
      ExitCode.BadInput,
    );
}

async function requireRevisions(region: Client, { region: name }: MoveIn): Promise<string[]> {
  const revisions = await revisionsOf(region);
  if (revisions.length > 0) return revisions;
  throw new AgentError(
    `the database of ${name} has no LangFlow yet: deploy the region first, and give its LangFlow time to start`,
    ExitCode.BadInput,
  );
}

function requireSame(newest: readonly string[], inRegion: readonly string[], { region }: MoveIn): void {
  if (newest.join() === inRegion.join()) return;
  throw new AgentError(
    `nothing was moved: LangFlow's migrations end at ${newest.join(", ")}, and the database of ${region} is at ${inRegion.join(", ")}: bring the region to the same release first (docs/upgrade.md)`,
    ExitCode.BadInput,
  );
}
