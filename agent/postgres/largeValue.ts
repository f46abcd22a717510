import { print } from "../../formats/flows/version";
import { ROW_BYTES_MAX } from "../../formats/tables/rowSize";

/**
 * Size of a value, in bytes of UTF-8, above which the agent does not hold the value in memory. PostgreSQL holds it, and
 * the agent knows its length and digest.
 */
const LARGE_BYTES = 4_000_000;
/** Size of the pieces in which a large value is read and written, in bytes. */
export const PIECE_BYTES = 256_000;
/** First character of a large value's placeholder. No JSON starts with it. */
const MARK = "@";

/**
 * Returns the placeholder of a large value in the agent's memory. Equal values have equal placeholders in every region.
 */
export const standIn = (bytes: number, sha256: string): string => `${MARK}${bytes} ${sha256}`;

/** Returns SQL for a text, or for its placeholder if the text is large. */
export const shownSql = (text: string): string =>
  `CASE WHEN ${isLargeSql(text)} THEN '${MARK}' || octet_length(${text}) || ' ' || encode(sha256(convert_to(${text}, 'UTF8')), 'hex')
    ELSE ${text} END`;

export const isLargeSql = (text: string): string => `octet_length(${text}) > ${LARGE_BYTES}`;

export const isLargeSize = (bytes: number): boolean => bytes > LARGE_BYTES;

export const isLarge = (value: string): boolean => value.startsWith(MARK);

/** Returns the length of a value: in characters, or in bytes if the value is large. */
export const lengthOf = (value: string): number =>
  isLarge(value) ? Number.parseInt(value.slice(1), 10) : value.length;

/** Thrown if rows exceed the maximum size. Contains the bytes of each of these rows, by table and id. */
export class RowsTooLarge extends Error {
  constructor(readonly bytes: ReadonlyMap<string, number>) {
    super([...bytes.values()].map(tooLarge).join("; "));
  }
}

/** Returns why a row that is too large is held. */
export const tooLarge = (bytes: number): string => `has ${bytes} bytes, ${ROW_BYTES_MAX} are allowed`;

/** Returns the total length of a row's values. */
export const bytesOf = (values: readonly string[]): number => values.reduce((sum, value) => sum + lengthOf(value), 0);

/** Returns the digest that {@link print} returns for a value, even if only its placeholder is given. */
export function printOf(value: string): string {
  if (!isLarge(value)) return print(value);
  return Buffer.from(value.slice(value.indexOf(" ") + 1), "hex")
    .toString("base64url")
    .slice(0, 22);
}
