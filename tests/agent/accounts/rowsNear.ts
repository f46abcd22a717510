import fc from "fast-check";
import type { RowCondition } from "../../../formats/tables/rowCondition";

type Leaf = Extract<RowCondition, { column: string }>;

/**
 * Returns rows near a condition: each column has one of the condition's values, another value of that type, or null, or
 * is missing.
 */
export function rowsNear(condition: RowCondition): fc.Arbitrary<Record<string, unknown>> {
  const leaves = leavesOf(condition);
  const columns = [...new Set(leaves.map(({ column }) => column))];
  const values = columns.map((name) => {
    const near = leaves.filter(({ column }) => column === name).map(valueNear);
    return [name, fc.oneof(...near)] as const;
  });
  return fc.record(Object.fromEntries(values), { requiredKeys: [] });
}

function leavesOf(condition: RowCondition): Leaf[] {
  if ("not" in condition) return leavesOf(condition.not);
  if ("all" in condition) return condition.all.flatMap(leavesOf);
  if ("any" in condition) return condition.any.flatMap(leavesOf);
  return [condition];
}

function valueNear({ column, field, oneOf }: Leaf): fc.Arbitrary<unknown> {
  const scalar = fc.constantFrom<unknown>(...oneOf, ...othersLike(column, oneOf), null);
  if (field === undefined) return scalar;
  return fc.oneof(fc.record({ [field]: scalar, other: scalar }, { requiredKeys: [] }), fc.constant(null));
}

function othersLike(column: string, oneOf: readonly unknown[]): unknown[] {
  if (column.endsWith("_id")) return ["2f1f7e46-6a5b-4a0f-9a52-0b7a3f6f2c11"];
  // A run's status is an enumeration.
  if (column === "status") return ["queued", "failed"];
  if (column.endsWith("_at")) return ["2026-01-02T03:04:05"];
  return typeof oneOf[0] === "boolean" ? [true, false] : ["", "it's", "Cloud"];
}
