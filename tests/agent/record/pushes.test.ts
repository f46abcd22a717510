import { randomUUID } from "node:crypto";
import { A, B, C, CANARY, Fleet, type FleetOptions, fileOf, graph, textOf } from "./fleet";

jest.setTimeout(120_000);
let fleet: Fleet;
const begin = async (options: FleetOptions = {}) => {
  fleet = await Fleet.make(options);
  return fleet;
};
afterEach(() => fleet.close());

/** A flow that LangFlow and Git hold. */
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
  it("brings a new file in as a flow of that id, announced before it is created", async () => {
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

  it("fills a new fleet's first region from Git, many flows at once, and the trouble of one is that one's", async () => {
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

  it("changes the fields that it changes and no others, and the region's own secrets stay", async () => {
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

  it("that only renames a flow leaves its graph and its version alone", async () => {
    const langflow = await recorded();
    const token = langflow.rows.get(A)?.token;
    fleet.push({ [ONE]: fleet.edited(ONE, { name: "Renamed", description: "d", endpoint_name: "e" }) });
    await fleet.settle();
    expect(langflow.rows.get(A)?.flow).toMatchObject({ name: "Renamed", description: "d", endpoint_name: "e" });
    expect(langflow.rows.get(A)?.token).toBe(token);
    // Where a person put a file, it stays.
    expect(fleet.paths()).toEqual([ONE, "default/project.yaml"]);
  });

  it("whose graph was also changed in LangFlow wins if it is later; LangFlow's graph is kept as a copy, secrets included", async () => {
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

  it("that is the earlier of two edits of a graph is kept as a copy under its author's name; a clock from the future gains nothing", async () => {
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

  it("of names that both sides changed, the later one holds and nothing is kept", async () => {
    const langflow = await recorded();
    fleet.push({ [ONE]: fleet.edited(ONE, { name: "By hand" }) });
    fleet.pass(30);
    langflow.save(A, { name: "In LangFlow" });
    await fleet.settle();
    expect(names()).toEqual(["In LangFlow"]);
  });

  it("moves a flow to another project, made where it is missing; a folder that is renamed moves nothing", async () => {
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

  it("of a locked flow opens its lock and closes it again", async () => {
    const langflow = await recorded({}, { locked: true });
    fleet.push({ [ONE]: fleet.edited(ONE, { data: graph("by hand", ""), name: "Renamed" }) });
    await fleet.settle();
    expect(textOf(langflow, A)[0]).toBe("by hand");
    expect(langflow.rows.get(A)?.flow.locked).toBe(true);
  });

  it("that swaps the names of two flows swaps them", async () => {
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

  it("that LangFlow refuses is held, file and flow as they are, and brought in when it can be", async () => {
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

  it("while LangFlow is away waits whole; edits are still recorded, and pushed on top of it later", async () => {
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

  it("that breaks a file changes and deletes nothing, and the file stays until it is mended", async () => {
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

  it("that deletes a file deletes the flow", async () => {
    const langflow = await recorded();
    fleet.push({ [ONE]: undefined });
    await fleet.settle();
    expect(langflow.rows.size).toBe(0);
    expect(langflow.tombstones.has(A)).toBe(true);
  });

  it("that deletes a file whose flow was edited since: the edit survives, and is recorded again", async () => {
    const langflow = await recorded();
    langflow.save(A, { description: "edited" });
    fleet.push({ [ONE]: undefined });
    const done = await fleet.cycle();
    expect(langflow.rows.size).toBe(1);
    expect(done?.outcomes[0]?.conflicts).toEqual([{ kind: "edit-survives-delete", id: A }]);
    expect(fleet.file(ONE)).toContain("edited");
  });

  it("that only moves a file, also to where no flow is looked for, deletes nothing", async () => {
    const langflow = await recorded();
    const text = fleet.file(ONE);
    fleet.push({ [ONE]: undefined, "default/a/b/c/One.json": text });
    await fleet.settle();
    expect(langflow.rows.size).toBe(1);
    expect(fleet.paths()).toContain(ONE);
  });

  it("that deletes many files waits for a person's release; everything else goes on", async () => {
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
    expect(outcome?.held[0]?.reason).toContain(`waits for \`agent release --deletes ${outcome?.heldDeletes?.code}\``);
    expect(fleet.paths().filter((path) => path.endsWith(".json"))).toEqual(["default/Four.json"]);
    fleet.released.add(outcome?.heldDeletes?.code ?? "");
    await fleet.settle();
    expect([...langflow.rows.keys()]).toEqual([D]);
  });

  it("that deletes few files of each of many users waits for a person's release too", async () => {
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

  it("that puts back files whose delete waits leaves the flows as they are", async () => {
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

  it("of a flow with a tombstone: a file that a person changed brings it back, an unchanged one goes", async () => {
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

  it("with two files of one flow: the recorded one counts, the other is skipped", async () => {
    await recorded();
    fleet.push({ "default/A_copy.json": fleet.edited(ONE, { name: "Copy" }) });
    const done = await fleet.settle();
    expect(done?.outcomes[0]?.problems).toEqual([
      { path: "default/A_copy.json", reason: `holds the same flow id as ${ONE}` },
    ]);
    expect(names()).toEqual(["One"]);
  });

  it("gives a graph the version that every region gives it", async () => {
    const langflow = await recorded();
    fleet.push({ [ONE]: fleet.edited(ONE, { data: graph("by hand", "") }) });
    await fleet.settle();
    expect(langflow.rows.get(A)?.token?.[14]).toBe("8");
  });

  it("with a folder of an earlier release binds it to the user whose flows are in it, else to the one of its name", async () => {
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

  it("that deletes a user's whole folder, or renames it, is no word about flows that it holds elsewhere", async () => {
    const langflow = await recorded();
    const text = fleet.file(ONE);
    fleet.push({ default: undefined, "elsewhere/One.json": text });
    await fleet.settle();
    expect(langflow.rows.size).toBe(1);
    expect(fleet.paths()).toContain(ONE);
  });
});

describe("a commit of an agent of the release before", () => {
  const agent = "langflow-dr eu-west";

  it("is brought in like a person's, by the times and versions that it names", async () => {
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

  it("loses by the time of the edit itself against a later one, and is kept under its region's name", async () => {
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

  it("that moves flows to a project which is not here yet waits for it, and makes no twin", async () => {
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
    expect(done?.outcomes[0]?.held).toMatchObject([{ reason: "its project Other is not in this region yet" }]);
    expect([...langflow.projects.values()].map(({ name }) => name).sort()).toEqual(["Starter Project", "Team"]);
    langflow.renameProject("Team", "Other");
    await fleet.settle();
    expect([...langflow.projects.values()].map(({ name }) => name).sort()).toEqual(["Other", "Starter Project"]);
    expect(langflow.rows.size).toBe(1);
    expect(fleet.file("default/Other/project.yaml")).toContain("name: Other");
  });
});
