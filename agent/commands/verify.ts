import { backupPlace } from "../backup/backupPlace";
import { parseConfig } from "../process/config";
import type { Context } from "../process/context";

/** Verifies a backup against its manifest. */
export async function verify(context: Context, { backup: id }: { backup?: string }): Promise<void> {
  const { verify } = await import("../backup/verify");
  const config = parseConfig("verify", context.environment);
  await verify({ source: backupPlace(config, context), id, log: context.log });
}
