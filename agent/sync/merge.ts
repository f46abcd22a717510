/** One side's version of a flow: what merging must know of it. */
export interface Version {
  /** Equal for equal contents, and for no others. */
  readonly fingerprint: string;
  readonly name: string;
  readonly endpointName?: string;
  /** Project, by name; undefined: none. */
  readonly project?: string;
  /** Written in another way than equal flows are: to be written anew, with nothing changed. */
  readonly untidy?: boolean;
}

export type Versions<V extends Version = Version> = ReadonlyMap<string, V>;
export type Side = "here" | "there";

/** What a flow shall be on both sides. */
export interface Wanted {
  /** Where its contents come from. */
  readonly source: { readonly side: Side; readonly id: string };
  readonly name: string;
  readonly project?: string;
  /** The endpoint name is another flow's: this one loses it. */
  readonly endpointCleared: boolean;
}

export interface Conflict {
  readonly kind: "edited-twice" | "name-taken" | "endpoint-taken" | "edit-survives-delete";
  readonly id: string;
  /** For `edited-twice`: the id of the flow that keeps the other version. */
  readonly keptAs?: string;
}

/** The changes that make both sides hold the same. Undefined: delete. */
export interface Plan {
  readonly here: ReadonlyMap<string, Wanted | undefined>;
  readonly there: ReadonlyMap<string, Wanted | undefined>;
  readonly conflicts: readonly Conflict[];
}

/** What only some flows need, and costs more to know. */
export interface Judge {
  /** Whether the version here was edited after the one there. Must not depend on which side asks. */
  isLater(id: string, here: Version, there: Version): boolean;
  /** Id and name under which the losing version of a flow is kept. The same for the same version, whoever asks. */
  keep(id: string, loser: Version, side: Side): { id: string; name: string };
  /** The n-th other name, from 1, for a flow whose name another flow has. */
  rename(name: string, attempt: number): string;
}

/**
 * The three-way merge of one workspace's flows.
 *
 * Only one side changed: it wins. Both did: the later edit wins, and the other is kept as a flow of its own. A delete
 * holds only where the other side has not edited since. Names and endpoint names are unique in LangFlow, so where two
 * flows want one, the flow that has it in Git keeps it.
 *
 * @param base what both sides last agreed on; empty where nothing is known
 * @param here LangFlow
 * @param there Git
 * @param frozen flows that are left as they are, because one side cannot be read
 */
export function merge(
  base: Versions,
  here: Versions,
  there: Versions,
  judge: Judge,
  frozen: ReadonlySet<string> = new Set(),
): Plan {
  const conflicts: Conflict[] = [];
  const wanted = new Map<string, Wanted>();
  const take = (id: string, side: Side, version: Version): void => {
    wanted.set(id, { source: { side, id }, name: version.name, project: version.project, endpointCleared: false });
  };
  for (const id of new Set([...here.keys(), ...there.keys()])) {
    if (frozen.has(id)) continue;
    const [b, h, t] = [base.get(id), here.get(id), there.get(id)];
    const side = chooseSide(b, h, t);
    if (side === "here" && h) take(id, "here", h);
    if (side === "there" && t) take(id, "there", t);
    if (side !== "both") continue;
    if (!h || !t) {
      conflicts.push({ kind: "edit-survives-delete", id });
      if (h) take(id, "here", h);
      if (t) take(id, "there", t);
      continue;
    }
    const winner: Side = judge.isLater(id, h, t) ? "here" : "there";
    take(id, winner, winner === "here" ? h : t);
    // Moved to two projects, otherwise equal: there is nothing to keep.
    if (h.fingerprint === t.fingerprint) continue;
    const loser = winner === "here" ? { side: "there" as const, version: t } : { side: "here" as const, version: h };
    const kept = judge.keep(id, loser.version, loser.side);
    conflicts.push({ kind: "edited-twice", id, keptAs: kept.id });
    // Kept before, by the other region or by a run that was cut off.
    if (here.has(kept.id) || there.has(kept.id) || frozen.has(kept.id)) continue;
    wanted.set(kept.id, {
      source: { side: loser.side, id },
      name: kept.name,
      project: loser.version.project,
      // Only one flow can answer at an endpoint, and the winner does.
      endpointCleared: loser.version.endpointName !== undefined,
    });
  }
  separateNames(wanted, { here, there }, judge, frozen, conflicts);
  return {
    here: changes(wanted, here, { here, there }, frozen),
    there: changes(wanted, there, { here, there }, frozen),
    conflicts,
  };
}

/** Whose version holds; `both` where both sides changed. */
function chooseSide(base: Version | undefined, here: Version | undefined, there: Version | undefined): Side | "both" {
  if (same(here, there) || same(there, base)) return "here";
  if (same(here, base)) return "there";
  return "both";
}

function same(one: Version | undefined, other: Version | undefined): boolean {
  return one?.fingerprint === other?.fingerprint && one?.project === other?.project;
}

/** Gives every flow a name and an endpoint name of its own. */
function separateNames(
  wanted: Map<string, Wanted>,
  sides: Record<Side, Versions>,
  judge: Judge,
  frozen: ReadonlySet<string>,
  conflicts: Conflict[],
): void {
  const names = new Set<string>();
  const endpoints = new Set<string>();
  for (const id of frozen)
    for (const version of [sides.here.get(id), sides.there.get(id)]) {
      if (version) names.add(version.name);
      if (version?.endpointName) endpoints.add(version.endpointName);
    }
  // The flow that has a name in Git comes first: every region sees the same Git, so every region decides alike.
  const inGit = (id: string): number => (sides.there.get(id)?.name === wanted.get(id)?.name ? 0 : 1);
  const order = [...wanted.keys()].sort((one, other) => inGit(one) - inGit(other) || (one < other ? -1 : 1));
  for (const id of order) {
    const each = wanted.get(id);
    if (!each) continue;
    let { name, endpointCleared } = each;
    for (let attempt = 1; names.has(name); attempt += 1) name = judge.rename(each.name, attempt);
    const endpoint = sides[each.source.side].get(each.source.id)?.endpointName;
    if (endpoint !== undefined && !endpointCleared && endpoints.has(endpoint)) {
      endpointCleared = true;
      conflicts.push({ kind: "endpoint-taken", id });
    }
    if (name !== each.name) conflicts.push({ kind: "name-taken", id });
    names.add(name);
    if (endpoint !== undefined && !endpointCleared) endpoints.add(endpoint);
    wanted.set(id, { ...each, name, endpointCleared });
  }
}

/** What must change on a side that holds `now`. */
function changes(
  wanted: ReadonlyMap<string, Wanted>,
  now: Versions,
  sides: Record<Side, Versions>,
  frozen: ReadonlySet<string>,
): Map<string, Wanted | undefined> {
  const result = new Map<string, Wanted | undefined>();
  for (const [id, each] of wanted) {
    const source = sides[each.source.side].get(each.source.id);
    const untouched = each.source.id === id && source?.name === each.name && !each.endpointCleared;
    const version = now.get(id);
    const holds = untouched && version?.fingerprint === source?.fingerprint && version?.project === each.project;
    if (!holds || version?.untidy) result.set(id, each);
  }
  for (const id of now.keys()) if (!wanted.has(id) && !frozen.has(id)) result.set(id, undefined);
  return result;
}
