import { createHash, randomBytes, randomInt, randomUUID } from "node:crypto";
import type { Resource } from "../../resources/store";
import { text } from "../../resources/values";
import type { Scope, Situation } from "../shared/behaviour";
import { CloudError } from "../shared/errors";

/** A random identifier of the form many AWS services use. */
export const uuid = (): string => randomUUID();

/** Random lower-case hexadecimal digits. */
export function hex(digits: number): string {
  return randomBytes(Math.ceil(digits / 2))
    .toString("hex")
    .slice(0, digits);
}

/** The same hexadecimal digits for the same words. */
export function hashOf(digits: number, ...words: string[]): string {
  return createHash("sha256").update(words.join("\n")).digest("hex").slice(0, digits);
}

/** Random characters of an alphabet. */
export function randomText(length: number, alphabet: string): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join("");
}

/** An EC2 style id: `vpc-0` and 16 hexadecimal digits. */
export function ec2Id(prefix: string): string {
  return `${prefix}-0${hex(16)}`;
}

/** `arn:partition:service:region:account:resource` */
export function arn({ partition, region, account }: Scope, service: string, resource: string): string {
  return `arn:${partition}:${service}:${region}:${account}:${resource}`;
}

/** The AWS region an ARN names; undefined where the text is no ARN. */
export function regionOf(value: unknown): string | undefined {
  const parts = text(value)?.split(":");
  return parts?.[0] === "arn" ? parts[3] : undefined;
}

/** Now, as AWS writes it. */
export function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, "Z");
}

/** What AWS answers to a call, in the words of its SDK for Go, which the provider shows. */
export function refusal(action: string, operation: string, status: number, error: string): CloudError {
  return new CloudError(
    `${action}: operation error ${operation}, https response error StatusCode: ${status}, RequestID: ${uuid()}, ${error}`,
  );
}

/** A resource of a type in the same region, found by its id or another property; undefined where there is none. */
export function neighbour(
  { cloud, scope }: Pick<Situation, "cloud" | "scope">,
  type: string,
  value: unknown,
  property?: string,
): Resource | undefined {
  return cloud.find(type, (other) => {
    const same = property === undefined ? other.id === value : other.properties[property] === value;
    return same && (other.properties.region === undefined || other.properties.region === scope.region);
  });
}

/** Refuses a KMS key of another region than a service works in: AWS encrypts with keys of the same region only. */
export function checkKeyRegion(action: string, key: unknown, region: string): void {
  const home = regionOf(key);
  if (home !== undefined && home !== region)
    throw new CloudError(`${action}: the KMS key ${key} is in ${home}, it must be in ${region}`);
}
