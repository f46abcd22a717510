import { type Decision, decide } from "../approvals/heldDeletes";
import { parseConfig } from "../process/config";
import type { Context } from "../process/context";

/** Decides on deletes that wait for a person; the agent that holds them sees it in its next cycle. */
export async function decideDeletes(
  { environment, log }: Context,
  decision: Decision,
  { deletes }: { deletes: string },
): Promise<void> {
  decide(parseConfig(decision, environment).AGENT_STATE_DIR, deletes, decision);
  log.info({ code: deletes }, decision === "release" ? "released" : "rejected");
}
