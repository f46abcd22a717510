import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

const LOOK_MS = 2_000;
/** A file system's clock is a little behind. */
const CLOCKS_APART_MS = 1_000;

/**
 * Says what a run in a local region is at, by the logs of its containers: `us-east: carry, carried: message 1500`.
 *
 * @param logs folder of the region's logs
 * @param run its name, to which the local fleet adds a number
 * @returns ends it
 */
export function followRun(region: string, logs: string, run: string, report: (message: string) => void): () => void {
  const began = Date.now() - CLOCKS_APART_MS;
  let said = "";
  const look = () => {
    const newest = newestLog(logs, run, began);
    if (newest === undefined) return;
    const done = lastMessage(join(logs, newest));
    const now = [`${region}: ${newest.split(".").at(-2)}`, ...(done === undefined ? [] : [done])].join(", ");
    if (now !== said) report(now);
    said = now;
  };
  const timer = setInterval(look, LOOK_MS);
  return () => clearInterval(timer);
}

function newestLog(logs: string, run: string, began: number): string | undefined {
  const found = readdirSync(logs)
    .filter((file) => file.startsWith(`${run}-`))
    .map((file) => ({ file, at: statSync(join(logs, file)).mtimeMs }))
    .filter(({ at }) => at >= began)
    .sort((one, other) => other.at - one.at);
  return found[0]?.file;
}

/** Of a log of the agent, whose lines are JSON; LangFlow's migrations say nothing of the kind. */
function lastMessage(log: string): string | undefined {
  const line = readFileSync(log, "utf8").trimEnd().split("\n").at(-1) ?? "";
  try {
    return String(JSON.parse(line).message);
  } catch {
    return undefined;
  }
}
