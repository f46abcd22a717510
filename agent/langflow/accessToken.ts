import { createHmac } from "node:crypto";

/** Lifetime of a token, equal to LangFlow's default (its ACCESS_TOKEN_EXPIRE_SECONDS). */
const LIFETIME_MS = 60 * 60_000;
/** Remaining lifetime below which a token is replaced. The clocks within a region may differ by this much. */
const RENEWED_BEFORE_MS = LIFETIME_MS / 2;

/**
 * Creates an access token like LangFlow 1.13 does when a user signs in (its `create_user_tokens`): a JSON Web Token
 * (RFC 7519), signed with HS256 and the unmodified secret key. LangFlow accepts the token while the user exists and is
 * active.
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

/** Returns a function that returns a user's token: always the same one, until it is about to expire. */
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
