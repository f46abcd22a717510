import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import {
  CopyObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  type ListObjectVersionsOutput,
  PutObjectCommand,
  type S3Client,
  type ObjectVersion as S3ObjectVersion,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { AgentError, ExitCode } from "../process/errors";
import { copySource } from "../s3/s3Request";

/** Times S3's limit of 10,000 parts this allows objects of 156 GiB, which the claim's 100 GiB fit into. */
const PART_BYTES = 16 * 1024 * 1024;
/** With what waits for Node's garbage collection, an upload takes about 150 MB of memory, whatever its size. */
const PARTS_AT_ONCE = 2;

/** What an upload calls itself, to know its object again. */
const UPLOAD_METADATA = "upload";

/** An object as S3 lists it. */
export interface ObjectVersion {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  /** Without quotes. Of the content only where neither KMS nor a multipart upload was used. */
  readonly etag: string;
  /** "null" in a bucket that keeps no versions. Replication keeps it. */
  readonly versionId: string;
  /** Of the first upload, in a replica too. */
  readonly lastModified: Date;
}

/** One of several versions of an object. */
export interface ListedVersion extends ObjectVersion {
  /** Whether it is what a reader gets who names no version. */
  readonly isCurrent: boolean;
}

/** An object's bytes on their way. */
export interface ObjectStream {
  readonly body: AsyncIterable<Uint8Array>;
  readonly etag: string;
  /** Undefined in a bucket that keeps no versions. */
  readonly versionId: string | undefined;
}

/**
 * One bucket. No upload names an encryption: the bucket's default applies. Each carries the SDK's checksum, which S3
 * checks before it keeps the object, and `If-None-Match: *`, so that S3 refuses it where its key is taken.
 *
 * Its methods throw AgentError: Unreachable when S3 does not answer, BadInput when there is no such bucket, Failure
 * when S3 refuses.
 */
export class Bucket {
  /**
   * @param s3 for a bucket in another AWS region, a client with `followRegionHeaders`
   * @param signal ends every request
   */
  constructor(
    readonly s3: S3Client,
    readonly name: string,
    private readonly signal?: AbortSignal,
  ) {}

  /**
   * Streams a new object up. When the source throws, or the signal comes, no object is made and no part of one is left
   * behind.
   *
   * @throws AgentError (Failure) also where the key is taken
   */
  async putStream(key: string, source: AsyncIterable<Uint8Array>): Promise<void> {
    await this.create(key, {}, (object) =>
      new Upload({
        client: this.s3,
        params: { ...object, Body: Readable.from(this.untilStopped(source), { objectMode: false }) },
        partSize: PART_BYTES,
        queueSize: PARTS_AT_ONCE,
        leavePartsOnError: false,
      }).done(),
    );
  }

  /**
   * Writes a new object.
   *
   * @param metadata lands in the object's `x-amz-meta-…` headers
   * @throws AgentError (Failure) also where the key is taken
   */
  async putText(key: string, text: string | Buffer, metadata: Record<string, string> = {}): Promise<void> {
    await this.create(key, metadata, (object) =>
      this.s3.send(new PutObjectCommand({ ...object, Body: text }), this.requestOptions),
    );
  }

  /**
   * @param version `versionId` for a certain version, `etag` to refuse any other content
   * @returns undefined when there is no such object or version
   */
  async get(key: string, version: { versionId?: string; etag?: string } = {}): Promise<ObjectStream | undefined> {
    const answer = await this.find(() =>
      this.s3.send(
        new GetObjectCommand({
          Bucket: this.name,
          Key: key,
          VersionId: version.versionId,
          IfMatch: version.etag === undefined ? undefined : `"${version.etag}"`,
        }),
        this.requestOptions,
      ),
    );
    if (!answer) return undefined;
    return {
      body: this.explained(answer.Body as Readable),
      etag: unquoted(answer.ETag),
      versionId: answer.VersionId,
    };
  }

  /** @returns undefined when there is no such object or version; the metadata is that of {@link putText} */
  async head(
    key: string,
    versionId?: string,
  ): Promise<(ObjectVersion & { readonly metadata: Readonly<Record<string, string>> }) | undefined> {
    const answer = await this.find(() =>
      this.s3.send(new HeadObjectCommand({ Bucket: this.name, Key: key, VersionId: versionId }), this.requestOptions),
    );
    if (!answer) return undefined;
    return {
      key,
      size: answer.ContentLength ?? 0,
      etag: unquoted(answer.ETag),
      versionId: answer.VersionId ?? "null",
      lastModified: answer.LastModified ?? new Date(0),
      metadata: answer.Metadata ?? {},
    };
  }

  /** What stands directly below a prefix that ends with a slash, without the prefix and the slash, in order. */
  async folders(prefix: string): Promise<string[]> {
    const names: string[] = [];
    let token: string | undefined;
    do {
      const page = await this.send(() =>
        this.s3.send(
          new ListObjectsV2Command({ Bucket: this.name, Prefix: prefix, Delimiter: "/", ContinuationToken: token }),
          this.requestOptions,
        ),
      );
      for (const { Prefix = "" } of page.CommonPrefixes ?? []) names.push(Prefix.slice(prefix.length, -1));
      token = page.NextContinuationToken;
    } while (token);
    return names.sort();
  }

  /** As {@link folders}, with those of which all was deleted. */
  async foldersEver(prefix: string): Promise<string[]> {
    const names = new Set<string>();
    for await (const { CommonPrefixes = [] } of this.versionPages({ Prefix: prefix, Delimiter: "/" }))
      for (const { Prefix = "" } of CommonPrefixes) names.add(Prefix.slice(prefix.length, -1));
    return [...names].sort();
  }

  /** The newest version of each object below a prefix; deleted ones are left out. */
  async *versions(prefix: string): AsyncGenerator<ObjectVersion> {
    for await (const { Versions = [] } of this.versionPages({ Prefix: prefix }))
      for (const version of Versions) if (version.IsLatest && version.Key !== undefined) yield listed(version);
  }

  /** Every version of one object, the first written first, also where it was deleted since. */
  async versionsOf(key: string): Promise<ListedVersion[]> {
    const versions: ListedVersion[] = [];
    for await (const { Versions = [] } of this.versionPages({ Prefix: key }))
      for (const version of Versions) if (version.Key === key) versions.push(listed(version));
    // S3 lists what it stored last first; replicas may be stored in another order than they were written in.
    return versions.reverse().sort((one, other) => one.lastModified.getTime() - other.lastModified.getTime());
  }

  /** Copies one version of another bucket's object into this bucket, within S3. S3 allows it up to 5 GB. */
  async copyFrom(source: Bucket, sourceKey: string, versionId: string, key: string): Promise<void> {
    const path = copySource(source.name, sourceKey);
    await this.send(() =>
      this.s3.send(
        new CopyObjectCommand({ Bucket: this.name, Key: key, CopySource: `${path}?versionId=${versionId}` }),
        this.requestOptions,
      ),
    );
  }

  private async create(
    key: string,
    metadata: Record<string, string>,
    put: (object: {
      Bucket: string;
      Key: string;
      Metadata: Record<string, string>;
      IfNoneMatch: "*";
    }) => Promise<unknown>,
  ): Promise<void> {
    const upload = randomUUID();
    const Metadata = { ...metadata, [UPLOAD_METADATA]: upload };
    try {
      await put({ Bucket: this.name, Key: key, Metadata, IfNoneMatch: "*" });
    } catch (error) {
      if (!isRefusedPrecondition(error)) throw this.explain(error);
      // The SDK repeats a request whose answer was lost: then it is our own object that is in the way.
      if ((await this.head(key))?.metadata[UPLOAD_METADATA] !== upload)
        throw new AgentError(`${this.name}/${key} is there already, and a backup is written once`, ExitCode.Failure);
    }
  }

  private async *versionPages(of: { Prefix: string; Delimiter?: string }): AsyncGenerator<ListObjectVersionsOutput> {
    let next: { KeyMarker?: string; VersionIdMarker?: string } | undefined = {};
    while (next) {
      const marker: { KeyMarker?: string; VersionIdMarker?: string } = next;
      const page = await this.send(() =>
        this.s3.send(new ListObjectVersionsCommand({ Bucket: this.name, ...of, ...marker }), this.requestOptions),
      );
      yield page;
      next = page.IsTruncated
        ? { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker }
        : undefined;
    }
  }

  /** Upload.abort() would not wait until the parts are gone; a source that throws makes it do so. */
  private async *untilStopped(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    this.signal?.throwIfAborted();
    for await (const chunk of source) {
      yield chunk;
      this.signal?.throwIfAborted();
    }
  }

  private get requestOptions() {
    return { abortSignal: this.signal };
  }

  private async send<Answer>(request: () => Promise<Answer>): Promise<Answer> {
    try {
      return await request();
    } catch (error) {
      throw this.explain(error);
    }
  }

  private async find<Answer>(request: () => Promise<Answer>): Promise<Answer | undefined> {
    try {
      return await request();
    } catch (error) {
      // 400 is S3's answer to a version id that was never one, 412 to content that is no longer the one asked for.
      const status = error instanceof S3ServiceException ? (error.$metadata.httpStatusCode ?? 0) : 0;
      const name = (error as Error).name;
      const absent = ["NoSuchKey", "NoSuchVersion", "NotFound"].includes(name) || isRefusedPrecondition(error);
      if (absent || (status === 400 && /version/i.test(`${name} ${(error as Error).message}`))) return undefined;
      throw this.explain(error);
    }
  }

  private async *explained(body: Readable): AsyncGenerator<Uint8Array> {
    try {
      yield* body;
    } catch (error) {
      throw this.explain(error);
    } finally {
      body.destroy();
    }
  }

  private explain(error: unknown): Error {
    if (error instanceof AgentError) return error;
    if (this.signal?.aborted) return new AgentError("interrupted", ExitCode.Failure);
    const { name, message } = error as Error;
    if (name === "NoSuchBucket") return new AgentError(`there is no bucket ${this.name}`, ExitCode.BadInput);
    const status = error instanceof S3ServiceException ? (error.$metadata.httpStatusCode ?? 0) : undefined;
    // Anything the service did not say itself came from the network between, or from a stream we feed it.
    if (status === undefined && !isNetworkError(error)) return error as Error;
    return status === undefined || status === 0 || status >= 500
      ? new AgentError(`the bucket ${this.name} does not answer: ${message || name}`, ExitCode.Unreachable)
      : new AgentError(`the bucket ${this.name} refused: ${name}: ${message}`, ExitCode.Failure);
  }
}

function isNetworkError(error: unknown): boolean {
  const { name, code = "" } = error as Error & { code?: string };
  return /^(ECONN|ENOTFOUND|ENETUNREACH|EHOSTUNREACH|EAI_|EPIPE|ETIMEDOUT)/.test(code) || name === "TimeoutError";
}

/** The object's content is another than the one asked for, or there is one where none should be. */
function isRefusedPrecondition(error: unknown): boolean {
  const { name, $metadata } = error as S3ServiceException;
  return name === "PreconditionFailed" || $metadata?.httpStatusCode === 412;
}

function listed(version: S3ObjectVersion): ListedVersion {
  return {
    key: version.Key ?? "",
    size: version.Size ?? 0,
    etag: unquoted(version.ETag),
    versionId: version.VersionId ?? "null",
    lastModified: version.LastModified ?? new Date(0),
    isCurrent: version.IsLatest === true,
  };
}

const unquoted = (etag = "") => etag.replaceAll('"', "");
