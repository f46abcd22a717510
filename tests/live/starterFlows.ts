import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type JsonObject, parseJson } from "../../formats/flows/canonicalJson";
import { exportedFlow } from "../../formats/flows/flowFile";
import type { ApiFlow, LangFlowApi } from "./langflowApi";
import type { LiveFleet } from "./liveFleet";

/** Returns the starter flows of the running LangFlow release: real flows of up to half a megabyte. */
export async function starterFlows(fleet: LiveFleet): Promise<JsonObject[]> {
  const lib = join(await fleet.lfx(), "../../lib");
  const python = readdirSync(lib).find((name) => name.startsWith("python3")) ?? "";
  const folder = join(lib, python, "site-packages/langflow/initial_setup/starter_projects");
  const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return files.sort().map((name) => parseJson(readFileSync(join(folder, name), "utf8")) as JsonObject);
}

/** Creates a starter flow in a region, as the UI does when a user picks one. */
export function makeStarter(langflow: LangFlowApi, starter: JsonObject, name: string): Promise<ApiFlow> {
  return langflow.create(name, contentsOf(starter));
}

/** Creates a starter flow with a given id, so that the request can be repeated if its response was lost. */
export function putStarter(langflow: LangFlowApi, id: string, starter: JsonObject, name: string): Promise<ApiFlow> {
  return langflow.call("PUT", `/api/v1/flows/${id}`, { ...contentsOf(starter), name });
}

function contentsOf(starter: JsonObject): JsonObject {
  const {
    description = "",
    icon = null,
    icon_bg_color = null,
    tags = null,
    is_component = false,
    data = null,
  } = starter;
  return { description, icon, icon_bg_color, tags, is_component, data };
}

const ANY_NAME: ReadonlySet<string> = Object.assign(new Set<string>(), { has: () => true });

/** Returns all flows of a region by id, each as its normalized export, which is the same for equal flows. */
export async function flowTexts(langflow: LangFlowApi): Promise<Map<string, string>> {
  const listed = parseJson(await langflow.text("/api/v1/flows/?get_all=true&header_flows=false")) as JsonObject[];
  return new Map(listed.map((flow) => [String(flow.id), exportedFlow(flow, { variables: ANY_NAME }).text]));
}
