import type { Json } from "../../../formats/flows/canonicalJson";
import { mcpServer } from "../../../formats/flows/mcpServer";

const config = (given: Json, variables: string[] = []) =>
  (mcpServer({ name: "s", config: given }, (name) => variables.includes(name)) as { config: Json }).config;
const args = (...words: Json[]) => (config({ args: words }) as { args: Json[] }).args;
const command = (text: string, variables: string[] = []) =>
  (config({ command: text }, variables) as { command: string }).command;

describe("the command line of an exported MCP server", () => {
  it("loses a quoted secret of several words and keeps the other words if the command line is one string", () => {
    expect(command(`run --token "two words" 'other words'  end`)).toBe(`run --token "" 'other words'  end`);
  });

  it.each<[string, string[], string[]]>([
    ["the value after a secret's option", ["--api-key", "own"], ["--api-key", ""]],
    ["the value after a short secret option", ["-token", "own"], ["-token", ""]],
    ["the value after a long secret option", ["--my-secret-name", "own"], ["--my-secret-name", ""]],
    ["the value in a secret's option", ["--token=own=2"], ["--token="]],
    ["a secret value of several lines", ["--token=a\nb"], ["--token="]],
    ["a secret's variable", ["API_TOKEN=own"], ["API_TOKEN="]],
    ["a variable after -e", ["-e", "ANY=own\nb"], ["-e", "ANY="]],
    ["a variable after --env", ["--env", "ANY=own"], ["--env", "ANY="]],
    ["a header after --headers", ["--headers", "X-Mine", "own"], ["--headers", "X-Mine", ""]],
    ["a header after -H", ["-H", "X-Mine: own"], ["-H", "X-Mine:"]],
    ["a header after --header", ["--header", "X-Mine : own"], ["--header", "X-Mine:"]],
    ["a header without an option", ["x", "X-Api-Key: own"], ["x", "X-Api-Key:"]],
    ["a bearer's token", [`Bearer ${"a".repeat(16)}`], [""]],
    ["a text that is shaped like a credential", ["sk-aaaaaaaaaaaaa"], [""]],
    ["a text that is shaped like a credential, after a name", ["--any=sk-aaaaaaaaaaaaa"], ["--any="]],
    ["a URL's password", ["https://u:p@h.org"], ["https://h.org"]],
    ["a URL's password after a name", ["--url=https://u:p@h.org"], ["--url=https://h.org"]],
  ])("loses %s", (_, words, expected) => {
    expect(args(...words)).toEqual(expected);
  });

  it.each<[string, string[]]>([
    ["an option after a secret's option", ["--token", "--verbose"]],
    ["a plain header after --headers", ["--headers", "Accept", "a/b"]],
    ["a plain header after -H", ["-H", "Accept: a/b"]],
    ["a plain header without an option", ["X-Mine: value"]],
    ["the value after another option", ["--name", "value", "-x", "value"]],
    ["the value with another option", ["--name=value", "NAME=value"]],
    ["a word that only contains a secret's word", ["my-token", "value"]],
    ["a variable without a value after -e", ["-e", "ANY"]],
    ["a URL", ["http://h.org:80/x", "C:\\x", "authorization://x"]],
    ["the argument after the next one", ["--token", "-x", "value"]],
    ["an empty name", ["=value", "-=value", "--token="]],
  ])("keeps %s", (_, words) => {
    expect(args(...words)).toEqual(words);
  });

  it("treats -1 as a value and not as an option", () => {
    expect(args("--token", "-1")).toEqual(["--token", ""]);
  });

  it("keeps values that are not texts, and references to variables that exist", () => {
    expect(args(1, true, null)).toEqual([1, true, null]);
    expect(args(1, "value", null, "value")).toEqual([1, "value", null, "value"]);
    expect(config({ args: ["--token", "{{KEY}}", "--token", "{{OTHER}}"] }, ["KEY"])).toEqual({
      args: ["--token", "{{KEY}}", "--token", ""],
    });
  });

  it("is emptied if its arguments are not a list or its command is not a text", () => {
    expect(config({ args: "--token own" })).toEqual({ args: "" });
    expect(config({ args: { a: "own" } })).toEqual({ args: {} });
    expect(config({ command: ["own"] })).toEqual({ command: [] });
  });

  it.each([
    ["npx server --token own", "npx server --token "],
    ["npx  server\t--token  own", "npx  server\t--token  "],
    ["npx --token 'own and own' x", "npx --token '' x"],
    ['npx --token "own" x', 'npx --token "" x'],
    ["npx -H 'X-Mine: own' x", "npx -H 'X-Mine:' x"],
    ["npx --token=own", "npx --token="],
    ["  npx x  ", "  npx x  "],
    ["npx 'a b' \"c d\" e", "npx 'a b' \"c d\" e"],
    ["npx it's fine", "npx it's fine"],
    ["npx \"'\" '\"' x", "npx \"'\" '\"' x"],
    ["", ""],
  ])("in a single text changes from %j to %j", (text, expected) => {
    expect(command(text)).toBe(expected);
  });

  it("in a single text keeps a reference to a variable that exists", () => {
    expect(command("npx --token {{KEY}}", ["KEY"])).toBe("npx --token {{KEY}}");
  });
});

describe("the environment variables and headers of an exported MCP server", () => {
  it("lose their values and keep their names", () => {
    expect(config({ env: { A: "own", B: 1, C: ["own"] } })).toEqual({ env: { A: "", B: 1, C: [] } });
    expect(config({ env: [{ key: "A", value: "own" }, { name: "B", value: "own" }, "own"] })).toEqual({
      env: [{ key: "A", value: "" }, { name: "B", value: "" }, ""],
    });
    expect(config({ env: "own", headers: "own" })).toEqual({ env: "", headers: "" });
  });

  it("keep plain headers' values, whether `key`, `name` or `header` holds the name", () => {
    expect(config({ headers: { Accept: "a/b", Cookie: "own" } })).toEqual({ headers: { Accept: "a/b", Cookie: "" } });
    for (const name of ["key", "name", "header"])
      expect(
        config({
          headers: [
            { [name]: "Accept", value: "a/b" },
            { [name]: "X-Mine", value: "own" },
          ],
        }),
      ).toEqual({
        headers: [
          { [name]: "Accept", value: "a/b" },
          { [name]: "X-Mine", value: "" },
        ],
      });
  });

  it("are emptied if an environment variable has the name of a plain header", () => {
    expect(config({ env: { Accept: "own" } })).toEqual({ env: { Accept: "" } });
  });

  it("keep references to variables that exist", () => {
    expect(config({ env: { A: "{{KEY}}", B: "MCP_1", C: "MCP_2" } }, ["KEY", "MCP_1"])).toEqual({
      env: { A: "{{KEY}}", B: "MCP_1", C: "" },
    });
  });
});

describe("an exported MCP server", () => {
  it("keeps values without secrets next to its configuration, in their order", () => {
    const value = {
      url: "https://u:p@h.org",
      config: { url: "https://u:p@h.org", env: { A: "" } },
      token: "own",
      n: 1,
    };
    const kept = mcpServer(value, () => false);
    expect(kept).toEqual({ url: "https://h.org", config: { url: "https://h.org", env: { A: "" } }, token: "", n: 1 });
    expect(Object.keys(kept as object)).toEqual(Object.keys(value));
  });

  it("is emptied if it or its configuration is not an object", () => {
    expect(mcpServer("own", () => false)).toBe("");
    expect(mcpServer(["own"], () => false)).toEqual([]);
    expect(mcpServer({ config: "own" }, () => false)).toEqual({ config: "" });
    expect(mcpServer({ config: ["own"] }, () => false)).toEqual({ config: [] });
  });

  it("is not affected by property names that every JavaScript object inherits", () => {
    expect(config({ toString: "x", constructor: "y" })).toEqual({ toString: "x", constructor: "y" });
  });
});

describe("the URL of an exported MCP server", () => {
  const KEY = "a1b2c3d4e5f6a7b8c9d0";
  const UUID = "0a1b2c3d-0000-4000-8000-000000000001";

  it.each([
    [`https://mcp.h.org/s/${KEY}/mcp`, "https://mcp.h.org/s//mcp"],
    [`https://mcp.h.org/${UUID}`, "https://mcp.h.org/"],
    [`https://mcp.h.org/s/${KEY}?a=1`, "https://mcp.h.org/s/?a=1"],
    [`https://me:pw@mcp.h.org/s/${KEY}/sse`, "https://mcp.h.org/s//sse"],
    [`http://localhost:7860/api/v1/mcp/project/${UUID}/sse`, `http://localhost:7860/api/v1/mcp/project/${UUID}/sse`],
    [`http://localhost:7860/api/v1/mcp/project/${KEY}/sse`, "http://localhost:7860/api/v1/mcp/project//sse"],
    ["https://mcp.h.org/v1/my-server_2/sse", "https://mcp.h.org/v1/my-server_2/sse"],
  ])("loses only the parts of its path that look random: %s", (url, expected) => {
    expect(config({ url })).toEqual({ url: expected });
    expect(args("mcp-remote", url)).toEqual(["mcp-remote", expected]);
  });
});
