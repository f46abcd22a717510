import * as cloudflare from "@pulumi/cloudflare";
import { agree, type Inputs, said } from "../begun";
import type { Finders } from "./finder";

const fitting = (inputs: Inputs, results: readonly { id: string }[], properties: readonly string[]) =>
  results.filter((result) => agree(inputs, result, properties)).map(({ id }) => id);

/** Finders for Cloudflare's resources. Cloudflare chooses every id. */
export const cloudflareFinders: Finders = {
  async "cloudflare:index/dnsRecord:DnsRecord"(inputs, options) {
    const [zoneId, type] = [said(inputs, "zoneId"), said(inputs, "type")];
    const [name, content] = [{ exact: said(inputs, "name") }, { exact: said(inputs, "content") }];
    const { results } = await cloudflare.getDnsRecords({ zoneId, type, name, content }, options);
    return results.map(({ id }) => id);
  },
  async "cloudflare:index/loadBalancer:LoadBalancer"(inputs, options) {
    const { results } = await cloudflare.getLoadBalancers({ zoneId: said(inputs, "zoneId") }, options);
    return fitting(inputs, results, ["name"]);
  },
  async "cloudflare:index/loadBalancerMonitor:LoadBalancerMonitor"(inputs, options) {
    const { results } = await cloudflare.getLoadBalancerMonitors({ accountId: said(inputs, "accountId") }, options);
    return fitting(inputs, results, ["description", "type", "path", "port"]);
  },
  async "cloudflare:index/loadBalancerPool:LoadBalancerPool"(inputs, options) {
    const { results } = await cloudflare.getLoadBalancerPools({ accountId: said(inputs, "accountId") }, options);
    return fitting(inputs, results, ["name"]);
  },
  async "cloudflare:index/notificationPolicy:NotificationPolicy"(inputs, options) {
    const { results } = await cloudflare.getNotificationPolicies({ accountId: said(inputs, "accountId") }, options);
    return fitting(inputs, results, ["name", "alertType"]);
  },
  /**
   * Finds a ruleset, also by its description, so that a ruleset of the same phase that was created elsewhere does not
   * match.
   */
  async "cloudflare:index/ruleset:Ruleset"(inputs, options) {
    const { rulesets } = await cloudflare.getRulesets({ zoneId: said(inputs, "zoneId") }, options);
    return fitting(inputs, rulesets, ["kind", "phase", "name", "description"]);
  },
  // Service tokens have no finder. Cloudflare returns a token's secret only once, so an interrupted token is useless
  // and must be deleted manually.
  async "cloudflare:index/zeroTrustAccessApplication:ZeroTrustAccessApplication"(inputs, options) {
    const accountId = said(inputs, "accountId");
    const { results } = await cloudflare.getZeroTrustAccessApplications({ accountId }, options);
    return fitting(inputs, results, ["name", "domain"]);
  },
  async "cloudflare:index/zeroTrustAccessPolicy:ZeroTrustAccessPolicy"(inputs, options) {
    const { results } = await cloudflare.getZeroTrustAccessPolicies({ accountId: said(inputs, "accountId") }, options);
    return fitting(inputs, results, ["name", "decision"]);
  },
};
