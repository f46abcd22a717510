import { A, B, C, CANARY, graph, textOf } from "./fleet";
import { SimulatedFleet } from "./simulatedFleet";

/** Records a flow of Zoe and two flows of Yan in two regions. One of Yan's flows has the name of Zoe's flow. */
async function recorded() {
  const fleet = new SimulatedFleet(["us-east", "eu-west"]);
  const { langflow, host } = fleet;
  const [zoe, yan] = [langflow.addUser("zoe"), langflow.addUser("yan")];
  langflow.save(A, { name: "New Flow", data: graph("zoe 1") }, undefined, zoe);
  langflow.save(B, { name: "New Flow", data: graph("yan 1") }, undefined, yan);
  langflow.save(C, { name: "Only Yan's", data: graph("yan 2") }, undefined, yan);
  await fleet.settle();
  fleet.pass(60);
  fleet.region("eu-west").langflow.replicate(langflow);
  return { fleet, zoe, yan, push: (files: Record<string, string | undefined>) => host.edit("Ada", files) };
}
const [ZOES, YANS] = ["zoe/New_Flow.json", "yan/New_Flow.json"];
const heldIn = (done: Awaited<ReturnType<SimulatedFleet["settle"]>>) =>
  done?.outcomes.flatMap(({ held }) => held.map(({ path, reason }) => `${path}: ${reason}`)) ?? [];
/** Returns the text and the secret of each flow in the recorder's region. */
const texts = ({ langflow }: SimulatedFleet) => [A, B, C].map((id) => textOf(langflow, id));
const UNTOUCHED = [
  ["zoe 1", CANARY],
  ["yan 1", CANARY],
  ["yan 2", CANARY],
];

describe("a flow's file that a person overwrites with a different flow", () => {
  for (const [title, isMoved, changes] of [
    ["copied from another user's folder", false, {}],
    ["moved from another user's folder", true, {}],
    ["moved from another user's folder and changed", true, { description: "for Yan" }],
  ] as const)
    for (const next of ["us-east", "eu-west"])
      it(`deletes nothing if the new contents were ${title}: the original flow is held with a reason${next === "us-east" ? "" : ", by the next recorder too"}`, async () => {
        const { fleet, push } = await recorded();
        const file = fleet.edited(ZOES, changes);
        push({ [YANS]: file, ...(isMoved && { [ZOES]: undefined }) });
        fleet.recorder = next;
        const done = await fleet.settle();
        expect(texts(fleet)).toEqual(UNTOUCHED);
        expect(fleet.langflow.tombstones.size).toBe(0);
        expect(fleet.file(YANS)).toBe(file);
        expect(fleet.file(ZOES)).toContain("zoe 1");
        expect(heldIn(done)).toEqual([
          expect.stringMatching(`^LangFlow ${B}: ${YANS} now contains a different flow.*restore this flow's file`),
        ]);
      });

  it("is written again with its own flow if a person then deletes it, and that flow stays", async () => {
    const { fleet, push } = await recorded();
    push({ [YANS]: fleet.file(ZOES) });
    await fleet.settle();
    push({ [YANS]: undefined });
    expect(heldIn(await fleet.settle())).toEqual([]);
    expect(texts(fleet)).toEqual(UNTOUCHED);
    expect(fleet.file(YANS)).toContain("yan 1");
  });

  it("does not affect a pending edit of the flow whose file was copied", async () => {
    const { fleet, push } = await recorded();
    const own = "yan/Only_Yan_s.json";
    fleet.host.isAway = true;
    fleet.langflow.save(C, { data: graph("yan 3") });
    await fleet.cycle().catch(() => undefined);
    push({ [YANS]: fleet.host.contents().get(own) });
    fleet.host.isAway = false;
    await fleet.settle();
    expect(textOf(fleet.langflow, C)[0]).toBe("yan 3");
    expect(fleet.file(own)).toContain("yan 3");
    expect(fleet.file(YANS)).toContain("yan 2");
  });

  it("can be restored by a person without reverting edits that were recorded while the host was unreachable", async () => {
    const { fleet, push } = await recorded();
    const own = fleet.file(YANS);
    fleet.host.isAway = true;
    push({ [YANS]: fleet.host.contents().get(ZOES) });
    fleet.langflow.save(B, { data: graph("yan 3") });
    await fleet.cycle().catch(() => undefined);
    fleet.host.isAway = false;
    expect(heldIn(await fleet.settle())).toEqual([expect.stringContaining("now contains a different flow")]);
    fleet.pass(60);
    push({ [YANS]: own });
    expect(heldIn(await fleet.settle())).toEqual([]);
    expect(textOf(fleet.langflow, B)[0]).toBe("yan 3");
    expect(fleet.file(YANS)).toContain("yan 3");
  });

  it("can be restored by a person without reverting edits that a user made in LangFlow meanwhile", async () => {
    for (const next of ["us-east", "eu-west"]) {
      const { fleet, push } = await recorded();
      const own = fleet.file(YANS);
      push({ [YANS]: fleet.file(ZOES) });
      fleet.recorder = next;
      await fleet.settle();
      fleet.langflow.save(B, { data: graph("yan 3") });
      await fleet.settle();
      fleet.pass(60);
      push({ [YANS]: own });
      expect(heldIn(await fleet.settle())).toEqual([]);
      expect(textOf(fleet.langflow, B)).toEqual(["yan 3", CANARY]);
      expect(fleet.langflow.rows.size).toBe(3);
      expect(fleet.file(YANS)).toContain("yan 3");
    }
  });

  it("deletes nothing if both flows belong to one user", async () => {
    const { fleet, push } = await recorded();
    push({ "yan/Only_Yan_s.json": fleet.edited(YANS, { data: graph("by hand", "") }) });
    const done = await fleet.settle();
    expect(texts(fleet)).toEqual(UNTOUCHED);
    expect(heldIn(done)).toEqual([
      expect.stringContaining(`LangFlow ${C}: yan/Only_Yan_s.json now contains a different flow`),
    ]);
  });

  it("is not held if two files swapped places, and the delete of a third file in the same push is imported", async () => {
    const { fleet, push } = await recorded();
    push({ [YANS]: fleet.file("yan/Only_Yan_s.json"), "yan/Only_Yan_s.json": fleet.file(YANS), [ZOES]: undefined });
    expect(heldIn(await fleet.settle())).toEqual([]);
    expect([...fleet.langflow.rows.keys()].sort()).toEqual([B, C]);
  });
});

describe("an older copy of a user's folder, including its user.yaml,", () => {
  for (const next of ["us-east", "eu-west"])
    it(`has no owner and reverts no flow, ${next === "us-east" ? "with the same recorder" : "with a recorder that takes over"}`, async () => {
      const { fleet, push } = await recorded();
      const copy = [...fleet.host.contents()].flatMap(([path, text]) =>
        path.startsWith("zoe/") ? [[`archive-${path}`, text]] : [],
      );
      fleet.langflow.save(A, { data: graph("zoe 2") });
      await fleet.settle();
      fleet.region("eu-west").langflow.replicate(fleet.langflow);
      fleet.pass(60);
      push(Object.fromEntries(copy));
      fleet.recorder = next;
      const done = await fleet.settle();
      expect(textOf(fleet.langflow, A)).toEqual(["zoe 2", CANARY]);
      expect(fleet.langflow.rows.size).toBe(3);
      expect(fleet.file(ZOES)).toContain("zoe 2");
      expect(done?.outcomes.flatMap(({ problems }) => problems)).toMatchObject([
        {
          path: "archive-zoe",
          reason: expect.stringContaining("belongs to no user, and its flows are recorded in zoe"),
        },
      ]);
    });

  it("is reported even if none of its flows exists in LangFlow any more, and restores none of them", async () => {
    const { fleet, push } = await recorded();
    const [yaml, file] = [fleet.file("zoe/user.yaml"), fleet.file(ZOES)];
    fleet.langflow.remove(A);
    await fleet.settle();
    push({ "archive-zoe/user.yaml": yaml, "archive-zoe/New_Flow.json": file });
    const done = await fleet.settle();
    expect(fleet.langflow.rows.has(A)).toBe(false);
    expect(done?.outcomes.flatMap(({ problems }) => problems)).toMatchObject([{ path: "archive-zoe" }]);
  });
});

it("a user's folder into which a person copies another user's folder keeps its owner, and the recorder restores its user.yaml", async () => {
  const { fleet, yan, push } = await recorded();
  const files = [...fleet.host.contents()].filter(([path]) => path.startsWith("zoe/"));
  push(Object.fromEntries(files.map(([path, text]) => [path.replace("zoe", "yan"), text])));
  const done = await fleet.settle();
  expect(texts(fleet)).toEqual(UNTOUCHED);
  expect(fleet.langflow.rows.size).toBe(3);
  expect(fleet.file("yan/user.yaml")).toContain(yan);
  expect(heldIn(done)).toEqual([expect.stringContaining(`LangFlow ${B}: ${YANS} now contains a different flow`)]);
  fleet.langflow.save(C, { data: graph("yan 3") });
  await fleet.settle();
  expect(fleet.file("yan/Only_Yan_s.json")).toContain("yan 3");
});
