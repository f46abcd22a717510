import type Cloudflare from "cloudflare";
import type { Zone } from "cloudflare/resources/zones/zones";
import type { EdgeStackConfig, FleetConfig } from "../../config/schema";
import { isPublic } from "../../model/addresses";
import { ExitCode } from "../../model/errors";
import { PLANS } from "../../model/frontDoor/rateLimits";
import { PROJECT } from "../../model/names";
import { broken, type CheckResult, ok, together, warning } from "../checks/checkResult";

/** Permissions that the token needs, as Cloudflare's dashboard names them. */
const PERMISSIONS =
  "Zone Read, DNS Write and Load Balancers Write on the zone; Load Balancing: Monitors and Pools Write and Notifications Write on the account";
export const NEW_TOKEN = `create a token with ${PERMISSIONS}, and export it as CLOUDFLARE_API_TOKEN`;

/** A token that expires within this many days causes a warning. */
const EXPIRES_SOON_DAYS = 14;
export const DAY_MS = 86_400_000;

/** HTTP status of an error of the Cloudflare client; undefined if the API did not respond. */
export const statusOf = (error: unknown) => (error as { status?: number }).status;

/** Checks that a token is set and active. It may belong to a user or to the account. */
export async function token(api: Cloudflare, { cloudflareAccountId: account_id }: FleetConfig): Promise<CheckResult> {
  if (!api.apiToken) return broken("CLOUDFLARE_API_TOKEN is not set", NEW_TOKEN, ExitCode.Unauthenticated);
  const verified = await api.user.tokens
    .verify()
    .catch(refused)
    .then((answer) => answer ?? api.accounts.tokens.verify({ account_id }).catch(refused));
  if (!verified) return broken("Cloudflare rejects the token", NEW_TOKEN, ExitCode.Unauthenticated);
  const { status, expires_on } = verified;
  if (status !== "active") return broken(`the token is ${status}`, NEW_TOKEN, ExitCode.Unauthenticated);
  if (expires_on && Date.parse(expires_on) - Date.now() < EXPIRES_SOON_DAYS * DAY_MS)
    return warning(`the token expires on ${expires_on}`, "extend its lifetime: without it the edge cannot be deployed");
  return ok(expires_on ? `active until ${expires_on}` : "active");
}

/** Returns undefined if the API denied the request, and rethrows every other error. */
export function refused(error: unknown): undefined {
  if ([400, 401, 403].includes(statusOf(error) ?? 0)) return undefined;
  throw error;
}

export async function zone(
  api: Cloudflare,
  { zone: name, cloudflareAccountId }: FleetConfig,
): Promise<CheckResult<Zone>> {
  const { result } = await api.zones.list({ name });
  const found = result.find((each) => each.name === name);
  if (!found)
    return broken(
      `the token cannot read the zone ${name}`,
      `add the zone to Cloudflare, or give the token Zone Read on it; or correct ${PROJECT}:zone`,
      ExitCode.BadInput,
    );
  if (found.account.id !== cloudflareAccountId)
    return broken(
      `${name} belongs to a different account than ${PROJECT}:cloudflareAccountId`,
      `set ${PROJECT}:cloudflareAccountId to ${found.account.id}`,
      ExitCode.BadInput,
    );
  if (found.status !== "active")
    return broken(
      `${name} is ${found.status}: its name servers are not Cloudflare's`,
      `at the registrar, set the name servers ${found.name_servers.join(" and ")}`,
      ExitCode.BadInput,
    );
  if (found.paused)
    return broken(
      `${name} is paused: traffic bypasses Cloudflare`,
      "resume Cloudflare on the zone's overview page",
      ExitCode.BadInput,
    );
  return ok(`active, ${found.plan.name ?? "plan unknown"}`, found);
}

/** Steering policies of the zone's load balancers: the account's add-on supports them. */
export type SteeringInUse = readonly string[];

/**
 * Checks that the token can list pools, monitors and load balancers, and that the account has the load balancing
 * add-on. Only an existing load balancer proves the add-on, or a subscription of that name, which requires Billing
 * Read.
 */
export async function loadBalancing(
  api: Cloudflare,
  { id: zone_id, account }: Zone,
): Promise<CheckResult<SteeringInUse>> {
  const account_id = account.id ?? "";
  const [pools, monitors, balancers] = await Promise.all([
    api.loadBalancers.pools.list({ account_id }).catch(refused),
    api.loadBalancers.monitors.list({ account_id }).catch(refused),
    api.loadBalancers.list({ zone_id }).catch(refused),
  ]);
  const hidden = Object.entries({ pools, monitors, "load balancers": balancers }).flatMap(([what, seen]) =>
    seen ? [] : [what],
  );
  if (!balancers || hidden.length > 0)
    return broken(`the token may not read ${hidden.join(", ")}`, NEW_TOKEN, ExitCode.Unauthenticated);
  const inUse = balancers.result.flatMap(({ steering_policy }) => steering_policy ?? []);
  if (balancers.result.length > 0) return ok("in use in this zone", inUse);
  const look = "enable the add-on on the dashboard's Load Balancing page";
  const subscriptions = await api.accounts.subscriptions.get({ account_id }).catch(refused);
  if (!subscriptions)
    return warning("cannot check the load balancing add-on: the token lacks Billing Read", look, inUse);
  for await (const { rate_plan } of subscriptions)
    if (/load.?balanc/i.test(`${rate_plan?.id} ${rate_plan?.public_name}`)) return ok("subscribed", inUse);
  return warning("no load balancing subscription found (an enterprise contract may include it)", look, inUse);
}

/** Shortest interval of a monitor by plan, in seconds (Cloudflare, Load Balancing: Limitations). */
const SHORTEST_INTERVAL = { enterprise: 10, other: 15 };

/**
 * Checks that the plan supports the config's monitor, steering and front door, and that Cloudflare can reach the old
 * LangFlow.
 */
export function plan(
  { plan: { legacy_id, name } }: Zone,
  inUse: SteeringInUse,
  { topology }: FleetConfig,
  { monitor: { intervalSeconds }, steering, frontDoor, movingFrom }: EdgeStackConfig,
): CheckResult {
  const plans: readonly string[] = PLANS;
  const own = plans.indexOf(legacy_id ?? "");
  const enterprise = /enterprise/i.test(`${legacy_id} ${name}`);
  const shortest = enterprise ? SHORTEST_INTERVAL.enterprise : SHORTEST_INTERVAL.other;
  const always = topology === "active-standby" || steering === "random";
  return together([
    intervalSeconds < shortest
      ? broken(
          `the monitor's interval is ${intervalSeconds} s, but ${name ?? "the plan"} requires at least ${shortest} s`,
          `set ${PROJECT}:monitor.intervalSeconds in Pulumi.edge.yaml to ${shortest} or more`,
          ExitCode.BadInput,
        )
      : ok(`interval ${intervalSeconds} s`),
    always || inUse.includes(steering)
      ? ok(always ? "every plan supports this steering" : `steering ${steering}, already in use`)
      : warning(
          `steering ${steering} needs traffic steering in the add-on, which the API does not report before first use`,
          `check on the Load Balancing page that your add-on has it, or set ${PROJECT}:steering in Pulumi.edge.yaml to random`,
        ),
    ...(movingFrom && !isPublic(movingFrom.address)
      ? [
          broken(
            `the LangFlow to move from is at ${movingFrom.address}, which is not reachable from the internet`,
            `set ${PROJECT}:movingFrom.address in Pulumi.edge.yaml to its public address or name`,
            ExitCode.BadInput,
          ),
        ]
      : []),
    ...(frontDoor && own >= 0 && plans.indexOf(frontDoor.plan) > own
      ? [
          broken(
            `the front door is configured for plan ${frontDoor.plan}, but the zone has plan ${name ?? legacy_id}`,
            `set ${PROJECT}:frontDoor.plan in Pulumi.edge.yaml to ${legacy_id}, and set limits that this plan allows (docs/front-door.md)`,
            ExitCode.BadInput,
          ),
        ]
      : []),
  ]);
}

/** Required zone settings: if one is wrong, users get errors although the monitor reports healthy pools. */
const SETTINGS = [
  { id: "ssl", wanted: "strict", fix: "in Cloudflare's dashboard, set SSL/TLS > Overview to Full (strict)" },
  {
    id: "always_use_https",
    wanted: "on",
    fix: "in Cloudflare's dashboard, turn on SSL/TLS > Edge Certificates > Always Use HTTPS",
  },
] as const;

export async function transport(api: Cloudflare, { id: zone_id }: Zone): Promise<CheckResult> {
  return together(
    await Promise.all(
      SETTINGS.map(async ({ id, wanted, fix }) => {
        const setting = await api.zones.settings.get(id, { zone_id }).catch(refused);
        if (!setting)
          return warning(`cannot check ${id}: the token lacks Zone Settings Read`, `check it by hand: ${fix}`);
        const { value } = setting as { value?: unknown };
        if (value === wanted) return ok(`${id} ${wanted}`);
        return broken(`${id} is ${String(value)}, needed: ${wanted}`, fix, ExitCode.BadInput);
      }),
    ),
  );
}
