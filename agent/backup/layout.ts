import { AgentError, ExitCode } from "../process/errors";

/** `<prefix>/<region>/<id>/` holds one backup; the last of its objects to be written is the manifest. */
export const MANIFEST = "manifest.json";
export const DATABASE_DUMP = "database.dump";
export const CLAIM_ARCHIVE = "data.tar.gz";
export const USER_FILES = "files.jsonl";

const ID = /^\d{8}T\d{9}Z$/;
const SAFE_SEGMENT = /^(?!\.{1,2}$)[\w.-]{1,200}$/;

/** A backup's id: its time in UTC to the millisecond, for example 20250131T041500123Z, so that ids sort by age. */
export function backupId(time: Date): string {
  return time.toISOString().replaceAll(/[-:.]/g, "");
}

export function isBackupId(text: string): boolean {
  return ID.test(text);
}

/** Key prefix of a region's backups, or of one of them, with a slash at the end. */
export function backupFolder(prefix: string, region: string, id?: string): string {
  return `${[...prefix.split("/").filter(Boolean), region, ...(id === undefined ? [] : [id])].join("/")}/`;
}

/** A key prefix as it stands before names: with a slash at the end, or empty. */
export function folderPrefix(prefix: string): string {
  const segments = prefix.split("/").filter(Boolean);
  return segments.length === 0 ? "" : `${segments.join("/")}/`;
}

/**
 * Key of a flow within its backup: below its user's name or, where that can't be part of a key, the user's id.
 *
 * @throws AgentError (Failure) when an id would make another key than this layout's
 */
export function flowKey(user: { readonly id: string; readonly name: string }, id: string): string {
  const folder = SAFE_SEGMENT.test(user.name) ? user.name : user.id;
  for (const part of [folder, id])
    if (!SAFE_SEGMENT.test(part)) throw new AgentError(`"${part}" cannot be part of a backup's key`, ExitCode.Failure);
  return `flows/${folder}/${id}.json`;
}
