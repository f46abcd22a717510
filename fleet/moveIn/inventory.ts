import type { TableRule } from "../../formats/tables/tableRule";
import type { DamagedRow } from "./sources/rows";

/** Kinds of sources from which a LangFlow can be read. */
export type SourceKind = "SQLite file" | "PostgreSQL database" | "running LangFlow" | "folder of flows";

/**
 * Contents of an existing LangFlow. An undefined field means that the source does not provide the value, which differs
 * from 0 or an empty list. An inventory contains no secrets and no parts of secrets.
 */
export interface Inventory {
  readonly source: { readonly kind: SourceKind; readonly place: string };
  /** LangFlow's version, as its API reports it. */
  readonly version?: string;
  /** Current migration revisions: normally one, or several if a migration was interrupted. */
  readonly revisions?: readonly string[];
  /** Size of the whole database. */
  readonly databaseBytes?: number;
  readonly users?: readonly SourceUser[];
  /** Ids of the users whose flows the source shows. Undefined if it shows all users' flows. */
  readonly flowsOf?: readonly string[];
  /** Number of projects that belong to a user. */
  readonly projects?: number;
  /** All flows except starter flows. */
  readonly flows: readonly SourceFlow[];
  /** Number of flows that LangFlow ships, which belong to no user. */
  readonly starters?: number;
  readonly variables?: { readonly credential: number; readonly generic: number };
  readonly apiKeys?: number;
  readonly messages?: { readonly count: number; readonly bytes?: number };
  readonly files?: SourceFiles;
  readonly knowledgeBases?: number;
  /** Knowledge bases whose vectors only this LangFlow can reach, with their users: `Manuals (bea)`. */
  readonly localKnowledgeBases?: readonly string[] | undefined;
  readonly schedules?: number;
  /** Tables with rows, except those counted above. */
  readonly tables?: readonly SourceTable[];
  readonly ciphertexts?: Ciphertexts;
  /** Rows with a value that LangFlow cannot read. */
  readonly damaged?: readonly SourceDamage[];
  /** Rows whose parent row is missing, which SQLite permits: the number of rows for each table. */
  readonly orphans?: readonly { readonly table: string; readonly of: string; readonly rows: number }[];
  /** Names of users whose MCP servers are stored in a file, as in releases before 1.11. */
  readonly mcpFilesOf?: readonly string[];
  /** Set if a WAL-mode database has no log file: the time of the last change in the database. */
  readonly withoutLogAfter?: string;
  /** Folders of files: their number, and the ids of those whose user or flow the database does not have. */
  readonly strangeFolders?: { readonly all: number; readonly strange: readonly string[] };
  /** What the source cannot show, one sentence each. */
  readonly unseen: readonly string[];
}

export interface SourceUser {
  readonly id: string;
  readonly name: string;
  readonly isActive: boolean;
  readonly isSuperuser: boolean;
}

export interface SourceFlow {
  /** UUID, or the path of a flow file without an id. */
  readonly id: string;
  readonly name: string;
  /** Id of the flow's user. Undefined if the flow has no user or the source does not show it. */
  readonly owner?: string;
  /** Size in the source. */
  readonly bytes: number;
  /** Why the flow cannot be read or recorded. If set, nothing else about its contents is known. */
  readonly problem?: string;
  /** Fields that seem to contain a secret, each with the rule that matched. */
  readonly secrets: readonly string[];
  /** Fields that refer to a file or folder on the original machine. */
  readonly localPaths: readonly string[];
  /** Components with code that is not LangFlow's own. */
  readonly ownCode: readonly string[];
}

export interface SourceFiles {
  readonly count: number;
  readonly bytes: number;
  /** Names of files that are missing in LangFlow's folder. Undefined if the folder was not available. */
  readonly missing?: readonly string[];
}

export interface SourceTable {
  readonly table: string;
  readonly rows: number;
  /** Undefined if the fleet's LangFlow has no such table or its agent does not know it. */
  readonly treatment?: TableRule["treatment"];
}

export interface SourceDamage extends Pick<DamagedRow, "table" | "rowNumber" | "column" | "holds"> {
  /** Name of the row and its user: `OPENAI_API_KEY (bea)`. */
  readonly name: string;
}

/** Values encrypted with LangFlow's secret key. */
export interface Ciphertexts {
  readonly secretKey: "given" | "none";
  readonly count: number;
  /** Number of values that the key decrypts. */
  readonly opened: number;
  /** Values that the key does not decrypt, or all values without a key: `variable OPENAI_API_KEY (bea)`. */
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
