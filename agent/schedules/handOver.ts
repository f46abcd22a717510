import { OperatorApprovals } from "../approvals/operatorApprovals";
import { REGION_NAME } from "../process/config";
import { AgentError, ExitCode } from "../process/errors";

const APPROVALS = new OperatorApprovals("schedules-to");
/** How long a hand-over is valid: the agent polls several times in it. */
const VALID_MS = 30_000;

/**
 * Asks the agent to give the schedules to a region, if it holds them.
 *
 * @param stateDir of the agent that holds them
 * @throws AgentError (BadInput) if it is not the name of a region or the state directory does not exist
 */
export function handOver(stateDir: string, region: string, now = Date.now()): void {
  if (!REGION_NAME.test(region))
    throw new AgentError(`"${region}" is not our name of a region, such as us-east`, ExitCode.BadInput);
  APPROVALS.append(stateDir, region, now, "cannot be said here");
}

/** The region to which an operator gives the schedules now. */
export function handedTo(stateDir: string, now = Date.now()): string | undefined {
  const last = APPROVALS.read(stateDir).at(-1);
  return last && now - last.at < VALID_MS ? last.subject : undefined;
}
