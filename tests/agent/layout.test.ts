import fc from "fast-check";
import { flowPath, meaningOf, projectFilePath, projectFolder, safeName } from "../../agent/flows/layout";

const ID = "6f1c2a34-58d1-4e0f-9c55-0a1b2c3d4e5f";

describe("where a flow lies in the repository", () => {
  it("is a path inside its folder, whatever the flow is called", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (name) => {
        const path = flowPath("default", undefined, { id: ID, name }, new Set());
        expect(path).toMatch(/^default\/[^/\\\0]+\.json$/);
        expect(Buffer.byteLength(path)).toBeLessThan(255);
        expect(meaningOf("default", path)).toEqual({ kind: "flow" });
      }),
    );
  });

  it("is the file name that lfx gives it", () => {
    expect(safeName("Document Q&A – Übung 2")).toBe("Document_Q_A___Übung_2");
  });

  it.each([
    ["", "_"],
    ["   ", "_"],
    [" a  b ", "a__b"],
    [".hidden", "_hidden"],
    ["a/b\\c\0", "a_b_c_"],
    ["x-y_z", "x-y_z"],
    ["x".repeat(200), "x".repeat(200)],
    ["x".repeat(201), "x".repeat(200)],
    ["ä".repeat(150), "ä".repeat(100)],
    [`x${"ä".repeat(150)}`, `x${"ä".repeat(99)}`],
    ["字".repeat(70), "字".repeat(66)],
    ["\u{20000}".repeat(60), "\u{20000}".repeat(50)],
  ])("is of %j the name %j", (name, expected) => {
    expect(safeName(name)).toBe(expected);
  });

  it("tells ever more of the flow's id where less is taken", () => {
    const flow = { id: ID, name: "A" };
    const taken = new Set(["default/p/a.json"]);
    const paths = Array.from({ length: 3 }, () => {
      const path = flowPath("default", "P", flow, taken);
      taken.add(path.toLowerCase());
      return path;
    });
    expect(paths.slice(0, 2)).toEqual(["default/P/A_6f1c2a34.json", `default/P/A_${ID}.json`]);
    expect(paths[2]).toMatch(new RegExp(`^default/P/A_${ID}_\\d+\\.json$`));
    expect(projectFolder("A", (name) => name === "a")).toMatch(/^A_[0-9a-f]{8}$/);
    expect(projectFolder("A", (name) => name.length < 20)).toMatch(/^A_[0-9a-f]{64}$/);
  });

  it("has a file for its project's name beside it", () => {
    expect(projectFilePath("default", "P")).toBe("default/P/project.yaml");
  });

  it("is another path where the name is taken, in whatever case", () => {
    const taken = new Set(["default/a_flow.json"]);
    expect(flowPath("default", undefined, { id: ID, name: "A flow" }, taken)).toBe("default/A_flow_6f1c2a34.json");
  });

  it("tells projects apart that would share a folder", () => {
    const first = projectFolder("Team / A", () => false);
    const second = projectFolder("Team . A", (name) => name === first.toLowerCase());
    expect(second).not.toBe(first);
    const taken = new Set([first, second].map((name) => name.toLowerCase()));
    expect(taken.has(projectFolder("Team . A", (name) => taken.has(name)).toLowerCase())).toBe(false);
  });

  it("is never a path that is taken, however many flows share name and beginning of their ids", () => {
    const taken = new Set<string>();
    for (const [index, name] of ["A/B", "A:B", "A?B", "a b"].entries()) {
      const path = flowPath("default", undefined, { id: `${ID.slice(0, -1)}${index}`, name }, taken);
      expect(taken.has(path.toLowerCase())).toBe(false);
      taken.add(path.toLowerCase());
    }
  });

  it.each([
    ["default/x.json", { kind: "flow" }],
    ["default/P/x.json", { kind: "flow", folder: "P" }],
    ["default/P/project.yaml", { kind: "project", folder: "P" }],
    ["default/P/Q/x.json", { kind: "other" }],
    ["default/P/Q/project.yaml", { kind: "other" }],
    ["default/project.yaml", { kind: "other" }],
    ["default", { kind: "other" }],
    ["default/x.json.bak", { kind: "other" }],
    ["default/P/notes.txt", { kind: "other" }],
    ["other/x.json", { kind: "other" }],
    ["README.md", { kind: "other" }],
    ["default/notes.txt", { kind: "other" }],
  ])("reads %s as %j", (path, place) => {
    expect(meaningOf("default", path)).toEqual(place);
  });
});
