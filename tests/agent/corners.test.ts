import { LangFlowUnreachable } from "../../agent/langflow/client";
import { findCanary } from "./doubles/histories";
import { A, agreed, B, C, text, value } from "./doubles/regions";
import { CANARY, graph, type World } from "./doubles/world";

type LangFlow = World["places"][number]["langflow"];

const fileOf = (world: World, id: string) =>
  [...world.host.contents()].find(([, contents]) => contents.includes(`"id": "${id}"`)) ?? ["", ""];
const byHand = (world: World, changes: Record<string, string | undefined>) =>
  world.host.edit("a person", world.clock, new Map(Object.entries(changes)));

describe("a flow that was deleted", () => {
  it("stays when a person brings its file back, wherever an agent was killed while it went", async () => {
    for (const steps of Array.from({ length: 20 }, (_, step) => step)) {
      const { world, here, there } = await agreed({ [A]: {} });
      const [path, contents] = fileOf(world, A);
      here.remove(A);
      await world.sync(0);
      await world.sync(1, steps);
      await world.settle();
      expect([here.rows.size, there.rows.size]).toEqual([0, 0]);
      byHand(world, { [path]: contents });
      await world.settle();
      expect([here.rows.has(A), there.rows.has(A)]).toEqual([true, true]);
    }
  });

  it("in both regions at once stays when it is made again", async () => {
    const { world, here, there } = await agreed({ [A]: {} });
    here.remove(A);
    there.remove(A);
    await world.settle();
    here.save(A, { name: "again", data: graph("again") });
    await world.settle();
    expect([text(here, A), text(there, A)]).toEqual(["again", "again"]);
  });
});

describe("flows that swap their names", () => {
  const flows = { [A]: { name: "One", endpoint_name: "e1" }, [B]: { name: "Two", endpoint_name: "e2" } };
  async function swapped(world: World, here: LangFlow) {
    here.save(A, { name: "aside", endpoint_name: "aside" });
    here.save(B, { name: "One", endpoint_name: "e1" });
    here.save(A, { name: "Two", endpoint_name: "e2" });
    await world.sync(0);
  }
  const both = (side: LangFlow) => [A, B].map((id) => [value(side, id, "name"), value(side, id, "endpoint_name")]);
  const SWAPPED = [
    ["Two", "e2"],
    ["One", "e1"],
  ];

  it("end swapped, wherever two agents were killed one after the other", async () => {
    for (let first = 8; first < 34; first += 1)
      for (const second of [6, 12, 17, 21]) {
        const { world, here, there } = await agreed(flows);
        await swapped(world, here);
        await world.sync(1, first);
        await world.sync(1, second);
        await world.settle();
        expect([both(here), both(there), here.rows.size]).toEqual([SWAPPED, SWAPPED, 2]);
      }
  });

  it("keep what a user saves meanwhile", async () => {
    const { world, here, there } = await agreed(flows);
    await swapped(world, here);
    const step = there.faults.step;
    there.faults.step = (what, id) => {
      if (what === "put done" && [A, B].every((each) => String(value(there, each, "name")).endsWith("(moving)"))) {
        there.faults.step = step;
        there.save(A, { data: graph("saved just now") });
      }
      step(what, id);
    };
    await world.sync(1);
    there.faults.step = step;
    await world.settle();
    expect(text(here, A)).toBe("saved just now");
    expect(both(here)).toEqual(SWAPPED);
  });
});

describe("a cycle that ends early", () => {
  it("leaves nothing under way that would write an older version later", async () => {
    const { world, here, there } = await agreed({ [A]: {}, [B]: {}, [C]: {} });
    for (const id of [A, B, C]) here.save(id, { data: graph("edited") });
    await world.sync(0);
    const step = there.faults.step;
    there.faults.step = (what) => {
      if (what === "put") there.faults.away = true;
    };
    await world.sync(1);
    there.faults.step = step;
    const before = there.writes;
    await new Promise((resolve) => setImmediate(resolve));
    expect(there.writes).toBe(before);
    there.faults.away = false;
    await world.settle();
    expect([A, B, C].map((id) => text(there, id))).toEqual(["edited", "edited", "edited"]);
  });

  it("is not ended by one flow's request that nobody answers", async () => {
    const { world, here, there } = await agreed({ [A]: {} });
    const step = there.faults.step;
    there.faults.step = (what, id) => {
      if (what === "put" && id === A) throw new LangFlowUnreachable("no answer within a minute");
      step(what, id);
    };
    here.save(A, { data: graph("edited") });
    here.save(B, { name: "new", data: graph("new") });
    await world.sync(0);
    const outcome = await world.sync(1);
    expect(outcome).toMatchObject({
      imported: 1,
      held: [{ path: `LangFlow ${A}`, reason: "no answer within a minute" }],
    });
    expect([outcome?.broken, text(there, B)]).toEqual([undefined, "new"]);
  });
});

describe("a file that cannot be read", () => {
  it("deletes nothing, also where it was moved before it broke, or lies too deep", async () => {
    for (const to of ["default/Moved.json", "default/Team/sub/Moved.json"]) {
      const { world, here, there } = await agreed({ [A]: {}, [B]: {} });
      const [path, contents] = fileOf(world, A);
      byHand(world, { [path]: undefined, [to]: to.includes("sub") ? contents : `<<<<<<< HEAD\n${contents}` });
      await world.settle();
      expect([here.rows.size, there.rows.size]).toEqual([2, 2]);
      // And a delete that is one goes on.
      byHand(world, { [fileOf(world, B)[0]]: undefined });
      await world.settle();
      expect([here.rows.has(B), there.rows.has(B)]).toEqual([false, false]);
    }
  });

  it("is one whose name no database can hold, and stops nobody else", async () => {
    const { world, here, there } = await agreed({ [A]: {} });
    for (const name of ["a\\u0000b", "a\\ud800b"])
      byHand(world, { "default/bad.json": `{"id":"${C}","name":"${name}","data":{}}` });
    here.save(A, { data: graph("edited") });
    await world.settle();
    expect(text(there, A)).toBe("edited");
  });

  it("is not a copy that a person left beside the flow's own: both regions take the agents' file", async () => {
    const { world, here, there } = await agreed({ [A]: { name: "Report" } });
    byHand(world, { "default/A copy.json": fileOf(world, A)[1] });
    await world.settle();
    here.save(A, { name: "Zeta", data: graph("edited") });
    await world.settle();
    there.save(A, { data: graph("edited there") });
    await world.settle();
    expect([value(there, A, "name"), text(here, A), text(there, A)]).toEqual(["Zeta", "edited there", "edited there"]);
  });
});

describe("paths", () => {
  it("are each flow's own, however alike names and ids are", async () => {
    const ids = [1, 2, 3].map((digit) => `00000000-0000-4000-8000-00000000000${digit}`);
    const flows = Object.fromEntries(ids.map((id, index) => [id, { name: ["A/B", "A:B", "A?B"][index] as string }]));
    const { world, here, there } = await agreed(flows);
    expect([here.rows.size, there.rows.size, world.host.contents().size]).toEqual([3, 3, 3]);
  });

  it("take no file's place by a folder, and no folder's by a file", async () => {
    const { world, here, there } = await agreed({ [A]: { name: "Plain" } });
    byHand(world, { "default/README": "read me", "default/Report.json/notes.txt": "notes" });
    await world.settle();
    here.save(A, {}, "README");
    here.save(B, { name: "Report", data: graph("report") });
    await world.settle();
    expect([there.rows.size, world.host.contents().get("default/README")]).toEqual([2, "read me"]);
    expect(world.host.contents().get("default/Report.json/notes.txt")).toBe("notes");
  });

  it("of LangFlow's own default project are of no project", async () => {
    const { world, here } = await agreed({ [A]: {} });
    const [path, contents] = fileOf(world, A);
    byHand(world, { [path]: undefined, "default/Starter Project/A.json": contents });
    await world.settle();
    const { writes } = here;
    await world.settle();
    expect(here.writes).toBe(writes);
  });
});

describe("secrets", () => {
  it("of a version that loses are in the copy that keeps it, in their own region", async () => {
    const { world, here, there } = await agreed({ [A]: {} });
    here.save(A, { data: graph("earlier", "my key") });
    world.pass(5_000);
    there.save(A, { data: graph("later", "their key") });
    await world.settle();
    const kept = [...here.rows.values()].find(({ id }) => id !== A);
    expect(JSON.stringify(kept?.flow.data)).toContain("my key");
    expect([...world.host.blobs.values()].some((blob) => blob.includes("my key"))).toBe(false);
  });

  it("in a project's name hold its flows back", async () => {
    const { world, here } = await agreed(
      { [A]: {} },
      { findSecrets: async (file) => findCanary({ text: JSON.stringify(file.value) }) },
    );
    here.save(A, {}, `team ${CANARY}`);
    await world.settle();
    expect([...world.host.contents().keys()].join()).not.toContain(CANARY);
  });
});

describe("a user's lock", () => {
  it("is an edit also while an import is refused, or a delete waits for LangFlow", async () => {
    const { world, here, there } = await agreed({ [A]: {}, [B]: {} });
    there.faults.broken.add(A);
    here.save(A, { data: graph("edited") });
    here.remove(B);
    there.faults.away = true;
    await world.sync(0);
    await world.sync(1);
    there.save(B, { locked: true });
    there.save(A, { locked: true });
    there.faults.away = false;
    there.faults.broken.clear();
    await world.settle();
    expect([value(here, A, "locked"), value(there, A, "locked"), text(there, A)]).toEqual([true, true, "edited"]);
    expect([value(here, B, "locked"), value(there, B, "locked")]).toEqual([true, true]);
  });
});

describe("what the host declines", () => {
  it("keeps no flow out that the host would take, however many come before it", async () => {
    const ids = Array.from({ length: 9 }, (_, n) => `${n}0000000-3a1d-4c0e-8f43-6d9a0b5c7e21`);
    const { world, here } = await agreed({});
    for (const [index, id] of ids.entries())
      here.save(id, { name: index < 8 ? `Bad ${index}` : "Good", data: graph(id) });
    world.host.faults.declines = (paths) => (paths.some((path) => path.includes("Bad")) ? "no" : undefined);
    for (let cycle = 0; cycle < 30; cycle += 1) {
      await world.sync(0);
      world.pass(10_000);
    }
    expect([...world.host.contents().keys()]).toEqual(["default/Good.json"]);
  });
});

describe("a person's move of a file", () => {
  it("is no edit of what is in it", async () => {
    const { world, here, there } = await agreed({ [A]: {} });
    here.save(A, { data: graph("earlier") });
    await world.sync(0);
    world.pass(60_000);
    there.save(A, { data: graph("later") });
    world.pass(60_000);
    const [path, contents] = fileOf(world, A);
    byHand(world, { [path]: undefined, "default/Team/Moved.json": contents });
    await world.settle();
    expect([text(here, A), here.projects.get(here.rows.get(A)?.folder ?? "")]).toEqual(["later", "Team"]);
  });

  it("of a file that is untidy leaves it to be tidied, wherever an agent was killed", async () => {
    for (const steps of [4, 6, 8, 10, 12]) {
      const { world } = await agreed({ [A]: {} });
      const flow = JSON.parse(fileOf(world, A)[1]);
      byHand(world, { "default/By_hand.json": JSON.stringify({ ...flow, id: B, name: "By hand" }) });
      await world.sync(0, steps);
      await world.settle();
      expect(world.host.contents().get("default/By_hand.json")).toContain('\n  "data": {');
    }
  });
});
