import { z } from "zod";
import { REGION_NAME } from "../process/config";

/** Of the names that a summary holds, which become labels: a drill asks for some twenty things. */
const NAMES_MAX = 40;
const NAME_CHARACTERS_MAX = 100;

const moment = z.number().int().positive();
const seconds = z.number().nonnegative();

/**
 * What a drill left, of the version that this agent knows (`fleet/drill/summary.ts` writes it). Times are milliseconds since 1970. Fields
 * that it does not know, a later release's, are left out.
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

/** @returns undefined where it is no summary of a known version, or another region's */
export function parseSummary(text: string, region: string): DrillSummary | undefined {
  try {
    const summary = shape.parse(JSON.parse(text));
    return summary.region === region ? summary : undefined;
  } catch {
    return undefined;
  }
}
