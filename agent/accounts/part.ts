import { StringDecoder } from "node:string_decoder";
import { z } from "zod";
import { bytesOf, isLarge, ROW_BYTES_MAX, tooLarge } from "../postgres/largeValue";
import { parsedValue } from "./carriedRow";
import type { CarriedRow, Waiting } from "./langflowTables";
import { withoutLargeStrings } from "./largeStrings";
import type { Place } from "./parts";
import { mapValues, type Row, type Stamp, stampsUntil } from "./row";

/** What a part says of what else its region told, and knew. */
export interface PartHead {
  /** Parts behind it may be read before it. */
  readonly passable?: boolean | undefined;
  /** Its region had more to tell when it was written: what a row's name depends on may be in the next one. */
  readonly continues?: boolean | undefined;
  /** By region, the last part that its own had read by then. */
  readonly knew?: Knew | undefined;
}

/** One object of a region's prefix: rows of its making, or a piece of all that it knows. */
export interface Part extends PartHead {
  /** It is the last of those that together hold all that the region knew: what is older is needed no more. */
  readonly completes: boolean;
  readonly rows: readonly CarriedRow[];
}

export type Knew = Readonly<Record<string, Pick<Place, "epoch" | "number">>>;

/** How far ahead of the moment a part was written a stamp in it may be, a year: no clock is further ahead. */
const AHEAD_US = 366 * 86_400 * 1_000_000;
/** Characters that are shown of what somebody else's row calls itself. */
const SHOWN_MAX = 100;
/** What of a large value is a text at once: so little that V8 keeps it with what is soon collected. */
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
 * As lines of JSON: a head, then a row each. A value written as the row was made is a text, another one a pair with its time.
 *
 * @param at when it is written
 * @param contentOf what a large value holds, in pieces
 */
export async function* writePart(
  { completes, passable, continues, knew, rows }: Part,
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

/** Of the large values of a row what stands for each. */
export const largeValues = ({ cells }: Pick<Row, "cells">): string[] =>
  Object.values(cells).flatMap(({ value }) => (isLarge(value) ? [value] : []));

/** A part as it was read. */
export interface ReadPart extends Part {
  /** Rows that no agent can read. */
  readonly refused: readonly Waiting[];
  /** Gives what its large values hold, each once, in pieces of one size but for the last, with what stands for the value. */
  readonly eachPiece: (take: (value: string, piece: Buffer) => Promise<void>) => Promise<void>;
}

/** Its first line alone. */
export async function readHead(text: AsyncIterable<Buffer>): Promise<PartHead> {
  for await (const line of withoutLargeStrings(text, {})) return headShape.safeParse(parsedValue(line)).data ?? {};
  return {};
}

/**
 * A row that cannot be read is refused by itself. A stamp that is further ahead of the part than any clock is taken for the last
 * one that may be: the same in every region, since each goes by what the part says.
 *
 * @throws Error where it is no part, or one of a form that a newer agent writes
 */
export async function readPart(text: AsyncIterable<Buffer>): Promise<ReadPart> {
  let head: z.output<typeof headShape> | undefined;
  const [rows, refused]: [CarriedRow[], Waiting[]] = [[], []];
  /** Of all large strings, and of those of a line. */
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
        const reason = `another region's row is refused: ${trouble}`;
        refused.push({ ...placeOf(value, rows.length + refused.length), reason });
      }
    } else head = headShape.parse(JSON.parse(line));
    large.push(...own.splice(0));
  }
  const count = rows.length + refused.length;
  if (head?.rows !== count) throw new Error(`has ${count} rows where it says ${head?.rows}`);
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

/** Of a row that is one: what stands for large values in it stands for its own large strings, all of which are values of columns. */
function troubleOf({ cells, switches }: Row, strings: readonly string[]): string | undefined {
  const values = largeValues({ cells });
  const offs = Object.values(switches).flatMap(({ off }) => Object.values(off));
  const isOwn = values.length === strings.length && values.every((value) => strings.includes(value));
  if (!isOwn || offs.some(({ value }) => isLarge(value))) return "a value is no JSON";
  const bytes = bytesOf(Object.values(cells).map(({ value }) => value));
  return bytes > ROW_BYTES_MAX ? tooLarge(bytes) : undefined;
}

/** As far as the row says it, in as many characters as a name has. */
function placeOf(value: unknown, number: number): { table: string; id: string } {
  const { table, id } = (value ?? {}) as { table?: unknown; id?: unknown };
  const said = (text: unknown, otherwise: string) => (typeof text === "string" ? text.slice(0, SHOWN_MAX) : otherwise);
  return { table: said(table, "?"), id: said(id, `row ${number + 1}`) };
}

/** Where, and without a value. */
function whyNot(error: z.ZodError | undefined): string {
  const [issue] = error?.issues ?? [];
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
