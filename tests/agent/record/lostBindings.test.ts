import { A, B, graph } from "./fleet";
import { SimulatedFleet } from "./simulatedFleet";

/** Records a flow in each of two projects, and renames the first project from `name` to `now`. */
async function recorded(name: string, now = name) {
  const fleet = new SimulatedFleet();
  const { langflow, host } = fleet;
  langflow.save(A, { name: "One", data: graph("first") }, name);
  langflow.save(B, { name: "Two", data: graph("first") }, "Other");
  await fleet.settle();
  langflow.renameProject(name, now);
  await fleet.settle();
  const path = [...host.contents().keys()].find((each) => each.endsWith("One.json")) ?? "";
  const project = langflow.rows.get(A)?.folder;
  const names = () => [...langflow.projects.values()].map((each) => each.name).sort();
  return { fleet, langflow, host, path, project, names, yaml: path.replace("One.json", "project.yaml") };
}

describe("a project's folder without a valid project.yaml", () => {
  for (const [what, text] of [
    ["has lost its id", "name: nonsense\n"],
    ["has lost its id and names another project", "name: Other\n"],
    ["is no YAML", "\tid: [}{\n"],
    ["is gone", undefined],
  ] as const)
    for (const [name, now] of [
      ["My Team", "My Team"],
      ["My Team", "Renamed"],
    ] as const)
      it(`still belongs to its project if project.yaml ${what}${name === now ? "" : " and the project was renamed"}: an edit creates no project and moves no flow`, async () => {
        const { fleet, langflow, host, path, project, names, yaml } = await recorded(name, now);
        const before = names();
        host.edit("Dev", { [yaml]: text, [path]: fleet.edited(path, { description: "by hand" }) });
        await fleet.settle();
        expect(names()).toEqual(before);
        expect(langflow.rows.get(A)?.folder).toBe(project);
        expect(langflow.rows.get(A)?.flow.description).toBe("by hand");
        expect(fleet.file(path)).toContain("by hand");
        expect(fleet.file(yaml)).toContain(`id: ${project}`);
      });

  it("is matched by its name if the recorder knows none of its flows", async () => {
    const { fleet, langflow, host, path, project, names, yaml } = await recorded("My Team");
    langflow.known.clear();
    const before = names();
    host.edit("Dev", { [yaml]: undefined, [path]: fleet.edited(path, { description: "by hand" }) });
    await fleet.settle();
    expect(names()).toEqual(before);
    expect(langflow.rows.get(A)?.folder).toBe(project);
  });
});
