import { randomBytes } from "node:crypto";
import { inWords } from "../../../agent/moveIn/databaseWords";
import type { MoveInBucket } from "../../../agent/moveIn/moveInBucket";
import { throttle } from "../../../agent/moveIn/throttle";
import { MOVE_IN_PREFIX } from "../../../formats/bucketKeys";
import { MANIFEST, RESULT } from "../../../formats/moveIn/package";
import type { AskedShare, MovedIn } from "../../../formats/moveIn/result";
import type { TableTally } from "../../../formats/moveIn/tallies";
import { ExitCode, UserError } from "../../../model/errors";
import { type MoveInFinding, moveInFindings } from "../findings";
import { type Inspection, sourceOf, told } from "../inspect";
import type { Inventory } from "../inventory";
import { databaseInventory } from "../sources/databaseInventory";
import { packSource } from "./packSource";

const KEY_BYTES = 32;
const NAME_BYTES = 4;

/** Parameters of an import run, in addition to its CronJob's settings. */
export interface MoveInRun {
  readonly packageName: string;
  /** SHA-256 of the package's manifest. */
  readonly sha256: string;
  /**
   * LANGFLOW_SECRET_KEY of the source, or a random key if it has none. It must never appear in an argument, a log or a
   * Pulumi object.
   */
  readonly secretKey: string;
  /** Question to answer instead of importing a package. */
  readonly question?: Question;
}

/**
 * Asks what was created in the region since the import, with or without the flows' contents, or what the region holds.
 */
export type Question =
  | { readonly stage: "since"; readonly withFlows: boolean }
  | { readonly stage: "contents"; readonly asked: readonly AskedShare[] };

/** Region that receives an import. */
export interface Target {
  readonly region: string;
  /** Flow bucket of the region. */
  readonly bucket: MoveInBucket;
  /**
   * Runs the import next to the region's database and resolves when it is done.
   *
   * @throws UserError with the message of the run's own program
   */
  readonly takeIn: (run: MoveInRun, report: (message: string) => void, signal: AbortSignal) => Promise<void>;
  /** Closes open connections. */
  readonly close: () => void;
}

export interface Import extends Inspection {
  readonly target: Target;
  /** Whether to import without secrets if the secret key decrypts none of them or is missing. */
  readonly withoutSecrets: boolean;
  /** Whether to leave behind rows that LangFlow cannot read, and the rows that belong to them. */
  readonly damaged: boolean;
  readonly report: (message: string) => void;
}

export interface Imported {
  readonly source: Inventory["source"];
  readonly tables: readonly TableTally[];
  readonly milliseconds: { readonly reading: number; readonly migrating: number; readonly carrying: number };
}

/**
 * Imports the data of an existing LangFlow into a region: accounts with everything that belongs to them, flows and
 * files. Does not change the source. Running the import again transfers only what has changed there since.
 *
 * This process reads the source and packs it into the region's bucket. A run next to the region's database imports the
 * package.
 *
 * @throws UserError (BadInput) before anything is written if the source cannot be read or must not be imported;
 * (Unreachable) if the bucket or a database does not answer; (Cancelled) if the user interrupts
 */
export async function importSource(asked: Import): Promise<Imported> {
  const { target, report, signal } = asked;
  return told(async () => {
    const began = Date.now();
    const packageName = `${new Date(began).toISOString().replaceAll(":", "-")}-${randomBytes(NAME_BYTES).toString("hex")}`;
    const prefix = `${MOVE_IN_PREFIX}/${packageName}`;
    try {
      const { source, ...packed } = await inWords("the source's database", () => packedSource(asked, prefix));
      const read = Date.now();
      await target.takeIn({ packageName, ...packed }, report, signal);
      const { tables, carryingMs: carrying } = await resultOf(target, prefix);
      const migrating = Math.max(0, Date.now() - read - carrying);
      return { source, tables, milliseconds: { reading: read - began, migrating, carrying } };
    } finally {
      // The bucket's lifecycle rule deletes what cannot be deleted now.
      await target.bucket.deleteBelow(`${prefix}/`).catch(() => undefined);
    }
  });
}

interface Packed extends Pick<MoveInRun, "sha256" | "secretKey"> {
  readonly source: Inventory["source"];
}

async function packedSource(asked: Import, prefix: string): Promise<Packed> {
  const source = await sourceOf(asked);
  if (!("with" in source))
    throw new UserError(
      "an import needs LangFlow's database: pass its SQLite file, its config folder or its postgresql:// URL, because an API or a folder of flows lacks accounts, passwords and chats",
      ExitCode.BadInput,
    );
  return source.with(async (read) => {
    const inventory = await databaseInventory(read);
    refuse(inventory, asked);
    const { rows, folder, secretKey = madeUp() } = read;
    const { signal, target } = asked;
    const progress = throttle(asked.report);
    const sha256 = await packSource({ rows, inventory, folder, bucket: target.bucket, prefix, progress, signal });
    return { source: inventory.source, sha256, secretKey };
  });
}

/** Creates a random key with which nothing is encrypted. */
const madeUp = () => randomBytes(KEY_BYTES).toString("base64url");

async function resultOf({ bucket, region }: Target, prefix: string): Promise<MovedIn> {
  const bytes = await bucket.read(`${prefix}/${RESULT}`);
  if (bytes) return JSON.parse(Buffer.from(bytes).toString("utf8"));
  throw new UserError(
    `the run in ${region} ended without a result (${prefix}/${RESULT} is missing next to ${MANIFEST}): run the same command again, which imports only missing rows`,
    ExitCode.ResourceFailed,
  );
}

/** @throws UserError (BadInput) if something must be fixed before the import */
function refuse(inventory: Inventory, { withoutSecrets, damaged }: Import): void {
  const stops = moveInFindings(inventory, damaged).filter(({ result }) => result === "stops");
  if (stops.length > 0)
    throw new UserError(
      ["nothing was imported:", ...stops.map(sentenceOf), "run `move-in inspect` for all details"].join("\n"),
      ExitCode.BadInput,
    );
  const { count = 0, opened = 0, secretKey } = inventory.ciphertexts ?? {};
  if (count === 0 || opened > 0 || withoutSecrets) return;
  const why =
    secretKey === "none"
      ? "no secret key was passed: set LANGFLOW_SECRET_KEY, or pass LangFlow's folder as --config"
      : "the secret key decrypts none of them: set LANGFLOW_SECRET_KEY to this LangFlow's key";
  throw new UserError(
    `nothing was imported: the source has ${count} secrets, and ${why}; add --without-secrets to skip them`,
    ExitCode.BadInput,
  );
}

const sentenceOf = ({ what, which, because, fix }: MoveInFinding): string =>
  `  ${what} (${which.join("; ")}): ${because}; ${fix}`;
