import { parseConfig } from "../process/config";
import type { Context } from "../process/context";

/** Hands the schedules over to a different region. The agent that holds them reads the request in its next round. */
export async function handOver({ environment, log }: Context, { to }: { to: string }): Promise<void> {
  const { handOver } = await import("../schedules/handOver");
  handOver(parseConfig("handOver", environment).AGENT_STATE_DIR, to);
  log.info({ to }, "the agent hands over the schedules if this region holds them");
}
