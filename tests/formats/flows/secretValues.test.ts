import { boundNames } from "../../../formats/flows/bindings";
import { type Json, type JsonObject, parseJson } from "../../../formats/flows/canonicalJson";
import { isHidden, withoutFieldSecrets } from "../../../formats/flows/secretFields";
import {
  BEARER,
  boundValue,
  emptied,
  emptiedBy,
  isReference,
  withoutSecrets,
} from "../../../formats/flows/secretValues";
import { fieldsMapped } from "../../../formats/flows/templates";

const all = () => true;
const none = () => false;
const TOKEN = "a1b2c3d4e5f6g7h8";
const plain = (value: Json) => withoutSecrets(value, { mayStay: none, headers: false });
const headers = (value: Json, mayStay = none as (name: string) => boolean) =>
  withoutSecrets(value, { mayStay, headers: true });

describe("headers in a single text", () => {
  it("lose their secrets, whatever the whitespace and the kind of quotes", () => {
    expect(headers(`Bearer  ${TOKEN}`)).toBe("");
    expect(headers(`{"Authorization":  "${TOKEN}", "Accept": "a"}`)).toBe('{"Authorization":  "", "Accept": "a"}');
    expect(headers(`{'Authorization': 'it\\'s ${TOKEN}'}`)).toBe("{'Authorization': ''}");
  });
});

describe("a JSON schema", () => {
  it("keeps its description of values, even under the name of a secret", () => {
    const schema = { type: "array", items: { type: "string" }, anyOf: [{ type: "null" }], default: TOKEN };
    expect(emptied(schema)).toEqual({ ...schema, default: "" });
  });
});

describe("a variable's name", () => {
  it("may be any single line of at most 256 characters, except a secret or a URL with a secret", () => {
    for (const name of ["KEY", "my key", "x".repeat(256), "https://h.org"]) expect(boundValue(name, all)).toBe(name);
    for (const text of [
      "",
      "  ",
      "x".repeat(257),
      "a\nb",
      "a\x00",
      "a\x1fb",
      "a\x7fb",
      "sk-aaaaaaaaa",
      "https://a:b@h.org",
    ])
      expect(boundValue(text, all)).toBe("");
    for (const value of [undefined, null, 1, ["KEY"], { a: 1 }, parseJson("1.5")])
      expect(boundValue(value, all)).toBe("");
    expect(boundValue("KEY", (name) => name !== "KEY")).toBe("");
  });

  it("counts as referenced in the form {{NAME}}, or in LangFlow's form for MCP servers", () => {
    for (const text of ["{{KEY}}", "{{ KEY }}", "{{\tmy-key_1 }}", "MCP_X", "MCP_"])
      expect(isReference(text, all)).toBe(true);
    for (const text of [
      "{{KEY",
      "{KEY}",
      "{{1KEY}}",
      "{{}}",
      "x{{KEY}}",
      "{{KEY}}x",
      "{{my key}}",
      "mcp_x",
      "XMCP_",
      "KEY",
      "",
    ])
      expect(isReference(text, all)).toBe(false);
    expect([isReference("{{KEY}}", (name) => name === "KEY"), isReference("{{KEY}}", none)]).toEqual([true, false]);
    expect([isReference("MCP_X", (name) => name === "MCP_X"), isReference("MCP_X", none)]).toEqual([true, false]);
    expect([isReference(undefined, all), isReference(7, all), isReference("MCP_\n", all)]).toEqual([
      false,
      false,
      false,
    ]);
  });
});

describe("an emptied value", () => {
  it("is the empty value of its type, and numbers and booleans stay unchanged", () => {
    expect(["x", ["x"], { a: "x" }, 7, true, null, parseJson("1.50")].map(emptied)).toEqual([
      "",
      [],
      {},
      7,
      true,
      null,
      parseJson("1.50"),
    ]);
  });

  it("of a schema keeps the schema's description of the value, but no default", () => {
    const schema = {
      type: "string",
      title: "t",
      description: "d",
      format: "f",
      items: {},
      anyOf: [],
      default: "x",
      const: ["y"],
      n: 1,
    };
    expect(emptied(schema)).toEqual({ ...schema, default: "", const: [] });
    for (const type of ["array", "boolean", "integer", "null", "number", "object", "string"])
      expect(emptied({ type, default: "x" })).toEqual({ type, default: "" });
    expect(emptied({ anyOf: [], default: "x" })).toEqual({ anyOf: [], default: "" });
    for (const other of [{ type: "str" }, { type: 7 }, { anyOf: "x" }, { title: "t" }] as JsonObject[])
      expect(emptied(other)).toEqual({});
  });

  it("of a connection is its URL without credentials", () => {
    expect(emptiedBy("database_url", "postgresql://me:pw@h.org/d")).toBe("postgresql://h.org/d");
    expect(emptiedBy("DSN", "HTTPS://me:pw@h.org")).toBe("HTTPS://h.org");
    for (const text of ["Server=x;Pwd=y", " postgresql://h", "1x://h", "//h"]) expect(emptiedBy("dsn", text)).toBe("");
    expect([emptiedBy("token", "https://h.org"), emptiedBy("dsn", ["https://h.org"])]).toEqual(["", []]);
  });
});

describe("a bearer token", () => {
  it("is recognized by its scheme and its length", () => {
    for (const text of [`Bearer ${TOKEN}`, ` token  ${TOKEN}= `, `BEARER ${TOKEN}~+/-._`])
      expect(BEARER.test(text)).toBe(true);
    for (const text of [
      `Bearer ${TOKEN.slice(1)}`,
      `x Bearer ${TOKEN}`,
      `Bearer ${TOKEN} x`,
      `Bearer${TOKEN}`,
      `Basic ${TOKEN}`,
    ])
      expect(BEARER.test(text)).toBe(false);
    expect([plain(`Bearer ${TOKEN}`), plain("Bearer of news")]).toEqual(["", "Bearer of news"]);
  });
});

describe("a value without its secrets", () => {
  it.each<[string, Json, Json]>([
    [
      "a dictionary",
      { api_key: "x", a: "y", deep: { token: ["x"], b: [1] } },
      { api_key: "", a: "y", deep: { token: [], b: [1] } },
    ],
    [
      "a list of any values",
      [{ token: "x" }, ["https://u:p@h.org", [{ pwd: "x" }]], "y", 1, null],
      [{ token: "" }, ["https://h.org", [{ pwd: "" }]], "y", 1, null],
    ],
    ["a row named by key", { key: "token", value: "x", a: "y" }, { key: "token", value: "", a: "y" }],
    ["a row named by name", { name: "token", value: "x" }, { name: "token", value: "" }],
    ["a row named by header", { header: "token", value: "x" }, { header: "token", value: "" }],
    [
      "a row in which one name is a secret's",
      { key: "a", name: "token", value: "x" },
      { key: "a", name: "token", value: "" },
    ],
    ["a row of a connection", { key: "dsn", value: "https://u:p@h.org" }, { key: "dsn", value: "https://h.org" }],
    ["a row without a secret's name", { key: "a", value: "x" }, { key: "a", value: "x" }],
    ["a row whose names are URLs", { key: "https://u:p@h.org", value: 1 }, { key: "https://h.org", value: 1 }],
    ["a dictionary that has a key, but no value", { key: "token", x: "y" }, { key: "token", x: "y" }],
    ["a name that is not a string", { name: { token: "x" }, value: "y" }, { name: { token: "" }, value: "y" }],
    ["a field that is flagged", { password: true, value: "x", other: "y" }, { password: true, value: "", other: "y" }],
    ["a field that is loaded from the database", { load_from_db: true, value: "x" }, { load_from_db: true, value: "" }],
    [
      "a field that is not flagged",
      { password: false, load_from_db: "true", value: "x" },
      { password: false, load_from_db: "true", value: "x" },
    ],
    ["a header's name outside of headers", { "X-Auth": "x", "my-key": "y" }, { "X-Auth": "x", "my-key": "y" }],
  ])("is otherwise unchanged: %s", (_, value, expected) => {
    expect(plain(value)).toEqual(expected);
  });

  it("keeps the name of an existing variable if the value is loaded from that variable", () => {
    expect(withoutSecrets({ load_from_db: true, value: "KEY" }, { mayStay: all, headers: false })).toEqual({
      load_from_db: true,
      value: "KEY",
    });
    expect(withoutSecrets({ password: true, value: "KEY" }, { mayStay: all, headers: false })).toEqual({
      password: true,
      value: "",
    });
  });

  it.each<[string, Json, Json]>([
    ["a dictionary", { "X-Auth": "x", Accept: "a/b", "X-Mine": "y" }, { "X-Auth": "", Accept: "a/b", "X-Mine": "y" }],
    [
      "rows",
      [
        { key: "X-Auth", value: "x" },
        { key: "X-Mine", value: "y" },
      ],
      [
        { key: "X-Auth", value: "" },
        { key: "X-Mine", value: "y" },
      ],
    ],
    [
      "rows with other column names",
      [
        { h: "X-Auth", v: "x", n: 1 },
        { h: "X-Mine", v: "y" },
      ],
      [
        { h: "X-Auth", v: "", n: 1 },
        { h: "X-Mine", v: "y" },
      ],
    ],
    ["a dictionary with other column names", { h: "X-Auth", v: "x" }, { h: "X-Auth", v: "x" }],
    ["rows with additional names", [{ name: "a", h: "X-Auth", v: "x" }], [{ name: "a", h: "X-Auth", v: "x" }]],
    ["rows with names that are not headers'", [{ h: "my auth", v: "x" }], [{ h: "my auth", v: "x" }]],
    ["a plain header that looks like a secret", { Accept: `Bearer ${TOKEN}` }, { Accept: "" }],
    ["an authentication scheme under a different name", { "X-Mine": "Basic abc" }, { "X-Mine": "" }],
  ])("of headers also loses secrets that only headers have: %s", (_, value, expected) => {
    expect(headers(value)).toEqual(expected);
  });

  it("of headers keeps references to variables that exist", () => {
    const value = { "X-Auth": "{{KEY}}", Cookie: "MCP_1", "X-Key": "{{OTHER}}" };
    expect(headers(value, (name) => name !== "OTHER")).toEqual({ ...value, "X-Key": "" });
    expect(plain({ token: "{{KEY}}" })).toEqual({ token: "" });
    expect(withoutSecrets({ token: "{{KEY}}" }, { mayStay: all, headers: false })).toEqual({ token: "" });
  });

  it.each([
    ["Bearer x", ""],
    ["  basic x", ""],
    ["Token\tx", ""],
    ["ApiKey x", ""],
    ["Bearer", "Bearer"],
    ["My Bearer x", "My Bearer x"],
    ["X-Auth: x", "X-Auth:"],
    ["  X-Auth : x, y\nX-Mine: z\n\tCookie=a", "  X-Auth :\nX-Mine: z\n\tCookie="],
    ["X-Auth:", "X-Auth:"],
    ["1-Auth: x", "1-Auth: x"],
    ['{"X-Auth": "x", "X-Mine": "y"}', '{"X-Auth": "", "X-Mine": "y"}'],
    [
      ' [{"X-Auth" :\t"a\\"b", \'Cookie\': \'c\', "X-Key": 12.5, "X-Mine": "X-Auth"}]',
      ' [{"X-Auth" :\t"", \'Cookie\': \'\', "X-Key": "", "X-Mine": "X-Auth"}]',
    ],
    ['{"X-Auth": true}', '{"X-Auth": ""}'],
    ["https://u:p@h.org", "https://h.org"],
  ])("of headers in a single text changes from %j to %j", (text, expected) => {
    expect(headers(text)).toBe(expected);
  });
});

describe("a field without its secrets", () => {
  const field = (key: string, given: Json, mayStay = none as (name: string) => boolean) =>
    withoutFieldSecrets(key, given, mayStay);

  it("counts as hidden if its flag has a value that Python treats as true", () => {
    for (const flag of [true, 1, "x", [0], { a: 0 }])
      expect([isHidden({ password: flag }), isHidden({ load_from_db: flag })]).toEqual([true, true]);
    for (const flag of [false, 0, "", [], {}, null])
      expect([isHidden({ password: flag }), isHidden({ load_from_db: flag })]).toEqual([false, false]);
    expect(isHidden({})).toBe(false);
  });

  it.each<[string, Json, Json]>([
    ["x", "text", "text"],
    ["token", "text", ""],
    ["dsn", "https://u:p@h.org", "https://h.org"],
    ["token", 7, 7],
    ["token", ["x"], ["x"]],
    ["x", { value: null, password: true }, { value: null, password: true }],
    ["x", { value: "x", password: [1] }, { value: "", password: [1] }],
    ["x", { value: ["x"], password: true }, { value: "", password: true }],
    ["x", { value: "google/my_mail", type: "connection_ref" }, { value: "google/my_mail", type: "connection_ref" }],
    ["x", { value: "x", type: "connection_ref" }, { value: "", type: "connection_ref" }],
    ["x", { value: ["google/my_mail"], type: "connection_ref" }, { value: [], type: "connection_ref" }],
    ["x", { value: "x/google/mail", type: "connection_ref" }, { value: "", type: "connection_ref" }],
    ["x", { value: "google/my mail", type: "connection_ref" }, { value: "", type: "connection_ref" }],
    ["token", { value: { a: 1 } }, { value: {} }],
    ["x", { name: "token", value: "x" }, { name: "token", value: "" }],
    ["x", { name: "dsn", value: "https://u:p@h.org" }, { name: "dsn", value: "https://h.org" }],
    ["x", { _input_type: "McpInput", value: "x" }, { _input_type: "McpInput", value: "" }],
    [
      "x",
      { type: "mcp", value: { config: { env: { A: "x" } } } },
      { type: "mcp", value: { config: { env: { A: "" } } } },
    ],
    ["my_headers", { value: { "X-Auth": "x" } }, { value: { "X-Auth": "" } }],
    ["x", { name: "headers", value: ["X-Auth: x"] }, { name: "headers", value: ["X-Auth:"] }],
    ["x", { value: { "X-Auth": "x" } }, { value: { "X-Auth": "x" } }],
    [
      "x",
      { value: "x", inner: { template: { token: "y", z: { password: true, value: "z" } } } },
      { value: "x", inner: { template: { token: "", z: { password: true, value: "" } } } },
    ],
  ])("named %s changes from %j to %j", (key, given, expected) => {
    expect(field(key, given)).toEqual(expected);
  });

  it("keeps table cells with an existing variable's name, and empties other cells in columns for variables", () => {
    const table = (rows: Json[], schema: Json = [{ name: "v", load_from_db: true }, { name: "w" }, "x"]) =>
      (field("x", { table_schema: schema, value: rows }, (name) => name === "KEY") as { value: Json }).value;
    expect(table([{ v: "KEY", w: "x" }, { v: "x" }, "https://u:p@h.org", { w: "y" }])).toEqual([
      { v: "KEY", w: "x" },
      { v: "" },
      "https://h.org",
      { w: "y" },
    ]);
    expect(
      table([
        { w: "KEY", __load_from_db_fields: ["w"] },
        { w: "x", __load_from_db_fields: ["w"] },
      ]),
    ).toEqual([
      { w: "KEY", __load_from_db_fields: ["w"] },
      { w: "", __load_from_db_fields: ["w"] },
    ]);
    expect(
      table([
        { v: "KEY", __load_from_db_fields: [] },
        { v: "KEY", __load_from_db_fields: { v: false } },
      ]),
    ).toEqual([
      { v: "", __load_from_db_fields: [] },
      { v: "", __load_from_db_fields: { v: false } },
    ]);
    expect(
      table([
        { v: "KEY", __load_from_db_fields: { w: true } },
        { v: "KEY", __load_from_db_fields: "v" },
      ]),
    ).toEqual([
      { v: "KEY", __load_from_db_fields: { w: true } },
      { v: "KEY", __load_from_db_fields: "v" },
    ]);
    expect(table([{ v: ["x"] }, { v: 7 }])).toEqual([{ v: [] }, { v: 7 }]);
    for (const name of ["key", "name", "header"])
      expect(
        table([
          { [name]: "Accept", v: "a/b" },
          { [name]: "X-Mine", v: "x" },
        ]),
      ).toEqual([
        { [name]: "Accept", v: "a/b" },
        { [name]: "X-Mine", v: "" },
      ]);
    expect(table([{ v: "KEY" }], { v: true })).toEqual([{ v: "KEY" }]);
  });

  it("is bound to every variable that its value references, in any form of reference", () => {
    expect([...boundNames("x", { load_from_db: true, value: "KEY" })]).toEqual(["KEY"]);
    expect([...boundNames("headers", { value: { A: "{{ONE}}", B: "MCP_2" } })]).toEqual(["ONE", "MCP_2"]);
    expect([...boundNames("x", { value: "KEY" })]).toEqual([]);
  });
});

describe("the fields of a graph", () => {
  it("are the fields of all templates, each with its path", () => {
    const ways: string[] = [];
    const graph: Json = {
      nodes: [
        { id: "n", data: { node: { template: { a: 1, b: { template: { c: 2 } } } } } },
        { data: { template: [{ template: { d: 3 } }] } },
        { id: 7, template: { e: 4 } },
        "text",
      ],
      template: "none",
    };
    const mapped = fieldsMapped(graph, ({ path, name, field }) => {
      ways.push([...path, name].join("/"));
      return typeof field === "number" ? field * 10 : field;
    });
    expect(ways).toEqual(["nodes/n/data/node/a", "nodes/n/data/node/b", "nodes/1/data/template/0/d", "nodes/2/e"]);
    expect(mapped).toEqual({
      nodes: [
        { id: "n", data: { node: { template: { a: 10, b: { template: { c: 2 } } } } } },
        { data: { template: [{ template: { d: 30 } }] } },
        { id: 7, template: { e: 40 } },
        "text",
      ],
      template: "none",
    });
  });
});
