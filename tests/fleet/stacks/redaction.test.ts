import { hidden } from "../../../fleet/stacks/redaction";

describe("a cloud's error message", () => {
  it("shows no secret, neither verbatim nor in the encodings that the program uses", () => {
    const secrets = ["+/+/AAECAwQ=", 'say "so"\n', "plain-enough"];
    const said = [
      "Value '+/+/AAECAwQ=' failed",
      // The state does not contain the URL-safe Base64 form of the secret.
      "Value '-_-_AAECAwQ=' failed",
      JSON.stringify({ key: 'say "so"\n' }),
      JSON.stringify(JSON.stringify({ key: 'say "so"\n' })),
      "plain-enough and plain",
    ];
    expect(said.map((text) => hidden(text, secrets))).toEqual([
      "Value '[secret]' failed",
      "Value '[secret]' failed",
      '{"key":"[secret]"}',
      '"{\\"key\\":\\"[secret]\\"}"',
      "[secret] and plain",
    ]);
  });

  it("does not show the end of a secret that begins with another secret", () => {
    expect(hidden("abcdefghij", ["abcdefgh", "abcdefghij"])).toBe("[secret]");
  });
});
