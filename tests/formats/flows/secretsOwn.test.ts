import fc from "fast-check";
import type { JsonObject } from "../../../formats/flows/canonicalJson";
import { exportedFlow, importable, readFlowFile } from "../../../formats/flows/flowFile";
import { flowWith, templateOf } from "./secretGraphs";

const exported = (stored: JsonObject, variables: string[] = []) =>
  exportedFlow(stored, { variables: new Set(variables) });
/** Returns the field of a region that has the value `own`, after the import of a file that another region exported. */
const imported = (other: object, own: object, { otherVariables = [] as string[], depth = 0 } = {}) =>
  templateOf(
    importable(exported(flowWith({ key: other }, { depth }), otherVariables), flowWith({ key: own }, { depth })),
  ).key;
const password = (value: unknown, more: object = {}) => ({
  name: "key",
  password: true,
  load_from_db: false,
  value,
  ...more,
});

describe("a region's own secrets, when the region imports a flow,", () => {
  it.each<[string, object, object]>([
    ["a password", password(""), password("own")],
    ["a literal behind a stale flag", password("", { load_from_db: true }), password("own", { load_from_db: true })],
    ["a field with a secret's name", { name: "api_key", value: "" }, { name: "api_key", value: "own" }],
    ["a URL's credentials", { value: "https://h.org/a" }, { value: "https://me:own@h.org/a" }],
    ["a URL's parameter", { value: "https://h.org/a?token=" }, { value: "https://h.org/a?token=own" }],
    [
      "a header",
      { name: "headers", value: [{ key: "Authorization", value: "" }] },
      { name: "headers", value: [{ key: "Authorization", value: "own" }] },
    ],
    [
      "an MCP server's variables",
      { type: "mcp", value: { name: "s", config: { env: { A: "other" }, args: ["--token", "other"] } } },
      { type: "mcp", value: { name: "s", config: { env: { A: "own" }, args: ["--token", "own"] } } },
    ],
    [
      "a field of a dialog",
      { value: "", dialog: { template: { a: password("other") } } },
      { value: "", dialog: { template: { a: password("own") } } },
    ],
  ])("are restored: %s", (_, other, own) => {
    for (const depth of [0, 1, 3]) expect(imported(other, own, { depth })).toEqual(own);
  });

  it("are restored next to values that the import changes", () => {
    const headers = (value: object[]) => ({ name: "headers", value });
    expect(
      imported(
        headers([
          { key: "X-New", value: "1" },
          { key: "X-Api-Key", value: "other" },
          { key: "Cookie", value: "" },
        ]),
        headers([
          { key: "Cookie", value: "own 1" },
          { key: "X-Api-Key", value: "own 2" },
          { key: "X-Old", value: "2" },
        ]),
      )?.value,
    ).toEqual([
      { key: "X-New", value: "1" },
      { key: "X-Api-Key", value: "own 2" },
      { key: "Cookie", value: "own 1" },
    ]);
    const options = (value: object) => ({ type: "dict", value });
    expect(imported(options({ api_key: "other", size: 2 }), options({ api_key: "own", size: 1 }))?.value).toEqual({
      api_key: "own",
      size: 2,
    });
  });

  it("are restored if the other region only changed how the field is displayed", () => {
    expect(
      imported(password("", { advanced: false, info: "new" }), password("own", { advanced: true, info: "" })),
    ).toEqual(password("own", { advanced: false, info: "new" }));
  });

  it.each(["advanced", "display_name", "info", "placeholder", "show"])(
    "are restored although the file changes the field's %s, and the import applies that change",
    (look) => {
      const own = password("own", { [look]: "old" });
      expect(imported(password("", { [look]: "new" }), own)).toEqual(password("own", { [look]: "new" }));
    },
  );

  it.each<[string, object, object]>([
    ["is no longer secret", password("", { password: false }), password("own")],
    ["lacks a key", password(""), password("own", { input_types: ["Message"] })],
    ["has a different type", password("", { type: "int" }), password("own", { type: "str" })],
    ["has a different name of its own", password("", { name: "b" }), password("own", { name: "a" })],
    ["is now bound to a variable", password("", { load_from_db: true }), password("own")],
    ["has a different URL", { value: "https://other.org/a" }, { value: "https://me:own@h.org/a" }],
    [
      "has a different header",
      { name: "headers", value: [{ key: "Cookie", value: "" }] },
      { name: "headers", value: [{ key: "Authorization", value: "own" }] },
    ],
    [
      "has two headers of that name",
      {
        name: "headers",
        value: [
          { key: "Cookie", value: "" },
          { key: "Cookie", value: "" },
        ],
      },
      { name: "headers", value: [{ key: "Cookie", value: "own" }] },
    ],
    [
      "has one header if the region has two of that name",
      {
        name: "headers",
        value: [
          { key: "X-New", value: "1" },
          { key: "Cookie", value: "" },
        ],
      },
      {
        name: "headers",
        value: [
          { key: "Cookie", value: "own 1" },
          { key: "Cookie", value: "own 2" },
        ],
      },
    ],
    [
      "has a table if the region has a single text",
      { name: "headers", value: [{ key: "Cookie", value: "" }] },
      { name: "headers", value: "Cookie: own" },
    ],
    [
      "has a single text if the region has a table",
      { name: "headers", value: "Cookie:" },
      { name: "headers", value: [{ key: "Cookie", value: "own" }] },
    ],
    [
      "has a dictionary if the region has a table",
      { name: "headers", value: { Cookie: "" } },
      { name: "headers", value: [{ key: "Cookie", value: "own" }] },
    ],
    [
      "has a dictionary if the region has a single text",
      { name: "headers", value: { Cookie: "" } },
      { name: "headers", value: "Cookie: own" },
    ],
    [
      "is empty if the region has a dictionary",
      { name: "headers", value: null },
      { name: "headers", value: { Cookie: "own" } },
    ],
    [
      "is no longer flagged as secret",
      { type: "dict", value: { key: "Accept", value: "" } },
      { type: "dict", value: { key: "Cookie", value: "own" } },
    ],
    [
      "has a different MCP server",
      { type: "mcp", value: { name: "s", config: { url: "https://other.org", headers: { A: "" } } } },
      { type: "mcp", value: { name: "s", config: { url: "https://h.org", headers: { A: "own" } } } },
    ],
  ])("are not restored in a field that %s", (_, other, own) => {
    expect(JSON.stringify(imported(other, own))).not.toContain("own");
  });

  it("are not restored in a field, a node or a group other than their own", () => {
    const own = flowWith({ key: password("own") });
    const file = (template: object, depth = 0) => exported(flowWith(template, { depth }));
    const other = readFlowFile(
      Buffer.from(file({ key: password("") }).text.replace('"id": "n1",\n        "position', "")),
    );
    for (const each of [file({ key2: password("") }), file({ key: password("") }, 1)])
      expect(JSON.stringify(importable(each, own))).not.toContain("own");
    expect(JSON.stringify(importable(other, own))).toContain("own");
    const renamed = JSON.parse(file({ key: password("") }).text);
    renamed.data.nodes[0].id = "n2";
    expect(JSON.stringify(importable(readFlowFile(Buffer.from(JSON.stringify(renamed))), own))).not.toContain("own");
  });

  it("are not restored if two nodes have the same id, because the secrets' node is then ambiguous", () => {
    const own = flowWith({ key: password("own") });
    const [node] = (own as { data: { nodes: object[] } }).data.nodes;
    const twice = { ...own, data: { nodes: [node, node], edges: [] } } as JsonObject;
    expect(JSON.stringify(importable(exported(twice), twice))).not.toContain("own");
  });

  it("do not replace the name of a variable that Git has", () => {
    const flagged = (value: string) => password(value, { load_from_db: true });
    expect(imported(flagged("VARIABLE"), flagged("own"), { otherVariables: ["VARIABLE"] })).toEqual(
      flagged("VARIABLE"),
    );
    const rows = (value: string) => ({
      table_schema: [{ name: "value", load_from_db: true }],
      value: [{ key: "Authorization", value }],
    });
    expect(imported(rows("VARIABLE"), rows("own"), { otherVariables: ["VARIABLE"] })).toEqual(rows("VARIABLE"));
  });

  it("are restored in a field that also contains the name of a variable", () => {
    const rows = (name: string, secret: string) => ({
      table_schema: [{ name: "value", load_from_db: true }],
      value: [
        { key: "Authorization", value: name },
        { key: "Cookie", value: secret },
      ],
    });
    const own = rows("VARIABLE", "own");
    expect(imported(rows("VARIABLE", "other"), own, { otherVariables: ["VARIABLE"] })).toEqual(own);
  });

  it("never replace a value in the file", () => {
    const texts = fc.constantFrom("", "VARIABLE", "a", "https://h.org", "https://u:p@h.org");
    const field = fc.record({
      name: fc.constantFrom("key", "headers", "token"),
      load_from_db: fc.boolean(),
      value: texts,
    });
    fc.assert(
      fc.property(field, field, (other, own) => {
        const file = exported(flowWith({ key: other }), ["VARIABLE"]);
        const said = templateOf(file.value).key?.value;
        const now = templateOf(importable(file, flowWith({ key: own }))).key?.value;
        if (now !== said)
          expect([
            ["", own.value],
            ["https://h.org", "https://u:p@h.org"],
          ]).toContainEqual([said, now]);
      }),
    );
  });
});

it("a region exports a file exactly as it imported the file, whatever secrets the region has", () => {
  const texts = fc.constantFrom(
    "",
    "VARIABLE",
    "secret",
    "https://u:p@h.org?key=a",
    "https://h.org?key=",
    "Bearer abc",
  );
  const flags = { password: fc.boolean(), load_from_db: fc.boolean() };
  const rows = fc.array(fc.record({ key: fc.constantFrom("Cookie", "Accept", "X-A"), value: texts }), { maxLength: 3 });
  const field = fc.oneof(
    fc.record({ ...flags, value: texts }),
    fc.record({ table_schema: fc.constant([{ name: "value", load_from_db: true }]), value: rows }),
    fc.record({ type: fc.constant("dict"), value: fc.dictionary(fc.constantFrom("token", "url", "x"), texts) }),
    fc.record({ type: fc.constant("dict"), value: fc.record({ key: fc.constantFrom("Cookie", "A"), value: texts }) }),
    fc.record({
      type: fc.constant("mcp"),
      value: fc.record({ name: texts, config: fc.record({ env: fc.dictionary(fc.constantFrom("A", "B"), texts) }) }),
    }),
  );
  const template = fc.record({ key: field, headers: field, api_token: field, value: field });
  fc.assert(
    fc.property(template, template, fc.nat(2), fc.boolean(), (other, own, depth, knows) => {
      const file = exported(flowWith(other, { depth }), knows ? ["VARIABLE"] : []);
      const local = importable(file, flowWith(own, { depth }));
      // This region lacks the variable: it knows only the variable names in Git.
      expect(exportedFlow(local, { variables: new Set(), agreed: file }).text).toBe(file.text);
      expect(importable(file, local)).toEqual(local);
      expect(readFlowFile(Buffer.from(file.text)).text).toBe(file.text);
    }),
    { numRuns: 300 },
  );
});

it("a flow that does not exist in the region yet is imported exactly as the file has it", () => {
  const file = exported(flowWith({ key: password("other") }));
  expect(importable(file, undefined)).toEqual(file.value);
});
