import { LangFlowUnreachable } from "../../agent/langflow/client";
import { findCanary } from "./doubles/histories";
import { A, agreed, B, byHand, C, fileOf, text, value } from "./doubles/regions";
import { CANARY, graph, type World } from "./doubles/world";

type LangFlow = World["places"][number]["langflow"];

describe("a flow that was deleted", () => {
  it("stays when a person brings its file back, wherever an agent was killed while it went", async () => {
    for (const steps of Array.from({ length: 20 }, (_, step) => step)) {
      const { world, east, west } = await agreed({ [A]: {} });
      const [path, contents] = fileOf(world, A);
      east.remove(A);
      await world.sync(0);
      await world.sync(1, steps);
      await world.settle();
      expect([east.rows.size, west.rows.size]).toEqual([0, 0]);
      byHand(world, { [path]: contents });
      await world.settle();
      expect([east.rows.has(A), west.rows.has(A)]).toEqual([true, true]);
    }
  });

  it("in both regions at once stays when it is made again", async () => {
    const { world, east, west } = await agreed({ [A]: {} });
    east.remove(A);
    west.remove(A);
    await world.settle();
    east.save(A, { name: "again", data: graph("again") });
    await world.settle();
    expect([text(east, A), text(west, A)]).toEqual(["again", "again"]);
  });
});

describe("flows that swap their names", () => {
  const flows = { [A]: { name: "One", endpoint_name: "e1" }, [B]: { name: "Two", endpoint_name: "e2" } };
  async function swapped(world: World, east: LangFlow) {
    east.save(A, { name: "aside", endpoint_name: "aside" });
    east.save(B, { name: "One", endpoint_name: "e1" });
    east.save(A, { name: "Two", endpoint_name: "e2" });
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
        const { world, east, west } = await agreed(flows);
        await swapped(world, east);
        await world.sync(1, first);
        await world.sync(1, second);
        await world.settle();
        expect([both(east), both(west), east.rows.size]).toEqual([SWAPPED, SWAPPED, 2]);
      }
  });

  it("keep what a user saves meanwhile", async () => {
    const { world, east, west } = await agreed(flows);
    await swapped(world, east);
    const step = west.faults.step;
    west.faults.step = (what, id) => {
      if (what === "put done" && [A, B].every((each) => String(value(west, each, "name")).endsWith("(moving)"))) {
        west.faults.step = step;
        west.save(A, { data: graph("saved just now") });
      }
      step(what, id);
    };
    await world.sync(1);
    west.faults.step = step;
    await world.settle();
    expect(text(east, A)).toBe("saved just now");
    expect(both(east)).toEqual(SWAPPED);
  });
});

describe("a cycle that ends early", () => {
  it("leaves nothing under way that would write an older version later", async () => {
    const { world, east, west } = await agreed({ [A]: {}, [B]: {}, [C]: {} });
    for (const id of [A, B, C]) east.save(id, { data: graph("edited") });
    await world.sync(0);
    const step = west.faults.step;
    west.faults.step = (what) => {
      if (what === "put") west.faults.away = true;
    };
    await world.sync(1);
    west.faults.step = step;
    const before = west.writes;
    await new Promise((resolve) => setImmediate(resolve));
    expect(west.writes).toBe(before);
    west.faults.away = false;
    await world.settle();
    expect([A, B, C].map((id) => text(west, id))).toEqual(["edited", "edited", "edited"]);
  });

  it("is not ended by one flow's request that nobody answers", async () => {
    const { world, east, west } = await agreed({ [A]: {} });
    const step = west.faults.step;
    west.faults.step = (what, id) => {
      if (what === "put" && id === A) throw new LangFlowUnreachable("no answer within a minute");
      step(what, id);
    };
    east.save(A, { data: graph("edited") });
    east.save(B, { name: "new", data: graph("new") });
    await world.sync(0);
    const outcome = await world.sync(1);
    expect(outcome).toMatchObject({
      imported: 1,
      held: [{ path: `LangFlow ${A}`, reason: "no answer within a minute" }],
    });
    expect([outcome?.broken, text(west, B)]).toEqual([undefined, "new"]);
  });
});

describe("a file that cannot be read", () => {
  it("deletes nothing, also where it was moved before it broke, or lies too deep", async () => {
    for (const to of ["default/Moved.json", "default/Team/sub/Moved.json"]) {
      const { world, east, west } = await agreed({ [A]: {}, [B]: {} });
      const [path, contents] = fileOf(world, A);
      byHand(world, { [path]: undefined, [to]: to.includes("sub") ? contents : `<<<<<<< HEAD\n${contents}` });
      for (const index of [0, 1, 0, 1, 0, 1]) await world.sync(index);
      expect([east.rows.size, west.rows.size]).toEqual([2, 2]);
      // And a delete that is one goes on.
      byHand(world, { [fileOf(world, B)[0]]: undefined });
      await world.settle();
      expect([east.rows.has(B), west.rows.has(B)]).toEqual([false, false]);
    }
  });

  it("and that nobody can tell the flow of may be any flow's: no missing file is a delete until it is gone", async () => {
    const { world, east, west } = await agreed({ [A]: {}, [B]: {} });
    const [path, contents] = fileOf(world, A);
    const noText = "default/R\uFFFDsum\uFFFD.json";
    byHand(world, { [path]: undefined, [noText]: contents });
    await world.settle();
    expect([east.rows.size, west.rows.size]).toEqual([2, 2]);
    byHand(world, { [noText]: undefined });
    await world.settle();
    expect([[...east.rows.keys()], [...west.rows.keys()]]).toEqual([[B], [B]]);
  });

  it("is one whose name no database can hold, and stops nobody else", async () => {
    const { world, east, west } = await agreed({ [A]: {} });
    for (const name of ["a\\u0000b", "a\\ud800b"])
      byHand(world, { "default/bad.json": `{"id":"${C}","name":"${name}","data":{}}` });
    east.save(A, { data: graph("edited") });
    await world.settle();
    expect(text(west, A)).toBe("edited");
  });

  it("is not a copy that a person left beside the flow's own: both regions take the agents' file", async () => {
    const { world, east, west } = await agreed({ [A]: { name: "Report" } });
    byHand(world, { "default/A copy.json": fileOf(world, A)[1] });
    await world.settle();
    east.save(A, { name: "Zeta", data: graph("edited") });
    await world.settle();
    west.save(A, { data: graph("edited in the west") });
    await world.settle();
    expect([value(west, A, "name"), text(east, A), text(west, A)]).toEqual([
      "Zeta",
      "edited in the west",
      "edited in the west",
    ]);
  });
});

describe("paths", () => {
  it("are each flow's own, however alike names and ids are", async () => {
    const ids = [1, 2, 3].map((digit) => `00000000-0000-4000-8000-00000000000${digit}`);
    const flows = Object.fromEntries(ids.map((id, index) => [id, { name: ["A/B", "A:B", "A?B"][index] as string }]));
    const { world, east, west } = await agreed(flows);
    expect([east.rows.size, west.rows.size, world.host.contents().size]).toEqual([3, 3, 3]);
  });

  it("take no file's place by a folder, and no folder's by a file", async () => {
    const { world, east, west } = await agreed({ [A]: { name: "Plain" } });
    byHand(world, { "default/README": "read me", "default/Report.json/notes.txt": "notes" });
    await world.settle();
    east.save(A, {}, "README");
    east.save(B, { name: "Report", data: graph("report") });
    await world.settle();
    expect([west.rows.size, world.host.contents().get("default/README")]).toEqual([2, "read me"]);
    expect(world.host.contents().get("default/Report.json/notes.txt")).toBe("notes");
  });

  it("of LangFlow's own default project are of no project", async () => {
    const { world, east } = await agreed({ [A]: {} });
    const [path, contents] = fileOf(world, A);
    byHand(world, { [path]: undefined, "default/Starter Project/A.json": contents });
    await world.settle();
    const { writes } = east;
    await world.settle();
    expect(east.writes).toBe(writes);
  });
});

describe("secrets", () => {
  it("of a version that loses are in the copy that keeps it, in their own region", async () => {
    const { world, east, west } = await agreed({ [A]: {} });
    east.save(A, { data: graph("earlier", "my key") });
    world.pass(5_000);
    west.save(A, { data: graph("later", "their key") });
    await world.settle();
    const kept = [...east.rows.values()].find(({ id }) => id !== A);
    expect(JSON.stringify(kept?.flow.data)).toContain("my key");
    expect([...world.host.blobs.values()].some((blob) => blob.includes("my key"))).toBe(false);
  });

  it("in a project's name hold its flows back", async () => {
    const { world, east } = await agreed(
      { [A]: {} },
      { findSecrets: async (file) => findCanary({ text: JSON.stringify(file.value) }) },
    );
    east.save(A, {}, `team ${CANARY}`);
    await world.settle();
    expect([...world.host.contents().keys()].join()).not.toContain(CANARY);
  });
});

describe("a user's lock", () => {
  it("is an edit also while an import is refused, or a delete waits for LangFlow", async () => {
    const { world, east, west } = await agreed({ [A]: {}, [B]: {} });
    west.faults.broken.add(A);
    east.save(A, { data: graph("edited") });
    east.remove(B);
    west.faults.away = true;
    await world.sync(0);
    await world.sync(1);
    west.save(B, { locked: true });
    west.save(A, { locked: true });
    west.faults.away = false;
    west.faults.broken.clear();
    await world.settle();
    expect([value(east, A, "locked"), value(west, A, "locked"), text(west, A)]).toEqual([true, true, "edited"]);
    expect([value(east, B, "locked"), value(west, B, "locked")]).toEqual([true, true]);
  });
});

describe("what the host declines", () => {
  it("keeps no flow out that the host would take, however many come before it", async () => {
    const ids = Array.from({ length: 9 }, (_, n) => `${n}0000000-3a1d-4c0e-8f43-6d9a0b5c7e21`);
    const { world, east } = await agreed({});
    for (const [index, id] of ids.entries())
      east.save(id, { name: index < 8 ? `Bad ${index}` : "Good", data: graph(id) });
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
    const { world, east, west } = await agreed({ [A]: {} });
    east.save(A, { data: graph("earlier") });
    await world.sync(0);
    world.pass(60_000);
    west.save(A, { data: graph("later") });
    world.pass(60_000);
    const [path, contents] = fileOf(world, A);
    byHand(world, { [path]: undefined, "default/Team/Moved.json": contents });
    await world.settle();
    expect([text(east, A), east.projects.get(east.rows.get(A)?.folder ?? "")]).toEqual(["later", "Team"]);
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
