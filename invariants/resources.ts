import { DATA } from "../model/data";
import { CI_ROLE_PREFIX } from "../model/policies/ci";
import { at, type Entry, type Finding, type Invariant, isSecret, type Observed, UNKNOWN, within } from "./resource";

const dataProtected: Invariant = {
  name: "data-protected",
  alone: true,
  description:
    "Every resource that stores data is protected from deletion, and a delete never empties it first. An unknown value passes.",
  check: (resources) =>
    resources
      .filter(({ type }) => DATA.includes(type))
      .flatMap(({ urn, protect, inputs }) => [
        ...(protect
          ? []
          : [{ resource: urn, message: "an update may delete it", fix: "create it with protect: true" }]),
        ...["forceDestroy", "forceDelete"]
          .filter((key) => at(inputs, key) === true)
          .map((key) => ({
            resource: urn,
            message: `${key} is true, so a delete also deletes its data`,
            fix: `remove ${key}`,
          })),
      ]),
};

/** Global AWS services, whose resources have no region. */
const GLOBAL = /^aws:(iam|organizations|account|cloudfront|route53|globalaccelerator|budgets|costexplorer)\//;

const regionNamed: Invariant = {
  name: "aws-region-named",
  alone: true,
  description: "Every regional AWS resource sets its region, so that a default cannot place it in a different one.",
  check: (resources) =>
    resources
      .filter(({ type, inputs }) => type.startsWith("aws:") && !GLOBAL.test(type) && !at(inputs, "region"))
      .map(({ urn }) => ({ resource: urn, message: "has no AWS region", fix: "set its region" })),
};

const rolesBounded: Invariant = {
  name: "roles-bounded",
  alone: true,
  description:
    "Every IAM role except CI's own has the permissions boundary: without it, CI could create an administrator. An unknown value passes.",
  check: (resources) =>
    resources
      .filter(({ type, inputs }) => type === "aws:iam/role:Role" && !`${at(inputs, "name")}`.startsWith(CI_ROLE_PREFIX))
      .filter(({ inputs }) => !at(inputs, "permissionsBoundary"))
      .map(({ urn }) => ({
        resource: urn,
        message: "has no permissions boundary",
        fix: "create it in a component whose transformations include `boundedBy` (stacks/boundary.ts)",
      })),
};

interface Container {
  resource: string;
  image: string;
}

/** Returns the containers of all Kubernetes objects, without those whose image is unknown. */
function containers(resources: readonly Observed[]): Container[] {
  return resources
    .filter(({ type }) => type.startsWith("kubernetes:"))
    .flatMap(({ urn, inputs }) =>
      [...within(inputs)]
        .filter(({ key }) => ["containers", "initContainers", "ephemeralContainers"].includes(key))
        .flatMap(({ value }) => (Array.isArray(value) ? value : []))
        .map((container) => at(container, "image"))
        .flatMap((image) => (typeof image === "string" && image !== UNKNOWN ? [{ resource: urn, image }] : [])),
    );
}

const byDigest: Invariant = {
  name: "images-by-digest",
  alone: true,
  description:
    "Every container's image has a digest, because a tag can move to a different image. An unknown image passes.",
  check: (resources) =>
    containers(resources)
      .filter(({ image }) => !/@sha256:[0-9a-f]{64}$/.test(image))
      .map(({ resource, image }) => ({
        resource,
        message: `the image ${image} has no digest`,
        fix: "write it as repository@sha256:…",
      })),
};

const oneDigest: Invariant = {
  name: "one-digest-everywhere",
  description:
    "All regions run the same digest of an image, but may pull it from different registries. This is checked only across " +
    "stacks that are previewed together. An unknown image passes.",
  check(resources) {
    const first = new Map<string, string>();
    return containers(resources).flatMap(({ resource, image }): Finding[] => {
      const [name = "", digest] = image.split("@");
      const repository = name
        .split("/")
        .slice(name.split("/")[0]?.includes(".") ? 1 : 0)
        .join("/");
      if (!digest) return [];
      const expected = first.get(repository) ?? digest;
      first.set(repository, expected);
      return digest === expected
        ? []
        : [
            {
              resource,
              message: `${repository} has the digest ${digest} here, but ${expected} in another resource`,
              fix: "use the same digest in both",
            },
          ];
    });
  },
};

/** Property names that always denote a secret. */
const SECRET_KEY =
  /password$|^(secretString|secretBinary|authToken|apiKey|apiToken|privateKey|clientSecret|secretKey)$/i;
/** Names of environment variables that denote a secret. */
const SECRET_VARIABLE = /(PASSWORD|SECRET|SECRET_KEY|ACCESS_KEY|API_KEY|TOKEN)$/;
/** Patterns of texts that are or contain a secret, regardless of their name. */
const SECRET_TEXT = [
  /:\/\/[^/\s:@]*:[^/\s@]+@/,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
  /\b(AKIA|ASIA)[0-9A-Z]{16}\b/,
  /\bgh[oprsu]_\w{36}/,
  /\bsk-[\w-]{20}/,
];

/**
 * Returns whether an unmarked text should be marked as secret. The path also matters: every value in a Kubernetes
 * Secret is secret.
 */
function betrays({ type }: Observed, { path, key, value, holder }: Entry): boolean {
  if (typeof value !== "string" || value === "" || value === UNKNOWN || isSecret(value)) return false;
  // An ARN references a secret instead of containing it.
  if (value.startsWith("arn:")) return false;
  if (type === "kubernetes:core/v1:Secret" && /^(data|stringData)\./.test(path)) return true;
  if (type === "kubernetes:core/v1:ConfigMap" && path.startsWith("data.") && SECRET_VARIABLE.test(key)) return true;
  if (key === "value" && SECRET_VARIABLE.test(String(holder.name))) return true;
  return SECRET_KEY.test(key) || SECRET_TEXT.some((pattern) => pattern.test(value));
}

const noPlainSecret: Invariant = {
  name: "no-plain-secret",
  description:
    "Every secret in a resource's inputs is marked as a Pulumi secret, so that state, previews and logs hide it. Names of " +
    "properties and variables and known token formats identify secrets. An unknown value passes until it is known.",
  readsSecretMarks: true,
  check: (resources) =>
    resources.flatMap((resource) =>
      [...within(resource.inputs)]
        .filter((entry) => betrays(resource, entry))
        .map(({ path }) => ({
          resource: resource.urn,
          message: `${path} contains a secret in plain text`,
          fix: "mark it as a secret (pulumi.secret or a secret output), or reference the place where it is stored",
        })),
    ),
};

const storageLimit: Invariant = {
  name: "storage-limit-above-storage",
  description:
    "A database's storage limit is above its current storage: RDS rejects a lower limit, and the update would stop " +
    "halfway. Only the CLI's preview checks this; an unknown value passes.",
  check: (resources) =>
    resources.flatMap(({ type, urn, inputs, formerOutputs }) => {
      const [limit, has] = [at(inputs, "maxAllocatedStorage"), at(formerOutputs, "allocatedStorage")];
      if (type !== "aws:rds/instance:Instance" || !(Number(limit) <= Number(has))) return [];
      const message = `its storage is already ${has} GiB, and RDS rejects a limit of ${limit} GiB, which must be larger`;
      return [
        {
          resource: urn,
          message,
          fix: `set database.maxStorageGib to ${Math.ceil((Number(has) * 110) / 100)} or more`,
        },
      ];
    }),
};

export const everyResource: readonly Invariant[] = [
  dataProtected,
  regionNamed,
  rolesBounded,
  byDigest,
  oneDigest,
  noPlainSecret,
  storageLimit,
];
