import type { Instead, NaturalKey, ReplicatedTable } from "../../formats/tables/tableRule";
import type { Row, Stamp, Vector } from "./row";

/** The replicated state of a row, as a segment contains it. */
export interface ReplicatedRow {
  readonly table: string;
  readonly id: string;
  readonly row: Row;
}

/** The missing flow that a child row waits for. */
export interface Awaited {
  readonly flow: string;
  /**
   * The flow's owner, if the row was cascade-deleted with the flow in this region. When that user is deleted, the row
   * is deleted for good.
   */
  readonly owner?: string;
}

/** The state of a row in this region. */
export interface KnownRow {
  readonly row: Row;
  /**
   * The values in LangFlow's table, by column; undefined if the row is not in the table because it waits, is deleted,
   * or was merged.
   */
  readonly live: ReadonlyMap<string, string> | undefined;
  readonly awaits?: Awaited | undefined;
  readonly shown?: Vector | undefined;
  readonly heldAt?: Stamp | undefined;
}

/** The row that an id refers to after merges. */
export interface CanonicalId {
  readonly id: string;
  readonly live: boolean;
  /** When the row was deleted, unless a later edit undid the delete. */
  readonly deletedAt?: Stamp;
  /** Whether this region holds the row's delete. */
  readonly isHeld?: boolean;
  /** The flow that the row is a child of and waits for. */
  readonly awaitsFlow?: string;
}

/** A row that was merged into a different row. */
export interface MergedRow {
  readonly table: string;
  readonly id: string;
  readonly mergedInto: string;
}

/** Columns whose values are unique together. */
export type Name = Pick<NaturalKey, "on" | "nulls">;

/** A row that waits, and the reason, which never contains a value of the row. */
export interface Waiting {
  readonly table: string;
  readonly id: string;
  readonly reason: string;
}

/** The state of a row to store. */
export interface Kept {
  readonly id: string;
  readonly row: Row;
  /** Why LangFlow's table lacks the row or some of its values, although it should have them. */
  readonly waits?: string;
  /** Columns whose values in LangFlow's table differ; all columns if the row is not there. */
  readonly withheld?: readonly string[];
  /** The flow that must arrive before the row. */
  readonly awaits?: Awaited;
  /** For a waiting row with versions: the edits that LangFlow's table shows; undefined: all. */
  readonly shown?: Vector | undefined;
  /** When the row was deleted in this region, if the delete is held and therefore unpublished. */
  readonly heldAt?: Stamp | undefined;
  /** Whether the row is a new conflict copy. */
  readonly isCopy?: boolean;
  /** Whether this region changed the row and must publish it. */
  readonly mustPublish?: boolean;
}

/** A row to write to LangFlow's table. */
export interface Written {
  readonly id: string;
  /** Replicated columns with their values as JSON. */
  readonly values: ReadonlyMap<string, string>;
  readonly live: boolean;
}

/** LangFlow's tables and the replicated states of their rows, in one transaction. Each call works on one table. */
export interface Tables {
  /**
   * Whether segments that the current ones depend on are missing. If so, a row whose name is taken waits, because a
   * missing segment may free the name.
   */
  readonly isBehind: boolean;
  /** Returns the states of these rows, and locks the rows in LangFlow's table until the transaction ends. */
  known(table: ReplicatedTable, ids: readonly string[]): Promise<Map<string, KnownRow>>;
  /** Returns the canonical id of each of these ids. */
  canonicalIds(table: string, ids: readonly string[]): Promise<Map<string, CanonicalId>>;
  /** Converts texts to lower case as the database does. */
  lowered(texts: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /**
   * Returns the ids of live rows that have the names of these rows, by {@link nameOf}. Includes rows that are not
   * replicated.
   */
  holders(table: ReplicatedTable, name: Name, rows: readonly Row[]): Promise<Map<string, string>>;
  /** Returns, by owner, the id of the live row that replaces a deleted row of the owner in a reference. */
  insteadOf(table: ReplicatedTable, instead: Instead, owners: readonly string[]): Promise<Map<string, string>>;
  /**
   * Returns the greatest number in a column among the live rows that have this row's values in the columns `within`.
   */
  greatest(table: ReplicatedTable, column: string, within: readonly string[], row: Row): Promise<number>;
  /**
   * Upserts rows. Columns that are not replicated keep their values.
   *
   * @returns why a row was rejected, by id
   */
  write(table: ReplicatedTable, rows: readonly Written[]): Promise<Map<string, string>>;
  /**
   * Writes a temporary value into a unique column of a live row, to free the row's own value.
   *
   * @returns whether the column accepts a temporary value
   */
  park(table: ReplicatedTable, column: string, id: string): Promise<boolean>;
  /** Returns the ids of live rows whose column refers to one of these rows. */
  children(table: ReplicatedTable, column: string, parents: readonly string[]): Promise<string[]>;
  /** Stores the references that a column has to these rows, before LangFlow's table loses them. */
  remember(table: ReplicatedTable, column: string, parents: readonly string[]): Promise<void>;
  /** Returns the ids of live rows that refer to a merged row, but not by its canonical id in LangFlow's table. */
  misdirected(table: ReplicatedTable, column: string, parent: MergedRow): Promise<string[]>;
  /**
   * Repoints all references from one row to the other and deletes the first.
   *
   * @returns the reason if the database rejects it
   */
  unite(table: ReplicatedTable, from: string, into: string): Promise<string | undefined>;
  /**
   * Changes a live row's id to an unused id, with all references.
   *
   * @returns the reason if the database rejects it
   */
  giveId(table: ReplicatedTable, from: string, into: string): Promise<string | undefined>;
  /**
   * Deletes rows.
   *
   * @returns why a row could not be deleted, by id
   */
  remove(table: ReplicatedTable, ids: readonly string[]): Promise<Map<string, string>>;
  keep(table: string, rows: readonly Kept[]): Promise<void>;
}
