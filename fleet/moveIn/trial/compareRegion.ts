import { type DatabaseAddress, withDatabase } from "../../../agent/postgres/connection";
import { isObject } from "../../../formats/flows/canonicalJson";
import { exportedFlow, NotAFlow } from "../../../formats/flows/flowFile";
import { printable, printedName } from "../../../formats/moveIn/names";
import { messageOf } from "../../rehearsal/outcome";
import type { Answer } from "../../rehearsal/rehearsedLangFlow";
import { partsApart, withoutCode } from "../../rehearsal/stage";
import type { ExpectedFlow, ExpectedSource } from "./readSource";
import { OK, UserSession } from "./session";

/** A region of a local fleet that takes part in a comparison. */
export interface TriedRegion {
  readonly region: string;
  /** URL of the region's LangFlow. */
  readonly url: string;
  readonly database: DatabaseAddress;
  readonly secretKey: string;
}

/** A difference between the source and what a region's LangFlow shows. */
export interface Difference {
  readonly region: string;
  readonly user: string;
  readonly what: string;
  readonly said: string;
  /** Whether LangFlow's own migrations cause the difference, or `inspect` predicts it. */
  readonly isForeseen: boolean;
}

/** Number of objects that a region's LangFlow showed to their users. */
export interface Shown {
  readonly region: string;
  readonly users: number;
  readonly flows: number;
  readonly variables: number;
  readonly chats: number;
  readonly files: number;
  readonly fileBytes: number;
  readonly mcpServers: number;
}

export interface Compared {
  readonly shown: Shown;
  readonly differences: readonly Difference[];
}

/** Number of concurrent requests. LangFlow slows down with more. */
const AT_ONCE = 4;
/**
 * Maximum number of chat sessions that LangFlow lists per request (`_MESSAGES_MAX_LIMIT` in
 * `langflow/api/v1/monitor.py`).
 */
const CHATS_AT_ONCE = 200;

/** One user's data in a region's database. */
interface HeldUser {
  readonly id: string;
  readonly username: string;
  readonly isActive: boolean;
  readonly variables: number;
  readonly chats: number;
  readonly files: readonly {
    readonly id: string;
    readonly name: string;
    readonly path: string;
    readonly size: number;
  }[];
  readonly mcpServers: number;
}

// Counts only what LangFlow's API shows. The API omits LangFlow's own variables, whose names start and end with two
// underscores, and empty generic variables. It also omits the chats of LangFlow's assistant and of visitors to public
// flows, which have version 5 UUIDs.
const HELD = `SELECT id::text, username, is_active AS "isActive",
    (SELECT count(*)::int FROM variable v WHERE v.user_id = u.id AND v.name NOT LIKE '\\_\\_%\\_\\_'
      AND (v.type <> 'Generic' OR v.value <> '')) AS variables,
    (SELECT count(DISTINCT m.session_id)::int FROM message m JOIN flow f ON f.id = m.flow_id WHERE f.user_id = u.id
      AND m.session_id NOT LIKE 'agentic_%' AND substr(f.id::text, 15, 1) <> '5') AS chats,
    (SELECT coalesce(json_agg(json_build_object('id', f.id, 'name', f.name, 'path', f.path, 'size', f.size)), '[]') FROM file f WHERE f.user_id = u.id) AS files,
    (SELECT count(*)::int FROM mcp_server s WHERE s.user_id = u.id) AS "mcpServers"
  FROM "user" u`;

/**
 * Signs in each user of a source to a region's LangFlow, and compares what LangFlow shows with the source, flow by
 * flow, and with the region's database. Changes nothing and runs no flow.
 *
 * @param opens whether LangFlow must also build each flow's graph, which takes half a second; the result is the same in
 * every region
 * @param progress called with progress messages
 */
export async function compareRegion(
  tried: TriedRegion,
  { inventory, flows }: ExpectedSource,
  opens: boolean,
  progress: (done: string) => void,
  signal: AbortSignal,
): Promise<Compared> {
  const { region, url, secretKey } = tried;
  const users = (inventory.users ?? []).filter(({ isActive }) => isActive);
  const held = await withDatabase(tried.database, async (client) => (await client.query<HeldUser>(HELD)).rows);
  const damaged = new Set((inventory.damaged ?? []).map(({ table, name }) => `${table} ${name}`));
  // Flows for which `inspect` predicts that they will not run unchanged.
  const foreseen = new Set(
    inventory.flows.flatMap(({ id, localPaths, ownCode }) => (localPaths.length + ownCode.length > 0 ? [id] : [])),
  );
  const differences: Difference[] = [];
  const count = { users: 0, flows: 0, variables: 0, chats: 0, files: 0, fileBytes: 0, mcpServers: 0 };
  for (const { id: sourceId, name } of users) {
    const differs = (what: string, said: string, isForeseen = false) =>
      differences.push({ region, user: printedName(name), what: printable(what), said: printable(said), isForeseen });
    const own = held.find(({ username }) => username.toLowerCase() === name.toLowerCase());
    if (!own?.isActive) {
      const isDamaged = damaged.has(`user ${name}`);
      differs("sign-in", own ? "deactivated in the fleet" : "missing in the fleet", !own && isDamaged);
      continue;
    }
    const session = new UserSession(url, own.id, secretKey, signal);
    const me = await session.ask("/api/v1/users/whoami");
    if (me.status !== OK) {
      differs("sign-in", messageOf(me.body));
      continue;
    }
    count.users++;
    const list = async (what: "variables" | "chats" | "mcpServers", answer: Promise<Answer>) => {
      const { status, body } = await answer;
      const found = Array.isArray(body) ? body.length : 0;
      count[what] += found;
      if (status !== OK) differs(LISTS[what], messageOf(body));
      else if (found < own[what]) differs(LISTS[what], `shows ${found} of ${own[what]}`);
      return found;
    };
    await list("variables", session.ask("/api/v1/variables/"));
    await list("chats", session.list("/api/v1/monitor/messages/sessions", CHATS_AT_ONCE));
    const servers = await list("mcpServers", session.ask("/api/v2/mcp/servers?action_count=false"));
    if (servers === 0 && inventory.mcpFilesOf?.includes(name))
      differs(LISTS.mcpServers, "are in a file: import them with `langflow migrate-mcp`", true);
    await fewAtOnce(own.files, async (file) => {
      const bytes = await session.download(`/api/v2/files/${file.id}`);
      if (bytes === file.size) {
        count.files++;
        count.fileBytes += bytes;
        return;
      }
      // The source's path starts with the id that the user had there.
      const isMissing = inventory.files?.missing?.includes(file.path.replace(own.id, sourceId));
      const said = bytes === undefined ? "cannot be read" : `${bytes} of ${file.size} bytes`;
      differs(`file ${file.name}`, said, isMissing);
    });
    const ofUser = flows.filter(({ owner }) => owner === sourceId);
    await fewAtOnce(ofUser, async (flow) => {
      const verdict = await compareFlow(session, flow, { opens, isForeseen: foreseen.has(flow.id) });
      count.flows++;
      const isForeseen = verdict?.isForeseen || damaged.has(`flow ${flow.name} (${name})`);
      if (verdict) differs(`flow ${flow.name}`, verdict.said, isForeseen);
      progress(`${region}: ${count.users} of ${users.length} users, ${count.flows} of ${flows.length} flows`);
    });
    progress(`${region}: ${count.users} of ${users.length} users, ${count.flows} of ${flows.length} flows`);
  }
  return { shown: { region, ...count }, differences };
}

async function fewAtOnce<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  for (let at = 0; at < items.length; at += AT_ONCE) await Promise.all(items.slice(at, at + AT_ONCE).map(work));
}

const LISTS = { variables: "variables", chats: "chats", mcpServers: "MCP servers" } as const;

/** Returns how a flow differs from the source or why it does not open. Returns undefined if it is equal and opens. */
async function compareFlow(
  session: UserSession,
  flow: ExpectedFlow,
  opening: { readonly opens: boolean; readonly isForeseen: boolean },
): Promise<Pick<Difference, "said" | "isForeseen"> | undefined> {
  const { status, body } = await session.ask(`/api/v1/flows/${flow.id}`);
  if (status !== OK || !isObject(body)) return { said: messageOf(body), isForeseen: false };
  const opened = opening.opens ? await session.ask(`/api/v1/build/${flow.id}/vertices`, "POST") : undefined;
  if (opened && opened.status !== OK)
    return { said: `does not open: ${messageOf(opened.body)}`, isForeseen: opening.isForeseen };
  try {
    const file = exportedFlow(body, { variables: flow.variables });
    const apart = partsApart(flow.whole, file);
    if (apart === undefined) return undefined;
    return partsApart(flow.codeless, withoutCode(file)) === undefined
      ? { said: "a component's code differs, because LangFlow's migrations changed it", isForeseen: true }
      : { said: apart, isForeseen: false };
  } catch (error) {
    if (error instanceof NotAFlow) return { said: error.message, isForeseen: false };
    throw error;
  }
}
