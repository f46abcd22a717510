import type { Environment } from "../formats/environment";

/**
 * Logins of a region's database. LangFlow runs code that its users build, so its pods have a separate login that reads
 * and writes rows but owns no objects. Therefore none of its statements can drop a table, or drop a trigger that logs
 * changes or holds schedules back.
 */
export const LOGINS = {
  /** Owner of all tables, for migrations, the agent, restores and imports. It is the RDS master user. */
  owner: "langflow",
  /** Login of LangFlow's pods. */
  server: "langflow_server",
  /** Login of the nightly backup; read-only. */
  backup: "langflow_backup",
} as const;

export type Login = keyof typeof LOGINS;

/** A string for each login: the ARN of the login's secret, or the secret's value. */
export interface OfEachLogin {
  owner: string;
  server: string;
  backup: string;
}

/** Logins that `agent adopt` creates as the owner, each with the environment variable that holds its URL. */
export const MADE_LOGINS = {
  server: "AGENT_SERVER_DATABASE_URL",
  backup: "AGENT_BACKUP_DATABASE_URL",
} as const satisfies Partial<Record<Login, keyof Environment<"adopt">>>;

/**
 * Name of the mounted file with the certificate authorities that the URL references. Each login's secret contains it
 * next to the URL.
 */
export const AUTHORITIES_FILE = "database-authorities";

export const DATABASE_URL = "LANGFLOW_DATABASE_URL";

/**
 * Name of the Kubernetes Secret with the URLs of the owner and of {@link MADE_LOGINS}, for the init containers of
 * LangFlow's pods. The program creates it. The Secrets Store CSI driver cannot, because it reads Secrets Manager with
 * the pod's role, and LangFlow could then read the same secrets. A different pod cannot create it either, because
 * LangFlow must start without the agent.
 */
export const OWNER_SECRET = "langflow-owner";
