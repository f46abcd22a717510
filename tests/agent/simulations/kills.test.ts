import type { JsonObject } from "../../../agent/flows/canonicalJson";
import { A, agreed, B, C, manyIds, project, text } from "../doubles/regions";
import { graph } from "../doubles/world";

type Regions = Awaited<ReturnType<typeof agreed>>;

/** A change to flows that both regions hold, and which of the regions are told of it by one cycle of the other. */
interface Change {
  /** Both regions edit before either looks: what a copy is called hangs on what of it the other one saw. */
  readonly crossing?: true;
  readonly flows: Record<string, JsonObject>;
  act(regions: Regions): Promise<void> | void;
}

const CHANGES: Readonly<Record<string, Change>> = {
  "an edit": { flows: { [A]: {}, [B]: {} }, act: ({ east }) => east.save(A, { data: graph("edited") }) },
  "a rename with an endpoint": {
    flows: { [A]: { endpoint_name: "e" } },
    act: ({ east }) => east.save(A, { name: "Renamed", endpoint_name: "f", description: "d" }),
  },
  "a move": { flows: { [A]: {} }, act: ({ east }) => east.save(A, {}, "Another project") },
  "a lock": { flows: { [A]: {} }, act: ({ east }) => east.save(A, { locked: true }) },
  "an edit of a locked flow": {
    flows: { [A]: { locked: true } },
    act({ east }) {
      east.save(A, { locked: false });
      east.save(A, { name: "Renamed", data: graph("edited") });
      east.save(A, { locked: true });
    },
  },
  "a rename of a locked flow": {
    flows: { [A]: { locked: true } },
    act({ east }) {
      east.save(A, { locked: false });
      east.save(A, { name: "Renamed" });
      east.save(A, { locked: true });
    },
  },
  "a delete": { flows: { [A]: {}, [B]: {} }, act: ({ east }) => east.remove(A) },
  "a delete of a locked flow": { flows: { [A]: { locked: true } }, act: ({ east }) => east.remove(A) },
  "names that are swapped": {
    flows: { [A]: { name: "One", endpoint_name: "e1" }, [B]: { name: "Two", endpoint_name: "e2" } },
    act({ east }) {
      east.save(A, { name: "aside", endpoint_name: null });
      east.save(B, { name: "One", endpoint_name: "e1" });
      east.save(A, { name: "Two", endpoint_name: "e2" });
    },
  },
  "a new flow": { flows: { [A]: {} }, act: ({ east }) => east.save(B, { name: "New", data: graph("new") }, "P") },
  "several new flows": {
    flows: {},
    act({ east }) {
      for (const id of manyIds(4)) east.save(id, { name: id, data: graph(id) });
    },
  },
  "edits of one flow in both regions": {
    crossing: true,
    flows: { [A]: { name: "Report" } },
    async act({ world, east, west }) {
      west.save(A, { data: graph("earlier") });
      world.pass(5_000);
      east.save(A, { data: graph("later") });
    },
  },
  "a rename in one region and an edit in the other": {
    crossing: true,
    flows: { [A]: { name: "Report" } },
    act({ east, west }) {
      east.save(A, { name: "Renamed" });
      west.save(A, { data: graph("edited") });
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
const seen = (side: Regions["east"]) =>
  [...side.rows.values()]
    .map(({ id, flow }) => [id, flow.name, text(side, id), flow.endpoint_name ?? null, project(side, id), flow.locked])
    .sort();

async function outcomeOf({ flows, act }: Change, interrupt: (regions: Regions) => Promise<unknown>) {
  const regions = await agreed(flows);
  await act(regions);
  await interrupt(regions);
  await regions.world.settle();
  const { host } = regions.world;
  return { east: seen(regions.east), west: seen(regions.west), commits: [...host.history()].length, regions };
}

/** One more edit in the first region, of whatever may be edited. */
async function anotherEdit({ world, east }: Regions, { crossing }: Change): Promise<void> {
  if (crossing) return;
  world.pass(60_000);
  for (const [id, { flow }] of east.rows) if (flow.locked !== true) east.save(id, { data: graph(`${id} afterwards`) });
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
    expect(whole.east).toEqual(whole.west);
    let ended = false;
    for (let steps = 0; !ended; steps += 1) {
      const { east, west, commits, regions } = await outcomeOf(change, async (all) => {
        if (killed === 1) await all.world.sync(0);
        ended = (await all.world.sync(killed, steps)) !== undefined;
        await meanwhile(all, change);
      });
      expect([steps, east, west]).toEqual([steps, whole.east, whole.west]);
      expect([steps, commits]).toEqual([steps, whole.commits]);
      // All of it is agreed on, and nothing is under way any more.
      for (const { states } of [regions.east, regions.west])
        for (const [id, { intent }] of states) expect([steps, id, intent]).toEqual([steps, id, undefined]);
      expect(steps).toBeLessThan(120);
    }
  });
});
