import { z } from "zod";
import { OPENING_NAMES } from "../model/access/openings";
import { FLEET_TOKEN, SERVICE_TOKENS_MAX } from "../model/access/serviceTokens";
import { isForHosts, overlapping, parseCidr } from "../model/addresses";
import { webhookHostname } from "../model/agent";
import { SHARE_DIVIDED_MAX } from "../model/division";
import { STEERING_POLICIES } from "../model/failover";
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

/** Branch names that `git check-ref-format` accepts, limited to characters that never need quotes. */
const BRANCH = /^(?![-.])(?!.*(\.\.|\/[/.]|\.lock(\/|$)))(?!\/)[\w./-]+(?<![./])$/;

const region = z.strictObject({
  /** The fleet's name for the region; also the name of its stack. Changing it creates a new region. */
  name: regionName.refine((name) => name !== "foundation" && name !== "edge", "foundation and edge are reserved names"),
  /** The AWS region that contains the region's resources. */
  awsRegion: awsRegionName,
  /** CIDR block of the region's VPC, /16 to /20. Regions must not overlap. Changing it replaces the network. */
  cidr,
  /** Name of the region that keeps a copy of this region's database backups. */
  backupRegion: regionName,
});

/** Yields the problems of a region in relation to the other regions, as pairs of key and message. */
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

/** A positive number of seconds. */
const seconds = z.number().positive("must be seconds, above 0");

const drill = z.strictObject({
  /** Folder of the reports, relative to the folder of Pulumi.yaml. */
  reports: z.string().min(1).default("drills"),
  /** Consecutive successful responses that end an outage. */
  goodInARow: z.int().min(1).max(100).default(5),
  targets: z
    .strictObject({
      /** Recovery time objective (RTO), in seconds. Absent: 10 % above the prediction from the monitor's settings. */
      recoverySeconds: seconds.optional(),
      /** Percentage of requests that may fail until the monitor has detected the failure. */
      failedPercent: z.number().min(0).max(100).default(1),
      /**
       * Recovery point objective (RPO) of flows and accounts, in seconds. Absent: the region's sync interval plus 3 s.
       */
      flowsSeconds: seconds.optional(),
      /** RPO of files, in seconds. Default: the guarantee of S3 replication time control (15 minutes). */
      filesSeconds: seconds.default(900),
      /**
       * RPO of the database, in seconds. Default: the interval of the daily backup plus one hour, its maximum duration.
       */
      databaseSeconds: seconds.default(90_000),
    })
    .prefault({}),
});

const schedules = z.strictObject({
  /**
   * Whether each region runs listeners for listened-to sources (Slack's socket mode, polled mailboxes). Without them,
   * such triggers never fire.
   */
  listeners: z.boolean().default(true),
  /**
   * Name of the region that fires schedules and is the recorder: permanently without a witness, otherwise only
   * initially. Absent: the first region in order.
   */
  region: regionName.optional(),
  /**
   * Bucket with the lease through which a lost region's schedules move to a different region. Absent: none; an operator
   * moves the schedules.
   */
  witness: z
    .strictObject({
      /** The AWS region of the bucket. Changing it creates a new bucket: docs/operations/move-schedules.md. */
      awsRegion: awsRegionName,
    })
    .optional(),
});

const receivers = z.strictObject({
  /** Webhook receivers. Their URLs are secret. */
  webhook: z.array(z.strictObject({ secret: secretName })).default([]),
  /** Email receivers. */
  email: z
    .array(
      z.strictObject({
        to: z.email("must be an e-mail address"),
        from: z.email("must be an e-mail address"),
        /** Host and port of the mail server, which must support TLS. */
        smarthost,
        username: z.string().min(1).optional(),
        /** Name of the secret that holds the password. */
        secret: secretName.optional(),
      }),
    )
    .default([]),
  /** Amazon SNS topics; they must allow Alertmanager's role in each region to publish. */
  sns: z.array(z.strictObject({ topicArn })).default([]),
  /** PagerDuty services, which receive only critical alerts. Their integration keys are secret. */
  pagerduty: z.array(z.strictObject({ secret: secretName })).default([]),
});

/**
 * Minimum retention of time series: the period of the objectives plus one day. With less, the remaining error budget
 * could not be calculated.
 */
const RETENTION_DAYS_MIN = 31;

const remoteWrite = z
  .strictObject({
    /** Endpoint that accepts Prometheus remote write. */
    url: z
      .url({ protocol: /^https$/, error: "must be https://…" })
      .refine((url) => !/^https:\/\/[^/?#]*@/i.test(url), "must not contain a user or token: the token is a secret")
      .optional(),
    /** Name of the secret that holds the endpoint's token. */
    secret: secretName.optional(),
    /** ARN of a workspace of Amazon Managed Service for Prometheus, as an alternative to `url` and `secret`. */
    workspaceArn: z
      .string()
      .regex(WORKSPACE_ARN, "must be the ARN of a workspace of Amazon Managed Service for Prometheus (aps)")
      .optional(),
  })
  .refine(
    ({ url, workspaceArn, secret }) =>
      (url === undefined) !== (workspaceArn === undefined) && (secret === undefined || url !== undefined),
    "must have either url (optionally with secret) or only workspaceArn",
  );

const observability = z.strictObject({
  /**
   * Images of the monitoring programs, in the format of `image`. An operator pushes them to the build region's
   * registry; ECR replicates them to the other regions.
   */
  images: z.strictObject({
    prometheus: image,
    alertmanager: image,
    blackboxExporter: image,
    /** Absent: neither Grafana nor dashboards. */
    grafana: image.optional(),
    /** Image of the OpenTelemetry collector. Absent: failed runs cannot be attributed to flows. */
    collector: image.optional(),
  }),
  /** Receivers of alerts. */
  receivers: receivers.prefault({}),
  /**
   * External service that expects regular calls and notifies people when they stop. Absent: a failure of alerting
   * itself remains unnoticed.
   */
  deadMansSwitch: z
    .strictObject({
      /**
       * Names of the secrets that hold the URL to call, by region. Each region needs its own, because otherwise one
       * region's calls hide that another region's calls have stopped.
       */
      secrets: z.record(regionName, secretName),
      intervalSeconds: z.int().min(60).max(3600).default(300),
    })
    .optional(),
  retentionDays: z
    .int()
    .min(RETENTION_DAYS_MIN, `must be at least ${RETENTION_DAYS_MIN}, the period of the objectives plus one day`)
    .max(400)
    .default(35),
  /** Size of Prometheus' disk, GiB; can grow in place, cannot shrink. */
  storageGib: z.int().min(10).max(16384).default(50),
  /** Remote write endpoint for each region's time series, which have the label `region`. Absent: no remote write. */
  remoteWrite: remoteWrite.optional(),
  /**
   * Addresses by region for the regions' mutual health checks. They are in the config, because region stacks do not
   * read each other's state.
   */
  origins: z
    .record(
      regionName,
      z.strictObject({
        /** Host name of the region's load balancer (output `originHostname`). */
        hostname,
        /**
         * Addresses of the region's NAT gateways (output `egressAddresses`), which the other regions' load balancers
         * admit.
         */
        addresses: z.array(z.ipv4("must be an IPv4 address")).default([]),
      }),
    )
    .default({}),
});

/** Config of the whole fleet: `config` in Pulumi.yaml, the same in every stack. */
const fleet = z.strictObject({
  /** Owner of the resources; used only as a tag on all of them. */
  owner: tagValue,
  /** Name of the Cloudflare zone, for example example.com. */
  zone: hostname,
  /** The public name of LangFlow, within `zone`. */
  hostname: hostname.max(
    CERTIFICATE_NAME_MAX,
    `must have at most ${CERTIFICATE_NAME_MAX} characters, a certificate's limit`,
  ),
  /**
   * The previous `hostname`, within `zone`, during a change: each region serves both names, so that no region fails its
   * health checks before the edge has switched. Otherwise absent (docs/operations/change-the-hostname.md).
   */
  formerHostname: hostname.optional(),
  /** Id of the Cloudflare account: 32 hexadecimal digits, from the overview page of the Cloudflare dashboard. */
  cloudflareAccountId: z.string().regex(/^[0-9a-f]{32}$/, "must be 32 hexadecimal digits, the letters in lower case"),
  /** LangFlow's image: `repository:version@sha256:digest`. All regions use the same digest, never a moving tag. */
  image,
  /** The agent's image, in the same format. */
  agentImage: image,
  /** Git repository of the record: the history of all flows, and the place for users' pushes. Absent: no record. */
  flowRepository: z
    .strictObject({
      /**
       * URL, or a path for a local fleet. Inside a pod a path does not exist, and the agent logs that it cannot record.
       */
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
  /**
   * Whether webhooks of the Git host notify the recorder, which requires another public load balancer in each region.
   */
  webhook: z.boolean().default(false),
  /** Name of the region to which images are pushed and in which secrets are created; the other regions get replicas. */
  buildRegion: regionName,
  /** active-active: every region serves. active-standby: the first healthy region in order serves. */
  topology: z.enum(["active-active", "active-standby"]).default("active-active"),
  /** GitHub repository whose workflows may assume the CI roles, as `owner/name`. Absent: no roles are created. */
  githubRepository: z
    .string()
    .regex(/^[\w.-]+\/[\w.-]+$/, "must be owner/name")
    .optional(),
  /**
   * Who may run component code that is part of neither LangFlow nor the image: nobody, or superusers. With `nobody`,
   * LangFlow replaces the code of components from other releases with its own. With `superusers`, it rejects other
   * users' flows with such components until the users update them.
   */
  customComponents: z.enum(["nobody", "superusers"]).default(CUSTOM_COMPONENTS),
  /** Settings that determine the region in which schedules fire. */
  schedules: schedules.prefault({}),
  /** Monitoring of each region. Absent: none except Cloudflare's monitor. */
  observability: observability.optional(),
  /** Targets of drills and the folder of their reports. The stacks do not use these settings. */
  drill: drill.prefault({}),
  /** Regions in order of preference. */
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

/** An OAuth client, in the format of LangFlow 1.13 (`langflow/services/connection/oauth/config.py`). */
const oauthRegistration = z.looseObject({
  provider: z.enum(["google", "microsoft", "slack"]),
  client_id: z.string().min(1),
  /** The provider sends users back to this address. */
  redirect_uri: z
    .string()
    .regex(
      /^https:\/\/[^/?#@]+\/api\/v1\/connections\/oauth\/(google|microsoft|slack)\/callback$/,
      "must be https://<hostname>/api/v1/connections/oauth/<provider>/callback",
    ),
  scopes: z.array(z.string().min(1)).min(1),
});

const foundationStack = z.strictObject({
  /**
   * ARN of the account's existing GitHub OIDC provider, because an account can have only one. Absent: a new one is
   * created.
   */
  githubOidcProviderArn: z
    .string()
    .regex(
      /^arn:aws[a-z-]*:iam::\d{12}:oidc-provider\/token\.actions\.githubusercontent\.com$/,
      "must be the ARN of the GitHub OIDC provider",
    )
    .optional(),
  /**
   * API keys of model providers, by environment variable, as one encrypted object: `pulumi config set --secret --path`.
   */
  providerKeys: z
    .record(
      z.string().regex(/^[A-Z][A-Z0-9_]{1,63}$/, "must be the name of an environment variable"),
      z.string().min(1),
    )
    .default({}),
  /** Retention of replaced and deleted object versions, in days. */
  noncurrentVersionDays: z.int().min(1).max(3650).default(90),
  /** Retention of backups, in days. */
  backupRetentionDays: z.int().min(1).max(3650).default(35),
  /** S3 Object Lock of the flow buckets, which prevents permanent deletion for some time. Absent: none. */
  objectLock: z
    .strictObject({
      /**
       * governance: principals with bypass permission can still delete. compliance: nobody can delete, and the
       * retention cannot be shortened.
       */
      mode: z.enum(["governance", "compliance"]),
      /** Retention from each object's upload, in days. */
      days: z.int().min(1).max(3650),
    })
    .optional(),
  /**
   * Whether to create, in each region, a role and a template with which AWS FIS pauses S3 replication for a drill
   * (`--fault replication-paused`).
   */
  experiments: z.boolean().default(false),
  /**
   * OAuth clients with which users connect Google, Microsoft and Slack, by LangFlow's registration id. Encrypt
   * `client_secret`, `private_key` and `signing_secret`. Every region gets the same clients, because each refreshes the
   * tokens of all connections.
   */
  oauthRegistrations: z.record(z.string().min(1), oauthRegistration).default({}),
  /**
   * Token with read and write access to the flow repository, encrypted: `pulumi config set --secret`. Required only for
   * the record.
   */
  gitToken: z.string().min(1).optional(),
  /** URLs, keys and passwords of alert receivers, by the names that `observability` uses, as one encrypted object. */
  alertingSecrets: z.record(secretName, z.string().min(1)).default({}),
});

/**
 * Minimum of `maxStorageGib`, in percent of the initial storage (RDS user guide, "Managing capacity automatically").
 */
const STORAGE_GROWTH_PERCENT = 110;

/**
 * Message for a cluster without an administrator: creating a cluster grants no access to it (EKS user guide, access
 * entries).
 */
export const ADMINISTRATOR_NEEDED =
  "must contain the IAM role you deploy with, or the cluster has no administrator; alternatively set githubRepository in Pulumi.yaml to create a CI role";

const regionStack = z.strictObject({
  /** Minimum and maximum of the autoscaler. The minimum is at least two, so that one pod may fail. */
  replicas: z
    .strictObject({
      min: z.int().min(2, "must be at least 2"),
      max: z.int().max(100),
      /** zones: pods run in at least two zones. none: all pods may run on one node and fail with it. */
      spread: z.enum(["zones", "none"]).default("zones"),
    })
    .refine(({ min, max }) => max >= min, "max must not be below min")
    .prefault({ min: 2, max: 10 }),
  /**
   * Resource requests and limits of one LangFlow pod. The default request, one core and 2 GiB, is LangFlow's minimum
   * for production ("Best practices for Langflow on Kubernetes"); the default limit is the remaining capacity of the
   * smallest node that fits the request.
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
      /** RDS instance class. Changing it restarts the database during the update (with multi-AZ, a failover). */
      instanceClass: databaseClass,
      /**
       * Whether a standby instance in a second zone takes over on failure, within one or two minutes. Updates in place.
       */
      multiAz: z.boolean().default(true),
      /** Initial storage, GiB; grows automatically up to `maxStorageGib` and never shrinks. */
      storageGib: z.int().min(20).max(65536).default(100),
      maxStorageGib: z.int().min(20).max(65536).default(500),
      /** Days of point-in-time recovery, in the region and in the backup region (1 to 35, RDS' own limits). */
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
      /** per-zone tolerates the failure of a zone; single is cheaper but does not. */
      nat: z.enum(["per-zone", "single"]).default("per-zone"),
      /** Interface endpoints for ECR, STS, Secrets Manager and others; the S3 gateway endpoint always exists. */
      interfaceEndpoints: z.boolean().default(true),
    })
    .prefault({}),
  cluster: z
    .strictObject({
      /** Kubernetes minor version. Upgrades happen in place, one minor version at a time; downgrades are impossible. */
      version: kubernetesVersion,
      /** CIDR blocks that may reach the public API endpoint. Empty: the endpoint is private. */
      publicAccessCidrs: z
        .array(publicAccessCidr)
        .max(40, "EKS allows at most 40 networks: deploy from inside the VPC, or from runners with fixed addresses")
        .default([]),
      /** ARNs of IAM roles that administer the cluster, in addition to the deploy role. */
      adminRoleArns: z.array(roleArn).default([]),
    })
    .prefault({ version: "1.35" }),
  sync: z
    .strictObject({
      /**
       * Interval at which the agent polls the database, the buckets and Git for changes without a notification, in
       * seconds. When a region fails, at most the edits of one interval are lost.
       */
      intervalSeconds: z.int().min(5).max(3600).default(10),
      /**
       * Maximum number of a user's flows that one push may delete without approval. A push that exceeds both limits
       * waits for an operator's release.
       */
      deletes: z
        .strictObject({
          /** Fraction of the user's flows, from 0 to 1. With 1, deletes never wait. */
          share: z.number().min(0).max(1).default(0.2),
          /** Number of flows. */
          number: z.int().min(1).default(10),
        })
        .prefault({}),
      /**
       * Limits per table on the rows that all users of a region together may delete per hour, in LangFlow or by SQL.
       * Deletes that exceed both limits apply only in that region until an operator releases or rejects them. The
       * limits also apply to flows that one push deletes.
       */
      regionDeletes: z
        .strictObject({
          /** Number of users. */
          users: z.int().min(1).default(5),
          /**
           * Number of rows of every other table: flows, projects, variables, API keys. For chat messages, 500 times
           * this number.
           */
          rows: z.int().min(1).default(20),
          /** Fraction of the table's rows, from 0 to 1. With 1, deletes never wait. */
          share: z.number().min(0).max(1).default(0.1),
        })
        .prefault({}),
      /**
       * Flows to record even though they appear to contain a secret: `<flow id>` for a whole flow, `<flow id>/<rule>`
       * for one rule.
       */
      allowedSecrets: z
        .array(allowedSecret)
        .max(ALLOWED_SECRETS_MAX, `must have at most ${ALLOWED_SECRETS_MAX} entries`)
        .default([]),
    })
    .prefault({}),
  backup: z
    .strictObject({
      /**
       * Schedule of the daily backup, in UTC. Absent: at night, an hour after the preceding region in the fleet's list.
       */
      schedule: schedule.optional(),
    })
    .default({}),
  /** Key of earlier releases, no longer used (`ignoredKey`): the agent replicates and records every user's flows. */
  workspaces: z.unknown().optional(),
  logRetentionDays,
  /** Whether Pulumi or AWS rejects the deletion of the cluster and the data. Set to false only to retire the region. */
  deletionProtection: z.boolean().default(true),
});

const rateLimit = z.strictObject({
  /** Maximum number of requests of one visitor per period. Further requests are blocked for `blockSeconds`. */
  requests: z.int().min(1).max(100_000),
  periodSeconds: z.literal(PERIOD_SECONDS, `must be one of ${PERIOD_SECONDS.join(", ")}`),
  blockSeconds: z.literal(BLOCK_SECONDS, `must be one of ${BLOCK_SECONDS.join(", ")}`),
});

const frontDoor = z
  .strictObject({
    /**
     * The zone's Cloudflare plan, which determines the number of rate limits and the request properties that they can
     * match.
     */
    plan: z.enum(PLANS).default("free"),
    /** Rate limits that replace the plan's defaults, up to the number that the plan allows. Empty: none. */
    limits: z
      .strictObject({
        signIn: rateLimit.optional(),
        keys: rateLimit.optional(),
        runs: rateLimit.optional(),
        uploads: rateLimit.optional(),
      } satisfies Record<LimitName, z.ZodType>)
      .optional(),
    /** Sites that may show LangFlow's pages in a frame. */
    frames: z.enum(["same-origin", "anyone"]).default("same-origin"),
  })
  .superRefine(({ plan, limits }, context) => {
    for (const [path, message] of planProblems(plan, limits ?? {}))
      context.addIssue({ code: "custom", path: ["limits", ...path], message });
  });

/**
 * Maximum session duration in Access, in hours: one month ("Session management"; the dashboard's maximum is 730 hours).
 */
const SESSION_HOURS_MAX = 730;

/** Returns the schema of a list without duplicates. */
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
  /** People who may sign in. Matching one entry of any list is sufficient. */
  allow: z
    .strictObject({
      emails: distinct(z.email("must be an e-mail address").toLowerCase()),
      /** Domains of email addresses: everyone with such an address may sign in. */
      emailDomains: distinct(hostname),
      /** Ids of Access rule groups from the dashboard: for groups of the identity provider, countries or devices. */
      groups: distinct(accessId),
    })
    .refine(
      ({ emails, emailDomains, groups }) => emails.length + emailDomains.length + groups.length > 0,
      "must allow at least one user: add emails, emailDomains or groups",
    ),
  /** Ids of the identity providers for sign-in. Empty: all identity providers of the account. */
  identityProviders: distinct(accessId),
  /** Session duration, in hours. Afterwards users must sign in again. */
  sessionHours: z.int().min(1).max(SESSION_HOURS_MAX).default(24),
  /** Names of service tokens, one for each program that needs one. The fleet creates its own. */
  serviceTokens: distinct(
    tokenName.refine((name) => name !== FLEET_TOKEN, `${FLEET_TOKEN} is reserved: the fleet creates it itself`),
  ).refine(
    (names) => names.length < SERVICE_TOKENS_MAX,
    `must have fewer than ${SERVICE_TOKENS_MAX} names, the account's limit including the fleet's own token`,
  ),
  /** Endpoints that need no sign-in at Cloudflare, only LangFlow's own authentication. */
  open: distinct(z.enum(OPENING_NAMES)),
});

/** Share of new visitors, with the precision of Cloudflare's weights. */
const share = z
  .number()
  .min(0, "must be from 0 to 1")
  .max(1, "must be from 0 to 1")
  .multipleOf(0.01, "must have at most two decimals, as Cloudflare's weights do")
  .refine(
    (value) => value <= SHARE_DIVIDED_MAX || value >= 1,
    `must be at most ${SHARE_DIVIDED_MAX}, or exactly 1: Cloudflare's weights are hundredths, so the regions could not divide a smaller remaining share`,
  );

const movingFrom = z.strictObject({
  /**
   * Address of the old LangFlow: an IPv4 address, or a host name that resolves directly to the server instead of to
   * Cloudflare.
   */
  address: z
    .string()
    .refine(
      (value) => [hostname, z.ipv4()].some((form) => form.safeParse(value).success),
      "must be a lower-case host name or an IPv4 address, without https:// and path",
    ),
  /** Host header of requests, and the name in the server's certificate. Absent: the public name. */
  host: hostname.optional(),
  /** TLS port of the old LangFlow. Absent: 443. */
  port: z.int().min(1).max(65_535).optional(),
  /** Path that the monitor requests. Absent: /health. */
  path: z
    .string()
    .regex(/^\/[\w./~-]*$/, "must be a path such as /health")
    .optional(),
  /** Share of new visitors for the old LangFlow: 1 is all, 0 is none. */
  share,
});

const edge = z.strictObject({
  monitor: z
    .strictObject({
      /**
       * Seconds between two probes. The minimum depends on the Cloudflare plan: below 60 is not available on every
       * plan, and 10 needs Enterprise (Cloudflare's limits page).
       */
      intervalSeconds: z.int().min(10).max(3600).multipleOf(5, "must be a multiple of 5").default(15),
      timeoutSeconds: z.int().min(1).max(10).default(5),
      /** Immediate retries after a timeout, within one probe. */
      retries: z.int().min(0).max(5).default(0),
      /** Consecutive failed probes after which a pool is down. */
      consecutiveDown: z.int().min(1).max(10).default(3),
      consecutiveUp: z.int().min(1).max(10).default(2),
      /** Cloudflare regions that probe. Use an odd number, because the majority decides whether a pool is healthy. */
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
  /** Policy by which active-active selects a pool; not every Cloudflare plan supports every policy. */
  steering: z.enum(STEERING_POLICIES).default("proximity"),
  /** Names of the regions in order of preference, if different from the order of `regions`. */
  poolOrder: z.array(regionName).optional(),
  /**
   * Rules that Cloudflare applies in front of LangFlow's login. Absent: none, and the fleet does not manage the zone's
   * rulesets.
   */
  frontDoor: frontDoor.optional(),
  /** Single sign-on in front of LangFlow's own login, by Cloudflare Access. Absent: none. */
  access: access.optional(),
  /** The existing LangFlow that the fleet replaces, as a separate pool (docs/move-in.md). Absent: none. */
  movingFrom: movingFrom.optional(),
  /** Recipients of Cloudflare's own health notifications, which still arrive when a region is down. */
  notificationEmails: z
    .array(z.email("must be an e-mail address"))
    .min(1, "name at least one recipient")
    .refine((emails) => new Set(emails).size === emails.length, "must contain each address once"),
});

/**
 * Requires that object versions are kept at least as long as backups: a backup references object versions and is
 * worthless without them.
 */
const foundation = foundationStack.superRefine(({ noncurrentVersionDays, backupRetentionDays }, context) => {
  const message = `must be at least ${backupRetentionDays}, the value of backupRetentionDays: a restore uses object versions of that age`;
  if (noncurrentVersionDays < backupRetentionDays)
    context.addIssue({ code: "custom", path: ["noncurrentVersionDays"], message });
});

/** Yields the problems of the schedules' settings, as pairs of path and message. */
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
      `is the AWS region of ${fallen.name}: if it fails, no region can take over the schedules. Use an AWS region outside the fleet, such as the state bucket's`,
    ];
}

/** Yields each observability key that names a region outside the fleet, as a pair of path and message. */
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
    report("webhook", "must be false without a flowRepository, because no Git host would call the webhook");
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
