import type { RowCondition } from "./rowCondition";

/** A part of a key: a column, or a text column whose case does not count. */
export type KeyPart = string | { readonly lower: string };

/** What names a row for people, and so is unique among the rows that live. Ids in it are compared after aliases. */
export interface NaturalKey {
  readonly on: readonly KeyPart[];
  /** `equal`: two nulls are one value. `none`: a row with a null in its key has no natural key. */
  readonly nulls: "equal" | "none";
  /**
   * Two rows of one natural key become one, and the id of the one made first is kept. Of their values, `first`: the other's
   * as it was made give way, and what was written to it since counts (LangFlow makes such rows itself, with defaults).
   * `later`: each column by its later write, the making included.
   */
  readonly values: "first" | "later";
  /**
   * Rows that become one by their name; undefined: all. Two others were made by people who did not know of each other, and to be
   * one would give each the rights of the other: the one that came to the name later is renamed, until something `proves` them one.
   */
  readonly unites?: RowCondition;
  /** While the delete of a row of its name is held, a row is under another name where that one lives; undefined: it waits. */
  readonly passing?: true;
}

/** A unique index of LangFlow's beside the primary key's own. */
export interface UniqueIndex {
  readonly on: readonly KeyPart[];
  /** Of a partial index: its condition, as the catalog prints it but for casts and outer parentheses. */
  readonly where?: string;
  /**
   * Two rows that meet in it. `one`: they have one natural key and become one. `held`: neither changes, the one made later
   * is held and named. `number`, `name`: the one made later gets the next free number, or another name, in that column;
   * `slug`: another name of letters, digits and hyphens. `proves`: what that column refers to becomes one, and then they do.
   */
  readonly meeting:
    | "one"
    | "held"
    | { readonly proves: string }
    | { readonly number: string }
    | { readonly name: string; readonly slug?: true };
}

/** A column that holds the key of a row of another table. */
export interface Reference {
  /** The table; or by another column's value, where that says which: of no table under any other value. */
  readonly to: string | { readonly by: string; readonly tables: Readonly<Record<string, string>> };
  /** No foreign key says so. */
  readonly soft?: true;
  /** While the row it names is not here: the row `waits`, or the column is `null` so long, or it `stays` as it is. */
  readonly missing: "waits" | "null" | "stays";
  /** When the row it names is dead: the row `dies` too, or the column becomes `null`, or it `stays` as it is. */
  readonly dead: "dies" | "null" | "stays";
  /** With `null`: what the column names instead of the dead row, so that the row is shown to whom it belongs. */
  readonly instead?: Instead;
}

/**
 * The row of this name and the same owner; where there is none, the owner's first by id; where there is none, the column is null
 * so long.
 */
export interface Instead {
  readonly name: string;
  /** The column that says the owner, in either table. */
  readonly owner: string;
}

/** A column that each region keeps for itself. */
export interface RegionalColumn {
  /** SQL expression for a row that comes from another region: `NULL`, `DEFAULT`, `now()`, a constant. */
  readonly onInsert: string;
  /** SQL expression for it when another region's change is written; undefined: it stays as it is. */
  readonly onUpdate?: string;
  readonly why: string;
}

/**
 * How a column holds what is encrypted under LangFlow's secret key: one token, an SSO client's secret, the settings of an MCP
 * server, or those of a project's authentication.
 */
export type CiphertextForm = "token" | "sso" | "mcpConfig" | "authSettings";

/** What a column holds that is encrypted under LangFlow's secret key. */
export interface Ciphertext {
  readonly form: CiphertextForm;
  /** Rows of which that is so; undefined: all. */
  readonly where?: RowCondition;
}

/** How a row whose content two regions edited at once is kept whole: the later content stays, the other becomes a row of its own. */
export interface Versions {
  /** Columns of the content, the one that is compared first: they move as one value. */
  readonly content: readonly string[];
  /** A uuid of the content by which LangFlow tells two apart; where there is none, one is made of the content. */
  readonly token: string;
  /** Columns whose write is an edit: one that did not know of a delete brings the row back. */
  readonly edits: readonly string[];
  /** Of the row that keeps the other content: the column that gets another name, and what else it does not take over. */
  readonly copy: { readonly name: string; readonly values: Readonly<Record<string, unknown>> };
}

/** A table whose rows are the same in every region. */
export interface ReplicatedTable {
  readonly treatment: "carried";
  readonly table: string;
  readonly reason: string;
  /** Columns that are a row's identity in the fleet. */
  readonly key: readonly string[];
  /** The key is an integer of LangFlow's own; elsewhere it is of uuids and texts. */
  readonly numbered?: true;
  /** Columns that travel, those of the key among them. */
  readonly columns: readonly string[];
  readonly regionalColumns: Readonly<Record<string, RegionalColumn>>;
  readonly references: Readonly<Record<string, Reference>>;
  readonly uniqueIndexes: readonly UniqueIndex[];
  /** Rows that travel; undefined: all. Another row is neither captured nor changed, but gives way to one of its key or natural key. */
  readonly only?: RowCondition;
  /** Columns that make sense only with one another: a write to one is a write to all. */
  readonly together?: readonly (readonly string[])[];
  /** Values that win over whatever is written without knowing of them; `set`: each value but null does. Not in `together`. */
  readonly disabling?: Readonly<Record<string, readonly (string | boolean)[] | "set">>;
  /** Values a region finds for itself: they are not captured, and give way to what comes. Not in `together`. */
  readonly regionalValues?: Readonly<Record<string, readonly string[]>>;
  /** Columns that travel as ciphertext. */
  readonly ciphertext?: Readonly<Record<string, Ciphertext>>;
  /** Rows of the region's own tables that LangFlow deletes with a row, and no foreign key does. */
  readonly regionalParts?: readonly { readonly table: string; readonly column: string }[];
  readonly versions?: Versions;
  /** The primary key of the table, where it is not `key`. */
  readonly primaryKey?: readonly string[];
  readonly naturalKey?: NaturalKey;
  /**
   * What a delete wins over. `final`: everything, for ever. `untilMadeAgain`: every edit; a row that is inserted after it
   * under the same key lives. `later`: what was written before it. `unlessEdited`: every edit that it knew of, by `versions`;
   * as the row may come back, what is part of it is kept until then.
   */
  readonly deletes: "final" | "untilMadeAgain" | "later" | "unlessEdited";
  /** LangFlow itself deletes rows as it works, some with each save. */
  readonly pruned?: true;
  /** All columns move as one value: the greater counter wins, if there is one, then the later write. */
  readonly whole?: { readonly counter?: string };
  /** Column with the time when the row was made, for a row that no trigger saw. */
  readonly madeAt?: string;
  /** Column with the time of its last write, for the same. */
  readonly editedAt?: string;
}

/** A table that travels in no way: each region's own, or, `owned`, written in the region alone that holds the schedules. */
export interface RegionalTable {
  readonly table: string;
  readonly treatment: "regional" | "owned";
  readonly reason: string;
}

export type TableRule = ReplicatedTable | RegionalTable;

/** Whether the table's rows are replicated. */
export const isReplicated = (rule: TableRule): rule is ReplicatedTable => rule.treatment === "carried";

/** Whether a deleted row of the table may come back with all that is part of it, by an edit of another region. */
export const mayComeBack = ({ deletes }: Pick<ReplicatedTable, "deletes">): boolean => deletes === "unlessEdited";

/**
 * Whether what other rows do may be told before a change of a row: nobody refers to the columns that it writes, is named by them or
 * denied something, and its delete would be another change.
 *
 * @param known something was known of the row before: made again, it may have left a name to another row
 */
export function isPassable(
  table: ReplicatedTable,
  { kind, columns, known }: { kind: string; columns: readonly string[]; known: boolean },
): boolean {
  if (kind === "made") return !known;
  const { key, naturalKey, uniqueIndexes, references, disabling = {} } = table;
  const names = [...(naturalKey ? [naturalKey] : []), ...uniqueIndexes].flatMap(({ on }) => on.map(columnOf));
  const bound = new Set([...key, ...names, ...Object.keys(references), ...Object.keys(disabling)]);
  return kind === "edited" && !columns.some((column) => bound.has(column));
}

/** The column of a part of a key. */
export const columnOf = (part: KeyPart): string => (typeof part === "string" ? part : part.lower);
