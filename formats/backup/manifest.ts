import { createHash } from "node:crypto";
import { z } from "zod";
import { isBackupId } from "./layout";

const count = z.number().int().nonnegative();

const storedObject = z.strictObject({
  /** Key within the backup's folder, so that a backup can be copied to a different folder. */
  key: z
    .string()
    .refine((key) => !key.split("/").some((part) => [".", ".."].includes(part)) && !/^\/|^$|\n/.test(key), {
      error: "must stay within the backup",
    }),
  /** Size in bytes. */
  size: count,
  /** Hexadecimal. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

const contents = z.strictObject({
  format: z.literal(1),
  id: z.string().refine(isBackupId, "must be a backup id"),
  region: z.string().min(1),
  /** Time of the database's snapshot, by the database's clock. */
  takenAt: z.iso.datetime(),
  finishedAt: z.iso.datetime(),
  langflowVersion: z.string(),
  /** Version of LangFlow's schema: its Alembic revisions. */
  schemaRevision: z.string(),
  databaseServerVersion: z.string(),
  /** Numbers of users and flows in the snapshot, of flows stored as JSON, and of files. */
  counts: z.strictObject({ users: count, flows: count, flowFiles: count, claimFiles: count, userFiles: count }),
  /** LangFlow's uploads. They are not copied, because the bucket keeps their versions. */
  userFiles: z.strictObject({ bucket: z.string(), prefix: z.string(), bytes: count }),
  /** Paths in the PersistentVolumeClaim that the backup could not copy consistently; at most 100 per list. */
  claim: z.strictObject({
    /** Files that changed while they were read. Their content may mix two states. */
    changed: z.array(z.string()),
    /** Sockets, devices, and entries that disappeared before they could be read. */
    skipped: z.array(z.string()),
  }),
  objects: z.array(storedObject),
});

/** One object of a backup. */
export type StoredObject = z.infer<typeof storedObject>;

/** Description of a backup and the list of its objects. */
export type Manifest = z.infer<typeof contents>;

/**
 * Renders a manifest. Its last field is the checksum of the text before it, so the manifest verifies itself as well.
 */
export function renderManifest(manifest: Manifest): string {
  const body = JSON.stringify(contents.parse(manifest), null, 1);
  return `${body.slice(0, -2)},\n "sha256": "${createHash("sha256").update(body).digest("hex")}"\n}\n`;
}

/**
 * Parses a manifest.
 *
 * @returns undefined if the text differs by even one byte from the output of {@link renderManifest}
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

/** Returns the total size of a backup's objects, in bytes. */
export function sizeOf(objects: readonly StoredObject[]): number {
  return objects.reduce((total, { size }) => total + size, 0);
}
