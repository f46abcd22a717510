import fc from "fast-check";
import { canonicalJson, type JsonObject } from "../../../formats/flows/canonicalJson";
import { exportedFlow, type FlowFile, readFlowFile } from "../../../formats/flows/flowFile";
import { withoutUrlCredentials } from "../../../formats/flows/urlCredentials";
import { flowWith, templateOf } from "./secretGraphs";

const exported = (stored: JsonObject, variables: string[] = [], agreed?: FlowFile) =>
  exportedFlow(stored, { variables: new Set(variables), ...(agreed && { agreed }) });
/** Exports a flow with this field, and returns the value of the field `key` in the file. */
const kept = (field: object, variables: string[] = [], agreed?: FlowFile) =>
  templateOf(JSON.parse(exported(flowWith({ key: field }), variables, agreed).text)).key?.value;
const CANARY = "c4n4ry-Of-A-Coalmine";
const AWS_KEY = `AKIA${"ABCD2345".repeat(2)}`;

describe("a secret", () => {
  it.each<[string, unknown]>([
    ["in a password field", { key: { password: true, value: CANARY } }],
    ["in a password field of a list", { key: { password: true, value: [CANARY] } }],
    ["in a former password field", { api_key: CANARY }],
    ["if it looks like a variable's name", { key: { password: true, load_from_db: false, value: "HUNTER2" } }],
    ["in a field with a stale load_from_db", { key: { load_from_db: true, value: "HUNTER2" } }],
    ["in a field with a secret's name but no flag", { api_key: { value: CANARY } }],
    ["in a field whose own name is a secret's", { x: { name: "clientSecret", value: CANARY } }],
    ["in a field with a different secret's name", { session_token: { value: CANARY } }],
    ["in a dictionary", { x: { type: "dict", value: { deep: [{ "X-API-Key": CANARY }] } } }],
    ["in a row with a name", { x: { type: "table", value: [{ key: "Authorization", value: `Bearer ${CANARY}` }] } }],
    ["in a row of headers", { headers: { value: [{ key: "X-Auth-Key", value: CANARY }] } }],
    ["in a row of headers whose columns have other names", { headers: { value: [{ h: "X-Auth-Key", v: CANARY }] } }],
    ["in a dictionary of headers", { headers: { value: { "X-Functions-Key": CANARY } } }],
    ["in headers as lines", { extra_headers: { value: `Accept: a/b\nX-Api-Key: ${CANARY}, ${CANARY}` } }],
    ["in headers as JSON", { headers: { value: `{"Accept": "a/b", "Authorization": "Bearer ${CANARY}"}` } }],
    ["after an authentication scheme in any header", { headers: { value: { "X-Mine": `Bearer ${CANARY}` } } }],
    ["after an authentication scheme in an ordinary field", { x: { value: `Bearer ${CANARY}` } }],
    ["in a URL's user", { x: { value: `https://${CANARY}@example.org/x` } }],
    ["in a URL's password", { x: { value: `postgresql://me:${CANARY}@example.org/x` } }],
    ["in a URL's password with a slash", { x: { value: `postgresql://me:ab/${CANARY}@example.org/x` } }],
    ["in a URL's parameter", { x: { value: `https://example.org/x?a=1&api_key=${CANARY}&b=2` } }],
    ["in a URL's parameter after a ;", { x: { value: `jdbc:sqlserver://example.org;user=a;password=${CANARY}` } }],
    ["in a URL's fragment", { x: { value: `https://example.org/x#access_token=${CANARY}` } }],
    ["in a URL's escaped parameter", { x: { value: `https://example.org/?api%5Fkey=${CANARY}` } }],
    ["in the name of a row", { x: { value: [{ name: `https://a:${CANARY}@example.org`, value: 1 }] } }],
    ["in a list of URLs", { x: { value: [`https://a:${CANARY}@example.org`] } }],
    ["in a database's URL", { database_url: { value: `postgresql://me:${CANARY}@example.org/x` } }],
    ["in a connection string that is not a URL", { connection_string: { value: `Server=x;Pwd=${CANARY}` } }],
    ["in a field's dialog", { x: { dialog: { node: { template: { y: { password: true, value: CANARY } } } } } }],
    ["in a field of a row", { x: { value: [{ password: true, value: CANARY }] } }],
    [
      "as the default of a tool's argument",
      { x: { value: [{ args: { api_key: { type: "string", default: CANARY } } }] } },
    ],
    ["in an invalid connection", { x: { type: "connection_ref", value: CANARY } }],
  ])("stays out of Git: %s", (_, template) => {
    fc.assert(
      fc.property(fc.nat(3), (depth) => {
        const { text, value } = exported(flowWith(template, { depth }), ["OPENAI_API_KEY"]);
        expect(text).not.toMatch(/c4n4ry|Coalmine|HUNTER2/);
        expect(canonicalJson(value)).not.toMatch(/c4n4ry|Coalmine|HUNTER2/);
      }),
      { numRuns: 8 },
    );
  });

  it.each<[string, unknown]>([
    ["an environment variable", { env: { ANYTHING: CANARY } }],
    ["an environment variable's row", { env: [{ key: "ANYTHING", value: CANARY }] }],
    ["a header", { headers: { "X-Anything": CANARY } }],
    ["a header's row", { headers: [{ key: "X-Anything", value: CANARY }] }],
    ["the argument after a secret's option", { args: ["--api-key", CANARY] }],
    ["an option with its value in one argument", { args: [`--token=${CANARY}`] }],
    ["an environment variable among the arguments", { args: ["-e", `ANY=${CANARY}`] }],
    ["a secret's environment variable among the arguments", { args: [`API_TOKEN=${CANARY}`] }],
    ["a header among the arguments", { args: ["--headers", "x-mine", CANARY] }],
    ["a header in one argument", { args: ["--header", `X-Mine: ${CANARY}`] }],
    ["an unannounced header", { args: [`Authorization:Bearer ${CANARY}`] }],
    ["a URL among the arguments", { args: [`redis://:${CANARY}@example.org`] }],
    ["a URL after its option", { args: [`--url=redis://:${CANARY}@example.org`] }],
    ["a command in one text", { command: `npx server --token ${CANARY} -H 'X-Mine: ${CANARY}' --name a` }],
    ["the server's URL", { url: `https://example.org/sse?apiKey=${CANARY}` }],
    ["a header's value without its name", { args: [`Bearer ${CANARY}`] }],
    ["a row's value", { rows: [{ key: "token", value: CANARY }], key: "password", value: CANARY }],
    ["a key of the configuration", { api_key: CANARY }],
    ["a key deep in the configuration", { auth: { client_secret: CANARY } }],
  ])("stays out of Git in an MCP server's configuration: %s", (_, config) => {
    const field = { type: "mcp", _input_type: "McpInput", value: { name: "server", config } };
    expect(exported(flowWith({ mcp_server: field })).text).not.toContain(CANARY);
    expect(exported(flowWith({ mcp_server: field }, { depth: 2 })).text).not.toContain(CANARY);
  });

  it.each(["SecretStrInput", "MultilineSecretInput"])(
    "stays out of Git in an input of the kind %s, even without a password flag",
    (kind) => {
      const field = { _input_type: kind, password: false, value: CANARY };
      expect(exported(flowWith({ x: field })).text).not.toContain(CANARY);
      expect(exported(flowWith({ x: { ...field, _input_type: "StrInput" } })).text).toContain(CANARY);
    },
  );

  it("stays out of Git in an MCP server's field, next to its configuration", () => {
    for (const value of [{ name: "s", passwd: CANARY }, { key: "Authorization", value: CANARY }, CANARY])
      expect(exported(flowWith({ mcp_server: { type: "mcp", value } })).text).not.toContain(CANARY);
  });

  it("stays out of Git wherever it is in a graph, and whatever the kind of its field", () => {
    const canary = fc.stringMatching(/^[a-z0-9]{24}$/).map((random) => `zz${random}`);
    const field = (secret: string) =>
      fc.constantFrom<[string, object]>(
        ["key", { password: true, value: secret }],
        ["key", { password: true, load_from_db: true, value: secret }],
        ["key", { load_from_db: true, value: secret }],
        ["password", { value: secret }],
        ["headers", { value: [{ key: "Authorization", value: secret }] }],
        ["headers", { value: [{ key: "Authorization", value: secret, __load_from_db_fields: ["value"] }] }],
        ["headers", { table_schema: [{ name: "value", load_from_db: true }], value: [{ key: "X-A", value: secret }] }],
        [
          "rows",
          {
            table_schema: [{ name: "v", load_from_db: true }],
            value: [{ v: secret, __load_from_db_fields: { v: false } }],
          },
        ],
        ["rows", { value: [{ v: secret, __load_from_db_fields: { v: true } }] }],
        ["url", { value: `https://a:${secret}@example.org?token=${secret}` }],
        ["mcp_server", { type: "mcp", value: { name: "a", config: { env: { A: secret }, headers: { B: secret } } } }],
        ["data", { type: "NestedDict", value: { a: { b: [{ secret }] } } }],
      );
    const placed = canary.chain((secret) =>
      fc.record({ secret: fc.constant(secret), field: field(secret), depth: fc.nat(3), dialogue: fc.boolean() }),
    );
    fc.assert(
      fc.property(placed, ({ secret, field: [name, value], depth, dialogue }) => {
        const template = dialogue
          ? { outer: { dialog_inputs: { fields: { data: { node: { template: { [name]: value } } } } } } }
          : { [name]: value };
        expect(exported(flowWith(template, { depth }), ["OTHER"]).text).not.toContain(secret);
      }),
      { numRuns: 300 },
    );
  });

  it("is removed even from a file that is already in Git", () => {
    const text = canonicalJson(flowWith({ key: { password: true, value: CANARY } }));
    expect(readFlowFile(Buffer.from(text)).text).not.toContain(CANARY);
  });
});

describe("a value that is not a secret", () => {
  it.each<[string, object, unknown?]>([
    ["a text", { value: "Hello, your password is a secret" }],
    ["a plain header", { name: "headers", value: [{ key: "User-Agent", value: "langflow" }] }],
    ["a header for routing", { name: "headers", value: { "X-Tenant": "acme" } }],
    [
      "headers next to a header with a secret's name",
      { name: "headers", value: { "X-Mode": "token", "X-Tenant": "a" } },
    ],
    ["a URL", { value: "https://example.org:8080/@me/x?page=2&sort=key#top" }],
    ["a URL template", { value: "postgresql://me:{password}@example.org?api_key={key}" }],
    ["a database's URL without credentials", { name: "database_url", value: "sqlite:///./my.db" }],
    ["a boolean with a secret's name", { name: "use_api_key", value: true }],
    ["a number with a secret's name", { name: "max_token", value: 12 }],
    ["a connection's handle", { type: "connection_ref", value: "google/my_mail" }],
    ["the schema of a tool's argument", { value: [{ args: { api_key: { type: "string", title: "API key" } } }] }],
    [
      "the parameter name of a model's key",
      { type: "model", value: [{ metadata: { api_key_param: "google_api_key" } }] },
    ],
    ["the name of an MCP server", { type: "mcp", value: { name: "server" } }],
    [
      "an MCP server that needs no secret",
      {
        type: "mcp",
        value: { name: "s", config: { command: "uvx mcp -v", args: ["--dir", "C:\\x", "a=b"], env: {} } },
      },
    ],
    ["a plain header of an MCP server", { type: "mcp", value: { config: { headers: { Accept: "a/b" } } } }],
  ])("stays in the file: %s", (_, field) => {
    expect(kept(field)).toEqual((field as { value: unknown }).value);
  });

  it("stays in the file if it is a URL, unchanged except for the URL's credentials", () => {
    for (const [url, expected] of [
      ["https://u:p@h.org/a?b=c", "https://h.org/a?b=c"],
      ["https://h.org/?sig=x%2B&a=1;b=2#token=y", "https://h.org/?sig=&a=1;b=2#token="],
      ["  https://u@h.org  ", "  https://h.org  "],
      ['{"a":"https://h.org?key=x"}', '{"a":"https://h.org?key="}'],
      ["http://[::1]:80/@x", "http://[::1]:80/@x"],
    ] as const)
      expect(withoutUrlCredentials(url)).toBe(expected);
  });

  it("stays in the file if it is a URL, and the file is the same whether or not the URL had credentials", () => {
    fc.assert(
      fc.property(fc.webUrl({ withQueryParameters: true, withFragments: true }), (url) => {
        expect(withoutUrlCredentials(withoutUrlCredentials(url))).toBe(withoutUrlCredentials(url));
        expect(withoutUrlCredentials(url.replace("://", "://me:pw1234@"))).toBe(withoutUrlCredentials(url));
      }),
    );
  });
});

describe("the name of a global variable", () => {
  const bound = (name: string, more: object = {}) => ({ password: true, load_from_db: true, value: name, ...more });

  it("stays if the variable exists, so that the flow finds its key in every region", () => {
    expect(kept(bound("My key"), ["My key"])).toBe("My key");
  });

  it("is removed if the variable does not exist and Git does not contain the name", () => {
    expect(kept(bound("OPENAI_API_KEY"), ["OTHER"])).toBe("");
  });

  it("is removed if the field is not bound to a variable", () => {
    expect(kept(bound("OPENAI_API_KEY", { load_from_db: false }), ["OPENAI_API_KEY"])).toBe("");
  });

  it("stays if Git has it in the same field, so that a region without the variable does not remove it", () => {
    const agreed = exported(flowWith({ key: bound("OPENAI_API_KEY") }), ["OPENAI_API_KEY"]);
    expect(kept(bound("OPENAI_API_KEY"), [], agreed)).toBe("OPENAI_API_KEY");
    const elsewhere = flowWith({ other: bound("OPENAI_API_KEY") });
    expect(exported(elsewhere, [], agreed).text).not.toContain("OPENAI_API_KEY");
    const grouped = flowWith({ key: bound("OPENAI_API_KEY") }, { depth: 1 });
    expect(exported(grouped, [], agreed).text).not.toContain("OPENAI_API_KEY");
  });

  it("stays in the file that Git already has", () => {
    const file = exported(flowWith({ key: bound("OPENAI_API_KEY") }), ["OPENAI_API_KEY"]);
    expect(readFlowFile(Buffer.from(file.text)).text).toBe(file.text);
  });

  it.each([
    AWS_KEY,
    `sk-${"a".repeat(8)}`,
    `github_pat_${"a".repeat(9)}`,
    "https://a:b@example.org",
    "two\nlines",
    "x".repeat(257),
    " ",
  ])("is removed if it is %j, whatever the flags say", (name) => {
    const agreed = exported(flowWith({ key: bound(name) }), [name]);
    expect(kept(bound(name), [name], agreed)).toBe("");
    expect(readFlowFile(Buffer.from(canonicalJson(flowWith({ key: bound(name) })))).value).toEqual(agreed.value);
  });

  it("is removed once the field has a literal again, even if `load_from_db` is still true", () => {
    const literal = exported(flowWith({ key: bound("hunter2", { load_from_db: false }) }), ["OPENAI_API_KEY"]);
    const variable = exported(flowWith({ key: bound("OPENAI_API_KEY") }), ["OPENAI_API_KEY"], literal);
    const stale = exported(flowWith({ key: bound("HUNTER2") }), ["OPENAI_API_KEY"], variable);
    expect(variable.text).toContain("OPENAI_API_KEY");
    expect(stale.text).not.toMatch(/HUNTER2|OPENAI_API_KEY/);
  });

  it("stays only in the table cells that are loaded from variables", () => {
    const table = (value: object[]) => ({ table_schema: [{ name: "value", load_from_db: true }], value });
    const rows = [
      { key: "Authorization", value: "TOKEN", __load_from_db_fields: ["value"] },
      { key: "X-A", value: "TOKEN" },
      { key: "X-B", value: "TOKEN", __load_from_db_fields: { value: false } },
      { key: "X-C", value: "ANOTHER", __load_from_db_fields: { value: true } },
      { key: "Accept", value: "a/b", __load_from_db_fields: [] },
    ];
    const cells = (value: unknown) => (value as { value: string }[]).map((row) => row.value);
    expect(cells(kept(table(rows), ["TOKEN"]))).toEqual(["TOKEN", "TOKEN", "", "", "a/b"]);
    const agreed = exported(flowWith({ key: table(rows) }), ["TOKEN"]);
    expect(cells(kept(table(rows), [], agreed))).toEqual(["TOKEN", "TOKEN", "", "", "a/b"]);
    expect(cells(kept(table(rows)))).toEqual(["", "", "", "", "a/b"]);
  });

  it("stays in an MCP server's configuration and headers if it is written in LangFlow's form for references", () => {
    const config = { env: { A: "MCP_X_1", B: "{{ TOKEN }}", C: "TOKEN", D: "MCP_Y" }, args: ["--token", "{{TOKEN}}"] };
    const field = { type: "mcp", value: { name: "s", config } };
    expect(kept(field, ["MCP_X_1", "TOKEN"])).toEqual({
      name: "s",
      config: { env: { A: "MCP_X_1", B: "{{ TOKEN }}", C: "", D: "" }, args: ["--token", "{{TOKEN}}"] },
    });
    const headers = { name: "headers", value: [{ key: "Authorization", value: "MCP_X_1" }] };
    expect(kept(headers, ["MCP_X_1"])).toEqual(headers.value);
    expect(kept(headers)).toEqual([{ key: "Authorization", value: "" }]);
  });
});
