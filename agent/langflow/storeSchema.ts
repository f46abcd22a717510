import { print } from "../flows/version";

/** The agent's own schema in LangFlow's database. */
export const SCHEMA = "langflow_dr";
/** Where the database notifies the agent of a change. */
export const CHANNEL = "langflow_dr";

/**
 * Is there from a restore that wins until the agent has told the other regions: `at` is the time in microseconds from which on it
 * wins, once that is known.
 */
export const RESTORE_WINS = `${SCHEMA}.restore_wins`;

/** One agent writes for a region: whoever holds this advisory lock, for as long as its session lasts. */
export const WRITER_LOCK = [0x6c616e67, 0x666c6f77] as const;

/**
 * The recorder's tables. They are a cache: where they are lost or rolled back with the database, they are rebuilt from Git.
 *
 * `record_flow` has a row per flow: the file (path and blob) that the row of that revision made. `base` is the blob that
 * a person's edit was based on, while that edit waits for LangFlow to take it; empty where there was no file. `left_blob` is
 * a file that stays as it is although LangFlow's flow makes another one. `relock` says that the agent opened the flow's lock.
 * `record_import` names flows that the agent is about to create for a file in Git.
 *
 * The tables of the previous release (flow_state, region_state, edit) stay as they are: it may run in this database again.
 */
const STATEMENTS = `
CREATE SCHEMA IF NOT EXISTS ${SCHEMA};
CREATE TABLE IF NOT EXISTS ${SCHEMA}.record_flow (
  flow_id uuid PRIMARY KEY,
  path text,
  blob text,
  revision text,
  base text,
  left_blob text,
  relock boolean NOT NULL DEFAULT false
);
CREATE TABLE IF NOT EXISTS ${SCHEMA}.record_state (
  "only" boolean PRIMARY KEY DEFAULT true CHECK ("only"),
  head text
);
INSERT INTO ${SCHEMA}.record_state DEFAULT VALUES ON CONFLICT DO NOTHING;
CREATE TABLE IF NOT EXISTS ${SCHEMA}.record_import (flow_id uuid PRIMARY KEY);
`;

/** Stored as a comment of the table: another release of the agent creates what it lacks. */
export const SCHEMA_VERSION = print(STATEMENTS);
export const SCHEMA_SQL = `${STATEMENTS}
COMMENT ON TABLE ${SCHEMA}.record_state IS '${SCHEMA_VERSION}';
`;
