import { randomBytes } from "node:crypto";
import { type Client, DatabaseError } from "pg";
import { type DatabaseAddress, openDatabase } from "../../../agent/postgres/connection";
import { SecretKey } from "../../../agent/rekey/secretKey";
import { ExitCode, UserError } from "../../../model/errors";
import { type MoveInFinding, moveInFindings, printable } from "../findings";
import { type Inspection, sourceOf, told } from "../inspect";
import type { Inventory } from "../inventory";
import { legacySecret } from "../legacySecretKey";
import { type DatabaseSource, databaseInventory } from "../sources/databaseInventory";
import { carry } from "./carry";
import type { Migrations } from "./migrations";
import { type Loading, revisionsOf, ScratchDatabase } from "./scratchDatabase";
import type { SecretKeys } from "./secrets";
import { type TableTally, Tallies } from "./tallies";
import { carryUploads, UPLOADS, type UploadStore } from "./uploads";

const KEY_BYTES = 32;
/** Any number that no other user of the database takes; LangFlow locks by numbers it derives from texts. */
const LOCK = 0x6c66_6d69;
/** What is said of a change in progress, at most so often. */
const TOLD_EVERY_MS = 2_000;

/** The region that a LangFlow moves into. */
export interface Target {
  readonly region: string;
  readonly database: DatabaseAddress;
  /** LANGFLOW_SECRET_KEY of the fleet. */
  readonly secretKey: string;
  /** Name of the fleet's superuser. */
  readonly superuser: string;
  readonly migrations: Migrations;
  readonly uploads: UploadStore;
  /** Before the keys of users' files. */
  readonly filesPrefix: string;
}

export interface Import extends Inspection {
  readonly target: Target;
  /** Also where the secret key opens nothing, or none was given. */
  readonly withoutSecrets: boolean;
  readonly report: (message: string) => void;
}

export interface Imported {
  readonly source: Inventory["source"];
  readonly tables: readonly TableTally[];
  readonly milliseconds: { readonly reading: number; readonly migrating: number; readonly carrying: number };
}

/**
 * Brings what a LangFlow elsewhere has into a region: accounts and what hangs on them, flows, files. In the source nothing is changed.
 * Again, it carries what has changed there since.
 *
 * @throws UserError (BadInput) before anything is written where the source cannot be read or must not move in, (Unreachable) where the
 *   region's database does not answer, (Cancelled) where somebody asked for the end
 */
export async function importSource(asked: Import): Promise<Imported> {
  return told(async () => {
    const source = await sourceOf(asked);
    if (!("with" in source))
      throw new UserError(
        "an import reads the database of a LangFlow: give its SQLite file, its config folder or its postgresql:// URL; an API or a folder of flows does not tell accounts, passwords and chats",
        ExitCode.BadInput,
      );
    const region = await openDatabase(asked.target.database);
    try {
      await requireAlone(region);
      return await inWords(asked.target, () => moved(source, region, asked));
    } finally {
      await region.end().catch(() => undefined);
    }
  });
}

async function moved(
  source: { readonly with: <T>(read: (source: DatabaseSource) => Promise<T>) => Promise<T> },
  region: Client,
  asked: Import,
): Promise<Imported> {
  const { target, signal } = asked;
  const tallies = new Tallies();
  const progress = seldom(asked.report);
  const began = Date.now();
  const scratch = { made: undefined as ScratchDatabase | undefined };
  try {
    const { inventory, loading, folder } = await source.with(async (read) => {
      const found = await databaseInventory(read);
      refuse(found, asked);
      await refuseNames(found, region, target);
      const revisions = await requireRevisions(region, target);
      scratch.made = await ScratchDatabase.make(target.database);
      const { rows, secretKey = madeUp() } = read;
      const load: Loading = {
        beside: target.database,
        rows,
        revisions: found.revisions ?? [],
        migrations: target.migrations,
        secretKey,
        tallies,
        progress,
        signal,
      };
      await scratch.made.load(load);
      return { inventory: found, loading: { ...load, revisions }, folder: read.folder };
    });
    const read = Date.now();
    const { made } = scratch;
    if (!made) throw new Error("there is no scratch database");
    const newest = await made.upgrade(loading);
    requireSame(newest, loading.revisions, target);
    const migrated = Date.now();
    const { place } = inventory.source;
    const rows = await made.open();
    try {
      const keys = keysOf(loading.secretKey, target.secretKey);
      const flowNames = new Map(inventory.flows.map(({ id, name }) => [id, name]));
      await carry({ scratch: rows, region, source: place, keys, flowNames, tallies, progress, signal });
    } finally {
      await rows.end();
    }
    for (const path of inventory.files?.missing ?? [])
      tallies.leave(UPLOADS, "the database has it, the folder has not", path);
    if (folder)
      await carryUploads({
        folder,
        store: target.uploads,
        prefix: target.filesPrefix,
        region,
        source: place,
        tallies,
        progress,
        signal,
      });
    else if (inventory.files?.count)
      tallies.leave(UPLOADS, "no folder of LangFlow was given (--config)", undefined, inventory.files.count);
    return {
      source: inventory.source,
      tables: tallies.all(),
      milliseconds: { reading: read - began, migrating: migrated - read, carrying: Date.now() - migrated },
    };
  } finally {
    await scratch.made?.drop(target.database).catch(() => undefined);
  }
}

/** A key under which nothing is encrypted. */
const madeUp = () => randomBytes(KEY_BYTES).toString("base64url");

/** Of a short secret LangFlow has made keys in two ways. */
function keysOf(secret: string, fleet: string): SecretKeys {
  const legacy = legacySecret(secret);
  const old = [secret, ...(legacy === undefined ? [] : [legacy])].map((each) => new SecretKey(each, "the secret key"));
  return { old, fleet: new SecretKey(fleet, "the fleet's LANGFLOW_SECRET_KEY") };
}

/** @throws UserError (BadInput) where nothing may move in before something is mended */
function refuse(inventory: Inventory, { withoutSecrets }: Import): void {
  const stops = moveInFindings(inventory).filter(({ result }) => result === "stops");
  if (stops.length > 0)
    throw new UserError(
      ["nothing was moved:", ...stops.map(sentenceOf), "`fleet move-in inspect` says all of it"].join("\n"),
      ExitCode.BadInput,
    );
  const { count = 0, opened = 0, secretKey } = inventory.ciphertexts ?? {};
  if (count === 0 || opened > 0 || withoutSecrets) return;
  const why =
    secretKey === "none"
      ? "no secret key was given: set LANGFLOW_SECRET_KEY, or give LangFlow's folder as --config"
      : "the secret key opens none of them, so it is another LangFlow's: give the right one in LANGFLOW_SECRET_KEY";
  throw new UserError(
    `nothing was moved: the source has ${count} secrets, and ${why}; --without-secrets leaves them behind`,
    ExitCode.BadInput,
  );
}

const sentenceOf = ({ what, which, because, fix }: MoveInFinding): string =>
  `  ${what} (${which.join("; ")}): ${because}; ${fix}`;

/** @throws UserError (BadInput) where a user's name is another's in the fleet */
async function refuseNames({ users = [] }: Inventory, region: Client, { superuser }: Target): Promise<void> {
  const { rows } = await region.query<{ id: string; name: string }>(
    `SELECT id::text, lower(username) AS name FROM public."user" WHERE lower(username) = ANY($1::text[])`,
    [users.map(({ name }) => name.toLowerCase())],
  );
  const ids = new Map(rows.map(({ id, name }) => [name, id]));
  const taken = users.filter(({ id, name }) => {
    const inFleet = ids.get(name.toLowerCase());
    return inFleet !== undefined && inFleet !== id && name.toLowerCase() !== superuser.toLowerCase();
  });
  if (taken.length > 0)
    throw new UserError(
      `nothing was moved: ${taken.map(({ name }) => printable(name)).join(", ")} in the fleet is somebody else's name; rename them there or in the fleet`,
      ExitCode.BadInput,
    );
}

/** @throws UserError (BadInput) where LangFlow has not migrated the region's database yet */
async function requireRevisions(region: Client, { region: name }: Target): Promise<string[]> {
  const revisions = await revisionsOf(region);
  if (revisions.length > 0) return revisions;
  throw new UserError(
    `the database of ${name} has no LangFlow yet: deploy the region first, and give its LangFlow time to start`,
    ExitCode.BadInput,
  );
}

function requireSame(newest: readonly string[], inRegion: readonly string[], { region }: Target): void {
  if (newest.join() === inRegion.join()) return;
  throw new UserError(
    `nothing was moved: LangFlow's migrations end at ${newest.join(", ")}, and the database of ${region} is at ${inRegion.join(", ")}: bring the region to the same release first (docs/upgrade.md)`,
    ExitCode.BadInput,
  );
}

/** Until the connection ends. @throws UserError (Refused) where another import runs */
async function requireAlone(region: Client): Promise<void> {
  const { rows } = await region.query<{ isAlone: boolean }>(`SELECT pg_try_advisory_lock($1) AS "isAlone"`, [LOCK]);
  if (!rows[0]?.isAlone)
    throw new UserError("another import into this region runs: wait for its end", ExitCode.Refused);
}

const DISK_FULL = "53100";
/** Classes of errors that end a session, and that of an operator's command (PostgreSQL, "Error Codes"). */
const IS_AWAY = /^(08|57P|ECONN|EPIPE|ETIMEDOUT)/;
const ENDED = /Connection terminated|Client has encountered a connection error|not queryable/;

/** What an import ends with that is nobody's fault here, in one sentence. */
export async function inWords<T>({ region }: Pick<Target, "region">, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { code = "", message } = error as Error & { code?: string };
    if (error instanceof DatabaseError && code === DISK_FULL)
      throw new UserError(
        `the database server of ${region} has no room left (${message}): give it a larger disk; what is in the fleet is whole: run the same again`,
        ExitCode.ResourceFailed,
      );
    if (IS_AWAY.test(code) || ENDED.test(message))
      throw new UserError(
        `the database of ${region}, or the source's, went away (${message || code}); what is in the fleet is whole: run the same again`,
        ExitCode.Unreachable,
      );
    throw error;
  }
}

function seldom(report: (message: string) => void): (done: string) => void {
  let last = Date.now();
  return (done) => {
    if (Date.now() - last < TOLD_EVERY_MS) return;
    last = Date.now();
    report(done);
  };
}
