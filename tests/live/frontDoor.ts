import { request } from "node:http";
import { dirname, join } from "node:path";
import { accessToken } from "../../agent/langflow/accessToken";
import { type Route, ruleOf } from "../../model/frontDoor/routes";
import { KEPT_BY_NONE, LangFlowApi } from "./langflowApi";
import type { LiveFleet } from "./liveFleet";

/** Ids of a user's objects, by the name of the route parameter that they replace. */
export type Belongings = Readonly<Record<string, string>>;

export interface Answer {
  readonly route: Route;
  readonly status: number;
  /** Body of the response, except for streams. */
  readonly text: string;
}

/** Parses the approved list, whose lines have the form `GET /path`. */
export function routesOf(lines: readonly string[]): Route[] {
  return lines.map((line) => {
    const [method = "", path = ""] = line.split(" ");
    return { method, path };
  });
}

const nameOf = ({ method, path }: Route): string => `${method} ${path}`;

/** Id of a nonexistent object, for route parameters without a belonging. */
const NOBODYS = "00000000-0000-4000-8000-00000000dead";
const NOBODYS_THINGS: Belongings = Object.fromEntries(
  ["flow_id", "variable_id", "file_id", "message_id", "session_id", "trigger_id", "stranger_id"].map((name) => [
    name,
    NOBODYS,
  ]),
);
const ANSWER_TIMEOUT_MS = 20_000;
/** Time after which an upgrade that was not closed and sent no frame counts as accepted, in milliseconds. */
const UPGRADE_CLOSES_MS = 5_000;
/** Opcode of a WebSocket's close frame (RFC 6455, 5.2). */
const CLOSE_FRAME = 8;
/** Number of parallel requests. LangFlow has a single thread. */
const AT_ONCE = 6;

/** Fields that most routes accept, all in one body: LangFlow ignores unknown fields. */
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

/** Bodies of routes that need other fields, built from a user's objects. */
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

/** Whether a route refers to a user's object in its path, query or body. */
export function namesThings(route: Route, things: Belongings): boolean {
  const inPath = [...route.path.matchAll(/\{(\w+)(?::\w+)?\}/g)].some(([, name = ""]) => name in things);
  return inPath || nameOf(route) in OF_THINGS || /\/monitor\//.test(route.path);
}

/** Sends a request to every route at one address with the credentials of one caller. */
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

/** Requests an upgrade and returns the status: 101 if the upgrade is accepted. */
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
    // LangFlow accepts every upgrade, and then closes those of unknown callers, with a code (1008) or without.
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

/** Whether a response is a rejection: the expected one, or one for a reason that LangFlow checks earlier. */
function refuses({ route, status }: Answer): boolean {
  return status === 401 || status === 403 || (ruleOf(route)?.instead?.includes(status) ?? false);
}

const told = ({ route, status }: Answer): string => `${nameOf(route)}: ${status}`;

/**
 * Returns the responses to a caller without credentials that contradict the access table.
 *
 * @param isClosed whether Cloudflare's rules apply to the address
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

/** The login route itself responds with 401 to a wrong password, and with 429 above its limit. */
const SIGN_IN = "POST /api/v1/login:";

/** Returns responses of superuser-only routes to an ordinary user that are not rejections. */
export function wrongToUsers(answers: readonly Answer[]): string[] {
  return answers
    .filter((answer) => !refuses(answer))
    .map(told)
    .sort();
}

/**
 * Returns responses to a user who requested another user's objects that are neither rejections nor the table's
 * exceptions.
 */
export function wrongToOthers(answers: readonly Answer[]): string[] {
  const isRefusal = (status: number) => status >= 400 && status < 500 && status !== 422;
  return answers
    .filter(({ route, status }) => !isRefusal(status) && !ruleOf(route)?.others?.includes(status))
    .map(told)
    .sort();
}

/** Returns the responses that contain one of the marks, which must not appear in them. */
export function showing(answers: readonly Answer[], marks: readonly string[]): string[] {
  return answers
    .filter(({ text }) => marks.some((mark) => text.includes(mark)))
    .map(told)
    .sort();
}

/** Prefix of the names and texts of a user's objects. */
export const MARK = "of-ada-alone";
const SESSION_MS = 3_600_000;
const WHOAMI = "/api/v1/users/whoami";

interface Guest {
  readonly id: string;
  /** Session token and API key, because routes accept one or the other. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Creates a user with a session and an API key, without a login: LangFlow allows five per minute. */
export async function guest(fleet: LiveFleet, region: string, username: string): Promise<Guest> {
  const { url, apiKey, secretKey } = await fleet.langflow(region);
  const id = await LangFlowApi.withKey(url, apiKey).makeUser({ username, password: `${username}-s own passw0rd` });
  const token = accessToken(secretKey, id, Date.now() + SESSION_MS);
  const { api_key } = await LangFlowApi.withToken(url, token).call("POST", "/api/v1/api_key/", { name: "own" });
  return { id, headers: { authorization: `Bearer ${token}`, "x-api-key": api_key } };
}

/** Creates one of each kind of object that a user can have, by the name of its route parameter. */
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

/** Columns that each region writes itself in replicated rows. */
const REGIONAL = ["updated_at", "next_fire_at"];
/** Settings that LangFlow gives each project without any, ten seconds after its start (`init_mcp_servers`). */
const AUTH_SETTINGS = { auth_type: "apikey" };

/** Returns a region's data of a user, which must not change whatever another user requests. */
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

/**
 * Returns all routes that a region's LangFlow serves, as `GET /path`, according to its own program and settings. Takes
 * 15 s.
 */
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

/** Requests a path exactly as written, without the normalization of a URL. */
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
