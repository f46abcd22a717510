/**
 * Who signs in to a region's database. LangFlow runs what its users build, so its pods have a login of their own: it reads and writes
 * rows, and owns nothing, so that no statement of it can drop a table, or a trigger that notes down changes or holds schedules back.
 */
export const LOGINS = {
  /** Owns all tables: migrations, the agent, a restore and an import. RDS' master user. */
  owner: "langflow",
  /** LangFlow. */
  server: "langflow_server",
  /** The nightly backup: reads, and writes nothing. */
  backup: "langflow_backup",
} as const;

export type Login = keyof typeof LOGINS;

/** A text for each login: the ARN of its secret, or what that holds. */
export interface OfEachLogin {
  owner: string;
  server: string;
  backup: string;
}

/** Logins that `agent adopt` makes as the owner, each with the variable that holds its URL. */
export const MADE_LOGINS = {
  server: "AGENT_SERVER_DATABASE_URL",
  backup: "AGENT_BACKUP_DATABASE_URL",
} as const satisfies Partial<Record<Login, string>>;

/** Among the mounted secrets, the file of the authorities that the URL names: it comes in each login's secret, beside the URL. */
export const AUTHORITIES_FILE = "database-authorities";

export const DATABASE_URL = "LANGFLOW_DATABASE_URL";

/**
 * The Kubernetes Secret with the owner's URL and those of {@link MADE_LOGINS}, for what runs before LangFlow in its pods. The program makes
 * it. The Secrets Store CSI driver could not: it reads Secrets Manager in the name of the pod, and what the pod's role may read, LangFlow
 * can. Nor does it hang on another pod: LangFlow starts without the agent.
 */
export const OWNER_SECRET = "langflow-owner";
