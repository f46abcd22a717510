import { escapeIdentifier, escapeLiteral } from "pg";
import { CHANNEL, SCHEMA } from "../langflow/storeSchema";
import { conditionSql } from "./rowCondition";
import { columnOf, type TravellingTable } from "./tableRule";

/** Set while the agent writes what comes from elsewhere: no trigger takes it for an edit. */
export const APPLYING = `${SCHEMA}.applying`;

/** Microseconds since 1970 by the database's clock. */
const NOW = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint";

/**
 * What is known of the rows that travel, and a log of what was done to them. The log is written by triggers and only ever
 * added to, so that no edit waits for the agent; the agent takes out what it has read, in the transaction in which it
 * keeps what follows from it. Unlike the triggers that only announce (`storeSchema`), these fail the write that called
 * them where they cannot note it down: an edit that nobody knows of would be lost with the region. Where the schema is
 * gone they let it pass, since the schema's making looks at every row.
 */
export const ACCOUNTS_SQL = `
CREATE SCHEMA IF NOT EXISTS ${SCHEMA};
CREATE TABLE IF NOT EXISTS ${SCHEMA}.account_change (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  table_name text NOT NULL,
  row_id text NOT NULL,
  kind text NOT NULL,
  at bigint NOT NULL,
  columns text[]
);
CREATE INDEX IF NOT EXISTS account_change_row ON ${SCHEMA}.account_change (table_name, row_id);
CREATE SEQUENCE IF NOT EXISTS ${SCHEMA}.account_news;
CREATE TABLE IF NOT EXISTS ${SCHEMA}.account_row (
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
);
CREATE INDEX IF NOT EXISTS account_row_news ON ${SCHEMA}.account_row (news) WHERE news IS NOT NULL;
CREATE INDEX IF NOT EXISTS account_row_waits ON ${SCHEMA}.account_row (table_name) WHERE waits IS NOT NULL;
CREATE TABLE IF NOT EXISTS ${SCHEMA}.account_part (
  region text NOT NULL,
  epoch text NOT NULL,
  next bigint NOT NULL DEFAULT 0,
  beyond bigint[] NOT NULL DEFAULT '{}',
  completed_by bigint,
  PRIMARY KEY (region, epoch)
);
`;

/** The trigger on one table. It names no column as a column, so that LangFlow's migrations may change their types. */
export const TRIGGER = "langflow_dr_account";

/**
 * What notes down one table's writes. Its function names columns, and is looked up when it runs: a migration that takes one
 * of them away makes it note nothing until the agent, which sees the other schema, has made it anew.
 */
export function captureSql(rule: TravellingTable): string {
  const { table, columns, key, only } = rule;
  const run = `${SCHEMA}.${escapeIdentifier(`account_${table}`)}`;
  const travels = (row: string) => (only ? conditionSql(only, row) : "true");
  const id = (row: string) => rowId(key, row);
  return `
CREATE OR REPLACE FUNCTION ${run}() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  before_ jsonb;
  after_ jsonb;
  old_id_ text;
  new_id_ text;
  columns_ text[];
BEGIN
  IF current_setting('${APPLYING}', true) = 'on' THEN RETURN NULL; END IF;
  IF TG_OP <> 'INSERT' THEN
    before_ := to_jsonb(OLD);
    IF ${travels("OLD")} THEN old_id_ := ${id("OLD")}; END IF;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    after_ := to_jsonb(NEW);
    IF ${travels("NEW")} THEN new_id_ := ${id("NEW")}; END IF;
  END IF;
  IF old_id_ IS NULL AND new_id_ IS NULL THEN RETURN NULL; END IF;
  IF old_id_ = new_id_ THEN
    SELECT array_agg(name) INTO columns_ FROM unnest(${textArray(columns)}) AS name
      WHERE before_ -> name IS DISTINCT FROM after_ -> name;
    IF columns_ IS NULL${ownFindings(rule)} THEN RETURN NULL; END IF;
    INSERT INTO ${SCHEMA}.account_change (table_name, row_id, kind, at, columns)
      VALUES ('${table}', new_id_, 'edited', ${NOW}, columns_);
  ELSE
    ${rule.treatment === "besideFlow" ? madeByGit(rule) : madeOrDeleted(rule)}
  END IF;
  IF pg_notification_queue_usage() < 0.5 THEN PERFORM pg_notify('${CHANNEL}', ''); END IF;
  RETURN NULL;
EXCEPTION WHEN undefined_table OR undefined_column OR undefined_function OR invalid_schema_name THEN
  RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER ${TRIGGER} AFTER INSERT OR UPDATE OR DELETE ON public.${escapeIdentifier(table)}
  FOR EACH ROW EXECUTE FUNCTION ${run}();`;
}

/** The text that a row is known by: the columns of its key, null being a value like another where there are several. */
export function rowId(key: readonly string[], row: string): string {
  const [only = "", ...more] = key.map((column) => `${row}.${escapeIdentifier(column)}::text`);
  return more.length === 0 ? only : [only, ...more].map((each) => `coalesce(${each}, '')`).join(" || '/' || ");
}

/** A value that a region finds by itself is no edit, nor is what was written together with it. */
function ownFindings({ regionalValues = {} }: TravellingTable): string {
  return Object.entries(regionalValues)
    .map(([column, values]) => {
      const name = escapeLiteral(column);
      return ` OR (${name} = ANY(columns_) AND after_ ->> ${name} = ANY(${textArray(values)}))`;
    })
    .join("");
}

const madeOrDeleted = ({ table, columns }: TravellingTable): string => `
    IF old_id_ IS NOT NULL THEN
      INSERT INTO ${SCHEMA}.account_change (table_name, row_id, kind, at) VALUES ('${table}', old_id_, 'deleted', ${NOW});
    END IF;
    IF new_id_ IS NOT NULL THEN
      INSERT INTO ${SCHEMA}.account_change (table_name, row_id, kind, at, columns)
        VALUES ('${table}', new_id_, 'made', ${NOW}, ${textArray(columns)});
    END IF;`;

/** An import makes rows too: what LangFlow writes into each new one is no edit. */
function madeByGit(rule: TravellingTable): string {
  return `
    SELECT array_agg(name) INTO columns_ FROM unnest(${textArray(rule.columns)}) AS name
      WHERE after_ -> name IS DISTINCT FROM ${asMade(rule)} -> name;
    IF new_id_ IS NULL OR columns_ IS NULL THEN RETURN NULL; END IF;
    INSERT INTO ${SCHEMA}.account_change (table_name, row_id, kind, at, columns)
      VALUES ('${rule.table}', new_id_, 'edited', ${NOW}, columns_);`;
}

const asMade = (rule: TravellingTable): string =>
  `${escapeLiteral(JSON.stringify(rule.treatment === "besideFlow" ? rule.asMade : {}))}::jsonb`;

/**
 * Looks at all rows of a table that nobody saw being made: those from before the triggers, or while there were none. They
 * count as made and edited when LangFlow says so, and are news.
 */
export function baselineSql(rule: TravellingTable): string {
  const { table, key, columns, only } = rule;
  const id = rowId(key, "t");
  const carried = rule.treatment === "carried" ? rule : undefined;
  const made = carried ? [carried.madeAt, carried.editedAt] : [];
  const edited = carried ? [carried.editedAt, carried.madeAt] : ["updated_at"];
  const named = carried?.naturalKey?.on.map(columnOf) ?? [];
  const written = columns.filter((column) => !named.includes(column) && !key.includes(column));
  return `
    LOCK TABLE public.${escapeIdentifier(table)} IN SHARE ROW EXCLUSIVE MODE;
    INSERT INTO ${SCHEMA}.account_row (table_name, row_id, made_at, stamps, news)
    SELECT ${escapeLiteral(table)}, id, made, coalesce((SELECT jsonb_object_agg(name, edited)
        FROM unnest(${textArray(written)}) AS name
        WHERE edited > made AND whole -> name IS DISTINCT FROM ${asMade(rule)} -> name), '{}'),
      nextval('${SCHEMA}.account_news')
    FROM (SELECT ${id} AS id, ${firstTime(made)} AS made, ${firstTime(edited)} AS edited, to_jsonb(t) AS whole
      FROM public.${escapeIdentifier(table)} t${only ? ` WHERE ${conditionSql(only, "t")}` : ""}) r
    ON CONFLICT (table_name, row_id) DO NOTHING;`;
}

const firstTime = (columns: readonly (string | undefined)[]): string => {
  const stamps = columns.flatMap((column) =>
    column === undefined ? [] : [`(extract(epoch FROM t.${escapeIdentifier(column)}::timestamptz) * 1000000)::bigint`],
  );
  return `coalesce(${[...stamps, "0"].join(", ")})`;
};

const textArray = (values: readonly string[]): string =>
  `ARRAY[${values.map((each) => escapeLiteral(each)).join(", ")}]::text[]`;
