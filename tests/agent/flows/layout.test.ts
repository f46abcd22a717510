import fc from "fast-check";
import { flowPath, folded, isPortable, meaningOf, projectFolder, safeName } from "../../../agent/flows/layout";

const ID = "6f1c2a34-58d1-4e0f-9c55-0a1b2c3d4e5f";

describe("a flow's path in the repository", () => {
  it("is inside its folder, for any name of the flow", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (name) => {
        const path = flowPath("default", undefined, { id: ID, name }, new Set());
        expect(path).toMatch(/^default\/[^/\\\0]+\.json$/);
        expect(Buffer.byteLength(path)).toBeLessThan(255);
        expect(meaningOf("default", path)).toEqual({ kind: "flow" });
      }),
    );
  });

  it("has the file name that lfx uses", () => {
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
    ["con", "con_"],
    ["Lpt1", "Lpt1_"],
    [`x${"ä".repeat(150)}`, `x${"ä".repeat(99)}`],
    ["字".repeat(70), "字".repeat(66)],
    ["\u{20000}".repeat(60), "\u{20000}".repeat(50)],
  ])("has for the flow name %j the file name %j", (name, expected) => {
    expect(safeName(name)).toBe(expected);
  });

  it("contains more of the flow's id if a shorter path is taken", () => {
    const flow = { id: ID, name: "A" };
    const taken = new Set([folded("default/P/A.json")]);
    const paths = Array.from({ length: 3 }, () => {
      const path = flowPath("default", "P", flow, taken);
      taken.add(folded(path));
      return path;
    });
    expect(paths.slice(0, 2)).toEqual(["default/P/A_6f1c2a34.json", `default/P/A_${ID}.json`]);
    expect(paths[2]).toMatch(new RegExp(`^default/P/A_${ID}_\\d+\\.json$`));
    expect(projectFolder("A", (name) => name === "a")).toMatch(/^A_[0-9a-f]{8}$/);
    expect(projectFolder("A", (name) => name.length < 20)).toMatch(/^A_[0-9a-f]{64}$/);
  });

  it("can be checked out on Windows and macOS, for any name of the flow", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("CON", "aux", "Com1", "lpt9", "a.", "nul ")),
        (name) => {
          expect(
            isPortable(
              flowPath(
                "default",
                projectFolder(name, () => false),
                { id: ID, name },
                new Set(),
              ),
            ),
          ).toBe(true);
        },
      ),
    );
    for (const path of [
      "default/con.json",
      "default/Aux.tar.json",
      "a/NUL",
      "a/b. /c.json",
      "a/b./c.json",
      "a/b:c.json",
      "a/b\\c",
      "a/b\n.json",
    ])
      expect([path, isPortable(path)]).toEqual([path, false]);
    for (const path of ["default/console.json", "default/.hidden", "default/Übung 2.json"])
      expect([path, isPortable(path)]).toEqual([path, true]);
  });

  it("counts as taken by a path that differs only in case or in Unicode composition", () => {
    expect(folded("default/\u00c4b.json")).toBe(folded("default/A\u0308B.json"));
    expect(folded("Stra\u00dfe")).toBe(folded("STRASSE"));
    const taken = new Set([folded("default/\u00c4.json")]);
    expect(flowPath("default", undefined, { id: ID, name: "a\u0308" }, taken)).not.toBe("default/a\u0308.json");
  });

  it("gets a suffix if its name is taken in any case", () => {
    const taken = new Set(["default/a_flow.json"]);
    expect(flowPath("default", undefined, { id: ID, name: "A flow" }, taken)).toBe("default/A_flow_6f1c2a34.json");
  });

  it("has different folders for two projects whose names give the same folder name", () => {
    const first = projectFolder("Team / A", () => false);
    const second = projectFolder("Team . A", (name) => name === first.toLowerCase());
    expect(second).not.toBe(first);
    const taken = new Set([first, second].map((name) => name.toLowerCase()));
    expect(taken.has(projectFolder("Team . A", (name) => taken.has(name)).toLowerCase())).toBe(false);
  });

  it("is never a path that is taken, however many flows share a name and the start of their ids", () => {
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
    ["default/project.yaml", { kind: "project" }],
    ["default", { kind: "other" }],
    ["default/x.json.bak", { kind: "other" }],
    ["default/P/notes.txt", { kind: "other" }],
    ["other/x.json", { kind: "other" }],
    ["README.md", { kind: "other" }],
    ["default/notes.txt", { kind: "other" }],
  ])("determines the kind of a file: %s is %j", (path, place) => {
    expect(meaningOf("default", path)).toEqual(place);
  });
});
