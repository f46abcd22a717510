import { A, B, C, Fleet, graph, textOf } from "./fleet";

jest.setTimeout(120_000);
let fleet: Fleet;
afterEach(() => fleet.close());

const inWork = (...args: string[]) => fleet.host.inWork(args, "Ada");
const [ONE, TWO, THREE] = ["default/One.json", "default/Two.json", "default/Three.json"];

/** Records three flows, the third in three versions. @returns the commit of its second version */
async function versions(): Promise<string> {
  fleet = await Fleet.make({ regions: ["us-east", "eu-west"] });
  for (const [id, name] of [
    [A, "One"],
    [B, "Two"],
    [C, "Three"],
  ] as const)
    fleet.langflow.save(id, { name, data: graph("1") });
  await fleet.settle();
  const commits: string[] = [];
  for (const text of ["2", "3"]) {
    fleet.langflow.save(C, { data: graph(text) });
    await fleet.settle();
    commits.push(fleet.headOf());
  }
  fleet.region("eu-west").langflow.replicate(fleet.langflow);
  fleet.pass(600);
  inWork("fetch", "--quiet", fleet.host.url, "main");
  inWork("reset", "--quiet", "--hard", "FETCH_HEAD");
  fleet.host.setClock(Math.floor(fleet.clock / 1000));
  return commits[0] ?? "";
}

describe("a recorder's commit that a person cherry-picks", () => {
  for (const next of ["us-east", "eu-west"])
    it(`is imported as the person's current edit, together with the person's commits below it${next === "us-east" ? "" : ", by the next recorder too"}`, async () => {
      const second = await versions();
      const file = fleet.edited(ONE, { data: graph("by hand", "") });
      fleet.host.write({ [ONE]: file, [TWO]: undefined }, { author: "Ada", push: false });
      inWork("cherry-pick", "-X", "theirs", second);
      inWork("push", "--quiet", fleet.host.url, "HEAD:refs/heads/main");
      fleet.recorder = next;
      await fleet.settle();
      expect([A, B, C].map((id) => textOf(fleet.langflow, id)[0])).toEqual(["by hand", "", "2"]);
      expect([ONE, THREE].map((path) => /"text": \{\s*"value": "(.*)"/.exec(fleet.file(path))?.[1])).toEqual([
        "by hand",
        "2",
      ]);
      expect([...fleet.langflow.rows.keys()].sort()).toEqual([A, C]);
    });

  it("is kept as a copy under the person's name if a user edited the graph in LangFlow later", async () => {
    const second = await versions();
    inWork("cherry-pick", "-X", "theirs", second);
    fleet.pass(60);
    fleet.langflow.save(C, { data: graph("4") });
    inWork("push", "--quiet", fleet.host.url, "HEAD:refs/heads/main");
    await fleet.settle();
    const copies = [...fleet.langflow.rows.values()].filter(({ id }) => ![A, B, C].includes(id));
    expect(textOf(fleet.langflow, C)[0]).toBe("4");
    expect(copies.map(({ id, flow }) => [textOf(fleet.langflow, id)[0], flow.name])).toEqual([
      ["2", expect.stringMatching(/^Three \(Ada 2026-/)],
    ]);
  });
});
