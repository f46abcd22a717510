import type { JsonObject } from "../../agent/flows/canonicalJson";
import { A, agreed, B, C, manyIds, names, project, text, value } from "./doubles/regions";
import { CANARY, graph, type World } from "./doubles/world";

const newest = ({ host }: World) => host.commit(host.head ?? "");
const files = ({ host }: World) => [...host.contents().keys()].sort();
const minute = (world: World) => `${new Date(world.clock).toISOString().slice(0, 16)}:00.000Z`;

describe("a commit", () => {
  it("holds all that changed, says which edits it holds, and has the time of the latest", async () => {
    const { world, east } = await agreed({ [A]: {}, [B]: {}, [C]: {} });
    east.save(A, { data: graph("edited") });
    const first = minute(world);
    world.pass(60_000);
    east.save(B, { description: "edited" });
    const second = minute(world);
    east.remove(C);
    world.pass(60_000);
    const before = world.host.head;
    const outcome = await world.sync(0);
    expect(outcome).toMatchObject({
      workspace: "default",
      exported: 3,
      imported: 0,
      flows: 2,
      held: [],
      conflicts: [],
    });
    const { parent, author, authoredAt, message } = newest(world);
    expect([parent, author, new Date(authoredAt).toISOString()]).toEqual([before, "langflow-dr r0", second]);
    expect(message.split("\n\n")[0]).toBe("r0: flows: 2 changed, 1 deleted");
    expect(message).toContain(`Flow-Edited: ${A} ${first} graph r0`);
    expect(message).toContain(`Flow-Edited: ${B} ${second} description r0`);
    expect(message).toContain(`Flow-Deleted: ${C}`);
  });

  it("of deletes alone has the time of the look", async () => {
    const { world, east } = await agreed({ [A]: {}, [B]: {} });
    east.remove(A);
    world.pass(120_000);
    await world.sync(0);
    expect(newest(world)).toMatchObject({ authoredAt: world.clock, message: expect.stringContaining(`delete ${A}`) });
  });

  it("moves a flow that is renamed, and says that nothing else was edited", async () => {
    const { world, east } = await agreed({ [A]: { name: "Before" } });
    const created = newest(world).message;
    east.save(A, { name: "After" });
    await world.sync(0);
    expect(files(world)).toEqual(["default/After.json"]);
    const lines = newest(world)
      .message.split("\n")
      .filter((line) => line.startsWith("Flow-Edited"));
    expect(lines).toHaveLength(2);
    expect(lines.find((line) => line.includes(" name "))).toContain(minute(world));
    const other = lines.find((line) => !line.includes(" name "))?.split(" ");
    expect(created).toContain(other?.[2]);
    expect(other?.[3]).toBe("graph,description,project,endpoint,lock,details");
  });

  it.each<[string, JsonObject]>([
    ["moves a flow", { name: "Renamed" }],
    ["leaves a flow where it is", { description: "edited here" }],
  ])("that %s does not say that what Git has of it was edited here when it came", async (_, edit) => {
    const { world, east, west } = await agreed({ [A]: {} });
    east.save(A, { data: graph("edited there") });
    const edited = minute(world);
    world.pass(60_000);
    await world.sync(0);
    await world.sync(1);
    const came = minute(world);
    world.pass(60_000);
    west.save(A, edit);
    await world.sync(1);
    const { message } = newest(world);
    expect(message).toContain(`Flow-Edited: ${A} ${minute(world)} ${Object.keys(edit)[0]} r1`);
    expect(message).not.toContain(came);
    expect(message.includes(`Flow-Edited: ${A} ${edited} graph r0`)).toBe("name" in edit);
  });

  it("moves flows that swap their names to each other's place", async () => {
    const { world, east } = await agreed({ [A]: { name: "One" }, [B]: { name: "Two" } });
    east.save(A, { name: "aside" });
    east.save(B, { name: "One" });
    east.save(A, { name: "Two" });
    await world.sync(0);
    expect(files(world).every((path) => /^default\/(One|Two)(_\w+)?\.json$/.test(path))).toBe(true);
    const found = [...world.host.contents().values()]
      .map((contents) => JSON.parse(contents))
      .map((f) => [f.id, f.name]);
    expect(found.sort()).toEqual([
      [A, "Two"],
      [B, "One"],
    ]);
  });

  it("puts a flow into its project's folder, with a file for the name where the folder cannot have it", async () => {
    const { world, east, west } = await agreed({ [A]: { name: "A" }, [B]: { name: "B" } });
    east.save(A, {}, "Plain");
    east.save(B, {}, "Odd / one");
    await world.sync(0);
    expect(files(world)).toEqual([
      "default/Odd___one/B.json",
      "default/Odd___one/project.yaml",
      "default/Plain/A.json",
    ]);
    expect(world.host.contents().get("default/Odd___one/project.yaml")).toBe("name: Odd / one\n");
    await world.settle();
    expect([A, B].map((id) => project(west, id))).toEqual(["Plain", "Odd / one"]);
  });

  it("is not made where nothing changed that Git holds, and it is remembered that nothing did", async () => {
    const { world, east } = await agreed({ [A]: {} });
    const { head } = world.host;
    east.save(A, { data: graph(`first ${A}`, "another secret") });
    const read = jest.spyOn(east.store, "contents");
    await world.sync(0);
    expect(read.mock.calls.flat(2)).toContain(A);
    read.mockClear();
    await world.sync(0);
    expect([read.mock.calls.flat(2), world.host.head]).toEqual([[], head]);
  });

  it("is told to the database before it is pushed, and again when it was", async () => {
    const { world, east } = await agreed({ [A]: {}, [B]: {} });
    east.save(A, { data: graph("edited") });
    let underWay: unknown;
    const step = world.host.faults.step;
    world.host.faults.step = (what) => {
      if (what === "push") underWay = east.states.get(A)?.intent;
      step(what);
    };
    await world.sync(0);
    expect(underWay).toMatchObject({ kind: "export", commit: world.host.head, agreed: { graph: {} } });
    expect([east.states.get(A)?.intent, east.head]).toEqual([undefined, world.host.head]);
  });

  it("is remembered as the one that was looked at last, once", async () => {
    const { world, east, west } = await agreed({ [A]: {} });
    const remember = jest.spyOn(west.store, "remember");
    east.save(A, { data: graph("edited") });
    await world.sync(0);
    await world.sync(1);
    const heads = () => remember.mock.calls.flatMap(([, head]) => head ?? []);
    expect(heads()).toEqual([world.host.head]);
    await world.sync(1);
    expect(heads()).toHaveLength(1);
  });

  it("is another region's to make where that pushed first: the next try sees it", async () => {
    const { world, east, west } = await agreed({ [A]: {}, [B]: {} });
    east.save(A, { data: graph("ours") });
    west.save(B, { data: graph("theirs") });
    const step = world.host.faults.step;
    let raced = false;
    world.host.faults.step = (what) => {
      if (what === "push" && !raced) {
        raced = true;
        world.host.edit("a person", world.clock, new Map([["README.md", "hello"]]));
      }
      step(what);
    };
    expect(await world.sync(0)).toBeUndefined();
    world.host.faults.step = step;
    expect(await world.sync(0)).toMatchObject({ exported: 1 });
    expect(files(world)).toContain("README.md");
    await world.settle();
    expect([text(west, A), text(east, B)]).toEqual(["ours", "theirs"]);
  });
});

describe("what a flow is held back for", () => {
  it("is told for each cycle in which it is, and not tried again", async () => {
    const findSecrets = jest.fn(async ({ text: all }: { text: string }) =>
      all.includes(CANARY)
        ? [
            { field: "a", rule: "one" },
            { field: "b", rule: "two" },
          ]
        : [],
    );
    const { world, east } = await agreed({ [A]: {} }, { findSecrets });
    east.save(A, { data: graph(CANARY) });
    findSecrets.mockClear();
    const held = [{ path: `LangFlow ${A}`, kind: "secret", reason: "looks as if it held a secret: a (one), b (two)" }];
    expect((await world.sync(0))?.held).toEqual(held);
    expect((await world.sync(0))?.held).toEqual(held);
    expect(findSecrets).toHaveBeenCalledTimes(1);
    world.pass(5_000);
    await world.sync(0);
    expect(findSecrets).toHaveBeenCalledTimes(2);
    east.save(A, { data: graph(`${CANARY} again`) });
    await world.sync(0);
    expect(findSecrets).toHaveBeenCalledTimes(3);
  });

  it("is forgotten once the flow is in Git", async () => {
    const { world, east } = await agreed({ [A]: {} });
    world.host.faults.declines = () => "not today";
    east.save(A, { data: graph("edited") });
    expect((await world.sync(0))?.held).toHaveLength(1);
    delete world.host.faults.declines;
    world.pass(5_000);
    expect(await world.sync(0)).toMatchObject({ exported: 1, held: [] });
    world.host.faults.declines = () => "not today";
    east.save(A, { data: graph("edited again") });
    await world.sync(0);
    east.save(A, { data: graph("edited") });
    await world.sync(0);
    world.pass(5_000);
    delete world.host.faults.declines;
    east.save(A, { data: graph("edited again") });
    // As long as at first: what went well in between counts.
    expect(await world.sync(0)).toMatchObject({ exported: 1, held: [] });
  });

  it("is no secret where everything comes from Git", async () => {
    const findSecrets = jest.fn(async () => [] as { field: string; rule: string }[]);
    const { world, east } = await agreed({ [A]: {} }, { findSecrets });
    const [path = "", contents = ""] = [...world.host.contents()][0] ?? [];
    findSecrets.mockClear();
    findSecrets.mockResolvedValue([{ field: "a", rule: "one" }]);
    world.host.edit("a person", world.clock, new Map([[path, `${contents}  `]]));
    expect(await world.sync(0)).toMatchObject({ exported: 1, held: [] });
    expect(findSecrets).not.toHaveBeenCalled();
    expect(text(east, A)).toBe(`first ${A}`);
  });

  it("is also the name of its project, which is a path in Git", async () => {
    const findSecrets = async (file: { value: { project?: unknown } }) =>
      String(file.value.project).includes(CANARY) ? [{ field: "project", rule: "canary" }] : [];
    // biome-ignore lint/suspicious/noExplicitAny: of a file, this looks at one key
    const { world, east } = await agreed({ [A]: {} }, { findSecrets: findSecrets as any });
    east.save(A, {}, CANARY);
    expect((await world.sync(0))?.held).toMatchObject([{ kind: "secret" }]);
    expect(files(world).join()).not.toContain(CANARY);
  });

  it("holds back the copy of a version that would lose, and its winner", async () => {
    const { world, east, west } = await agreed({ [A]: { name: "Report" } });
    east.save(A, { data: graph("earlier") });
    world.pass(5_000);
    west.save(A, { data: graph("later") });
    await world.sync(1);
    world.host.faults.declines = () => "not today";
    const outcome = await world.sync(0);
    expect(outcome).toMatchObject({ exported: 0, imported: 0, conflicts: [{ kind: "edited-twice", id: A }] });
    expect([text(east, A), names(east)]).toEqual(["earlier", ["Report"]]);
    delete world.host.faults.declines;
    await world.settle();
    expect([text(east, A), east.rows.size]).toEqual(["later", 2]);
  });
});

describe("a refusal of the host", () => {
  const paths = (world: World, words: readonly string[]) => {
    const asked: string[][] = [];
    world.host.faults.declines = (all) => {
      asked.push([...all].sort());
      return all.some((path) => words.some((word) => path.includes(word))) ? "declined" : undefined;
    };
    return asked;
  };

  it("is searched for by halves, and the others go on, each as soon as it may", async () => {
    const flows = Object.fromEntries(manyIds(8).map((id, at) => [id, { name: `flow ${at}` }]));
    const { world, east } = await agreed(flows);
    const asked = paths(world, ["flow_5"]);
    for (const id of Object.keys(flows)) east.save(id, { data: graph("edited") });
    expect(await world.sync(0)).toMatchObject({
      exported: 7,
      held: [{ reason: "the Git host declined it: declined" }],
    });
    expect(asked.map((all) => all.length)).toEqual([8, 4, 4, 2, 1, 1, 2]);
  });

  it("of everything ends after a few questions, and only what was asked about waits longer", async () => {
    const flows = Object.fromEntries(manyIds(32).map((id, at) => [id, { name: `flow ${at}` }]));
    const { world, east } = await agreed(flows);
    const asked = paths(world, [""]);
    for (const id of Object.keys(flows)) east.save(id, { data: graph("edited") });
    expect((await world.sync(0))?.held).toHaveLength(32);
    // By halves down to single flows; after three of them the rest is not asked about.
    expect(asked.map((all) => all.length)).toEqual([32, 16, 8, 4, 2, 1, 1, 2, 1, 1, 4, 8, 16]);
    delete world.host.faults.declines;
    // What the host was not asked about is tried at once.
    const { exported = 0, held = [] } = (await world.sync(0)) ?? {};
    expect([exported + held.length, held.length > 0, held.length < 6]).toEqual([32, true, true]);
  });
});

describe("a flow that is not listed any more", () => {
  it("is held where LangFlow does not say that it is gone", async () => {
    const { world, east } = await agreed({ [A]: {}, [B]: {} });
    east.remove(A);
    east.faults.away = true;
    expect((await world.sync(0))?.held).toEqual([
      { path: `LangFlow ${A}`, kind: "flow", reason: "is not known to be deleted: LangFlow does not answer" },
    ]);
    expect(files(world)).toHaveLength(2);
  });

  it("is asked about once where LangFlow does not answer: edits need not wait for more", async () => {
    const { world, east } = await agreed({ [A]: {}, [B]: {}, [C]: {} });
    east.remove(A);
    east.remove(B);
    east.save(C, { data: graph("edited") });
    east.faults.away = true;
    const flow = jest.spyOn(east.api, "flow");
    const outcome = await world.sync(0);
    expect([flow.mock.calls.length, outcome?.held.length, outcome?.exported]).toEqual([1, 2, 1]);
  });
});

describe("a flow that is saved while it is looked at", () => {
  it("is exported whole by the next look, and not written over", async () => {
    const { world, east, west } = await agreed({ [A]: {} });
    east.save(A, { data: graph("edited") });
    const step = east.faults.step;
    let reads = 0;
    east.faults.step = (what, id) => {
      // The first one reads what changed, the second one what is exported.
      if (what === "contents" && ++reads === 2) east.save(A, { data: graph("saved meanwhile") });
      step(what, id);
    };
    expect(await world.sync(0)).toMatchObject({ exported: 0, imported: 0, held: [] });
    east.faults.step = step;
    await world.settle();
    expect([text(east, A), text(west, A), east.rows.size]).toEqual(["saved meanwhile", "saved meanwhile", 1]);
  });

  it.each<[string, (east: Awaited<ReturnType<typeof agreed>>["east"]) => void]>([
    ["is being edited", (east) => east.save(A, { data: graph("saved meanwhile") })],
    ["is being deleted", (east) => east.remove(A)],
  ])("%s: so it is told, and left alone", async (reason, act) => {
    const { world, east, west } = await agreed({ [A]: {}, [B]: {} });
    east.save(A, { data: graph("edited") });
    const step = east.faults.step;
    let done = false;
    east.faults.step = (what, id) => {
      if (what === "contents" && !done) {
        done = true;
        act(east);
      }
      step(what, id);
    };
    expect(await world.sync(0)).toMatchObject({ exported: 0, problems: [{ path: `LangFlow ${A}`, reason }] });
    east.faults.step = step;
    expect(files(world)).toHaveLength(2);
    await world.settle();
    expect(west.rows.size).toBe(east.rows.size);
  });
});

describe("a flow of LangFlow's that is none to Git", () => {
  it("is told and left out, and not deleted in Git", async () => {
    const { world, east, west } = await agreed({ [A]: {}, [B]: {} });
    east.save(A, { name: "x".repeat(501) });
    east.save(B, { data: graph("edited") });
    const outcome = await world.sync(0);
    expect(outcome).toMatchObject({ exported: 1, problems: [{ path: `LangFlow ${A}` }] });
    expect(outcome?.problems[0]?.reason).toContain("500 characters");
    await world.settle();
    expect([files(world).length, value(west, A, "name"), text(west, B)]).toEqual([2, A, "edited"]);
  });
});

describe("what is remembered", () => {
  it("makes a cycle without changes read no flow and no file", async () => {
    const { world, east } = await agreed({ [A]: {}, [B]: { endpoint_name: "e" } });
    world.restart(0);
    const [contents, remember] = [jest.spyOn(east.store, "contents"), jest.spyOn(east.store, "remember")];
    const reads = jest.fn();
    world.host.faults.step = (what) => what === "read" && reads();
    expect(await world.sync(0)).toMatchObject({ imported: 0, exported: 0, flows: 2 });
    expect(contents.mock.calls.flat(2)).toEqual([]);
    expect(remember.mock.calls.flatMap(([changes]) => changes)).toEqual([]);
    expect(reads).not.toHaveBeenCalled();
  });

  it("is nothing any more of a flow that is gone on both sides", async () => {
    const { world, east, west } = await agreed({ [A]: {}, [B]: {} });
    east.remove(A);
    await world.settle();
    expect([[...east.states.keys()], [...west.states.keys()]]).toEqual([[B], [B]]);
  });

  it("is each flow's row and file as they are by now", async () => {
    const { world, east, west } = await agreed({ [A]: { endpoint_name: "e" } });
    east.save(A, { data: graph("edited") });
    await world.settle();
    for (const side of [east, west]) {
      const state = side.states.get(A);
      expect(state).toEqual({
        agreed: expect.any(Object),
        row: { revision: `${side.rows.get(A)?.xmin}`, prints: expect.any(Object) },
        file: expect.objectContaining({ path: files(world)[0], name: A, endpointName: "e" }),
      });
      expect(Object.keys(state?.agreed ?? {})).toHaveLength(7);
      expect(state?.row?.prints).toEqual(state?.file?.prints);
      expect(state?.row?.prints).not.toHaveProperty("project");
    }
  });
});
