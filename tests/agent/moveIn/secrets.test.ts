import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { isReplicated, type ReplicatedTable } from "../../../agent/accounts/tableRule";
import { TABLES } from "../../../agent/accounts/tables";
import { resealed, saysTheSame, type Texts } from "../../../agent/moveIn/secrets";
import { SecretKey } from "../../../agent/rekey/secretKey";

const key = () => new SecretKey(randomBytes(32).toString("base64url"), "a key");
const [old, older, fleet, strange] = [key(), key(), key(), key()] as const;
const keys = { old: [old, older], fleet };

const ruleOf = (table: string): ReplicatedTable => {
  const rule = TABLES.filter(isReplicated).find((each) => each.table === table);
  if (!rule) throw new Error(`no ${table}`);
  return rule;
};
const variable = (value: string, type = "Credential"): Texts =>
  new Map([
    ["name", "KEY"],
    ["type", type],
    ["value", value],
  ]);
const sealed = (table: string, texts: Texts) => resealed(ruleOf(table), texts, keys);

describe("a secret that moves in", () => {
  it("opens under the fleet's key, whichever of the source's keys it was under, and the fleet's own stays as it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.constantFrom(old, older, fleet), (clear, under) => {
        const value = under.encrypt(clear);
        const { texts, unreadable } = sealed("variable", variable(value));
        expect(unreadable).toEqual([]);
        expect(fleet.decrypt(String(texts.get("value")))).toBe(clear);
        if (under === fleet) expect(texts.get("value")).toBe(value);
      }),
    );
  });

  it("is in the clear where it is no credential, as 1.13 reads it", () => {
    expect(sealed("variable", variable(old.encrypt("hello"), "Generic")).texts.get("value")).toBe("hello");
    expect(sealed("variable", variable("hello", "Generic")).texts.get("value")).toBe("hello");
  });

  it("stays behind with its row where nothing opens it and the row is nothing else; another row comes, and says so", () => {
    const lost = strange.encrypt("lost");
    expect(sealed("variable", variable(lost))).toMatchObject({ isNothing: true, unreadable: ["value"] });
    const folder = new Map([
      ["name", "Project"],
      ["auth_settings", JSON.stringify({ api_key: lost, other: old.encrypt("kept") })],
    ]);
    const { texts, isNothing, unreadable } = sealed("folder", folder);
    expect({ isNothing, unreadable }).toEqual({ isNothing: false, unreadable: ["auth_settings.api_key"] });
    expect(JSON.parse(String(texts.get("auth_settings"))).api_key).toBe(lost);
  });

  it("leaves each JSON to the letter in which nothing was encrypted", () => {
    const text = '{"env" : {"A": "b"}, "n": 1.0}';
    expect(sealed("mcp_server", new Map([["config", text]])).texts.get("config")).toBe(text);
  });
});

describe("two rows", () => {
  const same = (one: Texts, other: Texts) => saysTheSame(ruleOf("variable"), one, other, fleet);

  it("say the same where their secrets do, though each encryption of one is another text", () => {
    expect(same(variable(fleet.encrypt("x")), variable(fleet.encrypt("x")))).toBe(true);
    expect(same(variable(fleet.encrypt("x")), variable(fleet.encrypt("y")))).toBe(false);
    const config = () => new Map([["config", JSON.stringify({ env: { KEY: fleet.encrypt("x") } })]]);
    expect(saysTheSame(ruleOf("mcp_server"), config(), config(), fleet)).toBe(true);
  });

  it("do not say the same where a column differs, or one has none", () => {
    expect(same(variable("x", "Generic"), variable("x"))).toBe(false);
    expect(same(new Map([["value", null]]), new Map([["value", "x"]]))).toBe(false);
  });
});
