import { createHmac } from "node:crypto";
import { z } from "zod";
import { poolOrderOf } from "../../../config/poolOrder";
import { poolsAt, servesAt, steeringOf } from "../../../model/division";
import type { Health } from "../../rollout/gate";
import { askHealth } from "../../rollout/healthz";
import {
  answered,
  type Deployment,
  differences,
  type FleetAssumption,
  NotCheckable,
  onlyProblem,
  outputsOf,
  type RegionAssumption,
  secretValue,
} from "../assumption";

const poolShape = z.object({
  enabled: z.boolean(),
  monitor: z.string().nullish(),
  origins: z.array(
    z.object({
      address: z.string(),
      enabled: z.boolean(),
      header: z.object({ Host: z.array(z.string()) }).nullish(),
    }),
  ),
});

/** Returns the applied pool of a region. */
async function appliedPool(deployment: Deployment, region: string): Promise<z.infer<typeof poolShape>> {
  const { clouds, edge } = deployment;
  const path = `/accounts/${edge.fleet.cloudflareAccountId}/load_balancers/pools/${poolOf(deployment, region)}`;
  return answered(poolShape, "the pool", await clouds.cloudflare(path));
}

export const pool: RegionAssumption = {
  name: "pool",
  of: "region",
  why: "a disabled pool, or one with an outdated load balancer, shows no symptom until a failover",
  fix: "run `up edge` to restore it; after a killed drill run `drill --restore`",
  async look(deployment, stack) {
    const { edge } = deployment;
    const is = await appliedPool(deployment, stack.region.name);
    const [origin] = is.origins;
    const problems = differences("pool", {
      enabled: [is.enabled, true],
      "has a monitor": [Boolean(is.monitor), true],
      origins: [is.origins.length, 1],
      origin: [origin?.address, outputsOf(deployment, stack).originHostname],
      "origin enabled": [origin?.enabled, servesAt(edge.own.movingFrom?.share ?? 0).regions],
      "Host header": [origin?.header?.Host[0], edge.fleet.hostname],
    });
    return { summary: "enabled and monitored", problems };
  },
};

export const poolHealth: RegionAssumption = {
  name: "health of the pool",
  of: "region",
  why: "Cloudflare's probes test the whole path: name, certificate, source ranges, load balancer, pod, database",
  fix: "read the reason in Cloudflare's monitor; if the pool is not probed, run `up edge`; if the region is lost, see docs/operations/region-lost.md",
  async look(deployment, stack) {
    const { healthy, said } = await healthOf(deployment, stack.region.name);
    return { summary: said, problems: healthy ? [] : [said] };
  },
};

/** Asks the monitor, or LangFlow itself if Cloudflare does not probe it: the pool or its origin is disabled. */
async function healthOf(deployment: Deployment, region: string): Promise<Health> {
  const { clouds } = deployment;
  const { enabled, origins } = await appliedPool(deployment, region);
  const isProbed = enabled && origins.some((origin) => origin.enabled);
  return isProbed ? clouds.poolHealth(poolOf(deployment, region)) : askHealth(await clouds.reach(region));
}

const monitorShape = z.object({
  type: z.string(),
  path: z.string(),
  expected_codes: z.string(),
  interval: z.number(),
  timeout: z.number(),
  consecutive_down: z.number().optional(),
  retries: z.number().optional(),
});

/** Returns the applied monitor of all pools; undefined if they do not share one. */
export async function appliedMonitor(deployment: Deployment): Promise<z.infer<typeof monitorShape> | undefined> {
  const { clouds, edge, regions } = deployment;
  const pools = await Promise.all(regions.map(({ region }) => appliedPool(deployment, region.name)));
  const [id, ...others] = new Set(pools.map((each) => each.monitor));
  if (!id || others.length > 0) return undefined;
  const path = `/accounts/${edge.fleet.cloudflareAccountId}/load_balancers/monitors/${id}`;
  return answered(monitorShape, "the monitor", await clouds.cloudflare(path));
}

export const monitor: FleetAssumption = {
  name: "monitor",
  of: "fleet",
  why: "its interval, timeout and retries determine the failover time, and a Cloudflare plan may reject them",
  fix: "run `up edge` to restore them; if Cloudflare's plan rejects one, choose a value that the plan allows",
  async look(deployment) {
    const is = await appliedMonitor(deployment);
    if (!is) return onlyProblem("the pools do not share one monitor");
    const { intervalSeconds, timeoutSeconds, retries, consecutiveDown } = deployment.edge.own.monitor;
    const problems = differences("monitor", {
      type: [is.type, "https"],
      path: [is.path, "/healthz"],
      expected_codes: [is.expected_codes, "200"],
      interval: [is.interval, intervalSeconds],
      timeout: [is.timeout, timeoutSeconds],
      consecutive_down: [is.consecutive_down, consecutiveDown],
      // Cloudflare leaves out the default.
      retries: [is.retries ?? retries, retries],
    });
    return { summary: `every ${is.interval} s, down after ${is.consecutive_down}`, problems };
  },
};

const balancerShape = z.object({
  name: z.string(),
  enabled: z.boolean().default(true),
  proxied: z.boolean(),
  default_pools: z.array(z.string()),
  fallback_pool: z.string(),
  steering_policy: z.string(),
  session_affinity: z.string(),
});
const listShape = z.array(z.object({ id: z.string(), name: z.string() }));

/** Returns the applied load balancer of the public name, or a sentence about what is missing. */
async function appliedBalancer({ clouds, edge }: Deployment): Promise<z.infer<typeof balancerShape> | string> {
  const { zone, hostname } = edge.fleet;
  const [found] = answered(listShape, "the zone", await clouds.cloudflare(`/zones?name=${zone}`));
  if (!found) return `Cloudflare has no zone ${zone}`;
  const balancers = await clouds.cloudflare(`/zones/${found.id}/load_balancers`);
  const is = answered(z.array(balancerShape), "the load balancers", balancers).find(({ name }) => name === hostname);
  return is ?? `the zone has no load balancer ${hostname}`;
}

/** Returns the configured steering policy. */
function steeringMeant({ edge }: Pick<Deployment, "edge">): string {
  const steering = edge.fleet.topology === "active-standby" ? "off" : edge.own.steering;
  return steeringOf(edge.own.movingFrom?.share, steering);
}

/** The name of the old LangFlow's pool in findings. */
const OLD = "old";

/** Returns the intended pools by region. While moving in from an old LangFlow they include its pool. */
function poolsMeant({ edge, outputs }: Deployment, regions: readonly string[]) {
  const share = edge.own.movingFrom?.share;
  const isMoving = share !== undefined && outputs.edge.oldPool !== undefined;
  return isMoving ? poolsAt(share, regions, OLD) : { order: regions, fallback: regions.at(-1) };
}

export const steering: FleetAssumption = {
  name: "steering",
  of: "fleet",
  why: "a plan without the policy may apply a different one, and the order of the pools is the failover order",
  fix: "run `up edge` to restore it; if Cloudflare's plan rejects it, choose a different `steering` in Pulumi.edge.yaml",
  async look(deployment) {
    const { edge, outputs } = deployment;
    const is = await appliedBalancer(deployment);
    if (typeof is === "string") return onlyProblem(is);
    const order = poolOrderOf(edge.fleet, edge.own);
    const regionOf = new Map(order.map((name) => [poolOf(deployment, name), name]));
    if (outputs.edge.oldPool !== undefined) regionOf.set(outputs.edge.oldPool, OLD);
    const named = (id: string) => regionOf.get(id) ?? id;
    const meant = poolsMeant(deployment, order);
    const problems = differences("load balancer", {
      enabled: [is.enabled, true],
      proxied: [is.proxied, true],
      policy: [is.steering_policy, steeringMeant(deployment)],
      "order of the pools": [is.default_pools.map(named), meant.order],
      "fallback pool": [named(is.fallback_pool), meant.fallback],
      "session affinity": [is.session_affinity, "cookie"],
    });
    return { summary: `${is.steering_policy} over ${order.join(", ")}`, problems };
  },
};

const ANSWER_MS = 10_000;
const FOUND = 302;
/** Path of the sign-in page, on the Zero Trust team's host. */
const SIGN_IN_PATH = "/cdn-cgi/access/login/";

const publicName: FleetAssumption = {
  name: "public name",
  of: "fleet",
  why: "it tests every user's path, from public DNS to the database",
  fix: "check whether the pools are healthy; `dig` the name, and check the zone's TLS mode (Full, strict)",
  async look({ clouds, edge }) {
    const { healthy, said } = await askHealth(await clouds.publicly(`https://${edge.fleet.hostname}`));
    return { summary: said, problems: healthy ? [] : [said] };
  },
};

const singleSignOn: FleetAssumption = {
  name: "single sign-on",
  of: "fleet",
  why: "a disabled Access application, or a different one for the same path, lets everyone in",
  fix: "run `up edge` to restore the applications; in Zero Trust, delete any other application with the same name or path",
  async look({ clouds, edge }) {
    if (!edge.own.access) throw new NotCheckable("the config does not set access");
    // LangFlow returns its version without a login.
    const url = `${await clouds.publicly(`https://${edge.fleet.hostname}`)}/api/v1/version`;
    const { status, headers } = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(ANSWER_MS) });
    const isSentToSignIn = status === FOUND && (headers.get("location") ?? "").includes(SIGN_IN_PATH);
    const problems = isSentToSignIn
      ? []
      : [`a request without a login gets status ${status} instead of a redirect to the sign-in page`];
    return { summary: "a request without a login is redirected to the sign-in page", problems };
  },
};

const policiesShape = z.array(
  z.object({
    alert_type: z.string(),
    enabled: z.boolean(),
    mechanisms: z.object({ email: z.array(z.object({ id: z.string() })).default([]) }),
    filters: z.object({ pool_id: z.array(z.string()).default([]) }).default({ pool_id: [] }),
  }),
);

const notifications: FleetAssumption = {
  name: "alarms",
  of: "fleet",
  why: "Cloudflare notifies you even if a region is lost, unless someone disabled the notification",
  fix: "run `up edge` to restore them; recipients outside the account must confirm their address once, in Cloudflare's email",
  async look(deployment) {
    const { clouds, edge } = deployment;
    const answer = await clouds.cloudflare(`/accounts/${edge.fleet.cloudflareAccountId}/alerting/v3/policies`);
    const policies = answered(policiesShape, "the notifications", answer).filter(
      ({ alert_type, enabled }) => alert_type === "load_balancing_health_alert" && enabled,
    );
    const watched = policies.flatMap(({ filters }) => filters.pool_id);
    const told = policies.flatMap(({ mechanisms }) => mechanisms.email.map(({ id }) => id));
    const problems = [
      ...deployment.regions
        .filter(({ region }) => !watched.includes(poolOf(deployment, region.name)))
        .map(({ region }) => `no notification covers the pool of ${region.name}`),
      ...edge.own.notificationEmails
        .filter((each) => !told.includes(each))
        .map((each) => `${each} receives no notification`),
    ];
    return { summary: `${told.length} recipients for ${watched.length} pools`, problems };
  },
};

const ACCEPTED = 202;
const REFUSED = 401;

const webhook: RegionAssumption = {
  name: "webhook",
  of: "region",
  why: "the Git host's call passes through Cloudflare, a load balancer and a separate network policy",
  fix: "the status shows the cause: 52x: Cloudflare cannot reach the region; 401: the secret is wrong; 404: the path is wrong",
  async look({ clouds, outputs }, { region }) {
    const public_ = outputs.edge.webhooks?.[region.name];
    if (public_ === undefined) throw new NotCheckable("the config does not set webhook");
    const shared = await secretValue(clouds, outputs.secrets.webhookSecret);
    // Like GitHub's first call to a webhook. The agent polls Git after every valid call.
    const body = JSON.stringify({ zen: "prove" });
    const url = await clouds.publicly(public_);
    const post = async (secret: string) => {
      const signature = `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
      const headers = { "x-hub-signature-256": signature, "x-github-event": "ping" };
      return (await fetch(url, { method: "POST", headers, body, signal: AbortSignal.timeout(ANSWER_MS) })).status;
    };
    const problems = differences("webhook", {
      signed: [await post(shared), ACCEPTED],
      forged: [await post(`${shared}-not`), REFUSED],
    });
    return { summary: "accepts a signed call and rejects a forged one", problems };
  },
};

const drift: FleetAssumption = {
  name: "drift",
  of: "fleet",
  why: "a provider that always reports a change makes later drift reports useless",
  fix: "run `npm run fleet -- drift` to list the properties; add false changes of a provider to fleet/stacks/noise.ts",
  async look(deployment) {
    const [first, second] = [await deployment.drifted(), await deployment.drifted()];
    const problems = [
      ...first.map((each) => `${each} differs`),
      ...second.filter((each) => !first.includes(each)).map((each) => `${each} differs only in the second preview`),
    ];
    return { summary: "no difference in two previews", problems };
  },
};

/** Id of a region's pool. */
function poolOf({ outputs }: Deployment, region: string): string {
  const id = outputs.edge.pools[region];
  if (id === undefined) throw new Error(`the edge has no pool of ${region}: run \`up edge\``);
  return id;
}

/** Assumptions about the edge in front of all regions, and about drift. */
export const EDGE: readonly (RegionAssumption | FleetAssumption)[] = [
  pool,
  poolHealth,
  monitor,
  steering,
  publicName,
  singleSignOn,
  notifications,
  webhook,
  drift,
];
