import { graph, textOf, World } from "./doubles/world";

const A = "1b7e2c58-3a1d-4c0e-8f43-6d9a0b5c7e21";

describe("smoke", () => {
  it("carries a flow, an edit and a delete", async () => {
    const world = new World();
    const [one, two] = [world.place(0).langflow, world.place(1).langflow];
    one.save(A, { name: "One", data: graph("hello") });
    await world.settle();
    expect([...two.rows.values()].map(({ flow }) => [flow.name, textOf(flow.data)])).toEqual([["One", "hello"]]);
    expect([...world.host.contents()]).toHaveLength(1);
    world.pass(1000);
    two.save(A, { name: "Two" });
    world.pass(1000);
    one.save(A, { data: graph("bye") });
    await world.settle();
    expect([...two.rows.values()].map(({ flow }) => [flow.name, textOf(flow.data)])).toEqual([["Two", "bye"]]);
    expect([...one.rows.values()].map(({ flow }) => [flow.name, textOf(flow.data)])).toEqual([["Two", "bye"]]);
    two.remove(A);
    await world.settle();
    expect(one.rows.size + world.host.contents().size).toBe(0);
  });
});
