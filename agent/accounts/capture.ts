import { escapeIdentifier, escapeLiteral } from "pg";
import { SCHEMA } from "../../formats/tables/agentSchema";
import { conditionSql } from "../../formats/tables/rowCondition";
import { ROW_BYTES_MAX } from "../../formats/tables/rowSize";
import { columnOf, mayComeBack, type ReplicatedTable } from "../../formats/tables/tableRule";
import { CHANNEL } from "../langflow/storeSchema";
import { type flowParts, type PartOf, partOfSql, wholeSql } from "./flowChildren";

/** Setting that is on while the agent applies other regions' changes, so that no trigger logs them as local edits. */
export const APPLYING = `${SCHEMA}.applying`;

/**
 * Makes a trigger function run as the owner of the tables, because LangFlow's login has no access to the log.
 * LangFlow's login cannot create objects in the schemas of this search path.
 */
export const AS_OWNER = "SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp";

/**
 * Condition in a trigger function: the agent is applying other regions' changes. The check of `session_user` ignores
 * the setting if any other login sets it.
 */
export const IS_APPLYING = `(current_setting('${APPLYING}', true) = 'on' AND session_user = current_user)`;

/** The database's current time, in microseconds since 1970. */
export const NOW = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint";

/** Id of the current transaction, which its savepoints share. */
const XACT = "pg_current_xact_id()::text::bigint";

/**
 * Username of the drill account. Accounts that a drill creates start with it and a hyphen
 * (fleet/drill/ordinaryUser.ts).
 */
export const DRILL_ACCOUNT = "langflow-dr-drill";

/** Condition for rows that took the name of a row whose delete is held. */
export const IS_BESIDE = `switches::text LIKE '%"beside %'`;

/** Table that lists the tables which lost rows without a delete, for example by a `TRUNCATE`. */
export const LACKING = `${SCHEMA}.account_lacking`;

/** Pattern of a number with an exponent of at least four digits. */
const LARGE = "[0-9][eE][+-]?0*[1-9][0-9]{3}";

/**
 * Creates the state of the replicated rows (`account_row`) and the log of their changes (`account_change`). Triggers
 * only append to the log, so no edit waits for the agent. The agent removes the log entries that it has read in the
 * same transaction in which it stores the result. If a trigger cannot log a write, it fails the write, because an
 * unlogged edit would be lost with the region. (The triggers of `storeSchema`, which only notify, never fail a write.)
 * If the agent's schema is missing, the triggers let the write pass: creating the schema captures every row.
 *
 * Each statement is a transaction of its own, so that no lock blocks LangFlow's writes for longer than one statement.
 */
export const ACCOUNTS_SQL: readonly string[] = [
  `CREATE SCHEMA IF NOT EXISTS ${SCHEMA}`,
  `CREATE TABLE IF NOT EXISTS ${SCHEMA}.account_change (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  table_name text NOT NULL,
  row_id text NOT NULL,
  kind text NOT NULL,
  at bigint NOT NULL,
  columns text[]
)`,
  `ALTER TABLE ${SCHEMA}.account_change ADD COLUMN IF NOT EXISTS held jsonb,
  ADD COLUMN IF NOT EXISTS part_of text[], ADD COLUMN IF NOT EXISTS xact bigint,
  ADD COLUMN IF NOT EXISTS awaits_flow text, ADD COLUMN IF NOT EXISTS fell_of text`,
  `CREATE INDEX IF NOT EXISTS account_change_xact ON ${SCHEMA}.account_change (xact)
  WHERE xact IS NOT NULL AND awaits_flow IS NULL`,
  `CREATE INDEX IF NOT EXISTS account_change_awaits ON ${SCHEMA}.account_change (awaits_flow) WHERE awaits_flow IS NOT NULL`,
  `CREATE INDEX IF NOT EXISTS account_change_row ON ${SCHEMA}.account_change (table_name, row_id)`,
  `CREATE SEQUENCE IF NOT EXISTS ${SCHEMA}.account_news`,
  `CREATE TABLE IF NOT EXISTS ${SCHEMA}.account_row (
  table_name text NOT NULL,
  row_id text NOT NULL,
  made_at bigint NOT NULL,
  deleted_at bigint,
  made_again_at bigint,
  united_with text,
  stamps jsonb NOT NULL DEFAULT '{}',
  switches jsonb NOT NULL DEFAULT '{}',
  waits text,
  waiting jsonb,
  news bigint,
  PRIMARY KEY (table_name, row_id)
)`,
  `ALTER TABLE ${SCHEMA}.account_row ADD COLUMN IF NOT EXISTS awaits_flow text,
  ADD COLUMN IF NOT EXISTS awaits_since bigint, ADD COLUMN IF NOT EXISTS fell_of text,
  ADD COLUMN IF NOT EXISTS history jsonb, ADD COLUMN IF NOT EXISTS shown jsonb,
  ADD COLUMN IF NOT EXISTS restored_at bigint, ADD COLUMN IF NOT EXISTS held_at bigint`,
  `CREATE INDEX IF NOT EXISTS account_row_awaits ON ${SCHEMA}.account_row (awaits_flow) WHERE awaits_flow IS NOT NULL`,
  `CREATE INDEX IF NOT EXISTS account_row_united ON ${SCHEMA}.account_row (table_name, united_with) WHERE united_with IS NOT NULL`,
  `CREATE INDEX IF NOT EXISTS account_row_waiting ON ${SCHEMA}.account_row (table_name) WHERE waiting IS NOT NULL`,
  `CREATE INDEX IF NOT EXISTS account_row_news ON ${SCHEMA}.account_row (news) WHERE news IS NOT NULL`,
  `CREATE INDEX IF NOT EXISTS account_row_held ON ${SCHEMA}.account_row (table_name) WHERE held_at IS NOT NULL`,
  `CREATE INDEX IF NOT EXISTS account_row_beside ON ${SCHEMA}.account_row (table_name) WHERE ${IS_BESIDE}`,
  `CREATE INDEX IF NOT EXISTS account_row_waits ON ${SCHEMA}.account_row (table_name) WHERE waits IS NOT NULL`,
  `CREATE TABLE IF NOT EXISTS ${SCHEMA}.account_part (
  region text NOT NULL,
  epoch text NOT NULL,
  next bigint NOT NULL DEFAULT 0,
  beyond bigint[] NOT NULL DEFAULT '{}',
  completed_by bigint,
  PRIMARY KEY (region, epoch)
)`,
  // Tables that lost rows without a delete. `rows` is the number of missing rows, once the agent has started to read
  // them again.
  `CREATE TABLE IF NOT EXISTS ${LACKING} (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  table_name text NOT NULL,
  rows bigint
)`,
  `CREATE TABLE IF NOT EXISTS ${SCHEMA}.account_deleted (
  table_name text NOT NULL,
  at bigint NOT NULL,
  number bigint NOT NULL
)`,
  `CREATE TABLE IF NOT EXISTS ${SCHEMA}.account_seen (
  what text PRIMARY KEY,
  names text[] NOT NULL
)`,
  `
CREATE OR REPLACE FUNCTION ${SCHEMA}.account_json(text_ text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  -- JSON has no raw control characters: they stand for a backslash that is escaped, and for an escape that is a whole pair.
  text_ := replace(text_, '\\\\', chr(1));
  text_ := replace(text_, '\\u0000', '\\ufffd');
  text_ := regexp_replace(text_, '\\\\u([dD][89abAB][0-9a-fA-F]{2})\\\\u([dD][c-fC-F][0-9a-fA-F]{2})', chr(2) || '\\1' || chr(2) || '\\2', 'g');
  text_ := regexp_replace(text_, '\\\\u[dD][89a-fA-F][0-9a-fA-F]{2}', '\\\\ufffd', 'g');
  text_ := replace(text_, '\\"', chr(3));
  -- Outside strings: jsonb writes out all digits of 1e99999, and has no room for more; to Python it is infinite all the same.
  IF text_ ~ '${LARGE}' THEN
    SELECT string_agg(CASE WHEN n % 2 = 0 THEN part_ ELSE regexp_replace(regexp_replace(
        part_, '[eE][+]?0*[1-9][0-9]{3,}', 'e999', 'g'), '[eE]-0*[1-9][0-9]{3,}', 'e-999', 'g') END, '"' ORDER BY n)
      INTO text_ FROM unnest(string_to_array(text_, '"')) WITH ORDINALITY AS t (part_, n);
  END IF;
  RETURN replace(replace(replace(text_, chr(3), '\\"'), chr(2), '\\u'), chr(1), '\\\\');
END $$;
CREATE OR REPLACE FUNCTION ${SCHEMA}.account_text(value_ anyelement) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT to_jsonb(value_)::text
$$;
CREATE OR REPLACE FUNCTION ${SCHEMA}.account_text(value_ json) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
  IF value_::text ~ '${LARGE}' THEN RETURN ${SCHEMA}.account_json(value_::text)::jsonb::text; END IF;
  RETURN value_::jsonb::text;
EXCEPTION
  WHEN untranslatable_character OR invalid_text_representation OR numeric_value_out_of_range THEN
    BEGIN
      RETURN ${SCHEMA}.account_json(value_::text)::jsonb::text;
    EXCEPTION WHEN statement_too_complex THEN
      RETURN ${SCHEMA}.account_json(value_::text);
    END;
  -- Stored by whoever had more of the stack left than a trigger has: as it was written.
  WHEN statement_too_complex THEN
    RETURN ${SCHEMA}.account_json(value_::text);
END $$;
CREATE OR REPLACE FUNCTION ${SCHEMA}.account_flow_by_git(flow_ text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
  IF to_regclass('${SCHEMA}.record_import') IS NULL THEN RETURN false; END IF;
  RETURN EXISTS (SELECT FROM ${SCHEMA}.record_import WHERE flow_id = flow_::uuid);
END $$;
CREATE OR REPLACE FUNCTION ${SCHEMA}.account_flow_fell(flow_ text, owner_ text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  xact_ bigint := ${XACT};
BEGIN
  -- Who is erased was deactivated before: all of it is deleted, everywhere.
  IF NOT EXISTS (SELECT FROM public."user" WHERE id = owner_::uuid AND is_active) THEN RETURN; END IF;
  UPDATE ${SCHEMA}.account_change SET xact = xact_, awaits_flow = flow_, fell_of = owner_ WHERE seq = (
    SELECT max(seq) FROM ${SCHEMA}.account_change WHERE table_name = 'flow' AND row_id = flow_);
  WITH RECURSIVE fallen AS (
    SELECT seq, table_name, row_id FROM ${SCHEMA}.account_change
      WHERE xact = xact_ AND awaits_flow IS NULL AND ${wholeSql("'flow'", "flow_")} = ANY(part_of)
    UNION SELECT c.seq, c.table_name, c.row_id FROM ${SCHEMA}.account_change c
      JOIN fallen f ON ${wholeSql("f.table_name", "f.row_id")} = ANY(c.part_of)
      WHERE c.xact = xact_ AND c.awaits_flow IS NULL)
  UPDATE ${SCHEMA}.account_change c SET kind = 'fell', awaits_flow = flow_, fell_of = owner_
    FROM fallen f WHERE c.seq = f.seq AND c.held <> '{}';
EXCEPTION WHEN undefined_table OR undefined_column THEN
  RETURN;
END $$;
CREATE OR REPLACE FUNCTION ${SCHEMA}.account_part_deleted(table_ text, row_ text, held_ jsonb, part_of_ text[])
  RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  xact_ bigint := ${XACT};
  flow_ text;
  owner_ text;
BEGIN
  -- What a foreign key lets fall is noted after the flow; what LangFlow deletes, before it.
  SELECT c.awaits_flow, c.fell_of INTO flow_, owner_ FROM unnest(part_of_) AS whole
    JOIN ${SCHEMA}.account_change c
      ON c.table_name = split_part(whole, ' ', 1) AND c.row_id = substr(whole, strpos(whole, ' ') + 1)
    WHERE held_ <> '{}' AND c.xact = xact_ AND c.awaits_flow IS NOT NULL LIMIT 1;
  INSERT INTO ${SCHEMA}.account_change (table_name, row_id, kind, at, held, part_of, xact, awaits_flow, fell_of)
    VALUES (table_, row_, CASE WHEN flow_ IS NULL THEN 'deleted' ELSE 'fell' END, ${NOW}, held_, part_of_, xact_,
      flow_, owner_);
END $$;
CREATE OR REPLACE FUNCTION ${SCHEMA}.account_truncated() RETURNS trigger LANGUAGE plpgsql ${AS_OWNER} AS $$
BEGIN
  INSERT INTO ${LACKING} (table_name) VALUES (TG_TABLE_NAME);
  RETURN NULL;
EXCEPTION WHEN undefined_table OR invalid_schema_name THEN
  RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION ${SCHEMA}.account_flow_came(flow_ text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF ${SCHEMA}.account_flow_by_git(flow_) THEN RETURN; END IF;
  -- Of a flow whose delete is held nothing is deleted yet.
  IF EXISTS (SELECT FROM ${SCHEMA}.account_row WHERE table_name = 'flow' AND row_id = flow_ AND held_at IS NOT NULL) THEN RETURN; END IF;
  -- What the agent is about to take out of the log is kept by then.
  UPDATE ${SCHEMA}.account_change SET kind = 'deleted', awaits_flow = NULL, fell_of = NULL
    WHERE awaits_flow = flow_;
  INSERT INTO ${SCHEMA}.account_change (table_name, row_id, kind, at)
    SELECT table_name, row_id, 'deleted', ${NOW} FROM ${SCHEMA}.account_row
      WHERE awaits_flow = flow_ AND fell_of IS NOT NULL;
END $$;
`,
];

/**
 * Returns SQL for a column's value as the text of `jsonb`. A `json` value may contain characters that `jsonb` and
 * PostgreSQL's `text` cannot store. They are replicated as U+FFFD, and the region that wrote them keeps the original.
 */
export const valueSql = (column: string, row: string): string =>
  `${SCHEMA}.account_text(${row}.${escapeIdentifier(column)})`;

/**
 * Returns SQL for a column's value as unmodified JSON text. It serves only comparisons, so no character can make it
 * fail.
 */
const textSql = (column: string, row: string): string =>
  `coalesce(to_json(${row}.${escapeIdentifier(column)})::text, 'null')`;

/**
 * Name of the trigger on each replicated table. The trigger itself refers to no column, so that LangFlow's migrations
 * can change column types.
 */
export const TRIGGER = "langflow_dr_account";

/**
 * Returns SQL that creates the triggers that log a table's writes. The trigger function refers to columns, and
 * PostgreSQL resolves them at run time. If a migration drops one of them, the function logs nothing until the agent
 * detects the new schema and recreates it.
 */
export function captureSql(rule: ReplicatedTable, parts: ReturnType<typeof flowParts>): string {
  const { table, columns, key, only } = rule;
  const run = `${SCHEMA}.${escapeIdentifier(`account_${table}`)}`;
  const travels = (row: string) => (only ? conditionSql(only, row) : "true");
  const id = (row: string) => rowId(key, row);
  const all = textArray(columns);
  return `
CREATE OR REPLACE FUNCTION ${run}() RETURNS trigger LANGUAGE plpgsql ${AS_OWNER} AS $$
DECLARE
  old_id_ text;
  new_id_ text;
  columns_ text[];
  held_ jsonb;
BEGIN
  IF ${IS_APPLYING} THEN RETURN NULL; END IF;
  IF TG_OP <> 'INSERT' THEN
    IF ${travels("OLD")} THEN old_id_ := ${id("OLD")}; END IF;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    IF ${travels("NEW")} THEN new_id_ := ${id("NEW")}; END IF;
  END IF;
  IF old_id_ IS NULL AND new_id_ IS NULL THEN RETURN NULL; END IF;
  BEGIN
    IF old_id_ = new_id_ THEN
      SELECT array_agg(name) INTO columns_ FROM (VALUES ${columns.map(
        (column) => `(${escapeLiteral(column)}, ${textSql(column, "OLD")}, ${textSql(column, "NEW")})`,
      )}) AS c (name, before_, after_) WHERE before_ <> after_;
      IF columns_ IS NULL${ownFindings(rule)} THEN RETURN NULL; END IF;
    ELSIF new_id_ IS NOT NULL THEN
      columns_ := ${all};
    END IF;
  EXCEPTION WHEN OTHERS THEN
    -- Nobody's write fails for a value that cannot be looked at.
    columns_ := ${all};
  END;
  IF old_id_ = new_id_ THEN
    ${nulled(rule)}
    INSERT INTO ${SCHEMA}.account_change (table_name, row_id, kind, at, columns, held, xact)
      VALUES ('${table}', new_id_, 'edited', ${NOW}, columns_, held_, CASE WHEN held_ IS NOT NULL THEN ${XACT} END);
  ELSE
    ${madeOrDeleted(rule, parts.get(table) ?? [])}
  END IF;
  IF pg_notification_queue_usage() < 0.5 THEN PERFORM pg_notify('${CHANNEL}', ''); END IF;
  RETURN NULL;
EXCEPTION WHEN undefined_table OR undefined_column OR undefined_function OR invalid_schema_name THEN
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER ${TRIGGER} AFTER INSERT OR UPDATE OR DELETE ON public.${escapeIdentifier(table)}
  FOR EACH ROW EXECUTE FUNCTION ${run}();
CREATE OR REPLACE TRIGGER ${TRIGGER}_truncated AFTER TRUNCATE ON public.${escapeIdentifier(table)}
  FOR EACH STATEMENT EXECUTE FUNCTION ${SCHEMA}.account_truncated();`;
}

/**
 * Returns SQL for a row's id: the text of its key columns. In a key of several columns, null counts as an empty text.
 */
export function rowId(key: readonly string[], row: string): string {
  const [only = "", ...more] = key.map((column) => `${row}.${escapeIdentifier(column)}::text`);
  return more.length === 0 ? only : [only, ...more].map((each) => `coalesce(${each}, '')`).join(" || '/' || ");
}

/**
 * Returns SQL that collects the references which this write sets to null, as a foreign key does when the referenced row
 * is deleted.
 */
function nulled({ references }: ReplicatedTable): string {
  const columns = Object.entries(references).flatMap(([column, { dead, soft }]) =>
    dead === "null" && !soft ? [column] : [],
  );
  if (columns.length === 0) return "";
  const values = columns.map((column) => {
    const name = escapeIdentifier(column);
    return `(${escapeLiteral(column)}, to_json(OLD.${name})::text, NEW.${name} IS NULL)`;
  });
  return `SELECT jsonb_object_agg(name, before_) INTO held_
      FROM (VALUES ${values.join(", ")}) AS r (name, before_, gone_) WHERE gone_ AND before_ IS NOT NULL;`;
}

/**
 * Returns a condition for writes to skip: a write of a value that each region determines for itself is not an edit, nor
 * are the other columns of that write.
 */
function ownFindings({ regionalValues = {} }: ReplicatedTable): string {
  return Object.entries(regionalValues)
    .map(([column, values]) => {
      const written = `${escapeLiteral(column)} = ANY(columns_)`;
      return ` OR (${written} AND NEW.${escapeIdentifier(column)}::text = ANY(${textArray(values)}))`;
    })
    .join("");
}

const madeOrDeleted = (rule: ReplicatedTable, parts: readonly PartOf[]): string => `
    IF old_id_ IS NOT NULL THEN
      BEGIN
        held_ := CASE WHEN ${bytesSql(rule.columns, "OLD")} <= ${ROW_BYTES_MAX} THEN ${textsSql(rule.columns, "OLD")} ELSE '{}' END;
      EXCEPTION WHEN OTHERS THEN
        -- It counts as a delete like another; the values are in the buckets.
        held_ := '{}';
      END;
      ${mayComeBack(rule) ? BY_GIT_UNHELD : ""}
      ${rule.ofRun ? "held_ := NULL;" : ""}
      ${rule.columns.includes("is_environment_managed") ? FROM_ENVIRONMENT_UNHELD : ""}
      ${ofDrillUnheld(rule)}
      ${parts.length > 0 ? deletedPart(rule, parts) : deleted(rule)}
      ${mayComeBack(rule) ? `IF TG_OP = 'DELETE' THEN PERFORM ${SCHEMA}.account_flow_fell(old_id_, OLD.user_id::text); END IF;` : ""}
    END IF;
    ${mayComeBack(rule) ? `IF TG_OP = 'INSERT' THEN PERFORM ${SCHEMA}.account_flow_came(new_id_); END IF;` : ""}
    IF new_id_ IS NOT NULL THEN
      INSERT INTO ${SCHEMA}.account_change (table_name, row_id, kind, at, columns)
        VALUES ('${rule.table}', new_id_, 'made', ${NOW}, columns_);
    END IF;`;

/**
 * A variable that LangFlow takes from its environment becomes regional, but is not deleted. LangFlow 1.13 inserts it as
 * a user's and marks it in the same transaction, and marks those of earlier releases at their user's next sign-in. It
 * then sets both times to the same value, and keeps the name and the value (`langflow/services/variable/service.py`).
 * Any other update that makes a variable regional counts as a delete.
 */
const FROM_ENVIRONMENT_UNHELD = `IF TG_OP = 'UPDATE' AND NEW.id = OLD.id AND NEW.name = OLD.name AND NEW.value = OLD.value
        AND NEW.is_environment_managed AND NEW.updated_at = NEW.created_at THEN held_ := NULL; END IF;`;

/**
 * Deletes by a Git push are never held here: the push is a person's decision, and the recorder has its own limit for
 * deletes.
 */
const BY_GIT_UNHELD = `IF ${SCHEMA}.account_flow_by_git(old_id_) THEN held_ := NULL; END IF;`;

/**
 * Returns SQL that exempts a drill's own cleanup from being held. Rows that were moved to a drill account later are not
 * exempt, because that may be a mistake.
 */
function ofDrillUnheld({ table, columns }: ReplicatedTable): string {
  const unheldIf = (...conditions: string[]) => `IF ${conditions.join(" AND ")} THEN held_ := NULL; END IF;`;
  if (table === "user")
    return unheldIf(`starts_with(OLD.username, '${DRILL_ACCOUNT}-')`, asMade("user", "old_id_", "username"));
  if (!columns.includes("user_id")) return "";
  return unheldIf(
    `EXISTS (SELECT FROM public."user" u WHERE u.id = OLD.user_id AND starts_with(u.username, '${DRILL_ACCOUNT}'))`,
    asMade("user", "OLD.user_id::text", "username"),
    asMade(table, "old_id_", "user_id"),
  );
}

/**
 * Returns a condition: no state and no log entry shows that the row was deleted or that this column was edited since
 * the row was created.
 */
const asMade = (table: string, id: string, column: string): string => `NOT EXISTS (
      SELECT FROM ${SCHEMA}.account_row WHERE table_name = '${table}' AND row_id = ${id}
        AND (deleted_at IS NOT NULL OR stamps ? '${column}')
      UNION ALL SELECT FROM ${SCHEMA}.account_change WHERE table_name = '${table}' AND row_id = ${id}
        AND (kind = 'deleted' OR kind = 'edited' AND '${column}' = ANY(columns)))`;

const deleted = ({ table }: ReplicatedTable): string =>
  `INSERT INTO ${SCHEMA}.account_change (table_name, row_id, kind, at, held, xact)
        VALUES ('${table}', old_id_, 'deleted', ${NOW}, held_, ${XACT});`;

/**
 * Returns SQL that logs the delete of a flow's child row. LangFlow deletes the children of a flow before the flow, in
 * one transaction. Only the flow's own delete shows that this was a cascade delete, which a concurrent edit in another
 * region may undo. Until then the row counts as deleted, and its values are kept.
 */
const deletedPart = ({ table }: ReplicatedTable, parts: readonly PartOf[]): string => `
      PERFORM ${SCHEMA}.account_part_deleted('${table}', old_id_, held_, ${partOfSql(parts, "OLD")});`;

const besideKey = ({ columns, key }: ReplicatedTable): string[] => columns.filter((column) => !key.includes(column));

/**
 * Returns SQL for a JSON object of columns, each value as PostgreSQL writes it.
 *
 * @param shown SQL that transforms a value
 */
export const textsSql = (columns: readonly string[], row: string, shown = (value: string) => value): string =>
  `(SELECT jsonb_object_agg(c.name, coalesce(${shown("c.value")}, 'null')) FROM ${valuesSql(columns, row)} AS c (name, value))`;

/** Returns SQL for the bytes of text in columns. Converts few values to text. */
export const bytesSql = (columns: readonly string[], row: string): string =>
  columns.map((column) => `coalesce(octet_length(${row}.${escapeIdentifier(column)}::text)::bigint, 0)`).join(" + ");

/** Returns SQL for a list of columns, each with its value as PostgreSQL writes it. */
export const valuesSql = (columns: readonly string[], row: string): string =>
  `(VALUES ${columns.map((column) => `(${escapeLiteral(column)}, ${valueSql(column, row)})`)})`;

/**
 * Returns SQL that captures rows which no trigger logged: rows from before the triggers existed, or from a time without
 * them. The rows get the creation and edit times that LangFlow stores, and are queued for publication. The statement
 * takes no lock. The triggers already exist by then and log concurrent writes.
 *
 * The statement's parameters are the primary key after which to start, as a JSON object or null, and the number of
 * rows. It returns the number of rows that it captured, and the primary key of the last one.
 */
export function baselineSql(rule: ReplicatedTable, primaryKey: readonly string[]): string {
  const { table, key, only, madeAt, editedAt, naturalKey, versions } = rule;
  const name = `public.${escapeIdentifier(table)}`;
  const id = rowId(key, "t");
  const named = naturalKey?.on.map(columnOf) ?? [];
  const written = besideKey(rule).filter((column) => !named.includes(column));
  const keys = primaryKey.map((column) => escapeIdentifier(column));
  const order = keys.map((column) => `t.${column}`).join(", ");
  return `
    WITH page AS MATERIALIZED (
      SELECT t.* FROM ${name} t WHERE $1::jsonb IS NULL
          OR (${order}) > (SELECT ${keys.join(", ")} FROM jsonb_populate_record(NULL::${name}, $1::jsonb))
        ORDER BY ${order} LIMIT $2),
    looked AS (
      INSERT INTO ${SCHEMA}.account_row AS known (table_name, row_id, made_at, stamps, news)
      SELECT ${escapeLiteral(table)}, id, made, coalesce((SELECT jsonb_object_agg(name, edited)
          FROM unnest(${textArray(written)}) AS name WHERE edited > made), '{}'),
        nextval('${SCHEMA}.account_news')
      FROM (SELECT ${id} AS id, ${firstTime(id, [madeAt, editedAt])} AS made, ${firstTime(id, [editedAt, madeAt])} AS edited
        FROM page t${only ? ` WHERE ${conditionSql(only, "t")}` : ""}) r
      WHERE NOT EXISTS (SELECT FROM ${SCHEMA}.account_change c
        WHERE c.table_name = ${escapeLiteral(table)} AND c.row_id = r.id AND c.kind = 'made')
      ON CONFLICT (table_name, row_id) DO ${versions ? ONCE_BESIDE_GIT : "NOTHING"})
    SELECT count(*)::int AS rows, (SELECT jsonb_build_object(${keys.map((column, at) => `${escapeLiteral(primaryKey[at] ?? "")}, t.${column}`).join(", ")})::text
      FROM page t ORDER BY ${keys.map((column) => `t.${column} DESC`).join(", ")} LIMIT 1) AS last FROM page`;
}

/**
 * Returns SQL that deletes the states of flows that no longer exist and that earlier releases of the agent left behind.
 */
export const forgottenSql = ({ table }: ReplicatedTable): string =>
  `DELETE FROM ${SCHEMA}.account_row WHERE table_name = ${escapeLiteral(table)} AND history IS NULL AND made_at = 0`;

/**
 * Conflict clause for flows. Earlier releases stored the state of a flow only if Git had not delivered it, with a
 * creation time of 0. Such a state gets the times that LangFlow stores.
 */
const ONCE_BESIDE_GIT = `UPDATE SET made_at = excluded.made_at, waits = NULL
    WHERE known.history IS NULL AND known.made_at = 0`;

const firstTime = (id: string, columns: readonly (string | undefined)[]): string => {
  const stamps = columns.flatMap((column) =>
    column === undefined ? [] : [timeOf(`t.${escapeIdentifier(column)}::timestamptz`)],
  );
  // A row without a timestamp counts as oldest. Exception: a row whose id has version 8, because `adopt` has just given
  // it the fleet's id.
  return `coalesce(${[...stamps, `CASE WHEN ${id} ~ '^.{14}8' THEN ${NOW} ELSE 1 END`].join(", ")})`;
};

/**
 * Returns SQL for microseconds since 1970, limited to between 1 and now. PostgreSQL cannot cast infinity to an integer,
 * and earlier releases stored 0.
 */
const timeOf = (value: string): string =>
  `CASE WHEN ${value} IS NOT NULL THEN (least(greatest(extract(epoch FROM ${value}), 0.000001), extract(epoch FROM clock_timestamp())) * 1000000)::bigint END`;

const textArray = (values: readonly string[]): string =>
  `ARRAY[${values.map((each) => escapeLiteral(each)).join(", ")}]::text[]`;
