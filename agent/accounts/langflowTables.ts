import type { Row, Stamp, Vector } from "./row";
import type { Instead, NaturalKey, TravellingTable } from "./tableRule";

/** A row as it comes from a region. */
export interface CarriedRow {
  readonly table: string;
  readonly id: string;
  readonly row: Row;
}

/** The flow that a row is part of, and that is not in this region. */
export interface Awaited {
  readonly flow: string;
  /** Where the row was here and fell with it: whose it was. What fell goes with that user at the latest. */
  readonly owner?: string;
}

/** A row as this region knows it. */
export interface KnownRow {
  readonly row: Row;
  /** By column, what LangFlow's table holds; undefined where the row is not there: it waits, is deleted, or part of another. */
  readonly live: ReadonlyMap<string, string> | undefined;
  readonly awaits?: Awaited | undefined;
  readonly shown?: Vector | undefined;
  readonly heldAt?: Stamp | undefined;
}

/** Where an id leads: rows that became one have one id. */
export interface Lead {
  readonly id: string;
  readonly live: boolean;
  /** It is deleted, and nothing was done to it since that would undo that. */
  readonly deletedAt?: Stamp;
  /** It is deleted here, by a delete that is held. */
  readonly isHeld?: boolean;
  /** It waits for this flow, of which it is part. */
  readonly awaitsFlow?: string;
}

/** A row, and the one that it became. */
export interface LeadingRow {
  readonly table: string;
  readonly id: string;
  readonly leadsTo: string;
}

/** Columns whose values together name one row at most. */
export type Name = Pick<NaturalKey, "on" | "nulls">;

/** A row that waits, and why; never with a value of it. */
export interface Waiting {
  readonly table: string;
  readonly id: string;
  readonly reason: string;
}

/** What is kept of a row. */
export interface Kept {
  readonly id: string;
  readonly row: Row;
  /** Why LangFlow's table does not hold it, or not all of it, although it should. */
  readonly waits?: string;
  /** The columns that LangFlow's table holds otherwise, or not at all; of a row that is not there, all. */
  readonly withheld?: readonly string[];
  /** The flow without which nothing of it can be here. */
  readonly awaits?: Awaited;
  /** Of a row that waits, with versions: the edits that LangFlow's table shows; undefined: all. */
  readonly shown?: Vector | undefined;
  /** When it was deleted here, by a delete that is held: no other region hears of it. */
  readonly heldAt?: Stamp | undefined;
  /** It keeps a content that gave way, and was not known before. */
  readonly isCopy?: boolean;
  /** It is news of this region's own making: the other regions have to be told. */
  readonly news?: boolean;
}

/** A row to be written. */
export interface Written {
  readonly id: string;
  /** By column that travels, its value as JSON. */
  readonly values: ReadonlyMap<string, string>;
  readonly live: boolean;
}

/** LangFlow's tables and what is known of their rows, in one transaction. Each call is about one table. */
export interface Tables {
  /** More is to come of what was known where rows come from: one whose name another has waits, as that may have given it up. */
  readonly isBehind: boolean;
  /** Locks what is live: nobody edits it until the end. */
  known(table: TravellingTable, ids: readonly string[]): Promise<Map<string, KnownRow>>;
  /** Those of `ids` that are known, by what they lead to. */
  leads(table: string, ids: readonly string[]): Promise<Map<string, Lead>>;
  /** Texts in lower case. */
  lowered(texts: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Ids of live rows that have these rows' names, by their name as {@link nameOf} writes it; also rows that do not travel. */
  holders(table: TravellingTable, name: Name, rows: readonly Row[]): Promise<Map<string, string>>;
  /** By owner, the id of the live row that is named instead of one of the owner's that is dead. */
  insteadOf(table: TravellingTable, instead: Instead, owners: readonly string[]): Promise<Map<string, string>>;
  /** The greatest number in a column, of live rows that have this row's values in the columns `within`. */
  greatest(table: TravellingTable, column: string, within: readonly string[], row: Row): Promise<number>;
  /**
   * Makes and changes rows. What is in their columns that do not travel stays as it is.
   *
   * @returns why a row was refused, by id
   */
  write(table: TravellingTable, rows: readonly Written[]): Promise<Map<string, string>>;
  /** Gives a live row a passing name or number in a column, so that another one can have its. @returns whether the column takes one */
  park(table: TravellingTable, column: string, id: string): Promise<boolean>;
  /** Ids of live rows whose column holds one of these ids. */
  children(table: TravellingTable, column: string, parents: readonly string[]): Promise<string[]>;
  /** What refers to these rows in a column is known to, whatever LangFlow's table comes to hold. */
  remember(table: TravellingTable, column: string, parents: readonly string[]): Promise<void>;
  /** Ids of live rows that refer to a row, or to what became part of it, and in LangFlow's table not to the row that it became. */
  strayed(table: TravellingTable, column: string, parent: LeadingRow): Promise<string[]>;
  /** Lets all that refers to one row refer to another, and removes the first. @returns why not */
  unite(table: TravellingTable, from: string, into: string): Promise<string | undefined>;
  /** Gives a live row the id of one that is not there, and lets all that refers to it follow. @returns why not */
  giveId(table: TravellingTable, from: string, into: string): Promise<string | undefined>;
  /** @returns why a row could not be removed, by id */
  remove(table: TravellingTable, ids: readonly string[]): Promise<Map<string, string>>;
  keep(table: string, rows: readonly Kept[]): Promise<void>;
}
