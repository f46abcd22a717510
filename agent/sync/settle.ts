import { lockPrint } from "../flows/flowFile";
import { FIELDS, type Field } from "../flows/version";
import type { Agreed, FlowState, Intent } from "../langflow/flowState";
import type { SideVersion } from "./plan";

/** A flow's state once it is known what became of what was under way, and LangFlow's side in the light of it. */
export interface Settled {
  readonly agreed: Agreed | undefined;
  readonly langflow: SideVersion | undefined;
}

/**
 * What both sides agree on by now: what they were seen to hold alike, and what an intent is proven to have done. An agent
 * may end at any instruction; the next one learns from this how far it came.
 *
 * @param landed whether the host has a commit
 */
export function settle(
  id: string,
  { agreed, intent }: FlowState,
  langflow: SideVersion | undefined,
  git: SideVersion | undefined,
  landed: (commit: string) => boolean,
): Settled {
  if (intent?.kind === "export") return alike(landed(intent.commit) ? intent.agreed : agreed, langflow, git);
  if (!langflow) return alike(agreed, langflow, git);
  const known = langflow.name === asideName(id) ? putAside(agreed, langflow) : agreed;
  if (intent === undefined) return alike(known, langflow, git);
  const lock = known?.lock?.langflow;
  const toggled = intent.locked !== undefined && langflow.prints.lock === lockPrint(intent.locked);
  // It is put right by what is written next.
  if (toggled && lock !== undefined && lock !== langflow.prints.lock)
    return alike(known, { ...langflow, prints: { ...langflow.prints, lock }, untidy: true }, git);
  return alike(intent.kind === "import" ? reachedBy(intent, known, langflow) : known, langflow, git);
}

/** Where a flow is for a moment while flows swap their names; no name that a person gives. */
export const asideName = (id: string): string => `${id} (moving)`;

/** What was only put out of the way is no edit, and is written anew. */
function putAside(agreed: Agreed | undefined, { prints }: SideVersion): Agreed {
  const fields = (["name", "endpoint", "lock"] as const).map((field) => [
    field,
    { langflow: prints[field], git: UNSETTLED },
  ]);
  return { ...agreed, ...Object.fromEntries(fields) };
}

/**
 * What an import is seen to have brought: a field that holds just what was written. LangFlow gives a new flow another
 * name where its own is taken, and that is no edit either; but it is not agreed on, so it is tried again.
 */
function reachedBy(
  { prints, name }: Extract<Intent, { kind: "import" }>,
  agreed: Agreed | undefined,
  langflow: SideVersion,
): Agreed {
  const reached = FIELDS.filter((field) => langflow.prints[field] === prints[field]);
  const brought = Object.fromEntries(reached.map((field) => [field, { langflow: prints[field], git: prints[field] }]));
  const renamed = agreed === undefined && isLangFlowsNameFor(name, langflow.name);
  return { ...agreed, ...brought, ...(renamed && { name: { langflow: langflow.prints.name, git: UNSETTLED } }) };
}

/** Git's side of a field that LangFlow did not take: equal to nothing, so that it is tried again. */
export const UNSETTLED = "";

/** `Report (1)` for `Report`. */
export function isLangFlowsNameFor(name: string, found: string): boolean {
  return found.startsWith(`${name} (`) && /^\d+\)$/.test(found.slice(name.length + 2));
}

/** Fields that are the same on both sides are agreed on. */
function alike(agreed: Agreed | undefined, langflow: SideVersion | undefined, git: SideVersion | undefined): Settled {
  if (!langflow || !git) return { agreed, langflow };
  const same = FIELDS.filter(
    (field) => langflow.prints[field] === git.prints[field] && !isPair(agreed, field, langflow.prints[field]),
  );
  if (same.length === 0) return { agreed, langflow };
  const both = same.map((field) => [field, { langflow: langflow.prints[field], git: git.prints[field] }]);
  return { agreed: { ...agreed, ...Object.fromEntries(both) }, langflow };
}

const isPair = (agreed: Agreed | undefined, field: Field, value: string): boolean =>
  agreed?.[field]?.langflow === value && agreed[field]?.git === value;
