import type { ClientOptions, Cloudflare } from "cloudflare";
import { ExitCode } from "../../../model/errors";
import { type Change, nameOf, shortType } from "../../engine/changes";
import { exportState } from "../../recovery";
import type { Recorded } from "../../recovery/settle";
import type { Session } from "../../stacks/session";
import type { StackRun } from "../../stacks/stackRun";

type Inputs = Readonly<Record<string, unknown>>;

interface Blind {
  /** What the API has of it. */
  ask(api: Cloudflare, id: string, inputs: Inputs): Promise<object>;
  /** Name at Cloudflare, by ours. */
  readonly properties: Readonly<Record<string, string>>;
}

/**
 * What the provider does not see when it reads: the `Read` of terraform-provider-cloudflare puts the state's value back
 * (load_balancer/resource.go, load_balancer_monitor/resource.go). The pool maps it does see where the program names them,
 * an empty one included; an empty `countryPools` it would report as changed for ever.
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

/** Where Cloudflare's API is in a local fleet, which takes any token. */
const localApi = (url: string): ClientOptions => ({ baseURL: `${url}/client/v4`, apiToken: "local", maxRetries: 0 });

/**
 * Adds to what drifted what somebody set at Cloudflare by hand and its provider does not see, by a look of our own. What
 * cannot be looked at counts as left out.
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
  if (!wanted || (change && change.operation !== "update")) return run; // gone, or made anew: nothing of it is kept
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

/** The properties in which the cloud has anything else than the program asks for; nothing is as good as an empty one. */
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
