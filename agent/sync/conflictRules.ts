import { fittingName, keptId } from "../flows/flowFile";
import { FIELDS, type Field, type Prints, print, type Stamp } from "../flows/version";
import type { Repository } from "../git/repository";
import { type Stamps, stampsInGit } from "./edits";
import { verdict } from "./merge";
import type { ConflictRules } from "./plan";
import type { Region } from "./region";
import type { Sides } from "./sides";

const NOBODY: Stamp = { at: 0, by: "git" };

/** Who edited what when, of the flows that both sides edited; of all others nobody asks. */
export async function conflictRulesOf(
  region: Pick<Region, "name" | "onClockAhead"> & { readonly repository: Pick<Repository, "lastChange" | "files"> },
  head: string | undefined,
  sides: Pick<Sides, "here" | "there" | "agreed">,
  now = Date.now(),
): Promise<ConflictRules> {
  const { here, there, agreed } = sides;
  const inGit = new Map<string, Stamps>();
  for (const [id, t] of there) {
    const h = here.get(id);
    if (!h || head === undefined || !FIELDS.some((field) => verdict(field, agreed.get(id), h, t) === "both")) continue;
    inGit.set(id, await stampsInGit(region.repository, head, { id, path: t.path }, region.onClockAhead, now));
  }
  const stamp = (id: string, field: Field, side: "here" | "there"): Stamp =>
    (side === "there" ? inGit.get(id)?.[field] : stampHere(region.name, sides, id, field, now)) ?? NOBODY;
  return {
    isLater(id, field, h, t) {
      const [one, other] = [stamp(id, field, "here").at, stamp(id, field, "there").at];
      return one === other ? h.prints[field] > t.prints[field] : one > other;
    },
    keep(id, fields, loser, side) {
      const stamps = fields.map((field) => stamp(id, field, side));
      const { at, by } = stamps.reduce((one, other) => (other.at > one.at ? other : one), stamps[0] ?? NOBODY);
      const time = new Date(at).toISOString().slice(0, 19).replace("T", " ");
      return { id: copyId(id, loser.prints), name: fittingName(loser.name, ` (${by} ${time})`) };
    },
    rename: (name, attempt) => fittingName(name, ` (${region.name}${attempt === 1 ? "" : ` ${attempt}`})`),
  };
}

/** Id of the flow that keeps a version of another, wherever it lies. */
export function copyId(id: string, prints: Prints): string {
  return keptId(id, print(FIELDS.map((field) => (field === "project" ? "" : prints[field])).join(" ")));
}

/** When LangFlow's version of a field was edited: never after now, whatever its clock says. */
export function stampHere(
  by: string,
  { here }: Pick<Sides, "here">,
  id: string,
  field: Field,
  now = Date.now(),
): Stamp | undefined {
  const row = here.get(id)?.row;
  return row && { at: Math.min(row.editedAt[field] ?? row.updatedAt, now), by };
}
