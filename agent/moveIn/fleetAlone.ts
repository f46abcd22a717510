import type { ClientBase } from "pg";
import type { FleetAlone, FlowText } from "../../formats/moveIn/result";
import { flowTexts } from "./flowTexts";
import { sinceImport } from "./sinceImport";

/** Maximum length of all texts together. The response is a single object that must fit in memory. */
const CHARACTERS_MAX = 64 * 1024 ** 2;

/**
 * Returns the region's rows that were created, changed or deleted since the import.
 *
 * @param withFlows also return the texts of flows
 * @param charactersMax maximum length of all texts; flows beyond it are returned with a reason instead of a text
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
    const length = "text" in flow ? flow.text.length : 0;
    const fits = characters + length <= charactersMax;
    if (fits) characters += length;
    flows.push(fits ? flow : { id: flow.id, reason: TOO_MUCH });
  }
  return { rows, flows };
}

const TOO_MUCH = "omitted because the report would be too large: see the flow repository";
