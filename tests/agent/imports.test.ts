import type { JsonObject } from "../../agent/flows/canonicalJson";
import { LangFlowUnreachable, type NewFlow } from "../../agent/langflow/client";
import { A, agreed, B, byHand, C, fileOf, manyIds, names, project, text, value } from "./doubles/regions";
import { graph } from "./doubles/world";

type LangFlow = Awaited<ReturnType<typeof agreed>>["west"];

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
    const { world, east, west } = await agreed({ [A]: { endpoint_name: "e1", description: "before" } });
    const asked = requests(west);
    east.save(A, edit);
    await world.settle();
    expect(asked).toEqual([["patch", A, sent]]);
    for (const [key, expected] of Object.entries(edit)) expect(value(west, A, key)).toBe(expected);
  });

  it("sends a flow's project, made before where there is none, and once for all that move to it", async () => {
    const { world, east, west } = await agreed({ [A]: {}, [B]: {}, [C]: {} });
    const asked = requests(west);
    east.save(A, {}, "P");
    east.save(B, {}, "P");
    east.save(C, { data: graph("edited") }, "P");
    await world.settle();
    expect(asked.filter(([what]) => what === "makeProject")).toEqual([["makeProject", "P"]]);
    expect([A, B, C].map((id) => project(west, id))).toEqual(["P", "P", "P"]);
    const [folder] = [...west.projects].find(([, name]) => name === "P") ?? [];
    expect(asked).toContainEqual(["patch", A, { folder_id: folder }]);
    asked.splice(0);
    east.save(A, {}, "Starter Project");
    await world.settle();
    expect([asked.map(([what]) => what), project(west, A)]).toEqual([["patch"], "Starter Project"]);
  });

  it("sends the whole flow where its graph or its details changed", async () => {
    const { world, east, west } = await agreed({ [A]: {}, [B]: {} });
    const asked = requests(west);
    east.save(A, { data: graph("edited") });
    east.save(B, { icon: "Bot" });
    await world.settle();
    expect(asked).toEqual([
      ["put", A],
      ["put", B],
    ]);
    expect([text(west, A), value(west, B, "icon")]).toEqual(["edited", "Bot"]);
  });

  it("counts what it writes, deletes included", async () => {
    const { world, east } = await agreed({ [A]: {}, [B]: {} });
    east.save(A, { name: "Renamed" });
    east.remove(B);
    east.save(C, { name: "New", data: graph("new") });
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
    const { world, east, west } = await agreed({ [A]: before });
    expect(value(west, A, key)).toEqual(before[key]);
    // Together with the graph, so that the whole flow is sent.
    for (const emptied of [null, empty]) {
      east.save(A, { [key]: emptied as null, data: graph(`edited to ${JSON.stringify(emptied)}`) });
      await world.settle();
      expect(value(west, A, key) || empty).toEqual(empty);
      east.save(A, before);
      await world.settle();
      expect(value(west, A, key)).toEqual(before[key]);
    }
  });

  it("leaves empty what is empty", async () => {
    const { world, east, west } = await agreed({ [A]: { description: null, icon: null, tags: null } });
    east.save(A, { data: graph("edited") });
    await world.settle();
    expect(["description", "icon", "icon_bg_color"].map((key) => value(west, A, key))).toEqual([null, null, null]);
  });

  it("is remembered every few flows, so that the next agent does little again", async () => {
    const { world, east, west } = await agreed({});
    for (const id of manyIds(60)) east.save(id, { name: id, data: graph(id) });
    await world.sync(0);
    const remember = jest.spyOn(west.store, "remember");
    await world.sync(1);
    const written = remember.mock.calls.map(
      ([changes]) => changes.filter(({ state }) => state?.agreed && !state.intent).length,
    );
    expect(Math.max(...written)).toBe(25);
    expect(written.filter((count) => count === 25).length).toBeGreaterThanOrEqual(2);
    expect([...west.states.values()].every(({ agreed: pairs, intent }) => pairs && !intent)).toBe(true);
  });

  it("is told before it begins, flow by flow", async () => {
    const { world, east, west } = await agreed({ [A]: {}, [B]: {} });
    east.save(A, { data: graph("edited"), name: "Renamed" });
    east.remove(B);
    await world.sync(0);
    const step = west.faults.step;
    const intents: unknown[] = [];
    west.faults.step = (what, id) => {
      if (what === "put" || what === "delete") intents.push([what, west.states.get(id ?? "")?.intent]);
      step(what, id);
    };
    await world.sync(1);
    expect(intents).toEqual([
      ["delete", { kind: "delete", ...(intents[0] as [string, object])[1] }],
      ["put", { kind: "import", prints: expect.any(Object), name: "Renamed" }],
    ]);
    expect((intents[0] as [string, { kind: string }])[1].kind).toBe("delete");
    expect([...west.states.keys()]).toEqual([A]);
  });

  it("that LangFlow refuses is held, tells why, and leaves the others alone", async () => {
    const { world, east, west } = await agreed({ [A]: {}, [B]: {} });
    west.faults.broken.add(A);
    for (const id of [A, B]) east.save(id, { name: `${id} renamed` });
    await world.sync(0);
    const outcome = await world.sync(1);
    expect(outcome).toMatchObject({ imported: 1, held: [{ path: `LangFlow ${A}`, kind: "flow" }] });
    expect(outcome?.held[0]?.reason).toMatch(/^LangFlow answered a request with 500/);
    // It waits, and is told again as long as it does.
    const asked = requests(west);
    expect((await world.sync(1))?.held).toEqual(outcome?.held);
    expect(asked).toEqual([]);
    world.pass(5_000);
    await world.sync(1);
    expect(asked).toHaveLength(1);
  });

  it("is not held where somebody saved the flow meanwhile: the next look sees it", async () => {
    const { world, east, west } = await agreed({ [A]: {} });
    east.save(A, { data: graph("edited") });
    await world.sync(0);
    const step = west.faults.step;
    west.faults.step = (what, id) => {
      if (what === "put" && text(west, A).startsWith("first")) west.save(A, { data: graph("saved meanwhile") });
      step(what, id);
    };
    expect(await world.sync(1)).toMatchObject({ imported: 0, held: [] });
    west.faults.step = step;
    await world.settle();
    expect([...west.rows.values()].map(({ flow }) => JSON.stringify(flow)).join()).toContain("edited");
    expect([...west.rows.values()].map(({ flow }) => JSON.stringify(flow)).join()).toContain("saved meanwhile");
  });
});

describe("new flows", () => {
  /** Some that are new in one region and come to the other in its next cycle. */
  const coming = async (flows: Record<string, JsonObject>, project?: string) => {
    const { world, east, west } = await agreed({});
    for (const [id, flow] of Object.entries(flows)) east.save(id, { name: id, data: graph(id), ...flow }, project);
    await world.sync(0);
    return { world, east, west, asked: requests(west) };
  };
  const several = (count: number, flow: JsonObject = {}) =>
    Object.fromEntries(manyIds(count).map((id) => [id, flow] as const));

  it("are made several at a time, a few hundred kilobytes or twenty of them, and need no second look", async () => {
    const { world, west, asked } = await coming(several(45), "P");
    expect(await world.sync(1)).toMatchObject({ imported: 45, held: [] });
    const made = asked.flatMap(([what, ids]) => (what === "create" ? [ids.split(" ").length] : []));
    expect(made).toEqual([20, 20, 5]);
    expect(asked.map(([what]) => what)).toEqual(["makeProject", "create", "create", "create"]);
    expect(manyIds(45).map((id) => [text(west, id), project(west, id)])).toEqual(manyIds(45).map((id) => [id, "P"]));
    const contents = jest.spyOn(west.store, "contents");
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
    const { world, west, asked } = await coming(several(25));
    const [broken = ""] = manyIds(25);
    west.faults.broken.add(broken);
    const outcome = await world.sync(1);
    expect(outcome).toMatchObject({ imported: 24, held: [{ path: `LangFlow ${broken}` }] });
    const counts = (what: string) => asked.filter(([each]) => each === what).length;
    expect([counts("create"), counts("put")]).toEqual([2, 20]);
  });

  it("whose name is taken by a user's own meanwhile are told apart, and the others come as they are", async () => {
    const { world, west } = await coming({ [A]: { name: "Mine" }, [B]: {} });
    const step = west.faults.step;
    west.faults.step = (what, id) => {
      if (what === "create") west.save(C, { name: "Mine", data: graph("of a user") });
      step(what, id);
    };
    await world.sync(1);
    west.faults.step = step;
    await world.settle();
    expect(names(west)).toEqual([B, "Mine", expect.stringMatching(/^Mine /)].sort());
    expect([text(west, A), text(west, B), text(west, C)]).toEqual([A, B, "of a user"]);
  });

  it("wait where LangFlow stops answering, and no further batch is tried", async () => {
    const { world, west, asked } = await coming(several(60));
    const step = west.faults.step;
    west.faults.step = (what, id) => {
      if (what === "create") west.faults.away = true;
      step(what, id);
    };
    expect(await world.sync(1)).toMatchObject({ imported: 0 });
    expect(asked.filter(([what]) => what === "create").length).toBeLessThanOrEqual(2);
    west.faults.step = step;
    west.faults.away = false;
    world.pass(60_000);
    await world.settle();
    expect(west.rows.size).toBe(60);
  });

  it("that were made though the answer was lost are no copies, and no edits", async () => {
    const { world, east, west } = await coming(several(3));
    const step = west.faults.step;
    west.faults.step = (what, id) => {
      if (what === "create done") throw new LangFlowUnreachable("cut");
      step(what, id);
    };
    await world.sync(1);
    west.faults.step = step;
    await world.settle();
    expect([names(east), names(west)]).toEqual([manyIds(3), manyIds(3)]);
    expect(await world.sync(1)).toMatchObject({ exported: 0, imported: 0 });
  });

  it("that a user saves right after they were made are not taken for what was made", async () => {
    const { world, east, west } = await coming(several(2));
    const step = west.faults.step;
    const [first = ""] = manyIds(2);
    west.faults.step = (what, id) => {
      step(what, id);
      if (what === "create done") west.save(first, { data: graph("saved at once") });
    };
    await world.sync(1);
    west.faults.step = step;
    await world.settle();
    expect([text(east, first), text(west, first)]).toEqual(["saved at once", "saved at once"]);
  });
});

describe("a delete that is imported", () => {
  it("locks the flow, looks at it, and only then deletes it", async () => {
    const { world, east, west } = await agreed({ [A]: {} });
    east.remove(A);
    await world.sync(0);
    const asked = requests(west);
    expect(await world.sync(1)).toMatchObject({ imported: 1 });
    expect(asked).toEqual([
      ["setLock", A, true],
      ["delete", A],
    ]);
  });

  it("leaves the lock as it is where the flow is locked", async () => {
    const { world, east, west } = await agreed({ [A]: { locked: true } });
    east.remove(A);
    await world.sync(0);
    const asked = requests(west);
    await world.sync(1);
    expect([asked, west.rows.size]).toEqual([[["delete", A]], 0]);
  });

  it("is done where a user deleted the flow too", async () => {
    const { world, east, west } = await agreed({ [A]: {}, [B]: {} });
    east.remove(A);
    await world.sync(0);
    const step = west.faults.step;
    west.faults.step = (what, id) => {
      if (what === "flow") west.remove(A);
      step(what, id);
    };
    const asked = requests(west);
    expect(await world.sync(1)).toMatchObject({ imported: 0, held: [] });
    expect(asked).toEqual([["setLock", A, true]]);
    expect([...west.states.keys()]).toEqual([B]);
  });
});

describe("a locked flow that is imported", () => {
  it("is opened, written and closed, in as few requests as that takes", async () => {
    const { world, east, west } = await agreed({ [A]: { locked: true } });
    east.save(A, { locked: false });
    east.save(A, { name: "Renamed" });
    east.save(A, { locked: true });
    await world.sync(0);
    const asked = requests(west);
    await world.sync(1);
    expect(asked).toEqual([
      ["setLock", A, false],
      ["patch", A, { name: "Renamed", locked: true }],
    ]);
    expect([value(west, A, "locked"), value(west, A, "name")]).toEqual([true, "Renamed"]);
  });

  it("is opened by the one request where nothing but its lock changed", async () => {
    const { world, east, west } = await agreed({ [A]: { locked: true } });
    east.save(A, { locked: false });
    await world.sync(0);
    const asked = requests(west);
    await world.sync(1);
    expect([asked, value(west, A, "locked")]).toEqual([[["patch", A, { locked: false }]], false]);
  });

  it("is closed again where LangFlow does not take it", async () => {
    const { world, east, west } = await agreed({ [A]: { locked: true } });
    east.save(A, { locked: false });
    east.save(A, { data: graph("edited") });
    east.save(A, { locked: true });
    await world.sync(0);
    const step = west.faults.step;
    west.faults.step = (what, id) => {
      if (what === "put") west.faults.broken.add(A);
      if (what === "setLock") west.faults.broken.delete(A);
      step(what, id);
    };
    expect(await world.sync(1)).toMatchObject({ held: [{ path: `LangFlow ${A}` }] });
    expect([value(west, A, "locked"), text(west, A)]).toEqual([true, `first ${A}`]);
    west.faults.step = step;
    west.faults.broken.clear();
    await world.settle();
    expect([value(west, A, "locked"), text(west, A)]).toEqual([true, "edited"]);
  });
});

describe("the version token of a graph", () => {
  const tokens = ({ east, west }: Awaited<ReturnType<typeof agreed>>, id = A) =>
    [east, west].map(({ rows }) => rows.get(id)?.token);

  it("is the one of the region where the graph was saved, in every region: who has it open there goes on elsewhere", async () => {
    const fleet = await agreed({ [A]: {} });
    const { world, east, west } = fleet;
    for (const [region, edit] of [
      [east, "from east"],
      [west, "from west"],
      [west, "from west again"],
      [east, "back in east"],
    ] as const) {
      region.save(A, { data: graph(edit) });
      const token = region.rows.get(A)?.token;
      await world.settle();
      expect(tokens(fleet)).toEqual([token, token]);
      expect(await world.sync(0)).toMatchObject({ exported: 0, imported: 0 });
      expect(await world.sync(1)).toMatchObject({ exported: 0, imported: 0 });
    }
  });

  it("stays through a rename and a move, from whichever region they come", async () => {
    const fleet = await agreed({ [A]: {} });
    const { world, east, west } = fleet;
    east.save(A, { data: graph("edited") });
    const token = east.rows.get(A)?.token;
    await world.settle();
    west.save(A, { name: "Renamed" }, "P");
    await world.settle();
    east.save(A, { icon: "Bot" });
    await world.settle();
    expect(value(west, A, "icon")).toBe("Bot");
    expect(tokens(fleet)).toEqual([token, token]);
  });

  it("is the same everywhere for a graph that a person committed", async () => {
    const fleet = await agreed({ [A]: {} });
    const { world, east } = fleet;
    const [before] = tokens(fleet);
    const [path, contents] = fileOf(world, A);
    byHand(world, { [path]: contents.replace(`first ${A}`, "by hand") });
    await world.settle();
    expect(text(east, A)).toBe("by hand");
    const [one, other] = tokens(fleet);
    expect(one).toBe(other);
    expect(one).not.toBe(before);
  });

  it("stays LangFlow's own where somebody saved in between, whose save is kept", async () => {
    const fleet = await agreed({ [A]: {} });
    const { world, east, west } = fleet;
    east.save(A, { data: graph("from east") });
    await world.sync(0);
    const step = west.faults.step;
    west.faults.step = (what, id) => {
      if (what === "giveVersionToken") west.save(A, { data: graph("from west") });
      step(what, id);
    };
    await world.sync(1);
    west.faults.step = step;
    expect(text(west, A)).toBe("from west");
    expect(tokens(fleet)[0]).not.toBe(tokens(fleet)[1]);
    await world.settle();
    expect([text(east, A), text(west, A)]).toEqual(["from west", "from west"]);
    const [one, other] = tokens(fleet);
    expect(one).toBe(other);
  });
});

describe("flows that swap their names", () => {
  it("step aside one after the other, and only where more than one has to", async () => {
    const { world, east, west } = await agreed({ [A]: { name: "One" }, [B]: { name: "Two" } });
    east.save(A, { name: "aside" });
    east.save(B, { name: "One" });
    east.save(A, { name: "Two" });
    await world.sync(0);
    expect(await world.sync(1)).toMatchObject({ held: [] });
    expect([value(west, A, "name"), value(west, B, "name")]).toEqual(["Two", "One"]);
  });

  it("go back to where they were where a user's flow has one of the names", async () => {
    const flows = {
      [A]: { name: "One", endpoint_name: "e1" },
      [B]: { name: "Two", endpoint_name: "e2" },
    };
    const { world, east, west } = await agreed(flows);
    east.save(A, { name: "aside", endpoint_name: null });
    east.save(B, { name: "One", endpoint_name: "e1" });
    east.save(A, { name: "Two", endpoint_name: "e2" });
    await world.sync(0);
    // The name is free for a moment, and somebody takes it.
    const step = west.faults.step;
    west.faults.step = (what, id) => {
      if ([...west.rows.values()].every(({ flow }) => flow.name !== "Two") && !west.rows.has(C))
        west.save(C, { name: "Two", data: graph("of a user") });
      step(what, id);
    };
    const outcome = await world.sync(1);
    expect(outcome?.held.length).toBeGreaterThan(0);
    expect([value(west, A, "name"), value(west, A, "endpoint_name")]).toEqual(["One", "e1"]);
    west.faults.step = step;
    await world.settle();
    expect(names(east)).toEqual(names(west));
    expect(names(east)).not.toContainEqual(expect.stringContaining("(moving)"));
    expect([A, B].map((id) => value(west, id, "endpoint_name"))).toEqual(["e2", "e1"]);
  });

  it("are free for a flow that takes one alone", async () => {
    const { world, east, west } = await agreed({ [A]: { name: "One" }, [B]: { name: "Two" } });
    east.save(A, { name: "Three" });
    east.save(B, { name: "One" });
    await world.sync(0);
    const asked = requests(west);
    await world.settle();
    expect([A, B].map((id) => value(west, id, "name"))).toEqual(["Three", "One"]);
    expect(asked.every(([what]) => what === "patch")).toBe(true);
  });
});
