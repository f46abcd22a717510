import { A, B, C, CANARY, Fleet, type FleetOptions, fileOf, graph, textOf } from "./fleet";

jest.setTimeout(120_000);
let fleet: Fleet;
afterEach(() => fleet.close());

const ONE = "default/One.json";
const TWO = "default/Two.json";

/** Records two flows in three versions each. @returns the commits, oldest first */
async function recorded(options: FleetOptions = {}): Promise<string[]> {
  fleet = await Fleet.make(options);
  const commits: string[] = [];
  for (const text of ["1", "2", "3"]) {
    fleet.langflow.save(A, { name: "One", data: graph(`one ${text}`) });
    fleet.langflow.save(B, { name: "Two", data: graph(`two ${text}`) });
    await fleet.cycle();
    commits.push(fleet.headOf());
    fleet.pass(60);
  }
  return commits;
}

/** Expects that all flows are unchanged. */
function expectUntouched(): void {
  expect([...fleet.langflow.rows.keys()].sort()).toEqual([A, B]);
  expect(textOf(fleet.langflow, A)).toEqual(["one 3", CANARY]);
  expect(textOf(fleet.langflow, B)).toEqual(["two 3", CANARY]);
}

/** Force-pushes a history that ends with an earlier commit and a new commit on top. */
function forcePush(from: string, files: Readonly<Record<string, string | undefined>>): void {
  fleet.rewind(from);
  fleet.push(files);
}

describe("a repository whose history is rewritten", () => {
  it("gets its commits back if the branch was reset, and no flow changes", async () => {
    const [first, , last] = await recorded();
    const writes = fleet.langflow.writes;
    fleet.rewind(first ?? "");
    await fleet.settle();
    expect(fleet.headOf()).toBe(last);
    expect(fleet.langflow.writes).toBe(writes);
  });

  it("gets its commits back even if the clone is lost, if the host still has the commits", async () => {
    const [first, , last] = await recorded();
    fleet.rewind(first ?? "");
    await fleet.restart("us-east", true);
    await fleet.settle();
    expect(fleet.headOf()).toBe(last);
    expectUntouched();
  });

  it("is left unchanged if the old history is lost, and its flows are held", async () => {
    const [first] = await recorded();
    forcePush(first ?? "", { "README.md": "hello" });
    fleet.host.in("host.git", ["update-ref", "-d", "refs/langflow-dr/seen"]);
    fleet.host.in("host.git", ["gc", "--quiet", "--prune=now"]);
    await fleet.restart("us-east", true);
    const done = await fleet.settle();
    expectUntouched();
    expect(done?.outcomes[0]?.held).toHaveLength(2);
    expect(fleet.file(ONE)).toContain("one 1");
  });

  it("restores no deleted flow if the host serves an older commit", async () => {
    const [, , last] = await recorded();
    fleet.langflow.remove(B);
    await fleet.cycle();
    fleet.rewind(last ?? "");
    await fleet.settle();
    expect([...fleet.langflow.rows.keys()]).toEqual([A]);
    expect(fleet.paths()).not.toContain(TWO);
  });

  it("whose host declines the previous commits gets them in a later attempt, and new commits wait in the clone until then", async () => {
    const [first] = await recorded();
    fleet.rewind(first ?? "");
    fleet.host.hook("pre-receive", "echo protected >&2; exit 1");
    fleet.langflow.save(A, { data: graph("one 4") });
    const done = await fleet.cycle();
    expect(done?.trouble?.message).toContain("was reset, and the host declines the previous commits");
    expect(done?.pending).toBe(1);
    fleet.host.hook("pre-receive");
    await fleet.cycle();
    expect(fleet.commits()).toBe(4);
    expect(fleet.file(ONE)).toContain("one 4");
  });

  it("gets its commits back if the branch was deleted; without a clone, everything is recorded again", async () => {
    await recorded();
    fleet.host.in("host.git", ["update-ref", "-d", "refs/heads/main"]);
    await fleet.cycle();
    expect(fleet.commits()).toBe(3);
    fleet.host.in("host.git", ["update-ref", "-d", "refs/heads/main"]);
    await fleet.restart("us-east", true);
    await fleet.settle();
    expect(fleet.commits()).toBe(1);
    expect(fleet.paths()).toEqual([ONE, TWO, "default/project.yaml"]);
    expectUntouched();
  });

  it("reverts no flow after a force push of an older state, and gets the newest versions again", async () => {
    const [first] = await recorded();
    forcePush(first ?? "", { "README.md": "hello" });
    await fleet.settle();
    expectUntouched();
    expect(fleet.file(ONE)).toContain("one 3");
    expect(fleet.paths()).toContain("README.md");
  });

  it("imports only the person's edit after a force push with an edit on top of an older state", async () => {
    const [first] = await recorded();
    fleet.rewind(first ?? "");
    fleet.pass(100);
    fleet.push({ [TWO]: fleet.edited(TWO, { description: "by hand" }) });
    await fleet.settle();
    expect(textOf(fleet.langflow, A)).toEqual(["one 3", CANARY]);
    expect(textOf(fleet.langflow, B)).toEqual(["two 3", CANARY]);
    expect(fleet.langflow.rows.get(B)?.flow.description).toBe("by hand");
    expect(fleet.langflow.rows.size).toBe(2);
  });

  it("deletes no flow whose file is missing after a force push, and gets the file again", async () => {
    const [first] = await recorded();
    forcePush(first ?? "", { [TWO]: undefined });
    await fleet.settle();
    expectUntouched();
    expect(fleet.paths()).toContain(TWO);
  });

  it("deletes no flow after a force push of an empty history, and gets the files again", async () => {
    await recorded();
    fleet.host.inWork(["checkout", "--quiet", "--orphan", "empty"]);
    fleet.host.inWork(["rm", "-rfq", "--ignore-unmatch", "."]);
    fleet.host.inWork(["commit", "--quiet", "--allow-empty", "-m", "nothing"]);
    fleet.host.inWork(["push", "--quiet", "--force", fleet.host.url, "HEAD:refs/heads/main"]);
    await fleet.settle();
    expectUntouched();
    expect(fleet.paths()).toEqual([ONE, TWO, "default/project.yaml"]);
  });

  it("keeps a scrubbed file, whose flow is held until a person edits the scrubbed text or LangFlow has the same text", async () => {
    await recorded();
    fleet.rewrite("test ! -f default/Two.json || sed -i 's/two [0-9]/REMOVED/' default/Two.json");
    const done = await fleet.settle();
    expectUntouched();
    expect(fleet.file(TWO)).toContain("REMOVED");
    expect(done?.outcomes[0]?.held).toMatchObject([
      { path: `LangFlow ${B}`, reason: expect.stringContaining("Git's history was rewritten") },
    ]);
    fleet.langflow.save(B, { data: graph("two 4") });
    await fleet.restart();
    await fleet.settle();
    expect(fleet.file(TWO)).toContain("REMOVED");
    fleet.langflow.save(A, { data: graph("one 4") });
    await fleet.settle();
    expect(fleet.file(ONE)).toContain("one 4");
    fleet.push({ [TWO]: fleet.file(TWO).replace("REMOVED", "by hand") });
    await fleet.settle();
    expect(textOf(fleet.langflow, B)).toEqual(["by hand", CANARY]);
    expect(fleet.file(TWO)).toContain("by hand");
  });

  it("gets the contents of pending commits again", async () => {
    const [first] = await recorded();
    fleet.away = true;
    fleet.langflow.save(A, { data: graph("one 4") });
    await fleet.cycle();
    forcePush(first ?? "", { "README.md": "hello" });
    fleet.away = false;
    await fleet.settle();
    expect(fleet.file(ONE)).toContain("one 4");
    expect(fleet.langflow.rows.size).toBe(2);
  });
});

describe("a second region", () => {
  const two = async () => {
    fleet = await Fleet.make({ regions: ["us-east", "eu-west"] });
    return { east: fleet.region("us-east").langflow, west: fleet.region("eu-west").langflow };
  };

  it("that becomes the recorder continues the record, without a commit if nothing changed", async () => {
    const { east, west } = await two();
    east.save(A, { name: "One", data: graph("first") });
    await fleet.cycle();
    west.replicate(east);
    fleet.recorder = "eu-west";
    const writes = west.writes;
    await fleet.settle();
    expect(fleet.commits()).toBe(1);
    west.save(A, { data: graph("second") });
    await fleet.cycle();
    expect(fleet.log("%an").split("\n")[0]).toBe("langflow-dr eu-west");
    expect(west.writes).toBe(writes + 1);
    east.replicate(west);
    fleet.recorder = "us-east";
    const before = fleet.commits();
    await fleet.settle();
    expect(fleet.commits()).toBe(before);
    expect([east.rows.size, west.rows.size]).toEqual([1, 1]);
  });

  it("does not import a push that the first region has already imported", async () => {
    const { east, west } = await two();
    east.save(A, { name: "One", data: graph("first") });
    await fleet.cycle();
    fleet.push({ [ONE]: fleet.edited(ONE, { data: graph("by hand", "") }) });
    await fleet.cycle();
    expect(fleet.host.in("host.git", ["for-each-ref", "refs/langflow-dr/seen"])).not.toBe("");
    east.save(A, { data: graph("edited since") });
    west.replicate(east);
    fleet.recorder = "eu-west";
    await fleet.settle();
    expect(textOf(west, A)).toEqual(["edited since", CANARY]);
    expect(west.rows.size).toBe(1);
    expect(fleet.file(ONE)).toContain("edited since");
  });

  it("reports once that the Git host rejects references outside of branches, and continues", async () => {
    const { east } = await two();
    east.save(A, { name: "One", data: graph("first") });
    await fleet.cycle();
    fleet.host.hook("update", 'case "$1" in refs/langflow-dr/*) echo "no such refs" >&2; exit 1;; esac');
    fleet.push({ [ONE]: fleet.edited(ONE, { description: "d" }) });
    const done = await fleet.cycle();
    expect(done?.remark).toContain("declines the reference refs/langflow-dr/seen");
    expect(east.rows.get(A)?.flow.description).toBe("d");
  });

  it("that becomes the recorder again does not import the other region's recorded commits", async () => {
    const { east, west } = await two();
    east.save(A, { name: "One", data: graph("first") });
    await fleet.cycle();
    west.replicate(east);
    fleet.recorder = "eu-west";
    west.save(A, { data: graph("second") });
    await fleet.cycle();
    fleet.recorder = "us-east";
    // Its database has a later edit already, but not the recorded one.
    east.save(A, { data: graph("third") });
    await fleet.settle();
    expect(textOf(east, A)[0]).toBe("third");
    expect(east.rows.size).toBe(1);
  });

  it("that records at the same time as the first produces one linear history without duplicates", async () => {
    const { east, west } = await two();
    east.save(A, { name: "One", data: graph("first") });
    await fleet.cycle();
    west.replicate(east);
    fleet.push({
      [ONE]: fleet.edited(ONE, { data: graph("by hand", "") }),
      "default/Three.json": fileOf(C, "Three", "new"),
    });
    const both = fleet.regions.get("eu-west");
    if (both) both.parts = { ...both.parts, isRecorder: () => true };
    for (let round = 0; round < 3; round += 1)
      await Promise.all(["us-east", "eu-west"].map((name) => fleet.cycle(name)));
    for (const langflow of [east, west]) {
      expect(textOf(langflow, A)).toEqual(["by hand", CANARY]);
      expect([...langflow.rows.keys()].sort()).toEqual([A, C]);
    }
    expect(east.rows.get(A)?.token).toBe(west.rows.get(A)?.token);
    expect(fleet.isLinear()).toBe(true);
  });

  it("that takes over imports an edit that was waiting in the first region", async () => {
    const { east, west } = await two();
    for (const [id, name] of [
      [A, "One"],
      [B, "Two"],
    ] as const)
      east.save(id, { name, data: graph("first") });
    await fleet.cycle();
    east.faults.broken.add(A);
    fleet.pass(60);
    fleet.push({
      [ONE]: fleet.edited(ONE, { data: graph("by hand", "") }),
      [TWO]: fleet.edited(TWO, { description: "d" }),
    });
    await fleet.cycle();
    east.save(B, { data: graph("second") });
    await fleet.cycle();
    expect(fleet.log("%B")).toContain(`Flow-Waiting: ${A} `);
    west.replicate(east);
    fleet.recorder = "eu-west";
    await fleet.settle();
    expect(textOf(west, A)).toEqual(["by hand", CANARY]);
    expect(west.rows.size).toBe(2);
  });

  it("that takes over leaves a scrubbed file unchanged", async () => {
    const { east, west } = await two();
    for (const [id, name] of [
      [A, "One"],
      [B, "Two"],
    ] as const)
      east.save(id, { name, data: graph("two 1") });
    await fleet.cycle();
    fleet.rewrite("sed -i 's/two 1/REMOVED/' default/Two.json");
    east.save(A, { data: graph("one 2") });
    await fleet.settle();
    expect(fleet.log("%B")).toContain(`Flow-Left: ${B}`);
    west.replicate(east);
    fleet.recorder = "eu-west";
    west.save(A, { data: graph("one 3") });
    await fleet.settle();
    expect(fleet.file(TWO)).toContain("REMOVED");
    expect(fleet.file(ONE)).toContain("one 3");
    expect(textOf(west, B)).toEqual(["two 1", CANARY]);
  });

  it.each([
    ["handled it and recorded nothing since", true],
    ["was lost before it saw it", false],
  ])("leaves a scrubbed file unchanged if it takes over from a recorder that %s", async (_, isSettled) => {
    const { east, west } = await two();
    east.save(A, { name: "One", data: graph("one 1") });
    east.save(B, { name: "Two", data: graph("two 1") });
    await fleet.cycle();
    west.replicate(east);
    fleet.rewrite("sed -i 's/two 1/REMOVED/' default/Two.json");
    if (isSettled) await fleet.settle();
    const commits = fleet.commits();
    if (isSettled) await fleet.cycle();
    expect(fleet.commits()).toBe(commits);
    fleet.recorder = "eu-west";
    await fleet.settle();
    west.save(B, { description: "edited" });
    const done = await fleet.settle();
    expect(fleet.file(TWO)).toContain("REMOVED");
    expect(done?.outcomes[0]?.held).toMatchObject([{ path: `LangFlow ${B}` }]);
    expect(textOf(west, B)).toEqual(["two 1", CANARY]);
  });

  it("whose database was rolled back records nothing old: it rebuilds its state from Git and the replicated edits", async () => {
    const { east } = await two();
    east.save(A, { name: "One", data: graph("first") });
    await fleet.cycle();
    const backup = { known: new Map(east.known), head: east.head };
    for (const text of ["second", "third"]) {
      east.save(A, { data: graph(text) });
      await fleet.cycle();
    }
    east.known = backup.known;
    east.head = backup.head;
    const before = fleet.commits();
    await fleet.restart();
    await fleet.settle();
    expect(fleet.commits()).toBe(before);
    expect(textOf(east, A)[0]).toBe("third");
    expect(east.rows.size).toBe(1);
  });
});
