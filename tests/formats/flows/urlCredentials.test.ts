import { withoutUrlCredentials } from "../../../formats/flows/urlCredentials";

describe("withoutUrlCredentials()", () => {
  it.each([
    ["https://u:p@h.org", "https://h.org"],
    ["https://u@h.org", "https://h.org"],
    ["HTTPS://u:p@h.org", "HTTPS://h.org"],
    ["//u:p@h.org", "//h.org"],
    ["jdbc:postgresql://u:p@h.org/d", "jdbc:postgresql://h.org/d"],
    ["git+ssh://u:p@h.org", "git+ssh://h.org"],
    ["h2.a-b://u:p@h.org", "h2.a-b://h.org"],
    ["  https://u:p@h.org/x ", "  https://h.org/x "],
    // An unescaped /, ? or # in the password.
    ["https://u:a/b@h.org", "https://h.org"],
    ["https://u:a?b@h.org", "https://h.org"],
    ["https://u:12a/b@h.org", "https://h.org"],
    ["https://u:p@q@h.org", "https://h.org"],
  ])("removes the user and the password from %s: %s", (url, expected) => {
    expect(withoutUrlCredentials(url)).toBe(expected);
  });

  it.each([
    "https://h.org:80/@me",
    "https://h.org/@me",
    "https://h.org:80?a=@me",
    "https://h.org:80#@me",
    "https://h.org/a:b@c",
    "http://[::1]:80/@x",
    "https://h.org/x?a=1",
    "me@example.org",
    "mailto:me@example.org",
    "see https://u:p@h.org",
    "a=b",
    "u:p@h",
  ])("leaves %s unchanged", (url) => {
    expect(withoutUrlCredentials(url)).toBe(url);
  });

  it.each(["{password}", `$${"{password}"}`, "{{password}}", "<password>", ""])(
    "keeps a placeholder for a password: %j",
    (placeholder) => {
      for (const url of [
        `https://me:${placeholder}@h.org`,
        `https://h.org?token=${placeholder}`,
        `https://h.org?a=b&token=${placeholder}#x`,
      ])
        expect(withoutUrlCredentials(url)).toBe(url);
    },
  );

  it.each(["x{password}", "{password}x", "$password", "{}}", "{a{b}", "<a>b", "x<password>", "{{password}", "<<a>"])(
    "removes a password that only looks like a placeholder: %s",
    (password) => {
      expect(withoutUrlCredentials(`https://me:${password}@h.org`)).toBe("https://h.org");
      expect(withoutUrlCredentials(`https://h.org?token=${password}`)).toBe("https://h.org?token=");
    },
  );

  it.each([
    ["https://h.org?token=a&b=c", "https://h.org?token=&b=c"],
    ["https://h.org?b=c&token=a", "https://h.org?b=c&token="],
    ["https://h.org?token=a=b", "https://h.org?token="],
    ["https://h.org?token=a&key=b", "https://h.org?token=&key="],
    ["https://h.org#token=a&b", "https://h.org#token=&b"],
    ["https://h.org?a=1#token=a", "https://h.org?a=1#token="],
    ["https://h.org;token=a", "https://h.org;token="],
    ["https://h.org;a=b;token=c;d=e", "https://h.org;a=b;token="],
    ["https://h.org?a=b;token=c;d=e", "https://h.org?a=b;token="],
    ["https://h.org?a;token=c", "https://h.org?a;token="],
    ["https://h.org?api%5Fkey=a", "https://h.org?api%5Fkey="],
    ['{"a":"https://h.org?token=b","c":"d"}', '{"a":"https://h.org?token=","c":"d"}'],
    ["https://u:p@h.org?token=a", "https://h.org?token="],
  ])("removes secret parameters from %s: %s", (url, expected) => {
    expect(withoutUrlCredentials(url)).toBe(expected);
  });

  it.each([
    "https://h.org?token",
    "https://h.org?sort=token",
    "https://h.org?a=b;c=d",
    "https://h.org?%=a",
    "https://h.org?%zz=a",
    "https://h.org?a b&token=c",
    "token=a",
  ])("leaves %s unchanged, because it has no secret parameter", (url) => {
    expect(withoutUrlCredentials(url)).toBe(url);
  });

  it("removes a parameter whose name cannot be decoded, if the undecoded name marks a secret", () => {
    expect(withoutUrlCredentials("https://h.org?%zz-token=a")).toBe("https://h.org?%zz-token=");
  });
});
