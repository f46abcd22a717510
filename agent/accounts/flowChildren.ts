import { escapeIdentifier, escapeLiteral } from "pg";
import { mayComeBack, type ReplicatedTable } from "../../formats/tables/tableRule";
import { referring } from "./replicatedRow";

/** A column that refers to the row's parent. */
export interface PartOf {
  readonly column: string;
  readonly table: string;
  /** No foreign key deletes the row with its parent. */
  readonly soft?: true;
  /** The column refers to this parent only if a second column has this value. */
  readonly where?: { readonly column: string; readonly value: string };
}

/**
 * Returns, by table, the columns that make its rows children of a flow, directly or through other children. These rows
 * are deleted with the flow.
 */
export function flowParts(rules: readonly ReplicatedTable[]): ReadonlyMap<string, readonly PartOf[]> {
  const wholes = new Set(rules.filter(mayComeBack).map(({ table }) => table));
  const parts = new Map<string, PartOf[]>();
  for (const table of wholes)
    for (const [part, column, { to, dead, soft }] of referring(rules, table)) {
      if (dead !== "dies") continue;
      wholes.add(part.table);
      const said =
        typeof to === "string" ? [undefined] : Object.keys(to.tables).filter((value) => to.tables[value] === table);
      const found = said.map((value): PartOf => {
        const where = typeof to !== "string" && value !== undefined && { where: { column: to.by, value } };
        return { column, table, ...where, ...(soft && { soft }) };
      });
      parts.set(part.table, [...(parts.get(part.table) ?? []), ...found]);
    }
  return parts;
}

/** Returns SQL for an array with the row's parents, each as {@link wholeSql} writes it. */
export function partOfSql(parts: readonly PartOf[], row: string): string {
  const wholes = parts.map(({ column, table, where }) => {
    const whole = wholeSql(escapeLiteral(table), `${row}.${escapeIdentifier(column)}::text`);
    return where
      ? `CASE WHEN ${row}.${escapeIdentifier(where.column)}::text = ${escapeLiteral(where.value)} THEN ${whole} END`
      : whole;
  });
  return `array_remove(ARRAY[${wholes.join(", ")}]::text[], NULL)`;
}

/** Returns SQL for a parent as one text: its table and its id. */
export const wholeSql = (table: string, id: string): string => `${table} || ' ' || ${id}`;
