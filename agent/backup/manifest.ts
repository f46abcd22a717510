import { createHash } from "node:crypto";
import { z } from "zod";
import { isBackupId } from "./layout";

const count = z.number().int().nonnegative();

const storedObject = z.strictObject({
  /** Within the backup's folder, so that a backup may be copied elsewhere. */
  key: z
    .string()
    .refine((key) => !key.split("/").some((part) => [".", ".."].includes(part)) && !/^\/|^$|\n/.test(key), {
      error: "must stay within the backup",
    }),
  /** Bytes. */
  size: count,
  /** Hexadecimal. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

const contents = z.strictObject({
  format: z.literal(1),
  id: z.string().refine(isBackupId, "must be a backup's id"),
  region: z.string().min(1),
  /** The moment of the database's snapshot, by the database's clock. */
  takenAt: z.iso.datetime(),
  finishedAt: z.iso.datetime(),
  langflowVersion: z.string(),
  /** LangFlow's schema: its Alembic revisions. */
  schemaRevision: z.string(),
  databaseServerVersion: z.string(),
  /** Of rows in the snapshot, of flows as JSON, and of files. */
  counts: z.strictObject({ users: count, flows: count, flowFiles: count, claimFiles: count, userFiles: count }),
  /** LangFlow's uploads, which stay where they are: the bucket keeps their versions. */
  userFiles: z.strictObject({ bucket: z.string(), prefix: z.string(), bytes: count }),
  /** Paths in the claim, at most a hundred of each. */
  claim: z.strictObject({
    /** Written to while they were read: their content may be of no single moment. */
    changed: z.array(z.string()),
    /** Sockets, devices, and what was gone before it could be read. */
    skipped: z.array(z.string()),
  }),
  objects: z.array(storedObject),
});

/** One object of a backup. */
export type StoredObject = z.infer<typeof storedObject>;

/** What a backup holds. */
export type Manifest = z.infer<typeof contents>;

/** A manifest's text: it ends with the checksum of what stands before it, so that it vouches for itself too. */
export function renderManifest(manifest: Manifest): string {
  const body = JSON.stringify(contents.parse(manifest), null, 1);
  return `${body.slice(0, -2)},\n "sha256": "${createHash("sha256").update(body).digest("hex")}"\n}\n`;
}

/**
 * Reads a manifest back.
 *
 * @returns undefined for a text that {@link renderManifest} did not write, down to the last byte
 */
export function parseManifest(text: string): Manifest | undefined {
  try {
    const { sha256: _, ...body } = JSON.parse(text) as Record<string, unknown>;
    const manifest = contents.parse(body);
    return renderManifest(manifest) === text ? manifest : undefined;
  } catch {
    return undefined;
  }
}

/** Bytes of all objects of a backup. */
export function sizeOf(objects: readonly StoredObject[]): number {
  return objects.reduce((total, { size }) => total + size, 0);
}
