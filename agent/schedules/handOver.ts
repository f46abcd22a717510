import { AgentError, ExitCode } from "../../formats/agentErrors";
import { REGION_NAME } from "../../formats/regionName";
import { OperatorApprovals } from "../approvals/operatorApprovals";

const APPROVALS = new OperatorApprovals("schedules-to");
/** Validity of a hand-over, in milliseconds. The agent polls several times in this period. */
const VALID_MS = 30_000;

/**
 * Asks the agent to hand over the schedules to a region, if it holds them.
 *
 * @param stateDir state directory of the agent that holds the schedules
 * @throws AgentError (BadInput) if `region` is not the name of a region or the state directory does not exist
 */
export function handOver(stateDir: string, region: string, now = Date.now()): void {
  if (!REGION_NAME.test(region))
    throw new AgentError(`"${region}" is not the name of a region, such as us-east`, ExitCode.BadInput);
  APPROVALS.append(stateDir, region, now, "cannot record the hand-over");
}

/** Returns the region to which an operator is handing over the schedules, if the hand-over is still valid. */
export function handedTo(stateDir: string, now = Date.now()): string | undefined {
  const last = APPROVALS.read(stateDir).at(-1);
  return last && now - last.at < VALID_MS ? last.subject : undefined;
}
