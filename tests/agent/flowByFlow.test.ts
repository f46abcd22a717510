import type { JsonObject } from "../../agent/flows/canonicalJson";
import type { FlowFile } from "../../agent/flows/flowFile";
import { LangFlowRefusal, LangFlowUnreachable } from "../../agent/langflow/client";
import { A, agreed, B, C, manyIds, names, text, value } from "./doubles/regions";
import { graph } from "./doubles/world";

type Regions = Awaited<ReturnType<typeof agreed>>;
type LangFlow = Regions["east"];

const SECRET = "looks like a secret";
const findSecrets = async ({ text: all }: FlowFile) => (all.includes(SECRET) ? [{ field: "a", rule: "one" }] : []);
const secretOf = ({ rows }: LangFlow, id: string) =>
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into any shape
  ((rows.get(id)?.flow.data ?? {}) as any).nodes[0].data.node.template.api_key.value;

/** What LangFlow does to some requests: throws what is given for them. */
function failing(langflow: LangFlow, what: string, ids: readonly string[], error: () => Error): () => void {
  const { step } = langflow.faults;
  langflow.faults.step = (each, id) => {
    if (each === what && ids.includes(id ?? "")) throw error();
    step(each, id);
  };
  return () => {
    langflow.faults.step = step;
  };
}

/** Calls to a LangFlow's API from now on. */
function calls(langflow: LangFlow, ...methods: ("patch" | "put" | "setLock" | "flow" | "delete")[]) {
  return Object.fromEntries(methods.map((method) => [method, jest.spyOn(langflow.api, method)]));
}

describe("requests that end without an answer", () => {
  const edited = async (silent: number) => {
    const ids = manyIds(8);
    const regions = await agreed(Object.fromEntries(ids.map((id) => [id, {}])));
    for (const id of ids) regions.east.save(id, { data: graph("edited") });
    await regions.world.sync(0);
    const mended = failing(regions.west, "put", ids.slice(0, silent), () => new LangFlowUnreachable("cut"));
    return { ...regions, ids, mended };
  };

  it("hold their flows alone, as long as LangFlow answers others", async () => {
    const { world, west, ids, mended } = await edited(3);
    const outcome = await world.sync(1);
    expect([outcome?.imported, outcome?.held.length, outcome?.broken]).toEqual([5, 3, undefined]);
    mended();
    await world.settle();
    expect(ids.map((id) => text(west, id))).toEqual(ids.map(() => "edited"));
  });

  it("are LangFlow's end after a few of them", async () => {
    const { world } = await edited(4);
    expect((await world.sync(1))?.broken).toBeInstanceOf(LangFlowUnreachable);
  });

  it("are LangFlow's end at the first where it answers nothing else either", async () => {
    const { world, west, ids } = await edited(1);
    const answers = jest.spyOn(west.api, "answers").mockResolvedValueOnce(true).mockResolvedValue(false);
    const outcome = await world.sync(1);
    expect([outcome?.broken?.message, answers.mock.calls.length > 1, ids.length]).toEqual(["cut", true, 8]);
  });
});

describe("an answer of LangFlow's that is no flow", () => {
  it("is the trouble of the flow that was written: the others go on", async () => {
    const { world, east, west } = await agreed({ [A]: {}, [B]: {} });
    for (const id of [A, B]) east.save(id, { data: graph("edited") });
    await world.sync(0);
    const { put } = west.api;
    west.api.put = async (id, ...rest) => {
      const answer = await put(id, ...rest);
      return id === A ? { ...answer, flow: { ...answer.flow, name: "x".repeat(501) } } : answer;
    };
    const outcome = await world.sync(1);
    expect(outcome).toMatchObject({ imported: 1, held: [{ path: `LangFlow ${A}`, kind: "flow" }] });
    expect([outcome?.held[0]?.reason, text(west, B)]).toEqual([expect.stringContaining("500 characters"), "edited"]);
  });
});

describe("what nobody foresaw", () => {
  const bug = () => new TypeError("a bug");

  it.each<[string, "put" | "flow" | "create", (regions: Regions) => void, number]>([
    ["a write", "put", ({ east }) => east.save(A, { data: graph("edited") }), 1],
    ["a question about a flow that is gone", "flow", ({ east }) => east.remove(A), 0],
    [
      "the making of several flows",
      "create",
      ({ east }) => {
        for (const id of manyIds(3)) east.save(id, { name: id, data: graph("new") });
      },
      1,
    ],
  ])("in %s ends the cycle, and is no flow's trouble", async (_, what, act, where) => {
    const regions = await agreed({ [A]: {}, [B]: {} });
    act(regions);
    if (where === 1) await regions.world.sync(0);
    const { faults } = where === 1 ? regions.west : regions.east;
    const { step } = faults;
    faults.step = (each, id) => {
      if (each === what) throw bug();
      step(each, id);
    };
    await expect(regions.world.sync(where)).rejects.toThrow("a bug");
  });
});

describe("a flow that is gone from the list", () => {
  it("and that LangFlow refuses to speak of waits alone: the others are asked about", async () => {
    const { world, east } = await agreed({ [A]: {}, [B]: {} });
    east.remove(A);
    east.remove(B);
    failing(east, "flow", [A], () => new LangFlowRefusal(403, "GET", "{}"));
    expect(await world.sync(0)).toMatchObject({ exported: 1, held: [{ path: `LangFlow ${A}` }] });
  });
});

describe("a flow saved between the look and the write", () => {
  it("is not written over, and its lock is what the user made of it", async () => {
    const { world, east, west } = await agreed({ [A]: {} });
    east.save(A, { data: graph("edited") });
    await world.sync(0);
    const { step } = west.faults;
    let done = false;
    west.faults.step = (what, id) => {
      if (what === "contents" && !done) {
        done = true;
        west.save(A, { data: graph("saved meanwhile") });
      }
      step(what, id);
    };
    expect(await world.sync(1)).toMatchObject({ imported: 0, held: [] });
    expect(text(west, A)).toBe("saved meanwhile");
    west.faults.step = step;
    await world.settle();
    expect([...west.rows.keys()].map((id) => text(west, id)).sort()).toEqual(["edited", "saved meanwhile"]);
    expect(names(east)).toEqual(names(west));
  });
});

describe("a name that a flow of this region has, which itself cannot leave", () => {
  const waiting = async (locked: boolean) => {
    const regions = await agreed({ [A]: { locked } }, { findSecrets });
    regions.west.save(B, { name: "Mine", data: graph(SECRET) });
    regions.east.save(A, { locked: false });
    regions.east.save(A, { name: "Mine" });
    regions.east.save(A, { locked });
    await regions.world.sync(0);
    return regions;
  };

  it("is waited for without opening a lock", async () => {
    const { world, west } = await waiting(true);
    const { setLock, patch } = calls(west, "setLock", "patch");
    expect((await world.sync(1))?.held).toContainEqual(expect.objectContaining({ path: `LangFlow ${A}` }));
    expect([setLock?.mock.calls, patch?.mock.calls]).toEqual([[], []]);
    expect([value(west, A, "name"), value(west, A, "locked")]).toEqual([A, true]);
    west.save(B, { data: graph("harmless") });
    await world.settle();
    expect(value(west, A, "name")).toBe("Mine");
    expect(names(west)).toHaveLength(2);
  });

  it("is asked for where there is no lock", async () => {
    const { world, west } = await waiting(false);
    const { patch } = calls(west, "patch");
    expect((await world.sync(1))?.held).toContainEqual(expect.objectContaining({ path: `LangFlow ${A}` }));
    expect(patch).toHaveBeenCalled();
  });

  it("is given to a new flow in LangFlow's own way, and that is told until it has its own", async () => {
    const { world, east, west } = await agreed({}, { findSecrets });
    west.save(B, { name: "Mine", data: graph(SECRET) });
    east.save(A, { name: "Mine", data: graph("new") });
    await world.sync(0);
    const outcome = await world.sync(1);
    expect(outcome?.held).toContainEqual({
      path: `LangFlow ${A}`,
      kind: "flow",
      reason: "LangFlow gave it another name",
    });
    expect(value(west, A, "name")).toBe("Mine (1)");
    west.save(B, { data: graph("harmless") });
    await world.settle();
    expect(value(west, A, "name")).toBe("Mine");
  });
});

describe("a name that LangFlow writes in its own way", () => {
  it("is told as held, and not asked for again at every look", async () => {
    const { world, east, west } = await agreed({ [A]: {} });
    const { patch } = west.api;
    const asked = jest.fn();
    west.api.patch = (id, changes) => {
      asked();
      return patch(id, { ...changes, name: String(changes.name).trim() });
    };
    east.save(A, { name: "Mine " });
    await world.sync(0);
    const held = [{ path: `LangFlow ${A}`, kind: "flow", reason: "LangFlow gave it another name" }];
    // What LangFlow made of it is another version, which is tried once more.
    for (const _ of [1, 2]) expect(await world.sync(1)).toMatchObject({ imported: 1, held });
    asked.mockClear();
    expect(await world.sync(1)).toMatchObject({ imported: 0, exported: 0, held });
    expect(asked).not.toHaveBeenCalled();
    world.pass(5_000);
    await world.sync(1);
    expect([asked.mock.calls.length, value(east, A, "name"), value(west, A, "name")]).toEqual([1, "Mine ", "Mine"]);
  });
});

describe("a version that loses", () => {
  it("is kept with the secrets of its own region", async () => {
    const { world, east, west } = await agreed({ [A]: { data: graph("first", "east's") } });
    west.save(A, { data: graph("first", "west's") });
    await world.settle();
    west.save(A, { data: graph("earlier", "west's") });
    world.pass(5_000);
    east.save(A, { data: graph("later", "east's") });
    await world.settle();
    const [copy = ""] = [...west.rows.keys()].filter((id) => id !== A);
    expect([text(west, A), secretOf(west, A), text(east, A), secretOf(east, A)]).toEqual([
      "later",
      "west's",
      "later",
      "east's",
    ]);
    expect([text(west, copy), secretOf(west, copy), text(east, copy)]).toEqual(["earlier", "west's", "earlier"]);
    expect(secretOf(east, copy)).not.toBe("west's");
  });

  it("holds back what replaces it as long as it cannot leave itself", async () => {
    const { world, east, west } = await agreed({ [A]: {} }, { findSecrets });
    east.save(A, { data: graph(SECRET) });
    world.pass(5_000);
    west.save(A, { data: graph("later") });
    await world.sync(1);
    world.pass(5_000);
    east.save(A, { name: "Renamed" });
    expect(await world.sync(0)).toMatchObject({ exported: 0, imported: 0, held: [{ kind: "secret" }] });
    expect(text(east, A)).toBe(SECRET);
    await world.sync(1);
    expect(value(west, A, "name")).toBe(A);
  });
});

describe("several flows that are held", () => {
  it("each wait for themselves: none is tried again because of another", async () => {
    const finding = jest.fn(findSecrets);
    const { world, east } = await agreed({ [A]: {}, [B]: {}, [C]: {} }, { findSecrets: finding });
    for (const id of [A, B]) east.save(id, { data: graph(`${SECRET} ${id}`) });
    finding.mockClear();
    expect((await world.sync(0))?.held).toHaveLength(2);
    expect((await world.sync(0))?.held).toHaveLength(2);
    expect(finding).toHaveBeenCalledTimes(2);
  });

  it("by the Git host are found, however many, as long as it takes others", async () => {
    const ids = manyIds(16);
    const { world, east } = await agreed(Object.fromEntries(ids.map((id, at) => [id, { name: `flow ${at}` }])));
    const odd = (path: string) => /flow_(1|3|5|7|9)\.json$/.test(path);
    world.host.faults.declines = (paths) => (paths.some(odd) ? "declined" : undefined);
    for (const id of ids) east.save(id, { data: graph("edited") });
    expect(await world.sync(0)).toMatchObject({ exported: 11 });
    expect((await world.sync(0))?.held).toHaveLength(5);
  });
});

describe("a file that cannot be read any more", () => {
  it.each([
    ["in its place", (path: string) => new Map([[path, "{ no JSON"]])],
    [
      "at another place",
      (path: string, contents: string) =>
        new Map([
          [path, undefined],
          ["default/Elsewhere.json", contents.slice(0, -40)],
        ]),
    ],
  ])("%s is no delete: its flow stays as it is until the file is mended", async (_, broken) => {
    const { world, east, west } = await agreed({ [A]: {}, [B]: {} });
    const [[path, contents] = ["", ""]] = [...world.host.contents()].filter(([, each]) => each.includes(A));
    world.host.edit("a person", world.clock, broken(path, contents) as Map<string, string | undefined>);
    for (const index of [0, 1]) expect(await world.sync(index)).toMatchObject({ imported: 0, exported: 0 });
    expect([east.rows.size, west.rows.size]).toEqual([2, 2]);
    expect((await world.sync(1))?.problems).toHaveLength(1);
    world.pass(60_000);
    const mended = contents.replace(`first ${A}`, "mended");
    world.host.edit(
      "a person",
      world.clock,
      new Map([
        [path, mended],
        ["default/Elsewhere.json", undefined],
      ]),
    );
    await world.settle();
    expect([text(east, A), text(west, A), west.rows.size]).toEqual(["mended", "mended", 2]);
  });
});

describe("a history of Git's that was made anew", () => {
  it("deletes nothing by what it lacks, and changes nothing by what it holds otherwise but is older", async () => {
    const { world, east, west } = await agreed({ [A]: {}, [B]: {} });
    const { host } = world;
    const [[path, contents] = ["", ""]] = [...host.contents()].filter(([, each]) => each.includes(B));
    east.save(B, { data: graph("newer") });
    await world.settle();
    const by = { author: "a person", authoredAt: 0, committedAt: world.clock };
    host.head = host.add(undefined, new Map([[path, host.put(contents)]]), "all anew\n", by);
    await world.settle();
    for (const side of [east, west])
      expect([text(side, A), text(side, B), side.rows.size]).toEqual([`first ${A}`, "newer", expect.any(Number)]);
    expect([...host.contents().values()].filter((each) => each.includes(`first ${A}`))).toHaveLength(1);
  });
});

describe("flows that swap nothing but their names", () => {
  it("keep their endpoints and their locks", async () => {
    const flows: Record<string, JsonObject> = {
      [A]: { name: "One", endpoint_name: "e1", locked: true },
      [B]: { name: "Two", endpoint_name: "e2", description: "d" },
    };
    const { world, east, west } = await agreed(flows);
    const name = (id: string, to: string) => {
      const { locked } = east.rows.get(id)?.flow ?? {};
      for (const change of [{ locked: false }, { name: to }, { locked: locked === true }] as JsonObject[])
        east.save(id, change);
    };
    name(A, "aside");
    name(B, "One");
    name(A, "Two");
    await world.settle();
    for (const side of [east, west])
      expect([A, B].map((id) => ["name", "endpoint_name", "locked"].map((key) => value(side, id, key)))).toEqual([
        ["Two", "e1", true],
        ["One", "e2", false],
      ]);
  });
});

describe("locked flows that swap their names", () => {
  it("are locked again where somebody took one of the names for good", async () => {
    const { world, east, west } = await agreed({
      [A]: { name: "One", locked: true },
      [B]: { name: "Two", locked: true },
    });
    const rename = (id: string, name: string) => {
      for (const change of [{ locked: false }, { name }, { locked: true }] as JsonObject[]) east.save(id, change);
    };
    rename(A, "aside");
    rename(B, "One");
    rename(A, "Two");
    await world.sync(0);
    const { step } = west.faults;
    west.faults.step = (what, id) => {
      if ([...west.rows.values()].every(({ flow }) => flow.name !== "Two") && !west.rows.has(C))
        west.save(C, { name: "Two", data: graph("of a user") });
      step(what, id);
    };
    expect((await world.sync(1))?.held.length).toBeGreaterThan(0);
    expect([A, B].map((id) => value(west, id, "locked"))).toEqual([true, true]);
    west.faults.step = step;
    await world.settle();
    expect([names(east), [A, B].map((id) => value(west, id, "locked"))]).toEqual([names(west), [true, true]]);
  });
});

describe("what is known of flows", () => {
  it("is learnt anew where it was lost, once, and without an edit", async () => {
    const { world, west } = await agreed({ [A]: {}, [B]: { endpoint_name: "e" } });
    const { head } = world.host;
    west.states = new Map();
    expect(await world.sync(1)).toMatchObject({ imported: 0, exported: 0, conflicts: [] });
    expect([...west.states.keys()].sort()).toEqual([A, B]);
    const contents = jest.spyOn(west.store, "contents");
    await world.sync(1);
    expect([contents.mock.calls.flat(2), world.host.head]).toEqual([[], head]);
  });

  it("is known after an export too: the next look reads nothing", async () => {
    const { world, east } = await agreed({ [A]: {}, [B]: {} });
    east.save(A, { data: graph("edited") });
    await world.sync(0);
    const contents = jest.spyOn(east.store, "contents");
    expect(await world.sync(0)).toMatchObject({ exported: 0 });
    expect(contents.mock.calls.flat(2)).toEqual([]);
  });
});

/** A graph with a field that names a variable. */
function bound(words: string, variable = "OPENAI_KEY") {
  const data = graph(words);
  // biome-ignore lint/suspicious/noExplicitAny: a test writes into any shape
  const { template } = (data as any).nodes[0].data.node;
  template.api_key = { password: true, load_from_db: true, value: variable };
  return data;
}

describe("a name of a variable", () => {
  it("stays in Git though a region that edits the flow has no such variable, and is no edit in that region", async () => {
    const { world, east, west } = await agreed({});
    east.variables.add("OPENAI_KEY");
    east.save(A, { name: "A", data: bound("first") });
    await world.settle();
    const { head } = world.host;
    for (const index of [0, 1, 0, 1]) await world.sync(index);
    expect(world.host.head).toBe(head);
    world.pass(60_000);
    west.save(A, { data: bound("edited in the west") });
    await world.settle();
    expect([...world.host.contents().values()].join()).toContain("OPENAI_KEY");
    expect([text(east, A), secretOf(east, A)]).toEqual(["edited in the west", "OPENAI_KEY"]);
  });
});

describe("another name of a variable", () => {
  it("is an edit, though nothing else of the flow changed", async () => {
    const { world, east, west } = await agreed({});
    for (const side of [east, west]) for (const name of ["OPENAI_KEY", "OTHER_KEY"]) side.variables.add(name);
    east.save(A, { name: "A", data: bound("first") });
    await world.settle();
    expect(secretOf(west, A)).toBe("OPENAI_KEY");
    east.save(A, { data: bound("first", "OTHER_KEY") });
    await world.settle();
    expect([secretOf(east, A), secretOf(west, A)]).toEqual(["OTHER_KEY", "OTHER_KEY"]);
  });
});

describe("what looks like a name of a variable, where there is no such variable", () => {
  it("stays out of Git, and is no edit at every look: it is read once, and nothing is committed", async () => {
    const { world, east, west } = await agreed({});
    east.save(A, { name: "A", data: bound("first"), endpoint_name: "e" });
    await world.settle();
    expect([...world.host.contents().values()].join()).not.toContain("OPENAI_KEY");
    expect([text(west, A), secretOf(west, A), secretOf(east, A)]).toEqual(["first", "", "OPENAI_KEY"]);
    const { head } = world.host;
    const contents = jest.spyOn(east.store, "contents");
    for (const _ of [1, 2]) expect(await world.sync(0)).toMatchObject({ exported: 0, imported: 0, held: [] });
    expect([world.host.head, contents.mock.calls.flat(2)]).toEqual([head, []]);
    // Where it was forgotten that they are the same, that is found again, and nothing written.
    east.states = new Map();
    expect(await world.sync(0)).toMatchObject({ exported: 0, imported: 0, held: [], flows: 1 });
    contents.mockClear();
    await world.sync(0);
    expect([world.host.head, contents.mock.calls.flat(2)]).toEqual([head, []]);
    east.save(A, { data: bound("edited") });
    await world.settle();
    expect([text(west, A), value(west, A, "endpoint_name")]).toEqual(["edited", "e"]);
  });
});

describe("an endpoint that two new flows want", () => {
  it("is one's alone, in both regions and in Git", async () => {
    const { world, east, west } = await agreed({});
    east.save(A, { name: "A", endpoint_name: "e", data: graph("a") });
    west.save(B, { name: "B", endpoint_name: "e", data: graph("b") });
    await world.settle();
    const endpoints = (side: LangFlow) => [A, B].map((id) => value(side, id, "endpoint_name") ?? null);
    expect(endpoints(east)).toEqual(endpoints(west));
    expect(endpoints(east).toSorted()).toEqual(["e", null].toSorted());
    const inGit = [...world.host.contents().values()].map((each) => JSON.parse(each).endpoint_name);
    expect(inGit.toSorted()).toEqual(["e", null].toSorted());
  });
});
