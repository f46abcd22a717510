import { request } from "node:http";
import { dirname, join } from "node:path";
import { accessToken } from "../../agent/langflow/accessToken";
import { type Route, ruleOf } from "../../model/frontDoor/routes";
import { KEPT_BY_NONE, LangFlowApi } from "./langflowApi";
import type { LiveFleet } from "./liveFleet";

/** What stands in a route's path for something of a user's, by the name it has there. */
export type Belongings = Readonly<Record<string, string>>;

export interface Answer {
  readonly route: Route;
  readonly status: number;
  /** What was said, but for streams. */
  readonly text: string;
}

/** `GET /path`, as the approved list has it. */
export function routesOf(lines: readonly string[]): Route[] {
  return lines.map((line) => {
    const [method = "", path = ""] = line.split(" ");
    return { method, path };
  });
}

const nameOf = ({ method, path }: Route): string => `${method} ${path}`;

/** Nobody's, wherever a route wants something that the belongings do not have. */
const NOBODYS = "00000000-0000-4000-8000-00000000dead";
const NOBODYS_THINGS: Belongings = Object.fromEntries(
  ["flow_id", "variable_id", "file_id", "message_id", "session_id", "trigger_id", "stranger_id"].map((name) => [
    name,
    NOBODYS,
  ]),
);
const ANSWER_TIMEOUT_MS = 20_000;
/** An upgrade that is not closed by then, and brought no frame, counts as taken. */
const UPGRADE_CLOSES_MS = 5_000;
/** The code of a WebSocket's closing frame (RFC 6455, 5.2). */
const CLOSE_FRAME = 8;
/** So many at once: LangFlow has one thread. */
const AT_ONCE = 6;

/** What most routes want in a body, all of it at once: LangFlow takes what it knows of it. */
const BODY = {
  name: "taken",
  description: "taken",
  username: "stranger",
  password: "a stranger-s passw0rd",
  data: { nodes: [], edges: [] },
  value: "taken",
  type: "Generic",
  text: "taken",
  sender: "User",
  sender_name: "taken",
  session_id: "taken",
  input_value: "taken",
  code: "print('taken')",
  components: [],
  flows: [],
  field: "code",
  field_value: "",
  template: {},
};

/** What these want instead, of things that are a user's. */
const OF_THINGS: Readonly<Record<string, (things: Belongings) => unknown>> = {
  "DELETE /api/v1/flows/": ({ flow_id }) => [flow_id],
  "POST /api/v1/flows/download/": ({ flow_id }) => [flow_id],
  "POST /api/v1/flows/{flow_id}/events": () => ({ type: "component_added", data: {} }),
  "POST /api/v1/build/{flow_id}/vertices": () => ({ nodes: [], edges: [] }),
  "POST /api/v2/workflows": ({ flow_id }) => ({ flow_id, input_value: "taken" }),
  "POST /api/v1/memories": ({ flow_id }) => ({ flow_id, name: "taken" }),
  "POST /api/v1/memories/": ({ flow_id }) => ({ flow_id, name: "taken" }),
  "POST /api/v1/triggers": ({ flow_id }) => ({
    flow_id,
    name: "taken",
    kind: "schedule",
    config: { cron: "* * * * *" },
    state: "active",
  }),
  "PATCH /api/v1/triggers/{trigger_id}": () => ({ name: "taken" }),
  "POST /api/v1/triggers/{trigger_id}/test": () => ({}),
  "POST /api/v1/triggers/{trigger_id}/replay": ({ trigger_id }) => ({ event_id: trigger_id }),
  "POST /api/v1/triggers/{trigger_id}/pin": ({ flow_id }) => ({ flow_version_id: flow_id }),
  "PATCH /api/v1/variables/{variable_id}": ({ variable_id }) => ({ id: variable_id, value: "taken" }),
  "PATCH /api/v1/users/{user_id}/reset-password": () => ({
    current_password: "a stranger-s passw0rd",
    password: "another passw0rd-1",
  }),
  "DELETE /api/v1/monitor/messages": ({ message_id }) => [message_id],
  "DELETE /api/v1/monitor/messages/sessions": ({ session_id }) => [session_id],
  "DELETE /api/v2/files/batch/": ({ file_id }) => [file_id],
  "POST /api/v2/files/batch/": ({ file_id }) => [file_id],
  "PATCH /api/v1/mcp/project/{project_id}": () => ({ settings: [] }),
  "POST /api/v1/mcp/project/{project_id}/install": () => ({ client: "cursor" }),
  "PUT /api/v1/projects/{project_id}/replacement-operations/{operation_id}": () => ({ description: "", flows: [] }),
  "POST /api/v1/authz/shares": shares,
  "POST /api/v1/authz/shares/": shares,
  "POST /api/v1/authz/me/permissions": ({ flow_id }) => ({
    resource_type: "flow",
    resource_ids: [flow_id],
    actions: ["read", "write", "delete"],
  }),
};

function shares({ flow_id, stranger_id }: Belongings) {
  return {
    resource_type: "flow",
    resource_id: flow_id,
    scope: "user",
    target_id: stranger_id,
    permission_level: "write",
  };
}

/** Whether a route is asked for something of a user's: in its path, its query or its body. */
export function namesThings(route: Route, things: Belongings): boolean {
  const inPath = [...route.path.matchAll(/\{(\w+)(?::\w+)?\}/g)].some(([, name = ""]) => name in things);
  return inPath || nameOf(route) in OF_THINGS || /\/monitor\//.test(route.path);
}

/** Asks one address for every route, in the name of one caller. */
export async function answersOf(
  url: string,
  routes: readonly Route[],
  headers: Readonly<Record<string, string>>,
  belongings: Belongings = {},
): Promise<Answer[]> {
  const answers: Answer[] = [];
  const waiting = [...routes];
  const work = async () => {
    for (let route = waiting.shift(); route; route = waiting.shift())
      answers.push(await ask(url, route, headers, belongings));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return answers;
}

async function ask(
  url: string,
  route: Route,
  headers: Readonly<Record<string, string>>,
  belongings: Belongings,
): Promise<Answer> {
  const path = route.path.replaceAll(/\{(\w+)(:\w+)?\}/g, (_, name: string) => belongings[name] ?? NOBODYS);
  if (route.method === "WS") return { route, ...(await upgrade(url + path, headers)) };
  const body = bodyOf(route, belongings);
  const { flow_id } = belongings;
  const query = new URLSearchParams({ new_session_id: "taken", name: "taken" });
  if (flow_id !== undefined && !route.path.includes("custom_component"))
    for (const name of ["flow_id", "source_flow_id"]) query.set(name, flow_id);
  const response = await fetch(`${url}${path}?${query}`, {
    method: route.method,
    headers: { ...KEPT_BY_NONE, ...headers, ...(typeof body === "string" && { "content-type": "application/json" }) },
    redirect: "manual",
    signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    ...(body !== undefined && { body }),
  });
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  if (isStream) await response.body?.cancel();
  return { route, status: response.status, text: isStream ? "" : await response.text() };
}

function bodyOf(route: Route, belongings: Belongings): string | FormData | URLSearchParams | undefined {
  const { method, path } = route;
  const own = OF_THINGS[nameOf(route)];
  if (own) return JSON.stringify(own({ ...NOBODYS_THINGS, ...belongings }));
  if (["GET", "HEAD", "DELETE"].includes(method)) return undefined;
  if (path === "/api/v1/login") return new URLSearchParams({ username: "stranger", password: "no password" });
  if (/\/files(\/|$)|upload/.test(path) && method === "POST" && !path.endsWith("batch/")) {
    const form = new FormData();
    form.append("file", new Blob(["taken"]), "taken.txt");
    return form;
  }
  return JSON.stringify(BODY);
}

/** The status of the answer to an upgrade: 101 where it is taken. */
function upgrade(url: string, headers: Readonly<Record<string, string>>): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(url, {
      timeout: ANSWER_TIMEOUT_MS,
      headers: {
        ...headers,
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": Buffer.from("sixteen bytes ok").toString("base64"),
      },
    });
    // LangFlow takes every upgrade, and closes those of callers it does not know, with a code (1008) or without.
    asked.on("upgrade", (_answer, socket, head) => {
      const parts: Uint8Array[] = [head];
      const settle = (untold: number) => {
        clearTimeout(deadline);
        const frames = Buffer.concat(parts);
        const [first = untold] = frames;
        socket.destroy();
        const text = frames.subarray(2).toString();
        const isClosed = (first & 0x0f) === CLOSE_FRAME || text.includes("Failed to load flow");
        resolve({ status: isClosed ? 403 : 101, text: "" });
      };
      const deadline = setTimeout(() => settle(0), UPGRADE_CLOSES_MS);
      socket.on("data", (part: Buffer) => parts.push(part));
      socket.once("close", () => settle(CLOSE_FRAME));
      socket.on("error", () => undefined);
    });
    asked.on("response", (answer) => {
      answer.resume();
      resolve({ status: answer.statusCode ?? 0, text: "" });
    });
    asked.on("timeout", () => asked.destroy(new Error(`no answer: ${url}`)));
    asked.on("error", reject);
    asked.end();
  });
}

/** Whether an answer refuses: as it should, or by what LangFlow looks at first. */
function refuses({ route, status }: Answer): boolean {
  return status === 401 || status === 403 || (ruleOf(route)?.instead?.includes(status) ?? false);
}

const told = ({ route, status }: Answer): string => `${nameOf(route)}: ${status}`;

/**
 * What a caller without credentials was answered otherwise than the table says.
 *
 * @param isClosed whether Cloudflare's rules were before it
 */
export function wrongToStrangers(answers: readonly Answer[], isClosed: boolean): string[] {
  const isWrong = (answer: Answer) => {
    const access = ruleOf(answer.route)?.access;
    if (access === "nobody") return (answer.status === 403) !== isClosed;
    return access === "anyone" ? [401, 403].includes(answer.status) : !refuses(answer);
  };
  return answers
    .filter(isWrong)
    .map(told)
    .filter((line) => !line.startsWith(SIGN_IN))
    .sort();
}

/** It says 401 itself, to a wrong password, and 429 once it was asked too often. */
const SIGN_IN = "POST /api/v1/login:";

/** What an ordinary user was answered by what is the superuser's, where that is no refusal. */
export function wrongToUsers(answers: readonly Answer[]): string[] {
  return answers
    .filter((answer) => !refuses(answer))
    .map(told)
    .sort();
}

/** What a user was answered who asked for another's, where that is neither a refusal nor what the table says instead. */
export function wrongToOthers(answers: readonly Answer[]): string[] {
  const isRefusal = (status: number) => status >= 400 && status < 500 && status !== 422;
  return answers
    .filter(({ route, status }) => !isRefusal(status) && !ruleOf(route)?.others?.includes(status))
    .map(told)
    .sort();
}

/** Which answers have something in them that they must not, be it that the question did not have it. */
export function showing(answers: readonly Answer[], marks: readonly string[]): string[] {
  return answers
    .filter(({ text }) => marks.some((mark) => text.includes(mark)))
    .map(told)
    .sort();
}

/** Names and texts of what is a user's begin so. */
export const MARK = "of-ada-alone";
const SESSION_MS = 3_600_000;
const WHOAMI = "/api/v1/users/whoami";

interface Guest {
  readonly id: string;
  /** A session's and a key's: whichever a route asks for. */
  readonly headers: Readonly<Record<string, string>>;
}

/** A user with a session and a key, made without a sign-in: LangFlow takes five a minute. */
export async function guest(fleet: LiveFleet, region: string, username: string): Promise<Guest> {
  const { url, apiKey, secretKey } = await fleet.langflow(region);
  const id = await LangFlowApi.withKey(url, apiKey).makeUser({ username, password: `${username}-s own passw0rd` });
  const token = accessToken(secretKey, id, Date.now() + SESSION_MS);
  const { api_key } = await LangFlowApi.withToken(url, token).call("POST", "/api/v1/api_key/", { name: "own" });
  return { id, headers: { authorization: `Bearer ${token}`, "x-api-key": api_key } };
}

/** One of each that a user can have, by the names that routes have for it. */
export async function thingsOf(url: string, { id, headers }: Guest, stranger: Guest): Promise<Belongings> {
  const api = new LangFlowApi(url, headers);
  const flow = (await api.createRunnable(MARK)).id;
  const [{ id: project }] = await api.call("GET", "/api/v1/projects/");
  const variable = { name: MARK, value: MARK, type: "Generic", default_fields: [] };
  const { id: variable_id } = await api.call("POST", "/api/v1/variables/", variable);
  await api.upload(`${MARK}.txt`, MARK);
  const [{ id: file_id }] = await api.call("GET", "/api/v2/files/");
  const { id: trigger_id } = await api.call("POST", "/api/v1/triggers", {
    flow_id: flow,
    name: MARK,
    kind: "schedule",
    config: { cron: "0 0 1 1 *" },
    state: "active",
  });
  await api.run(flow, MARK);
  const [message] = await api.call("GET", `/api/v1/monitor/messages?flow_id=${flow}`);
  const [key] = (await api.call("GET", "/api/v1/api_key/")).api_keys;
  return {
    flow_id: flow,
    flow_id_or_name: flow,
    _flow_id: flow,
    project_id: project,
    folder_id: project,
    variable_id,
    file_id,
    file_name: `${MARK}.txt`,
    trigger_id,
    message_id: message.id,
    session_id: message.session_id,
    old_session_id: message.session_id,
    api_key_id: key.id,
    user_id: id,
    stranger_id: stranger.id,
  };
}

/** What each region writes of its own accord, for its part in what is shared. */
const REGIONAL = ["updated_at", "next_fire_at"];
/** What a LangFlow that is just up gives each project that has none, ten seconds later (`init_mcp_servers`). */
const AUTH_SETTINGS = { auth_type: "apikey" };

/** What a region has of a user's: to be the same, whatever another user asked for. */
export async function stateOf(
  url: string,
  headers: Readonly<Record<string, string>>,
  flow: string,
): Promise<readonly unknown[]> {
  const api = new LangFlowApi(url, headers);
  const asked = [
    `/api/v1/flows/${flow}`,
    "/api/v1/variables/",
    "/api/v2/files/",
    `/api/v1/triggers?flow_id=${flow}`,
    "/api/v1/projects/",
    `/api/v1/monitor/messages?flow_id=${flow}`,
    WHOAMI,
  ];
  const answers = await Promise.all(asked.map((path) => api.text(path)));
  const keys: { id: string }[] = (await api.call("GET", "/api/v1/api_key/")).api_keys;
  const shared = (name: string, value: unknown) => {
    if (REGIONAL.includes(name)) return undefined;
    return name === "auth_settings" ? (value ?? AUTH_SETTINGS) : value;
  };
  return [...answers.map((text) => JSON.parse(text, shared)), keys.map(({ id }) => id)];
}

/** `GET /path` of every route that the LangFlow of a region serves, asked of its own program and settings; 15 s. */
export async function servedRoutes(fleet: LiveFleet, region: string): Promise<string[]> {
  const python = join(dirname(await fleet.lfx()), "python");
  const said = await fleet.beside(region, "langflow", `${python} ${join(__dirname, "servedRoutes.py")}`);
  const routes: { methods: string[]; path: string }[] = JSON.parse(said.trim().split("\n").at(-1) ?? "");
  const lines = routes.flatMap(({ methods, path }) =>
    methods.map((method) => `${method === "APIWebSocketRoute" ? "WS" : method} ${path}`),
  );
  const place = (line: string) => line.slice(line.indexOf(" "));
  return [...new Set(lines)].sort((one, other) => (place(one) + one < place(other) + other ? -1 : 1));
}

/** The answer to a path that is sent as it is written, which a URL would not be. */
export function askedAsWritten(url: string, path: string): Promise<{ status: number; text: string }> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const asked = request({ hostname, port, path, headers: KEPT_BY_NONE }, (answer) => {
      const parts: Uint8Array[] = [];
      answer.on("data", (part: Buffer) => parts.push(part));
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(parts).toString() }));
    });
    asked.on("error", reject);
    asked.end();
  });
}
