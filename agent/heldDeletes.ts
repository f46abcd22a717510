import { AgentError, ExitCode } from "./errors";
import { PersonsWord } from "./personsWord";

/** What a person decided on deletes that are held. */
export type Decision = "release" | "reject";

const WORDS = { release: new PersonsWord("released-deletes"), reject: new PersonsWord("rejected-deletes") };
/** A decision holds this long, for deletes that take several cycles. The same deletes later on are another decision. */
const HOLDS_MS = 60 * 60_000;

/**
 * Decides on the held deletes of a code. The code is made of just those: another one more, and they wait again.
 *
 * @param stateDir of the agent that holds them
 * @throws AgentError (BadInput) where it is no code, or the folder is not there
 */
export function decide(stateDir: string, code: string, decision: Decision, now = Date.now()): void {
  if (!/^[0-9a-f]{8}$/.test(code))
    throw new AgentError(
      `"${code}" is no code of held deletes: 8 digits from 0 to f, as the log names it`,
      ExitCode.BadInput,
    );
  WORDS[decision].say(stateDir, code, now, `cannot ${decision} deletes here`);
}

/** Until when a decision on a code holds, in milliseconds; 0: there is none. */
export function decidedUntil(stateDir: string, code: string, decision: Decision): number {
  const said = WORDS[decision].said(stateDir).filter(({ word }) => word === code);
  return Math.max(0, ...said.map(({ at }) => at + HOLDS_MS));
}

/** The decision that holds now; where a person said both, the later. */
export function decisionOn(stateDir: string, code: string, now = Date.now()): Decision | undefined {
  const [release, reject] = [decidedUntil(stateDir, code, "release"), decidedUntil(stateDir, code, "reject")];
  if (Math.max(release, reject) <= now) return undefined;
  return reject >= release ? "reject" : "release";
}
