import { escapeIdentifier, escapeLiteral } from "pg";
import { mayComeBack, type TravellingTable } from "./tableRule";

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
export function flowParts(
  rules: readonly Pick<TravellingTable, "table" | "references" | "deletes">[],
): ReadonlyMap<string, readonly PartOf[]> {
  const wholes = new Set(rules.filter(mayComeBack).map(({ table }) => table));
  const parts = new Map<string, readonly PartOf[]>();
  for (let before = -1; before < wholes.size; ) {
    before = wholes.size;
    for (const rule of rules) {
      const found = partsOfThese(rule, wholes);
      if (found.length === 0) continue;
      parts.set(rule.table, found);
      wholes.add(rule.table);
    }
  }
  return parts;
}

function partsOfThese({ references }: Pick<TravellingTable, "references">, wholes: ReadonlySet<string>): PartOf[] {
  return Object.entries(references).flatMap(([column, { to, dead, soft }]): PartOf[] => {
    if (dead !== "dies") return [];
    const isSoft = soft && { soft };
    if (typeof to === "string") return wholes.has(to) ? [{ column, table: to, ...isSoft }] : [];
    return Object.entries(to.tables).flatMap(([value, table]) =>
      wholes.has(table) ? [{ column, table, where: { column: to.by, value }, ...isSoft }] : [],
    );
  });
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
