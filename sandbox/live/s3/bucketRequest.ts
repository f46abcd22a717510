import type { Write } from "./replication";

/** A request to S3, as far as it decides who may ask it and what it changes. Path style, as of an address without names. */
export interface BucketRequest {
  /** Undefined: of no bucket, such as their list. */
  readonly bucket: string | undefined;
  /** Undefined: of a bucket as a whole. */
  readonly key: string | undefined;
  /** Undefined: it makes no version and deletes no object. */
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
  // What the SDK calls the operation by; all others name a part, a version or a setting.
  const names = [...query.keys()].filter((name) => name !== "x-id");
  const plain = names.length === 0;
  if (!ofObject) return method === "POST" && query.has("delete") ? "delete-many" : undefined;
  if (method === "PUT" && plain) return "put";
  if (method === "POST" && names.join() === "uploadId") return "put";
  if (method === "DELETE" && plain) return "delete";
  return undefined;
}

/**
 * What a request changed that S3 took.
 *
 * @param versionId as the answer's header says it
 * @param body of a deletion of many
 */
export function writesOf({ bucket, key, change }: BucketRequest, versionId: string | undefined, body: string): Write[] {
  if (bucket === undefined || change === undefined) return [];
  if (change === "delete-many") return deletedKeys(body).map((each) => ({ bucket, key: each, kind: "delete" }));
  return key === undefined ? [] : [{ bucket, key, kind: change, ...(versionId !== undefined && { versionId }) }];
}

/** Keys of a `Delete` document that name no version: a version's deletion is not replicated. */
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
