import { lockPrint } from "../../agent/flows/flowFile";
import { FIELDS, type Field, type Prints, print } from "../../agent/flows/version";
import type { Agreed } from "../../agent/langflow/flowState";
import type { SideVersion } from "../../agent/sync/plan";
import { asideName, isLangFlowsNameFor, settle as settleFlow } from "../../agent/sync/settle";

const ID = "1b7e2c58-3a1d-4c0e-8f43-6d9a0b5c7e21";
type Arguments = Parameters<typeof settleFlow> extends [string, ...infer Rest] ? Rest : never;
const settle = (...rest: Arguments) => settleFlow(ID, ...rest);

const prints = (values: Partial<Record<Field, string>> = {}): Prints =>
  Object.fromEntries(FIELDS.map((field) => [field, print(values[field] ?? field)])) as unknown as Prints;
const version = (values: Partial<Record<Field, string>> = {}): SideVersion => ({
  name: values.name ?? "name",
  prints: prints(values),
});
const pairs = (langflow: Prints, git = langflow): Agreed =>
  Object.fromEntries(FIELDS.map((field) => [field, { langflow: langflow[field], git: git[field] }]));
const never = () => false;
const before = pairs(prints());

describe("what is agreed on after an agent ended somewhere", () => {
  it("is what both sides hold alike, whatever was known of it", () => {
    expect(settle({}, version(), version({ name: "other" }), never).agreed).toEqual({ ...before, name: undefined });
    expect(
      settle({ agreed: before }, version({ graph: "new" }), version({ graph: "new" }), never).agreed?.graph,
    ).toEqual({
      langflow: print("new"),
      git: print("new"),
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
    expect(agreed?.graph).toEqual({ langflow: print("written"), git: print("written") });
    expect(agreed?.description).toEqual(before.description);
  });

  it("calls no edit what was only put aside, whoever did it and however long ago: it is written anew", () => {
    const aside = version({ name: asideName(ID), endpoint: "", lock: "open" });
    for (const intent of [undefined, { kind: "import" as const, prints: prints({ graph: "w" }), name: "name" }]) {
      const { agreed, langflow } = settle({ agreed: before, ...(intent && { intent }) }, aside, version(), never);
      for (const field of ["name", "endpoint", "lock"] as const)
        expect(agreed?.[field]).toEqual({ langflow: aside.prints[field], git: "" });
      expect([agreed?.graph, langflow]).toEqual([before.graph, aside]);
    }
    expect(settle({ agreed: before }, version({ name: asideName("another") }), version(), never).agreed).toEqual(
      before,
    );
  });

  it("takes a lock for ours only where we were about to turn it, and then has it put right", () => {
    const [open, closed] = [false, true].map((locked) => ({
      name: "name",
      prints: { ...prints(), lock: lockPrint(locked) },
    })) as [SideVersion, SideVersion];
    const agreed = pairs(closed.prints);
    const opening = { kind: "import" as const, prints: closed.prints, name: "name" };
    expect(settle({ agreed, intent: { ...opening, locked: false } }, open, closed, never).langflow).toEqual({
      ...closed,
      untidy: true,
    });
    expect(settle({ agreed, intent: opening }, open, closed, never).langflow).toEqual(open);
    expect(settle({ agreed, intent: { ...opening, locked: true } }, open, closed, never).langflow).toEqual(open);
    for (const lacking of [undefined, { graph: agreed.graph }])
      expect(settle({ agreed: lacking, intent: { ...opening, locked: false } }, open, closed, never).langflow).toEqual(
        open,
      );
    expect(settle({ agreed, intent: { ...opening, locked: true } }, closed, closed, never).langflow).toEqual(closed);
  });

  it("is what it was of a flow that is not in LangFlow, or of one that a delete has not touched", () => {
    for (const intent of [
      { kind: "delete" as const, locked: true },
      { kind: "import" as const, prints: prints({ graph: "w" }), name: "name" },
    ])
      expect(settle({ agreed: before, intent }, undefined, version(), never)).toEqual({ agreed: before });
    const intent = { kind: "delete" as const };
    expect(settle({ agreed: before, intent }, version({ graph: "edited" }), version(), never).agreed).toEqual(before);
  });

  it("is the very same where nothing is new, so that it is known without a look at each field", () => {
    expect(settle({ agreed: before }, version(), version(), never).agreed).toBe(before);
    const partly = { graph: before.graph };
    expect(settle({ agreed: partly }, version(), version(), never).agreed).toEqual(before);
    const half = { ...before, graph: { langflow: print("graph"), git: "" } };
    expect(settle({ agreed: half }, version(), version(), never).agreed).toEqual(before);
  });

  it("is nothing where nothing was, and both sides differ in all", () => {
    const other = Object.fromEntries(FIELDS.map((field) => [field, `another ${field}`]));
    expect(settle({}, version(), version(other), never).agreed).toBeUndefined();
  });

  it("is what both hold by now, where one side alone came to hold it", () => {
    const pair = { ...before, graph: { langflow: print("new"), git: print("old") } };
    const both = { langflow: print("new"), git: print("new") };
    expect(settle({ agreed: pair }, version({ graph: "new" }), version({ graph: "new" }), never).agreed?.graph).toEqual(
      both,
    );
  });

  it("calls no edit the lock that a delete closed, and an edit what is more than that", () => {
    const agreed = pairs({ ...prints(), lock: lockPrint(false) });
    const state = { agreed, intent: { kind: "delete" as const, locked: true } };
    const found = { name: "name", prints: { ...prints({ graph: "edited" }), lock: lockPrint(true) } };
    const { langflow } = settle(state, found, undefined, never);
    expect([langflow?.untidy, langflow?.prints.lock, langflow?.prints.graph]).toEqual([
      true,
      lockPrint(false),
      print("edited"),
    ]);
  });

  it("calls it no edit where LangFlow gave a new flow another name, and tries the name again", () => {
    const intent = { kind: "import" as const, prints: prints(), name: "name" };
    const renamed = settle({ intent }, version({ name: "name (1)" }), version(), never).agreed;
    expect(renamed?.name).toEqual({ langflow: print("name (1)"), git: "" });
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
