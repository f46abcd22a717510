import { isObject, isText, type Json, type JsonObject } from "../../formats/flows/canonicalJson";
import { exportedFlow } from "../../formats/flows/flowFile";
import { fieldsMapped } from "../../formats/flows/templates";
import { type ComponentChange, compareOpened, compareRuns, type Verdict } from "./comparison";
import { withDoubles } from "./doubles";
import type { Outcome } from "./outcome";
import type { CopiedFlow, Runs, Stage } from "./stage";

/** A flow as read from the source. */
export interface ReadFlow {
  readonly stored: {
    /** The flow including `data`, as LangFlow's API returns it, or the reason why it could not be read. */
    readonly value: JsonObject | string;
    /** Names of the global variables of the flow's user. */
    readonly variables: ReadonlySet<string>;
  };
  readonly facts: FlowFacts;
}

/** Facts about a flow that a rehearsal needs. */
interface FlowFacts {
  readonly id: string;
  readonly name: string;
  /** Id of the flow's user. Undefined if the flow has no user or the source does not show it. */
  readonly owner?: string;
  /** Why the flow cannot be copied. */
  readonly problem?: string;
  /** Fields that seem to contain a secret, each with the rule that matched. */
  readonly secrets: readonly string[];
  /** Fields that refer to a file or folder on the original machine. */
  readonly localPaths: readonly string[];
  /** Components with code that is not LangFlow's own. */
  readonly ownCode: readonly string[];
}

/** Result of a flow's rehearsal. */
export interface RehearsedFlow {
  readonly id: string;
  readonly name: string;
  /** Name of the flow's user, if the source provides it. */
  readonly user?: string;
  /** The worst result of the three parts below. */
  readonly result: Verdict["result"];
  /** Whether the new LangFlow stores the flow unchanged. */
  readonly loaded: Verdict;
  readonly opened: Verdict;
  readonly run: Verdict;
  /** Ids of the components that doubles replaced. */
  readonly doubles: readonly string[];
}

export interface RehearsalStages {
  readonly now: Pick<Stage, "load" | "refusal" | "run">;
  /** Undefined if there is no old LangFlow. Without `load`, the old LangFlow already has the copies. */
  readonly old: (Runs & Partial<Pick<Stage, "load">>) | undefined;
  /** Returns the outdated components of each graph. @param graphs graphs by index in the list of flows */
  changes(graphs: ReadonlyMap<string, Json>): Promise<ReadonlyMap<string, readonly ComponentChange[] | undefined>>;
  progress(done: string): void;
}

/** Results from worst to best. */
const RANKS: readonly Verdict["result"][] = ["differs", "not run", "not known", "changes", "same"];
const NOT_KNOWN: Verdict = { result: "not known", said: "" };
const SECRET = "not shown: the flow contains a likely secret";

/**
 * Loads, opens and runs each flow. Runs the flows one after the other, each in both LangFlows at the same time, so that
 * blocked calls can be attributed to a flow.
 *
 * @param users names by id
 * @param copies copies of the flows, if the caller already has them
 * @throws UserError if a rehearsed LangFlow does not restart, or the user interrupts
 */
export async function rehearse(
  flows: readonly ReadFlow[],
  users: ReadonlyMap<string, string>,
  stages: RehearsalStages,
  copies: readonly (CopiedFlow | undefined)[] = copiesOf(flows),
): Promise<RehearsedFlow[]> {
  const loaded: (string | undefined)[] = [];
  for (const [index, copy] of copies.entries()) {
    // Loads all flows before running any, because a flow may run a different flow.
    const [said] = copy ? await Promise.all([stages.now.load(copy), stages.old?.load?.(copy)]) : [];
    loaded.push(said);
    stages.progress(`loaded: ${index + 1} of ${flows.length}`);
  }
  const graphs = new Map(copies.flatMap((copy, index) => (copy ? [[`${index}`, copy.file.value.data ?? null]] : [])));
  const changes = await stages.changes(graphs);
  const rehearsed: RehearsedFlow[] = [];
  for (const [index, flow] of flows.entries()) {
    const { facts } = flow;
    const copy = copies[index];
    const user = facts.owner === undefined ? undefined : users.get(facts.owner);
    const known = { id: facts.id, name: facts.name, ...(user !== undefined && { user }) };
    const verdicts = copy
      ? {
          loaded: loadedVerdict(loaded[index]),
          opened: compareOpened(ofRelease(changes.get(`${index}`), facts), await refusalOf(stages, copy)),
          run: await ran(stages, copy, flow),
        }
      : { loaded: refused(facts.problem ?? ""), opened: NOT_KNOWN, run: NOT_KNOWN };
    rehearsed.push({
      ...known,
      result: worst(Object.values(verdicts)),
      ...verdicts,
      doubles: copy?.doubled.doubles ?? [],
    });
    stages.progress(`run: ${index + 1} of ${flows.length}`);
  }
  return rehearsed;
}

/** Returns copies of the flows in the same order, undefined for each flow that cannot be copied. */
export const copiesOf = (flows: readonly ReadFlow[]): (CopiedFlow | undefined)[] =>
  flows.map(({ stored, facts }) => (facts.problem === undefined ? copyOf(stored) : undefined));

/** Returns the worst of several results. */
export const worst = (verdicts: readonly Pick<Verdict, "result">[]): Verdict["result"] =>
  RANKS.find((rank) => verdicts.some(({ result }) => result === rank)) ?? "same";

function copyOf({ value, variables }: ReadFlow["stored"]): CopiedFlow | undefined {
  if (typeof value === "string") return undefined;
  const file = exportedFlow(value, { variables });
  return { file, variables, doubled: withDoubles(file.value.data ?? null) };
}

const refused = (problem: string): Verdict => ({
  result: "differs",
  said: `it cannot be read or recorded: ${problem}`,
});

const loadedVerdict = (said: string | undefined): Verdict =>
  said === undefined ? { result: "same", said: "" } : { result: "differs", said };

/** Excludes user-written components, which no release can contain. `inspect` reports them separately. */
function ofRelease(
  changes: readonly ComponentChange[] | undefined,
  { ownCode }: FlowFacts,
): readonly ComponentChange[] | undefined {
  return changes?.filter(({ node, change }) => change !== "gone" || !ownCode.includes(node));
}

/** Ignores missing Python packages, because running the flow reports them. */
async function refusalOf({ now }: RehearsalStages, copy: CopiedFlow): Promise<string | undefined> {
  const said = await now.refusal(copy);
  return said !== undefined && /No module named '[^'.]+'/.test(said) ? undefined : said;
}

async function ran(stages: RehearsalStages, copy: CopiedFlow, flow: ReadFlow): Promise<Verdict> {
  const because = whyNotRun(flow);
  if (because !== undefined) return { result: "not run", said: because };
  const session = `rehearsal of ${copy.file.id}`;
  const [now, old] = await Promise.all([stages.now.run(copy, session), stages.old?.run(copy, session)]);
  const verdict = compareRuns(old, now);
  const told = verdict.result === "differs" && (await varies(stages, copy, { now, old })) ? VARIES : verdict;
  return flow.facts.secrets.length === 0 ? told : withoutTexts(told);
}

/** Result for a flow whose answers vary, so that a difference is inconclusive. */
export const VARIES: Verdict = { result: "not known", said: "gives a different answer each time" };

/** Returns whether either LangFlow gives a different answer when asked the same question again. */
async function varies(
  { now, old }: RehearsalStages,
  copy: CopiedFlow,
  first: { readonly now: Outcome; readonly old: Outcome | undefined },
): Promise<boolean> {
  const isOther = async (
    stage: Pick<RehearsalStages["now"], "run"> | undefined,
    answered: Outcome | undefined,
  ): Promise<boolean> => {
    if (!stage || answered?.kind !== "answered") return false;
    const again = await stage.run(copy, `another rehearsal of ${copy.file.id}`);
    return compareRuns(answered, again).result !== "same";
  };
  const others = await Promise.all([isOther(now, first.now), isOther(old, first.old)]);
  return others.includes(true);
}

/** Removes the texts from the result of a flow that seems to contain a secret. */
export function withoutTexts({ result, said, old, new: now }: Verdict): Verdict {
  const hasTexts = old !== undefined || now !== undefined;
  // The explanation is cut at the first colon, because an error message may follow it.
  return { result, said: said.split(":")[0] ?? "", ...(hasTexts && { old: SECRET, new: SECRET }) };
}

/** Returns why a flow cannot run in a rehearsal, or undefined if it can. */
export function whyNotRun({ stored: { value }, facts: { localPaths } }: ReadFlow): string | undefined {
  if (typeof value === "string") return undefined;
  if (value.is_component === true) return "it is a saved component, which cannot run by itself";
  if (localPaths.length > 0) return `refers to a local file (${localPaths.join(", ")})`;
  const uploads = uploadsIn(value.data ?? null);
  return uploads.length === 0 ? undefined : `reads an upload (${uploads.join(", ")})`;
}

/** Returns the fields that refer to an uploaded file. */
export function uploadsIn(data: Json): string[] {
  const found = new Set<string>();
  fieldsMapped(data, ({ path, name, field }) => {
    if (isObject(field) && field.type === "file" && isNamed(field.file_path)) {
      const at = path.lastIndexOf("nodes");
      found.add(`${path[at + 1] ?? "?"}.${name}`);
    }
    return field;
  });
  return [...found];
}

const isNamed = (path: Json | undefined): boolean =>
  Array.isArray(path) ? path.some((each) => isText(each) && each !== "") : isText(path) && path !== "";
