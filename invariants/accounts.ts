import { ACCOUNTS_PREFIX, BACKUP_PREFIX } from "../formats/bucketKeys";
import { PROJECT } from "../model/names";
import { at, type Finding, type Invariant, type Observed, UNKNOWN } from "./resource";

/** Actions that write, delete or hide an object; a `*` in a policy can match any of them. */
const WRITES = ["s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"];

interface Granted {
  readonly Effect?: unknown;
  readonly Action?: unknown;
  readonly Resource?: unknown;
}

/** Returns the policies of pods' roles. */
function podPolicies(resources: readonly Observed[]): Observed[] {
  return resources.filter(
    ({ type, urn }) => type === "aws:iam/rolePolicy:RolePolicy" && urn.includes(`${PROJECT}:index:PodIdentity$`),
  );
}

/** Returns the statements of a policy that may write objects; empty if the policy is unknown. */
function writing(policy: unknown): Granted[] {
  if (typeof policy !== "string" || policy === UNKNOWN) return [];
  const { Statement = [] } = JSON.parse(policy) as { Statement?: Granted | Granted[] };
  return [Statement]
    .flat()
    .filter(({ Effect, Action }) => Effect === "Allow" && texts(Action).some((each) => WRITES.some(matching(each))));
}

const texts = (value: unknown): string[] => [value].flat().filter((each) => typeof each === "string");

/** Returns a function that tests whether a string matches an IAM pattern. */
const matching = (pattern: string) => {
  const escaped = pattern.replaceAll(/[.+^${}()|[\]\\]/g, "\\$&");
  const expression = new RegExp(`^${escaped.replaceAll("*", ".*").replaceAll("?", ".")}$`);
  return (text: string) => expression.test(text);
};

/**
 * Returns the region whose folder below a prefix an ARN pattern allows to write: undefined for no region, `*` for
 * several.
 */
function writtenBy(prefix: string, pattern: string): string | undefined {
  if (pattern === "*") return "*";
  // Patterns for a bucket itself, or for resources other than S3, have no key.
  const key = /^arn:[^:]*:s3:::[^/]+\/(.*)$/.exec(pattern)?.[1];
  if (key === undefined) return undefined;
  const [, region] = new RegExp(`^${prefix}/([^/*?]+)/`).exec(key) ?? [];
  if (region !== undefined) return region;
  const literal = key.split(/[*?]/)[0] ?? "";
  const below = `${prefix}/`;
  return literal.startsWith(below) || (literal !== key && below.startsWith(literal)) ? "*" : undefined;
}

/**
 * Creates the invariant for one prefix.
 *
 * @param maker the function that creates the statements
 */
const ownFolder = (noun: string, prefix: string, maker: string, why: string): Invariant => ({
  name: `${noun}-below-own-prefix`,
  description: `In every bucket, a region's pods write ${noun} only below their own region's prefix, so that they cannot ${why}. An unknown policy passes.`,
  check: (resources) =>
    podPolicies(resources).flatMap(({ urn, inputs }): Finding[] => {
      // The stack's name in the URN is the region's name.
      const [, region] = /^urn:pulumi:([^:]+)::/.exec(urn) ?? [];
      const foreign = writing(at(inputs, "policy"))
        .flatMap(({ Resource }) => texts(Resource))
        .filter((pattern) => ![undefined, region].includes(writtenBy(prefix, pattern)));
      if (foreign.length === 0) return [];
      const message = `may write another region's ${noun}: ${foreign.join(", ")}`;
      return [
        {
          resource: urn,
          message,
          fix: `allow writes only to ${prefix}/${region}/* (${maker}() creates the statements)`,
        },
      ];
    }),
});

export const accounts: readonly Invariant[] = [
  ownFolder("accounts", ACCOUNTS_PREFIX, "accountAccess", "publish changes in another region's name"),
  ownFolder("backups", BACKUP_PREFIX, "podAccess", "plant a backup that another region restores"),
];
