import { randomBytes } from "node:crypto";
import { type FleetAlone, fleetAlone } from "../../../agent/moveIn/fleetAlone";
import { RESULT } from "../../../agent/moveIn/package";
import { type DatabaseAddress, openDatabase } from "../../../agent/postgres/connection";
import { ExitCode, UserError } from "../../../model/errors";
import { MOVE_IN_PREFIX } from "../../../model/moveIn";
import type { Target } from "../importing/importSource";
import { type WrittenFlows, writeFlows } from "./flowFiles";

const NAME_BYTES = 4;
const KEY_BYTES = 32;
/** There is no package. */
const NO_DIGEST = "0".repeat(64);

/** What is in a region alone, of whose database this process is told. @param withFlows also their texts */
export async function byDatabase(database: DatabaseAddress, withFlows: boolean): Promise<FleetAlone> {
  const client = await openDatabase(database);
  try {
    return await fleetAlone(client, withFlows);
  } finally {
    await client.end();
  }
}

/**
 * The same of a region whose database its pods alone reach: a run of the import's pod looks, and answers by an object in the region's bucket,
 * which is read and deleted.
 *
 * @throws UserError as an import's run
 */
export async function byPod(
  { region, bucket, takeIn }: Target,
  withFlows: boolean,
  report: (message: string) => void,
  signal: AbortSignal,
): Promise<FleetAlone> {
  const packageName = `since-${new Date().toISOString().replaceAll(":", "-")}-${randomBytes(NAME_BYTES).toString("hex")}`;
  const prefix = `${MOVE_IN_PREFIX}/${packageName}`;
  const secretKey = randomBytes(KEY_BYTES).toString("base64url");
  try {
    await takeIn({ packageName, sha256: NO_DIGEST, secretKey, since: { withFlows } }, report, signal);
    const bytes = await bucket.read(`${prefix}/${RESULT}`);
    if (bytes) return JSON.parse(Buffer.from(bytes).toString("utf8"));
    throw new UserError(
      `the run in ${region} ended without its answer (${prefix}/${RESULT} is not there): run the same again`,
      ExitCode.ResourceFailed,
    );
  } finally {
    // What cannot be deleted now the bucket's lifecycle deletes.
    await bucket.deleteBelow(`${prefix}/`).catch(() => undefined);
  }
}

export interface ToldApart {
  readonly rows: FleetAlone["rows"];
  readonly written?: WrittenFlows;
}

/** @param out folder for the flows that were made or changed; undefined: none are written */
export function asFiles({ rows, flows }: FleetAlone, out: string | undefined): ToldApart {
  return out === undefined || !flows ? { rows } : { rows, written: writeFlows(flows, out) };
}
