import { StringDecoder } from "node:string_decoder";
import { z } from "zod";
import { ROW_BYTES_MAX } from "../../formats/tables/rowSize";
import { bytesOf, isLarge, tooLarge } from "../postgres/largeValue";
import type { ReplicatedRow, Waiting } from "./langflowTables";
import { withoutLargeStrings } from "./largeStrings";
import { parsedValue } from "./replicatedRow";
import { mapValues, type Row, type Stamp, stampsUntil } from "./row";
import type { Place } from "./segmentPlaces";

/** The causal context of a segment. */
export interface SegmentHead {
  /** Whether later segments may be applied before this one. */
  readonly passable?: boolean | undefined;
  /**
   * Whether its region had more changes to publish. The next segment may contain the row that gave up a name which this
   * segment uses.
   */
  readonly continues?: boolean | undefined;
  /** The last segment of each other region that its region had applied by then. */
  readonly knew?: Knew | undefined;
}

/** An object below a region's prefix, with changed rows or a page of a snapshot. */
export interface Segment extends SegmentHead {
  /** Whether this is the last segment of a snapshot, so that earlier epochs are no longer needed. */
  readonly completes: boolean;
  readonly rows: readonly ReplicatedRow[];
}

export type Knew = Readonly<Record<string, Pick<Place, "epoch" | "number">>>;

/** Maximum time by which a stamp may be ahead of the segment's own time, in microseconds: one year. */
const AHEAD_US = 366 * 86_400 * 1_000_000;
/** Maximum number of characters of a refused row's id and table in messages. */
const SHOWN_MAX = 100;
/** Number of bytes of a large value that are decoded at once: few enough for V8's young generation. */
const TEXT_BYTES = 32 * 1024;

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
  passable: z.boolean().optional(),
  continues: z.boolean().optional(),
  knew: z.record(z.string(), z.object({ epoch: z.string(), number: z.number().int() })).optional(),
  rows: z.number().int(),
  at: stamp.optional(),
});

/**
 * Writes a segment as lines of JSON: a head, then one line per row. A value with the stamp of the row's creation is a
 * text. A later value is a pair of the text and its stamp.
 *
 * @param at when the segment is written
 * @param contentOf streams the content of a large value
 */
export async function* writeSegment(
  { completes, passable, continues, knew, rows }: Segment,
  at: Stamp,
  contentOf: (value: string) => AsyncIterable<Buffer>,
): AsyncGenerator<string> {
  const head = { passable: passable || undefined, continues: continues || undefined, knew };
  yield JSON.stringify({ form: 1, completes, ...head, rows: rows.length, at });
  for (const row of rows) {
    let rest = `\n${JSON.stringify(written(row))}`;
    for (const value of largeValues(row.row)) {
      const start = rest.indexOf(JSON.stringify(value)) + 1;
      yield rest.slice(0, start);
      const decoder = new StringDecoder("utf8");
      for await (const piece of contentOf(value))
        for (let from = 0; from < piece.length; from += TEXT_BYTES)
          yield JSON.stringify(decoder.write(piece.subarray(from, from + TEXT_BYTES))).slice(1, -1);
      rest = rest.slice(start + value.length);
    }
    yield rest;
  }
}

/** Returns the placeholders of a row's large values. */
export const largeValues = ({ cells }: Pick<Row, "cells">): string[] =>
  Object.values(cells).flatMap(({ value }) => (isLarge(value) ? [value] : []));

/** A segment that was read. */
export interface ReadSegment extends Segment {
  /** Rows that no agent can read. */
  readonly refused: readonly Waiting[];
  /** Streams each large value once, with its placeholder, in pieces of one size; only the last piece may be smaller. */
  readonly eachPiece: (take: (value: string, piece: Buffer) => Promise<void>) => Promise<void>;
}

/** Reads only the head, in the first line of a segment. */
export async function readHead(text: AsyncIterable<Buffer>): Promise<SegmentHead> {
  for await (const line of withoutLargeStrings(text, {})) return headShape.safeParse(parsedValue(line)).data ?? {};
  return {};
}

/**
 * Reads a segment, and refuses each invalid row separately. Limits stamps that are too far ahead of the segment's time.
 * The segment contains that time, so every region gets the same result.
 *
 * @throws Error if it is not a segment, or has the format of a newer agent
 */
export async function readSegment(text: AsyncIterable<Buffer>): Promise<ReadSegment> {
  let head: z.output<typeof headShape> | undefined;
  const [rows, refused]: [ReplicatedRow[], Waiting[]] = [[], []];
  /** The placeholders of all large strings, and of those in the current line. */
  const [large, own]: [string[], string[]] = [[], []];
  for await (const line of withoutLargeStrings(text, { standIn: (value) => own.push(value) })) {
    if (head) {
      const { at } = head;
      const value = parsedValue(line);
      const { success, data, error } = rowShape.safeParse(value);
      const row = success ? read(data, at === undefined ? undefined : at + AHEAD_US) : undefined;
      const trouble = row ? troubleOf(row.row, own) : whyNot(error);
      if (row && trouble === undefined) rows.push(row);
      else {
        const reason = `rejected another region's row: ${trouble}`;
        refused.push({ ...placeOf(value, rows.length + refused.length), reason });
      }
    } else head = headShape.parse(JSON.parse(line));
    large.push(...own.splice(0));
  }
  const count = rows.length + refused.length;
  if (head?.rows !== count) throw new Error(`has ${count} rows, but its header says ${head?.rows}`);
  const { completes, continues, knew } = head;
  return {
    completes,
    continues,
    knew,
    rows,
    refused,
    async eachPiece(take) {
      const piece = async (index: number, bytes: Buffer) => {
        const value = large[index] ?? "";
        if (large.indexOf(value) === index) await take(value, bytes);
      };
      for await (const _ of withoutLargeStrings(text, { piece }));
    },
  };
}

/**
 * Returns why a parsed row is invalid. The row's placeholders must stand for its own large strings, and each of them
 * must be the value of a column.
 */
function troubleOf({ cells, switches }: Row, strings: readonly string[]): string | undefined {
  const values = largeValues({ cells });
  const offs = Object.values(switches).flatMap(({ off }) => Object.values(off));
  const isOwn = values.length === strings.length && values.every((value) => strings.includes(value));
  if (!isOwn || offs.some(({ value }) => isLarge(value))) return "a value is not valid JSON";
  const bytes = bytesOf(Object.values(cells).map(({ value }) => value));
  return bytes > ROW_BYTES_MAX ? tooLarge(bytes) : undefined;
}

/** Returns the row's table and id as far as they are readable, shortened. */
function placeOf(value: unknown, number: number): { table: string; id: string } {
  const { table, id } = (value ?? {}) as { table?: unknown; id?: unknown };
  const said = (text: unknown, otherwise: string) => (typeof text === "string" ? text.slice(0, SHOWN_MAX) : otherwise);
  return { table: said(table, "?"), id: said(id, `row ${number + 1}`) };
}

/** Returns the path of the first problem, without the value. */
function whyNot(error: z.ZodError | undefined): string {
  const [issue] = error?.issues ?? [];
  const expected = issue && "expected" in issue ? issue.expected : "value";
  return `${issue?.path.join(".").slice(0, SHOWN_MAX) || "it"} is not a valid ${expected}`;
}

function written({ table, id, row }: ReplicatedRow): z.input<typeof rowShape> {
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
): ReplicatedRow {
  const cellOf = ([value, at]: [string, number]) => ({ value, at });
  const row: Row = {
    madeAt: made,
    cells: mapValues(cells, (each) => (typeof each === "string" ? { value: each, at: made } : cellOf(each))),
    switches: mapValues(switches, ({ off, undone }) => ({ off: mapValues(off, cellOf), undone })),
    ...(deleted !== undefined && { deletedAt: deleted }),
    ...(remade !== undefined && { madeAgainAt: remade }),
    // A row that an earlier agent merged into itself is still a row of its own.
    ...(united !== undefined && united !== id && { unitedWith: united }),
    ...(restored !== undefined && { restoredAt: restored }),
    ...(history && { history }),
  };
  return { table, id, row: stampsUntil(row, latest) };
}
