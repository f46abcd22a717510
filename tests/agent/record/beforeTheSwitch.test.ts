import { A, Fleet, graph, textOf } from "./fleet";

it("while a third region still runs the previous release, the recorders of two upgraded regions commit each edit exactly once", async () => {
  const fleet = await Fleet.make({ regions: ["us-east", "eu-west"] });
  try {
    const [east, west] = [fleet.region("us-east"), fleet.region("eu-west")];
    for (const each of [east, west])
      each.parts = { ...each.parts, isRecorder: () => true, isOnlyRecorder: () => false };
    for (const each of [east, west]) each.langflow.save(A, { name: "One", data: graph("one") });
    // Projects replicate before the switch too.
    west.langflow.projects.clear();
    for (const [id, project] of east.langflow.projects) west.langflow.projects.set(id, project);
    for (const row of west.langflow.rows.values()) row.folder = east.langflow.rows.get(A)?.folder ?? "";
    const bothTwice = async () => {
      for (let cycle = 0; cycle < 2; cycle += 1) for (const region of ["us-east", "eu-west"]) await fleet.cycle(region);
    };
    await bothTwice();
    fleet.pass(60);
    for (const [edited, text] of [
      [east, "edited in us-east"],
      [west, "edited in eu-west"],
    ] as const) {
      const before = fleet.commits();
      edited.langflow.save(A, { data: graph(text) });
      await bothTwice();
      for (const each of [east, west]) expect(textOf(each.langflow, A)).toContain(text);
      expect(fleet.commits() - before).toBe(1);
      fleet.pass(60);
    }
    expect(fleet.log()).not.toMatch(/^Recorder: /m);
  } finally {
    await fleet.close();
  }
});
