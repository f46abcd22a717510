import { randomUUID } from "node:crypto";
import { graph, textOf, World } from "./doubles/world";

/** Flows that a region's agent reads whole in one cycle. */
async function readIn(world: World, index: number): Promise<string[]> {
  const { store } = world.place(index).langflow;
  const read: string[] = [];
  const { contents } = store;
  store.contents = (ids) => {
    read.push(...ids);
    return contents(ids);
  };
  await world.sync(index);
  store.contents = contents;
  return read;
}

describe("a flow that the agent wrote", () => {
  it("is not read again to know what it holds", async () => {
    const world = new World();
    const ids = [randomUUID(), randomUUID()];
    for (const [index, id] of ids.entries())
      world.place(0).langflow.save(id, { name: `Flow ${index}`, data: graph(`text ${index}`) });
    await world.sync(0);
    await world.sync(1);
    expect(world.place(1).langflow.rows.size).toBe(2);
    expect(await readIn(world, 1)).toEqual([]);
  });

  it.each([
    ["graph", { data: graph("edited") }],
    ["name", { name: "Edited" }],
  ])("is read where somebody saves another %s before its revision is known", async (_, edit) => {
    const world = new World();
    const id = randomUUID();
    world.place(0).langflow.save(id, { name: "Flow", data: graph("text") });
    await world.sync(0);
    const { langflow } = world.place(1);
    const { step } = langflow.faults;
    langflow.faults.step = (what) => {
      if (what === "put done") langflow.save(id, edit);
    };
    await world.sync(1);
    langflow.faults.step = step;
    expect(new Set(await readIn(world, 1))).toEqual(new Set([id]));
    await world.settle();
    const { flow } = world.place(0).langflow.rows.get(id) ?? {};
    expect({ name: flow?.name, text: textOf(flow?.data) }).toEqual({
      name: "name" in edit ? "Edited" : "Flow",
      text: "data" in edit ? "edited" : "text",
    });
  });
});
