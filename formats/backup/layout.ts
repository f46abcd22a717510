import { AgentError, ExitCode } from "../agentErrors";

/** The folder `<prefix>/<region>/<id>/` contains one backup. The manifest is its last object to be written. */
export const MANIFEST = "manifest.json";
export const DATABASE_DUMP = "database.dump";
export const CLAIM_ARCHIVE = "data.tar.gz";
export const USER_FILES = "files.jsonl";

const ID = /^\d{8}T\d{9}Z$/;
const SAFE_SEGMENT = /^(?!\.{1,2}$)[\w.-]{1,200}$/;

/**
 * Returns a backup's id: its time in UTC in milliseconds, for example 20250131T041500123Z. Ids therefore sort by age.
 */
export function backupId(time: Date): string {
  return time.toISOString().replaceAll(/[-:.]/g, "");
}

export function isBackupId(text: string): boolean {
  return ID.test(text);
}

/** Returns the key prefix of a region's backups, or of one backup, with a trailing slash. */
export function backupFolder(prefix: string, region: string, id?: string): string {
  return `${[...prefix.split("/").filter(Boolean), region, ...(id === undefined ? [] : [id])].join("/")}/`;
}

/** Returns a key prefix with a trailing slash, or an empty string for an empty prefix. */
export function folderPrefix(prefix: string): string {
  const segments = prefix.split("/").filter(Boolean);
  return segments.length === 0 ? "" : `${segments.join("/")}/`;
}

/**
 * Returns the key of a flow within its backup: below the user's name or, if the name cannot be part of a key, the
 * user's id.
 *
 * @throws AgentError (Failure) if an id would break the key layout
 */
export function flowKey(user: { readonly id: string; readonly name: string }, id: string): string {
  const folder = SAFE_SEGMENT.test(user.name) ? user.name : user.id;
  for (const part of [folder, id])
    if (!SAFE_SEGMENT.test(part)) throw new AgentError(`"${part}" cannot be part of a backup's key`, ExitCode.Failure);
  return `flows/${folder}/${id}.json`;
}
