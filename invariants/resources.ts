import { DATA } from "../model/data";
import { CI_ROLE_PREFIX } from "../model/policies/ci";
import { at, type Entry, type Finding, type Invariant, isSecret, type Observed, UNKNOWN, within } from "./resource";

const dataProtected: Invariant = {
  name: "data-protected",
  alone: true,
  description: "What holds data is protected from deletion and is never emptied to be deleted. Unknown passes.",
  check: (resources) =>
    resources
      .filter(({ type }) => DATA.includes(type))
      .flatMap(({ urn, protect, inputs }) => [
        ...(protect
          ? []
          : [{ resource: urn, message: "may be deleted by an update", fix: "make it with protect: true" }]),
        ...["forceDestroy", "forceDelete"]
          .filter((key) => at(inputs, key) === true)
          .map((key) => ({ resource: urn, message: `${key} is on: its data goes with it`, fix: `leave ${key} out` })),
      ]),
};

/** Global AWS services, whose resources have no region. */
const GLOBAL = /^aws:(iam|organizations|account|cloudfront|route53|globalaccelerator|budgets|costexplorer)\//;

const regionNamed: Invariant = {
  name: "aws-region-named",
  alone: true,
  description: "Every AWS resource that lives in a region says which, so that no default puts it into another one.",
  check: (resources) =>
    resources
      .filter(({ type, inputs }) => type.startsWith("aws:") && !GLOBAL.test(type) && !at(inputs, "region"))
      .map(({ urn }) => ({ resource: urn, message: "names no AWS region", fix: "set its region" })),
};

const rolesBounded: Invariant = {
  name: "roles-bounded",
  alone: true,
  description:
    "Every IAM role but CI's own has the permissions boundary, without which CI could make an administrator. Unknown passes.",
  check: (resources) =>
    resources
      .filter(({ type, inputs }) => type === "aws:iam/role:Role" && !`${at(inputs, "name")}`.startsWith(CI_ROLE_PREFIX))
      .filter(({ inputs }) => !at(inputs, "permissionsBoundary"))
      .map(({ urn }) => ({
        resource: urn,
        message: "has no permissions boundary",
        fix: "make it below a component that has `boundedBy` among its transformations (stacks/boundary.ts)",
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
  description: "Every container's image is named by its digest: a tag can be moved. Unknown passes.",
  check: (resources) =>
    containers(resources)
      .filter(({ image }) => !/@sha256:[0-9a-f]{64}$/.test(image))
      .map(({ resource, image }) => ({
        resource,
        message: `the image ${image} is not named by a digest`,
        fix: "name it repository@sha256:…",
      })),
};

const oneDigest: Invariant = {
  name: "one-digest-everywhere",
  description:
    "All regions run the same digest of an image, whichever registry it comes from; seen where several stacks are " +
    "checked together. Unknown passes.",
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
        : [{ resource, message: `${repository} is ${digest} here and ${expected} elsewhere`, fix: "run one digest" }];
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
    "Every secret in a resource's inputs is marked as one, so that state, previews and logs hide it. Told by names of " +
    "properties and variables and by the look of a text. Unknown passes: it is judged when it is known.",
  readsSecretMarks: true,
  check: (resources) =>
    resources.flatMap((resource) =>
      [...within(resource.inputs)]
        .filter((entry) => betrays(resource, entry))
        .map(({ path }) => ({
          resource: resource.urn,
          message: `${path} holds a secret in plain text`,
          fix: "make it a secret (pulumi.secret, or an output that is one), or refer to where it is kept",
        })),
    ),
};

const storageLimit: Invariant = {
  name: "storage-limit-above-storage",
  description:
    "A database's storage may grow beyond what it has: RDS refuses a limit that is not above it, and the update would stop halfway. A smaller " +
    "size changes nothing. Seen by the engine's own preview alone; unknown passes.",
  check: (resources) =>
    resources.flatMap(({ type, urn, inputs, formerOutputs }) => {
      const [limit, has] = [at(inputs, "maxAllocatedStorage"), at(formerOutputs, "allocatedStorage")];
      if (type !== "aws:rds/instance:Instance" || !(Number(limit) <= Number(has))) return [];
      const message = `its storage has ${has} GiB and might grow to ${limit}, which RDS refuses`;
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
