import { StringDecoder } from "node:string_decoder";
import { z } from "zod";
import { isLarge } from "../postgres/largeValue";
import type { CarriedRow } from "./langflowTables";
import { withoutLargeStrings } from "./largeStrings";
import type { Row } from "./row";

/** One object of a region's prefix: rows of its making, or a piece of all that it knows. */
export interface Part {
  /** It is the last of those that together hold all that the region knew: what is older is needed no more. */
  readonly completes: boolean;
  readonly rows: readonly CarriedRow[];
}

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
  table: z.string(),
  id: z.string(),
  made: stamp,
  cells: z.record(z.string(), z.union([z.string(), cell])).default({}),
  switches: z.record(z.string(), switchShape).default({}),
  deleted: stamp.optional(),
  remade: stamp.optional(),
  united: z.string().optional(),
  restored: stamp.optional(),
  history: historyShape.optional(),
});
const headShape = z.object({ form: z.literal(1), completes: z.boolean(), rows: z.number().int() });

/**
 * As lines of JSON: a head, then a row each. A value written as the row was made is a text, another one a pair with its time.
 *
 * @param contentOf what a large value holds, in pieces
 */
export async function* writePart(
  { completes, rows }: Part,
  contentOf: (value: string) => AsyncIterable<Buffer>,
): AsyncGenerator<string> {
  yield JSON.stringify({ form: 1, completes, rows: rows.length });
  for (const row of rows) {
    let rest = `\n${JSON.stringify(written(row))}`;
    for (const value of largeValues(row.row)) {
      const at = rest.indexOf(JSON.stringify(value)) + 1;
      yield rest.slice(0, at);
      const decoder = new StringDecoder("utf8");
      for await (const piece of contentOf(value))
        for (let from = 0; from < piece.length; from += TEXT_BYTES)
          yield JSON.stringify(decoder.write(piece.subarray(from, from + TEXT_BYTES))).slice(1, -1);
      rest = rest.slice(at + value.length);
    }
    yield rest;
  }
}

/** Of the large values of a row what stands for each. */
export const largeValues = ({ cells }: Row): string[] =>
  Object.values(cells).flatMap(({ value }) => (isLarge(value) ? [value] : []));

/** A part as it was read. */
export interface ReadPart extends Part {
  /** Gives what its large values hold, each once, in pieces of one size but for the last, with what stands for the value. */
  readonly eachPiece: (take: (value: string, piece: Buffer) => Promise<void>) => Promise<void>;
}

/** @throws Error where it is no part, or one of a form that a newer agent writes */
export async function readPart(text: AsyncIterable<Buffer>): Promise<ReadPart> {
  let head: z.output<typeof headShape> | undefined;
  const rows: CarriedRow[] = [];
  const large: string[] = [];
  for await (const line of withoutLargeStrings(text, { standIn: (value) => large.push(value) })) {
    if (head) rows.push(read(rowShape.parse(JSON.parse(line))));
    else head = headShape.parse(JSON.parse(line));
  }
  if (head?.rows !== rows.length) throw new Error(`has ${rows.length} rows where it says ${head?.rows}`);
  return {
    completes: head.completes,
    rows,
    async eachPiece(take) {
      const piece = async (index: number, bytes: Buffer) => {
        const value = large[index] ?? "";
        if (large.indexOf(value) === index) await take(value, bytes);
      };
      for await (const _ of withoutLargeStrings(text, { piece }));
    },
  };
}

function written({ table, id, row }: CarriedRow): z.input<typeof rowShape> {
  const { madeAt, cells, switches, deletedAt, madeAgainAt, unitedWith, restoredAt, history } = row;
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

function read({
  table,
  id,
  made,
  cells,
  switches,
  deleted,
  remade,
  united,
  restored,
  history,
}: z.output<typeof rowShape>): CarriedRow {
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
  return { table, id, row };
}

const mapValues = <From, To>(record: Readonly<Record<string, From>>, map: (value: From) => To): Record<string, To> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
