import { FIELDS, type Field, type Prints, print } from "../../agent/flows/version";
import type { GitFlow } from "../../agent/git/snapshot";
import type { Agreed } from "../../agent/langflow/flowState";
import type { FlowRow } from "../../agent/langflow/store";
import { conflictRulesOf, stampInLangFlow } from "../../agent/sync/conflictRules";
import { commitMessage } from "../../agent/sync/edits";
import type { FlowInLangFlow } from "../../agent/sync/sides";
import { MemoryHost, MemoryRepository } from "./doubles/memoryHost";

const [A, B] = ["1b7e2c58-3a1d-4c0e-8f43-6d9a0b5c7e21", "2b7e2c58-3a1d-4c0e-8f43-6d9a0b5c7e21"] as const;
const at = (minute: number) => Date.UTC(2026, 0, 1, 0, minute);
const NOW = at(60);
const prints = (values: Partial<Record<Field, string>> = {}) =>
  Object.fromEntries(FIELDS.map((field) => [field, print(values[field] ?? field)])) as unknown as Prints;
const BEFORE: Agreed = Object.fromEntries(
  FIELDS.map((field) => [field, { langflow: print(field), git: print(field) }]),
);

/** A flow as LangFlow has it. */
function inLangFlow(id: string, graph: string, row: Partial<FlowRow> = {}): FlowInLangFlow {
  const name = "Report";
  return { name, prints: prints({ graph }), row: { id, revision: "1", name, editedAt: {}, updatedAt: at(1), ...row } };
}
const inGit = (id: string, graph: string): GitFlow => ({
  name: "Report",
  prints: prints({ graph }),
  path: `default/${id}.json`,
  blob: "",
});

/** A region whose repository has the given commits, each of one flow. */
function region(commits: readonly { id: string; minute: number; by: string }[] = []) {
  const host = new MemoryHost(() => NOW);
  for (const [index, { id, minute, by }] of commits.entries()) {
    const stamps = Object.fromEntries(FIELDS.map((field) => [field, { at: at(minute), by }]));
    const author = { author: `langflow-dr ${by}`, authoredAt: at(minute), committedAt: at(minute) };
    const changes = new Map([[inGit(id, "").path, host.put(`${index}`)]]);
    host.head = host.add(host.head, changes, commitMessage(by, [{ id, name: "Report", stamps }]), author);
  }
  const repository = new MemoryRepository(host, "us-east");
  const asked = jest.spyOn(repository, "lastChange");
  return { name: "us-east", repository, onClockAhead: jest.fn(), head: host.head, asked };
}

const judged = (
  own: ReturnType<typeof region>,
  langflow: Record<string, FlowInLangFlow>,
  git: Record<string, GitFlow>,
  agreed = new Map(Object.keys(git).map((id) => [id, BEFORE])),
) =>
  conflictRulesOf(
    own,
    own.head,
    { langflow: new Map(Object.entries(langflow)), git: new Map(Object.entries(git)), agreed },
    NOW,
  );

describe("who edited a field later", () => {
  const git = (minute: number) => region([{ id: A, minute, by: "eu-west" }]);
  const isLater = async (own: ReturnType<typeof region>, row: Partial<FlowRow>, ours = "ours", theirs = "theirs") => {
    const [h, t] = [inLangFlow(A, ours, row), inGit(A, theirs)];
    return (await judged(own, { [A]: h }, { [A]: t })).isLater(A, "graph", h, t);
  };

  it("is told by LangFlow's row and by Git's commits, field by field", async () => {
    expect(await isLater(git(5), { editedAt: { graph: at(6), name: at(2) } })).toBe(true);
    expect(await isLater(git(5), { editedAt: { graph: at(4), name: at(9) } })).toBe(false);
  });

  it("is told by the row's own time where nothing is known of a field", async () => {
    expect(await isLater(git(5), { editedAt: { name: at(2) }, updatedAt: at(6) })).toBe(true);
    expect(await isLater(git(5), { editedAt: { name: at(9) }, updatedAt: at(4) })).toBe(false);
  });

  it("is told by what they wrote where both did in the same moment: each region decides alike", async () => {
    const same = { editedAt: { graph: at(5) } };
    const ours = await isLater(git(5), same, "ours", "theirs");
    expect(ours).toBe(print("ours") > print("theirs"));
    expect(await isLater(git(5), same, "theirs", "ours")).toBe(!ours);
  });

  it("is not whose clock is ahead: no edit is later than now", async () => {
    const own = region([{ id: A, minute: 60, by: "eu-west" }]);
    const [h, t] = [inLangFlow(A, "ours", { editedAt: { graph: at(90) } }), inGit(A, "theirs")];
    expect(stampInLangFlow("us-east", { langflow: new Map([[A, h]]) }, A, "graph", NOW)).toEqual({
      at: NOW,
      by: "us-east",
    });
    expect((await judged(own, { [A]: h }, { [A]: t })).isLater(A, "graph", h, t)).toBe(h.prints.graph > t.prints.graph);
  });

  it("is LangFlow's user where Git has no history of the flow", async () => {
    expect(await isLater(region(), {})).toBe(true);
    expect(await isLater(region([{ id: B, minute: 5, by: "eu-west" }]), {})).toBe(true);
  });

  it("is asked of Git for the flows alone that both sides edited", async () => {
    const own = region([
      { id: A, minute: 5, by: "eu-west" },
      { id: B, minute: 6, by: "eu-west" },
    ]);
    await judged(own, { [A]: inLangFlow(A, "ours"), [B]: inLangFlow(B, "ours") }, { [B]: inGit(B, "theirs") });
    expect(own.asked.mock.calls).toEqual([[own.head, `default/${B}.json`]]);
    own.asked.mockClear();
    await conflictRulesOf(
      own,
      undefined,
      { langflow: new Map([[B, inLangFlow(B, "ours")]]), git: new Map([[B, inGit(B, "theirs")]]), agreed: new Map() },
      NOW,
    );
    await judged(own, { [A]: inLangFlow(A, "ours") }, { [A]: inGit(A, "graph"), [B]: inGit(B, "theirs") });
    expect(own.asked).not.toHaveBeenCalled();
  });

  it("is not known of a flow that is not in LangFlow", () => {
    expect(stampInLangFlow("us-east", { langflow: new Map() }, A, "graph", NOW)).toBeUndefined();
  });
});

describe("a kept copy", () => {
  const own = () => region([{ id: A, minute: 5, by: "eu west" }]);
  const flows = (row: Partial<FlowRow> = {}) => ({ h: inLangFlow(A, "ours", row), t: inGit(A, "theirs") });
  const keeper = async ({ h, t }: ReturnType<typeof flows>) => judged(own(), { [A]: h }, { [A]: t });

  it("is called by region and time of the latest edit that lost", async () => {
    const both = flows({ editedAt: { graph: at(3), name: at(7), details: at(4) } });
    const rules = await keeper(both);
    expect(rules.keep(A, ["graph", "name", "details"], both.h, "langflow").name).toBe(
      "Report (us-east 2026-01-01 00:07:00)",
    );
    expect(rules.keep(A, ["name", "graph"], both.h, "langflow").name).toBe("Report (us-east 2026-01-01 00:07:00)");
    expect(rules.keep(A, ["graph"], both.h, "langflow").name).toBe("Report (us-east 2026-01-01 00:03:00)");
    expect(rules.keep(A, ["graph"], both.t, "git").name).toBe("Report (eu west 2026-01-01 00:05:00)");
  });

  it("is called by Git where nobody is known", async () => {
    const both = flows();
    const rules = await judged(region(), { [A]: both.h }, { [A]: both.t });
    expect(rules.keep(A, ["graph"], both.t, "git").name).toBe("Report (git 1970-01-01 00:00:00)");
    expect(rules.keep(A, [], both.t, "git").name).toBe("Report (git 1970-01-01 00:00:00)");
  });

  it("has the same id for the same contents, in whatever project, and another for others", async () => {
    const both = flows();
    const rules = await keeper(both);
    const id = (values: Partial<Record<Field, string>>) =>
      rules.keep(A, ["graph"], { name: "Report", prints: prints(values) }, "langflow").id;
    expect(id({ project: "Sales" })).toBe(id({}));
    for (const field of FIELDS.filter((each) => each !== "project")) expect(id({ [field]: "new" })).not.toBe(id({}));
    // Every release must say the same.
    expect(id({})).toBe("be7f71c7-e705-81d5-8719-f4344d70ac5b");
    expect(id({ graph: "g", name: "" })).not.toBe(id({ graph: "", name: "g" }));
  });
});

describe("a name that is taken", () => {
  it("gets the region's, and a number from the second try on", async () => {
    const { rename } = await judged(region(), {}, {});
    expect([1, 2, 3].map((attempt) => rename("Report", attempt))).toEqual([
      "Report (us-east)",
      "Report (us-east 2)",
      "Report (us-east 3)",
    ]);
  });
});
