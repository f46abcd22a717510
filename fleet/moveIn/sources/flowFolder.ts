import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { gt, valid } from "semver";
import { isObject, isText, type Json, type JsonObject, parseJson } from "../../../formats/flows/canonicalJson";
import { ExitCode, UserError } from "../../../model/errors";
import { type FlowReader, flowFacts, tooLarge } from "../flowFacts";
import type { Inventory, SourceFlow } from "../inventory";

/** Placeholder for a flow file without an id. LangFlow assigns an id when it imports the file. */
const ANY_ID = "00000000-0000-4000-8000-000000000000";
/** Maximum size of a file of flows. JavaScript's maximum string length is less than twice as much. */
const FILE_BYTES_MAX = 256 * 1024 ** 2;
const NO_VARIABLES: ReadonlySet<string> = new Set();

const UNSEEN = [
  "users, variables, keys, chats, files and the flows' owners: flow files do not contain them",
  "whether the flows' files exist: flow files contain only their names",
];

/**
 * Returns an inventory of the flow files in a folder, as LangFlow and `lfx` export them, with one or several flows per
 * file. Includes subfolders, except hidden ones and links.
 *
 * @throws UserError (BadInput) if no file contains a flow, or a file cannot be read
 */
export async function flowFolderInventory(folder: string, onFlow?: FlowReader): Promise<Inventory> {
  const flows: SourceFlow[] = [];
  const others: string[] = [];
  const versions: string[] = [];
  for (const path of filesIn(folder)) {
    const name = relative(folder, path);
    const { size } = statSync(path);
    const held = size > FILE_BYTES_MAX ? [tooLarge(size)] : flowsIn(contentsOf(path));
    if (held.length === 0) others.push(name);
    for (const flow of held) {
      const bytes = held.length === 1 ? size : Buffer.byteLength(JSON.stringify(flow));
      flows.push(await factsOf(name, bytes, flow, onFlow));
      if (typeof flow !== "string" && isText(flow.last_tested_version)) versions.push(flow.last_tested_version);
    }
  }
  if (flows.length === 0)
    throw new UserError(
      `${folder} contains neither langflow.db nor a flow in a .json file: pass LangFlow's config folder, or a folder with exported flows, unpacked`,
      ExitCode.BadInput,
    );
  const version = newestOf(versions);
  return {
    source: { kind: "folder of flows", place: folder },
    ...(version !== undefined && { version }),
    flows,
    unseen: [
      ...UNSEEN,
      ...(others.length > 0 ? [`${others.length} .json files without a flow, such as ${others[0]}`] : []),
    ],
  };
}

function filesIn(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true }).filter(({ name }) => !name.startsWith("."));
    return entries
      .toSorted((one, other) => (one.name < other.name ? -1 : 1))
      .flatMap((entry) => {
        const path = join(folder, entry.name);
        if (entry.isDirectory()) return filesIn(path);
        return entry.isFile() && entry.name.endsWith(".json") ? [path] : [];
      });
  } catch (error) {
    throw unreadable(folder, error);
  }
}

/** Returns undefined if the file is not JSON. */
function contentsOf(path: string): Json | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8").replace(/^\uFEFF/, "");
  } catch (error) {
    throw unreadable(path, error);
  }
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

const unreadable = (path: string, error: unknown): UserError =>
  new UserError(
    `${path} cannot be read (${(error as NodeJS.ErrnoException).code}): change its permissions, or pass a copy`,
    ExitCode.BadInput,
  );

/** Accepts a single flow, a list of flows, or a list under `flows`. */
function flowsIn(value: Json | undefined): JsonObject[] {
  if (Array.isArray(value)) return value.filter((each) => isObject(each)).filter(isFlow);
  if (!isObject(value)) return [];
  return isFlow(value) ? [value] : flowsIn(Array.isArray(value.flows) ? value.flows : undefined);
}

const isFlow = ({ data }: JsonObject): boolean => isObject(data) && Array.isArray(data.nodes);

/** @param flow the flow, or the reason why it could not be read */
function factsOf(file: string, bytes: number, flow: JsonObject | string, onFlow?: FlowReader): Promise<SourceFlow> {
  const told = typeof flow === "string" ? {} : flow;
  const name = isText(told.name) ? told.name : basename(file, ".json");
  const id = isText(told.id) ? told.id : file;
  const value = typeof flow === "string" ? flow : { ...flow, name, id: isText(flow.id) ? flow.id : ANY_ID };
  return flowFacts({ id, name, bytes, value, variables: NO_VARIABLES }, onFlow);
}

/** Returns the newest of the LangFlow versions with which the flows were last saved. */
function newestOf(versions: readonly string[]): string | undefined {
  const known = versions.filter((version) => valid(version) !== null);
  return known.reduce<string | undefined>(
    (newest, each) => (newest === undefined || gt(each, newest) ? each : newest),
    undefined,
  );
}
