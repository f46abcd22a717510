import { flowFacts, type StoredFlow } from "../../../fleet/moveIn/flowFacts";
import type { ComponentChange } from "../../../fleet/rehearsal/comparison";
import type { Outcome } from "../../../fleet/rehearsal/outcome";
import { type ReadFlow, type RehearsalStages, rehearse, uploadsIn } from "../../../fleet/rehearsal/rehearse";
import type { Json, JsonObject } from "../../../formats/flows/canonicalJson";
import { TOKEN } from "../moveIn/recordedLangFlow";

const id = (of: number) => `aaaaaaaa-0000-4000-8000-00000000000${of}`;
const node = (template: JsonObject, more: JsonObject = {}): Json => ({
  nodes: [{ id: "A-1", data: { type: "A", node: { template, ...more } } }],
  edges: [],
});

/** Returns a flow of a source. Its number is part of its name and id. */
async function flow(place: number, data: Json = { nodes: [], edges: [] }, more: JsonObject = {}): Promise<ReadFlow> {
  const known = { id: id(place), name: `flow ${place}` };
  const value = data === "no flow" ? "contains invalid JSON" : { ...known, data, ...more };
  const stored: StoredFlow = { ...known, owner: "u", bytes: 10, value, variables: new Set() };
  return { stored, facts: await flowFacts(stored) };
}

const answers = (text: string): Outcome => ({ kind: "answered", outputs: [{ component: "ChatOutput-1", text }] });

/** Returns two fake LangFlows with these answers, and the log of their requests. */
function stages({
  now = () => answers("x"),
  old = () => answers("x"),
  more = {},
}: {
  now?: (name: string, times: number) => Outcome;
  old?: (name: string) => Outcome;
  more?: Partial<RehearsalStages>;
} = {}) {
  const asked: string[] = [];
  const given: RehearsalStages = {
    now: {
      load: async ({ file }) => void asked.push(`load ${file.name}`),
      refusal: async () => undefined,
      run: async ({ file }) => {
        asked.push(`run ${file.name}`);
        return now(file.name, asked.filter((each) => each === `run ${file.name}`).length);
      },
    },
    old: { run: async ({ file }) => old(file.name) },
    changes: async (graphs) => new Map([...graphs.keys()].map((key) => [key, []])),
    progress: () => undefined,
    ...more,
  };
  return { asked, given };
}
const USERS = new Map([["u", "bea"]]);

describe("a rehearsal", () => {
  it("loads all flows before it runs the first, because a flow may run another flow", async () => {
    const { asked, given } = stages();
    const rehearsed = await rehearse([await flow(1), await flow(2)], USERS, given);
    expect(asked).toEqual(["load flow 1", "load flow 2", "run flow 1", "run flow 2"]);
    expect(rehearsed).toMatchObject([
      { id: id(1), name: "flow 1", user: "bea", result: "same" },
      { id: id(2), result: "same" },
    ]);
  });

  it("continues with the other flows if one fails", async () => {
    const now = (name: string): Outcome => (name === "flow 1" ? { kind: "failed", message: "no" } : answers("x"));
    const flows = [await flow(1), await flow(2, "no flow"), await flow(3)];
    expect(await rehearse(flows, USERS, stages({ now }).given)).toMatchObject([
      { result: "differs", run: { said: "fails only in the new version" } },
      { result: "differs", loaded: { said: "it cannot be read or recorded: contains invalid JSON" } },
      { result: "same" },
    ]);
  });

  it('repeats differing runs, and reports answers that change on every run as "not known"', async () => {
    const steady = stages({ now: () => answers("y") });
    const unsteady = stages({ now: (_, times) => answers(`${times}`) });
    let asked = 0;
    const old = stages({ now: () => answers("y"), old: () => answers(`${++asked}`) });
    const one = [await flow(1)];
    expect((await rehearse(one, USERS, steady.given))[0]?.run).toMatchObject({ result: "differs", old: "x", new: "y" });
    for (const { given } of [unsteady, old])
      expect((await rehearse(one, USERS, given))[0]?.run).toEqual({
        result: "not known",
        said: "gives a different answer each time",
      });
    expect(unsteady.asked.filter((each) => each === "run flow 1")).toHaveLength(2);
  });

  it.each<[string, Json, JsonObject, string]>([
    [
      "needs a file of its machine",
      node({ path: { type: "file", value: "/data/a.pdf" } }),
      {},
      "refers to a local file (A-1.path)",
    ],
    [
      "needs an upload",
      node({ path: { type: "file", file_path: [`${id(9)}/a.pdf`] } }),
      {},
      "reads an upload (A-1.path)",
    ],
    ["is a saved component", node({}), { is_component: true }, "it is a saved component, which cannot run by itself"],
  ])("does not run a flow that %s", async (_, data, more, said) => {
    const { asked, given } = stages();
    expect((await rehearse([await flow(1, data, more)], USERS, given))[0]).toMatchObject({
      result: "not run",
      run: { result: "not run", said },
    });
    expect(asked).toEqual(["load flow 1"]);
  });

  it("shows no text of a flow that contains a suspected secret", async () => {
    const leaky = await flow(1, node({ text: { value: TOKEN } }));
    const fails = stages({ now: () => ({ kind: "failed", message: TOKEN }), old: () => answers(TOKEN) });
    const alike = stages({
      now: () => ({ kind: "failed", message: TOKEN }),
      old: () => ({ kind: "failed", message: TOKEN }),
    });
    for (const { given } of [fails, alike]) {
      const rehearsed = await rehearse([leaky], USERS, given);
      expect(rehearsed).toHaveLength(1);
      expect(JSON.stringify(rehearsed)).not.toContain(TOKEN);
    }
    expect((await rehearse([leaky], USERS, fails.given))[0]?.run).toMatchObject({
      result: "differs",
      old: "not shown: the flow contains a likely secret",
    });
  });

  it("reports missing components, but ignores custom ones", async () => {
    const changes: RehearsalStages["changes"] = async () =>
      new Map<string, ComponentChange[]>([
        ["0", [{ node: "A-1", component: "A", change: "gone" }]],
        ["1", [{ node: "A-1", component: "A", change: "gone" }]],
      ]);
    const own = node({ code: { value: "class Own: pass" } }, { edited: true });
    const flows = [await flow(1, own), await flow(2, node({}))];
    expect(await rehearse(flows, USERS, stages({ more: { changes } }).given)).toMatchObject([
      { result: "same", opened: { said: "" } },
      { result: "changes", opened: { said: "gone: A" } },
    ]);
  });

  it("reports flows that LangFlow stored differently", async () => {
    const { given } = stages();
    const refusing = { ...given, now: { ...given.now, load: async () => "other graph" } };
    expect((await rehearse([await flow(1)], USERS, refusing))[0]?.loaded).toEqual({
      result: "differs",
      said: "other graph",
    });
  });

  it("does not count a missing package as a failure to open a flow, but counts a missing module", async () => {
    const { given } = stages();
    const saying = (said: string) => ({ ...given, now: { ...given.now, refusal: async () => said } });
    const opened = async (said: string) => (await rehearse([await flow(1)], USERS, saying(said)))[0]?.opened.result;
    expect(await opened("No module named 'astrapy'")).toBe("same");
    expect(await opened("No module named 'langchain.memory'")).toBe("differs");
  });
});

it("uploadsIn finds fields of type file that name a file", () => {
  const of = (field: JsonObject) => uploadsIn(node({ path: field }));
  expect(of({ type: "file", file_path: "u/a.pdf" })).toEqual(["A-1.path"]);
  const nones: JsonObject[] = [
    { type: "file", file_path: "" },
    { type: "file", file_path: [] },
    { type: "file" },
    { type: "str", file_path: "a" },
  ];
  for (const none of nones) expect(of(none)).toEqual([]);
});
