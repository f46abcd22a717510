import { A, B, Fleet, graph, textOf } from "./fleet";

jest.setTimeout(120_000);
let fleet: Fleet;
afterEach(() => fleet.close());

const ONE = "default/One.json";
const SECRET = "SECRETWORD";

const SEEN = "refs/langflow-dr/seen";

/**
 * Rewrites every commit without a text, as git-filter-repo does. @param mirror whether to rewrite all references of the
 * host
 */
function scrub({ messages = false, mirror = false } = {}): void {
  const { host } = fleet;
  host.inWork(["fetch", "--quiet", host.url, "main", `+${mirror ? SEEN : "main"}:refs/heads/seen`]);
  host.inWork([
    "checkout",
    "--quiet",
    "-B",
    "main",
    host.inWork(["ls-remote", host.url, "refs/heads/main"]).slice(0, 40),
  ]);
  const script = `sed s/${SECRET}/REMOVED/g`;
  const tree = `grep -rlZ ${SECRET} . | xargs -0 -r ${script.replace("sed", "sed -i")}`;
  const filters = ["--tree-filter", tree, ...(messages ? ["--msg-filter", script] : [])];
  host.inWork(["filter-branch", "-f", ...filters, "--", "main", "seen"], "Ops");
  host.inWork(["push", "--quiet", "--force", host.url, "main", ...(mirror ? [`seen:${SEEN}`] : [])]);
}

async function expectLeft(): Promise<void> {
  const done = await fleet.settle();
  expect(fleet.file(ONE)).toContain("REMOVED");
  expect(fleet.file(ONE)).not.toContain(SECRET);
  expect(fleet.paths().filter((path) => fleet.file(path).includes(SECRET))).toEqual([]);
  expect(done?.outcomes[0]?.held).toMatchObject([
    { path: `LangFlow ${A}`, reason: expect.stringContaining("Git's history was rewritten") },
  ]);
}

describe("a repository that was scrubbed of a text does not get the text back", () => {
  /** Records in us-east first, then in eu-west. */
  const inTurn = async () => {
    fleet = await Fleet.make({ regions: ["us-east", "eu-west"] });
    const [east, west] = [fleet.region("us-east").langflow, fleet.region("eu-west").langflow];
    east.save(A, { name: "One", data: graph(`with ${SECRET}`) });
    east.save(B, { name: "Two", data: graph("two 1") });
    await fleet.settle();
    west.replicate(east);
    fleet.recorder = "eu-west";
    west.save(B, { data: graph("two 2") });
    await fleet.settle();
    east.replicate(west);
    fleet.pass(60);
  };

  it.each([
    ["whose clone is kept", false],
    ["whose clone is lost", true],
  ])("from a region that recorded earlier and takes over, %s", async (_, isLost) => {
    await inTurn();
    scrub();
    await fleet.restart("us-east", isLost);
    fleet.recorder = "us-east";
    await expectLeft();
    expect(textOf(fleet.langflow, A)[0]).toBe(`with ${SECRET}`);
  });

  it("from a region that takes over and imports a person's edit of the scrubbed file", async () => {
    await inTurn();
    scrub();
    fleet.push({ [ONE]: fleet.edited(ONE, { description: "by hand" }) });
    fleet.recorder = "us-east";
    await expectLeft();
    expect(fleet.langflow.rows.get(A)?.flow.description).toBe("by hand");
    expect(textOf(fleet.langflow, A)[0]).toBe(`with ${SECRET}`);
  });

  it("from a recorder whose state was restored", async () => {
    fleet = await Fleet.make();
    fleet.langflow.save(A, { name: "One", data: graph(`with ${SECRET}`) });
    fleet.langflow.save(B, { name: "Two", data: graph("two 1") });
    await fleet.settle();
    const { known, head } = fleet.langflow;
    fleet.langflow.known = new Map(known);
    fleet.langflow.save(B, { data: graph("two 2") });
    await fleet.settle();
    scrub();
    Object.assign(fleet.langflow, { known, head });
    await fleet.restart();
    await expectLeft();
  });

  it("if another region takes over and the Git reference of the imported commits is rewritten too", async () => {
    await inTurn();
    fleet.push({ "README.md": "hello" });
    await fleet.settle();
    scrub({ mirror: true });
    await fleet.restart("us-east", true);
    fleet.region("us-east").langflow.known.clear();
    fleet.region("us-east").langflow.head = undefined;
    fleet.recorder = "us-east";
    await expectLeft();
  });

  it("if the text was also removed from commit messages", async () => {
    fleet = await Fleet.make();
    fleet.langflow.save(B, { name: "Two", data: graph("two 1") });
    await fleet.settle();
    fleet.langflow.save(A, { name: "One", data: graph("nothing") });
    await fleet.settle();
    fleet.langflow.save(A, { name: "One", description: SECRET, data: graph(`with ${SECRET}`) });
    fleet.langflow.save(B, { name: `Two of ${SECRET}` });
    await fleet.cycle();
    fleet.langflow.save(B, { name: "Two" });
    fleet.langflow.save(A, { description: "" });
    await fleet.settle();
    fleet.langflow.save(B, { name: `${SECRET} of Two`, description: "more" });
    await fleet.cycle();
    fleet.pass(60);
    scrub({ messages: true });
    await fleet.settle();
    expect(fleet.file(ONE)).toContain("REMOVED");
    expect(fleet.paths().filter((path) => fleet.file(path).includes(SECRET))).toEqual([]);
  });

  it("if a person's own commit had added the text, in the format of a recorder", async () => {
    fleet = await Fleet.make({ regions: ["us-east", "eu-west"] });
    fleet.langflow.save(A, { name: "One", data: graph("nothing") });
    await fleet.settle();
    fleet.push({ [ONE]: fleet.file(ONE).replace("nothing", `with ${SECRET}`) });
    await fleet.settle();
    expect(textOf(fleet.langflow, A)[0]).toBe(`with ${SECRET}`);
    fleet.pass(60);
    scrub();
    await expectLeft();
    expect(textOf(fleet.langflow, A)[0]).toBe(`with ${SECRET}`);
    fleet.region("eu-west").langflow.replicate(fleet.region("us-east").langflow);
    fleet.recorder = "eu-west";
    await expectLeft();
    expect(textOf(fleet.langflow, A)[0]).toBe(`with ${SECRET}`);
  });

  it("if a person then squashes all commits, and LangFlow's flow keeps the text", async () => {
    await inTurn();
    scrub();
    await fleet.settle();
    fleet.pass(60);
    fleet.host.inWork(["fetch", "--quiet", fleet.host.url, "main"]);
    fleet.host.inWork(["reset", "--quiet", "--hard", "FETCH_HEAD"]);
    fleet.host.setClock(Math.floor(fleet.clock / 1000));
    const all = fleet.host.inWork(["commit-tree", "HEAD^{tree}", "-m", "all"], "Eve");
    fleet.host.inWork(["push", "--quiet", "--force", fleet.host.url, `${all}:refs/heads/main`]);
    await expectLeft();
    expect(textOf(fleet.langflow, A)[0]).toBe(`with ${SECRET}`);
  });
});

describe("a scrubbed file that the recorder leaves unchanged", () => {
  const left = async () => {
    fleet = await Fleet.make({ regions: ["us-east", "eu-west"] });
    fleet.langflow.save(A, { name: "One", description: "d", data: graph(`with ${SECRET}`) });
    fleet.langflow.save(B, { name: "Two", data: graph("two 1") }, "Team");
    await fleet.settle();
    fleet.pass(60);
    scrub();
    await fleet.settle();
  };
  const takeOver = () => {
    fleet.region("eu-west").langflow.replicate(fleet.region("us-east").langflow);
    fleet.recorder = "eu-west";
  };
  const expectNowhere = () => expect(fleet.paths().filter((path) => fleet.file(path).includes(SECRET))).toEqual([]);

  it("stays scrubbed after a person's commit and a change of recorder", async () => {
    await left();
    fleet.push({ "README.md": "hello" });
    await fleet.settle();
    takeOver();
    await expectLeft();
  });

  it("deletes its flow if a person deletes the file", async () => {
    await left();
    fleet.push({ [ONE]: undefined });
    await fleet.settle();
    expect([...fleet.langflow.rows.keys()]).toEqual([B]);
    expectNowhere();
  });

  it("does not delete a flow with later edits if a person deletes the file: the delete is held, by the next recorder too", async () => {
    await left();
    fleet.langflow.save(A, { description: "edited" });
    fleet.push({ [ONE]: undefined });
    for (const next of [() => undefined, takeOver]) {
      next();
      const done = await fleet.settle();
      expect(done?.outcomes[0]?.held).toMatchObject([
        { reason: expect.stringContaining("a later push deleted the file") },
      ]);
      expect(fleet.langflow.rows.size).toBe(2);
      expectNowhere();
      fleet.langflow.save(B, { data: graph("two 2") });
      await fleet.settle();
    }
  });

  it("moves its flow if a person moves the file, and stays scrubbed, for the next recorder too", async () => {
    await left();
    const moved = "default/Team/One.json";
    fleet.push({ [ONE]: undefined, [moved]: fleet.file(ONE) });
    for (const next of [() => undefined, takeOver]) {
      next();
      const done = await fleet.settle();
      expect(fleet.langflow.rows.get(A)?.folder).toBe(fleet.langflow.rows.get(B)?.folder);
      expect(fleet.file(moved)).toContain("REMOVED");
      expect(done?.outcomes[0]?.held).toHaveLength(1);
      expect(textOf(fleet.langflow, A)[0]).toBe(`with ${SECRET}`);
      expectNowhere();
    }
  });

  it("changes only those fields of its flow that a person edits in the file, for the next recorder too", async () => {
    await left();
    for (const description of ["a new one", "another"]) {
      fleet.push({ [ONE]: fleet.edited(ONE, { description }) });
      if (description === "another") takeOver();
      await expectLeft();
      expect(fleet.langflow.rows.get(A)?.flow.description).toBe(description);
      expect(textOf(fleet.langflow, A)[0]).toBe(`with ${SECRET}`);
    }
  });

  it("stays scrubbed even if a person edits it before any recorder has seen the rewritten history", async () => {
    await left();
    const description = `of ${SECRET}`;
    fleet.langflow.save(B, { data: graph(`two with ${SECRET}`), description });
    await fleet.settle();
    scrub();
    const two = "default/Team/Two.json";
    fleet.push({ [two]: fleet.edited(two, { endpoint_name: "two" }) });
    await fleet.settle();
    expect(fleet.langflow.rows.get(B)?.flow).toMatchObject({ endpoint_name: "two", description });
    expectNowhere();
  });

  it("stays scrubbed if a person changes only its whitespace", async () => {
    await left();
    fleet.push({ [ONE]: `${fleet.file(ONE)}\n` });
    await expectLeft();
  });

  it("does not return if a person moves it to another user's folder", async () => {
    await left();
    fleet.langflow.addUser("bob");
    fleet.push({ [ONE]: undefined, "bob/One.json": fleet.file(ONE) });
    await fleet.settle();
    expect(fleet.langflow.rows.size).toBe(2);
    expectNowhere();
  });

  it("replaces the flow's graph if a person edits its graph, and no copy keeps the scrubbed text", async () => {
    await left();
    fleet.push({ [ONE]: fleet.file(ONE).replace("with REMOVED", "by hand") });
    const done = await fleet.settle();
    expect(textOf(fleet.langflow, A)[0]).toBe("by hand");
    expect(fleet.langflow.rows.size).toBe(2);
    expect(done?.outcomes[0]?.held).toEqual([]);
    expectNowhere();
    fleet.langflow.save(A, { data: graph("by its user") });
    await fleet.settle();
    expect(fleet.file(ONE)).toContain("by its user");
  });
});
