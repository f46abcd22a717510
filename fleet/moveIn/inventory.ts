import type { TableRule } from "../../agent/accounts/tableRule";
import type { DamagedRow } from "./sources/rows";

/** The kinds of place that a LangFlow is read from. */
export type SourceKind = "SQLite file" | "PostgreSQL database" | "running LangFlow" | "folder of flows";

/**
 * What a LangFlow elsewhere has, as far as its source tells. Undefined: the source does not tell, which is another thing than
 * none. Nothing in it is a secret, and nothing of a secret.
 */
export interface Inventory {
  readonly source: { readonly kind: SourceKind; readonly place: string };
  /** LangFlow's version in its own words, as its API tells. */
  readonly version?: string;
  /** Revisions that its migrations left: one, or several where they were cut off. */
  readonly revisions?: readonly string[];
  /** The whole database. */
  readonly databaseBytes?: number;
  readonly users?: readonly SourceUser[];
  /** Ids of the users whose flows the source shows; undefined: of all. */
  readonly flowsOf?: readonly string[];
  /** Projects that are somebody's. */
  readonly projects?: number;
  /** All but starters. */
  readonly flows: readonly SourceFlow[];
  /** The flows that LangFlow itself brings, which are nobody's. */
  readonly starters?: number;
  readonly variables?: { readonly credential: number; readonly generic: number };
  readonly apiKeys?: number;
  readonly messages?: { readonly count: number; readonly bytes?: number };
  readonly files?: SourceFiles;
  readonly knowledgeBases?: number;
  readonly schedules?: number;
  /** Tables with rows, but those that are counted above. */
  readonly tables?: readonly SourceTable[];
  readonly ciphertexts?: Ciphertexts;
  /** Rows with a value that LangFlow cannot read. */
  readonly damaged?: readonly SourceDamage[];
  /** Rows without the row that they belong to, which SQLite lets stand: by table, how many. */
  readonly orphans?: readonly { readonly table: string; readonly of: string; readonly rows: number }[];
  /** Users whose MCP servers are in a file, as releases before 1.11 kept them. */
  readonly mcpFilesOf?: readonly string[];
  /** Set where no log lies beside a database that is written ahead: the time of the last change that is in it. */
  readonly withoutLogAfter?: string;
  /** What the source cannot tell, a sentence each. */
  readonly unseen: readonly string[];
}

export interface SourceUser {
  readonly id: string;
  readonly name: string;
  readonly isActive: boolean;
  readonly isSuperuser: boolean;
}

export interface SourceFlow {
  /** UUID, or the path of a file that has none. */
  readonly id: string;
  readonly name: string;
  /** Id of its user; undefined: it is nobody's, or the source does not tell. */
  readonly owner?: string;
  /** As it lies in the source. */
  readonly bytes: number;
  /** Why it cannot be read or recorded; with it nothing else is known of its contents. */
  readonly problem?: string;
  /** Fields with what looks like a secret, each with the rule that says so. */
  readonly secrets: readonly string[];
  /** Fields that name a file or folder of the machine it ran on. */
  readonly localPaths: readonly string[];
  /** Components whose code is none of LangFlow's own. */
  readonly ownCode: readonly string[];
}

export interface SourceFiles {
  readonly count: number;
  readonly bytes: number;
  /** Names of those that are not in LangFlow's folder; undefined where nobody could look. */
  readonly missing?: readonly string[];
}

export interface SourceTable {
  readonly table: string;
  readonly rows: number;
  /** Undefined: the fleet's LangFlow has no such table, or its agent does not know it. */
  readonly treatment?: TableRule["treatment"];
}

export interface SourceDamage extends Pick<DamagedRow, "table" | "rowNumber" | "column" | "holds"> {
  /** The row, and whose it is: `OPENAI_API_KEY (bea)`. */
  readonly name: string;
}

/** What is encrypted under LangFlow's secret key. */
export interface Ciphertexts {
  readonly secretKey: "given" | "none";
  readonly count: number;
  /** How many of them the key opens. */
  readonly opened: number;
  /** Those that the key does not open, all of them without one: `variable OPENAI_API_KEY (bea)`. */
  readonly unreadable: readonly string[];
}

export function userCounts(users: readonly SourceUser[]): { count: number; superusers: number; inactive: number } {
  return {
    count: users.length,
    superusers: users.filter(({ isSuperuser }) => isSuperuser).length,
    inactive: users.filter(({ isActive }) => !isActive).length,
  };
}

export const bytesOf = (flows: readonly SourceFlow[]): number => flows.reduce((sum, { bytes }) => sum + bytes, 0);
