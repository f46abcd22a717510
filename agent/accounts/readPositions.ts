import type { ClientBase } from "pg";
import { SCHEMA } from "../../formats/tables/agentSchema";
import { rowKey } from "./database";
import type { Waiting } from "./langflowTables";
import { keepSeen } from "./schema";
import type { Read } from "./segmentPlaces";

/** Returns the read positions in a region's epochs. */
export async function readSoFar(client: ClientBase, region: string): Promise<Read[]> {
  const { rows } = await client.query<{ epoch: string; next: string; beyond: string[]; completed: string | null }>(
    `SELECT epoch, next::text, beyond::text[], completed_by::text AS completed FROM ${SCHEMA}.account_part
      WHERE region = $1 ORDER BY epoch`,
    [region],
  );
  return rows.map(({ epoch, next, beyond, completed }) => ({
    epoch,
    next: Number(next),
    beyond: beyond.map(Number),
    ...(completed !== null && { completedBy: Number(completed) }),
  }));
}

export async function keepReading(client: ClientBase, region: string, read: readonly Read[]): Promise<void> {
  await client.query(`DELETE FROM ${SCHEMA}.account_part WHERE region = $1`, [region]);
  for (const { epoch, next, beyond, completedBy } of read)
    await client.query(
      `INSERT INTO ${SCHEMA}.account_part (region, epoch, next, beyond, completed_by) VALUES ($1, $2, $3, $4, $5)`,
      [region, epoch, next, beyond, completedBy ?? null],
    );
}

/** Deletes a region's read positions, so that all its segments are read again. */
export async function forgetReading(client: ClientBase, region: string): Promise<void> {
  await client.query(`DELETE FROM ${SCHEMA}.account_part WHERE region = $1`, [region]);
  await keepSeen(client, refusedWord(region), []);
}

/** A row that this region cannot store, not even as a waiting row. */
export interface RefusedRow extends Waiting {
  /**
   * True if the row is readable, but too large to merge with this region's own version of it. Absent if no agent can
   * read the row.
   */
  readonly isBeside?: true;
}

/** A refused row, and the epoch of its segment. */
interface Refused {
  readonly epoch: string;
  readonly row: RefusedRow;
}

/** Maximum number of unreadable rows that are listed per region. */
const REFUSED_MAX = 100;
const refusedWord = (region: string): string => `refused ${region}`;

export async function refusedOf(client: ClientBase, regions: readonly string[]): Promise<Refused[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT unnest(names) AS name FROM ${SCHEMA}.account_seen WHERE what = ANY($1::text[]) ORDER BY what`,
    [regions.map(refusedWord)],
  );
  return rows.map(({ name }) => JSON.parse(name) as Refused);
}

/** Stores a region's refused rows. They are listed until the region has written a new snapshot. */
export async function keepRefused(
  client: ClientBase,
  region: string,
  read: readonly Read[],
  more: readonly Refused[],
): Promise<void> {
  const before = await refusedOf(client, [region]);
  const kept = before.filter(({ epoch }) => read.some((each) => each.epoch === epoch));
  if (kept.length === before.length && more.length === 0) return;
  const all = [...kept, ...more];
  const unreadable = all.filter(({ row }) => !row.isBeside).slice(0, REFUSED_MAX);
  const beside = new Map(all.flatMap((each) => (each.row.isBeside ? [[rowKey(each.row), each]] : [])));
  const names = [...beside.values(), ...unreadable].map((each) => JSON.stringify(each));
  await keepSeen(client, refusedWord(region), names);
}
