import { createHmac } from "node:crypto";

/** How long a token holds: as long as LangFlow's own do by default (its ACCESS_TOKEN_EXPIRE_SECONDS). */
const LIFETIME_MS = 60 * 60_000;
/** A token is replaced so long before its end: clocks of a region may differ by as much. */
const RENEWED_BEFORE_MS = LIFETIME_MS / 2;

/**
 * An access token as LangFlow 1.13 makes one when a user signs in (its `create_user_tokens`): a JSON Web Token (RFC 7519),
 * signed with HS256 by the secret key as it is. LangFlow takes it for as long as the user is there and active.
 *
 * @param secretKey LANGFLOW_SECRET_KEY
 * @param endsAt milliseconds since 1970
 */
export function accessToken(secretKey: string, userId: string, endsAt: number): string {
  const part = (claims: object) => Buffer.from(JSON.stringify(claims)).toString("base64url");
  const claims = { sub: userId, type: "access", exp: Math.floor(endsAt / 1000) };
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${signed}.${createHmac("sha256", secretKey).update(signed).digest("base64url")}`;
}

/** What gives a token of one user whenever it is asked: the same one, until its end is near. */
export function accessTokens(secretKey: string, userId: string, now = Date.now): () => string {
  let token = "";
  let endsAt = 0;
  return () => {
    if (now() > endsAt - RENEWED_BEFORE_MS) {
      endsAt = now() + LIFETIME_MS;
      token = accessToken(secretKey, userId, endsAt);
    }
    return token;
  };
}
