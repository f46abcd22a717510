import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { z } from "zod";
import { AgentError, ExitCode } from "../agentErrors";
import type { Row } from "./row";

const packed = promisify(gzip);
const unpacked = promisify(gunzip);

/** SHA-256, in hexadecimal. */
const digest = z.string().regex(/^[0-9a-f]{64}$/);

/** Version of the format. Increment it if a reader must be changed. */
const FORM = 1;

const manifestShape = z.strictObject({
  form: z.literal(FORM),
  /** Description of the LangFlow from which the rows come. */
  source: z.string(),
  /** Alembic revisions of the source's schema. */
  revisions: z.array(z.string()),
  tables: z.array(
    z.strictObject({
      name: z.string(),
      columns: z.array(z.string()),
      parts: z.array(z.strictObject({ name: z.string(), rows: z.number().int(), sha256: digest })),
    }),
  ),
  /** Names of users by id. */
  userNames: z.record(z.string(), z.string()),
  /** Names of flows by id, if they may be shown: a name may contain a secret. */
  flowNames: z.record(z.string(), z.string()),
  /**
   * Files by path below `files/` in the package, which starts with the id of a user or flow. Absent if no folder was
   * given.
   */
  files: z.array(z.strictObject({ path: z.string(), sha256: digest })).optional(),
  /** Rows that were not packed: table, reason, and the name of the row or the number of rows. */
  left: z.array(
    z.strictObject({ table: z.string(), reason: z.string(), name: z.string().optional(), rows: z.number().int() }),
  ),
});

/**
 * Manifest of a package: a folder in a bucket with the content of the imported LangFlow at one point in time. The
 * manifest lists every object and is written last, so a package without a manifest is incomplete, and the manifest's
 * digest authenticates all other objects.
 */
export type PackageManifest = z.infer<typeof manifestShape>;
export type PackagedTable = PackageManifest["tables"][number];
export type PackagedFile = NonNullable<PackageManifest["files"]>[number];

export const FIRST_FORM = FORM;
export const MANIFEST = "manifest.json";
/** Key of the import's result, written by the stage that imported the package. */
export const RESULT = "result.json";
export const filePath = (path: string): string => `files/${path}`;

export const sha256 = (bytes: string | Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/**
 * Parses a manifest.
 *
 * @param expected the manifest's digest, from the process that wrote it
 * @throws AgentError (Damaged) if the manifest is incomplete or has a different digest; (BadInput) if a different
 *   release wrote it
 */
export function manifestOf(bytes: Uint8Array, expected: string): PackageManifest {
  requireDigest(bytes, expected, MANIFEST);
  const parsed = manifestShape.safeParse(JSON.parse(Buffer.from(bytes).toString("utf8")));
  if (parsed.success) return parsed.data;
  throw new AgentError(
    "the package and the agent's image come from different releases of this project: deploy the region from the checkout that you import from",
    ExitCode.BadInput,
  );
}

/** @throws AgentError (Damaged) */
export function requireDigest(bytes: Uint8Array, expected: string, name: string): void {
  if (sha256(bytes) === expected) return;
  throw new AgentError(
    `the package is damaged: the digest of ${name} does not match, and nothing of it was imported. Import again`,
    ExitCode.Damaged,
  );
}

/** Packs rows, one per line: the values in the order of the table's columns. */
export async function packRows(rows: readonly Row[], columns: readonly string[]): Promise<Buffer> {
  const lines = rows.map((row) => `${JSON.stringify(columns.map((column) => packedValue(row[column])))}\n`);
  // Use the fastest level: the data is read once, by a pod close to the bucket.
  return packed(lines.join(""), { level: 1 });
}

export async function unpackRows(bytes: Uint8Array, columns: readonly string[]): Promise<Row[]> {
  const text = (await unpacked(bytes)).toString("utf8");
  const lines = text.split("\n").slice(0, -1);
  return lines.map((line) => {
    const values = JSON.parse(line) as readonly PackedValue[];
    return Object.fromEntries(columns.map((column, index) => [column, unpackedValue(values[index] ?? null)]));
  });
}

/** A JSON value, or an object that represents a type that JSON lacks. */
type PackedValue = string | number | boolean | null | Unusual;
interface Unusual {
  /** In base64. */
  readonly bytes?: string;
  readonly integer?: string;
  readonly number?: string;
}

/** Packs a value as a database driver returns it: a string, number, bigint, boolean, bytes, or null. */
function packedValue(value: unknown): PackedValue {
  if (value === null || value === undefined) return null;
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString("base64") };
  if (typeof value === "bigint") return { integer: `${value}` };
  if (typeof value === "number" && !Number.isFinite(value)) return { number: `${value}` };
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  throw new Error(`the database driver returned a value of an unsupported type: ${typeof value}`);
}

function unpackedValue(value: PackedValue): unknown {
  if (value === null || typeof value !== "object") return value;
  if (value.bytes !== undefined) return Buffer.from(value.bytes, "base64");
  return value.integer === undefined ? Number(value.number) : BigInt(value.integer);
}
