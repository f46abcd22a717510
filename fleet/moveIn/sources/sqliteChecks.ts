import { escapeIdentifier, escapeLiteral } from "pg";
import type { Row } from "../../../formats/moveIn/row";
import { ExitCode, UserError } from "../../../model/errors";
import type { DamagedRow } from "./rows";

/** Queries the open database. */
export type Query = (sql: string) => readonly Row[];

/** Alias for SQLite's rowid, under a name that no column has. */
export const ROW_NUMBER = "row number";

/**
 * Rejects a file with damaged pages. SQLite would only read up to the first damaged page, or skip rows.
 *
 * @throws UserError (BadInput) that names the damaged tables
 */
export function requireWholePages(query: Query, file: string): void {
  const tables = query("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").map(({ name }) =>
    String(name),
  );
  const damaged = tables.filter((table) => !isWhole(query, table));
  if (damaged.length === 0) return;
  throw new UserError(
    `${file} is damaged in ${damaged.join(", ")} (PRAGMA quick_check). Restore it from a backup, or recover what SQLite can still read into a new file and import that: sqlite3 ${file} .recover | sqlite3 recovered.db`,
    ExitCode.BadInput,
  );
}

function isWhole(query: Query, table: string): boolean {
  try {
    return query(`PRAGMA quick_check(${escapeIdentifier(table)})`).every((row) => Object.values(row).join() === "ok");
  } catch {
    // The page is so damaged that even `quick_check` fails.
    return false;
  }
}

/** Flag of json_valid for JSON5 (SQLite, "JSON Functions And Operators"). */
const JSON5 = 2;
/**
 * Returns an SQL condition for JSON as Python writes it, which may contain NaN and Infinity. Allows no other JSON5
 * syntax.
 */
const isPythonsJson = (name: string): string =>
  `(json_valid(${name}, ${JSON5}) AND json_valid(replace(replace(replace(${name}, '-Infinity', '0'), 'Infinity', '0'), 'NaN', '0')))`;
/** Returns an SQL expression that converts NaN to null, because PostgreSQL rejects NaN in JSON. */
export const strictJson = (name: string): string =>
  `CASE WHEN ${isPythonsJson(name)} AND NOT json_valid(${name}) THEN json(${name}) ELSE ${name} END`;

/** Returns an SQL expression that adds a colon to a time zone offset of four digits, which SQLite requires. */
const withColon = (name: string): string =>
  `CASE WHEN ${name} GLOB '*[+-][0-9][0-9][0-9][0-9]' AND length(${name}) > 16
     THEN substr(${name}, 1, length(${name}) - 2) || ':' || substr(${name}, -2) ELSE ${name} END`;

const AN_ID = "an id";

/**
 * For each column type: its description for people, and an SQL condition for an invalid value. SQLite itself accepts
 * any value.
 */
const KINDS: readonly {
  /** Pattern of the declared column type. */
  readonly declared: RegExp;
  readonly holds: string;
  readonly isNone: (name: string) => string;
}[] = [
  {
    declared: /^(DATE|TIMESTAMP)/,
    holds: "a date",
    // `datetime` alone would also accept numbers and February 31st.
    isNone: (name) => `typeof(${name}) <> 'text' OR datetime(${withColon(name)}) IS NULL
      OR date(substr(${name}, 1, 10), '+0 days') IS NOT substr(${name}, 1, 10) OR substr(${name}, 1, 4) = '0000'`,
  },
  {
    declared: /^JSON/,
    holds: "JSON",
    isNone: (name) => `typeof(${name}) = 'blob' OR NOT json_valid(${name}) AND NOT ${isPythonsJson(name)}`,
  },
  {
    declared: /^(CHAR\(32\)|UUID)$/,
    holds: AN_ID,
    isNone: (name) => `length(replace(${name}, '-', '')) <> 32 OR replace(${name}, '-', '') GLOB '*[^0-9a-fA-F]*'`,
  },
  {
    declared: /^BOOL/,
    holds: "a boolean",
    isNone: (name) =>
      `typeof(${name}) NOT IN ('integer', 'real') AND lower(${name}) NOT IN ('true', 'false', 't', 'f')`,
  },
  { declared: /^BIGINT/, holds: "a whole number", isNone: (name) => `typeof(${name}) <> 'integer'` },
  {
    declared: /INT/,
    holds: "a 32-bit integer",
    isNone: (name) => `typeof(${name}) <> 'integer' OR ${name} NOT BETWEEN -2147483648 AND 2147483647`,
  },
];

/**
 * Returns an SQL condition for an id that several rows of the table have. For SQLite, ids with and without hyphens, or
 * in upper and lower case, differ.
 */
const isTwice = (table: string) => (name: string) =>
  `${plainId(name)} IN (SELECT ${plainId("o.id")} FROM ${escapeIdentifier(table)} o GROUP BY 1 HAVING count(*) > 1)`;
const plainId = (name: string): string => `lower(replace(${name}, '-', ''))`;

/**
 * Returns the rows of a table with a value that is invalid for its column's type. @param named columns that identify a
 * row for people
 */
export function damagedRows(query: Query, table: string, named: readonly string[]): DamagedRow[] {
  const columns = query(`SELECT name, upper(type) AS type FROM pragma_table_info(${escapeLiteral(table)})`);
  const checked = columns.flatMap(({ name, type }) => {
    const kind = KINDS.find(({ declared }) => declared.test(String(type)));
    if (!kind) return [];
    const own = { name: String(name), ...kind };
    return name === "id" && kind.holds === AN_ID
      ? [own, { ...own, holds: "a unique id", isNone: isTwice(table) }]
      : [own];
  });
  if (checked.length === 0) return [];
  const cases = checked.map(({ name, isNone }, index) => {
    const column = `t.${escapeIdentifier(name)}`;
    return `WHEN ${column} IS NOT NULL AND (${isNone(column)}) THEN ${index}`;
  });
  const names = columns.flatMap(({ name }) =>
    named.includes(String(name)) ? [`t.${escapeIdentifier(String(name))}`] : [],
  );
  return query(
    `SELECT ${[...names, `t.rowid AS "${ROW_NUMBER}"`].join(", ")}, CASE ${cases.join(" ")} END AS "damaged column" FROM ${escapeIdentifier(table)} t
     WHERE "damaged column" IS NOT NULL`,
  ).flatMap((row) => {
    const found = checked[Number(row["damaged column"])];
    return found ? [{ table, row, rowNumber: String(row[ROW_NUMBER]), column: found.name, holds: found.holds }] : [];
  });
}

/**
 * Counts the rows whose required parent row is missing. SQLite enforces foreign keys only on request.
 *
 * @param needed nullable columns whose parent row is also required
 */
export function orphansOf(query: Query, table: string, needed: readonly string[]): { of: string; rows: number }[] {
  const name = escapeLiteral(table);
  return query(
    `SELECT c.parent AS "of", count(DISTINCT c.rowid) AS rows FROM pragma_foreign_key_check(${name}) c
       JOIN pragma_foreign_key_list(${name}) k ON k.id = c.fkid
       JOIN pragma_table_info(${name}) i ON i.name = k."from" AND (i."notnull" = 1 OR i.name IN (${needed.map(escapeLiteral).join(", ")}))
     GROUP BY c.parent ORDER BY 1`,
  ).map(({ of, rows }) => ({ of: String(of), rows: Number(rows) }));
}
