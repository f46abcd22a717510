/** Message if the user interrupts an import. The import is consistent. */
export const INTERRUPTED = "interrupted; imported data is consistent. Run the same command to resume";

// Reasons why a row was skipped, or was imported with changes.
export const FLEETS_OWN = "the fleet already has one with that name or path, and keeps it";
export const FLEETS_ROW =
  "the fleet has a different version of this row, which no import into this region brought, and keeps it: import into the region of the first import";
export const CHANGED_ON_BOTH = "changed in the source and in the fleet: the fleet keeps its version";
export const OLDER_IN_SOURCE =
  "older in this source than at the last import: the fleet keeps the newer version. Import the newest copy of the source";
export const DELETED_IN_FLEET = "new or changed in the source, but deleted in the fleet: it stays deleted";
export const DELETED_BY_OTHERS =
  "the fleet deleted a row with that id, which this source did not bring into this region: it stays deleted. If it was a different user's, save a copy in the source (the copy gets a new id), and import again";
export const NO_LONGER_MERGED =
  "belongs to a user whose account was merged with a different account of the fleet, and who is no longer the same person by name and rights: undo the rename in the source, or create the user in the fleet by hand";
export const DELETED_IN_SOURCE = "deleted in the source since the last import: the fleet keeps it";
export const WITHOUT_ITS_OWNER = "refers to a row that was not imported";
export const STRANGERS_ROW =
  "a different user's row in the fleet has the same id: save a copy in the source (the copy gets a new id), and import again";
export const OF_STRANGERS_ROW =
  "belongs to a row that was not imported, because a different user's row in the fleet has the same id";
export const GRANTS_ON_FLEETS =
  "would grant a permission on a row that was in the fleet before the import: grant it in the fleet if that is intended";
export const OF_WHAT_STAYS = "belongs to a row that the source does not have, or that is not imported";
export const ANOTHERS_NAME =
  "the fleet has a different one with the same name and its own permissions: rename one of them, and import again";
export const UNREADABLE = "the given key does not decrypt its secret";
export const SHARED_PASSWORD =
  "imported with a random password, because its own is publicly known and others may have created API keys with it: set a new password as the fleet's superuser on LangFlow's admin page, and delete API keys that are not yours";
export const UNREADABLE_PART = "imported, but the given key does not decrypt a secret in it: enter the secret again";
export const WITHOUT_ITS_PROJECT =
  "imported into a different project of its user: its own project was not imported, or no longer exists in the fleet";
export const OF_NOBODY = "belongs to no imported user or flow";
export const LARGE_FILE = "larger than 5 GiB";
export const UNREADABLE_FILE = "cannot be read";
/** Prefix of the reason if PostgreSQL rejects a row. */
export const REFUSED_BY_POSTGRESQL = "PostgreSQL rejects it";

const UNFORESEEN = new Set([
  WITHOUT_ITS_OWNER,
  ANOTHERS_NAME,
  STRANGERS_ROW,
  OF_STRANGERS_ROW,
  FLEETS_ROW,
  DELETED_BY_OTHERS,
  NO_LONGER_MERGED,
  GRANTS_ON_FLEETS,
  LARGE_FILE,
  OLDER_IN_SOURCE,
]);
/** Prefixes of reasons that contain details. */
const UNFORESEEN_BEGINNINGS = [REFUSED_BY_POSTGRESQL, UNREADABLE_FILE];

/** Returns true if a row or a file was skipped for a reason that inspecting the source could not predict. */
export const isUnforeseen = (reason: string): boolean =>
  UNFORESEEN.has(reason) || UNFORESEEN_BEGINNINGS.some((beginning) => reason.startsWith(beginning));
