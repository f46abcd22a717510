import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { resealed, saysTheSame, type Texts } from "../../../agent/moveIn/secrets";
import { SecretKey } from "../../../formats/encryption/secretKey";
import { isReplicated, type ReplicatedTable } from "../../../formats/tables/tableRule";
import { TABLES } from "../../../formats/tables/tables";

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

describe("a migrated secret", () => {
  it("is encrypted with the fleet's key, whichever key of the source encrypted it before", () => {
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

  it("is decrypted if its variable is not a credential, as LangFlow 1.13 expects", () => {
    expect(sealed("variable", variable(old.encrypt("hello"), "Generic")).texts.get("value")).toBe("hello");
    expect(sealed("variable", variable("hello", "Generic")).texts.get("value")).toBe("hello");
  });

  it("that no key decrypts is reported, and its row is left out if the row has no other purpose", () => {
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

  it("leaves JSON unchanged, character by character, if nothing in it was encrypted", () => {
    const text = '{"env" : {"A": "b"}, "n": 1.0}';
    expect(sealed("mcp_server", new Map([["config", text]])).texts.get("config")).toBe(text);
  });
});

describe("two rows", () => {
  const same = (one: Texts, other: Texts) => saysTheSame(ruleOf("variable"), one, other, fleet);

  it("are equal if their secrets are equal, although each encryption of a secret differs", () => {
    expect(same(variable(fleet.encrypt("x")), variable(fleet.encrypt("x")))).toBe(true);
    expect(same(variable(fleet.encrypt("x")), variable(fleet.encrypt("y")))).toBe(false);
    const config = () => new Map([["config", JSON.stringify({ env: { KEY: fleet.encrypt("x") } })]]);
    expect(saysTheSame(ruleOf("mcp_server"), config(), config(), fleet)).toBe(true);
  });

  it("are not equal if a column differs or is null in one of them", () => {
    expect(same(variable("x", "Generic"), variable("x"))).toBe(false);
    expect(same(new Map([["value", null]]), new Map([["value", "x"]]))).toBe(false);
  });
});
