/** The oldest major version of Node that still gets fixes (Node's release schedule, 2026). */
const OLDEST_WITH_FIXES = 22;

/** @param version of a Node, for example 20.19.0 */
export function isOutdated(version: string): boolean {
  return Number(version.split(".")[0]) < OLDEST_WITH_FIXES;
}

/**
 * Says in one line that this Node gets no fixes any more, to a person at a terminal; and keeps the AWS SDK from saying the
 * same in the middle of what a verb shows.
 */
export function adviseOnNode(): void {
  if (!isOutdated(process.versions.node)) return;
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
  if (process.stderr.isTTY)
    process.stderr.write(
      `Node ${process.versions.node} works, but no longer gets security fixes: install Node 22 or 24\n`,
    );
}
