import { REGION_NAME } from "../config";
import { AgentError, ExitCode } from "../errors";
import { PersonsWord } from "../personsWord";

const WORD = new PersonsWord("schedules-to");
/** The agent looks several times in it. A word that came too late is to be said again. */
const HOLDS_MS = 30_000;

/**
 * Says to which region the agent gives the schedules, where it holds them.
 *
 * @param stateDir of the agent that holds them
 * @throws AgentError (BadInput) where it is no name of a region, or the folder is not there
 */
export function handOver(stateDir: string, region: string, now = Date.now()): void {
  if (!REGION_NAME.test(region))
    throw new AgentError(`"${region}" is not our name of a region, such as us-east`, ExitCode.BadInput);
  WORD.say(stateDir, region, now, "cannot be said here");
}

/** To which region a person gives the schedules now. */
export function handedTo(stateDir: string, now = Date.now()): string | undefined {
  const last = WORD.said(stateDir).at(-1);
  return last && now - last.at < HOLDS_MS ? last.word : undefined;
}
