import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Written last: what says that a folder is whole. */
const MARK = "whole";

/** Whether a folder was filled to the end. */
export function isWhole(folder: string): boolean {
  return existsSync(join(folder, MARK));
}

/**
 * Fills a folder the first time; for one process at a time. What is installed knows its own path, so it can't be made beside
 * its place and then moved there: a folder that is not whole is filled anew.
 */
export async function fillOnce(folder: string, fill: () => Promise<unknown>): Promise<void> {
  if (isWhole(folder)) return;
  rmSync(folder, { recursive: true, force: true });
  await fill();
  writeFileSync(join(folder, MARK), `${new Date().toISOString()}\n`);
}
