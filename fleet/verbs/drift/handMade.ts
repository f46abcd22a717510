import type { ClientOptions, Cloudflare } from "cloudflare";
import { ExitCode } from "../../../model/errors";
import { type Change, nameOf, shortType } from "../../engine/changes";
import { exportState } from "../../recovery";
import type { Recorded } from "../../recovery/settle";
import type { Session } from "../../stacks/session";
import type { StackRun } from "../../stacks/stackRun";

type Inputs = Readonly<Record<string, unknown>>;

interface Blind {
  /** Fetches the resource from Cloudflare's API. */
  ask(api: Cloudflare, id: string, inputs: Inputs): Promise<object>;
  /** Cloudflare's property names by our names. */
  readonly properties: Readonly<Record<string, string>>;
}

/**
 * Properties that the provider does not refresh: the `Read` of terraform-provider-cloudflare keeps the state's value
 * (load_balancer/resource.go, load_balancer_monitor/resource.go). The provider does refresh the pool maps that the
 * program sets, even empty ones. However, it would report an empty `countryPools` as changed forever.
 */
const BLIND: Readonly<Record<string, Blind>> = {
  "cloudflare:index/loadBalancer:LoadBalancer": {
    ask: (api, id, { zoneId }) => api.loadBalancers.get(id, { zone_id: String(zoneId) }),
    properties: { rules: "rules", countryPools: "country_pools" },
  },
  "cloudflare:index/loadBalancerMonitor:LoadBalancerMonitor": {
    ask: (api, id, { accountId }) => api.loadBalancers.monitors.get(id, { account_id: String(accountId) }),
    properties: { consecutiveUp: "consecutive_up", consecutiveDown: "consecutive_down", port: "port" },
  },
};

const REFUSED =
  "CLOUDFLARE_API_TOKEN may not read the load balancer: give it Load Balancers Read on the zone and Load Balancing: Monitors and Pools Read on the account";

/** Options for the local fleet's Cloudflare API, which accepts any token. */
const localApi = (url: string): ClientOptions => ({ baseURL: `${url}/client/v4`, apiToken: "local", maxRetries: 0 });

/**
 * Adds manual edits at Cloudflare that the provider does not detect to a stack's drift, by querying Cloudflare's API
 * directly. Resources that cannot be queried count as left out.
 */
export async function withHandMade(session: Session, run: StackRun): Promise<StackRun> {
  if (run.outcome !== "done" || !run.resources.some(({ type }) => type in BLIND)) return run;
  const { deployment } = await exportState(session, run.stack);
  const unread = (deployment?.resources ?? []).filter(({ type }) => type in BLIND);
  const { Cloudflare }: typeof import("cloudflare") = require("cloudflare");
  const api = new Cloudflare(session.cloud ? localApi(session.cloud.url) : {});
  let seen = run;
  for (const recorded of unread) seen = await withLook(api, recorded, seen);
  return seen;
}

async function withLook(api: Cloudflare, recorded: Recorded, run: StackRun): Promise<StackRun> {
  const { urn, type, id = "", inputs: known = {} } = recorded;
  const wanted = run.resources.find((each) => each.urn === urn)?.inputs;
  const change = run.changes.find((each) => each.urn === urn);
  if (!wanted || (change && change.operation !== "update")) return run; // deleted or replaced, so edits do not matter
  const what = `${shortType(type)} ${nameOf(urn)}`;
  try {
    const found = await BLIND[type]?.ask(api, id, known);
    const paths = differing(BLIND[type]?.properties ?? {}, wanted, (found ?? {}) as Inputs);
    if (paths.length === 0) return run;
    const note = `${what}: ${paths.join(", ")} edited at Cloudflare, which the provider does not detect. \`up --refresh\` does not revert it, but a later change may. Revert it at Cloudflare, or change the code`;
    return { ...run, changes: withPaths(run.changes, recorded, paths), notes: [...run.notes, note] };
  } catch (error) {
    const status = (error as { status?: number }).status;
    if (status === 401 || status === 403)
      return { ...run, outcome: "failed", failure: { message: REFUSED, exitCode: ExitCode.Unauthenticated } };
    const note = `${what} was not checked for edits that the provider does not detect: Cloudflare answered ${error instanceof Error ? error.message : error}`;
    return { ...run, leftOut: [...run.leftOut, urn], notes: [...run.notes, note] };
  }
}

/** Returns the properties whose value at Cloudflare differs from the program's. A missing value equals an empty one. */
function differing(properties: Blind["properties"], wanted: Inputs, found: Inputs): string[] {
  return Object.entries(properties)
    .filter(([ours, theirs]) => JSON.stringify(filled(wanted[ours])) !== JSON.stringify(filled(found[theirs])))
    .map(([ours]) => ours)
    .sort();
}

const filled = (value: unknown): unknown =>
  value === null || (typeof value === "object" && Object.keys(value).length === 0) ? undefined : value;

function withPaths(changes: readonly Change[], { urn, type }: Recorded, paths: readonly string[]): Change[] {
  const known = changes.find((each) => each.urn === urn);
  const properties = [...(known?.properties ?? []), ...paths.map((path) => ({ path, replaces: false }))];
  const change: Change = { urn, type, name: nameOf(urn), operation: "update", properties };
  return [...changes.filter((each) => each !== known), change].sort((one, other) => one.urn.localeCompare(other.urn));
}
