import type { Outcome } from "../../../fleet/rehearsal/outcome";
import type { CopiedFlow } from "../../../fleet/rehearsal/stage";
import { OldAfter } from "../../../fleet/upgrade/oldAfter";
import { exportedFlow } from "../../../formats/flows/flowFile";

const FLOW: CopiedFlow = {
  file: exportedFlow(
    { id: "aaaaaaaa-0000-4000-8000-000000000001", name: "Agent", data: { nodes: [], edges: [] } },
    { variables: new Set() },
  ),
  variables: new Set(),
  doubled: { data: null, doubles: [] },
};
const answers = (text: string): Outcome => ({ kind: "answered", outputs: [{ component: "ChatOutput-1", text }] });
const FAILS: Outcome = { kind: "failed", message: "no such column" };

/**
 * Runs a flow in an old LangFlow that answered `before` earlier and now gives these answers in order. Returns the
 * verdict.
 */
async function said(before: Outcome | undefined, ...then: readonly Outcome[]) {
  const sessions: string[] = [];
  const run = async (_: CopiedFlow, session: string) => {
    sessions.push(session);
    return then[sessions.length - 1] as Outcome;
  };
  const old = new OldAfter({ run }, new Map(before ? [[FLOW, before]] : []), () => false);
  const told = await old.run(FLOW, "rehearsal");
  expect(new Set(sessions).size).toBe(sessions.length);
  return { told, verdict: old.verdicts.get(FLOW), times: sessions.length };
}

describe("the old LangFlow on the migrated database", () => {
  it("is compared with its own answers from before the migration", async () => {
    expect(await said(answers("x"), answers("x"))).toEqual({
      told: answers("x"),
      verdict: { result: "same", said: "" },
      times: 1,
    });
  });

  it("differs if it fails on the migrated database", async () => {
    const { told, verdict } = await said(answers("x"), FAILS);
    expect(told).toEqual(answers("x"));
    expect(verdict).toMatchObject({
      result: "differs",
      said: "fails in the old version after the migration",
      new: "no such column",
    });
  });

  it("differs if it gives a different answer twice, but not if its answer changes on every run", async () => {
    expect((await said(answers("x"), answers("y"), answers("y"))).verdict).toMatchObject({
      result: "differs",
      said: "in the old version, after the migration: different answer of ChatOutput-1",
    });
    expect((await said(answers("x"), answers("y"), answers("z"))).verdict?.result).toBe("not known");
  });

  it("runs no flow after the flow that crashed it, and the other flows get the result `not known`", async () => {
    const other = { ...FLOW };
    let hasEnded = false;
    const run = async () => {
      hasEnded = true;
      return FAILS;
    };
    const before = new Map([FLOW, other].map((flow) => [flow, answers("x")]));
    const old = new OldAfter({ run }, before, () => hasEnded);
    expect([await old.run(FLOW, "one"), await old.run(other, "two")]).toEqual([answers("x"), answers("x")]);
    expect(old.verdicts.get(FLOW)?.result).toBe("differs");
    expect(old.verdicts.get(other)).toEqual({
      result: "not known",
      said: "the old LangFlow had exited during an earlier flow",
    });
  });

  it("gets no verdict on a flow that had no answer before the migration", async () => {
    expect((await said(undefined, answers("y"))).verdict?.result).toBe("not run");
  });
});
