import { randomUUID } from "node:crypto";
import { z } from "zod";
import { withTimeout } from "../async/withTimeout";
import { canonicalJson, isObject, type Json, type JsonObject, parseJson } from "../flows/canonicalJson";

const TIMEOUT_MS = 60_000;
/** For what LangFlow answers at once, however large a flow is. */
const SHORT_TIMEOUT_MS = 15_000;
/**
 * No flow's. LangFlow compares only where a flow has a token, which it has from the first time that its graph is saved: one
 * that had none is not written over once it was saved.
 */
const NO_TOKEN = "00000000-0000-0000-0000-000000000000";

/** LangFlow answered about one thing, and it was no: what is asked next may still succeed. */
export class LangFlowRefusal extends Error {
  /** @param answer LangFlow's, of which only what it says by itself is told: it also repeats what it was given */
  constructor(
    readonly status: number,
    what: string,
    answer: string,
  ) {
    super([`LangFlow answered ${what} with ${status}`, ownWords(status, answer)].filter(Boolean).join(": "));
  }

  /** Another flow has the name, or the endpoint name; 400 where a flow is patched, 409 where it is put. */
  get taken(): boolean {
    return (this.status === 400 || this.status === 409) && this.message.endsWith("must be unique");
  }

  /** The graph is no longer the one that was to be replaced. */
  get outdated(): boolean {
    return this.status === 409 && this.message.endsWith("flow_version_conflict");
  }
}

/** LangFlow does not answer at all, or with what is not LangFlow's. */
export class LangFlowUnreachable extends Error {}

/** A whole flow, by LangFlow's own word. */
export interface StoredFlow {
  readonly flow: JsonObject;
  /** For If-Match: rotates with every change of the graph. */
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

/** LangFlow's HTTP API in the name of one user: what writes, and what proves. */
export class LangFlow {
  private readonly url: string;

  /**
   * @param url without a path, for example http://langflow
   * @param token gives an access token of the user whose flows these are, one that still holds
   */
  constructor(
    url: string,
    private readonly token: () => string,
    private readonly signal?: AbortSignal,
  ) {
    this.url = url.replace(/\/$/, "");
  }

  /**
   * Whether it answers the least of requests.
   *
   * @throws LangFlowUnreachable where it does not take the user's token: then it takes nothing else either
   */
  async answers(): Promise<boolean> {
    try {
      await this.ask("GET", "/api/v1/users/whoami", undefined, { withinMs: SHORT_TIMEOUT_MS });
      return true;
    } catch (error) {
      if (!(error instanceof LangFlowRefusal)) return false;
      if (error.status === 401 || error.status === 403)
        throw new LangFlowUnreachable(`the user's token is not taken: ${error.message}`);
      return true;
    }
  }

  /** Undefined where LangFlow itself says that there is none, or none of this user's. */
  async flow(id: string): Promise<StoredFlow | undefined> {
    const answer = await this.ask("GET", `/api/v1/flows/${id}`, undefined, {
      mayBeAbsent: true,
      withinMs: SHORT_TIMEOUT_MS,
    });
    return answer === undefined ? undefined : this.stored(id, answer);
  }

  /**
   * Makes or replaces a flow. In a replacement null means "leave as it is", but for the endpoint name.
   *
   * @param now what LangFlow holds: the write is refused where its graph was saved since
   * @throws LangFlowRefusal `taken` where another flow has its name or endpoint; but a new flow whose name is taken is
   *   made under another one, which the answer shows
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
   * Makes new flows: all of them, or none where LangFlow does not take one. They have no token until their graphs are saved.
   *
   * @throws LangFlowRefusal also where a name or an id is taken, and mostly without a word about which flow it is
   */
  async create(flows: readonly NewFlow[]): Promise<StoredFlow[]> {
    const sent = flows.map(({ id, flow, folderId }) => ({ data: null, ...flow, id, folder_id: folderId }));
    const made = await this.ask("POST", "/api/v1/flows/batch/", { flows: sent });
    if (!Array.isArray(made) || made.length !== flows.length)
      throw new LangFlowUnreachable("LangFlow answered with another number of flows");
    return flows.map(({ id }, index) => this.stored(id, made[index]));
  }

  /**
   * Changes some fields of a flow.
   *
   * @throws LangFlowRefusal as {@link put}
   */
  async patch(id: string, changes: JsonObject): Promise<StoredFlow> {
    return this.stored(id, await this.ask("PATCH", `/api/v1/flows/${id}`, changes));
  }

  /** A locked flow refuses every other change, but not to be deleted. */
  async setLock(id: string, locked: boolean): Promise<void> {
    await this.ask("PATCH", `/api/v1/flows/${id}`, { locked });
  }

  /** No error where there is none. */
  async delete(id: string): Promise<void> {
    await this.ask("DELETE", `/api/v1/flows/${id}`, undefined, { mayBeAbsent: true });
  }

  /**
   * @returns its id
   * @throws LangFlowRefusal `taken` where a project has the name; where it is posted, LangFlow would make another one
   */
  async makeProject(name: string): Promise<string> {
    const project = { name, description: "" };
    const made = await this.ask("PUT", `/api/v1/projects/${randomUUID()}`, project);
    return this.shaped(madeShape, made, "a project").id;
  }

  private stored(id: string, value: Json | undefined): StoredFlow {
    const shown = this.shaped(storedShape, value, "a flow");
    if (shown.id !== id) throw new LangFlowUnreachable("LangFlow answered with another flow");
    return {
      flow: value as JsonObject,
      ...(shown.version_token && { versionToken: shown.version_token }),
      locked: shown.locked === true,
    };
  }

  private shaped<T extends z.ZodType>(shape: T, value: Json | undefined, what: string): z.infer<T> {
    const parsed = isObject(value) ? shape.safeParse(value) : undefined;
    if (!parsed?.success) throw new LangFlowUnreachable(`LangFlow answered with something that is not ${what}`);
    return parsed.data;
  }

  /** @returns undefined where there is none, and that may be */
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
      // What a proxy or a starting server says is not LangFlow's opinion of the request, whose answers are JSON. But for
      // 500: what LangFlow did not foresee about one flow ends in a bare one.
      if ([429, 502, 504].includes(status) || (status !== 500 && !isJson(text)))
        throw new LangFlowUnreachable(`LangFlow answered ${method} ${path} with ${status}`);
      throw new LangFlowRefusal(status, `${method} ${path}`, text);
    }
    try {
      return text === "" ? null : parseJson(text);
    } catch {
      throw new LangFlowUnreachable(`LangFlow's answer to ${method} ${path} is cut`);
    }
  }

  private async send(method: string, path: string, headers: Record<string, string>, withinMs: number, body?: string) {
    if (this.signal?.aborted) throw new LangFlowUnreachable("LangFlow is not asked: the agent has ended");
    try {
      return await withTimeout(withinMs, this.signal, async (signal) => {
        const response = await fetch(this.url + path, {
          method,
          signal,
          // LangFlow closes an idle connection after two seconds: one that is kept may close as it is used again.
          headers: {
            authorization: `Bearer ${this.token()}`,
            connection: "close",
            // To compress an answer takes LangFlow longer than to send it.
            "accept-encoding": "identity",
            ...(body !== undefined && { "content-type": "application/json" }),
            ...headers,
          },
          ...(body !== undefined && { body }),
        });
        return { status: response.status, text: await response.text() };
      });
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : undefined;
      throw new LangFlowUnreachable(`LangFlow at ${this.url} does not answer: ${cause ?? (error as Error).message}`);
    }
  }
}

/** A flow that is to be made. */
export interface NewFlow {
  readonly id: string;
  readonly flow: JsonObject;
  readonly folderId: string;
}

/** Without what may be a value of a flow: a bare 500 quotes the statement, a 422 the input. */
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

/** LangFlow's own 404, and not that of whatever else may answer at its address. */
const isNotFound = (text: string): boolean => /^\s*\{\s*"detail"\s*:\s*"Flow not found"\s*\}\s*$/.test(text);
