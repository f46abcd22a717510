/** Oldest major version of Node that still receives fixes (Node's release schedule, 2026). */
const OLDEST_WITH_FIXES = 22;

/** @param version version of Node, for example 20.19.0 */
export function isOutdated(version: string): boolean {
  return Number(version.split(".")[0]) < OLDEST_WITH_FIXES;
}

/**
 * Warns a user at a terminal if this version of Node no longer receives fixes. Suppresses the AWS SDK's similar
 * warning, which would interrupt a verb's output.
 */
export function adviseOnNode(): void {
  if (!isOutdated(process.versions.node)) return;
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";
  if (process.stderr.isTTY)
    process.stderr.write(
      `Node ${process.versions.node} works, but no longer gets security fixes: install Node 22 or 24\n`,
    );
}
