import pc from "picocolors";
import { ExitCode } from "../../model/errors";
import { connectLive } from "../../sandbox/live/client";
import { print, type VerbOptions, withSession } from "../command";
import { liveAfterwords, liveDirectory, liveStatusTable } from "../live";
import { table } from "../report";
import { askHealth } from "../rollout/healthz";
import type { Session } from "../session";

export interface StackStatus {
  readonly stack: string;
  readonly deployed: boolean;
  /** When the stack was last updated, ISO 8601; absent before the first time. */
  readonly updated?: string;
  readonly resources: number;
  /** The image that runs, by digest; regions only. */
  readonly image?: string;
  readonly endpoint?: string;
  /** What the endpoint's /healthz says; only of the public name, since a region admits Cloudflare alone. */
  readonly health?: "healthy" | "unhealthy";
}

/**
 * A table of the stacks: what is deployed, which image runs, where, and whether it answers; in the local fleet also one
 * of the live processes, where there are any.
 */
export async function status(options: VerbOptions): Promise<ExitCode> {
  return withSession(options, "require", async ({ session, order }) => {
    const stacks = await Promise.all(order.flat().map((stack) => statusOf(session, stack)));
    const running = options.local ? await connectLive(liveDirectory(options.directory)) : undefined;
    const live = await running?.status();
    if (options.json)
      print(JSON.stringify({ verb: "status", local: options.local, stacks, ...(live && { live }) }, null, 2));
    else print(tableOf(stacks), ...(live ? [liveStatusTable(live), ...liveAfterwords(live)] : []));
    return stacks.every(({ deployed }) => deployed) ? ExitCode.Success : ExitCode.StackMissing;
  });
}

async function statusOf(session: Session, stack: string): Promise<StackStatus> {
  if (!session.has(stack)) return { stack, deployed: false, resources: 0 };
  const { deployment } = JSON.parse(await session.run(stack, ["stack", "export"]));
  const resources: { type: string; outputs?: Record<string, unknown> }[] = deployment?.resources ?? [];
  const outputs = resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs ?? {};
  const url = typeof outputs.url === "string" ? outputs.url : undefined;
  return {
    stack,
    deployed: resources.length > 0,
    updated: deployment?.manifest?.time,
    resources: resources.length,
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
    ["stack", "updated", "resources", "image", "endpoint", "health"],
    stacks.map((each) => [
      each.stack,
      each.deployed ? (each.updated ?? "–") : pc.yellow("not deployed"),
      String(each.resources),
      each.image?.replace(/^.*\//, "").replace(/(sha256:.{12}).*/, "$1") ?? "–",
      each.endpoint ?? "–",
      each.health ? health[each.health] : "–",
    ]),
  );
}
