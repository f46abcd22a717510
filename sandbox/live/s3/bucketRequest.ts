import type { Write } from "./replication";

/**
 * The parts of an S3 request that decide who may send it and what it changes. Path style, because the endpoint is an IP
 * address.
 */
export interface BucketRequest {
  /** Undefined: the request concerns no bucket, such as a list of buckets. */
  readonly bucket: string | undefined;
  /** Undefined: the request concerns the bucket as a whole. */
  readonly key: string | undefined;
  /** Undefined: the request creates no version and deletes no object. */
  readonly change: "put" | "delete" | "delete-many" | undefined;
}

/** @param url path and query */
export function bucketRequest(method: string, url: string): BucketRequest {
  const { pathname, searchParams } = new URL(url, "http://s3");
  const [bucket, ...rest] = pathname.slice(1).split("/").map(decodeURIComponent);
  const key = rest.join("/");
  return {
    bucket: bucket || undefined,
    key: key || undefined,
    change: changeOf(method, key !== "", searchParams),
  };
}

function changeOf(method: string, ofObject: boolean, query: URLSearchParams): BucketRequest["change"] {
  // The SDK adds `x-id` with the operation's name. All other parameters name a part, a version or a setting.
  const names = [...query.keys()].filter((name) => name !== "x-id");
  const plain = names.length === 0;
  if (!ofObject) return method === "POST" && query.has("delete") ? "delete-many" : undefined;
  if (method === "PUT" && plain) return "put";
  if (method === "POST" && names.join() === "uploadId") return "put";
  if (method === "DELETE" && plain) return "delete";
  return undefined;
}

/**
 * Returns the writes of a request that S3 accepted.
 *
 * @param versionId from the response header
 * @param body of a DeleteObjects request
 */
export function writesOf({ bucket, key, change }: BucketRequest, versionId: string | undefined, body: string): Write[] {
  if (bucket === undefined || change === undefined) return [];
  if (change === "delete-many") return deletedKeys(body).map((each) => ({ bucket, key: each, kind: "delete" }));
  return key === undefined ? [] : [{ bucket, key, kind: change, ...(versionId !== undefined && { versionId }) }];
}

/**
 * Returns the keys of a `Delete` document, without keys that name a version, because S3 does not replicate the deletion
 * of a version.
 */
function deletedKeys(xml: string): string[] {
  return [...xml.matchAll(/<Object>([\s\S]*?)<\/Object>/g)]
    .filter(([, object = ""]) => !object.includes("<VersionId>"))
    .flatMap(([, object = ""]) => /<Key>([\s\S]*?)<\/Key>/.exec(object)?.[1] ?? [])
    .map(unescaped);
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

function unescaped(xml: string): string {
  return xml.replaceAll(/&(?:#x([0-9a-fA-F]+)|#(\d+)|(\w+));/g, (whole, hex, decimal, name) => {
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    return ENTITIES[name] ?? whole;
  });
}
