import { createHmac } from "node:crypto";
import { accessToken, accessTokens } from "../../../agent/langflow/accessToken";

const USER = "1b7e2c58-3a1d-4c0e-8f43-6d9a0b5c7e21";
const KEY = "a-secret-key";
const HOUR_MS = 60 * 60_000;

const opened = (token: string) => {
  const [header = "", claims = "", signature] = token.split(".");
  const read = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString());
  const expected = createHmac("sha256", KEY).update(`${header}.${claims}`).digest("base64url");
  return { header: read(header), claims: read(claims), isSigned: signature === expected };
};

describe("an access token", () => {
  it("names its user and its expiry in whole seconds, and is signed with the unchanged secret key", () => {
    expect(opened(accessToken(KEY, USER, 1_800_000_000_999))).toEqual({
      header: { alg: "HS256", typ: "JWT" },
      claims: { sub: USER, type: "access", exp: 1_800_000_000 },
      isSigned: true,
    });
  });

  it("is reused for half an hour, and is always valid for at least half an hour more", () => {
    let now = Date.UTC(2026, 0, 1);
    const token = accessTokens(KEY, USER, () => now);
    const first = token();
    const endsAt = opened(first).claims.exp * 1000;
    expect(endsAt - now).toBe(HOUR_MS);
    now += HOUR_MS / 2;
    expect(token()).toBe(first);
    now += 1;
    const next = token();
    expect(opened(next).claims.exp * 1000 - now).toBeGreaterThan(HOUR_MS - 1000);
    for (let step = 0; step < 50; step += 1) {
      now += HOUR_MS / 10;
      expect(opened(token()).claims.exp * 1000 - now).toBeGreaterThanOrEqual(HOUR_MS / 2 - 1000);
    }
  });
});
