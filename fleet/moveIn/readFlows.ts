import type { ReadFlow } from "../rehearsal/rehearse";
import { inspect } from "./inspect";
import type { Inventory } from "./inventory";

/** Inventory of a source with all of its flows. */
export interface ReadSource {
  readonly inventory: Inventory;
  readonly flows: readonly ReadFlow[];
}

/** Reads a source like {@link inspect}, and keeps its flows. */
export async function readFlows(inspection: Parameters<typeof inspect>[0]): Promise<ReadSource> {
  const flows: ReadFlow[] = [];
  const inventory = await inspect({ ...inspection, onFlow: (stored, facts) => flows.push({ stored, facts }) });
  return { inventory, flows };
}

/** Returns the names of a source's users by id. */
export const userNames = ({ users }: Inventory): ReadonlyMap<string, string> =>
  new Map((users ?? []).map(({ id, name }) => [id, name]));

/** Reads a database whose URL contains the password: `postgresql://user:password@host/database`. */
export function flowsOfDatabase(url: string, signal: AbortSignal): Promise<ReadSource> {
  const parsed = new URL(url);
  const password = decodeURIComponent(parsed.password);
  parsed.password = "";
  return readFlows({ from: parsed.toString(), config: undefined, environment: { PGPASSWORD: password }, signal });
}

/** Reads a folder of flow files. */
export const flowsOfFolder = (from: string, signal: AbortSignal): Promise<ReadSource> =>
  readFlows({ from, config: undefined, environment: {}, signal });
