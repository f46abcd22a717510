import { type Chapter, chapter, type Report, type Tone, toned } from "../report/report";
import type { Verdict } from "./comparison";
import type { RehearsedFlow } from "./rehearse";

/** Results in display order, most severe first, with their colors. Equal results keep the source's order. */
const TONES: Readonly<Record<Verdict["result"], Tone>> = {
  differs: "bad",
  "not run": "warning",
  "not known": "warning",
  changes: "warning",
  same: "good",
};
const RESULTS = Object.keys(TONES) as Verdict["result"][];

/** Number of flows for each result. */
export type Counts = Readonly<Record<Verdict["result"], number>>;

export const countsOf = (flows: readonly Pick<RehearsedFlow, "result">[]): Counts =>
  Object.fromEntries(
    RESULTS.map((result) => [result, flows.filter((flow) => flow.result === result).length]),
  ) as Counts;

/** Returns the number of flows and an explanation for each result. @param of what the rehearsal prepares */
export function countFacts(counts: Counts, of: "move" | "upgrade"): Report["facts"] {
  const words: Readonly<Record<Verdict["result"], string>> = {
    differs: `: check before the ${of}`,
    "not run": ": something is missing on this machine, or an external service is required",
    "not known": ": no answer to compare with",
    changes: `: not blocking the ${of}`,
    same: "",
  };
  const fact = (result: Verdict["result"], count: number) =>
    count > 0 ? toned(TONES[result], `${count} ${count === 1 ? "flow" : "flows"}${words[result]}`) : undefined;
  return Object.fromEntries(RESULTS.map((result) => [result, fact(result, counts[result])]));
}

/** A flow of a rehearsal whose old LangFlow may also have run it later. */
interface ShownFlow extends RehearsedFlow {
  readonly oldAfter?: Verdict;
}

/**
 * Returns the flows and the differing texts as chapters.
 *
 * @param after heading of the column with the later runs of the old LangFlow, and a note about them
 */
export function flowChapters(
  flows: readonly ShownFlow[],
  after?: { readonly head: string; readonly note: string },
): Chapter[] {
  const sorted = flows.toSorted((one, other) => RESULTS.indexOf(one.result) - RESULTS.indexOf(other.result));
  const texts = sorted.flatMap(({ name, run, oldAfter }) => [
    { name, ...run },
    { name: `${name}: old version, before and after`, ...oldAfter },
  ]);
  const note = `Both versions use fake models, which give the same answer to the same question. ${after?.note ?? ""}`;
  return [
    chapter({ title: "Flows", note, inTerminal: "exceptions" }, sorted, {
      flow: "name",
      user: "user",
      result: ({ result }) => toned(TONES[result], result),
      loaded: ({ loaded }) => sentence(loaded),
      opened: ({ opened }) => sentence(opened),
      run: ({ run }) => sentence(run),
      ...(after && { [after.head]: ({ oldAfter }: ShownFlow) => oldAfter && sentence(oldAfter) }),
    }),
    chapter(
      { title: "Answers, from the first difference", inTerminal: "exceptions" },
      texts.filter((each) => each.old !== undefined || each.new !== undefined),
      { flow: "name", "old version": (each) => each.old ?? "unknown", "new version": "new" },
    ),
  ];
}

const sentence = ({ result, said }: Verdict): string => (said === "" ? result : `${result}: ${said}`);
