import { z } from "zod";
import { OPENING_NAMES } from "../model/access/openings";
import { FLEET_TOKEN, SERVICE_TOKENS_MAX } from "../model/access/serviceTokens";
import { isForHosts, overlapping, parseCidr } from "../model/addresses";
import { webhookHostname } from "../model/agent";
import { SHARE_DIVIDED_MAX } from "../model/division";
import { BLOCK_SECONDS, type LimitName, PERIOD_SECONDS, PLANS, planProblems } from "../model/frontDoor/rateLimits";
import { CUSTOM_COMPONENTS } from "../model/langflow";
import { CERTIFICATE_NAME_MAX } from "../model/names";
import { WORKSPACE_ARN } from "../model/observability";
import { partitionOf } from "../model/places";
import { cores, gibibytes } from "../model/quantity";
import {
  ALLOWED_SECRETS_MAX,
  accessId,
  allowedSecret,
  awsRegionName,
  CHECK_REGIONS,
  cidr,
  cpuQuantity,
  databaseClass,
  hostname,
  image,
  kubernetesVersion,
  logRetentionDays,
  memoryQuantity,
  publicAccessCidr,
  regionName,
  roleArn,
  schedule,
  secretName,
  smarthost,
  tagValue,
  tokenName,
  topicArn,
} from "./fields";

/** What `git check-ref-format` takes, of the characters that need no quotes anywhere. */
const BRANCH = /^(?![-.])(?!.*(\.\.|\/[/.]|\.lock(\/|$)))(?!\/)[\w./-]+(?<![./])$/;

const region = z.strictObject({
  /** Our name of the region; also its stack's name. Changing it makes another region. */
  name: regionName.refine((name) => name !== "foundation" && name !== "edge", "foundation and edge are reserved names"),
  /** The AWS region it lives in. */
  awsRegion: awsRegionName,
  /** The region's private network, /16 to /20. No two regions may overlap. Changing it replaces the network. */
  cidr,
  /** The region that keeps a copy of this one's database backups. */
  backupRegion: regionName,
});

/** What is wrong with one region beside the others, as pairs of key and message. */
function* regionProblems(
  { name, awsRegion, cidr: network, backupRegion }: z.infer<typeof region>,
  { earlier, names }: { earlier: z.infer<typeof region>[]; names: string[] },
): Generator<[key: string, message: string]> {
  if (earlier.some((other) => other.name === name)) yield ["name", "is used twice"];
  if (earlier.some((other) => other.awsRegion === awsRegion))
    yield ["awsRegion", "is used twice: two regions in one AWS region fail together"];
  const [first] = earlier;
  if (first && partitionOf(first.awsRegion) !== partitionOf(awsRegion))
    yield [
      "awsRegion",
      `is in a different partition than ${first.awsRegion} of ${first.name}: an AWS account has only one partition`,
    ];
  for (const other of earlier.filter((candidate) => overlapping(candidate.cidr, network)))
    yield ["cidr", `overlaps ${other.cidr} of ${other.name}: regions need separate networks`];
  const bits = parseCidr(network)?.bits;
  if (bits !== undefined && (bits < 16 || bits > 20)) yield ["cidr", "must be between /16 and /20"];
  if (bits !== undefined && !isForHosts(network)) yield ["cidr", "must contain host addresses, such as 10.16.0.0/16"];
  const others = names.filter((other) => other !== name);
  if (others.length > 0 && !others.includes(backupRegion))
    yield ["backupRegion", `must be a different region: ${others.join(", ")}`];
}

/** Seconds. */
const seconds = z.number().positive("must be seconds, above 0");

const drill = z.strictObject({
  /** Folder of the reports, from that of Pulumi.yaml. */
  reports: z.string().min(1).default("drills"),
  /** Good answers in a row that end an outage. */
  goodInARow: z.int().min(1).max(100).default(5),
  targets: z
    .strictObject({
      /** RTO. Absent: a tenth above what the monitor's numbers predict. */
      recoverySeconds: seconds.optional(),
      /** Requests that may fail until the monitor has noticed, in percent. */
      failedPercent: z.number().min(0).max(100).default(1),
      /** RPO of flows and accounts. Absent: the region's interval and 3 s. */
      flowsSeconds: seconds.optional(),
      /** RPO of files: what S3 replication time control promises (15 minutes). */
      filesSeconds: seconds.default(900),
      /** RPO of the database: the daily backup and the hour it may take. */
      databaseSeconds: seconds.default(90_000),
    })
    .prefault({}),
});

const schedules = z.strictObject({
  /** The region that holds the schedules, and is the recorder: always without a witness; with one, at first. Absent: the first in order. */
  region: regionName.optional(),
  /** The bucket by which a region that is lost hands the schedules over. Absent: there is none, and a person says it. */
  witness: z
    .strictObject({
      /** The AWS region of the bucket. Changing it makes another bucket: docs/operations/move-schedules.md. */
      awsRegion: awsRegionName,
    })
    .optional(),
});

const receivers = z.strictObject({
  /** Services that are called by a URL, which is a secret. */
  webhook: z.array(z.strictObject({ secret: secretName })).default([]),
  /** Mailboxes. */
  email: z
    .array(
      z.strictObject({
        to: z.email("must be an e-mail address"),
        from: z.email("must be an e-mail address"),
        /** Host and port of the mail server, which must speak TLS. */
        smarthost,
        username: z.string().min(1).optional(),
        /** The secret that holds the password. */
        secret: secretName.optional(),
      }),
    )
    .default([]),
  /** Topics of Amazon SNS, which must let Alertmanager's role of each region publish. */
  sns: z.array(z.strictObject({ topicArn })).default([]),
  /** Services of PagerDuty's, by an integration key, which is a secret; told of critical alerts alone. */
  pagerduty: z.array(z.strictObject({ secret: secretName })).default([]),
});

/** Days of the objectives' period, and one more: less could not tell how much of their budget is left. */
const RETENTION_DAYS_MIN = 31;

const remoteWrite = z
  .strictObject({
    /** Takes Prometheus' remote write. */
    url: z
      .url({ protocol: /^https$/, error: "must be https://…" })
      .refine((url) => !/^https:\/\/[^/?#]*@/i.test(url), "must not contain a user or token: the token is a secret")
      .optional(),
    /** The secret that holds the token sent with it. */
    secret: secretName.optional(),
    /** In place of both: a workspace of Amazon Managed Service for Prometheus, by its ARN. */
    workspaceArn: z.string().regex(WORKSPACE_ARN, "must be the ARN of an aps workspace").optional(),
  })
  .refine(
    ({ url, workspaceArn, secret }) =>
      (url === undefined) !== (workspaceArn === undefined) && (secret === undefined || url !== undefined),
    "must have either url (optionally with secret) or only workspaceArn",
  );

const observability = z.strictObject({
  /** What runs, in the form of `image`: pushed to the build region's registry by a person, copied to the others. */
  images: z.strictObject({
    prometheus: image,
    alertmanager: image,
    blackboxExporter: image,
    /** Absent: no Grafana, and no dashboards. */
    grafana: image.optional(),
    /** OpenTelemetry's collector. Absent: nobody knows which flow a failed run was of. */
    collector: image.optional(),
  }),
  /** Who is told of alerts. */
  receivers: receivers.prefault({}),
  /** A service outside that expects calls, and tells people when they end. Absent: nobody notices that alerts stopped. */
  deadMansSwitch: z
    .strictObject({
      /** By region the secret that holds the URL to call: one each, or one region's calls hide that another's ended. */
      secrets: z.record(regionName, secretName),
      intervalSeconds: z.int().min(60).max(3600).default(300),
    })
    .optional(),
  retentionDays: z
    .int()
    .min(RETENTION_DAYS_MIN, `must be at least ${RETENTION_DAYS_MIN}, the period of the objectives plus one day`)
    .max(400)
    .default(35),
  /** GiB of Prometheus' disk; grows in place, never shrinks. */
  storageGib: z.int().min(10).max(16384).default(50),
  /** Where each region's series are sent on to, each with the label `region`. Absent: nowhere. */
  remoteWrite: remoteWrite.optional(),
  /** By region what the others check it by, and what it checks them from: stacks do not read each other's. */
  origins: z
    .record(
      regionName,
      z.strictObject({
        /** Its load balancer (output `originHostname`). */
        hostname,
        /** Its NAT gateways (output `egressAddresses`), which the others' load balancers let in. */
        addresses: z.array(z.ipv4("must be an IPv4 address")).default([]),
      }),
    )
    .default({}),
});

/** What is true of the whole fleet: `config` of Pulumi.yaml, the same in every stack. */
const fleet = z.strictObject({
  /** Who answers for these resources; a tag on all of them, and nothing else. */
  owner: tagValue,
  /** The Cloudflare zone, for example example.com. */
  zone: hostname,
  /** The public name of LangFlow, inside `zone`. */
  hostname: hostname.max(
    CERTIFICATE_NAME_MAX,
    `must have at most ${CERTIFICATE_NAME_MAX} characters, a certificate's limit`,
  ),
  /**
   * What `hostname` was until now, inside `zone`, while it changes: each region answers under both, so that none is away before the edge has
   * moved. Absent otherwise (docs/operations/change-the-hostname.md).
   */
  formerHostname: hostname.optional(),
  /** 32 hexadecimal digits, from the Cloudflare dashboard's overview page. */
  cloudflareAccountId: z.string().regex(/^[0-9a-f]{32}$/, "must be 32 hexadecimal digits, the letters in lower case"),
  /** LangFlow. `repository:version@sha256:digest`; one digest for all regions, never a moving tag. */
  image,
  /** The flow agent, in the same form. */
  agentImage: image,
  /** Git repository of the record: the history of all flows, and people's way in. Absent: there is no record. */
  flowRepository: z
    .strictObject({
      /** A path is for a fleet on one machine: inside a pod it leads nowhere, and the agent logs that it cannot record. */
      url: z
        .string()
        .regex(
          /^(https:\/\/[^\s/@:]+(:\d+)?\/[^\s?#]+|\/\S+)$/,
          "must be https://host/… without user or token (the token is gitToken) and without ? or #, or an absolute path in the local fleet",
        ),
      branch: z
        .string()
        .regex(BRANCH, "must be the name of a branch, as `git check-ref-format` takes it")
        .default("main"),
    })
    .optional(),
  /** Whether the Git host's webhooks may wake the recorder, which makes a public entrance more in each region. */
  webhook: z.boolean().default(false),
  /** Where images are pushed and secrets are made; the others get replicas. */
  buildRegion: regionName,
  /** active-active: every region serves. active-standby: the first healthy one in order serves. */
  topology: z.enum(["active-active", "active-standby"]).default("active-active"),
  /** `owner/name` of the GitHub repository whose workflows may assume the roles; absent: no roles are made. */
  githubRepository: z
    .string()
    .regex(/^[\w.-]+\/[\w.-]+$/, "must be owner/name")
    .optional(),
  /**
   * Who may run components' code that is neither LangFlow's nor the image's: nobody, or superusers. With `nobody` LangFlow runs its own code
   * of components that are of another release; with `superusers` it refuses other users each flow that has one, until they update it.
   */
  customComponents: z.enum(["nobody", "superusers"]).default(CUSTOM_COMPONENTS),
  /** In which region schedules fire. */
  schedules: schedules.prefault({}),
  /** What watches each region. Absent: nothing does, beside Cloudflare's monitor. */
  observability: observability.optional(),
  /** What a drill must show, and where its reports are kept. The stacks do not look at it. */
  drill: drill.prefault({}),
  /** The regions, in order of preference. */
  regions: z
    .array(region)
    .min(2, "needs at least two regions: a single region has no failover")
    .superRefine((regions, context) =>
      regions.forEach((each, index) => {
        const others = { earlier: regions.slice(0, index), names: regions.map(({ name }) => name) };
        for (const [key, message] of regionProblems(each, others))
          context.addIssue({ code: "custom", path: [index, key], message });
      }),
    ),
});

const foundationStack = z.strictObject({
  /** ARN of the account's GitHub OIDC provider where one exists already: an account can hold only one. */
  githubOidcProviderArn: z
    .string()
    .regex(
      /^arn:aws[a-z-]*:iam::\d{12}:oidc-provider\/token\.actions\.githubusercontent\.com$/,
      "must be the ARN of the GitHub OIDC provider",
    )
    .optional(),
  /** Keys of model providers, by environment variable, as one encrypted object: `pulumi config set --secret --path`. */
  providerKeys: z
    .record(
      z.string().regex(/^[A-Z][A-Z0-9_]{1,63}$/, "must be the name of an environment variable"),
      z.string().min(1),
    )
    .default({}),
  /** How long a replaced or deleted version of an object is kept, in days. */
  noncurrentVersionDays: z.int().min(1).max(3650).default(90),
  /** How long a backup is kept, in days. */
  backupRetentionDays: z.int().min(1).max(3650).default(35),
  /** S3 Object Lock of the flow buckets: for how long nothing in them can be deleted for good. Absent: there is none. */
  objectLock: z
    .strictObject({
      /** governance: who may bypass it can; compliance: nobody can, not even to correct the days. */
      mode: z.enum(["governance", "compliance"]),
      /** Counted from each object's upload. */
      days: z.int().min(1).max(3650),
    })
    .optional(),
  /** Whether AWS FIS may pause S3's replication for a drill (`--fault replication-paused`): a role and a template per region. */
  experiments: z.boolean().default(false),
  /** Token that reads and writes the flow repository, encrypted: `pulumi config set --secret`. Only the record needs it. */
  gitToken: z.string().min(1).optional(),
  /** URLs, keys and passwords that alerts are sent by, by the names that `observability` has for them, as one encrypted object. */
  alertingSecrets: z.record(secretName, z.string().min(1)).default({}),
});

/** Least bound of a database's storage beside what it begins with (RDS user guide, "Managing capacity automatically"). */
const STORAGE_GROWTH_PERCENT = 110;

/** Said where neither a role nor CI would administer a cluster: who makes one gets no access by that (EKS user guide, access entries). */
export const ADMINISTRATOR_NEEDED =
  "must contain the IAM role you deploy with, or nobody can use the cluster; or set githubRepository in Pulumi.yaml for a CI role";

const regionStack = z.strictObject({
  /** Bounds of the autoscaler. Two at least, so that one pod may die. */
  replicas: z
    .strictObject({
      min: z.int().min(2, "must be at least 2"),
      max: z.int().max(100),
      /** zones: over two at least. none: all may run on one node, and fall with it. */
      spread: z.enum(["zones", "none"]).default("zones"),
    })
    .refine(({ min, max }) => max >= min, "max must not be below min")
    .prefault({ min: 2, max: 10 }),
  /**
   * Requests and limits of one LangFlow pod. One core and 2 GiB are the least that LangFlow asks for in production ("Best
   * practices for Langflow on Kubernetes"); above, what the smallest node with room for that has left.
   */
  resources: z
    .strictObject({
      requests: z.strictObject({ cpu: cpuQuantity, memory: memoryQuantity }),
      limits: z.strictObject({ cpu: cpuQuantity, memory: memoryQuantity }),
    })
    .superRefine(({ requests, limits }, context) => {
      for (const [part, amount] of [["cpu", cores] as const, ["memory", gibibytes] as const])
        if (amount(limits[part]) < amount(requests[part])) {
          const message = `must be at least ${requests[part]}, the request of a pod: Kubernetes requires limit ≥ request`;
          context.addIssue({ code: "custom", path: ["limits", part], message });
        }
    })
    .default({ requests: { cpu: "1", memory: "2Gi" }, limits: { cpu: "2", memory: "3Gi" } }),
  database: z
    .strictObject({
      /** Changing it restarts the database during the update (a failover where multi-AZ). */
      instanceClass: databaseClass,
      /** Whether another zone has a second machine, which takes over within a minute or two. Updates in place. */
      multiAz: z.boolean().default(true),
      /** GiB; grows up to `maxStorageGib` by itself and never shrinks. */
      storageGib: z.int().min(20).max(65536).default(100),
      maxStorageGib: z.int().min(20).max(65536).default(500),
      /** Days back to which the database can be restored, in its region and in the backup region (1 to 35, RDS' own limit). */
      pointInTimeRecoveryDays: z.int().min(1).max(35).default(14),
    })
    .superRefine(({ storageGib, maxStorageGib }, context) => {
      const least = Math.ceil((storageGib * STORAGE_GROWTH_PERCENT) / 100);
      const message = `must be at least ${least}, ${STORAGE_GROWTH_PERCENT} % of storageGib`;
      if (maxStorageGib < least) context.addIssue({ code: "custom", path: ["maxStorageGib"], message });
    })
    .prefault({ instanceClass: "db.m7g.large" }),
  network: z
    .strictObject({
      /** per-zone survives a zone; single is cheaper and does not. */
      nat: z.enum(["per-zone", "single"]).default("per-zone"),
      /** Interface endpoints for ECR, STS, Secrets Manager and the like; the S3 gateway is always there. */
      interfaceEndpoints: z.boolean().default(true),
    })
    .prefault({}),
  cluster: z
    .strictObject({
      /** Kubernetes minor version. Upgrades in place, one minor at a time, never back. */
      version: kubernetesVersion,
      /** Networks that may reach the public API endpoint. Empty: private only. */
      publicAccessCidrs: z
        .array(publicAccessCidr)
        .max(40, "EKS allows at most 40 networks: deploy from inside the VPC, or from runners with fixed addresses")
        .default([]),
      /** IAM roles that administer the cluster, beside the deploy role. */
      adminRoleArns: z.array(roleArn).default([]),
    })
    .prefault({ version: "1.35" }),
  sync: z
    .strictObject({
      /**
       * Seconds within which the agent reads database, buckets and Git, where nothing told it of a change before: at most that
       * much of the newest edits is lost with the region.
       */
      intervalSeconds: z.int().min(5).max(3600).default(10),
      /** How many of a user's flows one push may delete by itself. More than both at once waits for a person's release. */
      deletes: z
        .strictObject({
          /** Of the user's flows, 0 to 1. 1: no number of deletes waits. */
          share: z.number().min(0).max(1).default(0.2),
          /** Flows. */
          number: z.int().min(1).default(10),
        })
        .prefault({}),
      /**
       * How many rows of a kind all of a region's users may delete within an hour, in LangFlow or by SQL. More than both are gone in that
       * region alone, until a person releases or rejects them; so are more flows that one push deletes.
       */
      regionDeletes: z
        .strictObject({
          /** Users. */
          users: z.int().min(1).default(5),
          /** Of each other kind: flows, projects, variables, keys; five hundred times as many chat messages. */
          rows: z.int().min(1).default(20),
          /** Of all rows of the kind, 0 to 1. 1: no number of deletes waits. */
          share: z.number().min(0).max(1).default(0.1),
        })
        .prefault({}),
      /** What is recorded although it looks like a secret: `<flow id>` for a whole flow, `<flow id>/<rule>` for one rule. */
      allowedSecrets: z
        .array(allowedSecret)
        .max(ALLOWED_SECRETS_MAX, `must have at most ${ALLOWED_SECRETS_MAX} entries`)
        .default([]),
    })
    .prefault({}),
  backup: z
    .strictObject({
      /** When the daily backup is made, UTC. Absent: at night, an hour after the region before it in the fleet's list. */
      schedule: schedule.optional(),
    })
    .default({}),
  /** Of earlier releases, and read no more (`ignoredKey`): every user's flows are replicated and recorded. */
  workspaces: z.unknown().optional(),
  logRetentionDays,
  /** Whether the cluster and the data refuse to be deleted. Off only to retire the region. */
  deletionProtection: z.boolean().default(true),
});

const rateLimit = z.strictObject({
  /** Of one visitor in a period: one more, and all of them are refused for a while. */
  requests: z.int().min(1).max(100_000),
  periodSeconds: z.literal(PERIOD_SECONDS, `must be one of ${PERIOD_SECONDS.join(", ")}`),
  blockSeconds: z.literal(BLOCK_SECONDS, `must be one of ${BLOCK_SECONDS.join(", ")}`),
});

const frontDoor = z
  .strictObject({
    /** The zone's plan at Cloudflare: how many rate limits there may be, and what they may tell apart. */
    plan: z.enum(PLANS).default("free"),
    /** Instead of those that go with the plan; as many as it takes. Empty: none. */
    limits: z
      .strictObject({
        signIn: rateLimit.optional(),
        keys: rateLimit.optional(),
        runs: rateLimit.optional(),
        uploads: rateLimit.optional(),
      } satisfies Record<LimitName, z.ZodType>)
      .optional(),
    /** Who may show LangFlow's pages in a frame. */
    frames: z.enum(["same-origin", "anyone"]).default("same-origin"),
  })
  .superRefine(({ plan, limits }, context) => {
    for (const [path, message] of planProblems(plan, limits ?? {}))
      context.addIssue({ code: "custom", path: ["limits", ...path], message });
  });

/** Longest session that Access takes: a month ("Session management"; the dashboard's own 730 hours). */
const SESSION_HOURS_MAX = 730;

/** A list in which nothing stands twice. */
const distinct = <Item extends z.ZodType>(item: Item) =>
  z
    .array(item)
    .superRefine((items, context) =>
      items.forEach((each, index) => {
        if (items.indexOf(each) < index) context.addIssue({ code: "custom", path: [index], message: "is used twice" });
      }),
    )
    .default([]);

const access = z.strictObject({
  /** Who may sign in: whoever is one of them. */
  allow: z
    .strictObject({
      emails: distinct(z.email("must be an e-mail address").toLowerCase()),
      /** All who have an address in one of these. */
      emailDomains: distinct(hostname),
      /** Ids of Access' rule groups, made in the dashboard: for groups of the identity provider, countries, devices. */
      groups: distinct(accessId),
    })
    .refine(
      ({ emails, emailDomains, groups }) => emails.length + emailDomains.length + groups.length > 0,
      "must allow somebody: add emails, emailDomains or groups",
    ),
  /** Ids of the identity providers to sign in with. Empty: all that the account has. */
  identityProviders: distinct(accessId),
  /** Hours until Access looks anew who somebody is. */
  sessionHours: z.int().min(1).max(SESSION_HOURS_MAX).default(24),
  /** A token for each program that brings one; the fleet has its own. */
  serviceTokens: distinct(
    tokenName.refine((name) => name !== FLEET_TOKEN, `${FLEET_TOKEN} is reserved: the fleet creates it itself`),
  ).refine(
    (names) => names.length < SERVICE_TOKENS_MAX,
    `must have fewer than ${SERVICE_TOKENS_MAX} names, the account's limit including the fleet's own token`,
  ),
  /** What may come in without a sign-in, and meets LangFlow's own alone. */
  open: distinct(z.enum(OPENING_NAMES)),
});

/** A part of new visitors: what Cloudflare's weights can tell apart. */
const share = z
  .number()
  .min(0, "must be from 0 to 1")
  .max(1, "must be from 0 to 1")
  .multipleOf(0.01, "must have at most two decimals, as Cloudflare's weights do")
  .refine(
    (value) => value <= SHARE_DIVIDED_MAX || value >= 1,
    `must be at most ${SHARE_DIVIDED_MAX}, or 1: weights are hundredths, so larger shares cannot be divided`,
  );

const movingFrom = z.strictObject({
  /** Where it is: a name that leads to it directly, not through Cloudflare, or an IPv4 address. */
  address: z
    .string()
    .refine(
      (value) => [hostname, z.ipv4()].some((form) => form.safeParse(value).success),
      "must be a lower-case host name or an IPv4 address, without https:// and path",
    ),
  /** What it is asked for as Host, the name in its certificate. Absent: the public name. */
  host: hostname.optional(),
  /** Where it speaks TLS. Absent: 443. */
  port: z.int().min(1).max(65_535).optional(),
  /** What the monitor asks it for. Absent: /health. */
  path: z
    .string()
    .regex(/^\/[\w./~-]*$/, "must be a path such as /health")
    .optional(),
  /** Its share of new visitors: 1 all, 0 none. */
  share,
});

const edge = z.strictObject({
  monitor: z
    .strictObject({
      /** Seconds between two probes; below 60 depends on the Cloudflare plan, 10 needs Enterprise (its limits page). */
      intervalSeconds: z.int().min(10).max(3600).multipleOf(5, "must be a multiple of 5").default(15),
      timeoutSeconds: z.int().min(1).max(10).default(5),
      /** Immediate retries after a timeout, inside one probe. */
      retries: z.int().min(0).max(5).default(0),
      /** Probes that must fail in a row before a pool is down. */
      consecutiveDown: z.int().min(1).max(10).default(3),
      consecutiveUp: z.int().min(1).max(10).default(2),
      /** An odd number: the majority decides whether a pool is healthy. */
      checkRegions: z
        .array(z.enum(CHECK_REGIONS))
        .min(1, "name at least one check region")
        .refine((names) => new Set(names).size === names.length, "must contain each check region once")
        .default(["ENAM", "WEU", "SEAS"]),
    })
    .refine(
      ({ intervalSeconds, timeoutSeconds, retries }) => intervalSeconds > timeoutSeconds * (retries + 1),
      "intervalSeconds must be longer than timeoutSeconds × (retries + 1), or probes overlap",
    )
    .prefault({}),
  /** How active-active chooses a pool; not every Cloudflare plan has every policy. */
  steering: z.enum(["proximity", "random", "dynamic_latency", "geo"]).default("proximity"),
  /** The regions in order of preference, where it differs from that of `regions`. */
  poolOrder: z.array(regionName).optional(),
  /** What Cloudflare decides before LangFlow's sign-in. Absent: nothing, and the zone's rulesets are others'. */
  frontDoor: frontDoor.optional(),
  /** Single sign-on before LangFlow's own sign-in, by Cloudflare Access. Absent: there is none. */
  access: access.optional(),
  /** The LangFlow that visitors are on before the fleet, as a pool of its own (docs/move-in.md). Absent: there is none. */
  movingFrom: movingFrom.optional(),
  /** Recipients of Cloudflare's own health notifications: the path that survives a region. */
  notificationEmails: z
    .array(z.email("must be an e-mail address"))
    .min(1, "name at least one recipient")
    .refine((emails) => new Set(emails).size === emails.length, "must contain each address once"),
});

/** A backup names versions of objects: it is worth nothing once those are gone. */
const foundation = foundationStack.superRefine(({ noncurrentVersionDays, backupRetentionDays }, context) => {
  const message = `must be at least ${backupRetentionDays}, the value of backupRetentionDays: a restore uses object versions of that age`;
  if (noncurrentVersionDays < backupRetentionDays)
    context.addIssue({ code: "custom", path: ["noncurrentVersionDays"], message });
});

/** What is wrong with who holds the schedules, as pairs of path and message. */
function* scheduleFaults(
  { region: holder, witness }: z.infer<typeof schedules>,
  regions: z.infer<typeof region>[],
): Generator<[path: string[], message: string]> {
  const names = regions.map(({ name }) => name);
  if (holder !== undefined && !names.includes(holder))
    yield [["region"], `must be one of the regions: ${names.join(", ")}`];
  const [first] = regions;
  if (witness && first && partitionOf(witness.awsRegion) !== partitionOf(first.awsRegion))
    yield [
      ["witness", "awsRegion"],
      `is in a different partition than ${first.awsRegion} of ${first.name}: an AWS account has only one partition`,
    ];
  const fallen = regions.find(({ awsRegion }) => awsRegion === witness?.awsRegion);
  if (fallen)
    yield [
      ["witness", "awsRegion"],
      `fails together with ${fallen.name}, and no region could then take over the schedules: use an AWS region outside the fleet, such as the state bucket's`,
    ];
}

/** Keys of observability that name a region which is none of the fleet's, as pairs of path and message. */
function* strangers(
  { deadMansSwitch, origins }: z.infer<typeof observability>,
  names: readonly string[],
): Generator<[path: string[], message: string]> {
  const keyed: [path: string[], names: string[]][] = [
    [["origins"], Object.keys(origins)],
    [["deadMansSwitch", "secrets"], Object.keys(deadMansSwitch?.secrets ?? {})],
  ];
  for (const [path, keys] of keyed)
    for (const key of keys.filter((each) => !names.includes(each)))
      yield [[...path, key], `must belong to one of the regions: ${names.join(", ")}`];
}

const fleetConfig = fleet.superRefine(({ regions, buildRegion, zone, hostname: name, webhook, ...rest }, context) => {
  const { schedules: held, observability: watching, flowRepository: repository, formerHostname: former } = rest;
  const report = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
  const names = regions.map((each) => each.name);
  if (!names.includes(buildRegion)) report("buildRegion", `must be one of the regions: ${names.join(", ")}`);
  for (const [path, message] of scheduleFaults(held, regions))
    context.addIssue({ code: "custom", path: ["schedules", ...path], message });
  for (const [path, message] of watching ? strangers(watching, names) : [])
    context.addIssue({ code: "custom", path: ["observability", ...path], message });
  for (const [key, each] of [["hostname", name] as const, ["formerHostname", former] as const]) {
    if (each !== undefined && each !== zone && !each.endsWith(`.${zone}`))
      report(key, `is not inside the zone ${zone}`);
    if (webhook && names.some((region) => webhookHostname(region, zone) === each))
      report(key, "is the name of a region's webhook: choose a different name");
  }
  if (former === name) report("formerHostname", "is the current hostname: omit it");
  if (webhook && repository === undefined)
    report("webhook", "must be false without a flowRepository: no Git host calls it");
  const longest =
    names.map((each) => webhookHostname(each, zone)).sort((one, other) => other.length - one.length)[0] ?? "";
  if (webhook && longest.length > CERTIFICATE_NAME_MAX)
    report(
      "webhook",
      `must be false, or use shorter names for zone and regions: ${longest} has ${longest.length} characters, a certificate allows ${CERTIFICATE_NAME_MAX}`,
    );
});

export const schemas = { fleet: fleetConfig, foundation, region: regionStack, edge };

export type FleetConfig = z.infer<typeof fleetConfig>;
export type RegionConfig = FleetConfig["regions"][number];
export type FoundationStackConfig = z.infer<typeof foundation>;
export type RegionStackConfig = z.infer<typeof regionStack>;
export type EdgeStackConfig = z.infer<typeof edge>;
