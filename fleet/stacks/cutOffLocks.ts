import { existsSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

/** Age after which invalid JSON in a lock counts as truncated. The engine writes a lock in a single write. */
const WRITTEN_WITHIN_MS = 5_000;

/**
 * Deletes engine locks that a full disk truncated. With a truncated lock the engine fails to read any stack
 * ("unexpected end of JSON input") and does not name the lock.
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
    // A different command may have deleted the lock in the meantime.
    return error instanceof SyntaxError;
  }
}
