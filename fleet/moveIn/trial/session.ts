import { createHmac } from "node:crypto";
import type { Json } from "../../../formats/flows/canonicalJson";
import { type Answer, jsonOr, KEPT_BY_NONE } from "../../rehearsal/rehearsedLangFlow";

/** Timeout of one request. LangFlow needs a few seconds for a flow of 60 MB. */
const ANSWER_MS = 120_000;
/** Lifetime of a session token. Each request uses a new token. */
const SESSION_SECONDS = 300;
export const OK = 200;

/**
 * Session of a user in a region's LangFlow, created without a password: the token is signed with the region's secret
 * key.
 */
export class UserSession {
  /** @param secretKey LANGFLOW_SECRET_KEY of the region */
  constructor(
    private readonly url: string,
    private readonly userId: string,
    private readonly secretKey: string,
    private readonly signal: AbortSignal,
  ) {}

  /** Returns status 0 if no answer arrives. @throws if the user interrupts */
  async ask(path: string, method: "GET" | "POST" = "GET"): Promise<Answer> {
    try {
      const response = await this.fetch(path, method);
      return { status: response.status, body: jsonOr(await response.text()) };
    } catch (error) {
      this.signal.throwIfAborted();
      return { status: 0, body: `no answer (${(error as Error).message})` };
    }
  }

  /** Returns all pages of a list, or the first answer whose status is not 200. */
  async list(path: string, pageSize: number): Promise<Answer> {
    const all: Json[] = [];
    for (;;) {
      const answer = await this.ask(`${path}?limit=${pageSize}&offset=${all.length}`);
      if (answer.status !== OK || !Array.isArray(answer.body)) return answer;
      all.push(...answer.body);
      if (answer.body.length < pageSize) return { status: OK, body: all };
    }
  }

  /** Returns the size of a response in bytes, or undefined if it is incomplete or an error. */
  async download(path: string): Promise<number | undefined> {
    try {
      const { ok, body } = await this.fetch(path, "GET");
      let bytes = 0;
      for await (const chunk of body ?? []) bytes += chunk.length;
      return ok ? bytes : undefined;
    } catch {
      this.signal.throwIfAborted();
      return undefined;
    }
  }

  private fetch(path: string, method: string): Promise<Response> {
    const headers = { ...KEPT_BY_NONE, authorization: `Bearer ${sessionToken(this.userId, this.secretKey)}` };
    const signal = AbortSignal.any([this.signal, AbortSignal.timeout(ANSWER_MS)]);
    return fetch(this.url + path, { method, headers, signal });
  }
}

/**
 * Creates a JSON Web Token (RFC 7519) like the one that LangFlow 1.13 issues at sign-in: `create_user_tokens` in
 * `langflow/services/auth/service.py`.
 */
function sessionToken(userId: string, secretKey: string): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { sub: userId, type: "access", exp: Math.floor(Date.now() / 1000) + SESSION_SECONDS };
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${signed}.${createHmac("sha256", secretKey).update(signed).digest("base64url")}`;
}
