import type { RowCondition } from "./rowCondition";

/** A part of a key: a column, or a text column that is compared case-insensitively. */
export type KeyPart = string | { readonly lower: string };

/**
 * The columns by which people identify a row, and which are therefore unique among live rows. Ids in them are compared
 * after they have been resolved to canonical ids.
 */
export interface NaturalKey {
  readonly on: readonly KeyPart[];
  /** `equal`: two nulls are equal. `none`: a row with a null in its natural key has no natural key. */
  readonly nulls: "equal" | "none";
  /**
   * Which values stay when two rows with one natural key are merged. The row that was created first keeps its id.
   * `first`: the values of that row, except for columns of the other row that were written after its creation (LangFlow
   * creates such rows itself, with defaults). `later`: the later write of each column, including the creation.
   */
  readonly values: "first" | "later";
  /**
   * Rows that are merged if they have one natural key; undefined: all. Other rows of one name belong to people who did
   * not know of each other, and a merge would give each of them the other's rights. The row that got the name later is
   * renamed, unless a unique index `proves` that both are the same.
   */
  readonly unites?: RowCondition;
  /**
   * While the delete of a row is held, a row that took its name gets a temporary name in the other regions; undefined:
   * it waits.
   */
  readonly passing?: true;
}

/** A unique index of LangFlow's other than that of the primary key. */
export interface UniqueIndex {
  readonly on: readonly KeyPart[];
  /** The condition of a partial index, as the catalog prints it, without casts and outer parentheses. */
  readonly where?: string;
  /**
   * How a conflict of two rows in the index is resolved. `one`: they have one natural key and are merged. `held`:
   * neither changes; the later row waits and is reported. `number`, `name`: the later row gets the next free number, or
   * a different name, in that column; `slug`: the name consists of letters, digits and hyphens. `proves`: the rows that
   * this column refers to are the same; they are merged, and then the two rows are.
   */
  readonly meeting:
    | "one"
    | "held"
    | { readonly proves: string }
    | { readonly number: string }
    | { readonly name: string; readonly slug?: true };
}

/** A column that refers to a row by its key. */
export interface Reference {
  /** The table; or the table for each value of a second column. For any other value, the column refers to no table. */
  readonly to: string | { readonly by: string; readonly tables: Readonly<Record<string, string>> };
  /** No foreign key enforces the reference. */
  readonly soft?: true;
  /**
   * While the referenced row has not arrived, the row `waits`, or the column is temporarily `null`, or it `stays`
   * unchanged.
   */
  readonly missing: "waits" | "null" | "stays";
  /**
   * When the referenced row is deleted, the row is deleted too (`dies`), or the column becomes `null`, or it `stays`
   * unchanged.
   */
  readonly dead: "dies" | "null" | "stays";
  /** With `null`: the row to refer to instead of the deleted one, so that the owner still sees the referring row. */
  readonly instead?: Instead;
}

/**
 * The owner's row of this name; otherwise the owner's row with the lowest id. While the owner has neither, the column
 * is null.
 */
export interface Instead {
  readonly name: string;
  /** The column with the owner's id, in both tables. */
  readonly owner: string;
}

/** A column whose value each region keeps for itself. */
export interface RegionalColumn {
  /** SQL expression for a row that is inserted from another region: `NULL`, `DEFAULT`, `now()`, a constant. */
  readonly onInsert: string;
  /** SQL expression for a row that is updated from another region; undefined: the value stays. */
  readonly onUpdate?: string;
  readonly why: string;
}

/**
 * Format of a column that contains ciphertext under LangFlow's secret key: one token, an SSO client's secret, the
 * settings of an MCP server, or a project's authentication settings.
 */
export type CiphertextForm = "token" | "sso" | "mcpConfig" | "authSettings";

/** The format of a column's ciphertext under LangFlow's secret key, and the rows that have it. */
export interface Ciphertext {
  readonly form: CiphertextForm;
  /** The rows in which the column contains ciphertext; undefined: all. */
  readonly where?: RowCondition;
}

/**
 * How concurrent edits of a row's content keep both contents: the later content stays, and the other content becomes a
 * conflict copy, a new row.
 */
export interface Versions {
  /** Columns of the content, which move as one value. The first column is compared. */
  readonly content: readonly string[];
  /**
   * Column with the uuid by which LangFlow distinguishes contents. If it is null, the agent derives a uuid from the
   * content.
   */
  readonly token: string;
  /** Columns whose write is an edit. An edit that was not based on a delete brings the row back. */
  readonly edits: readonly string[];
  /** For the conflict copy: the column that gets a different name, and values that differ from the original's. */
  readonly copy: { readonly name: string; readonly values: Readonly<Record<string, unknown>> };
}

/** A table whose rows are replicated to every region. */
export interface ReplicatedTable {
  readonly treatment: "carried";
  readonly table: string;
  /** What the rows contain, and what is particular about their replication: a note in docs/how-work-travels.md. */
  readonly reason: string;
  /** Columns that identify a row in the fleet. */
  readonly key: readonly string[];
  /** The key is an integer that LangFlow assigns; undefined: the key consists of uuids and texts. */
  readonly numbered?: true;
  /** The replicated columns, including those of the key. */
  readonly columns: readonly string[];
  readonly regionalColumns: Readonly<Record<string, RegionalColumn>>;
  readonly references: Readonly<Record<string, Reference>>;
  readonly uniqueIndexes: readonly UniqueIndex[];
  /**
   * Rows that are replicated; undefined: all. Other rows are neither captured nor changed, but yield to a replicated
   * row with the same key or natural key.
   */
  readonly only?: RowCondition;
  /** Columns that are valid only together: a write to one is a write to all. */
  readonly together?: readonly (readonly string[])[];
  /** Values that win over concurrent writes; `set`: every value except null does. Not for columns in `together`. */
  readonly disabling?: Readonly<Record<string, readonly (string | boolean)[] | "set">>;
  /**
   * Values that each region determines for itself. They are not captured, and yield to other regions' values. Not for
   * columns in `together`.
   */
  readonly regionalValues?: Readonly<Record<string, readonly string[]>>;
  /** Columns that are replicated as ciphertext. */
  readonly ciphertext?: Readonly<Record<string, Ciphertext>>;
  /** Rows of regional tables that LangFlow deletes with the row, although no foreign key does. */
  readonly regionalParts?: readonly { readonly table: string; readonly column: string }[];
  readonly versions?: Versions;
  /** The primary key of the table, if it differs from `key`. */
  readonly primaryKey?: readonly string[];
  readonly naturalKey?: NaturalKey;
  /**
   * The edits that a delete wins over. `final`: every edit, forever. `untilMadeAgain`: every edit, but a row that is
   * inserted later with the same key lives. `later`: edits that are older than the delete. `unlessEdited`: every edit
   * on which the delete was based, by `versions`; the children of a deleted row are kept, because an edit may bring it
   * back.
   */
  readonly deletes: "final" | "untilMadeAgain" | "later" | "unlessEdited";
  /** LangFlow itself deletes rows of this table, some of them at each save. */
  readonly pruned?: true;
  /**
   * The rows describe runs. Their deletes are never held, because runs end in any number and LangFlow purges them in
   * bulk. Changes of other rows never overtake theirs: a run is published after its checkpoint, however large.
   */
  readonly ofRun?: true;
  /**
   * All columns are merged as one value: the row with the greater `counter` wins; without a counter, or if both are
   * equal, the row with the later last write.
   */
  readonly whole?: { readonly counter?: string };
  /** Column with the creation time, for rows that no trigger captured. */
  readonly madeAt?: string;
  /** Column with the time of the last write, for rows that no trigger captured. */
  readonly editedAt?: string;
}

/**
 * A table that is not replicated. `regional`: each region has its own. `owned`: only the region that holds the
 * schedules writes it.
 */
export interface RegionalTable {
  readonly table: string;
  readonly treatment: "regional" | "owned";
  /** Why the rows are not replicated: what they describe. */
  readonly reason: string;
}

export type TableRule = ReplicatedTable | RegionalTable;

/** Returns whether the table's rows are replicated. */
export const isReplicated = (rule: TableRule): rule is ReplicatedTable => rule.treatment === "carried";

/** Returns whether an edit in another region may bring back a deleted row of the table, with its children. */
export const mayComeBack = ({ deletes }: Pick<ReplicatedTable, "deletes">): boolean => deletes === "unlessEdited";

/**
 * Returns whether later changes of other rows may be published before this change. This requires that the change is not
 * a delete and writes no key, no unique column, no reference and no switch.
 *
 * @param known whether the row was known before. A row that is created again may have given up a name to another row
 */
export function isPassable(
  table: ReplicatedTable,
  { kind, columns, known }: { kind: string; columns: readonly string[]; known: boolean },
): boolean {
  if (table.ofRun) return false;
  if (kind === "made") return !known;
  const { key, naturalKey, uniqueIndexes, references, disabling = {} } = table;
  const names = [...(naturalKey ? [naturalKey] : []), ...uniqueIndexes].flatMap(({ on }) => on.map(columnOf));
  const bound = new Set([...key, ...names, ...Object.keys(references), ...Object.keys(disabling)]);
  return kind === "edited" && !columns.some((column) => bound.has(column));
}

/**
 * Returns whether a row must not exist without the row that a nullable column refers to: with null it would mean
 * something else, such as a connection of all users instead of one. Rows that `only` excludes anyway are not meant.
 */
export function isLostWithout({ references, only }: ReplicatedTable, column: string): boolean {
  const { dead = "null", soft } = references[column] ?? {};
  return dead !== "null" && !soft && !only;
}

/** Returns the column of a part of a key. */
export const columnOf = (part: KeyPart): string => (typeof part === "string" ? part : part.lower);
