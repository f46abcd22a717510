import { type Decision, decide } from "../approvals/heldDeletes";
import { parseConfig } from "../process/config";
import type { Context } from "../process/context";

/** Records a decision on held deletes. The agent that holds them reads the decision in its next cycle. */
export async function decideDeletes(
  { environment, log }: Context,
  decision: Decision,
  { deletes }: { deletes: string },
): Promise<void> {
  decide(parseConfig(decision, environment).AGENT_STATE_DIR, deletes, decision);
  log.info({ code: deletes }, decision === "release" ? "released" : "rejected");
}
