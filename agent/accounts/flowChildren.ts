import { escapeIdentifier, escapeLiteral } from "pg";
import { referring } from "./replicatedRow";
import { mayComeBack, type ReplicatedTable } from "./tableRule";

/** A column that names what a row is part of. */
export interface PartOf {
  readonly column: string;
  readonly table: string;
  /** No foreign key deletes it with what it is part of. */
  readonly soft?: true;
  /** It does so where another column holds this. */
  readonly where?: { readonly column: string; readonly value: string };
}

/** By table, the columns that make its rows parts of a flow, or parts of such parts: they go when the flow goes. */
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

/** An array of texts: what a row is part of, each as {@link wholeSql} writes it. */
export function partOfSql(parts: readonly PartOf[], row: string): string {
  const wholes = parts.map(({ column, table, where }) => {
    const whole = wholeSql(escapeLiteral(table), `${row}.${escapeIdentifier(column)}::text`);
    return where
      ? `CASE WHEN ${row}.${escapeIdentifier(where.column)}::text = ${escapeLiteral(where.value)} THEN ${whole} END`
      : whole;
  });
  return `array_remove(ARRAY[${wholes.join(", ")}]::text[], NULL)`;
}

/** A row as another one says that it is part of it. */
export const wholeSql = (table: string, id: string): string => `${table} || ' ' || ${id}`;
