import type { Rehearsal } from "../../../fleet/moveIn/rehearsal";
import type { Verdict } from "../../../fleet/rehearsal/comparison";
import type { RehearsedFlow } from "../../../fleet/rehearsal/rehearse";

const SAME: Verdict = { result: "same", said: "" };

/** One flow per result, worst result first. */
const KINDS: readonly Pick<RehearsedFlow, "result" | "opened" | "run">[] = [
  {
    result: "differs",
    opened: SAME,
    run: {
      result: "differs",
      said: "different answer of ChatOutput-8ZWWB",
      old: "MockLLM 3c372422: Hello, what is new? by 0.7.2",
      new: "MockLLM 3c372422: Hello, what is new? by 1.13.0",
    },
  },
  {
    result: "changes",
    opened: {
      result: "changes",
      said: "gone: FAISS, RemixDocumentation; in a bundle that this LangFlow lacks: TavilySearchComponent (tavily)",
    },
    run: SAME,
  },
  { result: "not run", opened: SAME, run: { result: "not run", said: "calls docs.omniverse.nvidia.com" } },
  { result: "not known", opened: SAME, run: { result: "not known", said: "gives a different answer each time" } },
  { result: "same", opened: { result: "same", said: "with another update: 3" }, run: SAME },
];

/** Returns a rehearsal with flows of every kind, one of which has a very long name. */
export function sampleRehearsal(count = 100): Rehearsal {
  const flows = Array.from({ length: count }, (_, index): RehearsedFlow => {
    const kind = KINDS[index % KINDS.length] as (typeof KINDS)[number];
    const name = index === 3 ? "A flow whose name is long ".repeat(19).trim() : `Flow ${index + 1} <of bea's>`;
    return { id: `${index}`, name, user: "bea", loaded: SAME, doubles: [], ...kind };
  });
  const of = (result: Verdict["result"]) => flows.filter((flow) => flow.result === result).length;
  return {
    source: { kind: "SQLite file", place: "/srv/langflow/langflow.db" },
    releases: { new: "1.13.0", old: "1.7.2" },
    flows,
    counts: {
      same: of("same"),
      changes: of("changes"),
      differs: of("differs"),
      "not run": of("not run"),
      "not known": of("not known"),
    },
  };
}
