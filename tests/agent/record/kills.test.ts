import { A, B, C, CANARY, fileOf, graph, textOf } from "./fleet";
import { SimulatedFleet } from "./simulatedFleet";

jest.setTimeout(120_000);
let fleet: SimulatedFleet;

const ONE = "default/1b7e.json";
/** More steps than any of these cycles has. */
const STEPS_MAX = 80;

/**
 * Kills the agent at each step of a cycle in turn.
 *
 * @param happens makes changes after Git and LangFlow were equal
 * @param expected checks the final state of LangFlow and Git
 */
async function killedAtEachStep(happens: () => Promise<void> | void, expected: () => void): Promise<number> {
  for (let step = 0; step <= STEPS_MAX; step += 1) {
    fleet = new SimulatedFleet();
    for (const id of [A, B]) fleet.langflow.save(id, { name: id.slice(0, 4), data: graph("first"), locked: id === B });
    await fleet.cycle();
    fleet.pass(60);
    await happens();
    const wasWhole = (await fleet.cycle("us-east", step)) !== undefined;
    fleet.host.isAway = false;
    await fleet.settle();
    try {
      expected();
      expect([...fleet.host.blobs.values()].filter((contents) => contents.includes(CANARY))).toEqual([]);
      const before = fleet.host.head;
      await fleet.cycle();
      expect(fleet.host.head).toBe(before);
    } catch (error) {
      throw new Error(`killed at step ${step}: ${(error as Error).message}`);
    }
    if (wasWhole) return step;
  }
  throw new Error("the cycle has more steps than are tried");
}

describe("an agent that is killed at any step", () => {
  it("imports each edit, delete and new flow of a push exactly once", async () => {
    const steps = await killedAtEachStep(
      () => {
        fleet.host.edit("Ada", {
          [ONE]: fleet.edited(ONE, { data: graph("by hand", ""), name: "Renamed" }),
          "default/2b7e.json": fleet.edited("default/2b7e.json", { description: "of a locked flow" }),
          "default/Team/Three.json": fileOf(C, "Three", "new"),
        });
      },
      () => {
        const { rows } = fleet.langflow;
        expect(textOf(fleet.langflow, A)).toEqual(["by hand", CANARY]);
        expect([A, B, C].map((id) => rows.get(id)?.flow.name)).toEqual(["Renamed", "2b7e", "Three"]);
        expect(rows.get(B)?.flow).toMatchObject({ description: "of a locked flow", locked: true });
        expect(rows.size).toBe(3);
        expect(fleet.langflow.announced.size).toBe(0);
      },
    );
    expect(steps).toBeGreaterThan(20);
  });

  it("keeps the losing graph of a conflict exactly once", async () => {
    await killedAtEachStep(
      () => {
        fleet.langflow.save(A, { data: graph("in LangFlow") });
        fleet.pass(30);
        fleet.host.edit("Ada", {
          [ONE]: fleet.edited(ONE, { data: graph("by hand", "") }),
          "default/2b7e.json": undefined,
        });
      },
      () => {
        const { rows } = fleet.langflow;
        expect(textOf(fleet.langflow, A)).toEqual(["by hand", CANARY]);
        const copies = [...rows.keys()].filter((id) => id !== A);
        expect(copies.map((id) => textOf(fleet.langflow, id))).toEqual([["in LangFlow", CANARY]]);
      },
    );
  });

  it("records each change exactly once, including pending commits", async () => {
    await killedAtEachStep(
      async () => {
        fleet.host.isAway = true;
        fleet.langflow.save(A, { data: graph("second") });
        await fleet.cycle();
        fleet.langflow.save(A, { data: graph("third") });
        fleet.langflow.remove(B);
        fleet.host.edit("Ada", { "default/New.json": fileOf(C, "New", "new") });
        fleet.host.isAway = false;
      },
      () => {
        expect(textOf(fleet.langflow, A)).toEqual(["third", CANARY]);
        expect([...fleet.langflow.rows.keys()].sort()).toEqual([A, C]);
        expect(fleet.host.contents().get(ONE)).toContain("third");
        expect(fleet.host.contents().has("default/2b7e.json")).toBe(false);
        const edits =
          fleet
            .messages()
            .join("\n")
            .match(new RegExp(`Flow-Edited: ${A} .*`, "g")) ?? [];
        expect(edits).toHaveLength(3);
      },
    );
  });
});
