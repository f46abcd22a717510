import { withoutUrlCredentials } from "../../agent/flows/urlCredentials";

describe("a URL without what gives access", () => {
  it.each([
    ["https://u:p@h.org", "https://h.org"],
    ["https://u@h.org", "https://h.org"],
    ["HTTPS://u:p@h.org", "HTTPS://h.org"],
    ["//u:p@h.org", "//h.org"],
    ["jdbc:postgresql://u:p@h.org/d", "jdbc:postgresql://h.org/d"],
    ["git+ssh://u:p@h.org", "git+ssh://h.org"],
    ["h2.a-b://u:p@h.org", "h2.a-b://h.org"],
    ["  https://u:p@h.org/x ", "  https://h.org/x "],
    // A / ? or # in the password that ought to be escaped.
    ["https://u:a/b@h.org", "https://h.org"],
    ["https://u:a?b@h.org", "https://h.org"],
    ["https://u:12a/b@h.org", "https://h.org"],
    ["https://u:p@q@h.org", "https://h.org"],
  ])("%s has no user and no password: %s", (url, expected) => {
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
  ])("%s is as it was", (url) => {
    expect(withoutUrlCredentials(url)).toBe(url);
  });

  it.each(["{password}", `$${"{password}"}`, "{{password}}", "<password>", ""])(
    "keeps what a person or a template fills in: %j",
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
    "does not keep what only looks like that: %s",
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
  ])("%s has no secret parameter: %s", (url, expected) => {
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
  ])("%s has none", (url) => {
    expect(withoutUrlCredentials(url)).toBe(url);
  });

  it("has none either where the parameter's name cannot be read, but for one that is a secret as it stands", () => {
    expect(withoutUrlCredentials("https://h.org?%zz-token=a")).toBe("https://h.org?%zz-token=");
  });
});
