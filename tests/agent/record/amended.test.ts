import { A, B, C, Fleet, fileOf, graph, textOf } from "./fleet";
import { SimulatedFleet } from "./simulatedFleet";

const ONE = "default/One.json";
const TWO = "default/Two.json";

/** Records two flows and imports a person's edit of the first. */
async function edited() {
  const fleet = new SimulatedFleet(["us-east", "eu-west"]);
  const { langflow, host } = fleet;
  langflow.save(A, { name: "One", data: graph("one") });
  langflow.save(B, { name: "Two", data: graph("one") });
  await fleet.settle();
  const recorded = fleet.headOf();
  fleet.pass(60);
  const first = host.edit("Dev", { [ONE]: fleet.edited(ONE, { data: graph("two", "") }) });
  const madeAt = fleet.clock;
  await fleet.settle();
  fleet.pass(60);
  return { fleet, langflow, host, recorded, first, madeAt };
}
type Edited = Awaited<ReturnType<typeof edited>>;

/**
 * Force-pushes a commit on top of a parent. @param parent if undefined, the commit is an orphan with all files of the
 * head
 */
function force({ fleet, host }: Edited, parent: string | undefined, files: Record<string, string>, by = "Dev", at = 0) {
  const all = parent === undefined ? { ...Object.fromEntries(host.contents()), ...files } : files;
  const blobs = new Map(Object.entries(all).map(([path, text]) => [path, host.put(text)]));
  host.head = host.add(parent, blobs, "by force\n", { author: by, authoredAt: at || fleet.clock });
}
const texts = ({ langflow }: Edited) => [A, B].map((id) => textOf(langflow, id)[0]);

describe("a commit that is amended after its import", () => {
  it("is imported as an edit of the first version, without a copy", async () => {
    const all = await edited();
    const amended = all.fleet.edited(ONE, { data: graph("three", "") });
    // Git keeps the author date of an amended commit.
    force(all, all.recorded, { [ONE]: amended }, "Dev", all.madeAt);
    await all.fleet.settle();
    expect(texts(all)).toEqual(["three", "one"]);
    expect(all.langflow.rows.size).toBe(2);
    expect(all.fleet.file(ONE)).toContain("three");
  });

  it("keeps the fields that a user has changed in LangFlow since, and moves the flow if it moves the file", async () => {
    const all = await edited();
    all.langflow.save(A, { description: "in LangFlow" });
    const amended = all.fleet.edited(ONE, { data: graph("three", "") });
    const { host } = all;
    force(all, all.recorded, { "default/Team/One.json": amended }, "Dev", all.madeAt);
    host.edit("Dev", { [ONE]: undefined });
    await all.fleet.settle();
    expect(texts(all)).toEqual(["three", "one"]);
    expect(all.langflow.rows.get(A)?.flow.description).toBe("in LangFlow");
    expect(all.langflow.projects.get(all.langflow.rows.get(A)?.folder ?? "")?.name).toBe("Team");
    expect(all.langflow.rows.size).toBe(2);
  });

  it("overwrites no graph that a user has changed in LangFlow since: the later graph stays, and the other becomes a copy", async () => {
    for (const isAway of [undefined, true, false]) {
      const all = await edited();
      const amended = all.fleet.edited(ONE, { data: graph("three", "") });
      all.langflow.save(A, { data: graph("in LangFlow") });
      all.host.isAway = isAway === true;
      if (isAway !== undefined) await all.fleet.cycle();
      all.host.isAway = false;
      force(all, all.recorded, { [ONE]: amended }, "Dev", all.madeAt);
      await all.fleet.settle();
      expect(texts(all)).toEqual(["in LangFlow", "one"]);
      expect([...all.langflow.rows.keys()].map((id) => textOf(all.langflow, id)[0]).sort()).toEqual([
        "in LangFlow",
        "one",
        "three",
      ]);
    }
  });

  it("is also imported by a region that takes over before or after the amended push", async () => {
    for (const isBefore of [true, false]) {
      const all = await edited();
      const west = all.fleet.region("eu-west").langflow;
      west.replicate(all.langflow);
      const amended = all.fleet.edited(ONE, { data: graph("three", "") });
      all.fleet.recorder = "eu-west";
      if (isBefore) await all.fleet.settle();
      force(all, all.recorded, { [ONE]: amended }, "Dev", all.madeAt);
      await all.fleet.settle();
      expect(textOf(west, A)[0]).toBe("three");
      expect(west.rows.size).toBe(2);
    }
  });

  it("is imported as an edit of the file that the first version added", async () => {
    const all = await edited();
    const { fleet, host, langflow } = all;
    host.head = all.recorded;
    host.edit("Dev", { "default/New.json": fileOf(C, "New", "first") });
    await fleet.settle();
    force(all, all.recorded, { "default/New.json": fileOf(C, "New", "second") });
    await fleet.settle();
    expect(textOf(langflow, C)[0]).toBe("second");
    expect(langflow.rows.size).toBe(3);
  });

  it("reverts nothing if a different person amended it in an older clone", async () => {
    const all = await edited();
    const stale = fileOf(A, "One", "one", { description: "by Bob" });
    const whole = { ...JSON.parse(all.fleet.file(ONE)), ...JSON.parse(stale) };
    force(all, all.recorded, { [ONE]: JSON.stringify(whole) }, "Bob");
    await all.fleet.settle();
    expect(texts(all)).toEqual(["two", "one"]);
    expect(all.langflow.rows.get(A)?.flow.description).toBe("by Bob");
    expect(all.langflow.rows.size).toBe(2);
  });
});

describe("a force-pushed history without any commit by an agent", () => {
  it("is imported as an edit of the file that it changes, without a copy", async () => {
    for (const [path, wanted] of [
      [ONE, ["three", "one"]],
      [TWO, ["two", "three"]],
    ] as const) {
      const all = await edited();
      force(all, undefined, { [path]: all.fleet.edited(path, { data: graph("three", "") }) });
      await all.fleet.settle();
      expect(texts(all)).toEqual(wanted);
      expect(all.langflow.rows.size).toBe(2);
    }
  });

  it("leaves the later graph in place and keeps the other as a copy if the old history is lost", async () => {
    const all = await edited();
    force(all, undefined, { [TWO]: all.fleet.edited(TWO, { data: graph("three", "") }) });
    for (const commit of [...all.host.commits.keys()]) if (commit !== all.host.head) all.host.commits.delete(commit);
    all.host.seen = undefined;
    all.fleet.restart("us-east", true);
    await all.fleet.settle();
    expect([...all.langflow.rows.keys()].map((id) => textOf(all.langflow, id)[0]).sort()).toEqual([
      "one",
      "three",
      "two",
    ]);
  });

  it("from an older clone reverts nothing except its author's own edits", async () => {
    const all = await edited();
    const { fleet, host, langflow } = all;
    const older = Object.fromEntries(host.contents(all.recorded));
    langflow.save(B, { data: graph("in LangFlow") });
    await fleet.settle();
    const files = { ...older, [TWO]: JSON.stringify({ ...JSON.parse(older[TWO] ?? ""), description: "by hand" }) };
    force(all, undefined, files);
    await fleet.settle();
    expect(texts(all)).toEqual(["two", "in LangFlow"]);
    expect(langflow.rows.get(B)?.flow.description).toBe("by hand");
    expect(langflow.rows.size).toBe(2);
  });

  it("loses no graph that a user changed in LangFlow and that is not in Git yet", async () => {
    const all = await edited();
    const file = all.fleet.edited(TWO, { data: graph("by hand", "") });
    all.langflow.save(B, { data: graph("in LangFlow") });
    all.host.isAway = true;
    await all.fleet.cycle();
    all.host.isAway = false;
    force(all, undefined, { [TWO]: file });
    await all.fleet.settle();
    const now = [...all.langflow.rows.keys()].map((id) => textOf(all.langflow, id)[0]).sort();
    expect(now).toEqual(["by hand", "in LangFlow", "two"]);
  });
});

describe("an amended commit on a real Git host", () => {
  let fleet: Fleet;
  afterEach(() => fleet.close());

  for (const isLost of [false, true])
    it(`is imported as an edit of the first version${isLost ? ", also by a new clone" : ""}`, async () => {
      fleet = await Fleet.make();
      const { langflow } = fleet;
      langflow.save(A, { name: "One", data: graph("one") });
      await fleet.cycle();
      const recorded = fleet.headOf();
      fleet.pass(60);
      fleet.push({ [ONE]: fleet.edited(ONE, { data: graph("two", "") }) });
      await fleet.settle();
      if (isLost) await fleet.restart("us-east", true);
      if (isLost) await fleet.cycle();
      const amended = fleet.edited(ONE, { data: graph("three", "") });
      fleet.rewind(recorded);
      fleet.clock -= 60_000;
      fleet.push({ [ONE]: amended });
      fleet.clock += 120_000;
      await fleet.settle();
      expect(textOf(langflow, A)[0]).toBe("three");
      expect(langflow.rows.size).toBe(1);
    });
});
