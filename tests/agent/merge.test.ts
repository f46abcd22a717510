import { FIELDS, type Field, print, type Version } from "../../agent/flows/version";
import type { Agreed } from "../../agent/langflow/flowState";
import { merge } from "../../agent/sync/merge";
import type { ConflictRules, SideVersion } from "../../agent/sync/plan";

type Values = Partial<Record<Field, string>>;
const BEFORE: Record<Field, string> = {
  graph: "g",
  name: "Report",
  description: "d",
  project: "",
  endpoint: "",
  lock: "false",
  details: "{}",
};

/** A version whose fields are those of before, but for the given ones. */
function version(values: Values = {}, more: Partial<SideVersion> = {}): SideVersion {
  const all = { ...BEFORE, ...values };
  return {
    name: all.name,
    ...(all.project !== "" && { project: all.project }),
    ...(all.endpoint !== "" && { endpointName: all.endpoint }),
    prints: Object.fromEntries(FIELDS.map((field) => [field, print(all[field])])) as unknown as Version["prints"],
    ...more,
  };
}

const agreedOn = ({ prints }: Version = version()): Agreed =>
  Object.fromEntries(FIELDS.map((field) => [field, { here: prints[field], there: prints[field] }]));

/** Whose edits are later. */
const rules = (later: "here" | "there"): ConflictRules => ({
  isLater: () => later === "here",
  keep: (id, _, { name }, side) => ({ id: `${id} of ${side}`, name: `${name} (${side})` }),
  rename: (name, attempt) => `${name} (us-east${attempt === 1 ? "" : ` ${attempt}`})`,
});

const one = <V>(value: V) => new Map([["a", value]]);
const plan = (here: Values | undefined, there: Values | undefined, later: "here" | "there" = "here") =>
  merge(
    one(agreedOn()),
    new Map(here ? [["a", version(here)]] : []),
    new Map(there ? [["a", version(there)]] : []),
    rules(later),
  );
const sidesOf = (wanted: ReturnType<typeof plan>["here"], id = "a") =>
  Object.fromEntries(Object.entries(wanted.get(id)?.sources ?? {}).map(([field, { side }]) => [field, side]));

describe("merging one flow", () => {
  it("changes nothing where both sides are as they were", () => {
    expect(plan({}, {})).toEqual({ here: new Map(), there: new Map(), conflicts: [] });
  });

  it.each(FIELDS)("takes %s from the one side that changed it, and writes the other side alone", (field) => {
    const here = plan({ [field]: "new" }, {});
    expect([[...here.here.keys()], [...here.there.keys()], here.conflicts]).toEqual([[], ["a"], []]);
    expect(sidesOf(here.there)[field]).toBe("here");
    const there = plan({}, { [field]: "new" });
    expect([[...there.here.keys()], [...there.there.keys()], there.conflicts]).toEqual([["a"], [], []]);
    expect(sidesOf(there.here)[field]).toBe("there");
  });

  it("joins a rename here and an edit there without a copy", () => {
    const joined = plan({ name: "Renamed" }, { graph: "edited" });
    expect(joined.conflicts).toEqual([]);
    expect(joined.there.get("a")?.name).toBe("Renamed");
    const others = Object.fromEntries(FIELDS.map((field) => [field, "there"]));
    expect(sidesOf(joined.here)).toEqual({ ...others, name: "here" });
    expect([...joined.here.keys(), ...joined.there.keys()]).toEqual(["a", "a"]);
  });

  it.each(FIELDS)("takes it for no edit of both where both made %s the same", (field) => {
    expect(plan({ [field]: "new" }, { [field]: "new" })).toEqual({ here: new Map(), there: new Map(), conflicts: [] });
  });

  it("takes every difference for an edit of both where nothing was agreed on", () => {
    const both = merge(new Map(), one(version({ graph: "h" })), one(version({ graph: "t" })), rules("there"));
    expect(both.conflicts).toEqual([{ kind: "edited-twice", id: "a", fields: ["graph"], keptAs: "a of here" }]);
    expect([[...both.here.keys()], [...both.there.keys()]]).toEqual([["a", "a of here"], ["a of here"]]);
  });

  it.each(["graph", "name", "description", "details"] as const)(
    "keeps the losing version where both edited %s",
    (field) => {
      for (const later of ["here", "there"] as const) {
        const loser = later === "here" ? "there" : "here";
        const both = plan({ [field]: "here's" }, { [field]: "there's" }, later);
        expect(both.conflicts).toEqual([{ kind: "edited-twice", id: "a", fields: [field], keptAs: `a of ${loser}` }]);
        expect(sidesOf(both[loser])[field]).toBe(later);
        for (const side of [both.here, both.there])
          expect(new Set(Object.values(sidesOf(side, `a of ${loser}`)))).toEqual(new Set([loser]));
      }
    },
  );

  it.each(["project", "endpoint", "lock"] as const)("makes no copy where both set %s: the later one holds", (field) => {
    const both = plan({ [field]: "here's" }, { [field]: "there's" }, "there");
    expect(both.conflicts).toEqual([{ kind: "edited-twice", id: "a", fields: [field] }]);
    expect([[...both.here.keys()], [...both.there.keys()]]).toEqual([["a"], []]);
  });

  it("keeps both versions where each side edited something later than the other", () => {
    const mixed: ConflictRules = { ...rules("here"), isLater: (_, field) => field === "graph" };
    const edited = { here: version({ graph: "h", name: "H" }), there: version({ graph: "t", name: "T" }) };
    const both = merge(one(agreedOn()), one(edited.here), one(edited.there), mixed);
    expect(both.there.get("a")).toMatchObject({ name: "T" });
    expect([...both.there.keys()].sort()).toEqual(["a", "a of here", "a of there"]);
  });

  it.each([
    ["both sides", true, true],
    ["LangFlow alone", true, false],
    ["Git alone", false, true],
  ])("does not keep a version a second time where %s has it", (_, inLangFlow, inGit) => {
    const [kept, copy] = ["a of there", version({ name: "kept" })];
    const beside = (is: boolean) => (is ? [[kept, copy] as const] : []);
    const agreed = new Map([
      ["a", agreedOn()],
      [kept, agreedOn(copy)],
    ]);
    const here = new Map([...beside(inLangFlow), ["a", version({ graph: "h" })]]);
    const there = new Map([...beside(inGit), ["a", version({ graph: "t" })]]);
    const again = merge(agreed, here, there, rules("here"));
    expect(again.conflicts).toEqual([{ kind: "edited-twice", id: "a", fields: ["graph"], keptAs: kept }]);
    // What one side alone has was deleted on the other.
    const deletes = inLangFlow === inGit ? [] : [[kept, undefined]];
    expect([...again.here]).toEqual(inLangFlow ? deletes : []);
    expect([...again.there].filter(([id]) => id !== "a")).toEqual(inGit ? deletes : []);
  });

  it("does not keep a version over a flow that is left as it is", () => {
    const kept = "a of there";
    const both = merge(
      one(agreedOn()),
      one(version({ graph: "h" })),
      one(version({ graph: "t" })),
      rules("here"),
      new Set([kept]),
    );
    expect([[...both.here.keys()], [...both.there.keys()]]).toEqual([[], ["a"]]);
  });

  it("gives a kept copy no endpoint, since the flow itself answers there", () => {
    const both = plan({ graph: "h", endpoint: "e" }, { graph: "t", endpoint: "e" });
    expect(both.there.get("a")?.endpointName).toBe("e");
    expect(both.there.get("a of there")?.endpointName).toBeUndefined();
  });

  it("deletes where the other side is as it was", () => {
    expect([...plan(undefined, {}).there]).toEqual([["a", undefined]]);
    expect([...plan({}, undefined).here]).toEqual([["a", undefined]]);
  });

  it.each(FIELDS)("lets an edit of %s survive a delete, on either side", (field) => {
    const here = plan({ [field]: "new" }, undefined);
    expect([[...here.here.keys()], [...here.there.keys()]]).toEqual([[], ["a"]]);
    expect(here.conflicts).toEqual([{ kind: "edit-survives-delete", id: "a" }]);
    const there = plan(undefined, { [field]: "new" });
    expect([[...there.here.keys()], [...there.there.keys()]]).toEqual([["a"], []]);
  });

  it("deletes nothing that was never agreed on, and calls it no conflict", () => {
    const nothing = new Map<string, Agreed>();
    const here = merge(nothing, one(version()), new Map(), rules("here"));
    expect([[...here.there.keys()], here.conflicts]).toEqual([["a"], []]);
    const there = merge(nothing, new Map(), one(version()), rules("here"));
    expect([[...there.here.keys()], there.conflicts]).toEqual([["a"], []]);
  });

  it("takes a field for edited on both sides where it was never agreed on", () => {
    const { graph: _, ...rest } = agreedOn();
    const both = merge(one(rest), one(version({ graph: "h" })), one(version({ graph: "t" })), rules("here"));
    expect(both.conflicts).toEqual([{ kind: "edited-twice", id: "a", fields: ["graph"], keptAs: "a of there" }]);
  });

  it("lets an edit survive a delete where not every field was agreed on", () => {
    const { graph: _, ...rest } = agreedOn();
    const here = merge(one(rest), one(version()), new Map(), rules("here"));
    expect([[...here.there.keys()], here.conflicts]).toEqual([["a"], [{ kind: "edit-survives-delete", id: "a" }]]);
  });

  it.each([
    ["name", { here: "Report (1)", there: "Report" }],
    ["endpoint", { here: "e1", there: "e" }],
  ] as const)("takes no other %s for an edit that was there when both sides agreed", (field, { here, there }) => {
    const [own, other] = [version({ [field]: here }), version({ [field]: there })];
    const pair = { ...agreedOn(), [field]: { here: own.prints[field], there: other.prints[field] } };
    expect(merge(one(pair), one(own), one(other), rules("here"))).toEqual({
      here: new Map(),
      there: new Map(),
      conflicts: [],
    });
  });

  it("takes both for edited where each side has what the other had", () => {
    const [own, other] = [version({ graph: "ours" }), version({ graph: "theirs" })];
    const pair = { ...agreedOn(), graph: { here: own.prints.graph, there: other.prints.graph } };
    const swapped = merge(one(pair), one(other), one(own), rules("here"));
    expect([[...swapped.here.keys()], [...swapped.there.keys()]]).toEqual([["a of there"], ["a", "a of there"]]);
  });

  it("takes no difference for an edit that was there when both sides agreed", () => {
    const own = version({ graph: "as this release writes it" });
    const pair = { ...agreedOn(), graph: { here: own.prints.graph, there: version().prints.graph } };
    expect(merge(one(pair), one(own), one(version()), rules("here")).here.size).toBe(0);
    const edited = merge(
      one(pair),
      one({ ...own, name: "N", prints: version({ name: "N" }).prints }),
      one(version()),
      rules("here"),
    );
    expect([...edited.here.keys()]).toEqual([]);
  });

  it("writes anew what is untidy, on its own side alone", () => {
    const there = merge(one(agreedOn()), one(version()), one(version({}, { untidy: true })), rules("here"));
    expect([[...there.here.keys()], [...there.there.keys()]]).toEqual([[], ["a"]]);
    const here = merge(one(agreedOn()), one(version({}, { untidy: true })), one(version()), rules("here"));
    expect([[...here.here.keys()], [...here.there.keys()]]).toEqual([["a"], []]);
  });
});

describe("names of a workspace's flows", () => {
  const named = (name: string, endpoint = "") => version({ name, endpoint });

  it("stay with the flow that has them in Git, whatever its id", () => {
    const there = new Map([["z", named("Report", "e")]]);
    const here = new Map([
      ["a", named("Report", "e")],
      ["z", named("Report", "e")],
    ]);
    const {
      there: written,
      here: back,
      conflicts,
    } = merge(new Map([["z", agreedOn(named("Report", "e"))]]), here, there, rules("here"));
    expect(written.get("a")).toMatchObject({ name: "Report (us-east)", endpointName: undefined });
    expect(back.get("a")).toMatchObject({ name: "Report (us-east)", endpointName: undefined });
    expect([written.has("z"), back.has("z")]).toEqual([false, false]);
    expect(conflicts.map(({ kind }) => kind)).toEqual(["name-taken", "endpoint-taken"]);
  });

  it("may be free where the endpoint is not: then the endpoint alone is given up", () => {
    const there = new Map([["z", named("Report", "e")]]);
    const here = new Map([
      ["a", named("Other", "e")],
      ["z", named("Report", "e")],
    ]);
    const plan = merge(new Map([["z", agreedOn(named("Report", "e"))]]), here, there, rules("here"));
    expect(plan.conflicts).toEqual([{ kind: "endpoint-taken", id: "a" }]);
    for (const side of [plan.here, plan.there]) {
      expect([...side.keys()]).toEqual(["a"]);
      expect(side.get("a")).toMatchObject({ name: "Other", endpointName: undefined });
    }
  });

  it("are searched until one is free", () => {
    const there = new Map([
      ["y", named("Report")],
      ["z", named("Report (us-east)")],
    ]);
    const plan = merge(new Map(), one(named("Report")), there, rules("here"));
    expect([plan.there.get("a")?.name, plan.here.get("a")?.name]).toEqual(["Report (us-east 2)", "Report (us-east 2)"]);
  });

  it("of flows that are left alone are nobody else's, endpoints included", () => {
    const frozen = new Set(["z"]);
    const there = new Map([["z", named("Report", "e")]]);
    const plan = merge(new Map(), one(named("Report", "e")), there, rules("here"), frozen);
    expect(plan.there.get("a")).toMatchObject({ name: "Report (us-east)", endpointName: undefined });
    expect([...plan.here.keys(), ...plan.there.keys()]).not.toContain("z");
  });

  it("of a flow that is left alone are nobody else's, though others want other names", () => {
    const there = new Map([["z", version({ name: "Report" })]]);
    const here = new Map([
      ["a", named("Report")],
      ["b", named("Other")],
    ]);
    const plan = merge(new Map(), here, there, rules("here"), new Set(["z"]));
    expect(["a", "b"].map((id) => plan.there.get(id)?.name)).toEqual(["Report (us-east)", "Other"]);
    // That it has no endpoint takes none from the others.
    expect(plan.conflicts).toEqual([{ kind: "name-taken", id: "a" }]);
  });

  it.each([
    ["a", "b", "c"],
    ["c", "b", "a"],
    ["b", "c", "a"],
  ])("go to the lower id where Git has none, listed as %s, %s, %s", (...ids) => {
    const here = new Map(ids.map((id) => [id, named("Report", "e")]));
    const { there } = merge(new Map(), here, new Map(), rules("here"));
    const found = ["a", "b", "c"].map((id) => [there.get(id)?.name, there.get(id)?.endpointName]);
    expect(found).toEqual([
      ["Report", "e"],
      ["Report (us-east)", undefined],
      ["Report (us-east 2)", undefined],
    ]);
  });

  it.each([
    ["a", "z"],
    ["z", "a"],
  ])("go to the flow that has them in Git and not to the lower id, listed as %s, %s", (...ids) => {
    const there = new Map([["z", named("Report", "e")]]);
    const here = new Map(ids.map((id) => [id, named("Report", "e")]));
    const plan = merge(new Map([["z", agreedOn(named("Report", "e"))]]), here, there, rules("here"));
    expect([...plan.here.keys(), ...plan.there.keys()]).toEqual(["a", "a"]);
    expect(plan.there.get("a")).toMatchObject({ name: "Report (us-east)", endpointName: undefined });
  });

  it("may be swapped", () => {
    const agreed = new Map([
      ["a", agreedOn(named("A"))],
      ["b", agreedOn(named("B"))],
    ]);
    const here = new Map([
      ["a", named("A")],
      ["b", named("B")],
    ]);
    const there = new Map([
      ["a", named("B")],
      ["b", named("A")],
    ]);
    const plan = merge(agreed, here, there, rules("here"));
    expect([plan.here.get("a")?.name, plan.here.get("b")?.name, plan.there.size]).toEqual(["B", "A", 0]);
  });
});
