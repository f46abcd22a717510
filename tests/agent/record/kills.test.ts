import { A, B, C, CANARY, Fleet, fileOf, graph, textOf } from "./fleet";

jest.setTimeout(600_000);
let fleet: Fleet;
afterEach(() => fleet.close());

const ONE = "default/1b7e.json";
/** More steps than any of these cycles has. */
const STEPS_MAX = 80;

/**
 * Kills the agent at each step of a cycle in turn.
 *
 * @param happens since Git and LangFlow held the same
 * @param expected of LangFlow and Git in the end
 */
async function killedAtEachStep(happens: () => Promise<void>, expected: () => void): Promise<number> {
  for (let step = 0; step <= STEPS_MAX; step += 1) {
    fleet = await Fleet.make();
    for (const id of [A, B]) fleet.langflow.save(id, { name: id.slice(0, 4), data: graph("first"), locked: id === B });
    await fleet.cycle();
    fleet.pass(60);
    await happens();
    const wasWhole = (await fleet.cycle("us-east", step)) !== undefined;
    fleet.away = false;
    await fleet.settle();
    try {
      expected();
      expect(fleet.host.in("host.git", ["log", "-p", "main"])).not.toContain(CANARY);
      const before = fleet.commits();
      await fleet.cycle();
      expect(fleet.commits()).toBe(before);
    } catch (error) {
      throw new Error(`killed at step ${step}: ${(error as Error).message}`);
    }
    await fleet.close();
    if (wasWhole) return step;
  }
  throw new Error("the cycle has more steps than are tried");
}

describe("an agent that is killed at any step", () => {
  it("brings each edit, delete and new flow of a push in once", async () => {
    const steps = await killedAtEachStep(
      async () => {
        fleet.push({
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

  it("keeps the loser of a conflict once", async () => {
    await killedAtEachStep(
      async () => {
        fleet.langflow.save(A, { data: graph("in LangFlow") });
        fleet.pass(30);
        fleet.push({ [ONE]: fleet.edited(ONE, { data: graph("by hand", "") }), "default/2b7e.json": undefined });
      },
      () => {
        const { rows } = fleet.langflow;
        expect(textOf(fleet.langflow, A)).toEqual(["by hand", CANARY]);
        const copies = [...rows.keys()].filter((id) => id !== A);
        expect(copies.map((id) => textOf(fleet.langflow, id))).toEqual([["in LangFlow", CANARY]]);
      },
    );
  });

  it("records each change once, pending commits included", async () => {
    await killedAtEachStep(
      async () => {
        fleet.away = true;
        fleet.langflow.save(A, { data: graph("second") });
        await fleet.cycle();
        fleet.langflow.save(A, { data: graph("third") });
        fleet.langflow.remove(B);
        fleet.push({ "default/New.json": fileOf(C, "New", "new") });
        fleet.away = false;
      },
      () => {
        expect(textOf(fleet.langflow, A)).toEqual(["third", CANARY]);
        expect([...fleet.langflow.rows.keys()].sort()).toEqual([A, C]);
        expect(fleet.file(ONE)).toContain("third");
        expect(fleet.paths()).not.toContain("default/2b7e.json");
        const edits = fleet.log("%B").match(new RegExp(`Flow-Edited: ${A} .*`, "g")) ?? [];
        expect(edits).toHaveLength(3);
        expect(fleet.log("%P").split("\n").every((parents) => !parents.includes(" "))).toBe(true);
      },
    );
  });
});
