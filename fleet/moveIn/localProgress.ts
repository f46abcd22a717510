import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

const LOOK_MS = 2_000;
/** File timestamps may lag slightly behind the clock. */
const CLOCKS_APART_MS = 1_000;

/**
 * Reports the progress of a run in a local region from its containers' logs: `us-east: carry, imported: message 1500`.
 *
 * @param logs folder of the region's logs
 * @param run name of the run, to which the local fleet appends a number
 * @returns a function that stops reporting
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

/**
 * Returns the message of the agent's last log line. Returns undefined for logs of LangFlow's migrations, which are not
 * JSON.
 */
function lastMessage(log: string): string | undefined {
  const line = readFileSync(log, "utf8").trimEnd().split("\n").at(-1) ?? "";
  try {
    return String(JSON.parse(line).message);
  } catch {
    return undefined;
  }
}
