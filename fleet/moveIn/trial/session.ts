import { createHmac } from "node:crypto";
import { type Json, parseJson } from "../../../agent/flows/canonicalJson";

/** A flow of 60 MB takes LangFlow some seconds. */
const ANSWER_MS = 120_000;
const SESSION_SECONDS = 3600;
/** LangFlow closes an idle connection after some seconds: one that is kept may close as it is used again. */
const KEPT_BY_NONE = { connection: "close" };

export interface Answer {
  readonly status: number;
  /** JSON where it is, else a text. */
  readonly body: Json;
}

/** A user of a region's LangFlow, signed in without a password: by a session that the region's secret key signs. */
export class UserSession {
  private readonly headers: Readonly<Record<string, string>>;

  /** @param secretKey LANGFLOW_SECRET_KEY of the region */
  constructor(
    private readonly url: string,
    userId: string,
    secretKey: string,
    private readonly signal: AbortSignal,
  ) {
    this.headers = { ...KEPT_BY_NONE, authorization: `Bearer ${sessionToken(userId, secretKey)}` };
  }

  async ask(path: string, method: "GET" | "POST" = "GET"): Promise<Answer> {
    const response = await this.fetch(path, method);
    const text = await response.text();
    return { status: response.status, body: jsonOr(text) };
  }

  /** Bytes that an answer has; undefined where it is another than 200. */
  async download(path: string): Promise<number | undefined> {
    const { ok, body } = await this.fetch(path, "GET");
    let bytes = 0;
    for await (const chunk of body ?? []) bytes += chunk.length;
    return ok ? bytes : undefined;
  }

  private fetch(path: string, method: string): Promise<Response> {
    const signal = AbortSignal.any([this.signal, AbortSignal.timeout(ANSWER_MS)]);
    return fetch(this.url + path, { method, headers: this.headers, signal });
  }
}

/** A JSON Web Token (RFC 7519) as LangFlow 1.13 gives one at a sign-in: `create_user_tokens` in `langflow/services/auth/service.py`. */
function sessionToken(userId: string, secretKey: string): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { sub: userId, type: "access", exp: Math.floor(Date.now() / 1000) + SESSION_SECONDS };
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${signed}.${createHmac("sha256", secretKey).update(signed).digest("base64url")}`;
}

function jsonOr(text: string): Json {
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}
