import { isObject, isText, type Json, type JsonObject } from "../../agent/flows/canonicalJson";
import { exportedFlow } from "../../agent/flows/flowFile";
import { fieldsMapped } from "../../agent/flows/templates";
import { type ComponentChange, compareOpened, compareRuns, type Verdict } from "./comparison";
import { withDoubles } from "./doubles";
import type { Outcome } from "./outcome";
import type { CopiedFlow, Runs, Stage } from "./stage";

/** A flow of the source, as it is read. */
export interface ReadFlow {
  readonly stored: {
    /** With `data`, as LangFlow's API shows a flow; or why there is none. */
    readonly value: JsonObject | string;
    /** Names of its user's global variables. */
    readonly variables: ReadonlySet<string>;
  };
  readonly facts: FlowFacts;
}

/** What matters of it. */
interface FlowFacts {
  readonly id: string;
  readonly name: string;
  /** Id of its user; undefined: it is nobody's, or the source does not tell. */
  readonly owner?: string;
  /** Why it cannot be copied. */
  readonly problem?: string;
  /** Fields with what looks like a secret, each with the rule that says so. */
  readonly secrets: readonly string[];
  /** Fields that name a file or folder of the machine it ran on. */
  readonly localPaths: readonly string[];
  /** Components whose code is none of LangFlow's own. */
  readonly ownCode: readonly string[];
}

/** What is said of a flow. */
export interface RehearsedFlow {
  readonly id: string;
  readonly name: string;
  /** Name of its user, where the source tells. */
  readonly user?: string;
  /** The worst of the three below. */
  readonly result: Verdict["result"];
  /** Whether it is in the fleet, or in a LangFlow of its release, as it is in the source. */
  readonly loaded: Verdict;
  readonly opened: Verdict;
  readonly run: Verdict;
  /** Ids of the components that a double stood for. */
  readonly doubles: readonly string[];
}

export interface RehearsalStages {
  readonly now: Pick<Stage, "load" | "refusal" | "run">;
  /** Undefined: nothing is known of the old one. Its copies are made before. */
  readonly old: (Runs & Partial<Pick<Stage, "load">>) | undefined;
  /** What of each graph is not as the new release has it. @param graphs by place in the list of flows */
  changes(graphs: ReadonlyMap<string, Json>): Promise<ReadonlyMap<string, readonly ComponentChange[] | undefined>>;
  progress(done: string): void;
}

/** From the worst on. */
const RANKS: readonly Verdict["result"][] = ["differs", "not run", "not known", "changes", "same"];
const NOT_KNOWN: Verdict = { result: "not known", said: "" };
const SECRET = "not shown: the flow holds what looks like a secret";

/**
 * Each flow loaded, opened and run; one after the other, in both at once, so that whatever it calls is known to be its own.
 *
 * @param users names by id
 * @param copies of the flows, where others know them already
 * @throws UserError where a LangFlow of the rehearsal's does not start again, or somebody asks for the end
 */
export async function rehearse(
  flows: readonly ReadFlow[],
  users: ReadonlyMap<string, string>,
  stages: RehearsalStages,
  copies: readonly (CopiedFlow | undefined)[] = copiesOf(flows),
): Promise<RehearsedFlow[]> {
  const loaded: (string | undefined)[] = [];
  for (const [index, copy] of copies.entries()) {
    // All before the first runs: a flow may run another.
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

/** Copies of flows, in their order; undefined for what can be none. */
export const copiesOf = (flows: readonly ReadFlow[]): (CopiedFlow | undefined)[] =>
  flows.map(({ stored, facts }) => (facts.problem === undefined ? copyOf(stored) : undefined));

/** The worst of several. */
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

/** Components of somebody's own are none that a release could have: `inspect` names them. */
function ofRelease(
  changes: readonly ComponentChange[] | undefined,
  { ownCode }: FlowFacts,
): readonly ComponentChange[] | undefined {
  return changes?.filter(({ node, change }) => change !== "gone" || !ownCode.includes(node));
}

/** A package that is missing is told where the flow is run. */
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

/** Of a flow that need not answer alike to be the same. */
export const VARIES: Verdict = { result: "not known", said: "answers something else each time" };

/** Whether either of them answers something else when it is asked the same again. */
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

/** What is said of a flow that holds what looks like a secret. */
export function withoutTexts({ result, said, old, new: now }: Verdict): Verdict {
  const hasTexts = old !== undefined || now !== undefined;
  // A message of a failure stands in the sentence itself.
  return { result, said: said.split(":")[0] ?? "", ...(hasTexts && { old: SECRET, new: SECRET }) };
}

/** Why a flow is not run: what it needs is not where the rehearsal is. */
export function whyNotRun({ stored: { value }, facts: { localPaths } }: ReadFlow): string | undefined {
  if (typeof value === "string") return undefined;
  if (value.is_component === true) return "it is a component that somebody saved, which does not run by itself";
  if (localPaths.length > 0) return `names a file of its machine (${localPaths.join(", ")})`;
  const uploads = uploadsIn(value.data ?? null);
  return uploads.length === 0 ? undefined : `reads an upload (${uploads.join(", ")})`;
}

/** Fields that name an uploaded file. */
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
