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
 * The edge: the public name and the steering between the regions.
 *
 * It reads the regions' states and speaks to Cloudflare alone, so it can be changed while a region is dead. Its
 * provider is explicit, so that its URN does not carry the library's version, and empty, so that the token stays out
 * of the state: it comes from CLOUDFLARE_API_TOKEN (Zone Read and Load Balancers Write on the zone, Load Balancing:
 * Monitors and Pools Write and Notifications Write on the account; with webhooks also DNS Write, with a front door also Zone
 * WAF Write and Transform Rules Write on the zone, with access Access: Apps and Policies Write and Access: Service Tokens
 * Write on the account).
 *
 * @param undeployed the regions' stacks known not to be deployed yet: unknown in a preview, an error in an update
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
    // No name is served before all that guards it is there.
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
