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
import { AgentError, ExitCode } from "../../formats/agentErrors";
import { copySource } from "../s3/s3Request";

/**
 * Size of a part of a multipart upload, in bytes. S3 allows 10,000 parts, so an object can have 156 GiB, which is
 * enough for the claim's 100 GiB.
 */
const PART_BYTES = 16 * 1024 * 1024;
/**
 * Maximum number of parts in flight. Including memory that Node has not collected yet, an upload uses about 150 MB,
 * whatever its size.
 */
const PARTS_AT_ONCE = 2;

/** Metadata key that holds the upload's random id, which lets an upload recognize its own object. */
const UPLOAD_METADATA = "upload";

/** An object as S3 lists it. */
export interface ObjectVersion {
  readonly key: string;
  /** Size in bytes. */
  readonly size: number;
  /** ETag without quotes. It depends on the content alone only if the upload used neither KMS nor multipart. */
  readonly etag: string;
  /** "null" in a bucket without versioning. Replicas keep the version id. */
  readonly versionId: string;
  /** Time of the original upload. Replicas keep this time. */
  readonly lastModified: Date;
}

/** One of several versions of an object. */
export interface ListedVersion extends ObjectVersion {
  /** True if S3 returns this version to a request without a version id. */
  readonly isCurrent: boolean;
}

/** An object's content as a stream. */
export interface ObjectStream {
  readonly body: AsyncIterable<Uint8Array>;
  readonly etag: string;
  /** Undefined in a bucket without versioning. */
  readonly versionId: string | undefined;
}

/**
 * Reads and writes one bucket. Uploads do not name an encryption, so the bucket's default applies. Every upload carries
 * the SDK's checksum, which S3 verifies before it stores the object, and `If-None-Match: *`, so S3 rejects an upload to
 * an existing key.
 *
 * Its methods throw AgentError: Unreachable if S3 does not answer, BadInput if the bucket does not exist, Failure if S3
 * rejects the request.
 */
export class Bucket {
  /**
   * @param s3 for a bucket in a different AWS region, a client with `followRegionHeaders`
   * @param signal aborts every request
   */
  constructor(
    readonly s3: S3Client,
    readonly name: string,
    private readonly signal?: AbortSignal,
  ) {}

  /**
   * Uploads a stream as a new object. If the source throws or the signal aborts, S3 stores neither an object nor any of
   * its parts.
   *
   * @throws AgentError (Failure) also if the key exists
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
   * @param metadata stored in the object's `x-amz-meta-…` headers
   * @throws AgentError (Failure) also if the key exists
   */
  async putText(key: string, text: string | Buffer, metadata: Record<string, string> = {}): Promise<void> {
    await this.create(key, metadata, (object) =>
      this.s3.send(new PutObjectCommand({ ...object, Body: text }), this.requestOptions),
    );
  }

  /**
   * @param version `versionId` selects a version; `etag` rejects any other content
   * @returns undefined if the object or the version does not exist
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

  /**
   * @returns undefined if the object or the version does not exist; the metadata is the one passed to {@link putText}
   */
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

  /**
   * Lists the folders directly below a prefix that ends with a slash, sorted, without the prefix and the trailing
   * slash.
   */
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

  /** Like {@link folders}, but includes folders whose objects have all been deleted. */
  async foldersEver(prefix: string): Promise<string[]> {
    const names = new Set<string>();
    for await (const { CommonPrefixes = [] } of this.versionPages({ Prefix: prefix, Delimiter: "/" }))
      for (const { Prefix = "" } of CommonPrefixes) names.add(Prefix.slice(prefix.length, -1));
    return [...names].sort();
  }

  /** Lists the current version of each object below a prefix. Deleted objects are left out. */
  async *versions(prefix: string): AsyncGenerator<ObjectVersion> {
    for await (const { Versions = [] } of this.versionPages({ Prefix: prefix }))
      for (const version of Versions) if (version.IsLatest && version.Key !== undefined) yield listed(version);
  }

  /** Lists all versions of one object, oldest first, even if the object was deleted. */
  async versionsOf(key: string): Promise<ListedVersion[]> {
    const versions: ListedVersion[] = [];
    for await (const { Versions = [] } of this.versionPages({ Prefix: key }))
      for (const version of Versions) if (version.Key === key) versions.push(listed(version));
    // S3 lists versions in reverse order of storage. A bucket may have stored replicas in a different order than the
    // source wrote them, so sort by time.
    return versions.reverse().sort((one, other) => one.lastModified.getTime() - other.lastModified.getTime());
  }

  /** Copies one version of another bucket's object into this bucket, within S3. S3 limits copies to 5 GB. */
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
      // The SDK repeats a request if it loses the response. The existing object is then the one that this upload
      // created.
      if ((await this.head(key))?.metadata[UPLOAD_METADATA] !== upload)
        throw new AgentError(
          `${this.name}/${key} already exists, and a backup never overwrites an object`,
          ExitCode.Failure,
        );
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

  /** Stops an upload by throwing from its source: unlike Upload.abort(), this waits until S3 has deleted the parts. */
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
      // S3 answers 400 to a malformed version id, and 412 if the content no longer has the requested ETag.
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
    if (name === "NoSuchBucket") return new AgentError(`the bucket ${this.name} does not exist`, ExitCode.BadInput);
    const status = error instanceof S3ServiceException ? (error.$metadata.httpStatusCode ?? 0) : undefined;
    // An error that is not a service response comes from the network or from the stream being uploaded.
    if (status === undefined && !isNetworkError(error)) return error as Error;
    return status === undefined || status === 0 || status >= 500
      ? new AgentError(`the bucket ${this.name} does not answer: ${message || name}`, ExitCode.Unreachable)
      : new AgentError(`the bucket ${this.name} rejected the request: ${name}: ${message}`, ExitCode.Failure);
  }
}

function isNetworkError(error: unknown): boolean {
  const { name, code = "" } = error as Error & { code?: string };
  return /^(ECONN|ENOTFOUND|ENETUNREACH|EHOSTUNREACH|EAI_|EPIPE|ETIMEDOUT)/.test(code) || name === "TimeoutError";
}

/** Returns true if the content does not match the requested ETag, or if the key of a new object already exists. */
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
