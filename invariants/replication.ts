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

const say = (value: unknown) => (value === UNKNOWN ? "a bucket not known yet" : String(value));

/** Returns whether a setting is certainly not enabled. */
const off = (value: unknown) => value !== "Enabled" && value !== UNKNOWN;

const bothWays: Invariant = {
  name: "flows-replicate-both-ways",
  description:
    "Every flow bucket is copied to every other one directly, since S3 does not copy replicas on. While destinations " +
    "are unknown, enough rules for all of them suffice.",
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
        message: `objects are not copied to ${say(name)} in ${awsRegion}`,
        fix: "add an enabled rule for it: replicateFlowBuckets() makes one for each pair",
      }));
    });
  },
};

const keyInDestination: Invariant = {
  name: "replica-key-in-destination-region",
  description:
    "Replicas are encrypted with a key of the region they go to: S3 accepts any key and then fails silently. A key " +
    "that is unknown passes; with only the destination unknown, the source's own region is refused.",
  check: everyRule(({ source, destination, definition }, buckets) => {
    const key = at(definition, "destination", "encryptionConfiguration", "replicaKmsKeyId");
    if (key === UNKNOWN) return undefined;
    if (key === undefined) return `replicas in ${say(destination)} have no key, so encrypted objects are skipped`;
    const [, , service, keyRegion] = String(key).split(":");
    if (service !== "kms" || !keyRegion) return `the replica key ${key} is no ARN, so its region cannot be told`;
    const target = buckets.find(({ name }) => name === destination && name !== UNKNOWN);
    const wrong = target
      ? keyRegion !== target.awsRegion && target.awsRegion !== UNKNOWN
      : keyRegion === source.awsRegion;
    return wrong ? `the replica key for ${say(destination)} is in ${keyRegion}, not where the bucket is` : undefined;
  }, "set encryptionConfiguration.replicaKmsKeyId to the ARN of the destination region's key"),
};

const kmsObjects: Invariant = {
  name: "encrypted-objects-replicate",
  description: "Objects encrypted with KMS, which are all of them, are selected for copying. Unknown passes.",
  check: everyRule(
    ({ destination, definition }) =>
      off(at(definition, "sourceSelectionCriteria", "sseKmsEncryptedObjects", "status"))
        ? `objects encrypted with KMS are not copied to ${say(destination)}`
        : undefined,
    "set sourceSelectionCriteria.sseKmsEncryptedObjects.status to Enabled",
  ),
};

const deletes: Invariant = {
  name: "deletes-replicate",
  description: "A deletion travels too, or deleted files come back from the other region. Unknown passes.",
  check: everyRule(
    ({ destination, definition }) =>
      off(at(definition, "deleteMarkerReplication", "status"))
        ? `deletions are not copied to ${say(destination)}`
        : undefined,
    "set deleteMarkerReplication.status to Enabled",
  ),
};

const versioned: Invariant = {
  name: "flow-buckets-versioned",
  description: "Every flow bucket keeps old versions: S3 replicates nothing else. Unknown passes.",
  check: (resources) =>
    flowBuckets(resources)
      .filter((bucket) =>
        configuring(resources, "aws:s3/bucketVersioning:BucketVersioning", bucket).every(({ inputs }) =>
          off(at(inputs, "versioningConfiguration", "status")),
        ),
      )
      .map(({ urn }) => ({
        resource: urn,
        message: "versioning is not on",
        fix: "give it a BucketVersioning with versioningConfiguration.status Enabled",
      })),
};

export const replication: readonly Invariant[] = [bothWays, keyInDestination, kmsObjects, deletes, versioned];
