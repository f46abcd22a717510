import { at, type Finding, type Invariant, list, type Observed, UNKNOWN } from "./resource";

const ofType = (resources: readonly Observed[], type: string) => resources.filter((each) => each.type === type);
const balancers = (resources: readonly Observed[]) => ofType(resources, "cloudflare:index/loadBalancer:LoadBalancer");

/** Returns the maximum number of distinct pools in a list: each unknown id may be a distinct pool. */
function differing(pools: unknown[]): number {
  const known = pools.map((pool) => at(pool)).filter((pool) => pool !== UNKNOWN);
  return new Set(known).size + pools.length - known.length;
}

const twoPools: Invariant = {
  name: "two-pools-at-least",
  alone: true,
  description:
    "A load balancer has at least two pools: with one it cannot fail over. Unknown ids count as different pools; an " +
    "unknown list passes.",
  check: (resources) =>
    balancers(resources)
      .filter(({ inputs }) => differing(list(inputs, "defaultPools") ?? [UNKNOWN, UNKNOWN]) < 2)
      .map(({ urn }) => ({
        resource: urn,
        message: "the load balancer has fewer than two different default pools",
        fix: "list a pool for each region in defaultPools",
      })),
};

const fallback: Invariant = {
  name: "fallback-is-not-the-sole-default",
  alone: true,
  description:
    "The fallback pool is never the only default pool: it receives requests even when it is down, so the load balancer " +
    "would never fail over. An unknown id passes.",
  check: (resources) =>
    balancers(resources)
      .filter(({ inputs }) => {
        const last = at(inputs, "fallbackPool");
        const pools = list(inputs, "defaultPools");
        return last !== UNKNOWN && pools && pools.length > 0 && pools.every((pool) => at(pool) === last);
      })
      .map(({ urn }) => ({
        resource: urn,
        message: "the load balancer's fallback pool is its only default pool",
        fix: "list the other regions' pools in defaultPools",
      })),
};

const monitored: Invariant = {
  name: "pools-monitored",
  alone: true,
  description:
    "Every pool has a health monitor: Cloudflare considers a pool without a monitor always healthy. An unknown value passes.",
  check: (resources) =>
    ofType(resources, "cloudflare:index/loadBalancerPool:LoadBalancerPool")
      .filter(({ inputs }) => !at(inputs, "monitor") && !at(inputs, "monitorGroup"))
      .map(({ urn }) => ({
        resource: urn,
        message: "the pool has no health monitor",
        fix: "set its monitor property",
      })),
};

const formerNameCertified: Invariant = {
  name: "former-name-stays-certified",
  description:
    "During a change of the public name, each region keeps the former name's certificate: until the change is complete, " +
    "Cloudflare probes the former name and marks a region without its certificate as down. Checked only together with " +
    "the foundation; an unknown value passes.",
  check(resources) {
    const certified = ofType(resources, "aws:acm/certificate:Certificate").map(({ inputs }) =>
      at(inputs, "domainName"),
    );
    if (certified.length === 0) return [];
    return balancers(resources).flatMap(({ urn, inputs, formerInputs }): Finding[] => {
      const [name, former] = [at(inputs, "name"), at(formerInputs, "name")];
      if (former === undefined || name === former || [name, former, ...certified].includes(UNKNOWN)) return [];
      if (certified.includes(former)) return [];
      const message = `the public name changes from ${former} to ${name}, but no region has a certificate of ${former}, so every region would count as down`;
      return [{ resource: urn, message, fix: `set formerHostname to ${former} in Pulumi.yaml` }];
    });
  },
};

export const steering: readonly Invariant[] = [twoPools, fallback, monitored, formerNameCertified];
