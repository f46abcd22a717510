import { fittingName, keptId } from "../flows/flowFile";
import { FIELDS, type Field, type Prints, print, type Stamp } from "../flows/version";
import type { Repository } from "../git/repository";
import { type Stamps, stampsInGit } from "./edits";
import { verdict } from "./merge";
import type { ConflictRules, Side } from "./plan";
import type { Region } from "./region";
import type { Sides } from "./sides";

const NOBODY: Stamp = { at: 0, by: "git" };

/** Who edited what when, of the flows that both sides edited; of all others nobody asks. */
export async function conflictRulesOf(
  region: Pick<Region, "name" | "onClockAhead"> & { readonly repository: Pick<Repository, "lastChange" | "files"> },
  head: string | undefined,
  sides: Pick<Sides, "langflow" | "git" | "agreed">,
  now = Date.now(),
): Promise<ConflictRules> {
  const { langflow, git, agreed } = sides;
  const gitStamps = new Map<string, Stamps>();
  for (const [id, inGit] of git) {
    const inLangFlow = langflow.get(id);
    const editedTwice =
      inLangFlow && FIELDS.some((field) => verdict(field, agreed.get(id), inLangFlow, inGit) === "both");
    if (head === undefined || !editedTwice) continue;
    gitStamps.set(id, await stampsInGit(region.repository, head, { id, path: inGit.path }, region.onClockAhead, now));
  }
  const stamp = (id: string, field: Field, side: Side): Stamp =>
    (side === "git" ? gitStamps.get(id)?.[field] : stampInLangFlow(region.name, sides, id, field, now)) ?? NOBODY;
  return {
    isLater(id, field, langflow, git) {
      const [one, other] = [stamp(id, field, "langflow").at, stamp(id, field, "git").at];
      return one === other ? langflow.prints[field] > git.prints[field] : one > other;
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
export function stampInLangFlow(
  by: string,
  { langflow }: Pick<Sides, "langflow">,
  id: string,
  field: Field,
  now = Date.now(),
): Stamp | undefined {
  const row = langflow.get(id)?.row;
  return row && { at: Math.min(row.editedAt[field] ?? row.updatedAt, now), by };
}
