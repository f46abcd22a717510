import { createHash, randomBytes, randomInt, randomUUID } from "node:crypto";
import type { Resource } from "../../resources/store";
import { text } from "../../resources/values";
import type { Scope, Situation } from "../shared/behaviour";
import { CloudError } from "../shared/errors";

/** Returns a random UUID, which many AWS services use as an id. */
export const uuid = (): string => randomUUID();

/** Returns random lower-case hexadecimal digits. */
export function hex(digits: number): string {
  return randomBytes(Math.ceil(digits / 2))
    .toString("hex")
    .slice(0, digits);
}

/** Returns hexadecimal digits that depend only on the given words. */
export function hashOf(digits: number, ...words: string[]): string {
  return createHash("sha256").update(words.join("\n")).digest("hex").slice(0, digits);
}

/** Returns random characters of an alphabet. */
export function randomText(length: number, alphabet: string): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join("");
}

/** Returns an EC2-style id, for example `vpc-0` and 16 hexadecimal digits. */
export function ec2Id(prefix: string): string {
  return `${prefix}-0${hex(16)}`;
}

/** Returns `arn:partition:service:region:account:resource`. */
export function arn({ partition, region, account }: Scope, service: string, resource: string): string {
  return `arn:${partition}:${service}:${region}:${account}:${resource}`;
}

/** Returns the AWS region of an ARN, or undefined if the text is not an ARN. */
export function regionOf(value: unknown): string | undefined {
  const parts = text(value)?.split(":");
  return parts?.[0] === "arn" ? parts[3] : undefined;
}

/** Returns the current time in AWS' format. */
export function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, "Z");
}

/** Returns an AWS error with the wording of AWS' SDK for Go, which the provider shows. */
export function refusal(action: string, operation: string, status: number, error: string): CloudError {
  return new CloudError(
    `${action}: operation error ${operation}, https response error StatusCode: ${status}, RequestID: ${uuid()}, ${error}`,
  );
}

/** Returns a resource of a type in the same region, by its id or a different property, or undefined if none matches. */
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

/**
 * Throws if a KMS key is in a different region than the service, because AWS services only use keys of their own
 * region.
 */
export function checkKeyRegion(action: string, key: unknown, region: string): void {
  const home = regionOf(key);
  if (home !== undefined && home !== region)
    throw new CloudError(`${action}: the KMS key ${key} is in ${home}, it must be in ${region}`);
}
