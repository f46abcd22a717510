import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { moveInFindings } from "../../../../fleet/moveIn/findings";
import { flowFolderInventory } from "../../../../fleet/moveIn/sources/flowFolder";
import { FLOW_BYTES_MAX } from "../../../../formats/flows/flowFile";
import { ExitCode } from "../../../../model/errors";
import { contentsOf, TOKEN } from "../recordedLangFlow";

const ID = "b8a5b5a8-7d2a-4b51-9a6e-6b6bb2b0a001";
const flow = (name: string, more: object = {}) => ({ name, data: { nodes: [], edges: [] }, ...more });

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "flows-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(path: string, value: unknown): void {
  mkdirSync(join(folder, path, ".."), { recursive: true });
  writeFileSync(join(folder, path), typeof value === "string" ? value : JSON.stringify(value));
}
const namesIn = async () => (await flowFolderInventory(folder)).flows.map(({ name }) => name);

describe("a folder of flows", () => {
  it("is read with one or several flows per file and in subfolders, and is unchanged afterwards", async () => {
    write("a.json", `\uFEFF${JSON.stringify(flow("One"))}`);
    write("b.json", [flow("Two"), flow("Three")]);
    write("deeper/c.json", { flows: [flow("Four")] });
    write("deeper/nameless.json", { data: { nodes: [] } });
    const before = contentsOf(folder);
    expect(await namesIn()).toEqual(["One", "Two", "Three", "Four", "nameless"]);
    expect(contentsOf(folder)).toEqual(before);
  });

  it("ignores hidden files, symbolic links, other extensions and files without a flow", async () => {
    write("a.json", flow("One"));
    write(".git/b.json", flow("Hidden"));
    write("c.txt", flow("Text"));
    write("package.json", { name: "a package", data: {} });
    write("broken.json", "{");
    symlinkSync(folder, join(folder, "again"));
    symlinkSync(join(folder, "a.json"), join(folder, "d.json"));
    expect(await namesIn()).toEqual(["One"]);
    expect((await flowFolderInventory(folder)).unseen.at(-1)).toBe("2 .json files without a flow, such as broken.json");
  });

  it("has the version of the newest LangFlow that saved one of its flows", async () => {
    for (const [index, version] of ["1.7.2", "1.10.0", "1.9.9", "today"].entries())
      write(`${index}.json`, flow("Flow", { last_tested_version: version }));
    expect((await flowFolderInventory(folder)).version).toBe("1.10.0");
  });

  it("has the same findings as a database except about users, and a finding about duplicate ids", async () => {
    const node = { id: "Prompt-1", data: { node: { template: { text: { type: "str", value: `use ${TOKEN}` } } } } };
    write("a.json", flow("One", { id: ID, data: { nodes: [node] } }));
    write("b.json", flow("Two", { id: ID.toUpperCase() }));
    write("c.json", [flow("Three", { description: "x".repeat(FLOW_BYTES_MAX) }), flow("Four")]);
    const findings = moveInFindings(await flowFolderInventory(folder));
    expect(findings.map(({ what, which }) => [what, which[0]?.replace(/: .*/, "")])).toEqual([
      ["flows with a duplicate id", "Two"],
      ["flows that cannot be recorded", "Three"],
      ["flows with a likely secret", "One"],
    ]);
  });

  it("is rejected with exit code 2 if it contains no flow", async () => {
    write("package.json", {});
    await expect(flowFolderInventory(folder)).rejects.toMatchObject({ exitCode: ExitCode.BadInput });
  });
});
