import fc from "fast-check";
import { type Judge, merge, type Plan, type Version, type Wanted } from "../../agent/sync/merge";

/** A flow whose content is a token no other edit ever has: where the token is found, the edit is. */
interface Flow extends Version {
  readonly token: string;
  readonly editedAt: number;
}
type Flows = Map<string, Flow>;

const flow = (token: string, name: string, editedAt: number, more: Partial<Flow> = {}): Flow => {
  const made = { token, name, editedAt, ...more };
  return { ...made, fingerprint: `${token}|${name}|${made.endpointName ?? ""}` };
};

/** Several regions around one Git repository, with the agent's steps as a model: each may be the last before a crash. */
class World {
  /** Every commit of the repository; the last is the head. */
  readonly commits: Flows[] = [new Map()];
  readonly regions: { flows: Flows; base: number | undefined }[];
  /** Tokens of edits that a later edit of the same region replaced: nobody promises those. */
  readonly replaced = new Set<string>();
  readonly acknowledged = new Set<string>();
  private clock = 0;

  constructor(count: number) {
    this.regions = Array.from({ length: count }, () => ({ flows: new Map(), base: undefined }));
  }

  edit(region: number, id: string, name: string, project: string | undefined, endpointName: string | undefined): void {
    const { flows } = this.region(region);
    // LangFlow refuses a name or an endpoint twice.
    for (const [other, each] of flows)
      if (other !== id && (each.name === name || (endpointName && each.endpointName === endpointName))) return;
    this.replace(flows.get(id));
    this.clock += 1;
    const token = `${region}-${this.clock}`;
    flows.set(
      id,
      flow(token, name, this.clock, { ...(project && { project }), ...(endpointName && { endpointName }) }),
    );
    this.acknowledged.add(token);
  }

  delete(region: number, id: string): void {
    this.replace(this.region(region).flows.get(id));
    this.region(region).flows.delete(id);
  }

  /** The user saw this version and put another in its place. */
  private replace(old: Flow | undefined): void {
    if (old) this.replaced.add(old.token);
  }

  /** One cycle of an agent. `steps`: how many writes it does before it is killed. */
  sync(region: number, steps = Number.POSITIVE_INFINITY): Plan {
    const mine = this.region(region);
    const there = this.head();
    const base = mine.base === undefined ? new Map<string, Flow>() : (this.commits[mine.base] as Flows);
    const plan = merge(base, mine.flows, there, judge(`r${region}`), new Set());
    let left = steps;
    if (plan.there.size > 0) {
      if (left-- <= 0) return plan;
      const next = new Map(there);
      const sources = { here: new Map(mine.flows), there: new Map(there) };
      for (const [id, wanted] of plan.there) apply(next, id, wanted, sources);
      this.commits.push(next);
    }
    const agreed = this.head();
    // As LangFlow demands it: what frees a name before what takes one.
    const order = [...plan.here].sort(([one, a], [other, b]) => rank(mine.flows, one, a) - rank(mine.flows, other, b));
    for (const [id, wanted] of order) {
      if (left-- <= 0) return plan;
      const version = agreed.get(id);
      if (wanted && version) mine.flows.set(id, version);
      else mine.flows.delete(id);
    }
    if (left-- <= 0) return plan;
    mine.base = this.commits.length - 1;
    return plan;
  }

  /** Syncs all in turn until nothing changes. */
  settle(): void {
    for (let round = 0; round < 12; round += 1) {
      const plans = this.regions.map((_, region) => this.sync(region));
      if (plans.every(({ here, there }) => here.size === 0 && there.size === 0)) return;
    }
    throw new Error("still changing after 12 rounds");
  }

  head(): Flows {
    return this.commits.at(-1) as Flows;
  }

  region(index: number): { flows: Flows; base: number | undefined } {
    return this.regions[index] as { flows: Flows; base: number | undefined };
  }

  tokens(): Set<string> {
    const everywhere = [...this.commits, ...this.regions.map(({ flows }) => flows)];
    return new Set(everywhere.flatMap((flows) => [...flows.values()].map(({ token }) => token)));
  }
}

const rank = (flows: Flows, id: string, wanted: Wanted | undefined): number => (!wanted ? 0 : flows.has(id) ? 1 : 2);

function apply(target: Flows, id: string, wanted: Wanted | undefined, sources: Record<"here" | "there", Flows>): void {
  const source = wanted && sources[wanted.source.side].get(wanted.source.id);
  if (!wanted || !source) {
    target.delete(id);
    return;
  }
  const { token, editedAt, endpointName } = source;
  const kept = wanted.endpointCleared ? {} : { endpointName };
  target.set(id, flow(token, wanted.name, editedAt, { ...kept, ...(wanted.project && { project: wanted.project }) }));
}

const judge = (region: string): Judge => ({
  isLater: (_, here, there) => (here as Flow).editedAt > (there as Flow).editedAt,
  keep: (id, loser) => ({ id: `${id}+${loser.fingerprint}`, name: `${loser.name} (kept ${(loser as Flow).token})` }),
  rename: (name, attempt) => `${name} (${region} ${attempt})`,
});

const ids = fc.constantFrom("a", "b", "c", "d");
const action = (regions: number) => {
  const region = fc.nat(regions - 1);
  return fc.oneof(
    fc.record({
      kind: fc.constant("edit" as const),
      region,
      id: ids,
      name: fc.constantFrom("One", "Two", "Three"),
      project: fc.constantFrom(undefined, "P", "Q"),
      endpoint: fc.constantFrom(undefined, undefined, "e1"),
    }),
    fc.record({ kind: fc.constant("delete" as const), region, id: ids }),
    fc.record({
      kind: fc.constant("sync" as const),
      region,
      steps: fc.constantFrom(0, 1, 2, 3, Number.POSITIVE_INFINITY),
    }),
    fc.record({ kind: fc.constant("lose" as const), region }),
  );
};

type Action = ReturnType<typeof action> extends fc.Arbitrary<infer A> ? A : never;

function run(world: World, actions: readonly Action[]): void {
  for (const each of actions) {
    if (each.kind === "edit") world.edit(each.region, each.id, each.name, each.project, each.endpoint);
    if (each.kind === "delete") world.delete(each.region, each.id);
    if (each.kind === "sync") world.sync(each.region, each.steps);
    // The database forgets what was agreed on: a new region, or one whose variable a user deleted.
    if (each.kind === "lose") world.region(each.region).base = undefined;
  }
}

const histories = fc.array(action(3), { maxLength: 40 });
const seen = (flows: Flows) => [...flows].map(([id, { fingerprint, project }]) => [id, fingerprint, project]).sort();

describe("merging the flows of several regions through Git", () => {
  it("ends with the same flows everywhere, whatever was edited where and wherever agents were killed", () => {
    fc.assert(
      fc.property(histories, (actions) => {
        const world = new World(3);
        run(world, actions);
        world.settle();
        for (const { flows } of world.regions) expect(seen(flows)).toEqual(seen(world.head()));
      }),
      { numRuns: 500 },
    );
  });

  it("loses no edit that its author did not replace: it is in a region, in Git, or in Git's history", () => {
    fc.assert(
      fc.property(histories, (actions) => {
        const world = new World(3);
        run(world, actions);
        world.settle();
        const found = world.tokens();
        for (const token of world.acknowledged) expect(found.has(token) || world.replaced.has(token)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it("gives no two flows of a workspace one name or one endpoint", () => {
    fc.assert(
      fc.property(histories, (actions) => {
        const world = new World(3);
        run(world, actions);
        world.settle();
        const flows = [...world.head().values()];
        const endpoints = flows.flatMap(({ endpointName }) => endpointName ?? []);
        expect(new Set(flows.map(({ name }) => name)).size).toBe(flows.length);
        expect(new Set(endpoints).size).toBe(endpoints.length);
      }),
      { numRuns: 300 },
    );
  });

  it("is done after one cycle: the second changes nothing", () => {
    fc.assert(
      fc.property(histories, (actions) => {
        const world = new World(3);
        run(world, actions);
        world.sync(0);
        const { here, there } = world.sync(0);
        expect([...here, ...there]).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it("fills an empty region with every flow, and deletes none elsewhere", () => {
    const world = new World(2);
    world.edit(0, "a", "One", undefined, undefined);
    world.edit(0, "b", "Two", "P", undefined);
    world.sync(0);
    world.sync(1);
    expect(seen(world.region(1).flows)).toEqual(seen(world.region(0).flows));
    expect(world.region(0).flows.size).toBe(2);
  });

  it("makes no copy of a flow that only one side edited", () => {
    const world = new World(2);
    world.edit(0, "a", "One", undefined, undefined);
    world.settle();
    world.edit(1, "a", "One", "P", undefined);
    expect([...world.sync(1).conflicts, ...world.sync(0).conflicts]).toEqual([]);
    expect(seen(world.region(0).flows)).toEqual(seen(world.region(1).flows));
    expect(world.head().size).toBe(1);
  });

  it("keeps both versions of a flow edited twice, the later one under its name", () => {
    const world = new World(2);
    world.edit(0, "a", "One", undefined, undefined);
    world.settle();
    world.edit(0, "a", "One", undefined, undefined);
    world.edit(1, "a", "One", undefined, undefined);
    world.settle();
    const flows = world.head();
    expect(flows.get("a")?.token).toBe("1-3");
    expect([...flows.values()].map(({ token }) => token).sort()).toEqual(["0-2", "1-3"]);
  });

  it("lets an edit survive a delete, whichever side deleted", () => {
    for (const [editor, deleter] of [
      [0, 1],
      [1, 0],
    ] as const) {
      const world = new World(2);
      world.edit(0, "a", "One", undefined, undefined);
      world.settle();
      world.delete(deleter, "a");
      world.edit(editor, "a", "One", undefined, undefined);
      world.settle();
      expect(world.head().get("a")?.token).toBe(`${editor}-2`);
    }
  });

  it("writes a flow anew in Git that is written in another way there, and leaves LangFlow alone", () => {
    const one = flow("t", "One", 1);
    const plan = merge(new Map(), new Map([["a", one]]), new Map([["a", { ...one, untidy: true }]]), judge("r"));
    expect([...plan.there.keys()]).toEqual(["a"]);
    expect([...plan.here.keys()]).toEqual([]);
  });

  it("leaves alone a flow that one side cannot read, and lets no other take its name", () => {
    const one = flow("t", "One", 1);
    const newcomer = new Map([["b", flow("u", "One", 2)]]);
    const plan = merge(new Map(), newcomer, new Map([["a", one]]), judge("r"), new Set(["a"]));
    expect(plan.here.has("a") || plan.there.has("a")).toBe(false);
    expect(plan.there.get("b")?.name).toBe("One (r 1)");
  });
});
