import { countsOf } from "../../../fleet/rehearsal/flowChapters";
import type { Step } from "../../../fleet/upgrade/steps";
import type { UpgradedFlow, UpgradeRehearsal } from "../../../fleet/upgrade/upgradeRehearsal";

const SAME = { result: "same", said: "" } as const;
const STEPS: readonly Step[] = [
  {
    name: "backup restored",
    result: "passed",
    seconds: 2.1,
    said: "12 users, 40 flows, 3.1 MB of 20261129T041500123Z",
  },
  { name: "migrations", result: "passed", seconds: 14.2, said: "from f7a9c2d4e6b8 to f9d3b7a5c201" },
  {
    name: "users meanwhile",
    result: "warning",
    seconds: 0,
    said: "30 of 31 requests to the old LangFlow succeeded",
  },
  { name: "adopt", result: "passed", seconds: 0.1, said: "the agent supports the schema" },
  { name: "new LangFlow starts", result: "passed", seconds: 12, said: "LangFlow 1.13.0" },
];

const flow = (name: string, more: Partial<UpgradedFlow> = {}): UpgradedFlow => ({
  id: name,
  name,
  user: "bea",
  from: "backup",
  result: "same",
  loaded: SAME,
  opened: SAME,
  run: SAME,
  oldAfter: SAME,
  doubles: [],
  ...more,
});

export const DIFFERING = flow("Agent <of bea's>", {
  result: "differs",
  oldAfter: {
    result: "differs",
    said: "fails in the old version after the migration",
    old: "MockLLM 3c372422: Hello, what is new?",
    new: "no such column",
  },
});
export const STARTER = flow("Simple Agent", {
  from: "starter",
  result: "changes",
  opened: { result: "changes", said: "gone: FAISS" },
});

/** Returns a rehearsal with these flows. @param stopped whether its last step failed */
export function sampleUpgrade(flows: readonly UpgradedFlow[], stopped = false): UpgradeRehearsal {
  const failure: Step = { name: "adopt", result: "failed", seconds: 0.1, said: "the schema is not understood" };
  return {
    region: "us-east",
    backup: {
      id: "20261129T041500123Z",
      takenAt: "2026-11-29T04:15:00.123Z",
      langflowVersion: "1.12.8",
      databaseServerVersion: "18.1",
    },
    releases: { old: "1.12.8", ...(!stopped && { new: "1.13.0" }) },
    steps: stopped ? [...STEPS.slice(0, 3), failure] : STEPS,
    flows,
    counts: countsOf(flows),
    seconds: 61.4,
  };
}
