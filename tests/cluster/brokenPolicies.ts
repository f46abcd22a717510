import type { Manifest } from "../langflow";

/** A set of network policies in which one clause is wrong. */
export interface Broken {
  /** Name of the policy and description of the broken clause. */
  readonly what: string;
  readonly policies: readonly Manifest[];
}

/** Peers that no rule should allow: the pods of every namespace, and an address range outside our network. */
const STRANGERS = {
  ingress: { namespaceSelector: {} },
  egress: { ipBlock: { cidr: "10.32.0.0/16" } },
};
const SIDES = { ingress: "from", egress: "to" } as const;

/** Yields every variant of a set of policies in which a single clause is missing or too broad. */
export function* brokenPolicies(policies: readonly Manifest[]): Iterable<Broken> {
  for (const policy of policies) {
    const others = policies.filter((each) => each !== policy);
    const broken = (how: string, spec: object): Broken => ({
      what: `${policy.metadata.name}: ${how}`,
      policies: [...others, { ...policy, spec: { ...policy.spec, ...spec } }],
    });
    yield { what: `${policy.metadata.name}: absent`, policies: others };
    if (policy.spec.podSelector.matchLabels) yield broken("selects every pod", { podSelector: {} });
    if (policy.spec.policyTypes.length > 1)
      for (const type of policy.spec.policyTypes)
        yield broken(`no ${type}`, { policyTypes: policy.spec.policyTypes.filter((each: string) => each !== type) });
    for (const direction of ["ingress", "egress"] as const)
      for (const [index, rule] of (policy.spec[direction] ?? []).entries()) {
        const label = `${direction} ${index + 1}`;
        for (const { how, rule: variant } of brokenRules(rule, direction)) {
          const rules = policy.spec[direction].flatMap((each: object, at: number) =>
            at === index ? (variant ?? []) : each,
          );
          yield broken(`${label} ${how}`, { [direction]: rules });
        }
      }
  }
}

// biome-ignore lint/suspicious/noExplicitAny: parts of a manifest, of any shape
type Part = any;

function* brokenRules(rule: Part, direction: "ingress" | "egress"): Iterable<{ how: string; rule?: Part }> {
  const side = SIDES[direction];
  const { [side]: peers, ports } = rule;
  yield { how: "absent" };
  yield { how: "for every port", rule: { ...rule, ports: [] } };
  for (const [index, port] of without(ports))
    yield { how: `without port ${ports[index].port}/${ports[index].protocol}`, rule: { ...rule, ports: port } };
  if (!peers) return;
  yield { how: "for everyone", rule: { ports } };
  yield { how: "for strangers too", rule: { ...rule, [side]: [...peers, STRANGERS[direction]] } };
  for (const [index, left] of without(peers))
    yield { how: `without ${JSON.stringify(peers[index])}`, rule: { ...rule, [side]: left } };
  for (const [index, peer] of peers.entries()) {
    const replaced = (by: object) => ({ ...rule, [side]: peers.with(index, by) });
    for (const selector of ["podSelector", "namespaceSelector"])
      if (peer[selector]) yield { how: `with any ${selector}`, rule: replaced({ [selector]: {} }) };
    const { cidr, except = [] } = peer.ipBlock ?? {};
    for (const [at, left] of without(except, 1))
      yield { how: `without the exception ${except[at]}`, rule: replaced({ ipBlock: { cidr, except: left } }) };
  }
}

/** Returns every copy of a list with one entry removed, or nothing if the list has fewer than `atLeast` entries. */
function without<T>(list: readonly T[], atLeast = 2): [number, T[]][] {
  if (list.length < atLeast) return [];
  return list.map((_, index) => [index, list.filter((__, other) => other !== index)]);
}
