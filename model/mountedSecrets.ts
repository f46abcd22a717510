import { AUTHORITIES_FILE, DATABASE_URL } from "./databaseLogins";
import type { SharedSecretArns } from "./secrets";

/** Folder of a pod in which each mounted secret is a file. */
export const SECRETS_FOLDER = "/mnt/secrets";

/** One secret of Secrets Manager, as the AWS provider of the Secrets Store CSI driver reads it. */
export interface MountedSecret {
  readonly objectName: string;
  readonly objectType: "secretsmanager";
  /** The file it becomes; for a JSON secret, the file that holds all of it. */
  readonly objectAlias: string;
  /** Parts of a JSON secret, each a further file. */
  readonly jmesPath?: readonly { readonly path: string; readonly objectAlias: string }[];
}

/** Secrets a pod takes: what the driver fetches, and the environment variables that come of it. */
export interface PodSecretSet {
  readonly mounted: readonly MountedSecret[];
  readonly variables: readonly string[];
  /** Mounted files that are no variable; those that hold a whole JSON secret aside. */
  readonly files: readonly string[];
}

/** A secret whose whole text is one variable. */
function whole(objectName: string, variable: string): PodSecretSet {
  return {
    mounted: [{ objectName, objectType: "secretsmanager", objectAlias: variable }],
    variables: [variable],
    files: [],
  };
}

/** A JSON secret, of which each path is one variable. @param files paths that are files alone */
function parts(
  objectName: string,
  objectAlias: string,
  paths: [path: string, variable: string][],
  files: [path: string, name: string][] = [],
): PodSecretSet {
  const jmesPath = [...paths, ...files].map(([path, alias]) => ({ path, objectAlias: alias }));
  return {
    mounted: [{ objectName, objectType: "secretsmanager", objectAlias, jmesPath }],
    variables: paths.map(([, variable]) => variable),
    files: files.map(([, name]) => name),
  };
}

function joined(...sets: PodSecretSet[]): PodSecretSet {
  return {
    mounted: sets.flatMap(({ mounted }) => mounted),
    variables: sets.flatMap(({ variables }) => variables),
    files: sets.flatMap(({ files }) => files),
  };
}

const NONE: PodSecretSet = { mounted: [], variables: [], files: [] };
const databaseUrl = (arn: string) =>
  parts(arn, "database", [["url", DATABASE_URL]], [["authorities", AUTHORITIES_FILE]]);
const secretKey = ({ secretKey: arn }: SharedSecretArns) => whole(arn, "LANGFLOW_SECRET_KEY");

/** ARNs of a set: what the pods' role must be allowed to read, and no more. */
export function arnsOf({ mounted }: PodSecretSet): string[] {
  return mounted.map(({ objectName }) => objectName);
}

/** What LangFlow's pods take. */
export function langFlowSecrets(
  shared: SharedSecretArns,
  databaseSecretArn: string,
  providerKeyNames: readonly string[],
): PodSecretSet {
  const providerKeys = providerKeyNames.map((name): [string, string] => [name, name]);
  return joined(
    secretKey(shared),
    whole(shared.superuserPassword, "LANGFLOW_SUPERUSER_PASSWORD"),
    whole(shared.apiKey, "LANGFLOW_API_KEY"),
    databaseUrl(databaseSecretArn),
    providerKeys.length > 0 ? parts(shared.providerKeys, "provider-keys", providerKeys) : NONE,
  );
}

/**
 * What the agent beside LangFlow takes: it reads and writes LangFlow's database, brings people's pushes in through LangFlow by
 * tokens that it signs with LangFlow's key, and seals what it sends to the other regions under a key derived from that.
 *
 * @param record whether it may be the recorder: without a flow repository it takes no token of the Git host
 * @param webhook whether it takes webhooks
 */
export function syncSecrets(
  shared: SharedSecretArns,
  databaseSecretArn: string,
  { record, webhook }: { readonly record: boolean; readonly webhook: boolean },
): PodSecretSet {
  return joined(
    secretKey(shared),
    databaseUrl(databaseSecretArn),
    record && shared.gitToken !== undefined ? whole(shared.gitToken, "AGENT_GIT_TOKEN") : NONE,
    webhook ? whole(shared.webhookSecret, "AGENT_WEBHOOK_SECRET") : NONE,
  );
}

/** What a backup takes: the database, by a login that only reads, and no key of LangFlow's. */
export function backupSecrets(databaseSecretArn: string): PodSecretSet {
  return databaseUrl(databaseSecretArn);
}

/** What a restore takes. */
export function restoreSecrets(databaseSecretArn: string): PodSecretSet {
  return databaseUrl(databaseSecretArn);
}

/** What an import takes: the database, and the key under which what comes is encrypted anew. */
export function moveInSecrets(shared: SharedSecretArns, databaseSecretArn: string): PodSecretSet {
  return joined(secretKey(shared), databaseUrl(databaseSecretArn));
}

/**
 * What Alertmanager takes: URLs, keys and passwords, each a file of its name.
 *
 * @param names parts of the JSON secret, one at least
 */
export function alertingSecrets(arn: string, names: readonly string[]): PodSecretSet {
  return parts(
    arn,
    "alerting",
    names.map((name) => [name, name]),
  );
}
