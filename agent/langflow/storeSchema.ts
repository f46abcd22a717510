import { print } from "../../formats/flows/version";
import { SCHEMA } from "../../formats/tables/agentSchema";

/** Channel on which the database notifies the agent of a change. */
export const CHANNEL = "langflow_dr";

/**
 * Table that exists from a restore with `--wins` until the agent has published the restored rows. Its column `at` holds
 * the time from which the restored rows win, in microseconds, once that time is known.
 */
export const RESTORE_WINS = `${SCHEMA}.restore_wins`;

/** Advisory lock of the region's writer. The agent whose session holds the lock writes for the region. */
export const WRITER_LOCK = [0x6c616e67, 0x666c6f77] as const;

/**
 * The recorder's tables. They are a cache: if they are lost or rolled back with the database, the agent rebuilds them
 * from Git.
 *
 * `record_flow` has one row per flow: the file (path and blob) that the flow's given revision produced. `base` is the
 * blob on which a person's edit was based, while the edit waits to be written to LangFlow; it is empty if there was no
 * file. `left_blob` is a file that stays unchanged although LangFlow's flow would produce a different one. `relock`
 * means that the agent has opened the flow's lock. `record_import` lists flows that the agent is about to create from a
 * file in Git.
 *
 * The tables of the previous release (flow_state, region_state, edit) stay unchanged, because that release may run in
 * this database again.
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

/** Version of the schema, stored as the table's comment. An agent with a different version creates missing tables. */
export const SCHEMA_VERSION = print(STATEMENTS);
export const SCHEMA_SQL = `${STATEMENTS}
COMMENT ON TABLE ${SCHEMA}.record_state IS '${SCHEMA_VERSION}';
`;
