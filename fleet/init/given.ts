import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";
import { awsRegionName, cidr, regionName } from "../../config/fields";
import { ExitCode, UserError } from "../../model/errors";
import { type Answers, answersSchema, fields } from "./answers";
import { backupRegions, proposeCidr, proposeName } from "./proposals";

/** A region in an answers file. Only the AWS region is required; the rest can be proposed. */
const givenRegion = z.strictObject({
  awsRegion: awsRegionName,
  name: regionName.optional(),
  cidr: cidr.optional(),
  backupRegion: regionName.optional(),
});

export type GivenRegion = z.infer<typeof givenRegion>;

/** Keys of an answers file, for error messages. */
export const ANSWERS_NEEDED = Object.entries(fields)
  .map(([key, field]) => (field.safeParse(undefined).success ? `${key} (optional)` : key))
  .join(", ");

/** Completes regions with proposals for the name, a network that does not overlap the others, and the backup region. */
export function completed(regions: readonly GivenRegion[]): Answers["regions"] {
  const names: string[] = [];
  const cidrs = regions.flatMap((region) => region.cidr ?? []);
  for (const { name, awsRegion } of regions) names.push(name ?? proposeName(awsRegion, names));
  const backups = backupRegions(names);
  return regions.map(({ awsRegion, ...given }, index) => {
    const network = given.cidr ?? proposeCidr(cidrs) ?? "";
    if (given.cidr === undefined) cidrs.push(network);
    return {
      name: names[index] ?? "",
      awsRegion,
      cidr: network,
      backupRegion: given.backupRegion ?? backups[index] ?? "",
    };
  });
}

/**
 * Reads answers from a YAML or JSON file.
 *
 * @throws UserError exit 2 that lists every missing or invalid answer
 */
export function readAnswers(file: string): Answers {
  const loose = z.looseObject({ regions: z.array(givenRegion) });
  const raw = contentOf(file);
  const regions = loose.safeParse(raw);
  const whole = answersSchema.safeParse(
    regions.success ? { ...regions.data, regions: completed(regions.data.regions) } : raw,
  );
  if (whole.success) return whole.data;
  const problems = regions.success
    ? whole.error.issues
    : [...regions.error.issues, ...whole.error.issues.filter(({ path }) => path[0] !== "regions")];
  const lines = problems.map(({ path, message }) => `  ${path.join(".") || "the file"}: ${message}`);
  throw new UserError(
    [`${file} is incomplete or invalid; nothing was written.`, ...new Set(lines)].join("\n"),
    ExitCode.BadInput,
  );
}

function contentOf(file: string): unknown {
  try {
    return parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new UserError(`${file} cannot be read: ${(error as Error).message}`, ExitCode.BadInput);
  }
}
