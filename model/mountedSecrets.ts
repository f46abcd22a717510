import { AUTHORITIES_FILE, DATABASE_URL } from "./databaseLogins";
import type { SharedSecretArns } from "./secrets";

/** Folder in which each mounted secret is a file. */
export const SECRETS_FOLDER = "/mnt/secrets";

/** A secret of Secrets Manager in the format of the Secrets Store CSI driver's AWS provider. */
export interface MountedSecret {
  readonly objectName: string;
  readonly objectType: "secretsmanager";
  /** Name of the mounted file; for a JSON secret, the file that holds the complete JSON. */
  readonly objectAlias: string;
  /** Fields of a JSON secret, each mounted as an additional file. */
  readonly jmesPath?: readonly { readonly path: string; readonly objectAlias: string }[];
}

/** Secrets of a pod: the secrets to fetch, and the environment variables that hold them. */
export interface PodSecretSet {
  readonly mounted: readonly MountedSecret[];
  readonly variables: readonly string[];
  /** Mounted files that do not become variables, except files that hold a complete JSON secret. */
  readonly files: readonly string[];
}

/** Returns the set for a secret whose complete value is one variable. */
function whole(objectName: string, variable: string): PodSecretSet {
  return {
    mounted: [{ objectName, objectType: "secretsmanager", objectAlias: variable }],
    variables: [variable],
    files: [],
  };
}

/**
 * Returns the set for a JSON secret in which each path becomes one variable.
 *
 * @param files paths that become files only
 */
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

/** LangFlow and its listeners both refresh the tokens of connections. */
const oauthRegistrations = ({ oauthRegistrations: arn }: SharedSecretArns) =>
  arn === undefined ? NONE : whole(arn, "LANGFLOW_CONNECTION_OAUTH_REGISTRATIONS");

/** Returns the ARNs of a set: the secrets that the pods' role must be able to read. */
export function arnsOf({ mounted }: PodSecretSet): string[] {
  return mounted.map(({ objectName }) => objectName);
}

/** Returns the secrets of LangFlow's pods. */
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
    oauthRegistrations(shared),
    providerKeys.length > 0 ? parts(shared.providerKeys, "provider-keys", providerKeys) : NONE,
  );
}

/** Returns the secrets of LangFlow's listeners, which decrypt connections and refresh their tokens. */
export function listenersSecrets(shared: SharedSecretArns, databaseSecretArn: string): PodSecretSet {
  return joined(secretKey(shared), databaseUrl(databaseSecretArn), oauthRegistrations(shared));
}

/**
 * Returns the secrets of `agent sync`. The agent reads and writes LangFlow's database, imports pushed flows through
 * LangFlow with tokens that it signs with LangFlow's key, and encrypts its data for the other regions with a derived
 * key.
 *
 * @param record whether the region may be the recorder: without a flow repository, the agent gets no token for the Git
 * host
 * @param webhook whether the agent receives webhooks
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

/** Returns the secrets of a backup: a read-only database login, and none of LangFlow's keys. */
export function backupSecrets(databaseSecretArn: string): PodSecretSet {
  return databaseUrl(databaseSecretArn);
}

/** Returns the secrets of a restore. */
export function restoreSecrets(databaseSecretArn: string): PodSecretSet {
  return databaseUrl(databaseSecretArn);
}

/** Returns the secrets of an import: the database, and the key with which the imported secrets are re-encrypted. */
export function moveInSecrets(shared: SharedSecretArns, databaseSecretArn: string): PodSecretSet {
  return joined(secretKey(shared), databaseUrl(databaseSecretArn));
}

/**
 * Returns the secrets of Alertmanager: URLs, keys and passwords, each a file of the same name.
 *
 * @param names fields of the JSON secret; at least one
 */
export function alertingSecrets(arn: string, names: readonly string[]): PodSecretSet {
  return parts(
    arn,
    "alerting",
    names.map((name) => [name, name]),
  );
}
