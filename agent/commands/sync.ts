import { parseConfig } from "../process/config";
import type { Context } from "../process/context";

/** Runs the region's agent until the signal aborts. */
export async function sync(context: Context): Promise<void> {
  const { run } = await import("../run");
  await run(parseConfig("sync", context.environment), context);
}
