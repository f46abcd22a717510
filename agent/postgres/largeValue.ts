import { print } from "../flows/version";

/** Bytes of UTF-8 above which the agent never holds a value: PostgreSQL does, and the agent knows it by length and digest. */
const LARGE_BYTES = 4_000_000;
/**
 * Bytes of text of a row above which no region tells the others of it: its reading would keep everybody's edits waiting for longer, and
 * what is sealed of it is held in memory.
 */
export const ROW_BYTES_MAX = 64_000_000;
/** What a large value is read and written in, bytes. */
export const PIECE_BYTES = 256_000;
/** Begins what stands for a large value: no JSON begins so. */
const MARK = "@";

/** What stands for a large value in the agent's memory. Equal values have equal ones, in every region. */
export const standIn = (bytes: number, sha256: string): string => `${MARK}${bytes} ${sha256}`;

/** The same in SQL: a text, or what stands for it. */
export const shownSql = (text: string): string =>
  `CASE WHEN ${isLargeSql(text)} THEN '${MARK}' || octet_length(${text}) || ' ' || encode(sha256(convert_to(${text}, 'UTF8')), 'hex')
    ELSE ${text} END`;

export const isLargeSql = (text: string): string => `octet_length(${text}) > ${LARGE_BYTES}`;

export const isLargeSize = (bytes: number): boolean => bytes > LARGE_BYTES;

export const isLarge = (value: string): boolean => value.startsWith(MARK);

/** Of a value, whichever is longer has more; of a large one it is bytes. */
export const lengthOf = (value: string): number =>
  isLarge(value) ? Number.parseInt(value.slice(1), 10) : value.length;

/** Rows that have more, with their bytes by table and id: no other is at fault. */
export class RowsTooLarge extends Error {
  constructor(readonly bytes: ReadonlyMap<string, number>) {
    super([...bytes.values()].map(tooLarge).join("; "));
  }
}

/** Why such a row is held. */
export const tooLarge = (bytes: number): string => `has ${bytes} bytes, ${ROW_BYTES_MAX} are allowed`;

/** What a row's values have together. */
export const bytesOf = (values: readonly string[]): number => values.reduce((sum, value) => sum + lengthOf(value), 0);

/** What {@link print} makes of a value itself. */
export function printOf(value: string): string {
  if (!isLarge(value)) return print(value);
  return Buffer.from(value.slice(value.indexOf(" ") + 1), "hex")
    .toString("base64url")
    .slice(0, 22);
}
