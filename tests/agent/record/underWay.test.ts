import { A, B, C, fileOf, graph, textOf } from "./fleet";
import { SimulatedFleet } from "./simulatedFleet";

const [ONE, TWO] = ["default/One.json", "default/Two.json"];
const NEW_KEY = "key-typed-in-eu";
const REASON = "another region recorded a newer version, which has not been replicated here yet";

/** Records two flows in eu-west, which then records a change that us-east has not received when it takes over. */
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
  /** Expects that nothing was written to Git or LangFlow, and that the flows are held. */
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

describe("another region's change that is committed to Git but not replicated yet", () => {
  it("holds its flow until the edit arrives with its typed-in key, and creates no copy", async () => {
    const { us, expectHeld, arrive } = await takenOver(edited);
    expectHeld();
    expect(textOf(us, A)[0]).toBe("x2");
    await arrive();
    expect(textOf(us, A)).toEqual(["x15", NEW_KEY]);
    expect(us.rows.size).toBe(2);
  });

  it("that creates a flow is held until replication delivers the flow with its typed-in key", async () => {
    const { us, expectHeld, arrive } = await takenOver((eu) =>
      eu.save(C, { name: "New", data: graph("new", NEW_KEY) }),
    );
    expectHeld([C]);
    expect(us.rows.has(C)).toBe(false);
    await arrive();
    expect(textOf(us, C)).toEqual(["new", NEW_KEY]);
    expect(us.rows.size).toBe(3);
  });

  it("does not create a flow that was deleted before it arrived", async () => {
    const { fleet, eu, us, arrive } = await takenOver((langflow) =>
      langflow.save(C, { name: "New", data: graph("new") }),
    );
    fleet.pass(60);
    eu.remove(C);
    await arrive();
    expect(us.rows.has(C)).toBe(false);
    expect(fleet.host.contents().has("default/New.json")).toBe(false);
  });

  it("holds a deleted flow until the delete arrives, unless a user edits the flow meanwhile", async () => {
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

  it("holds a moved flow until its new project arrives", async () => {
    const { us, fleet, expectHeld, arrive } = await takenOver((eu) => eu.save(A, {}, "Made in eu"));
    expectHeld();
    await arrive();
    expect(us.projects.get(us.rows.get(A)?.folder ?? "")?.name).toBe("Made in eu");
    expect(fleet.host.contents().has("default/Made_in_eu/One.json")).toBe(true);
  });

  it("does not affect other flows", async () => {
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

describe("a flow that was deleted, and that another region's recorder has re-created", () => {
  /** Deletes a recorded flow in both regions. A push re-creates it in eu-west, and us-east takes over. */
  async function recreated({ isFormatted = false, isArrived = false } = {}) {
    const fleet = new SimulatedFleet(["eu-west", "us-east"]);
    const [eu, us] = [fleet.region("eu-west").langflow, fleet.region("us-east").langflow];
    eu.save(A, { name: "One", data: graph("first") });
    await fleet.settle();
    const recorded = fleet.file(ONE);
    us.replicate(eu);
    us.remove(A);
    eu.replicate(us);
    await fleet.settle();
    expect(fleet.host.contents().has(ONE)).toBe(false);
    fleet.pass(60);
    const again = isFormatted ? recorded.replace("first", "again") : fileOf(A, "One", "again");
    fleet.host.edit("Ada", { [ONE]: again });
    await fleet.cycle();
    expect(fleet.file(ONE) === again).toBe(isFormatted);
    expect(textOf(eu, A)[0]).toBe("again");
    if (isArrived) us.replicate(eu);
    fleet.pass(60);
    fleet.recorder = "us-east";
    const cycle = async () => (await fleet.cycle())?.outcomes.flatMap(({ held }) => held) ?? [];
    return { fleet, eu, us, cycle };
  }

  it("keeps its file until it arrives", async () => {
    const { fleet, eu, us, cycle } = await recreated();
    for (let count = 0; count < 3; count += 1)
      expect(await cycle()).toEqual([{ path: `LangFlow ${A}`, reason: REASON, kind: "flow" }]);
    expect(fleet.file(ONE)).toContain("again");
    expect(us.rows.has(A)).toBe(false);
    us.replicate(eu);
    expect((await fleet.settle())?.outcomes.flatMap(({ held }) => held)).toEqual([]);
    expect(textOf(us, A)[0]).toBe("again");
    expect(fleet.file(ONE)).toContain("again");
  });

  for (const isFormatted of [false, true])
    it(`is imported from Git if that region is lost${isFormatted ? ", even if no recorder had to rewrite the pushed file" : ""}`, async () => {
      const { fleet, us } = await recreated({ isFormatted });
      fleet.pass(15 * 60);
      await fleet.settle();
      expect(textOf(us, A)[0]).toBe("again");
      expect(fleet.file(ONE)).toContain("again");
      expect(us.rows.size).toBe(1);
    });

  it("is deleted from Git at once if a user who saw it deletes it again", async () => {
    for (const isFormatted of [false, true]) {
      const { fleet, us, cycle } = await recreated({ isFormatted, isArrived: true });
      us.remove(A);
      expect(await cycle()).toEqual([]);
      await fleet.settle();
      expect(fleet.host.contents().has(ONE)).toBe(false);
      expect(us.rows.has(A)).toBe(false);
    }
  });
});

describe("a person's push on top of a commit that has not replicated yet", () => {
  for (const [title, push, text, description] of [
    ["edits another field", (fleet: SimulatedFleet) => fleet.edited(ONE, { description: "by Ada" }), "x15", "by Ada"],
    ["edits the same graph", (fleet: SimulatedFleet) => fleet.edited(ONE, { data: graph("y", "") }), "y", null],
  ] as const) {
    it(`waits for the commit's edit and merges with it if the push ${title}: nothing is reverted or copied`, async () => {
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

    it(`is imported together with the commit if the push ${title} and the commit's region is lost`, async () => {
      const { us, fleet, lose } = await takenOver(edited, (each) => each.host.edit("Ada", { [ONE]: push(each) }));
      const done = await lose();
      expect(textOf(us, A)[0]).toBe(text);
      expect(us.rows.get(A)?.flow.description).toBe(description);
      expect(fleet.file(ONE)).toContain(`"${text}"`);
      expect(us.rows.size).toBe(2);
      expect(done?.outcomes.flatMap(({ held }) => held)).toEqual([]);
    });
  }

  it("that deletes a file waits for the commit's edit and then deletes the flow, even if the commit's region is lost", async () => {
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

  it("that deletes a new flow's file deletes the flow when it arrives", async () => {
    const { us, eu, fleet, arrive } = await takenOver(
      (langflow) => langflow.save(C, { name: "New", data: graph("new") }),
      ({ host }) => host.edit("Ada", { "default/New.json": undefined }),
    );
    expect(us.rows.has(C)).toBe(false);
    await arrive();
    expect([us.rows.has(C), eu.rows.has(C)]).toEqual([false, false]);
    expect(fleet.host.contents().has("default/New.json")).toBe(false);
  });

  it("reverts no concurrent edit of this region's user if the commit's region is lost: both graphs are kept", async () => {
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
