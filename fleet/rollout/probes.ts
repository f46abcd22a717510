import type { StackConfig } from "../../config/parse";
import { connectLive } from "../../sandbox/live/client";
import { liveDirectory } from "../local/live";
import type { Session } from "../stacks/session";
import type { HealthProbe } from "./gate";
import { askHealth } from "./healthz";
import { askPoolHealth } from "./poolHealth";

type RegionStack = Extract<StackConfig, { kind: "region" }>;

/**
 * Returns the health probe for a region: Cloudflare's health checks on the clouds, LangFlow's own health check in the
 * local fleet.
 *
 * @returns the probe, or the reason why none is available yet
 */
export function healthProbe(session: Session, config: RegionStack): Promise<HealthProbe | string> {
  return session.options.local ? localProbe(session, config) : poolProbe(session, config);
}

async function poolProbe(session: Session, { fleet, region }: RegionStack): Promise<HealthProbe | string> {
  const outputs = session.has("edge") ? JSON.parse(await session.run("edge", ["stack", "output", "--json"])) : {};
  const pool: unknown = outputs.pools?.[region.name];
  if (typeof pool !== "string") return "Cloudflare has no pool for it yet, so only Kubernetes' readiness was checked";
  return () => askPoolHealth(fleet.cloudflareAccountId, pool);
}

async function localProbe(session: Session, { region }: RegionStack): Promise<HealthProbe | string> {
  const live = await connectLive(liveDirectory(session.options.directory));
  if (!live)
    return "health was not checked, because the live processes are not running (`up --local --live` starts them)";
  return async () => {
    const { regions } = await live.status();
    const url = regions.find((each) => each.region === region.name)?.url;
    return url === undefined ? { healthy: false, said: "it has no address" } : askHealth(url);
  };
}
