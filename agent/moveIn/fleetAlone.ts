import type { ClientBase } from "pg";
import { type FlowText, flowTexts } from "./flowTexts";
import { type SinceImport, sinceImport } from "./sinceImport";

/** What is in a region, and not at the LangFlow that it was imported from. */
export interface FleetAlone {
  /** Null where nothing was ever imported. */
  readonly rows: readonly SinceImport[] | null;
  /** Those that were made or changed, where they were asked for. */
  readonly flows?: readonly FlowText[];
}

/** Of all texts together: the answer is one object, and is in memory at once. */
const CHARACTERS_MAX = 64 * 1024 ** 2;

/**
 * @param withFlows also their texts
 * @param charactersMax of all texts; flows beyond that are told apart
 */
export async function fleetAlone(
  region: ClientBase,
  withFlows: boolean,
  charactersMax = CHARACTERS_MAX,
): Promise<FleetAlone> {
  const rows = (await sinceImport(region)) ?? null;
  if (!withFlows || rows === null) return { rows };
  const ids = rows.filter(({ table, fate }) => table === "flow" && fate !== "deleted").flatMap((each) => each.ids);
  const flows: FlowText[] = [];
  let characters = 0;
  for await (const flow of flowTexts(region, ids)) {
    if ("text" in flow) characters += flow.text.length;
    const fits = !("text" in flow) || characters <= charactersMax;
    flows.push(fits ? flow : { id: flow.id, reason: TOO_MUCH });
  }
  return { rows, flows };
}

const TOO_MUCH = "did not fit into the answer any more: it is in the flow repository";
