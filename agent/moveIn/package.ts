import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { z } from "zod";
import { AgentError, ExitCode } from "../process/errors";
import type { Row } from "./row";

const packed = promisify(gzip);
const unpacked = promisify(gunzip);

/** A text of SHA-256, in hexadecimal. */
const digest = z.string().regex(/^[0-9a-f]{64}$/);

/** Changes with what a reader has to know of it. */
const FORM = 1;

const manifestShape = z.strictObject({
  form: z.literal(FORM),
  /** Which LangFlow the rows are of. */
  source: z.string(),
  /** Of its schema, as Alembic calls them. */
  revisions: z.array(z.string()),
  tables: z.array(
    z.strictObject({
      name: z.string(),
      columns: z.array(z.string()),
      parts: z.array(z.strictObject({ name: z.string(), rows: z.number().int(), sha256: digest })),
    }),
  ),
  /** Users by id. */
  userNames: z.record(z.string(), z.string()),
  /** Of flows by id, where they may be said: a name may hold a secret. */
  flowNames: z.record(z.string(), z.string()),
  /** Below the id of a user or flow, and in the package below `files/`. Absent: no folder was given. */
  files: z.array(z.strictObject({ path: z.string(), sha256: digest })).optional(),
  /** What was not packed: of which table, why, and how many where it has no name. */
  left: z.array(
    z.strictObject({ table: z.string(), reason: z.string(), name: z.string().optional(), rows: z.number().int() }),
  ),
});

/**
 * What lies at one moment in the LangFlow that moves in: a folder in a bucket, of which this says all of it. It is written last, so a
 * package without one is none, and whoever knows its digest knows every other's.
 */
export type PackageManifest = z.infer<typeof manifestShape>;
export type PackagedTable = PackageManifest["tables"][number];
export type PackagedFile = NonNullable<PackageManifest["files"]>[number];

export const FIRST_FORM = FORM;
export const MANIFEST = "manifest.json";
/** What came of it, written by who took it in. */
export const RESULT = "result.json";
export const filePath = (path: string): string => `files/${path}`;

export const sha256 = (bytes: string | Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/**
 * @param expected digest of the manifest, from who wrote it
 * @throws AgentError (Damaged) for one that is not whole or not that; (BadInput) for one of another release
 */
export function manifestOf(bytes: Uint8Array, expected: string): PackageManifest {
  requireDigest(bytes, expected, MANIFEST);
  const parsed = manifestShape.safeParse(JSON.parse(Buffer.from(bytes).toString("utf8")));
  if (parsed.success) return parsed.data;
  throw new AgentError(
    "the package is of another release of this project than the agent's image: deploy the region from the checkout that you import from",
    ExitCode.BadInput,
  );
}

/** @throws AgentError (Damaged) */
export function requireDigest(bytes: Uint8Array, expected: string, name: string): void {
  if (sha256(bytes) === expected) return;
  throw new AgentError(
    `the package is not as it was written: ${name} has another digest; nothing of it was taken: import again`,
    ExitCode.Damaged,
  );
}

/** Rows, a line for each: its values in the order of the table's columns. */
export async function packRows(rows: readonly Row[], columns: readonly string[]): Promise<Buffer> {
  const lines = rows.map((row) => `${JSON.stringify(columns.map((column) => packedValue(row[column])))}\n`);
  // Its fastest: the bytes are read once, from beside the bucket.
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

/** As JSON has it, and by its kind what JSON has not. */
type PackedValue = string | number | boolean | null | Unusual;
interface Unusual {
  /** In base64. */
  readonly bytes?: string;
  readonly integer?: string;
  readonly number?: string;
}

/** A value as a driver gives it: text, a number, a large one, a truth value, bytes, nothing. */
function packedValue(value: unknown): PackedValue {
  if (value === null || value === undefined) return null;
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString("base64") };
  if (typeof value === "bigint") return { integer: `${value}` };
  if (typeof value === "number" && !Number.isFinite(value)) return { number: `${value}` };
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  throw new Error(`a driver gave a value of a kind that nobody knows: ${typeof value}`);
}

function unpackedValue(value: PackedValue): unknown {
  if (value === null || typeof value !== "object") return value;
  if (value.bytes !== undefined) return Buffer.from(value.bytes, "base64");
  return value.integer === undefined ? Number(value.number) : BigInt(value.integer);
}
