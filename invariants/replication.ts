import { PROJECT } from "../model/names";
import { at, type Finding, type Invariant, list, type Observed, UNKNOWN } from "./resource";

interface Bucket {
  urn: string;
  name: unknown;
  awsRegion: unknown;
}

interface Rule {
  source: Bucket;
  config: string;
  /** Name of the destination bucket, or UNKNOWN. */
  destination: unknown;
  definition: unknown;
}

/** Returns the flow buckets, identified by our component. */
function flowBuckets(resources: readonly Observed[]): Bucket[] {
  return resources
    .filter(({ type, urn }) => type === "aws:s3/bucket:Bucket" && urn.includes(`${PROJECT}:index:FlowBucket$`))
    .map(({ urn, inputs }) => ({ urn, name: at(inputs, "bucket"), awsRegion: at(inputs, "region") }));
}

/**
 * Returns the resources that configure a bucket: those with its name or, while a name is unknown, those in its AWS
 * region.
 */
function configuring(resources: readonly Observed[], type: string, { name, awsRegion }: Bucket): Observed[] {
  return resources.filter((resource) => {
    if (resource.type !== type) return false;
    const bucket = at(resource.inputs, "bucket");
    const unsure = bucket === UNKNOWN || name === UNKNOWN;
    return unsure ? at(resource.inputs, "region") === awsRegion : bucket === name;
  });
}

/** Returns a bucket's outgoing replication rules that are or may be enabled; undefined if the rules are unknown. */
function rulesOut(resources: readonly Observed[], source: Bucket): Rule[] | undefined {
  const rules: Rule[] = [];
  for (const config of configuring(resources, "aws:s3/bucketReplicationConfig:BucketReplicationConfig", source)) {
    const definitions = list(config.inputs, "rules");
    if (!definitions) return undefined;
    for (const definition of definitions) {
      const status = at(definition, "status");
      if (status !== "Enabled" && status !== UNKNOWN) continue;
      const arn = at(definition, "destination", "bucket");
      const destination = typeof arn === "string" && arn !== UNKNOWN ? arn.split(":").at(-1) : arn;
      rules.push({ source, config: config.urn, destination, definition });
    }
  }
  return rules;
}

/** Returns a check of every replication rule. `problem` returns a message if a rule is wrong. */
function everyRule(problem: (rule: Rule, buckets: Bucket[]) => string | undefined, fix: string) {
  return (resources: readonly Observed[]): Finding[] => {
    const buckets = flowBuckets(resources);
    return buckets
      .flatMap((source) => rulesOut(resources, source) ?? [])
      .flatMap((rule) => {
        const message = problem(rule, buckets);
        return message ? [{ resource: rule.config, message, fix }] : [];
      });
  };
}

const say = (value: unknown) => (value === UNKNOWN ? "a bucket whose name is still unknown" : String(value));

/** Returns whether a setting is certainly not enabled. */
const off = (value: unknown) => value !== "Enabled" && value !== UNKNOWN;

const bothWays: Invariant = {
  name: "flows-replicate-both-ways",
  description:
    "S3 replicates every flow bucket directly to every other flow bucket, because S3 does not replicate replicas. While " +
    "the rules' destinations are unknown, one rule for each other bucket passes.",
  check(resources) {
    const buckets = flowBuckets(resources);
    return buckets.flatMap((source) => {
      const rules = rulesOut(resources, source);
      if (!rules) return [];
      const known = new Set(rules.map(({ destination }) => destination).filter((name) => name !== UNKNOWN));
      const unsure = rules.filter(({ destination }) => destination === UNKNOWN).length;
      const missing = buckets.filter(({ urn, name }) => urn !== source.urn && !known.has(name));
      // Buckets with unknown names may be among the known destinations.
      const strays = [...known].filter((name) => !buckets.some((bucket) => bucket.name === name)).length;
      const unnamed = missing.filter(({ name }) => name === UNKNOWN).length;
      const excused = unsure + Math.min(strays, unnamed);
      return missing.slice(Math.min(missing.length, excused)).map(({ name, awsRegion }) => ({
        resource: source.urn,
        message: `no enabled replication rule copies the bucket's objects to ${say(name)} in ${awsRegion}`,
        fix: "add a rule for this destination and enable it (replicateFlowBuckets() creates one for each pair of buckets)",
      }));
    });
  },
};

const keyInDestination: Invariant = {
  name: "replica-key-in-destination-region",
  description:
    "Each replication rule encrypts replicas with a KMS key of the destination's region: S3 accepts a key of any region, " +
    "but then replicates nothing. An unknown key passes; with an unknown destination, a key of the source's region fails.",
  check: everyRule(({ source, destination, definition }, buckets) => {
    const key = at(definition, "destination", "encryptionConfiguration", "replicaKmsKeyId");
    if (key === UNKNOWN) return undefined;
    if (key === undefined)
      return `the replication rule to ${say(destination)} has no replica KMS key, so S3 skips encrypted objects`;
    const [, , service, keyRegion] = String(key).split(":");
    if (service !== "kms" || !keyRegion)
      return `the replica key ${key} is not the ARN of a KMS key, so its region is unknown`;
    const target = buckets.find(({ name }) => name === destination && name !== UNKNOWN);
    const wrong = target
      ? keyRegion !== target.awsRegion && target.awsRegion !== UNKNOWN
      : keyRegion === source.awsRegion;
    return wrong ? `the replica key for ${say(destination)} is in ${keyRegion}, not in the bucket's region` : undefined;
  }, "set encryptionConfiguration.replicaKmsKeyId to the ARN of the destination region's key"),
};

const kmsObjects: Invariant = {
  name: "encrypted-objects-replicate",
  description:
    "Each replication rule includes objects encrypted with KMS, because all objects are. An unknown value passes.",
  check: everyRule(
    ({ destination, definition }) =>
      off(at(definition, "sourceSelectionCriteria", "sseKmsEncryptedObjects", "status"))
        ? `the replication rule to ${say(destination)} skips objects encrypted with KMS`
        : undefined,
    "set sourceSelectionCriteria.sseKmsEncryptedObjects.status to Enabled",
  ),
};

const deletes: Invariant = {
  name: "deletes-replicate",
  description:
    "Each replication rule replicates deletes: otherwise deleted files return from another region. An unknown value passes.",
  check: everyRule(
    ({ destination, definition }) =>
      off(at(definition, "deleteMarkerReplication", "status"))
        ? `the replication rule to ${say(destination)} does not replicate deletes`
        : undefined,
    "set deleteMarkerReplication.status to Enabled",
  ),
};

const versioned: Invariant = {
  name: "flow-buckets-versioned",
  description: "Every flow bucket is versioned: S3 replicates only versioned buckets. An unknown value passes.",
  check: (resources) =>
    flowBuckets(resources)
      .filter((bucket) =>
        configuring(resources, "aws:s3/bucketVersioning:BucketVersioning", bucket).every(({ inputs }) =>
          off(at(inputs, "versioningConfiguration", "status")),
        ),
      )
      .map(({ urn }) => ({
        resource: urn,
        message: "the bucket is not versioned",
        fix: "add a BucketVersioning for it, with versioningConfiguration.status: Enabled",
      })),
};

export const replication: readonly Invariant[] = [bothWays, keyInDestination, kmsObjects, deletes, versioned];
