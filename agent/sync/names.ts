import type { Version } from "../flows/version";
import type { Conflict, ConflictRules, Versions, Wanted } from "./plan";

/**
 * Gives every flow a name and an endpoint name of its own, since LangFlow wants both unique for a user. Who has one in
 * Git keeps it: every region sees the same Git, so every region decides alike.
 *
 * @param reserved versions whose names nobody else may take
 */
export function separateNames(
  wanted: Map<string, Wanted>,
  git: Versions,
  reserved: readonly (Version | undefined)[],
  rules: ConflictRules,
  conflicts: Conflict[],
): void {
  const taken = reserved.flatMap((version) => version ?? []);
  const names = new Set(taken.map(({ name }) => name));
  const contested = areContested(
    [...wanted.values()].map(({ name }) => name),
    names,
  );
  for (const [id, flow] of contested ? inOrder(wanted, (id, { name }) => git.get(id)?.name === name) : []) {
    let { name } = flow;
    for (let attempt = 1; names.has(name); attempt += 1) name = rules.rename(flow.name, attempt);
    names.add(name);
    if (name === flow.name) continue;
    conflicts.push({ kind: "name-taken", id });
    wanted.set(id, { ...flow, name });
  }
  const endpoints = new Set(taken.map(({ endpointName }) => endpointName));
  const wished = new Map([...wanted].filter(([, { endpointName }]) => endpointName !== undefined));
  for (const [id, flow] of inOrder(wished, (id, { endpointName }) => git.get(id)?.endpointName === endpointName)) {
    if (endpoints.has(flow.endpointName)) {
      conflicts.push({ kind: "endpoint-taken", id });
      wanted.set(id, { ...flow, endpointName: undefined });
    } else endpoints.add(flow.endpointName);
  }
}

/** Whether two want the same, or one what is taken. Where none do, nobody has to know who comes first. */
function areContested(names: readonly string[], taken: ReadonlySet<string>): boolean {
  return new Set(names).size < names.length || names.some((name) => taken.has(name));
}

function inOrder(
  wanted: ReadonlyMap<string, Wanted>,
  isFirst: (id: string, flow: Wanted) => boolean,
): [string, Wanted][] {
  const rank = new Map([...wanted].map(([id, flow]) => [id, isFirst(id, flow) ? 0 : 1]));
  return [...wanted].sort(([one], [other]) => (rank.get(one) ?? 0) - (rank.get(other) ?? 0) || (one < other ? -1 : 1));
}
