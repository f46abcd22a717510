import { FIELDS, type Field, type Version } from "../flows/version";
import type { Agreed } from "../langflow/flowState";
import { separateNames } from "./names";
import type { Conflict, ConflictRules, Plan, Side, SideVersion, Source, Versions, Wanted } from "./plan";

/** What people write, of which the losing version is kept; of a place or a switch the later one holds, and that is all. */
const KEPT_FIELDS: ReadonlySet<Field> = new Set(["graph", "name", "description", "details"]);

/**
 * The three-way merge of one workspace's flows, field by field.
 *
 * Only one side changed a field: that side's holds. Both did: the later edit holds, and the other version is kept as a
 * flow of its own. A delete holds only where the other side has not edited since. Names and endpoint names are unique in
 * LangFlow, so where two flows want one, the flow that has it in Git keeps it.
 *
 * @param agreed what both sides last agreed on; empty where nothing is known
 * @param langflow what LangFlow holds
 * @param git what Git holds
 * @param frozen flows that are left as they are, because one side cannot be read
 */
export function merge(
  agreed: ReadonlyMap<string, Agreed>,
  langflow: Versions,
  git: Versions,
  rules: ConflictRules,
  frozen: ReadonlySet<string> = new Set(),
): Plan {
  const conflicts: Conflict[] = [];
  const wanted = new Map<string, Wanted>();
  for (const id of new Set([...langflow.keys(), ...git.keys()])) {
    if (frozen.has(id)) continue;
    const [lastAgreed, inLangFlow, inGit] = [agreed.get(id), langflow.get(id), git.get(id)];
    if (inLangFlow && inGit) {
      const { flow, lost } = mergeFields(id, lastAgreed, inLangFlow, inGit, rules);
      wanted.set(id, flow);
      const fields = [...lost.langflow, ...lost.git];
      if (fields.length === 0) continue;
      const kept = keepLosers(id, lost, { langflow: inLangFlow, git: inGit }, rules);
      conflicts.push({ kind: "edited-twice", id, fields, ...(kept[0] && { keptAs: kept[0].id }) });
      // Kept before, by the other region or by a run that was cut off.
      for (const each of kept)
        if (!langflow.has(each.id) && !git.has(each.id) && !frozen.has(each.id)) wanted.set(each.id, each.flow);
      continue;
    }
    const side: Side = inLangFlow ? "langflow" : "git";
    const version = inLangFlow ?? inGit;
    if (!version) continue;
    const edited =
      lastAgreed === undefined || FIELDS.some((field) => lastAgreed[field]?.[side] !== version.prints[field]);
    if (!edited) continue;
    if (lastAgreed !== undefined) conflicts.push({ kind: "edit-survives-delete", id });
    wanted.set(id, whole(id, side, version));
  }
  separateNames(
    wanted,
    git,
    [...frozen].flatMap((id) => [langflow.get(id), git.get(id)]),
    rules,
    conflicts,
  );
  return {
    langflow: changes("langflow", wanted, langflow, git, agreed, frozen),
    git: changes("git", wanted, git, langflow, agreed, frozen),
    conflicts,
  };
}

/** Whose a field is: `same` where neither side has to be written for it. */
export function verdict(
  field: Field,
  agreed: Agreed | undefined,
  langflow: Version,
  git: Version,
): Side | "same" | "both" {
  if (langflow.prints[field] === git.prints[field]) return "same";
  const changedInLangFlow = agreed?.[field]?.langflow !== langflow.prints[field];
  const changedInGit = agreed?.[field]?.git !== git.prints[field];
  if (changedInLangFlow && changedInGit) return "both";
  if (changedInLangFlow) return "langflow";
  return changedInGit ? "git" : "same";
}

function mergeFields(
  id: string,
  agreed: Agreed | undefined,
  langflow: Version,
  git: Version,
  rules: ConflictRules,
): { flow: Wanted; lost: Record<Side, Field[]> } {
  const lost: Record<Side, Field[]> = { langflow: [], git: [] };
  const side = (field: Field): Side => {
    const found = verdict(field, agreed, langflow, git);
    if (found === "same") return "git";
    if (found !== "both") return found;
    const winner: Side = rules.isLater(id, field, langflow, git) ? "langflow" : "git";
    lost[winner === "langflow" ? "git" : "langflow"].push(field);
    return winner;
  };
  const from: Record<Side, Source> = { langflow: { side: "langflow", id }, git: { side: "git", id } };
  const sources = Object.fromEntries(FIELDS.map((field) => [field, from[side(field)]])) as Wanted["sources"];
  const of = (field: Field): Version => (sources[field].side === "langflow" ? langflow : git);
  return {
    flow: {
      sources,
      name: of("name").name,
      project: of("project").project,
      endpointName: of("endpoint").endpointName,
    },
    lost,
  };
}

function whole(id: string, side: Side, { name, project, endpointName }: Version): Wanted {
  const source: Source = { side, id };
  return {
    sources: Object.fromEntries(FIELDS.map((field) => [field, source])) as unknown as Wanted["sources"],
    name,
    project,
    endpointName,
  };
}

function keepLosers(
  id: string,
  lost: Record<Side, Field[]>,
  sides: Record<Side, Version>,
  rules: ConflictRules,
): { id: string; flow: Wanted }[] {
  return (["langflow", "git"] as const).flatMap((side) => {
    const fields = lost[side].filter((field) => KEPT_FIELDS.has(field));
    if (fields.length === 0) return [];
    const kept = rules.keep(id, fields, sides[side], side);
    // Only one flow can answer at an endpoint, and the winner does.
    return [{ id: kept.id, flow: { ...whole(id, side, sides[side]), name: kept.name, endpointName: undefined } }];
  });
}

/** What must change on a side that holds `now`. */
function changes(
  side: Side,
  wanted: ReadonlyMap<string, Wanted>,
  now: Versions,
  other: Versions,
  agreed: ReadonlyMap<string, Agreed>,
  frozen: ReadonlySet<string>,
): Map<string, Wanted | undefined> {
  const result = new Map<string, Wanted | undefined>();
  for (const [id, each] of wanted)
    if (!holds(side, each, now.get(id), other.get(id), agreed.get(id))) result.set(id, each);
  for (const id of now.keys()) if (!wanted.has(id) && !frozen.has(id)) result.set(id, undefined);
  return result;
}

function holds(
  side: Side,
  wanted: Wanted,
  now: SideVersion | undefined,
  other: Version | undefined,
  agreed: Agreed | undefined,
): boolean {
  if (!now || now.untidy) return false;
  return FIELDS.every((field) => {
    // What one side alone has comes from that side.
    const origin = (wanted.sources[field].side === side ? now : other) ?? now;
    if (field === "name" && origin.name !== wanted.name) return false;
    if (field === "endpoint" && origin.endpointName !== wanted.endpointName) return false;
    const [langflow, git] = side === "langflow" ? [now, origin] : [origin, now];
    return verdict(field, agreed, langflow, git) === "same";
  });
}
