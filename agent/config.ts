import { z } from "zod";
import { AgentError, ExitCode } from "./errors";

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

const workspaces = json(
  z
    .record(z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/), z.string().regex(/^[A-Z][A-Z0-9_]*$/))
    .refine((map) => Object.keys(map).length > 0),
  'must be a JSON object of folder and environment variable, such as {"default":"LANGFLOW_API_KEY"}',
).default({ default: "LANGFLOW_API_KEY" });

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
  AGENT_REGION: z.string().regex(/^[a-z][a-z0-9-]*$/, "must be our name of the region, such as us-east"),
  AGENT_LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error"]).default("info"),
});
const langflow = z.object({
  LANGFLOW_URL: url("http:", "https:"),
  AGENT_WORKSPACES: workspaces,
});
const database = z.object({ LANGFLOW_DATABASE_URL: url("postgresql:", "postgres:") });
const bucket = z.object({
  AGENT_BUCKET: z.string().min(3),
  AGENT_BACKUP_PREFIX: z.string().default("backups"),
  AGENT_FILES_PREFIX: z.string().default("files"),
});
const claim = z.object({ AGENT_DATA_DIR: z.string().startsWith("/").default("/data") });

const sync = common.extend({
  ...langflow.shape,
  ...database.shape,
  AGENT_HOST: z.string().default("0.0.0.0"),
  /** The webhook's port; served only where there is a secret to check it by. */
  AGENT_PORT: port(8080),
  AGENT_METRICS_PORT: port(9091),
  AGENT_GIT_URL: z.string().min(1),
  AGENT_GIT_BRANCH: z
    .string()
    .regex(/^(?!-)[\w./-]+$/)
    .default("main"),
  AGENT_GIT_TOKEN: z.string().min(1).optional(),
  AGENT_WEBHOOK_SECRET: z.string().min(16, "must have at least 16 characters").optional(),
  AGENT_INTERVAL_SECONDS: z.coerce.number().min(1).max(3600).default(10),
  /** More deletes of a workspace's flows at once than both of these wait for a person's release. */
  AGENT_DELETES_SHARE: z.coerce.number().min(0).max(1).default(0.2),
  AGENT_DELETES_NUMBER: z.coerce.number().int().min(1).default(10),
  /** What goes to Git although it looks like a secret: `<flow id>`, or `<flow id>/<rule>`. */
  AGENT_ALLOWED_SECRETS: json(z.array(z.string()), "must be a JSON array of strings").default([]),
  AGENT_STATE_DIR: z.string().startsWith("/").default("/var/lib/agent"),
  /** With a bucket, the age and size of the newest backup are among the metrics. */
  AGENT_BUCKET: z.string().min(3).optional(),
  AGENT_BACKUP_PREFIX: z.string().default("backups"),
});
const adopt = common.extend(database.shape).extend({
  LANGFLOW_SUPERUSER: z.string().min(1).default("admin"),
  AGENT_PROJECT: z.string().min(1).default("langflow-dr"),
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

const schemas = { sync, release, adopt, backup, verify, restore };
export type Command = keyof typeof schemas;
export type Config<C extends Command> = z.infer<(typeof schemas)[C]>;

/**
 * The environment of a command, checked once.
 *
 * @throws AgentError exit 2, one message for all faults
 */
export function parseConfig<C extends Command>(command: C, environment: NodeJS.ProcessEnv): Config<C> {
  const parsed = schemas[command].safeParse(environment);
  if (parsed.success) return parsed.data as Config<C>;
  const faults = parsed.error.issues.map(({ path, message }) => {
    const name = path.join(".");
    return `  ${name}: ${environment[name] === undefined ? "must be set" : message}`;
  });
  throw new AgentError(
    `the environment of \`agent ${command}\` does not hold:\n${faults.join("\n")}`,
    ExitCode.BadInput,
  );
}

/**
 * The LangFlow key of each workspace, by the workspace's folder.
 *
 * @throws AgentError exit 2 where a variable that a workspace names is not set
 */
export function workspaceKeys(map: Record<string, string>, environment: NodeJS.ProcessEnv): Map<string, string> {
  const missing = Object.values(map).filter((variable) => !environment[variable]);
  if (missing.length > 0)
    throw new AgentError(`AGENT_WORKSPACES names variables that are not set: ${missing.join(", ")}`, ExitCode.BadInput);
  return new Map(Object.entries(map).map(([folder, variable]) => [folder, environment[variable] ?? ""]));
}
