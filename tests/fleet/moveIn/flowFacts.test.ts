import { flowFacts, localPaths, ownCode } from "../../../fleet/moveIn/flowFacts";
import type { Json, JsonObject } from "../../../formats/flows/canonicalJson";
import { TOKEN } from "./recordedLangFlow";

const ID = "b8a5b5a8-7d2a-4b51-9a6e-6b6bb2b0a001";

const node = (id: string, template: JsonObject, more: JsonObject = {}, type = "File"): JsonObject => ({
  id,
  data: { type, node: { template, ...more } },
});
const graph = (...nodes: JsonObject[]): JsonObject => ({ nodes, edges: [] });
const facts = (data: Json, more: JsonObject = {}) =>
  flowFacts({ id: ID, name: "Flow", bytes: 10, value: { id: ID, name: "Flow", data, ...more }, variables: new Set() });

describe("localPaths", () => {
  const file = (given: JsonObject) => localPaths(graph(node("File-1", { path: { type: "file", ...given } })));

  it.each(["/data/report.pdf", "~/report.pdf", "C:\\report.pdf", "d:/report.pdf", " /data/a file.pdf"])(
    "reports %s as a local path",
    (path) => {
      expect(file({ file_path: [path] })).toEqual(["File-1.path"]);
      expect(file({ value: path })).toEqual(["File-1.path"]);
      expect(localPaths(graph(node("Directory-1", { path: { type: "str", value: path } })))).toEqual([
        "Directory-1.path",
      ]);
    },
  );

  it.each([`${ID}/report.pdf`, "report.pdf", "", "https://example.com/a.pdf", "//cdn.example.com/a"])(
    "does not report %j as a local path",
    (path) => {
      expect(file({ file_path: path, value: path })).toEqual([]);
    },
  );

  it("ignores text fields, in which a slash often has another meaning", () => {
    expect(localPaths(graph(node("Prompt-1", { template: { type: "prompt", value: "/start" } })))).toEqual([]);
  });
});

describe("ownCode", () => {
  const code = { code: { type: "code", value: "class Own: pass" } };

  it("reports components that were written, edited or built from code", () => {
    expect(ownCode(graph(node("A", code, {}, "CustomComponent")))).toEqual(["A"]);
    expect(ownCode(graph(node("A", code, { edited: true })))).toEqual(["A"]);
    expect(ownCode(graph(node("A", code, { metadata: { module: "custom_components.own" } })))).toEqual(["A"]);
  });

  it("ignores LangFlow's own components and nodes without code", () => {
    const metadata = { module: "lfx.components.files_and_knowledge.file.FileComponent", code_hash: "000000000000" };
    expect(ownCode(graph(node("A", code, { edited: false, metadata }), node("B", {}, { edited: true })))).toEqual([]);
  });

  it("also searches groups of components", () => {
    const group = { flow: { data: graph(node("Inner", code, { edited: true })) } };
    expect(ownCode(graph(node("Group", {}, group)))).toEqual(["Inner"]);
  });
});

describe("flowFacts", () => {
  it("names the field and the rule of a suspected secret, but never its value", async () => {
    const { secrets } = await facts(graph(node("Prompt-1", { template: { type: "prompt", value: `use ${TOKEN}` } })));
    expect(secrets).toEqual([expect.stringMatching(/Prompt-1.*\(github\)$/)]);
    expect(secrets.join()).not.toContain(TOKEN);
  });

  it("ignores password fields, which the flow sync does not write to Git", async () => {
    const key = { type: "str", password: true, value: TOKEN };
    expect((await facts(graph(node("Model-1", { api_key: key })))).secrets).toEqual([]);
  });

  it("explains why a flow cannot be read or recorded, and reports nothing else about it", async () => {
    expect((await facts(graph(), { endpoint_name: "not this one" })).problem).toMatch(
      /^endpoint_name may contain only letters/,
    );
    expect(
      await flowFacts({ id: ID, name: "Flow", bytes: 10, value: "is no JSON", variables: new Set() }),
    ).toMatchObject({
      problem: "is no JSON",
      secrets: [],
    });
  });

  it("replaces a flow name that looks like a secret with the id", async () => {
    const named = await flowFacts({
      id: ID,
      name: TOKEN,
      bytes: 1,
      value: { id: ID, name: TOKEN },
      variables: new Set(),
    });
    expect(named).toMatchObject({ name: ID, secrets: ["name (github)"] });
  });
});
