import { AgentError, ExitCode } from "../../formats/agentErrors";
import { OperatorApprovals } from "./operatorApprovals";

/** An operator's decision on held deletes. */
export type Decision = "release" | "reject";

const APPROVALS = {
  release: new OperatorApprovals("released-deletes"),
  reject: new OperatorApprovals("rejected-deletes"),
};
/**
 * Validity of a decision, in milliseconds. Deletes may take several cycles. If the same deletes occur again later, they
 * need a new decision.
 */
const VALID_MS = 60 * 60_000;

/**
 * Records a decision on the held deletes of a code. The code identifies exactly these deletes: if one more delete is
 * held, all of them wait again under a new code.
 *
 * @param stateDir state directory of the agent that holds the deletes
 * @throws AgentError (BadInput) if the code is malformed or the state directory does not exist
 */
export function decide(stateDir: string, code: string, decision: Decision, now = Date.now()): void {
  if (!/^[0-9a-f]{8}$/.test(code))
    throw new AgentError(
      `"${code}" is not a code of held deletes: copy the 8 hexadecimal digits from the log`,
      ExitCode.BadInput,
    );
  APPROVALS[decision].append(stateDir, code, now, `cannot record the decision to ${decision} deletes`);
}

/** Returns the time until which a decision on a code is valid, in milliseconds, or 0 if there is no decision. */
export function decidedUntil(stateDir: string, code: string, decision: Decision): number {
  const decisions = APPROVALS[decision].read(stateDir).filter(({ subject }) => subject === code);
  return Math.max(0, ...decisions.map(({ at }) => at + VALID_MS));
}

/** Returns the decision that is valid now. If the operator recorded both, the later one counts. */
export function decisionOn(stateDir: string, code: string, now = Date.now()): Decision | undefined {
  const [release, reject] = [decidedUntil(stateDir, code, "release"), decidedUntil(stateDir, code, "reject")];
  if (Math.max(release, reject) <= now) return undefined;
  return reject >= release ? "reject" : "release";
}
