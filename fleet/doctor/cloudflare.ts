import type Cloudflare from "cloudflare";
import type { Zone } from "cloudflare/resources/zones/zones";
import type { EdgeStackConfig, FleetConfig } from "../../config/schema";
import { isPublic } from "../../model/addresses";
import { ExitCode } from "../../model/errors";
import { PLANS } from "../../model/frontDoor/rateLimits";
import { PROJECT } from "../../model/names";
import { broken, type CheckResult, ok, together, warning } from "../checks/checkResult";

/** What the token must be allowed, in the words of Cloudflare's dashboard. */
const PERMISSIONS =
  "Zone Read, DNS Write and Load Balancers Write on the zone; Load Balancing: Monitors and Pools Write and Notifications Write on the account";
export const NEW_TOKEN = `create a token with ${PERMISSIONS}, and export it as CLOUDFLARE_API_TOKEN`;

/** Days before its end that a token is worth a word. */
const EXPIRES_SOON_DAYS = 14;
export const DAY_MS = 86_400_000;

/** Status of an error of the client; undefined where it is none of the API's. */
export const statusOf = (error: unknown) => (error as { status?: number }).status;

/** That there is a token, and that it works: one of a user, or else one the account owns. */
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
    return warning(`the token expires on ${expires_on}`, "extend it: the edge cannot be changed without it");
  return ok(expires_on ? `active until ${expires_on}` : "active");
}

/** Undefined where the API refused to answer; every other error goes on. */
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
      `the token cannot read a zone ${name}`,
      `add the zone to Cloudflare, or give the token Zone Read on it; or correct ${PROJECT}:zone`,
      ExitCode.BadInput,
    );
  if (found.account.id !== cloudflareAccountId)
    return broken(
      `${name} belongs to a different account than ${PROJECT}:cloudflareAccountId`,
      `set it to ${found.account.id}`,
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
      "resume it in the zone's overview",
      ExitCode.BadInput,
    );
  return ok(`active, ${found.plan.name ?? "plan unknown"}`, found);
}

/** What a zone's load balancers, where it has some, tell about its add-on. */
export type SteeringInUse = readonly string[];

/**
 * Whether pools and monitors may be listed, and whether the add-on is there. Only a load balancer that exists proves
 * it, or a subscription by that name, which takes Billing Read to see.
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
  if (!subscriptions) return warning("cannot check the load balancing add-on without Billing Read", look, inUse);
  for await (const { rate_plan } of subscriptions)
    if (/load.?balanc/i.test(`${rate_plan?.id} ${rate_plan?.public_name}`)) return ok("subscribed", inUse);
  return warning("no load balancing subscription found (an enterprise contract may include it)", look, inUse);
}

/** Shortest interval of a monitor by plan, in seconds (Cloudflare, Load Balancing: Limitations). */
const SHORTEST_INTERVAL = { enterprise: 10, other: 15 };

/** What the plan allows of the monitor, the steering and the front door, and whether Cloudflare would reach the old LangFlow. */
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
      ? ok(always ? "steering that every plan has" : `steering ${steering}, in use already`)
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

/** Zone settings without which users would fail while the monitor stays green. */
const SETTINGS = [
  { id: "ssl", wanted: "strict", fix: "SSL/TLS, Overview: Full (strict)" },
  { id: "always_use_https", wanted: "on", fix: "SSL/TLS, Edge Certificates: Always Use HTTPS" },
] as const;

export async function transport(api: Cloudflare, { id: zone_id }: Zone): Promise<CheckResult> {
  return together(
    await Promise.all(
      SETTINGS.map(async ({ id, wanted, fix }) => {
        const setting = await api.zones.settings.get(id, { zone_id }).catch(refused);
        if (!setting) return warning(`cannot check ${id} without Zone Settings Read`, `check it yourself: ${fix}`);
        const { value } = setting as { value?: unknown };
        if (value === wanted) return ok(`${id} ${wanted}`);
        return broken(`${id} is ${String(value)}, needed: ${wanted}`, fix, ExitCode.BadInput);
      }),
    ),
  );
}
