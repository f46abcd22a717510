import type { JsonObject } from "../../agent/flows/canonicalJson";
import { A, agreed, B, C, manyIds, project, text } from "./doubles/regions";
import { graph } from "./doubles/world";

type Regions = Awaited<ReturnType<typeof agreed>>;

/** A change to flows that both regions hold, and which of the regions are told of it by one cycle of the other. */
interface Change {
  /** Both regions edit before either looks: what a copy is called hangs on what of it the other one saw. */
  readonly crossing?: true;
  readonly flows: Record<string, JsonObject>;
  act(regions: Regions): Promise<void> | void;
}

const CHANGES: Readonly<Record<string, Change>> = {
  "an edit": { flows: { [A]: {}, [B]: {} }, act: ({ here }) => here.save(A, { data: graph("edited") }) },
  "a rename with an endpoint": {
    flows: { [A]: { endpoint_name: "e" } },
    act: ({ here }) => here.save(A, { name: "Renamed", endpoint_name: "f", description: "d" }),
  },
  "a move": { flows: { [A]: {} }, act: ({ here }) => here.save(A, {}, "Another project") },
  "a lock": { flows: { [A]: {} }, act: ({ here }) => here.save(A, { locked: true }) },
  "an edit of a locked flow": {
    flows: { [A]: { locked: true } },
    act({ here }) {
      here.save(A, { locked: false });
      here.save(A, { name: "Renamed", data: graph("edited") });
      here.save(A, { locked: true });
    },
  },
  "a rename of a locked flow": {
    flows: { [A]: { locked: true } },
    act({ here }) {
      here.save(A, { locked: false });
      here.save(A, { name: "Renamed" });
      here.save(A, { locked: true });
    },
  },
  "a delete": { flows: { [A]: {}, [B]: {} }, act: ({ here }) => here.remove(A) },
  "a delete of a locked flow": { flows: { [A]: { locked: true } }, act: ({ here }) => here.remove(A) },
  "names that are swapped": {
    flows: { [A]: { name: "One", endpoint_name: "e1" }, [B]: { name: "Two", endpoint_name: "e2" } },
    act({ here }) {
      here.save(A, { name: "aside", endpoint_name: null });
      here.save(B, { name: "One", endpoint_name: "e1" });
      here.save(A, { name: "Two", endpoint_name: "e2" });
    },
  },
  "a new flow": { flows: { [A]: {} }, act: ({ here }) => here.save(B, { name: "New", data: graph("new") }, "P") },
  "several new flows": {
    flows: {},
    act({ here }) {
      for (const id of manyIds(4)) here.save(id, { name: id, data: graph(id) });
    },
  },
  "edits of one flow in both regions": {
    crossing: true,
    flows: { [A]: { name: "Report" } },
    async act({ world, here, there }) {
      there.save(A, { data: graph("earlier") });
      world.pass(5_000);
      here.save(A, { data: graph("later") });
    },
  },
  "a rename here and an edit there": {
    crossing: true,
    flows: { [A]: { name: "Report" } },
    act({ here, there }) {
      here.save(A, { name: "Renamed" });
      there.save(A, { data: graph("edited") });
    },
  },
  "a copy of a file by hand": {
    flows: { [A]: {}, [C]: {} },
    act({ world }) {
      const [[path, contents] = ["", ""]] = [...world.host.contents()];
      world.host.edit("a person", world.clock, new Map([[path, contents.replace("first", "by hand")]]));
    },
  },
};

/** What users have: each flow's name, text, endpoint, project and lock, by id. */
const seen = (side: Regions["here"]) =>
  [...side.rows.values()]
    .map(({ id, flow }) => [id, flow.name, text(side, id), flow.endpoint_name ?? null, project(side, id), flow.locked])
    .sort();

async function outcomeOf({ flows, act }: Change, interrupt: (regions: Regions) => Promise<unknown>) {
  const regions = await agreed(flows);
  await act(regions);
  await interrupt(regions);
  await regions.world.settle();
  const { host } = regions.world;
  return { here: seen(regions.here), there: seen(regions.there), commits: [...host.history()].length, regions };
}

/** One more edit in the first region, of whatever may be edited there. */
async function anotherEdit({ world, here }: Regions, { crossing }: Change): Promise<void> {
  if (crossing) return;
  world.pass(60_000);
  for (const [id, { flow }] of here.rows) if (flow.locked !== true) here.save(id, { data: graph(`${id} afterwards`) });
  await world.sync(0);
}

/** Of all, those that take the most different ways: a mutant is to cost seconds. */
const FEW = [
  "an edit of a locked flow",
  "a delete of a locked flow",
  "names that are swapped",
  "several new flows",
  "edits of one flow in both regions",
];

describe.each(process.env.MUTATED ? FEW : Object.keys(CHANGES))("%s", (name) => {
  const change = CHANGES[name] as Change;

  it.each<[string, number, (regions: Regions, change: Change) => Promise<void>]>([
    ["that sends it is killed", 0, async () => undefined],
    ["that takes it is killed", 1, async () => undefined],
    ["that takes it is killed, and there is another edit before the next one looks", 1, anotherEdit],
  ])("comes to the same, and to no commit more, wherever the agent %s", async (_, killed, meanwhile) => {
    const whole = await outcomeOf(change, async (regions) => {
      await regions.world.sync(0);
      if (killed === 1) await regions.world.sync(1);
      await meanwhile(regions, change);
    });
    expect(whole.here).toEqual(whole.there);
    let ended = false;
    for (let steps = 0; !ended; steps += 1) {
      const { here, there, commits, regions } = await outcomeOf(change, async (all) => {
        if (killed === 1) await all.world.sync(0);
        ended = (await all.world.sync(killed, steps)) !== undefined;
        await meanwhile(all, change);
      });
      expect([steps, here, there]).toEqual([steps, whole.here, whole.there]);
      expect([steps, commits]).toEqual([steps, whole.commits]);
      // All of it is agreed on, and nothing is under way any more.
      for (const { states } of [regions.here, regions.there])
        for (const [id, { intent }] of states) expect([steps, id, intent]).toEqual([steps, id, undefined]);
      expect(steps).toBeLessThan(120);
    }
  });
});
