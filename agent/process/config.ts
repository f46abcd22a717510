import { z } from "zod";
import { AgentError, ExitCode } from "./errors";

/** Our names of regions. */
export const REGION_NAME = /^[a-z][a-z0-9-]*$/;

/** A variable whose text is JSON; one message for whatever is wrong with it. */
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
  AGENT_REGION: z.string().regex(REGION_NAME, "must be our name of the region, such as us-east"),
  AGENT_LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error"]).default("info"),
});
const superuser = z.object({
  LANGFLOW_SUPERUSER: z.string().min(1).default("admin"),
  AGENT_PROJECT: z.string().min(1).default("langflow-dr"),
});
const langflow = z.object({
  LANGFLOW_URL: url("http:", "https:"),
  /** Signs the tokens by which LangFlow takes the agent for each of its users; accounts are sealed under a key of it. */
  LANGFLOW_SECRET_KEY: z.string().min(1),
});
const database = z.object({ LANGFLOW_DATABASE_URL: url("postgresql:", "postgres:") });
const bucket = z.object({
  AGENT_BUCKET: z.string().min(3),
  AGENT_BACKUP_PREFIX: z.string().default("backups"),
  AGENT_FILES_PREFIX: z.string().default("files"),
});
const claim = z.object({ AGENT_DATA_DIR: z.string().startsWith("/").default("/data") });

const place = z.strictObject({ bucket: z.string().min(3), awsRegion: z.string().min(1) });
const regionName = z.string().regex(REGION_NAME, "must be our name of a region, such as us-east");
const accounts = z.object({
  AGENT_ACCOUNTS_PREFIX: z.string().min(1).default("accounts"),
  /** The other regions' flow buckets. Without it, or without a bucket of the region's own, accounts stay where they are. */
  AGENT_PEERS: json(
    z.record(regionName, place),
    'must be a JSON object such as {"eu-west":{"bucket":"a-bucket","awsRegion":"eu-west-1"}}',
  ).optional(),
});

const drills = z.object({
  /** Where summaries of drills lie in the region's own bucket. */
  AGENT_DRILLS_PREFIX: z.string().min(1).default("drills/summaries"),
});

const cloudWatchNames = z.strictObject({
  /** RDS' identifier of the database. */
  database: z.string().min(1),
  /** Rules by which S3 copies one region's flow bucket to another's, those from and to this region. */
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
  /** What CloudWatch is asked about. Without it nothing is asked. */
  AGENT_CLOUDWATCH: json(
    cloudWatchNames,
    'must be a JSON object such as {"database":"a-database","replications":[{"from":"us-east","to":"eu-west","source":"a-bucket","destination":"another-bucket","rule":"to-eu-west"}]}',
  ).optional(),
});

const schedules = z.object({
  /** The region that holds the schedules: always without a witness; with one, at first. Without it LangFlow's schedules are left alone. */
  AGENT_SCHEDULES_REGION: regionName.optional(),
});

const sync = common.extend({
  ...accounts.shape,
  ...clouds.shape,
  ...drills.shape,
  ...schedules.shape,
  /** The bucket of the lease by which regions take the schedules over. */
  AGENT_WITNESS: json(place, 'must be a JSON object such as {"bucket":"a-bucket","awsRegion":"us-west-2"}').optional(),
  ...langflow.shape,
  ...database.shape,
  ...superuser.shape,
  AGENT_HOST: z.string().default("0.0.0.0"),
  /** The webhook's port; served only where there is a secret to check it by. */
  AGENT_PORT: port(8080),
  AGENT_METRICS_PORT: port(9091),
  /** Without it nothing is recorded in Git; everything else works. */
  AGENT_GIT_URL: z.string().min(1).optional(),
  AGENT_GIT_BRANCH: z
    .string()
    .regex(/^(?!-)[\w./-]+$/)
    .default("main"),
  AGENT_GIT_TOKEN: z.string().min(1).optional(),
  AGENT_WEBHOOK_SECRET: z.string().min(16, "must have at least 16 characters").optional(),
  AGENT_INTERVAL_SECONDS: z.coerce.number().min(1).max(3600).default(10),
  /** More deletes of a user's flows in one push than both of these wait for a person's release. */
  AGENT_DELETES_SHARE: z.coerce.number().min(0).max(1).default(0.2),
  AGENT_DELETES_NUMBER: z.coerce.number().int().min(1).default(10),
  /** More rows of a kind that all users of the region delete within an hour than this wait for a person's decision. */
  AGENT_REGION_DELETES: json(
    z.strictObject({
      users: z.number().int().min(1),
      rows: z.number().int().min(1),
      share: z.number().min(0).max(1),
    }),
    'must be a JSON object such as {"users":5,"rows":20,"share":0.1}',
  ).default({ users: 5, rows: 20, share: 0.1 }),
  /** What goes to Git although it looks like a secret: `<flow id>`, or `<flow id>/<rule>`. */
  AGENT_ALLOWED_SECRETS: json(z.array(z.string()), "must be a JSON array of strings").default([]),
  AGENT_STATE_DIR: z.string().startsWith("/").default("/var/lib/agent"),
  /** With a bucket, the age and size of the newest backup are among the metrics. */
  AGENT_BUCKET: z.string().min(3).optional(),
  AGENT_BACKUP_PREFIX: bucket.shape.AGENT_BACKUP_PREFIX,
  AGENT_FILES_PREFIX: bucket.shape.AGENT_FILES_PREFIX,
});
const adopt = common.extend({
  ...database.shape,
  ...superuser.shape,
  ...schedules.shape,
  /** The database by LangFlow's login and by the backup's, which are made. Without both none is. */
  AGENT_SERVER_DATABASE_URL: database.shape.LANGFLOW_DATABASE_URL.optional(),
  AGENT_BACKUP_DATABASE_URL: database.shape.LANGFLOW_DATABASE_URL.optional(),
});
const verify = common.extend(bucket.shape);
const backup = verify.extend({
  ...database.shape,
  ...claim.shape,
  /** What the program calls LangFlow's release: a backup must not need a LangFlow that answers. */
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
  AGENT_MOVE_IN_PREFIX: z.string().min(1).default("move-in"),
  /** Name of the package's folder below the prefix. */
  MOVE_IN_PACKAGE: z.string().min(1),
  /** SHA-256 of its manifest. */
  MOVE_IN_SHA256: z.string().length(64),
  /** LANGFLOW_SECRET_KEY of the LangFlow that moves in. */
  MOVE_IN_SECRET_KEY: z.string().min(1),
  /** Whether flows that were made since are told with their texts. */
  MOVE_IN_FLOWS: z.enum(["true", "false"]).default("false"),
  /** Which shares of the region's contents are told row by row, as JSON. */
  MOVE_IN_ASKED: json(
    z.array(z.object({ table: z.string(), user: z.string().nullable() })),
    'must be a JSON array such as [{"table":"flow","user":"bea"}]',
  ).default([]),
});

const schemas = { sync, release, reject, handOver, adopt, rekey, backup, verify, restore, moveIn };
export type Command = keyof typeof schemas;
export type Config<C extends Command> = z.infer<(typeof schemas)[C]>;

/**
 * The environment of a command, checked once.
 *
 * @throws AgentError exit 2, one message for all problems
 */
export function parseConfig<C extends Command>(command: C, environment: NodeJS.ProcessEnv): Config<C> {
  const parsed = schemas[command].safeParse(environment);
  if (parsed.success) return parsed.data as Config<C>;
  const problems = parsed.error.issues.map(({ path, message }) => {
    const name = path.join(".");
    return `  ${name}: ${environment[name] === undefined ? "must be set" : message}`;
  });
  throw new AgentError(
    `the environment of \`agent ${command}\` does not hold:\n${problems.join("\n")}`,
    ExitCode.BadInput,
  );
}

/** Whether the environment has all that accounts need. */
export function isReplicatingAccounts(
  config: Config<"sync">,
): config is Config<"sync"> & Required<Pick<Config<"sync">, "AGENT_BUCKET" | "AGENT_PEERS">> {
  return config.AGENT_BUCKET !== undefined && config.AGENT_PEERS !== undefined;
}
