import type { CloudResource } from "../../cloud/client";
import { list, record, text } from "../../resources/values";

/** File contents by file name. */
export type MountedFiles = ReadonlyMap<string, string>;

/**
 * Returns the files that the AWS provider of the Secrets Store CSI driver would mount for a SecretProviderClass: one
 * per object, and one for each JMESPath into an object.
 *
 * @throws Error if a secret, its replica in that AWS region, or a path in it does not exist
 */
export function mountedFiles(spec: Record<string, unknown>, resources: readonly CloudResource[]): MountedFiles {
  const { objects, region } = record(spec.parameters);
  const files = new Map<string, string>();
  for (const entry of list(JSON.parse(text(objects) ?? "[]")).map(record)) {
    const name = text(entry.objectName) ?? "";
    const value = secretValue(name, text(region) ?? "", resources);
    files.set(text(entry.objectAlias) ?? name, value);
    for (const { path, objectAlias } of list(entry.jmesPath).map(record)) {
      const part = valueAt(value, String(path));
      if (part === undefined) throw new Error(`the secret ${name} has no value at ${path}`);
      files.set(String(objectAlias), part);
    }
  }
  return files;
}

/** Replaces the AWS region of a secret's ARN with `*`, because a primary and its replicas differ only in the region. */
const anywhere = (arn: string): string => arn.replace(/^(arn:[^:]+:secretsmanager:)[^:]+/, "$1*");

function secretValue(name: string, awsRegion: string, resources: readonly CloudResource[]): string {
  const secret = resources.find(
    ({ type, id, properties }) =>
      type === "aws:secretsmanager/secret:Secret" && (anywhere(id) === anywhere(name) || properties.name === name),
  );
  if (!secret) throw new Error(`the secret ${name} does not exist`);
  const wanted = /^arn:[^:]+:secretsmanager:([^:]+)/.exec(name)?.[1] ?? awsRegion;
  const replicas = list(secret.properties.replicas).map((replica) => record(replica).region);
  if (![secret.properties.region, ...replicas].includes(wanted))
    throw new Error(`the secret ${name} has no replica in ${wanted}`);
  const version = resources.findLast(
    ({ type, properties }) =>
      type === "aws:secretsmanager/secretVersion:SecretVersion" && properties.secretId === secret.id,
  );
  const value = text(version?.properties.secretString);
  if (value === undefined) throw new Error(`the secret ${name} has no value`);
  return value;
}

/** Returns the value at a JMESPath. The paths in use consist only of field names, quoted or not, joined by dots. */
function valueAt(json: string, path: string): string | undefined {
  const fields = [...path.matchAll(/"([^"]+)"|([^."]+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
  const found = fields.reduce<unknown>((at, field) => record(at)[field], JSON.parse(json));
  if (found === undefined) return undefined;
  return typeof found === "string" ? found : JSON.stringify(found);
}
