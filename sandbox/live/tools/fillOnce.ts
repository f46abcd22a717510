import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Marker file that is written last and shows that a folder is complete. */
const MARK = "whole";

/** Whether a folder was filled completely. */
export function isWhole(folder: string): boolean {
  return existsSync(join(folder, MARK));
}

/**
 * Fills a folder unless it is complete. Callers must ensure that only one process does so at a time. Installed tools
 * contain their own path, so they cannot be installed elsewhere and moved; an incomplete folder is deleted and filled
 * again.
 */
export async function fillOnce(folder: string, fill: () => Promise<unknown>): Promise<void> {
  if (isWhole(folder)) return;
  rmSync(folder, { recursive: true, force: true });
  await fill();
  writeFileSync(join(folder, MARK), `${new Date().toISOString()}\n`);
}
