import { A, B, Fleet, graph, textOf } from "./fleet";

jest.setTimeout(120_000);
let fleet: Fleet;
afterEach(() => fleet.close());

const ONE = "default/One.json";
const SECRET = "SECRETWORD";

const SEEN = "refs/langflow-dr/seen";

/** Every commit anew without a text, as git-filter-repo leaves it. @param mirror whether of every reference that the host has */
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

describe("a repository that was scrubbed of a text does not get it back", () => {
  /** Both regions recorded, the first one before the second. */
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
  ])("from a region that recorded long ago and takes over, %s", async (_, isLost) => {
    await inTurn();
    scrub();
    await fleet.restart("us-east", isLost);
    fleet.recorder = "us-east";
    await expectLeft();
    expect(textOf(fleet.langflow, A)[0]).toBe(`with ${SECRET}`);
  });

  it("from a recorder whose state was put back", async () => {
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

  it("where the reference to what was brought in is rewritten too and another region takes over", async () => {
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

  it("where messages were scrubbed too, of a name", async () => {
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

  it("where a person then makes one commit of all, nor does LangFlow's flow get what was left of it", async () => {
    await inTurn();
    scrub();
    await fleet.settle();
    fleet.pass(60);
    fleet.host.inWork(["fetch", "--quiet", fleet.host.url, "main"]);
    fleet.host.inWork(["reset", "--quiet", "--hard", "FETCH_HEAD"]);
    const all = fleet.host.inWork(["commit-tree", "HEAD^{tree}", "-m", "all"], "Eve");
    fleet.host.inWork(["push", "--quiet", "--force", fleet.host.url, `${all}:refs/heads/main`]);
    await expectLeft();
    expect(textOf(fleet.langflow, A)[0]).toBe(`with ${SECRET}`);
  });
});
