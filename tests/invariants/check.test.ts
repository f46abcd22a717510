import fc from "fast-check";
import { FlowBucket } from "../../components/foundation/FlowBucket";
import { replicateFlowBuckets } from "../../components/foundation/FlowReplication";
import { checkInvariants, invariants, type Observed } from "../../invariants/check";
import { UNKNOWN } from "../../invariants/resource";
import { boundedBy } from "../../stacks/boundary";
import { type Recorded, record } from "../mocks";
import { bucketName, type SampleRegion, soundFleet, twoRegions } from "./sample";

// biome-ignore lint/suspicious/noExplicitAny: a mutation changes values of any shape
type Mutable = Record<string, any>;

/** Returns a valid fleet with one changed resource: the first of a type whose URN contains a text. */
function broken(type: string, change: (inputs: Mutable, resource: Mutable) => void, inUrn = ""): Observed[] {
  const fleet = structuredClone(soundFleet());
  const found = fleet.find((each) => each.type === type && each.urn.includes(inUrn));
  if (!found) throw new Error(`the sample has no ${type}`);
  change(found.inputs as Mutable, found as Mutable);
  return fleet;
}

const BUCKET = "aws:s3/bucket:Bucket";
const ROLE = "aws:iam/role:Role";
const ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy";
const VERSIONING = "aws:s3/bucketVersioning:BucketVersioning";
const REPLICATION = "aws:s3/bucketReplicationConfig:BucketReplicationConfig";
const BALANCER = "cloudflare:index/loadBalancer:LoadBalancer";
const POOL = "cloudflare:index/loadBalancerPool:LoadBalancerPool";
const DEPLOYMENT = "kubernetes:apps/v1:Deployment";
const CRON_JOB = "kubernetes:batch/v1:CronJob";
const CONFIG_MAP = "kubernetes:core/v1:ConfigMap";

const container = (inputs: Mutable): Mutable => inputs.spec.template.spec.containers[0];
const otherAgent = `langflow-agent@sha256:${"b".repeat(64)}`;
const otherDigest = `langflow@sha256:${"b".repeat(64)}`;

const certificate = (domainName: string): Observed => ({
  type: "aws:acm/certificate:Certificate",
  urn: `urn:pulumi:foundation::langflow-dr::aws:acm/certificate:Certificate::us-east-${domainName}`,
  inputs: { region: "us-east-1", domainName },
  protect: false,
});

/** Returns a fleet in which the flow sync of us-east has an additional permission. */
const allowed = (Action: string, Resource: string): Observed[] =>
  broken(ROLE_POLICY, (inputs) => {
    const policy = JSON.parse(inputs.policy);
    policy.Statement.push({ Effect: "Allow", Action, Resource });
    inputs.policy = JSON.stringify(policy);
  });

/** Rule, violation, fleet with the violation, and expected part of the message. */
const breaches: [rule: string, deed: string, fleet: Observed[], message: string][] = [
  [
    "flows-replicate-both-ways",
    "a replication rule is missing",
    broken(REPLICATION, (i) => i.rules.pop()),
    "no enabled replication rule copies",
  ],
  [
    "flows-replicate-both-ways",
    "a replication rule is disabled",
    broken(REPLICATION, (i) => {
      i.rules[0].status = "Disabled";
    }),
    "eu-west-1",
  ],
  [
    "flows-replicate-both-ways",
    "the replication configuration belongs to a different bucket",
    broken(REPLICATION, (i) => {
      i.bucket = "logs";
    }),
    "no enabled replication rule copies",
  ],
  [
    "flows-replicate-both-ways",
    "the rule has a different destination",
    broken(REPLICATION, (i) => {
      i.rules[0].destination.bucket = "arn:aws:s3:::attic";
    }),
    "no enabled replication rule copies",
  ],
  [
    "replica-key-in-destination-region",
    "the key is in the source's region",
    broken(REPLICATION, (i) => {
      i.rules[0].destination.encryptionConfiguration.replicaKmsKeyId = "arn:aws:kms:us-east-1:123456789012:key/1";
    }),
    "is in us-east-1",
  ],
  [
    "replica-key-in-destination-region",
    "the key is in the source's region and the destination is unknown",
    broken(REPLICATION, (i) => {
      i.rules[0].destination.bucket = UNKNOWN;
      i.rules[0].destination.encryptionConfiguration.replicaKmsKeyId = "arn:aws:kms:us-east-1:123456789012:key/1";
    }),
    "is in us-east-1",
  ],
  [
    "replica-key-in-destination-region",
    "the rule has no key",
    broken(REPLICATION, (i) => {
      delete i.rules[0].destination.encryptionConfiguration;
    }),
    "has no replica KMS key",
  ],
  [
    "replica-key-in-destination-region",
    "the key is an alias",
    broken(REPLICATION, (i) => {
      i.rules[0].destination.encryptionConfiguration.replicaKmsKeyId = "alias/langflow-dr-eu-west-key";
    }),
    "is not the ARN",
  ],
  [
    "encrypted-objects-replicate",
    "the rule does not select encrypted objects",
    broken(REPLICATION, (i) => {
      delete i.rules[0].sourceSelectionCriteria;
    }),
    "skips objects encrypted with KMS",
  ],
  [
    "deletes-replicate",
    "the rule does not replicate delete markers",
    broken(REPLICATION, (i) => {
      i.rules[0].deleteMarkerReplication.status = "Disabled";
    }),
    "does not replicate deletes",
  ],
  [
    "flow-buckets-versioned",
    "versioning is suspended",
    broken(VERSIONING, (i) => {
      i.versioningConfiguration.status = "Suspended";
    }),
    "is not versioned",
  ],
  [
    "flow-buckets-versioned",
    "the versioning belongs to a different bucket",
    broken(VERSIONING, (i) => {
      i.bucket = "logs";
    }),
    "is not versioned",
  ],
  ...[
    ["a policy allows writes to a different region's prefix", "s3:PutObject", "arn:aws:s3:::flows/accounts/eu-west/*"],
    [
      "a policy allows writes to a prefix that begins like its own",
      "s3:PutObject",
      "arn:aws:s3:::flows/accounts/us-east-2/*",
    ],
    ["a policy allows deletes below every region's prefix", "s3:DeleteObject", "arn:aws:s3:::flows/accounts/*"],
    [
      "a policy allows writes to prefixes that match a pattern",
      "s3:PutObject",
      "arn:aws:s3:::flows/accounts/us-east*/x",
    ],
    ["a policy allows writes to the whole bucket", "s3:PutObject", "arn:aws:s3:::flows/*"],
    ["a policy allows writes to every prefix with the same beginning", "s3:Put*", "arn:aws:s3:::flows/acc*"],
    [
      "a policy allows deletes of a different region's versions",
      "s3:DeleteObjectVersion",
      "arn:aws:s3:::flows/accounts/eu-west/x",
    ],
    ["a policy allows everything", "*", "*"],
  ].map(([deed = "", action = "", of = ""]): (typeof breaches)[number] => [
    "accounts-below-own-prefix",
    deed,
    allowed(action, of),
    of,
  ]),
  ...["backups/eu-west/*", "backups/*", "backups/us-east-2/*"].map((folder): (typeof breaches)[number] => [
    "backups-below-own-prefix",
    `a policy allows writes to ${folder}`,
    allowed("s3:PutObject", `arn:aws:s3:::flows/${folder}`),
    folder,
  ]),
  [
    "witness-apart",
    "the witness is in a region's AWS region",
    broken(
      BUCKET,
      (i) => {
        i.region = "eu-west-1";
      },
      "WitnessBucket",
    ),
    "is in eu-west-1",
  ],
  [
    "two-pools-at-least",
    "a pool is listed twice",
    broken(BALANCER, (i) => {
      i.defaultPools = ["us-east-id", "us-east-id"];
    }),
    "fewer than two",
  ],
  [
    "fallback-is-not-the-sole-default",
    "the fallback is the only default pool",
    broken(BALANCER, (i) => {
      i.defaultPools = ["eu-west-id"];
    }),
    "only default pool",
  ],
  ["pools-monitored", "a pool has no monitor", broken(POOL, (i) => delete i.monitor), "has no health monitor"],
  [
    "data-protected",
    "deletion protection is off",
    broken(BUCKET, (_, resource) => {
      resource.protect = false;
    }),
    "may delete it",
  ],
  [
    "data-protected",
    "a bucket may be deleted with its objects",
    broken(BUCKET, (i) => {
      i.forceDestroy = true;
    }),
    "forceDestroy is true",
  ],
  [
    "aws-region-named",
    "a resource names no AWS region",
    broken(BUCKET, (i) => delete i.region, "us-east"),
    "has no AWS region",
  ],
  [
    "roles-bounded",
    "a role has no boundary",
    broken(ROLE, (i) => delete i.permissionsBoundary),
    "no permissions boundary",
  ],
  [
    "images-by-digest",
    "an image is named by a tag",
    broken(DEPLOYMENT, (i) => {
      container(i).image = "registry.example.com/langflow:1.13.0";
    }),
    "langflow:1.13.0",
  ],
  [
    "one-digest-everywhere",
    "a region runs a different digest",
    broken(
      DEPLOYMENT,
      (i) => {
        container(i).image = `registry.example.com/${otherDigest}`;
      },
      "eu-west",
    ),
    "in another resource",
  ],
  [
    "one-digest-everywhere",
    "a region's backup runs a different digest of the agent",
    broken(
      CRON_JOB,
      (i) => {
        i.spec.jobTemplate.spec.template.spec.containers[0].image = `registry.example.com/${otherAgent}`;
      },
      "eu-west",
    ),
    "langflow-agent has the digest sha256:b",
  ],
  [
    "images-by-digest",
    "a backup's image is named by a tag",
    broken(CRON_JOB, (i) => {
      i.spec.jobTemplate.spec.template.spec.containers[0].image = "registry.example.com/langflow-agent:0.1.0";
    }),
    "langflow-agent:0.1.0",
  ],
  [
    "no-plain-secret",
    "a database's password is in plain text",
    broken("aws:rds/instance:Instance", (i) => {
      i.password = "correct horse";
    }),
    "password contains",
  ],
  [
    "no-plain-secret",
    "a secret's value is in plain text",
    broken("aws:secretsmanager/secretVersion:SecretVersion", (i) => {
      i.secretString = "{}";
    }),
    "secretString contains",
  ],
  [
    "no-plain-secret",
    "a pod's secret variable is in plain text",
    broken(DEPLOYMENT, (i) => {
      container(i).env[1] = { name: "LANGFLOW_API_KEY", value: "lf-1" };
    }),
    "env[1].value contains",
  ],
  [
    "no-plain-secret",
    "a Kubernetes Secret is in plain text",
    broken("kubernetes:core/v1:Secret", (i) => {
      i.stringData = { any: "thing" };
    }),
    "stringData.any contains",
  ],
  [
    "no-plain-secret",
    "a config map contains a secret variable",
    broken(CONFIG_MAP, (i) => {
      i.data.GIT_TOKEN = "x";
    }),
    "data.GIT_TOKEN contains",
  ],
  [
    "former-name-stays-certified",
    "the public name changes without a certificate for the former name",
    [
      ...broken(BALANCER, (i, resource) => {
        i.name = "langflow.example.com";
        resource.formerInputs = { name: "flows.example.com" };
      }),
      certificate("langflow.example.com"),
    ],
    "from flows.example.com to langflow.example.com",
  ],
  [
    "storage-limit-above-storage",
    "a database's storage limit does not exceed its storage",
    broken("aws:rds/instance:Instance", (i, resource) => {
      i.maxAllocatedStorage = 100;
      resource.formerOutputs = { allocatedStorage: 100 };
    }),
    "already 100 GiB, and RDS rejects a limit of 100 GiB",
  ],
  [
    "no-plain-secret",
    "a URL contains a password",
    broken(CONFIG_MAP, (i) => {
      i.data.LANGFLOW_DATABASE_URL = "postgresql://langflow:hunter2@db:5432/langflow";
    }),
    "data.LANGFLOW_DATABASE_URL contains",
  ],
];

describe("the invariants", () => {
  it("hold for a valid fleet", () => {
    expect(checkInvariants(soundFleet())).toEqual([]);
  });

  it("each have a unique name, a description and a test case that violates it", () => {
    const names = invariants.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect([...new Set(breaches.map(([rule]) => rule))].toSorted()).toEqual(names.toSorted());
    for (const { name, description } of invariants) {
      expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
      expect(description).toMatch(/^[A-Z].*\.$/);
    }
  });

  it.each(breaches)("report a violation of %s if %s, with a fix", (rule, _, fleet, message) => {
    const violations = checkInvariants(fleet).filter((each) => each.rule === rule);
    expect(violations).toHaveLength(1);
    expect(violations[0]?.message).toContain(message);
    expect(violations[0]?.fix).not.toBe("");
    expect(fleet.map(({ urn }) => urn)).toContain(violations[0]?.resource);
  });

  it("allow a change of the public name with certificates for both names, and a preview of only the edge", () => {
    const moved = broken(BALANCER, (inputs, resource) => {
      inputs.name = "langflow.example.com";
      resource.formerInputs = { name: "flows.example.com" };
    });
    const both = ["langflow.example.com", "flows.example.com"].map(certificate);
    expect(checkInvariants([...moved, ...both])).toEqual([]);
    expect(checkInvariants(moved)).toEqual([]);
  });

  it("allow a database's storage to grow, also automatically, and ignore a smaller configured size", () => {
    for (const formerOutputs of [
      { allocatedStorage: 99 },
      { allocatedStorage: 100 },
      { allocatedStorage: 499 },
      undefined,
    ])
      expect(
        checkInvariants(
          broken("aws:rds/instance:Instance", (inputs, resource) => {
            inputs.allocatedStorage = 100;
            inputs.maxAllocatedStorage = 500;
            resource.formerOutputs = formerOutputs;
          }),
        ),
      ).toEqual([]);
  });

  it("never repeat a secret that they find", () => {
    const fleet = broken("aws:rds/instance:Instance", (inputs) => {
      inputs.password = "correct horse";
    });
    expect(JSON.stringify(checkInvariants(fleet))).not.toContain("correct horse");
  });

  it("ignore buckets other than flow buckets", () => {
    const logs = { type: BUCKET, urn: `urn:pulumi:us-east::langflow-dr::${BUCKET}::logs`, protect: true };
    expect(checkInvariants([...soundFleet(), { ...logs, inputs: { region: "us-east-1", bucket: "logs" } }])).toEqual(
      [],
    );
  });

  it("allow a pod to write outside of accounts, to read all regions' accounts, and to have deny statements", () => {
    const fleets = [
      allowed("s3:PutObject", "arn:aws:s3:::flows/files/*"),
      allowed("s3:PutObject", "arn:aws:s3:::flows/accounts-of-old/*"),
      allowed("s3:GetObject", "arn:aws:s3:::flows/accounts/eu-west/*"),
      allowed("s3:ListBucket", "arn:aws:s3:::flows"),
      allowed("sqs:SendMessage", "*"),
      broken(ROLE_POLICY, (inputs) => {
        const [deny] = JSON.parse(inputs.policy).Statement;
        inputs.policy = JSON.stringify({ Statement: { ...deny, Effect: "Deny", Action: "s3:*", Resource: "*" } });
      }),
    ];
    expect(fleets.flatMap((fleet) => checkInvariants(fleet))).toEqual([]);
  });

  it("accept a fallback pool with an unknown id, and count unknown ids as different pools", () => {
    const fleet = broken(BALANCER, (inputs) => {
      inputs.defaultPools = [UNKNOWN, UNKNOWN];
      inputs.fallbackPool = UNKNOWN;
    });
    expect(checkInvariants(fleet)).toEqual([]);
  });
});

const regions = fc
  .uniqueArray(fc.integer({ min: 1, max: 99 }), { minLength: 2, maxLength: 6 })
  .map((numbers) => numbers.map((n): SampleRegion => ({ name: `r-${n}`, awsRegion: `xx-somewhere-${n}` })));

describe("replication between any number of regions", () => {
  it("is valid for a full mesh, and lacks exactly the pair whose rule is removed", () => {
    fc.assert(
      fc.property(regions, fc.nat(), fc.nat(), (fleetRegions, from, to) => {
        const fleet = structuredClone(soundFleet(fleetRegions));
        expect(checkInvariants(fleet)).toEqual([]);
        const configs = fleet.filter(({ type }) => type === REPLICATION);
        const config = configs[from % configs.length] as { inputs: Mutable };
        const [removed] = config.inputs.rules.splice(to % config.inputs.rules.length, 1);
        const lost = fleetRegions.find(({ name }) => removed.id === `to-${name}`) as SampleRegion;
        expect(checkInvariants(fleet).map(({ rule, message }) => [rule, message])).toEqual([
          [
            "flows-replicate-both-ways",
            `no enabled replication rule copies the bucket's objects to ${bucketName(lost)} in ${lost.awsRegion}`,
          ],
        ]);
      }),
      { numRuns: 50 },
    );
  });

  it("counts rules while destinations are unknown, so that a missing rule is still detected", () => {
    fc.assert(
      fc.property(regions, (fleetRegions) => {
        const fleet = structuredClone(soundFleet(fleetRegions));
        const configs = fleet.filter(({ type }) => type === REPLICATION).map(({ inputs }) => inputs as Mutable);
        for (const { rules } of configs) for (const each of rules) each.destination.bucket = UNKNOWN;
        expect(checkInvariants(fleet)).toEqual([]);
        configs[0]?.rules.pop();
        expect(checkInvariants(fleet).map(({ rule }) => rule)).toEqual(["flows-replicate-both-ways"]);
      }),
      { numRuns: 50 },
    );
  });
});

/** Yields the paths of all inputs that may be unknown in a first preview. Booleans and AWS regions are literals. */
function* places(value: unknown, path: string[] = []): Generator<string[]> {
  if (typeof value !== "object" || value === null) return;
  for (const [key, each] of Object.entries(value)) {
    if (key === "region") continue;
    yield [...path, key];
    yield* places(each, [...path, key]);
  }
}

describe("unknown values", () => {
  it("never make a valid fleet appear invalid", () => {
    const count = soundFleet().length;
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(count - 1), fc.nat()), { maxLength: 12 }), (hidden) => {
        const fleet = structuredClone(soundFleet());
        for (const [index, choice] of hidden) {
          const inputs = fleet[index]?.inputs as Mutable;
          const all = [...places(inputs)];
          const path = all[choice % all.length];
          const last = path?.pop();
          if (!path || last === undefined) continue;
          path.reduce((at, key) => at[key], inputs)[last] = UNKNOWN;
        }
        expect(checkInvariants(fleet)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});

describe("resources of our own components", () => {
  const asObserved = ({ type, name, inputs }: Recorded): Observed => ({
    type,
    urn: `urn:pulumi:test::langflow-dr::${type === BUCKET ? "langflow-dr:index:FlowBucket$" : ""}${type}::${name}`,
    inputs,
    protect: true,
  });

  it("satisfy the replication invariants", async () => {
    const resources = await record(() =>
      replicateFlowBuckets(
        twoRegions.map(
          ({ name, awsRegion }) =>
            new FlowBucket(name, {
              region: name,
              awsRegion,
              accountId: "123456789012",
              keyArn: `arn:aws:kms:${awsRegion}:123456789012:key/1`,
              noncurrentVersionDays: 90,
              backupRetentionDays: 35,
            }),
        ),
        { transformations: [boundedBy("arn:aws:iam::123456789012:policy/langflow-dr-boundary")] },
      ),
    );
    const observed = resources.map(asObserved);
    expect(observed.filter(({ type }) => type === REPLICATION)).toHaveLength(2);
    expect(checkInvariants(observed)).toEqual([]);
  });
});
