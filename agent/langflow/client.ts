import { randomUUID } from "node:crypto";
import { z } from "zod";
import { canonicalJson, isObject, type Json, type JsonObject, parseJson } from "../../formats/flows/canonicalJson";
import { withTimeout } from "../async/withTimeout";
import { request } from "./request";

const TIMEOUT_MS = 60_000;
/** Timeout of requests that LangFlow answers quickly, however large a flow is. */
const SHORT_TIMEOUT_MS = 15_000;
/**
 * A version token that no flow has. LangFlow compares tokens only if the flow has a token, which the first save of its
 * graph sets. A write with this token therefore cannot overwrite a flow that had no token and has been saved since.
 */
const NO_TOKEN = "00000000-0000-0000-0000-000000000000";

/** LangFlow rejected one request. Other requests may still succeed. */
export class LangFlowRefusal extends Error {
  /**
   * @param answer LangFlow's response. Only LangFlow's own words are included in the message, because the response also
   *   repeats the input.
   */
  constructor(
    readonly status: number,
    what: string,
    answer: string,
  ) {
    super([`LangFlow answered ${what} with ${status}`, ownWords(status, answer)].filter(Boolean).join(": "));
  }

  /** True if a different flow has the name or the endpoint name. LangFlow answers 400 to a PATCH and 409 to a PUT. */
  get taken(): boolean {
    return (this.status === 400 || this.status === 409) && this.message.endsWith("must be unique");
  }

  /** True if the graph has changed since it was read. */
  get outdated(): boolean {
    return this.status === 409 && this.message.endsWith("flow_version_conflict");
  }
}

/** LangFlow does not respond, or the response does not come from LangFlow. */
export class LangFlowUnreachable extends Error {}

/** A complete flow, as LangFlow returns it. */
export interface StoredFlow {
  readonly flow: JsonObject;
  /** Token for If-Match, which changes with every change of the graph. */
  readonly versionToken?: string;
  readonly locked: boolean;
}

const id = z.uuid();
const storedShape = z.looseObject({
  id,
  name: z.string(),
  locked: z.boolean().nullish(),
  version_token: z.uuid().nullish(),
});
const madeShape = z.looseObject({ id });

/** Client for LangFlow's HTTP API on behalf of one user. */
export class LangFlow {
  private readonly url: string;

  /**
   * @param url without a path, for example http://langflow
   * @param token returns a valid access token of the user who owns the flows
   */
  constructor(
    url: string,
    private readonly token: () => string,
    private readonly signal?: AbortSignal,
  ) {
    this.url = url.replace(/\/$/, "");
  }

  /**
   * Returns true if LangFlow responds to a minimal request.
   *
   * @throws LangFlowUnreachable if LangFlow rejects the user's token, because it would then reject every request
   */
  async answers(): Promise<boolean> {
    try {
      await this.ask("GET", "/api/v1/users/whoami", undefined, { withinMs: SHORT_TIMEOUT_MS });
      return true;
    } catch (error) {
      if (!(error instanceof LangFlowRefusal)) return false;
      if (error.status === 401 || error.status === 403)
        throw new LangFlowUnreachable(`LangFlow rejects the user's token: ${error.message}`);
      return true;
    }
  }

  /** Returns a flow, or undefined if LangFlow itself reports that the user has no such flow. */
  async flow(id: string): Promise<StoredFlow | undefined> {
    const answer = await this.ask("GET", `/api/v1/flows/${id}`, undefined, {
      mayBeAbsent: true,
      withinMs: SHORT_TIMEOUT_MS,
    });
    return answer === undefined ? undefined : this.stored(id, answer);
  }

  /**
   * Creates or replaces a flow. In a replacement, null leaves a value unchanged, except for the endpoint name.
   *
   * @param now LangFlow's current flow; LangFlow rejects the write if the graph has been saved since
   * @throws LangFlowRefusal `taken` if a different flow has the name or endpoint name; but LangFlow creates a new flow
   *   whose name is taken under a different name, which the result contains
   */
  async put(
    flowId: string,
    flow: JsonObject,
    folderId: string,
    now?: Pick<StoredFlow, "versionToken">,
  ): Promise<StoredFlow> {
    const { id: _, ...rest } = flow;
    const headers: Record<string, string> = now ? { "if-match": now.versionToken ?? NO_TOKEN } : {};
    const body = { data: null, ...rest, folder_id: folderId };
    return this.stored(flowId, await this.ask("PUT", `/api/v1/flows/${flowId}`, body, { headers }));
  }

  /**
   * Creates new flows in one request, either all or none. They have no version token until their graphs are saved.
   *
   * @throws LangFlowRefusal also if a name or an id is taken, usually without naming the flow
   */
  async create(flows: readonly NewFlow[]): Promise<StoredFlow[]> {
    const sent = flows.map(({ id, flow, folderId }) => ({ data: null, ...flow, id, folder_id: folderId }));
    const made = await this.ask("POST", "/api/v1/flows/batch/", { flows: sent });
    if (!Array.isArray(made) || made.length !== flows.length)
      throw new LangFlowUnreachable("LangFlow returned a different number of flows");
    return flows.map(({ id }, index) => this.stored(id, made[index]));
  }

  /**
   * Changes some fields of a flow.
   *
   * @throws LangFlowRefusal like {@link put}
   */
  async patch(id: string, changes: JsonObject): Promise<StoredFlow> {
    return this.stored(id, await this.ask("PATCH", `/api/v1/flows/${id}`, changes));
  }

  /** Locks or unlocks a flow. A locked flow rejects every other change, but can be deleted. */
  async setLock(id: string, locked: boolean): Promise<void> {
    await this.ask("PATCH", `/api/v1/flows/${id}`, { locked });
  }

  /** Deletes a flow. Does not fail if the flow does not exist. */
  async delete(id: string): Promise<void> {
    await this.ask("DELETE", `/api/v1/flows/${id}`, undefined, { mayBeAbsent: true });
  }

  /**
   * Creates a project with PUT. With POST, LangFlow would change a taken name instead of rejecting it.
   *
   * @returns the project's id
   * @throws LangFlowRefusal `taken` if a project has the name
   */
  async makeProject(name: string): Promise<string> {
    const project = { name, description: "" };
    const made = await this.ask("PUT", `/api/v1/projects/${randomUUID()}`, project);
    return this.shaped(madeShape, made, "a project").id;
  }

  private stored(id: string, value: Json | undefined): StoredFlow {
    const shown = this.shaped(storedShape, value, "a flow");
    if (shown.id !== id) throw new LangFlowUnreachable("LangFlow returned a different flow");
    return {
      flow: value as JsonObject,
      ...(shown.version_token && { versionToken: shown.version_token }),
      locked: shown.locked === true,
    };
  }

  private shaped<T extends z.ZodType>(shape: T, value: Json | undefined, what: string): z.infer<T> {
    const parsed = isObject(value) ? shape.safeParse(value) : undefined;
    if (!parsed?.success) throw new LangFlowUnreachable(`LangFlow's answer is not ${what}`);
    return parsed.data;
  }

  /** @returns undefined if the object does not exist and `mayBeAbsent` is set */
  private async ask(
    method: string,
    path: string,
    body?: JsonObject,
    {
      mayBeAbsent = false,
      headers = {},
      withinMs = TIMEOUT_MS,
    }: { mayBeAbsent?: boolean; headers?: Record<string, string>; withinMs?: number } = {},
  ): Promise<Json | undefined> {
    const sent = body && canonicalJson(body, 0);
    const { status, text } = await this.send(method, path, headers, withinMs, sent);
    if (mayBeAbsent && status === 404 && isNotFound(text)) return undefined;
    if (status >= 400) {
      // LangFlow's own responses are JSON. Any other error response comes from a proxy or a starting server and does
      // not concern the request. The exception is 500: LangFlow reports an unexpected error about one flow as plain
      // text.
      if ([429, 502, 504].includes(status) || (status !== 500 && !isJson(text)))
        throw new LangFlowUnreachable(`LangFlow answered ${method} ${path} with ${status}`);
      throw new LangFlowRefusal(status, `${method} ${path}`, text);
    }
    try {
      return text === "" ? null : parseJson(text);
    } catch {
      throw new LangFlowUnreachable(`LangFlow's answer to ${method} ${path} is truncated`);
    }
  }

  private async send(method: string, path: string, headers: Record<string, string>, withinMs: number, body?: string) {
    if (this.signal?.aborted)
      throw new LangFlowUnreachable("LangFlow was not called, because the agent is shutting down");
    try {
      return await withTimeout(withinMs, this.signal, (signal) =>
        request(
          this.url + path,
          {
            method,
            signal,
            headers: {
              authorization: `Bearer ${this.token()}`,
              ...(body !== undefined && { "content-type": "application/json" }),
              ...headers,
            },
          },
          body,
        ),
      );
    } catch (error) {
      const { message, code } = error as NodeJS.ErrnoException;
      // An error of several addresses has no message.
      throw new LangFlowUnreachable(`LangFlow at ${this.url} does not answer: ${message || code}`);
    }
  }
}

/** A flow to be created. */
export interface NewFlow {
  readonly id: string;
  readonly flow: JsonObject;
  readonly folderId: string;
}

/**
 * Returns LangFlow's explanation without text that may contain a flow's values: a plain 500 quotes the SQL statement,
 * and a 422 the input.
 */
function ownWords(status: number, answer: string): string {
  const detail = status < 500 && isJson(answer) ? JSON.parse(answer)?.detail : undefined;
  if (typeof detail === "string") return detail.slice(0, 200);
  if (typeof detail?.code === "string") return detail.code;
  if (!Array.isArray(detail)) return "";
  return detail
    .map(({ loc, type }) => `${[loc].flat().join(".")} ${type}`)
    .join("; ")
    .slice(0, 200);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Recognizes LangFlow's own 404, as opposed to that of a different server at its address. */
const isNotFound = (text: string): boolean => /^\s*\{\s*"detail"\s*:\s*"Flow not found"\s*\}\s*$/.test(text);
