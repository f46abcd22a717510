import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

/** An engine writes its lock in one go: what is no JSON by then was cut off. */
const WRITTEN_WITHIN_MS = 5_000;

/**
 * Removes the engine's locks that a full disk cut off: with one the engine reads no stack any more ("unexpected end of JSON input"), and
 * nothing of it says whose it was.
 *
 * @param state folder of the local fleet's state
 */
export function removeCutOffLocks(state: string): void {
  const locks = join(state, ".pulumi/locks");
  if (!existsSync(locks)) return;
  for (const name of readdirSync(locks, { recursive: true, encoding: "utf8" })) {
    const file = join(locks, name);
    if (name.endsWith(".json") && isCutOff(file)) rmSync(file, { force: true });
  }
}

function isCutOff(file: string): boolean {
  try {
    if (Date.now() - statSync(file).mtimeMs < WRITTEN_WITHIN_MS) return false;
    JSON.parse(readFileSync(file, "utf8"));
    return false;
  } catch (error) {
    // Another command may have ended meanwhile.
    return error instanceof SyntaxError;
  }
}
