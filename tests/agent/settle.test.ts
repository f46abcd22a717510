import { FIELDS, type Field, type Prints, print } from "../../agent/flows/version";
import type { Agreed } from "../../agent/langflow/flowState";
import type { SideVersion } from "../../agent/sync/plan";
import { isLangFlowsNameFor, settle } from "../../agent/sync/settle";

const prints = (values: Partial<Record<Field, string>> = {}): Prints =>
  Object.fromEntries(FIELDS.map((field) => [field, print(values[field] ?? field)])) as unknown as Prints;
const version = (values: Partial<Record<Field, string>> = {}): SideVersion => ({
  name: values.name ?? "name",
  prints: prints(values),
});
const pairs = (here: Prints, there = here): Agreed =>
  Object.fromEntries(FIELDS.map((field) => [field, { here: here[field], there: there[field] }]));
const never = () => false;
const before = pairs(prints());

describe("what is agreed on after an agent ended somewhere", () => {
  it("is what both sides hold alike, whatever was known of it", () => {
    expect(settle({}, version(), version({ name: "other" }), never).agreed).toEqual({ ...before, name: undefined });
    expect(
      settle({ agreed: before }, version({ graph: "new" }), version({ graph: "new" }), never).agreed?.graph,
    ).toEqual({
      here: print("new"),
      there: print("new"),
    });
  });

  it("is an export where its commit landed, and what it was where it did not", () => {
    const after = pairs(prints({ graph: "exported" }));
    const state = { agreed: before, intent: { kind: "export" as const, commit: "c", agreed: after } };
    const edited = version({ graph: "edited since" });
    expect(settle(state, edited, version({ graph: "others'" }), (commit) => commit === "c").agreed).toEqual(after);
    expect(settle(state, edited, version({ graph: "others'" }), never).agreed).toEqual(before);
  });

  it("is an import field by field, as far as LangFlow holds it, and an edit since then is one", () => {
    const written = prints({ graph: "written", description: "written" });
    const state = { agreed: before, intent: { kind: "import" as const, prints: written, name: "name" } };
    const { agreed } = settle(state, version({ graph: "written", description: "edited since" }), version(), never);
    expect(agreed?.graph).toEqual({ here: print("written"), there: print("written") });
    expect(agreed?.description).toEqual(before.description);
  });

  it("calls no edit what an import only put aside: names, endpoints, an open lock; and has it written anew", () => {
    const state = {
      agreed: before,
      intent: { kind: "import" as const, prints: prints({ graph: "w" }), name: "name", aside: "aside" },
    };
    const { here } = settle(
      state,
      version({ name: "aside", endpoint: "", lock: "open" }),
      version({ graph: "w" }),
      never,
    );
    expect(here).toMatchObject({ prints: prints(), untidy: true });
  });

  it("takes nothing for brought that was only put aside", () => {
    const agreed = pairs(prints({ endpoint: "e" }));
    // The endpoint's name is to go, and gone it is, but so it would be for the moment of a swap.
    const intent = { kind: "import" as const, prints: prints({ endpoint: "" }), name: "name", aside: "aside" };
    const found = settle(
      { agreed, intent },
      version({ name: "aside", endpoint: "" }),
      version({ endpoint: "" }),
      never,
    );
    expect(found.here?.prints.endpoint).toBe(print("e"));
    expect(found.agreed?.name).toEqual({ here: print("name"), there: print("name") });
  });

  it.each([
    ["nothing", undefined],
    ["no name", { graph: { here: print("graph"), there: print("graph") } }],
  ])("lets what was put aside stand where %s was agreed on", (_, agreed) => {
    const intent = { kind: "import" as const, prints: prints(), name: "name", aside: "aside" };
    const aside = version({ name: "aside", endpoint: "", lock: "open" });
    const found = settle({ ...(agreed && { agreed }), intent }, aside, version(), never);
    expect(found.here).toEqual({ ...aside, untidy: true });
  });

  it("calls a lock no edit that an import was to bring, nor one that nothing was agreed about", () => {
    const written = prints({ lock: "closed", graph: "w" });
    const intent = { kind: "import" as const, prints: written, name: "name" };
    const brought = settle({ agreed: before, intent }, version({ lock: "closed" }), version(), never);
    expect(brought.here?.untidy).toBeUndefined();
    expect(brought.agreed?.lock).toEqual({ here: print("closed"), there: print("closed") });
    for (const agreed of [undefined, {}, { graph: { here: print("g"), there: print("g") } }])
      expect(settle({ ...(agreed && { agreed }), intent }, version(), undefined, never).here?.untidy).toBeUndefined();
  });

  it("is nothing where nothing was, and both sides differ in all", () => {
    const other = Object.fromEntries(FIELDS.map((field) => [field, `another ${field}`]));
    expect(settle({}, version(), version(other), never).agreed).toBeUndefined();
  });

  it("is what both hold by now, where one side alone came to hold it", () => {
    const pair = { ...before, graph: { here: print("new"), there: print("old") } };
    const both = { here: print("new"), there: print("new") };
    expect(settle({ agreed: pair }, version({ graph: "new" }), version({ graph: "new" }), never).agreed?.graph).toEqual(
      both,
    );
  });

  it("calls no edit the lock that a delete closed, and an edit what is more than that", () => {
    const state = { agreed: before, intent: { kind: "delete" as const } };
    expect(settle(state, version({ lock: "closed" }), undefined, never).here).toMatchObject({
      prints: prints(),
      untidy: true,
    });
    expect(settle(state, version(), undefined, never).here?.untidy).toBeUndefined();
    expect(settle(state, version({ lock: "closed", graph: "edited" }), undefined, never).here?.prints.graph).toBe(
      print("edited"),
    );
  });

  it("calls it no edit where LangFlow gave a new flow another name, and tries the name again", () => {
    const intent = { kind: "import" as const, prints: prints(), name: "name" };
    const renamed = settle({ intent }, version({ name: "name (1)" }), version(), never).agreed;
    expect(renamed?.name).toEqual({ here: print("name (1)"), there: "" });
    expect(settle({ intent }, version({ name: "by a user" }), version(), never).agreed?.name).toBeUndefined();
    expect(settle({ agreed: before, intent }, version({ name: "name (1)" }), version(), never).agreed?.name).toEqual(
      before.name,
    );
  });

  it("knows LangFlow's own way to make a name free, and no other", () => {
    expect(["Report (1)", "Report (12)"].every((found) => isLangFlowsNameFor("Report", found))).toBe(true);
    const others = ["Report", "Report (x)", "Report (1", "Report (1) (2)", "Reports (1)", "Retort (1)", "Report ()"];
    expect(others.some((found) => isLangFlowsNameFor("Report", found))).toBe(false);
  });
});
