import { z } from "zod";
import { AGENT_METRICS_PORT, WEBHOOK_PORT } from "./agentEndpoints";
import { ACCOUNTS_PREFIX, BACKUP_PREFIX, DRILL_SUMMARIES_PREFIX, MOVE_IN_PREFIX, STORAGE_PREFIX } from "./bucketKeys";
import { REGION_NAME } from "./regionName";

/** Returns the schema of a variable that contains JSON. It reports every error with the same message. */
const json = <T>(schema: z.ZodType<T>, message: string) =>
  z.string().transform((text, context): T => {
    try {
      return schema.parse(JSON.parse(text));
    } catch {
      context.addIssue({ code: "custom", message });
      return z.NEVER;
    }
  });

const port = (byDefault: number) => z.coerce.number().int().min(0).max(65535).default(byDefault);
const url = (...protocols: string[]) =>
  z.string().refine(
    (value) => {
      try {
        return protocols.includes(new URL(value).protocol);
      } catch {
        return false;
      }
    },
    `must be a URL of ${protocols.join(" or ")}`,
  );

const common = z.object({
  AGENT_REGION: z.string().regex(REGION_NAME, "must be the region's name, such as us-east"),
  AGENT_LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error"]).default("info"),
});
const superuser = z.object({
  LANGFLOW_SUPERUSER: z.string().min(1).default("admin"),
  AGENT_PROJECT: z.string().min(1).default("langflow-dr"),
});
const langflow = z.object({
  LANGFLOW_URL: url("http:", "https:"),
  /**
   * Signs the tokens with which the agent calls LangFlow as each of its users. The key that encrypts replicated
   * accounts derives from it.
   */
  LANGFLOW_SECRET_KEY: z.string().min(1),
});
const database = z.object({ LANGFLOW_DATABASE_URL: url("postgresql:", "postgres:") });
const bucket = z.object({
  AGENT_BUCKET: z.string().min(3),
  AGENT_BACKUP_PREFIX: z.string().default(BACKUP_PREFIX),
  AGENT_FILES_PREFIX: z.string().default(STORAGE_PREFIX),
});
const claim = z.object({ AGENT_DATA_DIR: z.string().startsWith("/").default("/data") });

const place = z.strictObject({ bucket: z.string().min(3), awsRegion: z.string().min(1) });
const regionName = z.string().regex(REGION_NAME, "must be a region's name, such as us-east");
const accounts = z.object({
  AGENT_ACCOUNTS_PREFIX: z.string().min(1).default(ACCOUNTS_PREFIX),
  /**
   * The other regions' flow buckets. Without them, or without a bucket of the region's own, accounts are not
   * replicated.
   */
  AGENT_PEERS: json(
    z.record(regionName, place),
    'must be a JSON object such as {"eu-west":{"bucket":"a-bucket","awsRegion":"eu-west-1"}}',
  ).optional(),
});

const drills = z.object({
  /** Prefix of the drill summaries in the region's own bucket. */
  AGENT_DRILLS_PREFIX: z.string().min(1).default(DRILL_SUMMARIES_PREFIX),
});

const cloudWatchNames = z.strictObject({
  /** RDS identifier of the database. */
  database: z.string().min(1),
  /** The S3 replication rules between this region's flow bucket and the other regions' buckets, in both directions. */
  replications: z.array(
    z.strictObject({
      from: regionName,
      to: regionName,
      source: z.string().min(3),
      destination: z.string().min(3),
      rule: z.string().min(1),
    }),
  ),
});
export type CloudWatchNames = z.infer<typeof cloudWatchNames>;

const clouds = z.object({
  /** The resources that the agent queries in CloudWatch. Without them, the agent queries nothing. */
  AGENT_CLOUDWATCH: json(
    cloudWatchNames,
    'must be a JSON object such as {"database":"a-database","replications":[{"from":"us-east","to":"eu-west","source":"a-bucket","destination":"another-bucket","rule":"to-eu-west"}]}',
  ).optional(),
});

const schedules = z.object({
  /**
   * The region that holds the schedules; if a witness is configured, only the first region to hold them. Without it,
   * the agent does not touch LangFlow's schedules.
   */
  AGENT_SCHEDULES_REGION: regionName.optional(),
});

const sync = common.extend({
  ...accounts.shape,
  ...clouds.shape,
  ...drills.shape,
  ...schedules.shape,
  /** The bucket with the lease by which regions take over the schedules. */
  AGENT_WITNESS: json(place, 'must be a JSON object such as {"bucket":"a-bucket","awsRegion":"us-west-2"}').optional(),
  ...langflow.shape,
  ...database.shape,
  ...superuser.shape,
  AGENT_HOST: z.string().default("0.0.0.0"),
  /** Port of the webhook, which is served only if a secret to verify calls is configured. */
  AGENT_PORT: port(WEBHOOK_PORT),
  AGENT_METRICS_PORT: port(AGENT_METRICS_PORT),
  /** Without it, the agent records nothing in Git. Everything else works. */
  AGENT_GIT_URL: z.string().min(1).optional(),
  AGENT_GIT_BRANCH: z
    .string()
    .regex(/^(?!-)[\w./-]+$/)
    .default("main"),
  AGENT_GIT_TOKEN: z.string().min(1).optional(),
  AGENT_WEBHOOK_SECRET: z.string().min(16, "must have at least 16 characters").optional(),
  AGENT_INTERVAL_SECONDS: z.coerce.number().min(1).max(3600).default(10),
  /**
   * If one push deletes more of a user's flows than both limits allow, the deletes wait until an operator releases
   * them.
   */
  AGENT_DELETES_SHARE: z.coerce.number().min(0).max(1).default(0.2),
  AGENT_DELETES_NUMBER: z.coerce.number().int().min(1).default(10),
  /**
   * If a region's users together delete more rows of one kind within an hour than these limits allow, the deletes wait
   * for an operator's decision.
   */
  AGENT_REGION_DELETES: json(
    z.strictObject({
      users: z.number().int().min(1),
      rows: z.number().int().min(1),
      share: z.number().min(0).max(1),
    }),
    'must be a JSON object such as {"users":5,"rows":20,"share":0.1}',
  ).default({ users: 5, rows: 20, share: 0.1 }),
  /** Findings that may be committed to Git although they look like secrets: `<flow id>`, or `<flow id>/<rule>`. */
  AGENT_ALLOWED_SECRETS: json(z.array(z.string()), "must be a JSON array of strings").default([]),
  AGENT_STATE_DIR: z.string().startsWith("/").default("/var/lib/agent"),
  /** With a bucket, the metrics include the age and size of the newest backup. */
  AGENT_BUCKET: z.string().min(3).optional(),
  AGENT_BACKUP_PREFIX: bucket.shape.AGENT_BACKUP_PREFIX,
  AGENT_FILES_PREFIX: bucket.shape.AGENT_FILES_PREFIX,
});
const adopt = common.extend({
  ...database.shape,
  ...superuser.shape,
  ...schedules.shape,
  /**
   * Database URLs with the logins of LangFlow and of the backup. `adopt` creates the two logins if both URLs are set.
   */
  AGENT_SERVER_DATABASE_URL: database.shape.LANGFLOW_DATABASE_URL.optional(),
  AGENT_BACKUP_DATABASE_URL: database.shape.LANGFLOW_DATABASE_URL.optional(),
});
const verify = common.extend(bucket.shape);
const backup = verify.extend({
  ...database.shape,
  ...claim.shape,
  /** LangFlow's release according to the Pulumi program. A backup must not depend on a running LangFlow. */
  AGENT_LANGFLOW_VERSION: z.string().min(1).default("unknown"),
});
const restore = verify.extend(database.shape).extend(claim.shape);

const release = common.extend({ AGENT_STATE_DIR: sync.shape.AGENT_STATE_DIR });
const reject = release;
const handOver = release;

const rekey = common.extend({ ...database.shape, LANGFLOW_SECRET_KEY: langflow.shape.LANGFLOW_SECRET_KEY });

const moveIn = common.extend({
  ...database.shape,
  LANGFLOW_SECRET_KEY: langflow.shape.LANGFLOW_SECRET_KEY,
  LANGFLOW_SUPERUSER: superuser.shape.LANGFLOW_SUPERUSER,
  AGENT_BUCKET: bucket.shape.AGENT_BUCKET,
  AGENT_FILES_PREFIX: bucket.shape.AGENT_FILES_PREFIX,
  AGENT_MOVE_IN_PREFIX: z.string().min(1).default(MOVE_IN_PREFIX),
  /** Name of the package's folder below the prefix. */
  MOVE_IN_PACKAGE: z.string().min(1),
  /** SHA-256 of the package's manifest. */
  MOVE_IN_SHA256: z.string().length(64),
  /** LANGFLOW_SECRET_KEY of the LangFlow that is imported. */
  MOVE_IN_SECRET_KEY: z.string().min(1),
  /** Whether the report of the changes since the import includes the texts of flows. */
  MOVE_IN_FLOWS: z.enum(["true", "false"]).default("false"),
  /** The shares of the region's content, by table and user, that are listed row by row, as JSON. */
  MOVE_IN_ASKED: json(
    z.array(z.object({ table: z.string(), user: z.string().nullable() })),
    'must be a JSON array such as [{"table":"flow","user":"bea"}]',
  ).default([]),
});

/** The environment of each command. */
export const ENVIRONMENTS = { sync, release, reject, handOver, adopt, rekey, backup, verify, restore, moveIn };

/** Variables of a command's environment. AWS' client reads the AWS region. */
export type Environment<C extends keyof typeof ENVIRONMENTS> = Readonly<
  Partial<Record<keyof z.infer<(typeof ENVIRONMENTS)[C]> | "AWS_REGION", string>>
>;
