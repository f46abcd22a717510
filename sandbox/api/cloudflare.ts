import type { CloudResource } from "../cloud/client";
import { IPV4 } from "../providers/cloudflare";
import { list, record } from "../resources/values";

type Properties = Readonly<Record<string, unknown>>;
type Shown = (resource: CloudResource) => Properties;

/**
 * Converts a resource to the form of Cloudflare's API: snake_case keys, and the names that differ from the provider's.
 */
const pool: Shown = ({ id, properties }) => {
  const { minimumOrigins, checkRegions, accountId: _, origins, ...rest } = properties;
  return {
    ...underscored(rest),
    id,
    minimum_origins: minimumOrigins,
    check_regions: checkRegions,
    origins: list(origins).map((each) => {
      const { header, ...origin } = record(each);
      return { ...underscored(origin), ...(header ? { header: { Host: record(header).hosts } } : {}) };
    }),
  };
};
const plain: Shown = ({ id, properties: { accountId: _, zoneId: __, ...rest } }) => ({ ...underscored(rest), id });
const notification: Shown = ({ id, properties }) => {
  const { mechanisms, filters, alertType, enabled, name } = properties;
  const { poolIds, newHealths, eventSources } = record(filters);
  return {
    id,
    name,
    enabled,
    alert_type: alertType,
    mechanisms: { email: record(mechanisms).emails ?? [] },
    filters: { pool_id: poolIds, new_health: newHealths, event_source: eventSources },
  };
};

const [POOL, MONITOR, BALANCER, NOTIFICATION] = [
  "cloudflare:index/loadBalancerPool:LoadBalancerPool",
  "cloudflare:index/loadBalancerMonitor:LoadBalancerMonitor",
  "cloudflare:index/loadBalancer:LoadBalancer",
  "cloudflare:index/notificationPolicy:NotificationPolicy",
];

/** Emulated paths of Cloudflare's API below /client/v4, with the function that answers each. */
const ROUTES: readonly (readonly [RegExp, (resources: readonly CloudResource[], ...parts: string[]) => unknown])[] = [
  [/^\/ips$/, () => ({ ipv4_cidrs: IPV4 })],
  [/^\/zones\?name=(.+)$/, (resources, name) => zones(resources, name)],
  [/^\/zones\/([^/]+)\/load_balancers$/, (all, zoneId) => shown(all, BALANCER, plain, { zoneId })],
  [
    /^\/accounts\/([^/]+)\/alerting\/v3\/policies$/,
    (all, accountId) => shown(all, NOTIFICATION, notification, { accountId }),
  ],
  [
    /^\/accounts\/([^/]+)\/load_balancers\/pools\/(.+)$/,
    (all, accountId, id) => one(all, POOL, pool, { accountId }, id),
  ],
  [
    /^\/accounts\/([^/]+)\/load_balancers\/monitors\/(.+)$/,
    (all, accountId, id) => one(all, MONITOR, plain, { accountId }, id),
  ],
];

/**
 * Returns the `result` of Cloudflare's answer to a GET if the account held exactly these resources.
 *
 * @throws Error if nothing exists at the path
 */
export function cloudflareAnswer(resources: readonly CloudResource[], path: string): unknown {
  for (const [route, answer] of ROUTES) {
    const found = route.exec(path);
    if (found) return answer(resources, ...found.slice(1));
  }
  throw new Error(`the local cloud does not support the path ${path}`);
}

/** Derives the zones from the load balancers: the local cloud keeps no zone resources. */
function zones(resources: readonly CloudResource[], name = ""): { id: string; name: string }[] {
  const inside = resources.filter(
    ({ type, properties }) => type === BALANCER && String(properties.name).endsWith(name),
  );
  return [...new Set(inside.map(({ properties }) => String(properties.zoneId)))].map((id) => ({ id, name }));
}

function shown(resources: readonly CloudResource[], type: string | undefined, as: Shown, owner: Properties) {
  const [[key = "", value] = []] = Object.entries(owner);
  return resources.filter((each) => each.type === type && each.properties[key] === value).map(as);
}

function one(resources: readonly CloudResource[], type: string | undefined, as: Shown, owner: Properties, id?: string) {
  const found = shown(resources, type, as, owner).find((each) => each.id === id);
  if (!found) throw new Error(`Cloudflare has no such ${type?.split(":").at(-1)}`);
  return found;
}

function underscored(properties: Properties): Properties {
  const name = (key: string) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.fromEntries(Object.entries(properties).map(([key, value]) => [name(key), value]));
}
