import { operandsIn } from "./literals";
import { isPasswordLike, isSecretLiteral, type Strength, strengthOf } from "./secretLiterals";

const LINE_LENGTH_MAX = 300;
const ROWS_LENGTH_MAX = 2_000;
const ROWS_MAX = 20;
const SEPARATORS = ["|", "\t", ";", ","];

/**
 * Finds the secret columns of a table whose header contains a given name: in Markdown, in delimited values, and in
 * SQL's INSERT.
 *
 * @returns the names of the columns, and the index up to which the text has been scanned
 */
export function columnSecrets(text: string, start: number, end: number): { columns: readonly string[]; end: number } {
  const none = { columns: [], end };
  const inserted = insertedAt(text, start, end);
  if (inserted) return inserted;
  const before = text.slice(Math.max(0, start - LINE_LENGTH_MAX), start);
  const length = lineEnd(text, end, LINE_LENGTH_MAX);
  const from = start - before.length + before.lastIndexOf("\n") + 1;
  if ((from > 0 && !before.includes("\n")) || length < 0) return none;
  const to = end + length;
  const line = text.slice(from, to);
  const separator = SEPARATORS.find((each) => line.includes(each));
  if (separator === undefined) return none;
  const names = cellsOf(line, separator);
  if (names.length < 2 || !names.every((name) => /^[^"'(){}[\]=:]{1,40}$/.test(name))) return { columns: [], end: to };
  const strengths = names.map(columnStrength);
  const found = new Set<string>();
  let at = to + 1;
  for (let rows = 0; rows < ROWS_MAX && at < text.length && at - to < ROWS_LENGTH_MAX; rows++) {
    const rowLength = lineEnd(text, at, 2 * LINE_LENGTH_MAX);
    const row = text.slice(at, rowLength < 0 ? at + 2 * LINE_LENGTH_MAX : at + rowLength);
    const cells = cellsOf(row, separator);
    if (cells.length !== names.length) break;
    strengths.forEach((strength, column) => {
      if (strength && isCell(cells[column] ?? "", strength)) found.add(names[column] ?? "");
    });
    at += row.length + 1;
  }
  return { columns: [...found], end: Math.max(to, Math.min(at, text.length)) };
}

/** Returns the distance to the end of the line, or -1 if it exceeds a limit. */
const lineEnd = (text: string, at: number, limit: number): number => text.slice(at, at + limit).indexOf("\n");

function cellsOf(line: string, separator: string): string[] {
  const cells = line.split(separator).map((cell) => cell.trim().replace(/^["'`*]{1,3}|["'`*]{1,3}$/g, ""));
  return separator === "|" ? cells.slice(cells[0] === "" ? 1 : 0, cells.at(-1) === "" ? -1 : undefined) : cells;
}

/**
 * Returns which kind of secret a column's name suggests; undefined unless its last word is a secret's name, as in
 * `db_password` but not in `password_changed_at`.
 */
function columnStrength(name: string): Strength | undefined {
  const words = name.trim().split(/[\s_-]+/);
  return strengthOf(words.at(-1) ?? "") === undefined ? undefined : strengthOf(name.trim().replace(/\s+/g, "_"));
}

const isCell = (cell: string, strength: Strength): boolean =>
  strength === "password"
    ? isPasswordLike(cell) || (/\d/.test(cell) && isSecretLiteral(cell, strength))
    : isSecretLiteral(cell, strength);

/** Matches `INSERT INTO users (name, password) VALUES ('ada', '…')`. */
function insertedAt(text: string, start: number, end: number): { columns: readonly string[]; end: number } | undefined {
  const before = text.slice(Math.max(0, start - LINE_LENGTH_MAX), start);
  const open = before.lastIndexOf("(");
  if (open < 0 || !/\binto\s{1,4}[\w.`"[\]]{1,80}\s{0,4}$/i.test(before.slice(0, open))) return undefined;
  const after = /^([^()]{0,300})\)\s{0,20}values?\s{0,20}(?=\()/i.exec(text.slice(end, end + 2 * LINE_LENGTH_MAX));
  if (!after) return undefined;
  const from = start - before.length + open + 1;
  const names = text
    .slice(from, end + (after[1]?.length ?? 0))
    .split(",")
    .map((name) => name.trim().replace(/[`"[\]]/g, ""));
  const found = new Set<string>();
  const values = end + after[0].length;
  let last = values;
  for (const operand of operandsIn(text, values)) {
    last = operand.end;
    const name = names[operand.place] ?? "";
    const strength = strengthOf(name);
    if (operand.depth === 1 && strength && isSecretLiteral(operand.text, strength)) found.add(name);
  }
  return { columns: [...found], end: last };
}
