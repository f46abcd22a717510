import { randomBytes } from "node:crypto";
import { RESULT } from "../../../agent/moveIn/package";
import { ExitCode, UserError } from "../../../model/errors";
import { MOVE_IN_PREFIX } from "../../../model/moveIn";
import type { Question, Target } from "./importSource";

const NAME_BYTES = 4;
const KEY_BYTES = 32;
/** There is no package. */
const NO_DIGEST = "0".repeat(64);

/**
 * Asks a region whose database its pods alone reach: a run of the import's pod answers by an object in the region's bucket, which is read and
 * deleted.
 *
 * @throws UserError as an import's run
 */
export async function askRegion<Answer>(
  { region, bucket, takeIn }: Target,
  question: Question,
  report: (message: string) => void,
  signal: AbortSignal,
): Promise<Answer> {
  const packageName = `${question.stage}-${new Date().toISOString().replaceAll(":", "-")}-${randomBytes(NAME_BYTES).toString("hex")}`;
  const prefix = `${MOVE_IN_PREFIX}/${packageName}`;
  const secretKey = randomBytes(KEY_BYTES).toString("base64url");
  try {
    await takeIn({ packageName, sha256: NO_DIGEST, secretKey, question }, report, signal);
    const bytes = await bucket.read(`${prefix}/${RESULT}`);
    if (bytes) return JSON.parse(Buffer.from(bytes).toString("utf8"));
    throw new UserError(
      `the run in ${region} ended without its answer (${prefix}/${RESULT} is not there): run the same command again`,
      ExitCode.ResourceFailed,
    );
  } finally {
    // What cannot be deleted now the bucket's lifecycle deletes.
    await bucket.deleteBelow(`${prefix}/`).catch(() => undefined);
  }
}
