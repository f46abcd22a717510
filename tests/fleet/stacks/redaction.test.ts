import { hidden } from "../../../fleet/stacks/redaction";

describe("a message of a cloud", () => {
  it("shows no secret that it repeats, as it is or as the program hands it on", () => {
    const secrets = ["+/+/AAECAwQ=", 'say "so"\n', "plain-enough"];
    const said = [
      "Value '+/+/AAECAwQ=' failed",
      // Of what was made of a secret and not kept, no state tells.
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

  it("hides the longer one of two that begin alike", () => {
    expect(hidden("abcdefghij", ["abcdefgh", "abcdefghij"])).toBe("[secret]");
  });
});
