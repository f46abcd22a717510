import { NO_ANSWER, nameOf, type Recording, shortType, typeOf } from "../engine/changes";
import type { Project } from "./project";

/** What a cloud in trouble says as well, where it says anything. */
const OUT_OF_ORDER = /StatusCode: 5\d\d\b|ServiceUnavailable|InternalFailure|InternalServerError/;

/**
 * Runs the engine on a stack; where nothing failed but what stands in another AWS region, which does not answer, once more
 * without that. A region keeps a copy of its backups in another one, and must be deployable while that one is dead.
 *
 * What was left out is in `recording.leftOut`.
 *
 * @param home the AWS region of the stack; undefined where it is at home in several, or in none
 * @param work is given the URNs to leave out
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

/** What stands elsewhere and got no answer; none where anything else went wrong as well. */
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

/** The AWS region that a region's stack is at home in. */
export function homeOf(project: Project, stack: string): string | undefined {
  const config = project.stacks.get(stack);
  return config?.kind === "region" ? config.region.awsRegion : undefined;
}
