import { randomUUID } from "node:crypto";
import { A, B, C, CANARY, Fleet, type FleetOptions, fileOf, graph, textOf } from "./fleet";

jest.setTimeout(120_000);
let fleet: Fleet;
const begin = async (options: FleetOptions = {}) => {
  fleet = await Fleet.make(options);
  return fleet;
};
afterEach(() => fleet.close());

/** Records a flow, so that LangFlow and Git have it. */
async function recorded(options: FleetOptions = {}, more = {}) {
  const { langflow } = await begin(options);
  langflow.save(A, { name: "One", data: graph("first"), ...more });
  await fleet.cycle();
  fleet.pass(60);
  return langflow;
}
const ONE = "default/One.json";
const names = () => [...fleet.langflow.rows.values()].map(({ flow }) => flow.name).sort();

describe("a person's push", () => {
  it("creates a flow with the id from a new file, and announces the id before it creates the flow", async () => {
    const { langflow } = await begin();
    const announced: boolean[] = [];
    const { step } = langflow.faults;
    langflow.faults.step = (what, id) => {
      if (what === "put") announced.push(langflow.announced.has(id ?? ""));
      step(what, id);
    };
    fleet.push({ [ONE]: fileOf(A, "One", "by hand"), "default/Team/Two.json": fileOf(B, "Two", "by hand") });
    await fleet.settle();
    expect(textOf(langflow, A)[0]).toBe("by hand");
    expect(langflow.projects.get(langflow.rows.get(B)?.folder ?? "")?.name).toBe("Team");
    expect(announced.every(Boolean)).toBe(true);
    expect(langflow.announced.size).toBe(0);
    expect(fleet.file("default/Team/project.yaml")).toContain(`id: ${langflow.rows.get(B)?.folder}`);
  });

  it("fills a new fleet's first region with many flows at once, and holds only a flow that fails", async () => {
    const { langflow } = await begin();
    const ids = Array.from({ length: 45 }, (_, at) => `${String(at).padStart(8, "0")}-3a1d-4c0e-8f43-6d9a0b5c7e21`);
    langflow.faults.broken.add(ids[7] ?? "");
    fleet.push(Object.fromEntries(ids.map((id) => [`default/${id}.json`, fileOf(id, id, "x")])));
    const done = await fleet.cycle();
    expect(langflow.rows.size).toBe(44);
    expect(done?.outcomes[0]?.held).toMatchObject([
      { path: `LangFlow ${ids[7]}`, reason: expect.stringContaining("500") },
    ]);
    langflow.faults.broken.clear();
    await fleet.settle();
    expect(langflow.rows.size).toBe(45);
  });

  it("changes only the edited fields, and keeps the region's own secrets", async () => {
    const langflow = await recorded();
    langflow.save(A, { description: "in LangFlow" });
    fleet.push({ [ONE]: fleet.edited(ONE, { data: graph("by hand", "") }) });
    await fleet.settle();
    expect(textOf(langflow, A)).toEqual(["by hand", CANARY]);
    expect(langflow.rows.get(A)?.flow.description).toBe("in LangFlow");
    expect(fleet.file(ONE)).toContain("in LangFlow");
    expect(fleet.file(ONE)).toContain("by hand");
    expect(langflow.rows.size).toBe(1);
  });

  it("that only renames a flow leaves its graph and version token unchanged", async () => {
    const langflow = await recorded();
    const token = langflow.rows.get(A)?.token;
    fleet.push({ [ONE]: fleet.edited(ONE, { name: "Renamed", description: "d", endpoint_name: "e" }) });
    await fleet.settle();
    expect(langflow.rows.get(A)?.flow).toMatchObject({ name: "Renamed", description: "d", endpoint_name: "e" });
    expect(langflow.rows.get(A)?.token).toBe(token);
    // The file keeps the path that the person gave it.
    expect(fleet.paths()).toEqual([ONE, "default/project.yaml"]);
  });

  it("wins over an earlier edit of the graph in LangFlow, whose graph becomes a copy with its secrets", async () => {
    const langflow = await recorded();
    langflow.save(A, { data: graph("in LangFlow") });
    fleet.pass(30);
    fleet.push({ [ONE]: fleet.edited(ONE, { data: graph("by hand", "") }) });
    const done = await fleet.cycle();
    expect(textOf(langflow, A)[0]).toBe("by hand");
    const [copy] = [...langflow.rows.values()].filter(({ id }) => id !== A);
    expect(copy?.flow.name).toBe("One (us-east 2026-01-01 00:01:10)");
    expect(textOf(langflow, copy?.id ?? "")).toEqual(["in LangFlow", CANARY]);
    expect(done?.outcomes[0]?.conflicts).toEqual([
      { kind: "edited-twice", id: A, fields: ["graph"], keptAs: copy?.id },
    ]);
    await fleet.settle();
    expect(langflow.rows.size).toBe(2);
    expect(fleet.paths().filter((path) => path.startsWith("default/One"))).toHaveLength(2);
  });

  it("loses to a later edit of the graph in LangFlow, and becomes a copy with its author's name, even if the author's clock is ahead", async () => {
    const langflow = await recorded();
    fleet.push({ [ONE]: fleet.edited(ONE, { data: graph("by hand", "") }) });
    fleet.pass(30);
    langflow.save(A, { data: graph("in LangFlow") });
    await fleet.settle();
    expect(textOf(langflow, A)).toEqual(["in LangFlow", CANARY]);
    expect(names()).toEqual(["One", expect.stringMatching(/^One \(Ada 2026-01-01 00:01:1\d\)$/)]);
    fleet.clock += 3_600_000;
    fleet.push({ [ONE]: fleet.edited(ONE, { data: graph("from tomorrow", "") }) });
    fleet.clock -= 3_600_000;
    langflow.save(A, { data: graph("in LangFlow again") });
    await fleet.cycle();
    expect(langflow.rows.size).toBe(3);
  });

  it("that renames a flow loses to a later rename in LangFlow, and no copy is made", async () => {
    const langflow = await recorded();
    fleet.push({ [ONE]: fleet.edited(ONE, { name: "By hand" }) });
    fleet.pass(30);
    langflow.save(A, { name: "In LangFlow" });
    await fleet.settle();
    expect(names()).toEqual(["In LangFlow"]);
  });

  it("that moves a file moves its flow and creates a missing project; a renamed folder moves nothing", async () => {
    const langflow = await recorded();
    const text = fleet.file(ONE);
    fleet.push({ [ONE]: undefined, "default/New/One.json": text });
    await fleet.settle();
    const folder = langflow.rows.get(A)?.folder ?? "";
    expect(langflow.projects.get(folder)?.name).toBe("New");
    const yaml = fleet.file("default/New/project.yaml");
    fleet.push({ "default/New": undefined, "default/Renamed/One.json": text, "default/Renamed/project.yaml": yaml });
    await fleet.settle();
    expect(langflow.rows.get(A)?.folder).toBe(folder);
    expect(fleet.paths()).toContain("default/Renamed/One.json");
    expect([...langflow.projects.values()].map(({ name }) => name).sort()).toEqual(["New", "Starter Project"]);
  });

  it("to a locked flow unlocks the flow and locks it again", async () => {
    const langflow = await recorded({}, { locked: true });
    fleet.push({ [ONE]: fleet.edited(ONE, { data: graph("by hand", ""), name: "Renamed" }) });
    await fleet.settle();
    expect(textOf(langflow, A)[0]).toBe("by hand");
    expect(langflow.rows.get(A)?.flow.locked).toBe(true);
  });

  it("that swaps the names of two flows swaps them in LangFlow", async () => {
    const langflow = await recorded();
    langflow.save(B, { name: "Two", data: graph("second") });
    await fleet.settle();
    fleet.push({
      [ONE]: fleet.edited(ONE, { name: "Two" }),
      "default/Two.json": fleet.edited("default/Two.json", { name: "One" }),
    });
    await fleet.settle();
    expect([A, B].map((id) => langflow.rows.get(id)?.flow.name)).toEqual(["Two", "One"]);
  });

  it("that LangFlow rejects is held, with file and flow unchanged, and imported as soon as LangFlow accepts it", async () => {
    const langflow = await recorded();
    langflow.faults.broken.add(A);
    fleet.push({ [ONE]: fleet.edited(ONE, { data: graph("by hand", "") }) });
    const done = await fleet.cycle();
    expect(done?.outcomes[0]?.held).toMatchObject([{ path: `LangFlow ${A}`, kind: "flow" }]);
    langflow.save(B, { name: "Two", data: graph("goes on") });
    await fleet.cycle();
    expect(fleet.file(ONE)).toContain("by hand");
    expect(fleet.paths()).toContain("default/Two.json");
    await fleet.restart("us-east", true);
    langflow.faults.broken.clear();
    await fleet.settle();
    expect(textOf(langflow, A)).toEqual(["by hand", CANARY]);
    expect(langflow.rows.size).toBe(2);
  });

  it("waits while LangFlow is unreachable; edits are still committed, and pushed on top of it later", async () => {
    const langflow = await recorded();
    langflow.save(B, { name: "Two", data: graph("second") });
    await fleet.settle();
    langflow.faults.away = true;
    fleet.push({ [ONE]: fleet.edited(ONE, { data: graph("by hand", "") }) });
    langflow.save(B, { data: graph("edited") });
    expect(await fleet.cycle()).toMatchObject({ pending: 1, trouble: expect.anything() });
    expect(fleet.log("%an").split("\n")[0]).toBe("Ada");
    langflow.faults.away = false;
    await fleet.settle();
    expect(textOf(langflow, A)[0]).toBe("by hand");
    expect(fleet.file("default/Two.json")).toContain("edited");
    expect(langflow.rows.size).toBe(2);
  });

  it("that breaks a file changes and deletes nothing, and the file stays until a person repairs it", async () => {
    const langflow = await recorded();
    const whole = fleet.file(ONE);
    fleet.push({ [ONE]: "{ no JSON" });
    const done = await fleet.settle();
    expect(done?.outcomes[0]?.problems).toEqual([{ path: ONE, reason: "is not JSON" }]);
    expect(textOf(langflow, A)[0]).toBe("first");
    expect(fleet.file(ONE)).toBe("{ no JSON");
    fleet.push({ [ONE]: whole.replace("first", "mended") });
    await fleet.settle();
    expect(textOf(langflow, A)).toEqual(["mended", CANARY]);
    expect(fleet.paths().filter((path) => path.endsWith(".json"))).toEqual([ONE]);
  });

  it("that deletes a file deletes its flow", async () => {
    const langflow = await recorded();
    fleet.push({ [ONE]: undefined });
    await fleet.settle();
    expect(langflow.rows.size).toBe(0);
    expect(langflow.tombstones.has(A)).toBe(true);
  });

  it("that deletes a file loses to an edit of the flow made since, and the recorder commits the file again", async () => {
    const langflow = await recorded();
    langflow.save(A, { description: "edited" });
    fleet.push({ [ONE]: undefined });
    const done = await fleet.cycle();
    expect(langflow.rows.size).toBe(1);
    expect(done?.outcomes[0]?.conflicts).toEqual([{ kind: "edit-survives-delete", id: A }]);
    expect(fleet.file(ONE)).toContain("edited");
  });

  it("that only moves a file deletes nothing, even if the new path is not scanned for flows", async () => {
    const langflow = await recorded();
    const text = fleet.file(ONE);
    fleet.push({ [ONE]: undefined, "default/a/b/c/One.json": text });
    await fleet.settle();
    expect(langflow.rows.size).toBe(1);
    expect(fleet.paths()).toContain(ONE);
  });

  it("that deletes many files waits for an operator's release, and everything else continues", async () => {
    const { langflow } = await begin({ deletes: { share: 0.2, number: 2 } });
    for (const id of [A, B, C]) langflow.save(id, { name: id.slice(0, 4), data: graph(id) });
    await fleet.cycle();
    fleet.push({ "default/1b7e.json": undefined, "default/2b7e.json": undefined, "default/3b7e.json": undefined });
    await fleet.cycle();
    const D = C.replace("3", "4");
    langflow.save(D, { name: "Four", data: graph("goes on") });
    const done = await fleet.cycle();
    const [outcome] = done?.outcomes ?? [];
    expect(langflow.rows.size).toBe(4);
    expect(outcome?.heldDeletes?.ids).toEqual([A, B, C]);
    expect(outcome?.held).toHaveLength(3);
    expect(outcome?.held[0]?.reason).toContain(`run \`agent release --deletes ${outcome?.heldDeletes?.code}\``);
    expect(fleet.paths().filter((path) => path.endsWith(".json"))).toEqual(["default/Four.json"]);
    fleet.released.add(outcome?.heldDeletes?.code ?? "");
    await fleet.settle();
    expect([...langflow.rows.keys()]).toEqual([D]);
  });

  it("that deletes a few files of each of many users waits for an operator's release too", async () => {
    const { langflow } = await begin({ deletes: { together: { share: 0.1, number: 20 } } });
    const paths: string[] = [];
    for (let user = 0; user < 8; user += 1) {
      const userId = langflow.addUser(`user-${user}`);
      for (let flow = 0; flow < 3; flow += 1) {
        langflow.save(randomUUID(), { name: `Flow ${flow}`, data: graph("x") }, undefined, userId);
        paths.push(`user-${user}/Flow_${flow}.json`);
      }
    }
    await fleet.settle();
    fleet.push(Object.fromEntries(paths.map((path) => [path, undefined])));
    const done = await fleet.settle();
    expect(langflow.rows.size).toBe(24);
    const codes = new Set(done?.outcomes.flatMap(({ heldDeletes }) => heldDeletes?.code ?? []));
    expect(codes.size).toBe(1);
    fleet.released.add([...codes][0] ?? "");
    await fleet.settle();
    expect(langflow.rows.size).toBe(0);
  });

  it("that restores files before their deletes are released leaves the flows unchanged", async () => {
    const { langflow } = await begin({ deletes: { share: 0, number: 1 } });
    for (const id of [A, B]) langflow.save(id, { name: id.slice(0, 4), data: graph(id) });
    await fleet.cycle();
    const files = Object.fromEntries(
      ["default/1b7e.json", "default/2b7e.json"].map((path) => [path, fleet.file(path)]),
    );
    fleet.push({ "default/1b7e.json": undefined, "default/2b7e.json": undefined });
    await fleet.cycle();
    fleet.push(files);
    const writes = langflow.writes;
    const done = await fleet.settle();
    expect(done?.outcomes[0]?.held).toEqual([]);
    expect(langflow.writes).toBe(writes);
  });

  it("restores a deleted flow if it changes the flow's file; the recorder removes an unchanged file", async () => {
    const { langflow } = await begin();
    for (const id of [A, B]) langflow.save(id, { name: id.slice(0, 4), data: graph(id) });
    await fleet.cycle();
    langflow.remove(A);
    langflow.remove(B);
    fleet.push({ "default/1b7e.json": fleet.edited("default/1b7e.json", { data: graph("by hand", "") }) });
    await fleet.settle();
    expect([...langflow.rows.keys()]).toEqual([A]);
    expect(fleet.paths().filter((path) => path.endsWith(".json"))).toEqual(["default/1b7e.json"]);
  });

  it("with two files for one flow uses the recorded file and skips the other", async () => {
    await recorded();
    fleet.push({ "default/A_copy.json": fleet.edited(ONE, { name: "Copy" }) });
    const done = await fleet.settle();
    expect(done?.outcomes[0]?.problems).toEqual([
      { path: "default/A_copy.json", reason: `has the same flow id as ${ONE}` },
    ]);
    expect(names()).toEqual(["One"]);
  });

  it("gives a graph the same version token as in every other region", async () => {
    const langflow = await recorded();
    fleet.push({ [ONE]: fleet.edited(ONE, { data: graph("by hand", "") }) });
    await fleet.settle();
    expect(langflow.rows.get(A)?.token?.[14]).toBe("8");
  });

  it("to an earlier release's folder binds the folder to the owner of its flows, or else to the user of the same name", async () => {
    const { langflow } = await begin();
    const [ada, bob] = [langflow.addUser("ada"), langflow.addUser("Bob")];
    langflow.save(A, { name: "Hers", data: graph("x") }, undefined, ada);
    fleet.push({
      "team-a/Hers.json": fileOf(A, "Hers", "x"),
      "bob/His.json": fileOf(B, "His", "y"),
      "nobody/It.json": fileOf(C, "It", "z"),
    });
    await fleet.settle();
    expect(fleet.file("team-a/user.yaml")).toContain(ada);
    expect(fleet.file("bob/user.yaml")).toContain(bob);
    expect(langflow.rows.get(B)?.userId).toBe(bob);
    expect(langflow.rows.has(C)).toBe(false);
    expect(fleet.paths()).not.toContain("nobody/user.yaml");
  });

  it("that moves a user's whole folder to an unknown name deletes no flow", async () => {
    const langflow = await recorded();
    const text = fleet.file(ONE);
    fleet.push({ default: undefined, "elsewhere/One.json": text });
    await fleet.settle();
    expect(langflow.rows.size).toBe(1);
    expect(fleet.paths()).toContain(ONE);
  });
});

describe("a commit by an agent of the previous release", () => {
  const agent = "langflow-dr eu-west";

  it("is imported like a person's commit, with the times and versions that its message names", async () => {
    const langflow = await recorded();
    fleet.push(
      { [ONE]: fleet.edited(ONE, { data: graph("from eu-west", "") }) },
      agent,
      `eu-west: change One\n\nFlow-Edited: ${A} 2026-01-01T00:01:05.000Z graph eu-west\nFlow-Version: ${A} ${B}\n`,
    );
    await fleet.settle();
    expect(textOf(langflow, A)).toEqual(["from eu-west", CANARY]);
    expect(langflow.rows.get(A)?.token).toBe(B);
  });

  it("loses to an edit after its own edit time, and becomes a copy with its region's name", async () => {
    const langflow = await recorded();
    langflow.save(A, { data: graph("in us-east") });
    fleet.pass(300);
    fleet.push(
      { [ONE]: fleet.edited(ONE, { data: graph("from eu-west", "") }) },
      agent,
      `eu-west: change One\n\nFlow-Edited: ${A} 2026-01-01T00:01:05.000Z graph eu-west\n`,
    );
    await fleet.settle();
    expect(textOf(langflow, A)[0]).toBe("in us-east");
    expect(names()).toEqual(["One", "One (eu-west 2026-01-01 00:01:05)"]);
  });

  it("that moves a flow to a new project waits for the project's arrival, and creates no duplicate", async () => {
    const { langflow } = await begin();
    langflow.save(A, { name: "One", data: graph("x") }, "Team");
    await fleet.cycle();
    const text = fleet.file("default/Team/One.json");
    fleet.pass(60);
    fleet.push(
      { "default/Team/One.json": undefined, "default/Other/One.json": text },
      agent,
      `eu-west: change One\n\nFlow-Edited: ${A} 2026-01-01T00:01:09.000Z project eu-west\n`,
    );
    const done = await fleet.cycle();
    expect(done?.outcomes[0]?.held).toMatchObject([{ reason: "its project Other has not arrived in this region yet" }]);
    expect([...langflow.projects.values()].map(({ name }) => name).sort()).toEqual(["Starter Project", "Team"]);
    langflow.renameProject("Team", "Other");
    await fleet.settle();
    expect([...langflow.projects.values()].map(({ name }) => name).sort()).toEqual(["Other", "Starter Project"]);
    expect(langflow.rows.size).toBe(1);
    expect(fleet.file("default/Other/project.yaml")).toContain("name: Other");
  });
});
