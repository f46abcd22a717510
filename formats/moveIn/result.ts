import type { TableTally } from "./tallies";

/** Result of an import. */
export interface MovedIn {
  readonly tables: readonly TableTally[];
  /** Duration of writing rows and files to the region. */
  readonly carryingMs: number;
}

/** The rows of one user in one replicated table of a region. */
export interface Share {
  readonly table: string;
  /** Null if the rows belong to no user, or to all users. */
  readonly user: string | null;
  readonly rows: number;
  /** Digest of all these rows. Equal in regions with equal rows. */
  readonly digest: string;
}

export interface HeldRow extends Pick<Share, "table" | "user"> {
  readonly id: string;
  /** Display name. */
  readonly name: string;
  readonly digest: string;
  /** Id of the flow to which the row belongs. */
  readonly flow: string | null;
  /** True if the row exceeds the maximum size for replication. */
  readonly isTooLarge: boolean;
}

export interface Contents {
  readonly shares: readonly Share[];
  /** The rows of the requested shares. */
  readonly rows: readonly HeldRow[];
}

export type AskedShare = Pick<Share, "table" | "user">;

/** How a row of the fleet differs from the import. */
export type Fate = "made" | "changed" | "deleted";

/** Rows of one table that differ in the same way. */
export interface SinceImport {
  readonly table: string;
  readonly fate: Fate;
  readonly count: number;
  /** Names of the first rows, or ids if the rows are deleted. */
  readonly which: readonly string[];
  /** Ids of all rows. */
  readonly ids: readonly string[];
}

/** A flow as a file, or the reason why it cannot be exported. */
export type FlowText =
  | { readonly id: string; readonly path: string; readonly text: string }
  | { readonly id: string; readonly reason: string };

/** Rows of a region that differ from the LangFlow from which the region was imported. */
export interface FleetAlone {
  /** Null if nothing was ever imported. */
  readonly rows: readonly SinceImport[] | null;
  /** The created or changed flows, if they were requested. */
  readonly flows?: readonly FlowText[];
}
