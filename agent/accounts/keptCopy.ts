import { fittingName, keptId } from "../../formats/flows/flowFile";
import type { ReplicatedTable, Versions } from "../../formats/tables/tableRule";
import { printOf } from "../postgres/largeValue";
import { parsedValue } from "./replicatedRow";
import { type Row, regionOf } from "./row";

/**
 * Returns the conflict copy that keeps a content which lost to a concurrent edit. The copy's id derives from the row
 * and the version, so every region creates the same copy, no matter how often it sees the conflict. A copy that a user
 * deleted stays deleted, because the conflict does not count as a later edit.
 */
export function keptCopy(
  id: string,
  { cells, history }: Row,
  { columns, key }: Pick<ReplicatedTable, "columns" | "key">,
  { content, copy }: Versions,
): { id: string; row: Row } {
  const [column = ""] = content;
  const at = cells[column]?.at ?? 0;
  const by = history?.content?.by ?? "";
  const copyId = keptId(id, `${by} ${at}`);
  const name = parsedValue(cells[copy.name]?.value ?? "null");
  const time = new Date(at / 1000).toISOString().slice(0, 19).replace("T", " ");
  const values: Record<string, unknown> = {
    ...copy.values,
    [copy.name]: fittingName(String(name), ` (${[regionOf(by), time].filter(Boolean).join(" ")})`),
    ...Object.fromEntries(key.map((each) => [each, copyId])),
  };
  const entries = columns.flatMap((each) => {
    const value = each in values ? JSON.stringify(values[each]) : cells[each]?.value;
    return value === undefined ? [] : [[each, { value, at }] as const];
  });
  const edits = { [by]: at };
  return {
    id: copyId,
    row: {
      madeAt: at,
      cells: Object.fromEntries(entries),
      switches: {},
      history: { edits, content: { by, knew: edits } },
    },
  };
}

/**
 * Returns a version token, as JSON, for a content without one. If a flow has no token, LangFlow lets a page that knows
 * of no token overwrite any content.
 */
export const contentToken = (id: string, content: string): string => JSON.stringify(keptId(id, printOf(content)));
