import type { Row, Stamp, Vector } from "./row";
import type { Instead, NaturalKey, ReplicatedTable } from "./tableRule";

/** The state of a row, as a segment holds it. */
export interface ReplicatedRow {
  readonly table: string;
  readonly id: string;
  readonly row: Row;
}

/** The flow that a row belongs to, and that is not in this region. */
export interface Awaited {
  readonly flow: string;
  /** The owner, if the row was cascade-deleted here with the flow: it is dropped for good with that user at the latest. */
  readonly owner?: string;
}

/** A row as this region knows it. */
export interface KnownRow {
  readonly row: Row;
  /** The values in LangFlow's table, by column; undefined if the row is not there: it waits, is deleted, or was merged. */
  readonly live: ReadonlyMap<string, string> | undefined;
  readonly awaits?: Awaited | undefined;
  readonly shown?: Vector | undefined;
  readonly heldAt?: Stamp | undefined;
}

/** The row that an id stands for after merges. */
export interface CanonicalId {
  readonly id: string;
  readonly live: boolean;
  /** When it was deleted, unless a later edit undid that. */
  readonly deletedAt?: Stamp;
  /** Its delete is held in this region. */
  readonly isHeld?: boolean;
  /** The flow that it belongs to and waits for. */
  readonly awaitsFlow?: string;
}

/** A row that was merged into a different row. */
export interface MergedRow {
  readonly table: string;
  readonly id: string;
  readonly mergedInto: string;
}

/** Columns that are unique together. */
export type Name = Pick<NaturalKey, "on" | "nulls">;

/** A row that waits, and why. The reason never contains a value of the row. */
export interface Waiting {
  readonly table: string;
  readonly id: string;
  readonly reason: string;
}

/** The state of a row to store. */
export interface Kept {
  readonly id: string;
  readonly row: Row;
  /** Why LangFlow's table does not have it completely, although it should. */
  readonly waits?: string;
  /** Columns whose values in LangFlow's table differ; all columns if the row is not there. */
  readonly withheld?: readonly string[];
  /** The flow that must arrive before the row. */
  readonly awaits?: Awaited;
  /** Of a waiting row with versions: the edits that LangFlow's table shows; undefined: all. */
  readonly shown?: Vector | undefined;
  /** When it was deleted here by a delete that is held, and so not published. */
  readonly heldAt?: Stamp | undefined;
  /** It is a new conflict copy. */
  readonly isCopy?: boolean;
  /** This region changed it: publish it. */
  readonly mustPublish?: boolean;
}

/** A row to be written. */
export interface Written {
  readonly id: string;
  /** Replicated columns with their values as JSON. */
  readonly values: ReadonlyMap<string, string>;
  readonly live: boolean;
}

/** LangFlow's tables and the replicated states of their rows, in one transaction. Each call is about one table. */
export interface Tables {
  /** Segments that the current ones depend on are missing: a row whose name is taken waits, as the name may have been given up. */
  readonly isBehind: boolean;
  /** Locks the rows in LangFlow's table until the transaction ends. */
  known(table: ReplicatedTable, ids: readonly string[]): Promise<Map<string, KnownRow>>;
  /** Canonical ids of the known rows among `ids`. */
  canonicalIds(table: string, ids: readonly string[]): Promise<Map<string, CanonicalId>>;
  /** Texts in lower case. */
  lowered(texts: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Ids of live rows with these rows' names, by {@link nameOf}. Includes rows that are not replicated. */
  holders(table: ReplicatedTable, name: Name, rows: readonly Row[]): Promise<Map<string, string>>;
  /** By owner, the id of the live row that replaces a deleted one of the owner's. */
  insteadOf(table: ReplicatedTable, instead: Instead, owners: readonly string[]): Promise<Map<string, string>>;
  /** The greatest number in a column, of live rows that have this row's values in the columns `within`. */
  greatest(table: ReplicatedTable, column: string, within: readonly string[], row: Row): Promise<number>;
  /**
   * Upserts rows. Columns that are not replicated keep their values.
   *
   * @returns why a row was refused, by id
   */
  write(table: ReplicatedTable, rows: readonly Written[]): Promise<Map<string, string>>;
  /** Gives a live row a temporary value in a unique column, to free its own. @returns whether the column accepts one */
  park(table: ReplicatedTable, column: string, id: string): Promise<boolean>;
  /** Ids of live rows whose column holds one of these ids. */
  children(table: ReplicatedTable, column: string, parents: readonly string[]): Promise<string[]>;
  /** Records references to these rows in a column, before LangFlow's table loses them. */
  remember(table: ReplicatedTable, column: string, parents: readonly string[]): Promise<void>;
  /** Ids of live rows whose reference to a merged row is not to its canonical id in LangFlow's table. */
  misdirected(table: ReplicatedTable, column: string, parent: MergedRow): Promise<string[]>;
  /** Repoints all references from one row to the other and deletes the first. @returns why not */
  unite(table: ReplicatedTable, from: string, into: string): Promise<string | undefined>;
  /** Changes a live row's id to a free one, with all references. @returns why not */
  giveId(table: ReplicatedTable, from: string, into: string): Promise<string | undefined>;
  /** @returns why a row could not be removed, by id */
  remove(table: ReplicatedTable, ids: readonly string[]): Promise<Map<string, string>>;
  keep(table: string, rows: readonly Kept[]): Promise<void>;
}
