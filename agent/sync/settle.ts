import { lockPrint } from "../flows/flowFile";
import { FIELDS, type Field } from "../flows/version";
import type { Agreed, FlowState, Intent } from "../langflow/flowState";
import type { SideVersion } from "./plan";

/** A flow's state once it is known what became of what was under way, and LangFlow's side in the light of it. */
export interface Settled {
  readonly agreed: Agreed | undefined;
  readonly here: SideVersion | undefined;
}

/**
 * What both sides agree on by now: what they were seen to hold alike, and what an intent is proven to have done. An agent
 * may end at any instruction; the next one learns here how far it came.
 *
 * @param landed whether the host has a commit
 */
export function settle(
  id: string,
  { agreed, intent }: FlowState,
  here: SideVersion | undefined,
  there: SideVersion | undefined,
  landed: (commit: string) => boolean,
): Settled {
  if (intent?.kind === "export") return alike(landed(intent.commit) ? intent.agreed : agreed, here, there);
  if (!here) return alike(agreed, here, there);
  const known = here.name === asideName(id) ? putAside(agreed, here) : agreed;
  if (intent === undefined) return alike(known, here, there);
  const lock = known?.lock?.here;
  const toggled = intent.locked !== undefined && here.prints.lock === lockPrint(intent.locked);
  // It is put right by what is written next.
  if (toggled && lock !== undefined && lock !== here.prints.lock)
    return alike(known, { ...here, prints: { ...here.prints, lock }, untidy: true }, there);
  return alike(intent.kind === "import" ? reachedBy(intent, known, here) : known, here, there);
}

/** Where a flow is for a moment while flows swap their names; no name that a person gives. */
export const asideName = (id: string): string => `${id} (moving)`;

/** What was only put out of the way is no edit, and is written anew. */
function putAside(agreed: Agreed | undefined, { prints }: SideVersion): Agreed {
  const fields = (["name", "endpoint", "lock"] as const).map((field) => [
    field,
    { here: prints[field], there: UNSETTLED },
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
  here: SideVersion,
): Agreed {
  const reached = FIELDS.filter((field) => here.prints[field] === prints[field]);
  const brought = Object.fromEntries(reached.map((field) => [field, { here: prints[field], there: prints[field] }]));
  const renamed = agreed === undefined && isLangFlowsNameFor(name, here.name);
  return { ...agreed, ...brought, ...(renamed && { name: { here: here.prints.name, there: UNSETTLED } }) };
}

/** Git's side of a field that LangFlow did not take: equal to nothing, so that it is tried again. */
export const UNSETTLED = "";

/** `Report (1)` for `Report`. */
export function isLangFlowsNameFor(name: string, found: string): boolean {
  return found.startsWith(`${name} (`) && /^\d+\)$/.test(found.slice(name.length + 2));
}

/** Fields that are the same on both sides are agreed on. */
function alike(agreed: Agreed | undefined, here: SideVersion | undefined, there: SideVersion | undefined): Settled {
  if (!here || !there) return { agreed, here };
  const same = FIELDS.filter(
    (field) => here.prints[field] === there.prints[field] && !isPair(agreed, field, here.prints[field]),
  );
  if (same.length === 0) return { agreed, here };
  const both = same.map((field) => [field, { here: here.prints[field], there: there.prints[field] }]);
  return { agreed: { ...agreed, ...Object.fromEntries(both) }, here };
}

const isPair = (agreed: Agreed | undefined, field: Field, value: string): boolean =>
  agreed?.[field]?.here === value && agreed[field]?.there === value;
