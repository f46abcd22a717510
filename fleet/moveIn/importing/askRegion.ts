import { randomBytes } from "node:crypto";
import { MOVE_IN_PREFIX } from "../../../formats/bucketKeys";
import { RESULT } from "../../../formats/moveIn/package";
import { ExitCode, UserError } from "../../../model/errors";
import type { Question, Target } from "./importSource";

const NAME_BYTES = 4;
const KEY_BYTES = 32;
/** Placeholder digest for a run without a package. */
const NO_DIGEST = "0".repeat(64);

/**
 * Queries a region whose database only its own pods can reach. An import pod writes the answer to an object in the
 * region's bucket. This function reads and deletes the object.
 *
 * @throws UserError like an import
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
      `the run in ${region} ended without a result (${prefix}/${RESULT} is missing): run the same command again`,
      ExitCode.ResourceFailed,
    );
  } finally {
    // The bucket's lifecycle rule deletes what cannot be deleted now.
    await bucket.deleteBelow(`${prefix}/`).catch(() => undefined);
  }
}
