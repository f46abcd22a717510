/** In a text of JSON the escape of NUL, which `jsonb` does not take; before it, backslashes that escape one another. */
const NUL_ESCAPE = /(?<!\\)((?:\\\\)*)\\u0000/g;
/** What stands for a character that PostgreSQL has no room for. */
const REPLACEMENT = "\uFFFD";

/**
 * What a SQLite file holds as PostgreSQL reads it in a column of a type. SQLite keeps truth values as 0 and 1, ids without hyphens,
 * times and JSON as texts; its JSON that is one number is a number. What PostgreSQL does not take either is left for it to refuse.
 *
 * @param value as the driver gives it; PostgreSQL's own texts stay as they are
 * @param type of the column, as PostgreSQL names it: `uuid`, `timestamp without time zone`
 */
export function postgresText(value: unknown, type: string): string | null {
  if (value === null || value === undefined) return null;
  if (value instanceof Uint8Array) return textOfBytes(value, type);
  if (type === "boolean" && (typeof value === "number" || typeof value === "bigint"))
    return String(Number(value) !== 0);
  const text = String(value).replaceAll("\0", REPLACEMENT);
  return type === "jsonb" ? text.replaceAll(NUL_ESCAPE, `$1\\${REPLACEMENT_ESCAPE}`) : text;
}

const REPLACEMENT_ESCAPE = "ufffd";

function textOfBytes(bytes: Uint8Array, type: string): string {
  const buffer = Buffer.from(bytes);
  return type === "bytea" ? `\\x${buffer.toString("hex")}` : buffer.toString("utf8").replaceAll("\0", REPLACEMENT);
}
