import { FIELDS, type Field, type Prints } from "../../formats/flows/version";

/** The result of merging a person's edit of a flow. */
export interface Merge {
  /** Fields that LangFlow gets from the file. */
  readonly taken: readonly Field[];
  /** Fields that both sides changed to different values, by the side whose value lost. */
  readonly lost: { readonly git: readonly Field[]; readonly langflow: readonly Field[] };
}

/**
 * Merges a person's edit field by field. A field that only the person changed is taken. If both sides changed a field,
 * the later value wins.
 *
 * @param base the version on which the edit is based; undefined: unknown, so both sides count as changed
 * @param isGitLater whether the person changed a field later than LangFlow's user did
 */
export function threeWay(
  base: Prints | undefined,
  git: Prints,
  langflow: Prints,
  isGitLater: (field: Field) => boolean,
): Merge {
  const taken: Field[] = [];
  const lost = { git: [] as Field[], langflow: [] as Field[] };
  for (const field of FIELDS) {
    if (git[field] === langflow[field] || base?.[field] === git[field]) continue;
    const isContested = base?.[field] !== langflow[field];
    const isTaken = !isContested || isGitLater(field);
    if (isTaken) taken.push(field);
    if (isContested) lost[isTaken ? "langflow" : "git"].push(field);
  }
  return { taken, lost };
}
