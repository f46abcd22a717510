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
  Object.fromEntries(FIELDS.map((field) => [field, { langflow: prints[field], git: prints[field] }]));

/** Whose edits are later. */
const rules = (later: "langflow" | "git"): ConflictRules => ({
  isLater: () => later === "langflow",
  keep: (id, _, { name }, side) => ({ id: `${id} of ${side}`, name: `${name} (${side})` }),
  rename: (name, attempt) => `${name} (us-east${attempt === 1 ? "" : ` ${attempt}`})`,
});

const one = <V>(value: V) => new Map([["a", value]]);
const plan = (langflow: Values | undefined, git: Values | undefined, later: "langflow" | "git" = "langflow") =>
  merge(
    one(agreedOn()),
    new Map(langflow ? [["a", version(langflow)]] : []),
    new Map(git ? [["a", version(git)]] : []),
    rules(later),
  );
const sidesOf = (wanted: ReturnType<typeof plan>["langflow"], id = "a") =>
  Object.fromEntries(Object.entries(wanted.get(id)?.sources ?? {}).map(([field, { side }]) => [field, side]));

describe("merging one flow", () => {
  it("changes nothing where both sides are as they were", () => {
    expect(plan({}, {})).toEqual({ langflow: new Map(), git: new Map(), conflicts: [] });
  });

  it.each(FIELDS)("takes %s from the one side that changed it, and writes the other side alone", (field) => {
    const langflow = plan({ [field]: "new" }, {});
    expect([[...langflow.langflow.keys()], [...langflow.git.keys()], langflow.conflicts]).toEqual([[], ["a"], []]);
    expect(sidesOf(langflow.git)[field]).toBe("langflow");
    const git = plan({}, { [field]: "new" });
    expect([[...git.langflow.keys()], [...git.git.keys()], git.conflicts]).toEqual([["a"], [], []]);
    expect(sidesOf(git.langflow)[field]).toBe("git");
  });

  it("joins a rename in LangFlow and an edit in Git without a copy", () => {
    const joined = plan({ name: "Renamed" }, { graph: "edited" });
    expect(joined.conflicts).toEqual([]);
    expect(joined.git.get("a")?.name).toBe("Renamed");
    const others = Object.fromEntries(FIELDS.map((field) => [field, "git"]));
    expect(sidesOf(joined.langflow)).toEqual({ ...others, name: "langflow" });
    expect([...joined.langflow.keys(), ...joined.git.keys()]).toEqual(["a", "a"]);
  });

  it.each(FIELDS)("takes it for no edit of both where both made %s the same", (field) => {
    expect(plan({ [field]: "new" }, { [field]: "new" })).toEqual({
      langflow: new Map(),
      git: new Map(),
      conflicts: [],
    });
  });

  it("takes every difference for an edit of both where nothing was agreed on", () => {
    const both = merge(new Map(), one(version({ graph: "h" })), one(version({ graph: "t" })), rules("git"));
    expect(both.conflicts).toEqual([{ kind: "edited-twice", id: "a", fields: ["graph"], keptAs: "a of langflow" }]);
    expect([[...both.langflow.keys()], [...both.git.keys()]]).toEqual([["a", "a of langflow"], ["a of langflow"]]);
  });

  it.each(["graph", "name", "description", "details"] as const)(
    "keeps the losing version where both edited %s",
    (field) => {
      for (const later of ["langflow", "git"] as const) {
        const loser = later === "langflow" ? "git" : "langflow";
        const both = plan({ [field]: "langflow's" }, { [field]: "git's" }, later);
        expect(both.conflicts).toEqual([{ kind: "edited-twice", id: "a", fields: [field], keptAs: `a of ${loser}` }]);
        expect(sidesOf(both[loser])[field]).toBe(later);
        for (const side of [both.langflow, both.git])
          expect(new Set(Object.values(sidesOf(side, `a of ${loser}`)))).toEqual(new Set([loser]));
      }
    },
  );

  it.each(["project", "endpoint", "lock"] as const)("makes no copy where both set %s: the later one holds", (field) => {
    const both = plan({ [field]: "langflow's" }, { [field]: "git's" }, "git");
    expect(both.conflicts).toEqual([{ kind: "edited-twice", id: "a", fields: [field] }]);
    expect([[...both.langflow.keys()], [...both.git.keys()]]).toEqual([["a"], []]);
  });

  it("keeps both versions where each side edited something later than the other", () => {
    const mixed: ConflictRules = { ...rules("langflow"), isLater: (_, field) => field === "graph" };
    const edited = { langflow: version({ graph: "h", name: "H" }), git: version({ graph: "t", name: "T" }) };
    const both = merge(one(agreedOn()), one(edited.langflow), one(edited.git), mixed);
    expect(both.git.get("a")).toMatchObject({ name: "T" });
    expect([...both.git.keys()].sort()).toEqual(["a", "a of git", "a of langflow"]);
  });

  it.each([
    ["both sides", true, true],
    ["LangFlow alone", true, false],
    ["Git alone", false, true],
  ])("does not keep a version a second time where %s has it", (_, inLangFlow, inGit) => {
    const [kept, copy] = ["a of git", version({ name: "kept" })];
    const beside = (is: boolean) => (is ? [[kept, copy] as const] : []);
    const agreed = new Map([
      ["a", agreedOn()],
      [kept, agreedOn(copy)],
    ]);
    const langflow = new Map([...beside(inLangFlow), ["a", version({ graph: "h" })]]);
    const git = new Map([...beside(inGit), ["a", version({ graph: "t" })]]);
    const again = merge(agreed, langflow, git, rules("langflow"));
    expect(again.conflicts).toEqual([{ kind: "edited-twice", id: "a", fields: ["graph"], keptAs: kept }]);
    // What one side alone has was deleted on the other.
    const deletes = inLangFlow === inGit ? [] : [[kept, undefined]];
    expect([...again.langflow]).toEqual(inLangFlow ? deletes : []);
    expect([...again.git].filter(([id]) => id !== "a")).toEqual(inGit ? deletes : []);
  });

  it("does not keep a version over a flow that is left as it is", () => {
    const kept = "a of git";
    const both = merge(
      one(agreedOn()),
      one(version({ graph: "h" })),
      one(version({ graph: "t" })),
      rules("langflow"),
      new Set([kept]),
    );
    expect([[...both.langflow.keys()], [...both.git.keys()]]).toEqual([[], ["a"]]);
  });

  it("gives a kept copy no endpoint, since the flow itself answers there", () => {
    const both = plan({ graph: "h", endpoint: "e" }, { graph: "t", endpoint: "e" });
    expect(both.git.get("a")?.endpointName).toBe("e");
    expect(both.git.get("a of git")?.endpointName).toBeUndefined();
  });

  it("deletes where the other side is as it was", () => {
    expect([...plan(undefined, {}).git]).toEqual([["a", undefined]]);
    expect([...plan({}, undefined).langflow]).toEqual([["a", undefined]]);
  });

  it.each(FIELDS)("lets an edit of %s survive a delete, on either side", (field) => {
    const langflow = plan({ [field]: "new" }, undefined);
    expect([[...langflow.langflow.keys()], [...langflow.git.keys()]]).toEqual([[], ["a"]]);
    expect(langflow.conflicts).toEqual([{ kind: "edit-survives-delete", id: "a" }]);
    const git = plan(undefined, { [field]: "new" });
    expect([[...git.langflow.keys()], [...git.git.keys()]]).toEqual([["a"], []]);
  });

  it("deletes nothing that was never agreed on, and calls it no conflict", () => {
    const nothing = new Map<string, Agreed>();
    const langflow = merge(nothing, one(version()), new Map(), rules("langflow"));
    expect([[...langflow.git.keys()], langflow.conflicts]).toEqual([["a"], []]);
    const git = merge(nothing, new Map(), one(version()), rules("langflow"));
    expect([[...git.langflow.keys()], git.conflicts]).toEqual([["a"], []]);
  });

  it("takes a field for edited on both sides where it was never agreed on", () => {
    const { graph: _, ...rest } = agreedOn();
    const both = merge(one(rest), one(version({ graph: "h" })), one(version({ graph: "t" })), rules("langflow"));
    expect(both.conflicts).toEqual([{ kind: "edited-twice", id: "a", fields: ["graph"], keptAs: "a of git" }]);
  });

  it("lets an edit survive a delete where not every field was agreed on", () => {
    const { graph: _, ...rest } = agreedOn();
    const langflow = merge(one(rest), one(version()), new Map(), rules("langflow"));
    expect([[...langflow.git.keys()], langflow.conflicts]).toEqual([
      ["a"],
      [{ kind: "edit-survives-delete", id: "a" }],
    ]);
  });

  it.each([
    ["name", { langflow: "Report (1)", git: "Report" }],
    ["endpoint", { langflow: "e1", git: "e" }],
  ] as const)("takes no other %s for an edit that was there when both sides agreed", (field, { langflow, git }) => {
    const [own, other] = [version({ [field]: langflow }), version({ [field]: git })];
    const pair = { ...agreedOn(), [field]: { langflow: own.prints[field], git: other.prints[field] } };
    expect(merge(one(pair), one(own), one(other), rules("langflow"))).toEqual({
      langflow: new Map(),
      git: new Map(),
      conflicts: [],
    });
  });

  it("takes both for edited where each side has what the other had", () => {
    const [own, other] = [version({ graph: "ours" }), version({ graph: "theirs" })];
    const pair = { ...agreedOn(), graph: { langflow: own.prints.graph, git: other.prints.graph } };
    const swapped = merge(one(pair), one(other), one(own), rules("langflow"));
    expect([[...swapped.langflow.keys()], [...swapped.git.keys()]]).toEqual([["a of git"], ["a", "a of git"]]);
  });

  it("takes no difference for an edit that was there when both sides agreed", () => {
    const own = version({ graph: "as this release writes it" });
    const pair = { ...agreedOn(), graph: { langflow: own.prints.graph, git: version().prints.graph } };
    expect(merge(one(pair), one(own), one(version()), rules("langflow")).langflow.size).toBe(0);
    const edited = merge(
      one(pair),
      one({ ...own, name: "N", prints: version({ name: "N" }).prints }),
      one(version()),
      rules("langflow"),
    );
    expect([...edited.langflow.keys()]).toEqual([]);
  });

  it("writes anew what is untidy, on its own side alone", () => {
    const git = merge(one(agreedOn()), one(version()), one(version({}, { untidy: true })), rules("langflow"));
    expect([[...git.langflow.keys()], [...git.git.keys()]]).toEqual([[], ["a"]]);
    const langflow = merge(one(agreedOn()), one(version({}, { untidy: true })), one(version()), rules("langflow"));
    expect([[...langflow.langflow.keys()], [...langflow.git.keys()]]).toEqual([["a"], []]);
  });
});

describe("names of a workspace's flows", () => {
  const named = (name: string, endpoint = "") => version({ name, endpoint });

  it("stay with the flow that has them in Git, whatever its id", () => {
    const git = new Map([["z", named("Report", "e")]]);
    const langflow = new Map([
      ["a", named("Report", "e")],
      ["z", named("Report", "e")],
    ]);
    const {
      git: written,
      langflow: back,
      conflicts,
    } = merge(new Map([["z", agreedOn(named("Report", "e"))]]), langflow, git, rules("langflow"));
    expect(written.get("a")).toMatchObject({ name: "Report (us-east)", endpointName: undefined });
    expect(back.get("a")).toMatchObject({ name: "Report (us-east)", endpointName: undefined });
    expect([written.has("z"), back.has("z")]).toEqual([false, false]);
    expect(conflicts.map(({ kind }) => kind)).toEqual(["name-taken", "endpoint-taken"]);
  });

  it("may be free where the endpoint is not: then the endpoint alone is given up", () => {
    const git = new Map([["z", named("Report", "e")]]);
    const langflow = new Map([
      ["a", named("Other", "e")],
      ["z", named("Report", "e")],
    ]);
    const plan = merge(new Map([["z", agreedOn(named("Report", "e"))]]), langflow, git, rules("langflow"));
    expect(plan.conflicts).toEqual([{ kind: "endpoint-taken", id: "a" }]);
    for (const side of [plan.langflow, plan.git]) {
      expect([...side.keys()]).toEqual(["a"]);
      expect(side.get("a")).toMatchObject({ name: "Other", endpointName: undefined });
    }
  });

  it("are searched until one is free", () => {
    const git = new Map([
      ["y", named("Report")],
      ["z", named("Report (us-east)")],
    ]);
    const plan = merge(new Map(), one(named("Report")), git, rules("langflow"));
    expect([plan.git.get("a")?.name, plan.langflow.get("a")?.name]).toEqual([
      "Report (us-east 2)",
      "Report (us-east 2)",
    ]);
  });

  it("of flows that are left alone are nobody else's, endpoints included", () => {
    const frozen = new Set(["z"]);
    const git = new Map([["z", named("Report", "e")]]);
    const plan = merge(new Map(), one(named("Report", "e")), git, rules("langflow"), frozen);
    expect(plan.git.get("a")).toMatchObject({ name: "Report (us-east)", endpointName: undefined });
    expect([...plan.langflow.keys(), ...plan.git.keys()]).not.toContain("z");
  });

  it("of a flow that is left alone are nobody else's, though others want other names", () => {
    const git = new Map([["z", version({ name: "Report" })]]);
    const langflow = new Map([
      ["a", named("Report")],
      ["b", named("Other")],
    ]);
    const plan = merge(new Map(), langflow, git, rules("langflow"), new Set(["z"]));
    expect(["a", "b"].map((id) => plan.git.get(id)?.name)).toEqual(["Report (us-east)", "Other"]);
    // That it has no endpoint takes none from the others.
    expect(plan.conflicts).toEqual([{ kind: "name-taken", id: "a" }]);
  });

  it.each([
    ["a", "b", "c"],
    ["c", "b", "a"],
    ["b", "c", "a"],
  ])("go to the lower id where Git has none, listed as %s, %s, %s", (...ids) => {
    const langflow = new Map(ids.map((id) => [id, named("Report", "e")]));
    const { git } = merge(new Map(), langflow, new Map(), rules("langflow"));
    const found = ["a", "b", "c"].map((id) => [git.get(id)?.name, git.get(id)?.endpointName]);
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
    const git = new Map([["z", named("Report", "e")]]);
    const langflow = new Map(ids.map((id) => [id, named("Report", "e")]));
    const plan = merge(new Map([["z", agreedOn(named("Report", "e"))]]), langflow, git, rules("langflow"));
    expect([...plan.langflow.keys(), ...plan.git.keys()]).toEqual(["a", "a"]);
    expect(plan.git.get("a")).toMatchObject({ name: "Report (us-east)", endpointName: undefined });
  });

  it("may be swapped", () => {
    const agreed = new Map([
      ["a", agreedOn(named("A"))],
      ["b", agreedOn(named("B"))],
    ]);
    const langflow = new Map([
      ["a", named("A")],
      ["b", named("B")],
    ]);
    const git = new Map([
      ["a", named("B")],
      ["b", named("A")],
    ]);
    const plan = merge(agreed, langflow, git, rules("langflow"));
    expect([plan.langflow.get("a")?.name, plan.langflow.get("b")?.name, plan.git.size]).toEqual(["B", "A", 0]);
  });
});
