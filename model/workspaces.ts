import { createHash } from "node:crypto";

/** The superuser's folder, whose key is the fleet's shared one; always there, so no config names it. */
export const DEFAULT_WORKSPACE = "default";

/** Folders the agent takes (agent/config.ts). */
export const WORKSPACE_FOLDER = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** Longest value of a secret, in bytes (Secrets Manager API reference, `SecretString`). */
export const SECRET_BYTES_MAX = 65_536;

/** Users beside the superuser whose flows the agent takes. */
export interface Workspaces {
  /** Their folders in Git, sorted. */
  readonly folders: readonly string[];
  /** Secret whose JSON holds their keys, by {@link workspaceVariable}. */
  readonly secretArn: string;
}

/** The environment variable that holds a workspace's key; no two folders share one. */
export function workspaceVariable(folder: string): string {
  return `WORKSPACE_KEY_${folder.toUpperCase().replaceAll("-", "_")}`;
}

/**
 * What the secret holds: a JSON object by variable, not by folder, since JMESPath would take the hyphen of a folder for
 * the end of its name. The same text in whatever order the keys come.
 *
 * @param keys LangFlow's API key of each folder's user
 */
export function workspaceSecret(keys: Readonly<Record<string, string>>): string {
  const byVariable = Object.entries(keys).map(([folder, key]) => [workspaceVariable(folder), key] as const);
  return JSON.stringify(Object.fromEntries(byVariable.sort(([one], [other]) => (one < other ? -1 : 1))));
}

/** What tells the agent of its workspaces; nothing where there is but the default one, which it takes by itself. */
export function workspaceEnvironment(folders: readonly string[]): Record<string, string> {
  if (folders.length === 0) return {};
  const others = folders.map((folder) => [folder, workspaceVariable(folder)]);
  return { AGENT_WORKSPACES: JSON.stringify(Object.fromEntries([[DEFAULT_WORKSPACE, "LANGFLOW_API_KEY"], ...others])) };
}

/**
 * The Kubernetes Secret of a part of the agent: one name for each set of workspaces. The Secrets Store CSI driver makes a
 * Secret when a pod mounts its class and adds no variable to one that is there already, so a pod that wants a new one
 * would wait, longer than its rollout may take, for the driver to read all secrets again.
 */
export function agentSecretName(task: string, folders: readonly string[]): string {
  if (folders.length === 0) return task;
  return `${task}-${createHash("sha256").update(folders.join()).digest("hex").slice(0, 8)}`;
}
