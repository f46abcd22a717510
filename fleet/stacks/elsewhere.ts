import { NO_ANSWER, nameOf, type Recording, shortType, typeOf } from "../engine/changes";
import type { Project } from "./project";

/** Errors of a cloud service during an outage. */
const OUT_OF_ORDER = /StatusCode: 5\d\d\b|ServiceUnavailable|InternalFailure|InternalServerError/;

/**
 * Runs the engine on a stack. If the only failures are resources in a different AWS region that does not answer, runs
 * the engine again without those resources. A region copies its backups to a different AWS region, and must remain
 * deployable if that AWS region fails.
 *
 * Adds the excluded resources to `recording.leftOut`.
 *
 * @param home AWS region of the stack; undefined if the stack spans several AWS regions or none
 * @param work called with the URNs to exclude
 */
export async function withoutDeadRegions<T>(
  recording: Recording,
  home: string | undefined,
  work: (exclude: string[]) => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await work([...recording.leftOut]);
    } catch (error) {
      const dead = home === undefined ? [] : unanswered(recording, home);
      if (dead.length === 0) throw error;
      recording.leftOut.push(...dead.map(({ urn }) => urn));
      recording.notes.push(...dead.map(({ urn, region }) => inWords(urn, region)));
      recording.startAgain();
    }
  }
}

/** Returns the resources outside of `home` that got no answer. Returns none if anything else failed too. */
function unanswered(recording: Recording, home: string): { urn: string; region: string }[] {
  const refusals = (recording.refusals ?? []).map(({ state: { urn, inputs }, said }) => ({
    urn,
    region: String(inputs?.region ?? home),
    isUnanswered: NO_ANSWER.test(said) || OUT_OF_ORDER.test(said),
  }));
  return refusals.every(({ region, isUnanswered }) => isUnanswered && region !== home) ? refusals : [];
}

function inWords(urn: string, region: string): string {
  return `${region} does not answer: ${shortType(typeOf(urn))} ${nameOf(urn)} in that region was not checked or changed; the next \`up\` updates it`;
}

/** Returns the AWS region of a region's stack, or undefined for the other stacks. */
export function homeOf(project: Project, stack: string): string | undefined {
  const config = project.stacks.get(stack);
  return config?.kind === "region" ? config.region.awsRegion : undefined;
}
