import { randomBytes } from "node:crypto";
import { reencrypt } from "../../../formats/encryption/ciphertext";
import { SecretKey } from "../../../formats/encryption/secretKey";
import type { CiphertextForm } from "../../../formats/tables/tableRule";

const key = () => new SecretKey(randomBytes(32).toString("base64url"), "key");
const keys = { old: key(), current: key() };
const stranger = key();
const old = (text: string) => keys.old.encrypt(text);

/** Returns the value with each ciphertext of the current key decrypted and in brackets. */
const opened = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_, each) => {
      if (typeof each !== "string") return each;
      const clear = each.startsWith("lf-sso") ? keys.current.decryptSso(each) : keys.current.decrypt(each);
      return clear === undefined ? each : `[${clear}]`;
    }),
  );

describe("a column with ciphertext", () => {
  it.each<[CiphertextForm, unknown, unknown, number]>([
    ["token", old("a"), "[a]", 1],
    ["sso", keys.old.encryptSso("a"), "[a]", 1],
    [
      "authSettings",
      { auth_type: "apikey", api_key: old("a"), oauth_client_secret: old("b"), other: old("c") },
      { auth_type: "apikey", api_key: "[a]", oauth_client_secret: "[b]" },
      2,
    ],
    [
      "mcpConfig",
      {
        command: "uvx",
        env: { TOKEN: old("a"), PLAIN: "text", NUMBER: 1 },
        headers: { Authorization: old("b") },
        args: [
          "mcp-proxy",
          "--headers",
          "x-api-key",
          old("c"),
          "--headers",
          "--headers",
          old("d"),
          old("e"),
          "--headers",
          "last",
        ],
      },
      {
        command: "uvx",
        env: { TOKEN: "[a]", PLAIN: "text", NUMBER: 1 },
        headers: { Authorization: "[b]" },
        args: [
          "mcp-proxy",
          "--headers",
          "x-api-key",
          "[c]",
          "--headers",
          "--headers",
          "[d]",
          expect.stringMatching(/^gAAAAA/),
          "--headers",
          "last",
        ],
      },
      4,
    ],
  ])(
    "is re-encrypted with the current key where LangFlow reads ciphertext (%s), and the rest stays unchanged",
    (form, value, expected, count) => {
      const before = structuredClone(value);
      const again = reencrypt(form, value, keys);
      expect(opened(again.value)).toEqual(
        typeof expected === "object" ? expect.objectContaining(expected as object) : expected,
      );
      expect([again.count, again.unreadable]).toEqual([count, []]);
      expect(value).toEqual(before);
      expect(reencrypt(form, again.value, keys)).toEqual({ value: again.value, count: 0, unreadable: [] });
    },
  );

  it.each<[CiphertextForm, unknown]>([
    ["token", "text in the clear"],
    ["token", ""],
    ["authSettings", null],
    ["authSettings", "text"],
    ["mcpConfig", null],
    ["mcpConfig", { env: ["x"], headers: "none", args: "--headers" }],
    ["mcpConfig", {}],
  ])("stays unchanged if it has no ciphertext (%s, %j)", (form, value) => {
    expect(reencrypt(form, value, keys)).toEqual({ value, count: 0, unreadable: [] });
  });

  it("keeps and reports each value that neither key decrypts, and the other values are re-encrypted", () => {
    const value = { env: { A: stranger.encrypt("a"), B: old("b") }, args: ["--headers", "x", stranger.encrypt("c")] };
    const again = reencrypt("mcpConfig", value, keys);
    expect(again).toMatchObject({ count: 1, unreadable: ["env.A", "args.2"] });
    expect(opened(again.value)).toEqual({ env: { A: value.env.A, B: "[b]" }, args: value.args });
    expect(reencrypt("sso", stranger.encryptSso("a"), keys).unreadable).toEqual([""]);
  });
});
