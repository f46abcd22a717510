import { fittingName, keptId } from "../flows/flowFile";
import { printOf } from "../postgres/largeValue";
import { parsedValue } from "./replicatedRow";
import { type Row, regionOf } from "./row";
import type { ReplicatedTable, Versions } from "./tableRule";

/**
 * The row that keeps a content which gave way: its id is of the row and the version, so that every region that sees the two
 * meet makes the same, however often. A copy that a person deleted was edited by nobody since, and stays deleted.
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

/** A token of a content that has none, as JSON: LangFlow lets a page that knows of none write over whatever there is. */
export const contentToken = (id: string, content: string): string => JSON.stringify(keptId(id, printOf(content)));
