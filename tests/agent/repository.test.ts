import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GitUnreachable, Repository } from "../../agent/git/repository";
import { SnapshotReader } from "../../agent/git/snapshot";

const ID = (digit: number) => `${digit}b7e2c58-3a1d-4c0e-8f43-6d9a0b5c7e21`;
const flow = (digit: number, name: string) => JSON.stringify({ id: ID(digit), name, data: { nodes: [], edges: [] } });

describe("the shared repository", () => {
  const root = mkdtempSync(join(tmpdir(), "repository-"));
  const host = join(root, "host.git");
  const open = (name: string) =>
    Repository.open({ directory: join(root, name), url: host, branch: "main", region: "us-east" });
  const put = (repository: Repository, parent: string | undefined, files: Record<string, string | undefined>) =>
    repository.commit(
      parent,
      new Map(Object.entries(files).map(([path, text]) => [path, text === undefined ? undefined : async () => text])),
      "a change\n",
      Date.now(),
    );
  let head = "";

  beforeAll(async () => {
    execFileSync("git", ["init", "--quiet", "--bare", "--initial-branch=main", host]);
    const repository = await open("first");
    expect(await repository.fetch()).toBeUndefined();
    head = await put(repository, undefined, { "default/a.json": flow(1, "A"), "default/Ä b.json": flow(2, "B") });
    expect(await repository.push(head)).toBe(true);
  });
  afterAll(() => rmSync(root, { recursive: true }));

  it("is the same to whoever fetches it", async () => {
    const other = await open("other");
    expect(await other.fetch()).toBe(head);
    expect((await other.files(head, "default")).map(({ path }) => path).sort()).toEqual([
      "default/a.json",
      "default/Ä b.json",
    ]);
  });

  it("takes no push on top of something older, and changes nothing by it", async () => {
    const [one, two] = [await open("one"), await open("two")];
    await Promise.all([one.fetch(), two.fetch()]);
    const mine = await put(one, head, { "default/mine.json": "{}" });
    const theirs = await put(two, head, { "default/theirs.json": "{}" });
    expect(await one.push(mine)).toBe(true);
    expect(await two.push(theirs)).toBe(false);
    expect(await two.hasMoved()).toBe(true);
    expect(await two.fetch()).toBe(mine);
    expect([await two.isAncestor(head, mine), await two.isAncestor(theirs, mine)]).toEqual([true, false]);
    head = mine;
  });

  it("says who changed a file last, and when", async () => {
    const repository = await open("one");
    const change = await repository.lastChange(head, "default/mine.json");
    expect(change).toMatchObject({ author: "langflow-dr us-east", message: "a change\n\n" });
    expect(await repository.lastChange(head, "default/none.json")).toBeUndefined();
  });

  it("goes on after a git program was killed and left its locks", async () => {
    const repository = await open("locked");
    await repository.fetch();
    writeFileSync(join(root, "locked", "config.lock"), "");
    writeFileSync(join(root, "locked", "refs/host/main.lock"), "");
    const again = await open("locked");
    const next = await put(again, head, { "default/next.json": "{}" });
    expect(await again.push(next)).toBe(true);
    head = next;
    expect(await again.fetch()).toBe(head);
  });

  it("is read without what is no flow: each such file is told with its reason, the others are there", async () => {
    const work = join(root, "work");
    execFileSync("git", ["clone", "--quiet", host, work]);
    symlinkSync("/etc/passwd", join(work, "default", "link.json"));
    const files = {
      "default/broken.json": "{",
      "default/copy of a.json": flow(1, "A"),
      "default/Team/project.yaml": "name: Team / Ä\n",
      "default/Team/c.json": flow(3, "C"),
      "default/Team/Deep/d.json": flow(4, "D"),
      "other/e.json": flow(5, "E"),
    };
    for (const [path, text] of Object.entries(files)) {
      execFileSync("mkdir", ["-p", join(work, path, "..")]);
      writeFileSync(join(work, path), text);
    }
    const author = ["-c", "user.name=Dev", "-c", "user.email=dev@example.com"];
    execFileSync("git", ["-C", work, "add", "-A"]);
    execFileSync("git", ["-C", work, ...author, "commit", "--quiet", "-m", "All kinds"]);
    execFileSync("git", ["-C", work, "push", "--quiet"]);
    const repository = await open("one");
    const commit = (await repository.fetch()) ?? "";
    const reader = new SnapshotReader(repository);
    const before = await reader.read(head, "default", new Map());
    const { flows, problems } = await reader.read(commit, "default", before.flows);
    expect([...flows.values()].map(({ name, project }) => [name, project]).sort()).toEqual([
      ["A", undefined],
      ["B", undefined],
      ["C", "Team / Ä"],
    ]);
    expect(flows.get(ID(1))?.path).toBe("default/a.json");
    const reasons = Object.fromEntries(problems.map(({ path, reason }) => [path, reason]));
    expect(reasons["default/link.json"]).toBe("is no plain file");
    expect(reasons["default/copy of a.json"]).toContain("default/a.json");
    expect(reasons["default/Team/Deep/d.json"]).toContain("deeper");
    expect(Object.keys(reasons)).toEqual(expect.arrayContaining(["default/broken.json", "default/mine.json"]));
    expect(Object.keys(reasons)).not.toContain("other/e.json");
  });

  it("is asked with the token, which no error repeats", async () => {
    const seen: IncomingMessage["headers"][] = [];
    const server = createServer((request, response) => {
      seen.push(request.headers);
      response.writeHead(request.url?.startsWith("/elsewhere") ? 404 : 302, { location: "/elsewhere" }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/flows.git`;
    const options = { directory: join(root, "token"), url, branch: "main", region: "us-east", token: "s3cret-token" };
    const failure = await (await Repository.open(options)).fetch().catch((error: Error) => error);
    server.close();
    expect(failure).toBeInstanceOf(GitUnreachable);
    expect((failure as Error).message).not.toContain("s3cret-token");
    // One request: a redirect is not followed, since the token would go with it.
    expect(seen.map(({ authorization }) => authorization)).toEqual([
      `Basic ${Buffer.from("agent:s3cret-token").toString("base64")}`,
    ]);
  });
});
