import type { Problem } from "../flows/version";
import { type HeldDeletes, unusualDeletes } from "./breaker";
import { conflictRulesOf } from "./conflictRules";
import { exportFlows } from "./exports";
import type { Held } from "./held";
import { importFlows } from "./imports";
import { merge } from "./merge";
import type { Conflict, Plan } from "./plan";
import { flowPath, type Region, type Workspaces } from "./region";
import { observed, readSides, recognise, type Sides } from "./sides";

/** What a cycle did to one workspace. */
export interface Outcome {
  readonly workspace: string;
  /** Flows written to LangFlow, deletes included. */
  readonly imported: number;
  /** Flows written to Git, deletes included. */
  readonly exported: number;
  readonly conflicts: readonly Conflict[];
  /** Files in Git and flows in LangFlow that are left out, with the reason. */
  readonly problems: readonly Problem[];
  /** Flows that wait, with the reason. */
  readonly held: readonly Held[];
  readonly heldDeletes?: HeldDeletes;
  readonly flows: number;
  /** Why nothing more was written to LangFlow. */
  readonly broken?: Error;
}

/**
 * Brings every workspace and its folder in Git to the same flows, once: looks at both, compares them with what was agreed
 * on, writes to Git what it lacks, then to LangFlow what it lacks. What is known of a flow is written as soon as it is
 * true, so each step may be the last, and doing any step again changes nothing.
 *
 * @throws Raced, GitUnreachable, DatabaseUnreachable
 */
export async function cycle(region: Region, whose: Workspaces): Promise<Outcome[]> {
  const { head, workspaces } = await whose.at(await region.repository.fetch());
  const look = await region.store.look(workspaces);
  const planned: { sides: Sides; plan: Plan; deletes?: HeldDeletes }[] = [];
  for (const sides of await readSides(region, workspaces, look, head)) planned.push(await planOf(region, head, sides));
  await region.store.remember(planned.flatMap(({ sides }) => observed(sides)));

  const exported = await exportFlows(region, head, planned);
  const outcomes: Outcome[] = [];
  for (const [position, each] of exported.workspaces.entries()) {
    const { sides, plan } = each;
    const deletes = planned[position]?.deletes;
    const imported = await importFlows(region, exported.head, each);
    outcomes.push({
      workspace: sides.workspace.workspace,
      imported: imported.count,
      exported: each.count,
      conflicts: plan.conflicts,
      problems: [...sides.snapshot.problems, ...sides.problems],
      held: [...each.held, ...imported.held, ...heldFlows(deletes)],
      ...(deletes && { heldDeletes: deletes }),
      flows: each.files.size,
      ...(imported.broken && { broken: imported.broken }),
    });
  }
  if (exported.head !== undefined && exported.head !== look.head) await region.store.remember([], exported.head);
  return outcomes;
}

async function planOf(
  region: Region,
  head: string | undefined,
  looked: Sides,
): Promise<{ sides: Sides; plan: Plan; deletes?: HeldDeletes }> {
  const sides = head === undefined ? looked : await recognise(region, head, looked);
  const { agreed, langflow, git, frozen, workspace } = sides;
  const plan = merge(agreed, langflow, git, await conflictRulesOf(region, head, sides), frozen);
  const gone = [...plan.langflow, ...plan.git].flatMap(([id, wanted]) => (wanted ? [] : [id]));
  const unreleased = gone.filter((id) => !region.releases.has(workspace.workspace, id));
  const of = new Set([...langflow.keys(), ...git.keys()]).size;
  const deletes = unusualDeletes(workspace.workspace, unreleased, of, region.deletes);
  if (!deletes || region.releases.take(workspace.workspace, deletes)) return { sides, plan };
  const waiting = new Set(deletes.ids);
  const kept = (changes: Plan["langflow"]) =>
    new Map([...changes].filter(([id, wanted]) => wanted || !waiting.has(id)));
  return { sides, plan: { ...plan, langflow: kept(plan.langflow), git: kept(plan.git) }, deletes };
}

function heldFlows(deletes: HeldDeletes | undefined): Held[] {
  if (!deletes) return [];
  const { ids, of, code } = deletes;
  const reason = `${ids.length} of ${of} flows would be deleted: waits for \`agent release --deletes ${code}\``;
  return ids.map((id) => ({ path: flowPath(id), reason, kind: "deletes" as const }));
}
