import { credentialsIn, isCredential } from "../../../formats/flows/credentialShapes";

/**
 * Returns a made-up text. Texts are assembled at run time, so that no scanner of this repository mistakes them for
 * leaks.
 */
const random = (length: number, alphabet = "aB3dE5gH7jK9mN1pQ4sT6vW8yZ") =>
  Array.from({ length }, (_, at) => alphabet[(at * 7) % alphabet.length]).join("");
const HEX = "0123456789abcdef";
const rules = (text: string) => [...credentialsIn(text)].map(({ rule }) => rule);

/** The shortest credential that each rule accepts. */
const SHORTEST: readonly [rule: string, credential: string][] = [
  ["astra-token", `AstraCS:${random(16, "aBcDeFgHiJ")}:${random(32, HEX)}`],
  ["authorization-header", `Authorization: Bearer ${random(16)}`],
  ["aws", `AKIA${random(16, "QWERTZ2345ASDFGH")}`],
  ["databricks", `dapi${random(32, HEX)}`],
  ["github", `ghp_${random(20)}`],
  ["github", `github_pat_${random(22)}`],
  ["gitlab-token", `glpat-${random(20)}`],
  ["google-api-key", `AIza${random(35)}`],
  ["google-api-key", `GOCSPX-${random(28)}`],
  ["groq-key", `gsk_${random(32)}`],
  ["hugging-face-token", `hf_${random(20)}`],
  ["jwt", `eyJ${random(10)}.eyJ${random(10)}.${random(16)}`],
  ["langsmith-key", `lsv2_pt_${random(32, HEX)}_${random(10, HEX)}`],
  ["nvidia-key", `nvapi-${random(32)}`],
  ["pinecone-key", `pcsk_${random(32)}`],
  ["privatekey", `-----BEGIN PRIVATE KEY-----\n${random(40)}`],
  ["replicate-token", `r8_${random(32)}`],
  ["sk-key", `sk-${random(20)}`],
  ["slack", `xoxb-${random(16)}`],
  ["stripe", `sk_live_${random(16)}`],
  ["tavily-key", `tvly-${random(20)}`],
  ["basicauth", "amqp://me:aB3d@h"],
  ["xai-key", `xai-${random(40)}`],
];

describe("the shape of a credential", () => {
  it.each(SHORTEST)("for the rule %s is found in a text: %s", (rule, credential) => {
    expect([...credentialsIn(`x = "${credential}" `)]).toContainEqual({ rule, index: expect.any(Number) });
    expect(rules(credential)).toContain(rule);
  });

  it.each(SHORTEST)(
    "for the rule %s is not found in a text that is one character too short: %s",
    (rule, credential) => {
      const cut = rule === "basicauth" ? "amqp://me:aB3@h" : credential.slice(0, -1);
      expect(rules(`"${cut}"`)).not.toContain(rule);
    },
  );

  it.each(SHORTEST.filter(([rule]) => !["astra-token", "privatekey", "basicauth"].includes(rule)))(
    "for the rule %s is not found at the end of a longer word: %s",
    (rule, credential) => {
      expect(rules(`x${credential}`)).not.toContain(rule);
    },
  );

  it.each([
    ["aws", "A3TXASIA"],
    ["aws", "ASIA"],
  ])("for the rule %s may also begin with %s", (rule, beginning) => {
    expect(rules(`${beginning}${random(20 - beginning.length, "QWERTZ2345ASDFGH")}`)).toEqual([rule]);
  });

  it.each([
    "-----BEGIN RSA PRIVATE KEY-----\n",
    "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n",
    "-----BEGIN PRIVATE KEY-----\\r\\n",
    "-----BEGIN PRIVATE KEY-----",
  ])("for a private key may begin with %j", (beginning) => {
    expect(rules(`${beginning}${random(40)}`)).toEqual(["privatekey"]);
  });

  it.each([
    ["authorization=Basic ", true],
    [`"authorization": "Token `, true],
    ["Authorization : 'bearer ", true],
    ["my-authorization=Bearer ", true],
    ["theauthorization=Bearer ", false],
    ["Authorization: Digest ", false],
    ["Authorization Bearer ", false],
  ])("for a header is found after %j: %s", (before, expected) => {
    expect(rules(before + random(24)).includes("authorization-header")).toBe(expected);
  });

  it("is reported with its position", () => {
    expect([...credentialsIn(`12345 hf_${random(20)} and hf_${random(24)}`)]).toEqual([
      { rule: "hugging-face-token", index: 6 },
      { rule: "hugging-face-token", index: 34 },
    ]);
  });
});

describe("an example in documentation", () => {
  it.each([
    ["has no digits and a single case", `hf_${"abcdefghijklmnopqrst"}`],
    ["has no digits and a single case", `hf_${"ABCDEFGHIJKLMNOPQRST".toLowerCase()}`],
    ["repeats a few characters", `hf_${"a1b2c3".repeat(6)}`],
    ["contains EXAMPLE", "AKIAIOSFODNN7EXAMPLE"],
    ["contains EXAMPLE", `hf_${random(20)}EXAMPLE`],
    ["has only capital letters", `GOCSPX-${"ABCDEFGHIJKLMNOPQRSTUVWXYZAB"}`],
    ["has only seven different characters", `hf_${"a1b2c3d".repeat(6)}`],
  ])("is not a credential if it %s: %s", (_, text) => {
    expect(rules(text)).toEqual([]);
  });

  it.each([
    "hf_ABCDEFGHabcdefghABcd",
    `hf_${"abcdefgh".repeat(3)}1`,
    `hf_${"a1b2c3d4".repeat(6)}`,
    `hf_EXAMPLE${random(20)}`,
  ])("cannot be a value with digits or mixed case and at least eight different characters: %s", (text) => {
    expect(rules(text)).toEqual(["hugging-face-token"]);
  });

  it.each([
    ["aws", `AKIA${"ABCD".repeat(4)}`],
    ["privatekey", `-----BEGIN PRIVATE KEY-----\n${"aaaa".repeat(10)}`],
  ])("is not recognized by the rule %s, which checks only the form: %s", (rule, text) => {
    expect(rules(text)).toEqual([rule]);
  });

  it.each([
    "password",
    "passwd",
    "pass",
    "-pwd",
    "mypassword",
    "xxxx",
    "xxxtoken",
    "SECRET",
    "your-token",
    "your_password_here",
    "....",
    "****",
    "changeme",
    "--password",
  ])("may have a placeholder as a URL's password: %s", (password) => {
    expect(rules(`https://me:${password}@example.org`)).toEqual([]);
  });

  it.each(["passwords1", "correct-horse", "tokens", "thepassword", "secret1", "changeme2"])(
    "cannot be a URL whose password is more than a placeholder: %s",
    (password) => {
      expect(rules(`https://me:${password}@example.org`)).toEqual(["basicauth"]);
    },
  );
});

describe("a text that should be a name", () => {
  it.each([
    "sk-aaaaaaaa",
    "ghp_aaaaaaaa",
    "github_pat_aaaaaaaa",
    "glpat-aaaaaaaa",
    "hf_aaaaaaaa",
    "gsk_aaaaaaaa",
    "xoxb-aaaaaaaa",
    "xai-aaaaaaaa",
    "tvly-aaaaaaaa",
    "nvapi-aaaaaaaa",
    "pcsk_aaaaaaaa",
    "r8_aaaaaaaa",
    "AIzaaaaaaaaa",
    "eyJaaaaaaaa",
    "AstraCS:aaaaaaaa",
    "lsv2_aaaaaaaa",
    "dapiaaaaaaaa",
  ])("is a credential if it starts like one: %s", (text) => {
    expect([text, ` ${text}\n`].map(isCredential)).toEqual([true, true]);
    expect([text.slice(0, -1), `my ${text}`, `${text.slice(0, -2)} aa`].map(isCredential)).toEqual([
      false,
      false,
      false,
    ]);
  });

  it("is a credential if it contains one", () => {
    expect(isCredential(`my ${`AKIA${random(16, "QWERTZ2345ASDFGH")}`}`)).toBe(true);
    expect(isCredential("see -----BEGIN CERTIFICATE-----")).toBe(true);
    expect(["OPENAI_API_KEY", "My key", "---BEGIN"].map(isCredential)).toEqual([false, false, false]);
  });
});
