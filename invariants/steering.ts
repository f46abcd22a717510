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
    "A load balancer has two pools at least, or there is nothing to fail over to. Ids that are unknown count as " +
    "different; a list that is unknown passes.",
  check: (resources) =>
    balancers(resources)
      .filter(({ inputs }) => differing(list(inputs, "defaultPools") ?? [UNKNOWN, UNKNOWN]) < 2)
      .map(({ urn }) => ({
        resource: urn,
        message: "it has fewer than two different default pools",
        fix: "list a pool for each region in defaultPools",
      })),
};

const fallback: Invariant = {
  name: "fallback-is-not-the-sole-default",
  alone: true,
  description:
    "The pool of last resort is never the only default: it serves even when down, so nothing would ever fail over. " +
    "An id that is unknown passes.",
  check: (resources) =>
    balancers(resources)
      .filter(({ inputs }) => {
        const last = at(inputs, "fallbackPool");
        const pools = list(inputs, "defaultPools");
        return last !== UNKNOWN && pools && pools.length > 0 && pools.every((pool) => at(pool) === last);
      })
      .map(({ urn }) => ({
        resource: urn,
        message: "its fallback pool is its only default pool",
        fix: "list the other regions' pools in defaultPools",
      })),
};

const monitored: Invariant = {
  name: "pools-monitored",
  alone: true,
  description: "Every pool has a health monitor: one without is taken for healthy for ever. Unknown passes.",
  check: (resources) =>
    ofType(resources, "cloudflare:index/loadBalancerPool:LoadBalancerPool")
      .filter(({ inputs }) => !at(inputs, "monitor") && !at(inputs, "monitorGroup"))
      .map(({ urn }) => ({ resource: urn, message: "nothing watches its health", fix: "set monitor" })),
};

const formerNameCertified: Invariant = {
  name: "former-name-stays-certified",
  description:
    "While the edge moves to another public name, each region has a certificate of the former one: until then Cloudflare asks for that, " +
    "and takes a region without it for dead. Seen where the foundation is shown; unknown passes.",
  check(resources) {
    const certified = ofType(resources, "aws:acm/certificate:Certificate").map(({ inputs }) =>
      at(inputs, "domainName"),
    );
    if (certified.length === 0) return [];
    return balancers(resources).flatMap(({ urn, inputs, formerInputs }): Finding[] => {
      const [name, former] = [at(inputs, "name"), at(formerInputs, "name")];
      if (former === undefined || name === former || [name, former, ...certified].includes(UNKNOWN)) return [];
      if (certified.includes(former)) return [];
      const message = `the public name changes from ${former} to ${name}, and no region keeps the certificate of the former`;
      return [{ resource: urn, message, fix: `set formerHostname to ${former} in Pulumi.yaml` }];
    });
  },
};

export const steering: readonly Invariant[] = [twoPools, fallback, monitored, formerNameCertified];
