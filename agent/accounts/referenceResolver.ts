import type { ReplicatedTable } from "../../formats/tables/tableRule";
import { mayComeBack, type Reference } from "../../formats/tables/tableRule";
import type { CanonicalId, Tables } from "./langflowTables";
import { overwritten, parsedValue, referredTable } from "./replicatedRow";
import { columnValue, type Row, type Stamp } from "./row";

/** The row that a column refers to, with the id as it was written and the canonical id. */
export interface Referred {
  readonly table: ReplicatedTable;
  readonly parent: string;
  readonly canonical: CanonicalId | undefined;
}

/**
 * Resolves the references of one table's rows to canonical ids, for one round. Regions exchange references as they were
 * written. If the referenced row was merged into a different row, LangFlow's table gets the id of the latter.
 */
export class ReferenceResolver {
  /** Canonical ids, by table and id. */
  readonly #canonicalIds = new Map<string, CanonicalId>();
  readonly #tables: ReadonlyMap<string, ReplicatedTable>;

  /** @param own returns the canonical id of a row of the round itself */
  constructor(
    private readonly tables: Tables,
    replicated: readonly ReplicatedTable[],
    private readonly table: ReplicatedTable,
    private readonly own: (id: string) => CanonicalId | undefined,
  ) {
    this.#tables = new Map(replicated.map((each) => [each.table, each]));
  }

  /** Loads the canonical ids of all references of these rows, each once. */
  async load(rows: Iterable<Row>): Promise<void> {
    const unasked = new Map<string, Set<string>>();
    for (const row of rows)
      for (const column of Object.keys(this.table.references)) {
        const referred = this.referred(row, column);
        if (!referred || referred.canonical) continue;
        const ofTable = unasked.get(referred.table.table) ?? new Set();
        unasked.set(referred.table.table, ofTable.add(referred.parent));
      }
    for (const [table, ids] of unasked)
      for (const [id, canonical] of await this.tables.canonicalIds(table, [...ids]))
        this.#canonicalIds.set(`${table} ${id}`, canonical);
  }

  /**
   * Returns the row that a column refers to; undefined if the column is null or refers to a table that is not
   * replicated.
   */
  referred(row: Row, column: string): Referred | undefined {
    const reference = this.table.references[column];
    const value = columnValue(row, column) ?? "null";
    if (!reference || value === "null") return undefined;
    const to = referredTable(reference, row);
    const table = to === undefined ? undefined : this.#tables.get(to);
    if (!table) return undefined;
    const parent = parsedValue(value);
    if (typeof parent !== "string") return undefined;
    const own = table.table === this.table.table ? this.own(parent) : undefined;
    return { table, parent, canonical: own ?? this.#canonicalIds.get(`${to} ${parent}`) };
  }

  /** Returns the row with canonical ids as its references, for LangFlow's table. */
  resolve(row: Row): Row {
    return Object.keys(this.table.references).reduce((led, column) => {
      const canonical = this.referred(row, column)?.canonical;
      return canonical ? overwritten(led, column, JSON.stringify(canonical.id)) : led;
    }, row);
  }
}

/**
 * Returns whether a reference is to a row that is deleted for good. A reference that was written after the delete may
 * mean a new row with the same id, which has not arrived yet. A nullable reference does not wait for a row that an edit
 * may bring back. A restore with `--wins` brings back both rows.
 *
 * @param row the referring row
 */
export function isOver({ dead }: Reference, { canonical, table }: Referred, row: Row, writtenAt: Stamp): boolean {
  if (!isGone(canonical) || (row.restoredAt ?? Number.NEGATIVE_INFINITY) >= canonical.deletedAt) return false;
  if (table.deletes === "later" || mayComeBack(table)) return dead === "null";
  return table.deletes === "final" || writtenAt <= canonical.deletedAt;
}

/** Returns whether a referenced row is deleted and not in LangFlow's table. */
export const isGone = (canonical: CanonicalId | undefined): canonical is CanonicalId & { readonly deletedAt: Stamp } =>
  canonical?.deletedAt !== undefined && !canonical.live;
