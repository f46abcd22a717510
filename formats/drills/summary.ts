import { z } from "zod";
import { REGION_NAME } from "../regionName";

/** Maximum number of names in a summary, which become labels. A drill has about twenty checks. */
const NAMES_MAX = 40;
const NAME_CHARACTERS_MAX = 100;

const moment = z.number().int().positive();
const seconds = z.number().nonnegative();

/**
 * Summary of a drill, in the version that this agent supports (`fleet/drill/summary.ts` writes it). Times are in
 * milliseconds since 1970. Unknown fields, for example of a later release, are dropped.
 */
const shape = z.object({
  version: z.literal(1),
  region: z.string().regex(REGION_NAME),
  fault: z.string().regex(/^[a-z][a-z+-]{0,39}$/),
  began: moment,
  ended: moment,
  faultAt: moment.optional(),
  restoredAt: moment.optional(),
  passed: z.boolean(),
  detectionSeconds: seconds.optional(),
  recoverySeconds: seconds.optional(),
  missed: z.array(z.string().max(NAME_CHARACTERS_MAX)).max(NAMES_MAX),
});

export type DrillSummary = z.infer<typeof shape>;

/** @returns undefined if the text is not a summary of a supported version, or belongs to a different region */
export function parseSummary(text: string, region: string): DrillSummary | undefined {
  try {
    const summary = shape.parse(JSON.parse(text));
    return summary.region === region ? summary : undefined;
  } catch {
    return undefined;
  }
}
