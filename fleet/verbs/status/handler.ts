import pc from "picocolors";
import { ExitCode } from "../../../model/errors";
import { connectLive } from "../../../sandbox/live/client";
import { liveAfterwords, liveDirectory, liveStatusTable, recordLines, replicationLines } from "../../local/live";
import { exportState } from "../../recovery";
import { askHealth } from "../../rollout/healthz";
import { countOf } from "../../stacks/report";
import type { Session } from "../../stacks/session";
import { withSession } from "../../stacks/withSession";
import { print } from "../../terminal/messages";
import { table } from "../../terminal/table";
import type { StatusOptions } from "./verb";

export interface StackStatus {
  readonly stack: string;
  readonly deployed: boolean;
  /** Whether the first update did not complete, or the last one was interrupted. `up` resumes it. */
  readonly unfinished: boolean;
  /** When the stack was last updated, in ISO 8601. Absent before the first update. */
  readonly updated?: string;
  readonly resources: number;
  /** Digest of the running image. Only for regions. */
  readonly image?: string;
  readonly endpoint?: string;
  /**
   * Result of the endpoint's /healthz. Only for the public name, because regions only accept requests from Cloudflare.
   */
  readonly health?: "healthy" | "unhealthy";
}

/**
 * Prints a table of the stacks: whether each is deployed, its image, its endpoint and its health. In the local fleet,
 * also prints a table of the live processes, if any.
 */
export async function status(options: StatusOptions): Promise<ExitCode> {
  return withSession(options, { localCloud: "require", changes: false }, async ({ project, session, order }) => {
    const stacks = await Promise.all(order.flat().map((stack) => statusOf(session, stack)));
    const running = options.local ? await connectLive(liveDirectory(options.directory)) : undefined;
    const live = await running?.status();
    if (options.json)
      print(JSON.stringify({ verb: "status", local: options.local, stacks, ...(live && { live }) }, null, 2));
    else {
      const isRecorded = [...project.stacks.values()].some(({ fleet }) => fleet.flowRepository !== undefined);
      const record = live && isRecorded ? recordLines(live) : [];
      const beside = live ? [...replicationLines(live), ...record, ...liveAfterwords(live)] : [];
      print(tableOf(stacks), ...(live ? [liveStatusTable(live), ...beside] : []));
    }
    return stacks.every(({ deployed }) => deployed) ? ExitCode.Success : ExitCode.StackMissing;
  });
}

async function statusOf(session: Session, stack: string): Promise<StackStatus> {
  if (!session.has(stack)) return { stack, deployed: false, unfinished: false, resources: 0 };
  const {
    manifest,
    resources = [],
    pending_operations: pending = [],
  } = (await exportState(session, stack)).deployment ?? {};
  // Pulumi writes the stack's outputs only after a successful update.
  const ended = resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs;
  const outputs = ended ?? {};
  const url = typeof outputs.url === "string" ? outputs.url : undefined;
  return {
    stack,
    deployed: resources.length > 0,
    unfinished: resources.length > 0 && (ended === undefined || pending.length > 0),
    updated: manifest?.time,
    resources: countOf(resources),
    image: outputs.image as string | undefined,
    endpoint: url ?? (outputs.originHostname as string | undefined),
    ...(url && !session.options.local && { health: await healthOf(url) }),
  };
}

async function healthOf(url: string): Promise<"healthy" | "unhealthy"> {
  return (await askHealth(url)).healthy ? "healthy" : "unhealthy";
}

function tableOf(stacks: readonly StackStatus[]): string {
  const health = { healthy: pc.green("healthy"), unhealthy: pc.red("unhealthy") };
  return table(
    ["stack", "updated", "state", "resources", "image", "endpoint", "health"],
    stacks.map((each) => [
      each.stack,
      each.deployed ? age(each.updated) : "–",
      stateOf(each),
      String(each.resources),
      each.image?.replace(/^.*\//, "").replace(/(sha256:.{12}).*/, "$1") ?? "–",
      each.endpoint ?? "–",
      each.health ? health[each.health] : "–",
    ]),
  );
}

function stateOf({ deployed, unfinished }: StackStatus): string {
  if (!deployed) return pc.yellow("not deployed");
  return unfinished ? pc.yellow("unfinished") : pc.green("deployed");
}

const UNITS = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
] as const;

/** Formats an age in the largest unit that fits, such as `3 h ago`, or `just now` within the last minute. */
export function age(time: string | undefined, now = Date.now()): string {
  if (time === undefined) return "–";
  const seconds = (now - Date.parse(time)) / 1000;
  const [unit, size] = UNITS.find(([, each]) => seconds >= each) ?? [];
  return size === undefined ? "just now" : `${Math.floor(seconds / size)} ${unit} ago`;
}
