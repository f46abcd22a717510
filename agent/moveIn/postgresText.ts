/** Matches the escape of NUL in JSON text, which `jsonb` rejects, preceded by an even number of backslashes. */
const NUL_ESCAPE = /(?<!\\)((?:\\\\)*)\\u0000/g;
/** Replacement for NUL, which PostgreSQL cannot store. */
const REPLACEMENT = "\uFFFD";

/**
 * Converts a value from SQLite to the text that PostgreSQL accepts for a column type. SQLite stores booleans as 0 and
 * 1, ids without hyphens, times and JSON as text, and JSON that is a single number as a number. Any other value that
 * PostgreSQL rejects is left for PostgreSQL to reject.
 *
 * @param value as the driver returns it; values from PostgreSQL are already text and stay unchanged
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
