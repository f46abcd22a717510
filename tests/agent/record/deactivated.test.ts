import { A, CANARY, graph, textOf } from "./fleet";
import { SimulatedFleet } from "./simulatedFleet";

const HERS = "zoe/One.json";

/** Records a user's flow and deactivates the user. */
async function deactivated() {
  const fleet = new SimulatedFleet(["us-east", "eu-west"]);
  const { langflow } = fleet;
  const zoe = langflow.addUser("zoe");
  langflow.save(A, { name: "One", data: graph("first") }, undefined, zoe);
  await fleet.settle();
  const setActive = (isActive: boolean) => langflow.users.set(zoe, { name: "zoe", isActive });
  setActive(false);
  await fleet.settle();
  fleet.pass(60);
  return { fleet, langflow, setActive };
}

describe("a push to the folder of a deactivated user", () => {
  it("waits until the user is active, and is merged with the user's later edits", async () => {
    const { fleet, langflow, setActive } = await deactivated();
    fleet.host.edit("Ada", { [HERS]: fleet.edited(HERS, { data: graph("by hand", "") }) });
    await fleet.settle();
    expect(textOf(langflow, A)[0]).toBe("first");
    fleet.pass(60);
    setActive(true);
    langflow.save(A, { description: "after" });
    const done = await fleet.settle();
    expect(textOf(langflow, A)).toEqual(["by hand", CANARY]);
    expect(fleet.file(HERS)).toContain("by hand");
    expect(fleet.file(HERS)).toContain("after");
    expect(langflow.rows.size).toBe(1);
    expect(done?.outcomes.flatMap(({ held }) => held)).toEqual([]);
  });

  it("loses no graph if the user edits the flow later: both graphs are kept", async () => {
    const { fleet, langflow, setActive } = await deactivated();
    fleet.host.edit("Ada", { [HERS]: fleet.edited(HERS, { data: graph("by hand", "") }) });
    await fleet.settle();
    fleet.pass(60);
    setActive(true);
    langflow.save(A, { data: graph("in LangFlow") });
    await fleet.settle();
    const texts = [...langflow.rows.keys()].map((id) => textOf(langflow, id)[0]).sort();
    expect(texts).toEqual(["by hand", "in LangFlow"]);
  });

  it("that deletes a file deletes no flow; the recorder commits the file again once the user is active", async () => {
    const { fleet, langflow, setActive } = await deactivated();
    fleet.host.edit("Ada", { zoe: undefined });
    await fleet.settle();
    setActive(true);
    await fleet.settle();
    expect(textOf(langflow, A)[0]).toBe("first");
    expect(fleet.file(HERS)).toContain("first");
  });
});
