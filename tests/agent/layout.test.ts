import fc from "fast-check";
import { flowPath, placeOf, projectFolder, safeName } from "../../agent/flows/layout";

const ID = "6f1c2a34-58d1-4e0f-9c55-0a1b2c3d4e5f";

describe("where a flow lies in the repository", () => {
  it("is a path inside its folder, whatever the flow is called", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (name) => {
        const path = flowPath("default", undefined, { id: ID, name }, new Set());
        expect(path).toMatch(/^default\/[^/\\\0]+\.json$/);
        expect(Buffer.byteLength(path)).toBeLessThan(255);
        expect(placeOf("default", path)).toEqual({ kind: "flow" });
      }),
    );
  });

  it("is the file name that lfx gives it", () => {
    expect(safeName("Document Q&A – Übung 2")).toBe("Document_Q_A___Übung_2");
  });

  it("is another path where the name is taken, in whatever case", () => {
    const taken = new Set(["default/a_flow.json"]);
    expect(flowPath("default", undefined, { id: ID, name: "A flow" }, taken)).toBe("default/A_flow_6f1c2a34.json");
  });

  it("tells projects apart that would share a folder", () => {
    const first = projectFolder("Team / A", new Set());
    expect(projectFolder("Team . A", new Set([first.toLowerCase()]))).not.toBe(first);
  });

  it.each([
    ["default/x.json", { kind: "flow" }],
    ["default/P/x.json", { kind: "flow", folder: "P" }],
    ["default/P/project.yaml", { kind: "project", folder: "P" }],
    ["default/P/Q/x.json", { kind: "other" }],
    ["other/x.json", { kind: "other" }],
    ["README.md", { kind: "other" }],
    ["default/notes.txt", { kind: "other" }],
  ])("reads %s as %j", (path, place) => {
    expect(placeOf("default", path)).toEqual(place);
  });
});
