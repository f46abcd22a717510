import { z } from "zod";
import { AgentError, ExitCode } from "../../formats/agentErrors";
import { folderPrefix, USER_FILES } from "../../formats/backup/layout";
import type { Log } from "../process/log";
import type { Bucket, ObjectVersion } from "./bucket";
import { namedFew } from "./namedFew";
import { Tally } from "./progress";

const KEPT_KEYS = 100;

const userFile = z.strictObject({
  /** Key below the prefix of LangFlow's files. */
  key: z.string().min(1),
  /** Size in bytes. */
  size: z.number().int().nonnegative(),
  etag: z.string(),
  versionId: z.string(),
});

/** An uploaded file as a backup records it: its location, not its content. */
export type UserFile = z.infer<typeof userFile>;

/** Counters of a listing. They are filled in while the listing is read. */
export class FilesReport {
  files = 0;
  bytes = 0;
}

/** Lists a bucket's uploaded files as text, one line of JSON per file. */
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
 * Parses the output of {@link listUserFiles}.
 *
 * @throws AgentError (Damaged) for a line that does not describe a file
 */
export async function* parseUserFiles(text: AsyncIterable<Uint8Array>): AsyncGenerator<UserFile> {
  const decoder = new TextDecoder();
  let rest = "";
  const parse = (line: string): UserFile => {
    try {
      return userFile.parse(JSON.parse(line));
    } catch {
      throw new AgentError(`${USER_FILES} contains a line that does not describe a file`, ExitCode.Damaged);
    }
  };
  for await (const chunk of text) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield parse(line);
  }
  if (rest !== "") yield parse(rest);
}

/** Location of uploaded files. */
export interface FilesPlace {
  readonly bucket: Bucket;
  /** Key prefix of LangFlow's files in the bucket. */
  readonly prefix: string;
}

const keyOf = ({ prefix }: FilesPlace, { key }: UserFile) => `${folderPrefix(prefix)}${key}`;

/**
 * Finds the recorded version of a file. Replication keeps version ids, but not always ETags. If no version has the
 * recorded id, as in a bucket filled by hand, the current version is accepted if its size and ETag match.
 *
 * @returns undefined if the bucket no longer has the version
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
 * Compares a recorded file with the target's object of the same key.
 *
 * @returns "same" if version, ETag or, if KMS makes the ETags differ, content match; otherwise the target's object, or
 *   undefined if there is none
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
 * @returns false if the source no longer has the version
 */
export async function copyRecorded(source: FilesPlace, target: FilesPlace, file: UserFile): Promise<boolean> {
  const recorded = await findRecorded(source, file);
  if (!recorded) return false;
  await target.bucket.copyFrom(source.bucket, keyOf(source, file), recorded.versionId, keyOf(target, file));
  return true;
}

/**
 * Collects uploaded files whose recorded version no longer exists. Each is logged in a line of its own, so the log has
 * the complete list.
 */
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
    this.log.warn({ key, versionId: file.versionId }, "the backed-up version of the uploaded file no longer exists");
  }

  /** @returns undefined if no file is lost; otherwise an error that names the first few files in order */
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
