import { escapeIdentifier } from "pg";

type Scalar = string | number | boolean | null;

/**
 * Selects rows of a table, both in SQL and in the agent. Null is a value like any other, so the result is never null.
 */
export type RowCondition =
  | { readonly column: string; readonly field?: undefined; readonly oneOf: readonly Scalar[] }
  /** The text of this field of a JSON object in the column; null if the field is missing. */
  | { readonly column: string; readonly field: string; readonly oneOf: readonly (string | null)[] }
  | { readonly not: RowCondition }
  | { readonly all: readonly RowCondition[] }
  | { readonly any: readonly RowCondition[] };

/** Returns the condition in SQL, which is never null. `row` is a table's alias, `NEW` or `OLD`. */
export function conditionSql(condition: RowCondition, row: string): string {
  if ("not" in condition) return `(NOT ${conditionSql(condition.not, row)})`;
  if ("all" in condition) return joined(condition.all, row, " AND ", "true");
  if ("any" in condition) return joined(condition.any, row, " OR ", "false");
  const { column, field, oneOf } = condition;
  const value =
    field === undefined
      ? `${row}.${escapeIdentifier(column)}`
      : `(${row}.${escapeIdentifier(column)} ->> ${literal(field)})`;
  const equals = oneOf.map((wanted) => `${value} IS NOT DISTINCT FROM ${literal(wanted)}`);
  return equals.length === 0 ? "false" : `(${equals.join(" OR ")})`;
}

/** Returns whether a row satisfies the condition. The row is in JSON's types, and a missing column counts as null. */
export function conditionHolds(condition: RowCondition, row: Readonly<Record<string, unknown>>): boolean {
  if ("not" in condition) return !conditionHolds(condition.not, row);
  if ("all" in condition) return condition.all.every((part) => conditionHolds(part, row));
  if ("any" in condition) return condition.any.some((part) => conditionHolds(part, row));
  const stored = row[condition.column] ?? null;
  const value = condition.field === undefined ? stored : fieldText(stored, condition.field);
  return condition.oneOf.some((wanted) => wanted === value);
}

const ALWAYS: RowCondition = { all: [] };
const NEVER: RowCondition = { any: [] };

/** Returns the condition for rows that lack some columns: each missing column counts as null. */
export function conditionWithout(condition: RowCondition, has: (column: string) => boolean): RowCondition {
  const of = (part: RowCondition) => conditionWithout(part, has);
  if ("not" in condition) return { not: of(condition.not) };
  if ("all" in condition) return { all: condition.all.map(of) };
  if ("any" in condition) return { any: condition.any.map(of) };
  if (has(condition.column)) return condition;
  return condition.oneOf.some((wanted) => wanted === null) ? ALWAYS : NEVER;
}

function joined(parts: readonly RowCondition[], row: string, by: string, none: string): string {
  return parts.length === 0 ? none : `(${parts.map((part) => conditionSql(part, row)).join(by)})`;
}

/** Returns a field's text as PostgreSQL's `->>` does. */
function fieldText(stored: unknown, field: string): string | null {
  if (typeof stored !== "object" || stored === null || Array.isArray(stored)) return null;
  const value = Object.hasOwn(stored, field) ? ((stored as Record<string, unknown>)[field] ?? null) : null;
  if (value === null || typeof value === "string") return value as string | null;
  return JSON.stringify(value);
}

function literal(value: Scalar): string {
  if (typeof value !== "string") return String(value);
  return `'${value.replaceAll("'", "''")}'`;
}
