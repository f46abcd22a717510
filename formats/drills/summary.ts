import { z } from "zod";
import { REGION_NAME } from "../regionName";

/** Maximum number of names in a summary, which become labels. A drill has about twenty checks. */
const NAMES_MAX = 40;
const NAME_CHARACTERS_MAX = 100;

const moment = z.number().int().positive();
const seconds = z.number().nonnegative();

/**
 * Summary of a drill for monitoring, stored in addition to the report. Each region's agent exports it as metrics. It
 * contains numbers and names, but nothing that a visitor or user sent. Times are in milliseconds since 1970. Unknown
 * fields, for example of a later release, are dropped.
 */
const shape = z.object({
  version: z.literal(1),
  /** Drilled region. */
  region: z.string().regex(REGION_NAME),
  fault: z.string().regex(/^[a-z][a-z+-]{0,39}$/),
  began: moment,
  ended: moment,
  /** Absent if the drill ended before it injected the fault. */
  faultAt: moment.optional(),
  /** When the region had been restored. Absent under the same condition as `faultAt`. */
  restoredAt: moment.optional(),
  passed: z.boolean(),
  /** Absent if the monitor did not detect the fault, as in the report. */
  detectionSeconds: seconds.optional(),
  /** RTO. Absent if it could not be measured. */
  recoverySeconds: seconds.optional(),
  /** Names of the missed targets and failed checks. */
  missed: z.array(z.string().max(NAME_CHARACTERS_MAX)).max(NAMES_MAX),
});

export type DrillSummary = Readonly<z.infer<typeof shape>>;

/** @returns undefined if the text is not a summary of a supported version, or belongs to a different region */
export function parseSummary(text: string, region: string): DrillSummary | undefined {
  try {
    const summary = shape.parse(JSON.parse(text));
    return summary.region === region ? summary : undefined;
  } catch {
    return undefined;
  }
}
