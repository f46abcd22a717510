import { z } from "zod";
import { AgentError, ExitCode } from "../process/errors";
import type { Log } from "../process/log";
import type { Bucket, ObjectVersion } from "./bucket";
import { folderPrefix, USER_FILES } from "./layout";
import { namedFew } from "./namedFew";
import { Tally } from "./progress";

const KEPT_KEYS = 100;

const userFile = z.strictObject({
  /** Below the prefix of LangFlow's files. */
  key: z.string().min(1),
  /** Bytes. */
  size: z.number().int().nonnegative(),
  etag: z.string(),
  versionId: z.string(),
});

/** An uploaded file as a backup remembers it: where it is, not what is in it. */
export type UserFile = z.infer<typeof userFile>;

/** Counts of a listing; filled while it is read. */
export class FilesReport {
  files = 0;
  bytes = 0;
}

/** The uploaded files of a bucket as a text, a line of JSON each. */
export async function* listUserFiles(bucket: Bucket, prefix: string, report: FilesReport): AsyncGenerator<Uint8Array> {
  const start = folderPrefix(prefix);
  for await (const { key, size, etag, versionId } of bucket.versions(start)) {
    report.files++;
    report.bytes += size;
    const file: UserFile = { key: key.slice(start.length), size, etag, versionId };
    yield Buffer.from(`${JSON.stringify(file)}\n`);
  }
}

/**
 * Reads such a text back.
 *
 * @throws AgentError (Damaged) for a line that is none
 */
export async function* parseUserFiles(text: AsyncIterable<Uint8Array>): AsyncGenerator<UserFile> {
  const decoder = new TextDecoder();
  let rest = "";
  const parse = (line: string): UserFile => {
    try {
      return userFile.parse(JSON.parse(line));
    } catch {
      throw new AgentError(`${USER_FILES} holds a line that names no file`, ExitCode.Damaged);
    }
  };
  for await (const chunk of text) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield parse(line);
  }
  if (rest !== "") yield parse(rest);
}

/** Where a backup's uploaded files are kept. */
export interface FilesPlace {
  readonly bucket: Bucket;
  /** Of LangFlow's files in it. */
  readonly prefix: string;
}

const keyOf = ({ prefix }: FilesPlace, { key }: UserFile) => `${folderPrefix(prefix)}${key}`;

/**
 * The recorded version of a file. Replication keeps version ids and not always ETags; where no version has the id, as
 * in a bucket filled by hand, the newest one will do if size and ETag are the recorded ones.
 *
 * @returns undefined when the bucket does not have it any more
 */
export async function findRecorded(place: FilesPlace, file: UserFile): Promise<ObjectVersion | undefined> {
  const key = keyOf(place, file);
  if (file.versionId !== "null") {
    const exact = await place.bucket.head(key, file.versionId);
    if (exact) return exact.size === file.size ? exact : undefined;
  }
  const newest = await place.bucket.head(key);
  return newest && newest.size === file.size && newest.etag === file.etag ? newest : undefined;
}

/**
 * What the target has in place of a recorded file.
 *
 * @returns "same" by version, ETag or, where KMS makes ETags differ, by content; else what is there, if anything
 */
export async function compareWithTarget(
  source: FilesPlace,
  target: FilesPlace,
  file: UserFile,
): Promise<"same" | ObjectVersion | undefined> {
  const present = await target.bucket.head(keyOf(target, file));
  if (!present || present.size !== file.size) return present;
  if (present.etag === file.etag || (present.versionId === file.versionId && file.versionId !== "null")) return "same";
  const recorded = await findRecorded(source, file);
  if (!recorded) return present;
  const ours = await contentHash(target, file, present.versionId);
  return ours !== undefined && ours === (await contentHash(source, file, recorded.versionId)) ? "same" : present;
}

/**
 * Copies the recorded version of a file to the target.
 *
 * @returns whether the source still has it
 */
export async function copyRecorded(source: FilesPlace, target: FilesPlace, file: UserFile): Promise<boolean> {
  const recorded = await findRecorded(source, file);
  if (!recorded) return false;
  await target.bucket.copyFrom(source.bucket, keyOf(source, file), recorded.versionId, keyOf(target, file));
  return true;
}

/** Uploaded files whose recorded version is no longer there. Each is one line of the log, for whoever wants them all. */
export class LostFiles {
  private readonly first: string[] = [];
  count = 0;

  constructor(
    private readonly source: FilesPlace,
    private readonly log: Pick<Log, "warn">,
  ) {}

  note(file: UserFile): void {
    const key = keyOf(this.source, file);
    this.count++;
    if (this.first.length < KEPT_KEYS) this.first.push(key);
    this.log.warn({ key, versionId: file.versionId }, "the uploaded file is no longer there as it was backed up");
  }

  /** @returns undefined when none is lost; the message names the first few in order */
  refusal(): AgentError | undefined {
    if (this.count === 0) return undefined;
    return new AgentError(
      `${this.count} uploaded files are missing or changed in ${this.source.bucket.name}: ${namedFew(this.first.sort(), this.count)}. The log lists them. To restore everything else, add --without-lost-files`,
      ExitCode.Damaged,
    );
  }
}

async function contentHash(place: FilesPlace, file: UserFile, versionId: string): Promise<string | undefined> {
  const stream = await place.bucket.get(keyOf(place, file), versionId === "null" ? {} : { versionId });
  if (!stream) return undefined;
  const tally = new Tally();
  for await (const chunk of stream.body) tally.add(chunk);
  return tally.sha256();
}
