import { A, B, C, graph, textOf } from "./fleet";
import { SimulatedFleet } from "./simulatedFleet";

const [ONE, TWO] = ["default/One.json", "default/Two.json"];
const NEW_KEY = "key-typed-in-eu";
const REASON = "another region recorded a newer version, which the replication has not brought yet";

/** Two flows, recorded by eu-west, which then records something that us-east does not have yet when it takes over. */
async function takenOver(happens: (eu: SimulatedFleet["langflow"]) => void, push?: (fleet: SimulatedFleet) => void) {
  const fleet = new SimulatedFleet(["eu-west", "us-east"]);
  const [eu, us] = [fleet.region("eu-west").langflow, fleet.region("us-east").langflow];
  eu.save(A, { name: "One", data: graph("x2") });
  eu.save(B, { name: "Two", data: graph("two") }, "Team");
  await fleet.settle();
  us.replicate(eu);
  fleet.pass(60);
  happens(eu);
  await fleet.cycle();
  fleet.pass(60);
  push?.(fleet);
  fleet.recorder = "us-east";
  const recorded = [...fleet.host.contents()];
  let done = await fleet.cycle();
  for (let cycle = 0; cycle < 3; cycle += 1) done = await fleet.cycle();
  /** Nothing was written to Git or LangFlow, and the flow is held. */
  const expectHeld = (ids: readonly string[] = [A]) => {
    expect([...fleet.host.contents()]).toEqual(recorded);
    const held = done?.outcomes.flatMap(({ held }) => held) ?? [];
    expect(held).toEqual(ids.map((id) => ({ path: `LangFlow ${id}`, reason: REASON, kind: "flow" })));
  };
  const arrive = async () => {
    us.replicate(eu);
    const last = await fleet.settle();
    expect(last?.outcomes.flatMap(({ held }) => held)).toEqual([]);
    eu.replicate(us);
    expect([...eu.rows.keys()].sort()).toEqual([...us.rows.keys()].sort());
  };
  const lose = () => {
    fleet.pass(15 * 60);
    return fleet.settle();
  };
  return { fleet, eu, us, expectHeld, arrive, lose };
}
const edited = (eu: SimulatedFleet["langflow"]) => eu.save(A, { data: graph("x15", NEW_KEY) });

describe("what another region's recorder committed and replication still has to bring", () => {
  it("is waited for: an edit keeps its typed-in key, and nothing is kept as a copy", async () => {
    const { us, expectHeld, arrive } = await takenOver(edited);
    expectHeld();
    expect(textOf(us, A)[0]).toBe("x2");
    await arrive();
    expect(textOf(us, A)).toEqual(["x15", NEW_KEY]);
    expect(us.rows.size).toBe(2);
  });

  it("is waited for: a new flow comes with its typed-in key", async () => {
    const { us, expectHeld, arrive } = await takenOver((eu) =>
      eu.save(C, { name: "New", data: graph("new", NEW_KEY) }),
    );
    expectHeld([C]);
    expect(us.rows.has(C)).toBe(false);
    await arrive();
    expect(textOf(us, C)).toEqual(["new", NEW_KEY]);
    expect(us.rows.size).toBe(3);
  });

  it("is waited for: a flow that was made and is deleted before it arrives does not come from Git", async () => {
    const { fleet, eu, us, arrive } = await takenOver((langflow) =>
      langflow.save(C, { name: "New", data: graph("new") }),
    );
    fleet.pass(60);
    eu.remove(C);
    await arrive();
    expect(us.rows.has(C)).toBe(false);
    expect(fleet.host.contents().has("default/New.json")).toBe(false);
  });

  it("is waited for: a delete, unless the flow is edited meanwhile", async () => {
    const { us, fleet, expectHeld, arrive } = await takenOver((eu) => eu.remove(A));
    expectHeld();
    await arrive();
    expect([...us.rows.keys()]).toEqual([B]);
    expect(fleet.host.contents().has(ONE)).toBe(false);
    const other = await takenOver((eu) => eu.remove(A));
    other.us.save(A, { description: "edited" });
    await other.fleet.settle();
    expect(other.fleet.file(ONE)).toContain("edited");
  });

  it("is waited for: a move to a project that is still to come", async () => {
    const { us, fleet, expectHeld, arrive } = await takenOver((eu) => eu.save(A, {}, "Made in eu"));
    expectHeld();
    await arrive();
    expect(us.projects.get(us.rows.get(A)?.folder ?? "")?.name).toBe("Made in eu");
    expect(fleet.host.contents().has("default/Made_in_eu/One.json")).toBe(true);
  });

  it("is no other flow's trouble", async () => {
    const { fleet, us } = await takenOver(edited);
    us.save(B, { data: graph("goes on") });
    fleet.host.edit("Ada", {
      "default/Team/Two.json": fleet.edited("default/Team/Two.json", { description: "by hand" }),
    });
    await fleet.cycle();
    await fleet.cycle();
    expect(us.rows.get(B)?.flow.description).toBe("by hand");
    expect(fleet.file("default/Team/Two.json")).toContain("goes on");
    expect(fleet.host.contents().has(TWO)).toBe(false);
  });
});

describe("a person's push on top of what replication still has to bring", () => {
  for (const [title, push, text, description] of [
    ["edits another field", (fleet: SimulatedFleet) => fleet.edited(ONE, { description: "by Ada" }), "x15", "by Ada"],
    ["edits the same graph", (fleet: SimulatedFleet) => fleet.edited(ONE, { data: graph("y", "") }), "y", null],
  ] as const) {
    it(`waits for it, based on it, where it ${title}: nothing is reverted or copied`, async () => {
      const { us, fleet, expectHeld, arrive } = await takenOver(edited, (each) =>
        each.host.edit("Ada", { [ONE]: push(each) }),
      );
      expectHeld();
      await arrive();
      expect(textOf(us, A)).toEqual([text, NEW_KEY]);
      expect(us.rows.get(A)?.flow.description).toBe(description);
      expect(fleet.file(ONE)).toContain(`"${text}"`);
      expect(us.rows.size).toBe(2);
    });

    it(`is brought in with it where it ${title} and the other region is lost with it`, async () => {
      const { us, fleet, lose } = await takenOver(edited, (each) => each.host.edit("Ada", { [ONE]: push(each) }));
      const done = await lose();
      expect(textOf(us, A)[0]).toBe(text);
      expect(us.rows.get(A)?.flow.description).toBe(description);
      expect(fleet.file(ONE)).toContain(`"${text}"`);
      expect(us.rows.size).toBe(2);
      expect(done?.outcomes.flatMap(({ held }) => held)).toEqual([]);
    });
  }

  it("waits for it, where it deletes the file, and then deletes the flow, also where the other region is lost", async () => {
    for (const isLost of [false, true]) {
      const { us, fleet, expectHeld, arrive, lose } = await takenOver(edited, ({ host }) =>
        host.edit("Ada", { [ONE]: undefined }),
      );
      expectHeld();
      await (isLost ? lose() : arrive());
      expect([...us.rows.keys()]).toEqual([B]);
      expect(fleet.host.contents().has(ONE)).toBe(false);
    }
  });

  it("reverts nothing that this region's user edited unaware, where the other region is lost: both graphs are kept", async () => {
    const { us, fleet, lose } = await takenOver(edited, (each) =>
      each.host.edit("Ada", { [ONE]: each.edited(ONE, { description: "by Ada" }) }),
    );
    us.save(A, { data: graph("x3") });
    await lose();
    expect([...us.rows.keys()].map((id) => textOf(us, id)[0]).sort()).toEqual(["two", "x15", "x3"]);
    expect(us.rows.get(A)?.flow.description).toBe("by Ada");
    expect(fleet.file(ONE)).toContain("by Ada");
  });
});
