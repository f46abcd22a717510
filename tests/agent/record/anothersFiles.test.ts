import { ADMIN } from "../doubles/fakeLangFlow";
import { A, B, fileOf, graph, textOf } from "./fleet";
import { SimulatedFleet } from "./simulatedFleet";

const ANOTHERS = "contains the id of a different user's flow: give it a new id";

/** Records a flow of the superuser and a flow of Ada. */
async function recorded(names?: readonly string[]) {
  const fleet = new SimulatedFleet(names);
  const { langflow } = fleet;
  const ada = langflow.addUser("ada");
  langflow.save(A, { name: "One", data: graph("first") });
  langflow.save(B, { name: "Hers", data: graph("first") }, undefined, ada);
  await fleet.settle();
  const push = (files: Record<string, string | undefined>) => fleet.host.edit("Dev", files);
  return { fleet, langflow, ada, push };
}
const paths = ({ host }: SimulatedFleet) => [...host.contents().keys()].filter((path) => path.endsWith(".json")).sort();
const problemsOf = (done: Awaited<ReturnType<SimulatedFleet["settle"]>>) =>
  done?.outcomes.flatMap(({ problems }) => problems);

describe("a flow's file in another user's folder", () => {
  for (const [title, id, from, to] of [
    ["of the superuser's flow in a user's folder", A, "default/One.json", "ada/One.json"],
    ["of a user's flow in the superuser's folder", B, "ada/Hers.json", "default/Hers.json"],
  ] as const)
    for (const isMoved of [true, false])
      it(`is skipped with a reason if it was ${isMoved ? "moved" : "copied"} there and changed (file ${title}): the flow keeps its owner and contents`, async () => {
        const { fleet, langflow, ada, push } = await recorded();
        const [before, owner] = [fleet.file(from), langflow.rows.get(id)?.userId];
        const changed = fleet.edited(from, { data: graph("by hand", "") });
        push({ [to]: changed, ...(isMoved && { [from]: undefined }) });
        const done = await fleet.settle();
        expect([...langflow.rows.keys()].sort()).toEqual([A, B]);
        expect(langflow.rows.get(id)?.userId).toBe(owner);
        expect(textOf(langflow, id)[0]).toBe("first");
        expect(langflow.tombstones.size).toBe(0);
        expect(fleet.file(from)).toBe(before);
        expect(fleet.file(to)).toBe(changed);
        expect(problemsOf(done)).toEqual([{ path: to, reason: ANOTHERS }]);
        // Later edits of this file are ignored too. With an id of its own, the file becomes a new flow.
        push({ [to]: fleet.edited(to, { data: graph("again", "") }) });
        await fleet.settle();
        expect(textOf(langflow, id)[0]).toBe("first");
        const own = id.replace("b7e2", "b7e3");
        push({ [to]: fleet.edited(to, { id: own, name: "Own" }) });
        expect(problemsOf(await fleet.settle())).toEqual([]);
        expect(langflow.rows.get(own)?.userId).toBe(id === A ? ada : ADMIN);
      });

  it("does not affect the flow's own file, even if both were moved while the Git host was unreachable", async () => {
    const { fleet, langflow, push } = await recorded();
    push({ "ada/One.json": fleet.edited("default/One.json", { data: graph("copy", "") }) });
    await fleet.settle();
    fleet.host.isAway = true;
    langflow.save(A, { data: graph("in LangFlow") }, "Other");
    await fleet.cycle().catch(() => undefined);
    const own = fleet.host.contents().get("default/One.json");
    const copy = fleet.edited("ada/One.json", { data: graph("copied again", "") });
    push({ "ada/One.json": copy, "default/One.json": undefined, "default/Moved/One.json": own });
    fleet.host.isAway = false;
    await fleet.settle();
    expect(paths(fleet)).toEqual(["ada/Hers.json", "ada/One.json", "default/Moved/One.json"]);
    expect(fleet.file("ada/One.json")).toBe(copy);
    expect(fleet.file("default/Moved/One.json")).toContain("in LangFlow");
    expect(textOf(langflow, A)[0]).toBe("in LangFlow");
  });

  it("does not stop imports from the flow's own file, or commits to it", async () => {
    const { fleet, langflow, push } = await recorded();
    push({ "ada/One.json": fleet.edited("default/One.json", { data: graph("copy", "") }) });
    await fleet.settle();
    push({ "default/One.json": fleet.edited("default/One.json", { data: graph("by hand", "") }) });
    await fleet.settle();
    expect(textOf(langflow, A)[0]).toBe("by hand");
    langflow.save(A, { data: graph("in LangFlow") });
    await fleet.settle();
    expect(fleet.file("default/One.json")).toContain("in LangFlow");
    expect(fleet.file("ada/One.json")).toContain("copy");
  });

  it("survives a delete of the flow in LangFlow, which removes only the owner's file", async () => {
    const { fleet, langflow, push } = await recorded();
    push({ "ada/One.json": fleet.edited("default/One.json", { data: graph("copy", "") }) });
    await fleet.settle();
    langflow.remove(A);
    const done = await fleet.settle();
    expect(paths(fleet)).toEqual(["ada/Hers.json", "ada/One.json"]);
    expect([...langflow.rows.keys()]).toEqual([B]);
    expect(problemsOf(done)).toEqual([{ path: "ada/One.json", reason: ANOTHERS }]);
    push({ "ada/One.json": undefined });
    expect(problemsOf(await fleet.settle())).toEqual([]);
    expect(langflow.known.has(A)).toBe(false);
  });

  for (const place of ["elsewhere/One.json", "One.json", "default/a/b/One.json", "ada/a/b/One.json", "bob/One.json"])
    it(`deletes no flow if it was moved to ${place} and changed`, async () => {
      const { fleet, langflow, push } = await recorded();
      const bob = langflow.addUser("bob");
      langflow.save(A.replace("1", "9"), { name: "His", data: graph("x") }, undefined, bob);
      await fleet.settle();
      langflow.users.set(bob, { name: "bob", isActive: false });
      const changed = fleet.edited("default/One.json", { data: graph("by hand", "") });
      push({ "default/One.json": undefined, [place]: changed });
      await fleet.settle();
      expect(textOf(langflow, A)[0]).toBe("first");
      expect(fleet.file("default/One.json")).toContain("first");
      expect(fleet.file(place)).toBe(changed);
    });

  it("deletes no flow if it appears while the delete of its original file waits", async () => {
    const { fleet, langflow, push } = await recorded();
    langflow.faults.broken.add(A);
    const text = fleet.edited("default/One.json", { data: graph("by hand", "") });
    push({ "default/One.json": undefined });
    await fleet.cycle();
    push({ "ada/One.json": text });
    await fleet.cycle();
    langflow.faults.broken.clear();
    await fleet.settle();
    expect(textOf(langflow, A)[0]).toBe("first");
    expect(paths(fleet)).toEqual(["ada/Hers.json", "ada/One.json", "default/One.json"]);
  });

  it("is ignored by the next recorder too", async () => {
    const { fleet, langflow, push } = await recorded(["us-east", "eu-west"]);
    const text = fleet.edited("default/One.json", { data: graph("by hand", "") });
    push({ "default/One.json": undefined, "ada/One.json": text });
    fleet.region("eu-west").langflow.replicate(langflow);
    fleet.recorder = "eu-west";
    await fleet.settle();
    expect(textOf(fleet.langflow, A)[0]).toBe("first");
    expect(fleet.file("default/One.json")).toContain("first");
    expect(fleet.file("ada/One.json")).toBe(text);
  });

  it("becomes one flow if the same new flow is pushed to the folders of two users, and the other file is reported", async () => {
    const { fleet, langflow, push } = await recorded();
    const id = A.replace("1", "8");
    push({ "default/New.json": fileOf(id, "New", "his"), "ada/New.json": fileOf(id, "New", "hers") });
    const done = await fleet.settle();
    expect(langflow.rows.size).toBe(3);
    expect(paths(fleet)).toHaveLength(4);
    expect(problemsOf(done)).toMatchObject([{ reason: ANOTHERS }]);
  });
});

describe("a folder without an owner", () => {
  it("stays if it contains recorded flows of a user, and is reported as that user's problem", async () => {
    const { fleet, langflow, push } = await recorded();
    const files = [...fleet.host.contents()].filter(([path]) => path.startsWith("default/"));
    push({
      default: undefined,
      ...Object.fromEntries(files.map(([path, text]) => [path.replace("default", "main"), text])),
      "docs/example.json": fileOf(A.replace("1", "7"), "Example", "x"),
      "docs/package.json": "{}",
    });
    const done = await fleet.settle();
    expect([...langflow.rows.keys()].sort()).toEqual([A, B]);
    expect(paths(fleet)).toEqual([
      "ada/Hers.json",
      "default/One.json",
      "docs/example.json",
      "docs/package.json",
      "main/One.json",
    ]);
    const reason =
      "belongs to no user, and its flows are recorded in default: move changed files there, and delete this folder";
    expect(done?.outcomes.map(({ workspace, problems }) => [workspace, problems])).toEqual([
      ["ada", []],
      ["default", [{ path: "main", reason }]],
    ]);
    push({ main: undefined });
    expect(problemsOf(await fleet.settle())).toEqual([]);
  });

  it("is reported once for each user whose flows it holds", async () => {
    const { fleet, push } = await recorded();
    push({ "main/1.json": fleet.file("default/One.json"), "main/2.json": fleet.file("ada/Hers.json") });
    const done = await fleet.settle();
    expect(done?.outcomes.map(({ problems }) => problems.map(({ path }) => path))).toEqual([["main"], ["main"]]);
  });
});
