import type { JsonObject } from "../../agent/flows/canonicalJson";
import { LangFlowUnreachable, type NewFlow } from "../../agent/langflow/client";
import { A, agreed, B, C, manyIds, names, project, text, value } from "./doubles/regions";
import { graph } from "./doubles/world";

type LangFlow = Awaited<ReturnType<typeof agreed>>["there"];

/** What is asked of a LangFlow from now on, by what and with which body. */
function requests({ api }: LangFlow) {
  const asked: [what: string, id: string, body?: unknown][] = [];
  const { put, create, patch, setLock, delete: remove, makeProject } = api;
  Object.assign(api, {
    create: (flows: readonly NewFlow[]) => {
      asked.push(["create", flows.map(({ id }) => id).join(" ")]);
      return create(flows);
    },
    put: (id: string, flow: JsonObject, folder: string, now?: object) => {
      asked.push(["put", id]);
      return put(id, flow, folder, now);
    },
    patch: (id: string, changes: JsonObject) => {
      asked.push(["patch", id, changes]);
      return patch(id, changes);
    },
    setLock: (id: string, locked: boolean) => {
      asked.push(["setLock", id, locked]);
      return setLock(id, locked);
    },
    delete: (id: string) => {
      asked.push(["delete", id]);
      return remove(id);
    },
    makeProject: (name: string) => {
      asked.push(["makeProject", name]);
      return makeProject(name);
    },
  });
  return asked;
}

describe("an import", () => {
  it.each<[string, JsonObject, object]>([
    ["a name", { name: "Renamed" }, { name: "Renamed" }],
    ["a description", { description: "new" }, { description: "new" }],
    ["an endpoint", { endpoint_name: "e2" }, { endpoint_name: "e2" }],
    ["an endpoint that goes", { endpoint_name: null }, { endpoint_name: null }],
    ["a lock", { locked: true }, { locked: true }],
    ["a name and a description", { name: "Renamed", description: "d" }, { name: "Renamed", description: "d" }],
  ])("sends just what changed: %s", async (_, edit, sent) => {
    const { world, here, there } = await agreed({ [A]: { endpoint_name: "e1", description: "before" } });
    const asked = requests(there);
    here.save(A, edit);
    await world.settle();
    expect(asked).toEqual([["patch", A, sent]]);
    for (const [key, expected] of Object.entries(edit)) expect(value(there, A, key)).toBe(expected);
  });

  it("sends a flow's project, made before where there is none, and once for all that move there", async () => {
    const { world, here, there } = await agreed({ [A]: {}, [B]: {}, [C]: {} });
    const asked = requests(there);
    here.save(A, {}, "P");
    here.save(B, {}, "P");
    here.save(C, { data: graph("edited") }, "P");
    await world.settle();
    expect(asked.filter(([what]) => what === "makeProject")).toEqual([["makeProject", "P"]]);
    expect([A, B, C].map((id) => project(there, id))).toEqual(["P", "P", "P"]);
    const [folder] = [...there.projects].find(([, name]) => name === "P") ?? [];
    expect(asked).toContainEqual(["patch", A, { folder_id: folder }]);
    asked.splice(0);
    here.save(A, {}, "Starter Project");
    await world.settle();
    expect([asked.map(([what]) => what), project(there, A)]).toEqual([["patch"], "Starter Project"]);
  });

  it("sends the whole flow where its graph or its details changed", async () => {
    const { world, here, there } = await agreed({ [A]: {}, [B]: {} });
    const asked = requests(there);
    here.save(A, { data: graph("edited") });
    here.save(B, { icon: "Bot" });
    await world.settle();
    expect(asked).toEqual([
      ["put", A],
      ["put", B],
    ]);
    expect([text(there, A), value(there, B, "icon")]).toEqual(["edited", "Bot"]);
  });

  it("counts what it writes, deletes included", async () => {
    const { world, here } = await agreed({ [A]: {}, [B]: {} });
    here.save(A, { name: "Renamed" });
    here.remove(B);
    here.save(C, { name: "New", data: graph("new") });
    expect(await world.sync(0)).toMatchObject({ exported: 3, imported: 0 });
    expect(await world.sync(1)).toMatchObject({ exported: 0, imported: 3, held: [] });
    expect(await world.sync(1)).toMatchObject({ exported: 0, imported: 0 });
  });

  it.each<[string, JsonObject, unknown]>([
    ["description", { description: "d" }, ""],
    ["icon", { icon: "Bot" }, ""],
    ["icon_bg_color", { icon_bg_color: "#fff" }, ""],
    ["tags", { tags: ["a"] }, []],
  ])("empties what was emptied: %s", async (key, before, empty) => {
    const { world, here, there } = await agreed({ [A]: before });
    expect(value(there, A, key)).toEqual(before[key]);
    // Together with the graph, so that the whole flow is sent.
    for (const emptied of [null, empty]) {
      here.save(A, { [key]: emptied as null, data: graph(`edited to ${JSON.stringify(emptied)}`) });
      await world.settle();
      expect(value(there, A, key) || empty).toEqual(empty);
      here.save(A, before);
      await world.settle();
      expect(value(there, A, key)).toEqual(before[key]);
    }
  });

  it("leaves empty what is empty", async () => {
    const { world, here, there } = await agreed({ [A]: { description: null, icon: null, tags: null } });
    here.save(A, { data: graph("edited") });
    await world.settle();
    expect(["description", "icon", "icon_bg_color"].map((key) => value(there, A, key))).toEqual([null, null, null]);
  });

  it("is remembered every few flows, so that the next agent does little again", async () => {
    const { world, here, there } = await agreed({});
    for (const id of manyIds(60)) here.save(id, { name: id, data: graph(id) });
    await world.sync(0);
    const remember = jest.spyOn(there.store, "remember");
    await world.sync(1);
    const written = remember.mock.calls.map(
      ([changes]) => changes.filter(({ state }) => state?.agreed && !state.intent).length,
    );
    expect(Math.max(...written)).toBe(25);
    expect(written.filter((count) => count === 25).length).toBeGreaterThanOrEqual(2);
    expect([...there.states.values()].every(({ agreed: pairs, intent }) => pairs && !intent)).toBe(true);
  });

  it("is told before it begins, flow by flow", async () => {
    const { world, here, there } = await agreed({ [A]: {}, [B]: {} });
    here.save(A, { data: graph("edited"), name: "Renamed" });
    here.remove(B);
    await world.sync(0);
    const step = there.faults.step;
    const intents: unknown[] = [];
    there.faults.step = (what, id) => {
      if (what === "put" || what === "delete") intents.push([what, there.states.get(id ?? "")?.intent]);
      step(what, id);
    };
    await world.sync(1);
    expect(intents).toEqual([
      ["delete", { kind: "delete", ...(intents[0] as [string, object])[1] }],
      ["put", { kind: "import", prints: expect.any(Object), name: "Renamed" }],
    ]);
    expect((intents[0] as [string, { kind: string }])[1].kind).toBe("delete");
    expect([...there.states.keys()]).toEqual([A]);
  });

  it("that LangFlow refuses is held, tells why, and leaves the others alone", async () => {
    const { world, here, there } = await agreed({ [A]: {}, [B]: {} });
    there.faults.broken.add(A);
    for (const id of [A, B]) here.save(id, { name: `${id} renamed` });
    await world.sync(0);
    const outcome = await world.sync(1);
    expect(outcome).toMatchObject({ imported: 1, held: [{ path: `LangFlow ${A}`, kind: "flow" }] });
    expect(outcome?.held[0]?.reason).toMatch(/^LangFlow answered a request with 500/);
    // It waits, and is told again as long as it does.
    const asked = requests(there);
    expect((await world.sync(1))?.held).toEqual(outcome?.held);
    expect(asked).toEqual([]);
    world.pass(5_000);
    await world.sync(1);
    expect(asked).toHaveLength(1);
  });

  it("is not held where somebody saved the flow meanwhile: the next look sees it", async () => {
    const { world, here, there } = await agreed({ [A]: {} });
    here.save(A, { data: graph("edited") });
    await world.sync(0);
    const step = there.faults.step;
    there.faults.step = (what, id) => {
      if (what === "put" && text(there, A).startsWith("first")) there.save(A, { data: graph("saved meanwhile") });
      step(what, id);
    };
    expect(await world.sync(1)).toMatchObject({ imported: 0, held: [] });
    there.faults.step = step;
    await world.settle();
    expect([...there.rows.values()].map(({ flow }) => JSON.stringify(flow)).join()).toContain("edited");
    expect([...there.rows.values()].map(({ flow }) => JSON.stringify(flow)).join()).toContain("saved meanwhile");
  });
});

describe("new flows", () => {
  /** Some that are new in one region and come to the other in its next cycle. */
  const coming = async (flows: Record<string, JsonObject>, project?: string) => {
    const { world, here, there } = await agreed({});
    for (const [id, flow] of Object.entries(flows)) here.save(id, { name: id, data: graph(id), ...flow }, project);
    await world.sync(0);
    return { world, here, there, asked: requests(there) };
  };
  const several = (count: number, flow: JsonObject = {}) =>
    Object.fromEntries(manyIds(count).map((id) => [id, flow] as const));

  it("are made several at a time, a few hundred kilobytes or twenty of them, and need no second look", async () => {
    const { world, there, asked } = await coming(several(45), "P");
    expect(await world.sync(1)).toMatchObject({ imported: 45, held: [] });
    const made = asked.flatMap(([what, ids]) => (what === "create" ? [ids.split(" ").length] : []));
    expect(made).toEqual([20, 20, 5]);
    expect(asked.map(([what]) => what)).toEqual(["makeProject", "create", "create", "create"]);
    expect(manyIds(45).map((id) => [text(there, id), project(there, id)])).toEqual(manyIds(45).map((id) => [id, "P"]));
    const contents = jest.spyOn(there.store, "contents");
    expect(await world.sync(1)).toMatchObject({ exported: 0, imported: 0 });
    expect(contents.mock.calls.flatMap(([ids]) => ids)).toEqual([]);
  });

  it("are fewer in one request where they are large", async () => {
    const { world, asked } = await coming(several(5, { data: graph("x".repeat(900_000)) }));
    expect(await world.sync(1)).toMatchObject({ imported: 5 });
    expect(asked.map(([what, ids]) => [what, ids.split(" ").length])).toEqual([
      ["create", 3],
      ["create", 2],
    ]);
  });

  it("that come alone are put, as one that is written over is", async () => {
    const { world, asked } = await coming(several(1));
    expect(await world.sync(1)).toMatchObject({ imported: 1 });
    expect(asked.map(([what]) => what)).toEqual(["put"]);
  });

  it("are put one by one where LangFlow does not take one of them, which is held, and the others are not", async () => {
    const { world, there, asked } = await coming(several(25));
    const [broken = ""] = manyIds(25);
    there.faults.broken.add(broken);
    const outcome = await world.sync(1);
    expect(outcome).toMatchObject({ imported: 24, held: [{ path: `LangFlow ${broken}` }] });
    const counts = (what: string) => asked.filter(([each]) => each === what).length;
    expect([counts("create"), counts("put")]).toEqual([2, 20]);
  });

  it("whose name is taken by a user's own meanwhile are told apart, and the others come as they are", async () => {
    const { world, there } = await coming({ [A]: { name: "Mine" }, [B]: {} });
    const step = there.faults.step;
    there.faults.step = (what, id) => {
      if (what === "create") there.save(C, { name: "Mine", data: graph("of a user") });
      step(what, id);
    };
    await world.sync(1);
    there.faults.step = step;
    await world.settle();
    expect(names(there)).toEqual([B, "Mine", expect.stringMatching(/^Mine /)].sort());
    expect([text(there, A), text(there, B), text(there, C)]).toEqual([A, B, "of a user"]);
  });

  it("wait where LangFlow stops answering, and no further batch is tried", async () => {
    const { world, there, asked } = await coming(several(60));
    const step = there.faults.step;
    there.faults.step = (what, id) => {
      if (what === "create") there.faults.away = true;
      step(what, id);
    };
    expect(await world.sync(1)).toMatchObject({ imported: 0 });
    expect(asked.filter(([what]) => what === "create").length).toBeLessThanOrEqual(2);
    there.faults.step = step;
    there.faults.away = false;
    world.pass(60_000);
    await world.settle();
    expect(there.rows.size).toBe(60);
  });

  it("that were made though the answer was lost are no copies, and no edits", async () => {
    const { world, here, there } = await coming(several(3));
    const step = there.faults.step;
    there.faults.step = (what, id) => {
      if (what === "create done") throw new LangFlowUnreachable("cut");
      step(what, id);
    };
    await world.sync(1);
    there.faults.step = step;
    await world.settle();
    expect([names(here), names(there)]).toEqual([manyIds(3), manyIds(3)]);
    expect(await world.sync(1)).toMatchObject({ exported: 0, imported: 0 });
  });

  it("that a user saves right after they were made are not taken for what was made", async () => {
    const { world, here, there } = await coming(several(2));
    const step = there.faults.step;
    const [first = ""] = manyIds(2);
    there.faults.step = (what, id) => {
      step(what, id);
      if (what === "create done") there.save(first, { data: graph("saved at once") });
    };
    await world.sync(1);
    there.faults.step = step;
    await world.settle();
    expect([text(here, first), text(there, first)]).toEqual(["saved at once", "saved at once"]);
  });
});

describe("a delete that is imported", () => {
  it("locks the flow, looks at it, and only then deletes it", async () => {
    const { world, here, there } = await agreed({ [A]: {} });
    here.remove(A);
    await world.sync(0);
    const asked = requests(there);
    expect(await world.sync(1)).toMatchObject({ imported: 1 });
    expect(asked).toEqual([
      ["setLock", A, true],
      ["delete", A],
    ]);
  });

  it("leaves the lock as it is where the flow is locked", async () => {
    const { world, here, there } = await agreed({ [A]: { locked: true } });
    here.remove(A);
    await world.sync(0);
    const asked = requests(there);
    await world.sync(1);
    expect([asked, there.rows.size]).toEqual([[["delete", A]], 0]);
  });

  it("is done where a user deleted the flow too", async () => {
    const { world, here, there } = await agreed({ [A]: {}, [B]: {} });
    here.remove(A);
    await world.sync(0);
    const step = there.faults.step;
    there.faults.step = (what, id) => {
      if (what === "flow") there.remove(A);
      step(what, id);
    };
    const asked = requests(there);
    expect(await world.sync(1)).toMatchObject({ imported: 0, held: [] });
    expect(asked).toEqual([["setLock", A, true]]);
    expect([...there.states.keys()]).toEqual([B]);
  });
});

describe("a locked flow that is imported", () => {
  it("is opened, written and closed, in as few requests as that takes", async () => {
    const { world, here, there } = await agreed({ [A]: { locked: true } });
    here.save(A, { locked: false });
    here.save(A, { name: "Renamed" });
    here.save(A, { locked: true });
    await world.sync(0);
    const asked = requests(there);
    await world.sync(1);
    expect(asked).toEqual([
      ["setLock", A, false],
      ["patch", A, { name: "Renamed", locked: true }],
    ]);
    expect([value(there, A, "locked"), value(there, A, "name")]).toEqual([true, "Renamed"]);
  });

  it("is opened by the one request where nothing but its lock changed", async () => {
    const { world, here, there } = await agreed({ [A]: { locked: true } });
    here.save(A, { locked: false });
    await world.sync(0);
    const asked = requests(there);
    await world.sync(1);
    expect([asked, value(there, A, "locked")]).toEqual([[["patch", A, { locked: false }]], false]);
  });

  it("is closed again where LangFlow does not take it", async () => {
    const { world, here, there } = await agreed({ [A]: { locked: true } });
    here.save(A, { locked: false });
    here.save(A, { data: graph("edited") });
    here.save(A, { locked: true });
    await world.sync(0);
    const step = there.faults.step;
    there.faults.step = (what, id) => {
      if (what === "put") there.faults.broken.add(A);
      if (what === "setLock") there.faults.broken.delete(A);
      step(what, id);
    };
    expect(await world.sync(1)).toMatchObject({ held: [{ path: `LangFlow ${A}` }] });
    expect([value(there, A, "locked"), text(there, A)]).toEqual([true, `first ${A}`]);
    there.faults.step = step;
    there.faults.broken.clear();
    await world.settle();
    expect([value(there, A, "locked"), text(there, A)]).toEqual([true, "edited"]);
  });
});

describe("flows that swap their names", () => {
  it("step aside one after the other, and only where more than one has to", async () => {
    const { world, here, there } = await agreed({ [A]: { name: "One" }, [B]: { name: "Two" } });
    here.save(A, { name: "aside" });
    here.save(B, { name: "One" });
    here.save(A, { name: "Two" });
    await world.sync(0);
    expect(await world.sync(1)).toMatchObject({ held: [] });
    expect([value(there, A, "name"), value(there, B, "name")]).toEqual(["Two", "One"]);
  });

  it("go back to where they were where a user's flow has one of the names", async () => {
    const flows = {
      [A]: { name: "One", endpoint_name: "e1" },
      [B]: { name: "Two", endpoint_name: "e2" },
    };
    const { world, here, there } = await agreed(flows);
    here.save(A, { name: "aside", endpoint_name: null });
    here.save(B, { name: "One", endpoint_name: "e1" });
    here.save(A, { name: "Two", endpoint_name: "e2" });
    await world.sync(0);
    // The name is free for a moment, and somebody takes it.
    const step = there.faults.step;
    there.faults.step = (what, id) => {
      if ([...there.rows.values()].every(({ flow }) => flow.name !== "Two") && !there.rows.has(C))
        there.save(C, { name: "Two", data: graph("of a user") });
      step(what, id);
    };
    const outcome = await world.sync(1);
    expect(outcome?.held.length).toBeGreaterThan(0);
    expect([value(there, A, "name"), value(there, A, "endpoint_name")]).toEqual(["One", "e1"]);
    there.faults.step = step;
    await world.settle();
    expect(names(here)).toEqual(names(there));
    expect(names(here)).not.toContainEqual(expect.stringContaining("(moving)"));
    expect([A, B].map((id) => value(there, id, "endpoint_name"))).toEqual(["e2", "e1"]);
  });

  it("are free for a flow that takes one alone", async () => {
    const { world, here, there } = await agreed({ [A]: { name: "One" }, [B]: { name: "Two" } });
    here.save(A, { name: "Three" });
    here.save(B, { name: "One" });
    await world.sync(0);
    const asked = requests(there);
    await world.settle();
    expect([A, B].map((id) => value(there, id, "name"))).toEqual(["Three", "One"]);
    expect(asked.every(([what]) => what === "patch")).toBe(true);
  });
});
