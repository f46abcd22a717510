import { z } from "zod";
import type { CarriedRow, Waiting } from "./langflowTables";
import { mapValues, type Row, type Stamp, stampsUntil } from "./row";

/** One object of a region's prefix: rows of its making, or a piece of all that it knows. */
export interface Part {
  /** It is the last of those that together hold all that the region knew: what is older is needed no more. */
  readonly completes: boolean;
  readonly rows: readonly CarriedRow[];
}

/** How far ahead of the moment a part was written a stamp in it may be, a year: no clock is further ahead. */
const AHEAD_US = 366 * 86_400 * 1_000_000;
/** Characters that are shown of what somebody else's row calls itself. */
const SHOWN_MAX = 100;

const stamp = z.number().int().nonnegative();
const cell = z.tuple([z.string(), stamp]);
const switchShape = z.object({ off: z.record(z.string(), cell), undone: z.record(z.string(), stamp) });
const vector = z.record(z.string(), stamp);
const historyShape = z.object({
  edits: vector,
  deleted: vector.optional(),
  content: z.object({ by: z.string(), knew: vector }).optional(),
});
const rowShape = z.object({
  table: z.string().min(1),
  id: z.string().min(1),
  made: stamp,
  cells: z.record(z.string(), z.union([z.string(), cell])).default({}),
  switches: z.record(z.string(), switchShape).default({}),
  deleted: stamp.optional(),
  remade: stamp.optional(),
  united: z.string().optional(),
  restored: stamp.optional(),
  history: historyShape.optional(),
});
const headShape = z.object({
  form: z.literal(1),
  completes: z.boolean(),
  rows: z.number().int(),
  at: stamp.optional(),
});

/**
 * As lines of JSON: a head, then a row each. A value written as the row was made is a text, another one a pair with its time.
 *
 * @param at when it is written
 */
export function writePart({ completes, rows }: Part, at: Stamp): string {
  return [{ form: 1, completes, rows: rows.length, at }, ...rows.map(written)]
    .map((each) => JSON.stringify(each))
    .join("\n");
}

/**
 * A row that cannot be read is refused by itself. A stamp that is further ahead of the part than any clock is taken for the last
 * one that may be: the same in every region, since each goes by what the part says.
 *
 * @throws Error where it is no part, or one of a form that a newer agent writes
 */
export function readPart(text: string): Part & { readonly refused: readonly Waiting[] } {
  const [head = "", ...lines] = text.split("\n");
  const { completes, rows: count, at } = headShape.parse(JSON.parse(head));
  if (lines.length !== count) throw new Error(`has ${lines.length} rows where it says ${count}`);
  const [rows, refused]: [CarriedRow[], Waiting[]] = [[], []];
  for (const [number, line] of lines.entries()) {
    const value = parsedLine(line);
    const { success, data, error } = rowShape.safeParse(value);
    if (success) rows.push(read(data, at === undefined ? undefined : at + AHEAD_US));
    else refused.push({ ...placeOf(value, number), reason: `another region's row is refused: ${whyNot(error)}` });
  }
  return { completes, rows, refused };
}

function parsedLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** As far as the row says it, in as many characters as a name has. */
function placeOf(value: unknown, number: number): { table: string; id: string } {
  const { table, id } = (value ?? {}) as { table?: unknown; id?: unknown };
  const said = (text: unknown, otherwise: string) => (typeof text === "string" ? text.slice(0, SHOWN_MAX) : otherwise);
  return { table: said(table, "?"), id: said(id, `row ${number + 1}`) };
}

/** Where, and without a value. */
function whyNot({ issues: [issue] }: z.ZodError): string {
  const expected = issue && "expected" in issue ? issue.expected : "valid value";
  return `${issue?.path.join(".").slice(0, SHOWN_MAX) || "it"} is no ${expected}`;
}

function written({ table, id, row }: CarriedRow): z.input<typeof rowShape> {
  const { madeAt, cells, switches, deletedAt, madeAgainAt, unitedWith, restoredAt, history } = stampsUntil(row);
  const pair = ({ value, at }: { value: string; at: number }): [string, number] => [value, at];
  return {
    table,
    id,
    made: madeAt,
    cells: mapValues(cells, (each) => (each.at === madeAt ? each.value : pair(each))),
    switches: mapValues(switches, ({ off, undone }) => ({ off: mapValues(off, pair), undone: { ...undone } })),
    ...(deletedAt !== undefined && { deleted: deletedAt }),
    ...(madeAgainAt !== undefined && { remade: madeAgainAt }),
    ...(unitedWith !== undefined && { united: unitedWith }),
    ...(restoredAt !== undefined && { restored: restoredAt }),
    ...(history && { history }),
  };
}

function read(
  { table, id, made, cells, switches, deleted, remade, united, restored, history }: z.output<typeof rowShape>,
  latest: Stamp | undefined,
): CarriedRow {
  const cellOf = ([value, at]: [string, number]) => ({ value, at });
  const row: Row = {
    madeAt: made,
    cells: mapValues(cells, (each) => (typeof each === "string" ? { value: each, at: made } : cellOf(each))),
    switches: mapValues(switches, ({ off, undone }) => ({ off: mapValues(off, cellOf), undone })),
    ...(deleted !== undefined && { deletedAt: deleted }),
    ...(remade !== undefined && { madeAgainAt: remade }),
    ...(united !== undefined && { unitedWith: united }),
    ...(restored !== undefined && { restoredAt: restored }),
    ...(history && { history }),
  };
  return { table, id, row: stampsUntil(row, latest) };
}
