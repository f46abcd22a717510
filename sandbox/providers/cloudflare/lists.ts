import type { Resource, Store } from "../../resources/store";
import { record, text } from "../../resources/values";
import type { CloudFunction } from "../shared/behaviour";

const whole = ({ id, properties }: Resource) => ({ ...properties, id });

/** Returns a data source that lists all resources of a type in an account or a zone. */
const listed =
  (type: string, owner: "accountId" | "zoneId"): CloudFunction =>
  (args, _, cloud) => ({ ...args, results: within(cloud, type, owner, args[owner]).map(whole) });

function within(cloud: Store, type: string, owner: string, value: unknown): Resource[] {
  return cloud.list(type).filter(({ properties }) => properties[owner] === value);
}

/** Whether a text satisfies an `exact` filter, which ignores case (API reference, List DNS Records). */
function isExactly(filter: unknown, value: unknown): boolean {
  const { exact } = record(filter);
  return exact === undefined || String(exact).toLowerCase() === text(value)?.toLowerCase();
}

export const lists: Record<string, CloudFunction> = {
  "cloudflare:index/getDnsRecords:getDnsRecords": (args, _, cloud) => {
    const records = within(cloud, "cloudflare:index/dnsRecord:DnsRecord", "zoneId", args.zoneId).filter(
      ({ properties: { name, content, type } }) =>
        isExactly(args.name, name) && isExactly(args.content, content) && (args.type ?? type) === type,
    );
    return { ...args, results: records.map(whole) };
  },
  "cloudflare:index/getLoadBalancers:getLoadBalancers": listed("cloudflare:index/loadBalancer:LoadBalancer", "zoneId"),
  "cloudflare:index/getLoadBalancerMonitors:getLoadBalancerMonitors": listed(
    "cloudflare:index/loadBalancerMonitor:LoadBalancerMonitor",
    "accountId",
  ),
  "cloudflare:index/getLoadBalancerPools:getLoadBalancerPools": listed(
    "cloudflare:index/loadBalancerPool:LoadBalancerPool",
    "accountId",
  ),
  "cloudflare:index/getZeroTrustAccessApplications:getZeroTrustAccessApplications": listed(
    "cloudflare:index/zeroTrustAccessApplication:ZeroTrustAccessApplication",
    "accountId",
  ),
  "cloudflare:index/getZeroTrustAccessPolicies:getZeroTrustAccessPolicies": listed(
    "cloudflare:index/zeroTrustAccessPolicy:ZeroTrustAccessPolicy",
    "accountId",
  ),
  "cloudflare:index/getRulesets:getRulesets": (args, _, cloud) => {
    const rulesets = within(cloud, "cloudflare:index/ruleset:Ruleset", "zoneId", args.zoneId).map(whole);
    return { ...args, rulesets, results: rulesets };
  },
  "cloudflare:index/getNotificationPolicies:getNotificationPolicies": listed(
    "cloudflare:index/notificationPolicy:NotificationPolicy",
    "accountId",
  ),
};
