import * as cloudflare from "@pulumi/cloudflare";
import type * as pulumi from "@pulumi/pulumi";
import { WebhookName } from "../components/agent/WebhookName";
import { CloudflareAccess } from "../components/edge/CloudflareAccess";
import { FrontDoor } from "../components/edge/FrontDoor";
import { GlobalLoadBalancer } from "../components/edge/GlobalLoadBalancer";
import { poolOrderOf } from "../config/poolOrder";
import type { EdgeStackConfig, FleetConfig } from "../config/schema";
import { expectedFailoverSeconds } from "../model/failover";
import { DEFAULT_LIMITS } from "../model/frontDoor/rateLimits";
import type { EdgeOutputs, Pending } from "./outputs";
import { regionOutputs, type Undeployed, webhookOrigin } from "./references";

/**
 * Creates the edge: the public name and the steering between the regions.
 *
 * It reads the regions' states and calls only Cloudflare, so it can be changed while a region is down. Its provider is
 * explicit, so that its URN does not contain the library's version, and has no settings, so that the state does not
 * contain the token. The token comes from CLOUDFLARE_API_TOKEN and needs:
 * - on the zone: Zone Read and Load Balancers Write
 * - on the account: Load Balancing: Monitors and Pools Write, and Notifications Write
 * - with webhooks: DNS Write on the zone
 * - with a front door: Zone WAF Write and Transform Rules Write on the zone
 * - with access: Access: Apps and Policies Write and Access: Service Tokens Write on the account
 *
 * @param undeployed regions' stacks that are known not to be deployed yet: their outputs are unknown in a preview, an
 * error in an update
 */
export function edge(fleet: FleetConfig, config: EdgeStackConfig, undeployed?: Undeployed): Pending<EdgeOutputs> {
  const provider = new cloudflare.Provider("cloudflare");
  const order = poolOrderOf(fleet, config);
  const regions = fleet.regions
    .toSorted((one, other) => order.indexOf(one.name) - order.indexOf(other.name))
    .map(({ name, awsRegion }) => ({ region: name, awsRegion, outputs: regionOutputs(name, undeployed) }));
  const { zoneId } = cloudflare.getZoneOutput(
    { filter: { name: fleet.zone, account: { id: fleet.cloudflareAccountId }, match: "all" } },
    { provider },
  );

  const { hostname, formerHostname } = fleet;
  const before: pulumi.Resource[] = [];
  if (config.frontDoor) {
    const { plan, limits = DEFAULT_LIMITS[plan], frames } = config.frontDoor;
    before.push(
      new FrontDoor("edge", { zoneId, hostname, formerHostname, plan, limits, frames }, { providers: [provider] }),
    );
  }
  const access =
    config.access &&
    new CloudflareAccess(
      "edge",
      { accountId: fleet.cloudflareAccountId, hostname, formerHostname, ...config.access },
      { providers: [provider] },
    );
  if (access) before.push(access);
  const balancer = new GlobalLoadBalancer(
    "edge",
    {
      accountId: fleet.cloudflareAccountId,
      zone: fleet.zone,
      zoneId,
      hostname,
      topology: fleet.topology,
      steering: config.steering,
      monitor: config.monitor,
      pools: regions.map(({ outputs, ...place }) => ({ ...place, originHostname: outputs.originHostname })),
      ...(config.movingFrom && { movingFrom: config.movingFrom }),
      notificationEmails: config.notificationEmails,
    },
    // Cloudflare must not serve a name before the rules that protect it exist.
    { providers: [provider], dependsOn: before },
  );
  const webhook = ({ region, outputs }: (typeof regions)[number]): [region: string, url: string] => {
    const originHostname = webhookOrigin(region, outputs);
    const { zone } = fleet;
    return [region, new WebhookName(region, { region, zone, zoneId, originHostname }, { providers: [provider] }).url];
  };

  return {
    url: `https://${fleet.hostname}`,
    expectedFailoverSeconds: expectedFailoverSeconds(config.monitor),
    pools: balancer.poolIds,
    ...(balancer.oldPoolId && { oldPool: balancer.oldPoolId }),
    ...(access && { serviceTokens: access.serviceTokens }),
    ...(fleet.webhook && { webhooks: Object.fromEntries(regions.map(webhook)) }),
  };
}
