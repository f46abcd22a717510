import { REFUSED_BY_POSTGRESQL } from "./writeEach";

/** Message if the user interrupts an import. The import is consistent. */
export const INTERRUPTED = "interrupted; imported data is consistent. Run the same command to resume";

// Reasons why a row was skipped, or was imported with changes.
export const FLEETS_OWN = "the fleet has one of that name or place, which stays";
export const FLEETS_ROW = "the fleet has a row of that id that came from elsewhere, which stays";
export const CHANGED_ON_BOTH = "changed in the source and in the fleet: the fleet's stays";
export const DELETED_IN_FLEET = "new or changed in the source, and deleted in the fleet: it stays deleted";
export const DELETED_IN_SOURCE = "deleted in the source since: the fleet's stays";
export const WITHOUT_ITS_OWNER = "refers to a row that did not come";
export const STRANGERS_ROW =
  "a row of that id is another user's in the fleet: save a copy of it in the source, which has another id, and import again";
export const OF_STRANGERS_ROW = "belongs to a row whose id is another user's row in the fleet";
export const GRANTS_ON_FLEETS = "would give a right on a row that the fleet had before: give it there, if it is meant";
export const OF_WHAT_STAYS = "belongs to a row that the source has not, or that stays behind";
export const ANOTHERS_NAME =
  "the fleet has another of that name, with rights of its own: rename one of them, and import again";
export const UNREADABLE = "its secret does not open under the given key";
export const SHARED_PASSWORD =
  "came, with a password that nobody has: its own is known to everybody, who may have made keys by it too; set one as the fleet's superuser, on LangFlow's admin page, and delete keys that are not yours";
export const UNREADABLE_PART = "came, with a secret in it that the given key does not open: enter it anew";
export const WITHOUT_ITS_PROJECT =
  "came, into another project of its user: its own did not come, or is no more in the fleet";
export const OF_NOBODY = "of no user and no flow that came";
export const LARGE_FILE = "larger than 5 GiB";
export const UNREADABLE_FILE = "cannot be read";

const UNFORESEEN = new Set([
  WITHOUT_ITS_OWNER,
  ANOTHERS_NAME,
  STRANGERS_ROW,
  OF_STRANGERS_ROW,
  GRANTS_ON_FLEETS,
  LARGE_FILE,
]);
/** Prefixes of reasons that contain details. */
const UNFORESEEN_BEGINNINGS = [REFUSED_BY_POSTGRESQL, UNREADABLE_FILE];

/** Returns true if a row or a file was skipped for a reason that inspecting the source could not predict. */
export const isUnforeseen = (reason: string): boolean =>
  UNFORESEEN.has(reason) || UNFORESEEN_BEGINNINGS.some((beginning) => reason.startsWith(beginning));
