import { isObject } from "../../../agent/flows/canonicalJson";
import { exportedFlow, NotAFlow } from "../../../agent/flows/flowFile";
import { printable } from "../../../agent/moveIn/names";
import { type DatabaseAddress, withDatabase } from "../../../agent/postgres/connection";
import { messageOf } from "../../rehearsal/outcome";
import type { Answer } from "../../rehearsal/rehearsedLangFlow";
import { partsApart, withoutCode } from "../../rehearsal/stage";
import type { ExpectedFlow, ExpectedSource } from "./readSource";
import { OK, UserSession } from "./session";

/** A region of a local fleet, as a comparison reaches it. */
export interface TriedRegion {
  readonly region: string;
  /** Of its LangFlow. */
  readonly url: string;
  readonly database: DatabaseAddress;
  readonly secretKey: string;
}

/** What a region's LangFlow shows otherwise than the source has it, or not at all. */
export interface Difference {
  readonly region: string;
  readonly user: string;
  readonly what: string;
  readonly said: string;
  /** It comes of LangFlow's own migrations, or `inspect` names it. */
  readonly isForeseen: boolean;
}

/** How many a region's LangFlow showed to their users. */
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

/** LangFlow answers few at once in reasonable time. */
const AT_ONCE = 4;
/** Most sessions of a chat that LangFlow lists at once (`_MESSAGES_MAX_LIMIT` in `langflow/api/v1/monitor.py`). */
const CHATS_AT_ONCE = 200;

/** What a region's database holds of one user. */
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

// LangFlow shows neither its own variables, whose names have lines before and behind, nor one that is no secret and empty; and of chats
// none of its own assistant's, and none of a public flow's visitors, whose flows have ids of version 5.
const HELD = `SELECT id::text, username, is_active AS "isActive",
    (SELECT count(*)::int FROM variable v WHERE v.user_id = u.id AND v.name NOT LIKE '\\_\\_%\\_\\_'
      AND (v.type <> 'Generic' OR v.value <> '')) AS variables,
    (SELECT count(DISTINCT m.session_id)::int FROM message m JOIN flow f ON f.id = m.flow_id WHERE f.user_id = u.id
      AND m.session_id NOT LIKE 'agentic_%' AND substr(f.id::text, 15, 1) <> '5') AS chats,
    (SELECT coalesce(json_agg(json_build_object('id', f.id, 'name', f.name, 'path', f.path, 'size', f.size)), '[]') FROM file f WHERE f.user_id = u.id) AS files,
    (SELECT count(*)::int FROM mcp_server s WHERE s.user_id = u.id) AS "mcpServers"
  FROM "user" u`;

/**
 * Signs each user of a source in at a region's LangFlow, and compares what it shows with the source, flow by flow, and with its
 * database. Nothing is changed, and no flow is run.
 *
 * @param opens whether LangFlow has to make a graph of each flow, which takes it half a second; all regions do that alike
 * @param progress told what was done
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
  // Of which `inspect` says that they will not run as they are.
  const foreseen = new Set(
    inventory.flows.flatMap(({ id, localPaths, ownCode }) => (localPaths.length + ownCode.length > 0 ? [id] : [])),
  );
  const differences: Difference[] = [];
  const count = { users: 0, flows: 0, variables: 0, chats: 0, files: 0, fileBytes: 0, mcpServers: 0 };
  for (const { id: sourceId, name } of users) {
    const differs = (what: string, said: string, isForeseen = false) =>
      differences.push({ region, user: printable(name), what: printable(what), said: printable(said), isForeseen });
    const own = held.find(({ username }) => username.toLowerCase() === name.toLowerCase());
    if (!own?.isActive) {
      const isDamaged = damaged.has(`user ${name}`);
      differs("sign-in", own ? "deactivated in the fleet" : "is not in the fleet", !own && isDamaged);
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
      differs(LISTS.mcpServers, "are in a file: `langflow migrate-mcp` brings them", true);
    await fewAtOnce(own.files, async (file) => {
      const bytes = await session.download(`/api/v2/files/${file.id}`);
      if (bytes === file.size) {
        count.files++;
        count.fileBytes += bytes;
        return;
      }
      // Its path is below the id that its user had in the source.
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

/** In what a flow is another than in the source, or why it does not open; undefined: it is the same, and opens. */
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
      ? { said: "has other code of a component, by LangFlow's migrations", isForeseen: true }
      : { said: apart, isForeseen: false };
  } catch (error) {
    if (error instanceof NotAFlow) return { said: error.message, isForeseen: false };
    throw error;
  }
}
