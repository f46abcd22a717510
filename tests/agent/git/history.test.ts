import { blobId } from "../../../agent/git/blobs";
import { GitUnreachable } from "../../../agent/git/git";
import { GitHost, put } from "./gitHost";

jest.setTimeout(30_000);

const blob = (text: string) => blobId(Buffer.from(text));

describe("the history in a clone", () => {
  const host = new GitHost();
  const commits: string[] = [];
  const at = (position: number): string => commits.at(position) ?? "";
  const count = (name: string) => Number(host.in(name, ["rev-list", "--count", "refs/host/main"]));

  beforeAll(() => {
    for (let number = 0; number < 50; number += 1) {
      const path = `default/${number % 7}.json`;
      commits.push(
        host.write(
          { [path]: `text ${number}` },
          { author: `Dev ${number}`, message: `change ${number}`, push: number === 49 },
        ),
      );
    }
  });
  afterAll(() => host.close());

  it("is only the newest commit in a new clone, and grows with each fetch", async () => {
    const clone = await host.open("new");
    expect(await clone.fetch()).toBe(at(-1));
    expect(count("new")).toBe(1);
    commits.push(host.write({ "default/new.json": "a" }), host.write({ "default/new.json": "b" }));
    expect(await clone.fetch()).toBe(at(-1));
    expect(count("new")).toBe(3);
    expect(await (await host.open("new")).fetch(at(5))).toBe(at(-1));
    expect(count("new")).toBe(3);
  });

  it("starts at the last common commit, so that the commits since then need no further fetch", async () => {
    const clone = await host.open("known");
    expect(await clone.fetch(at(-11))).toBe(at(-1));
    expect(host.in("known", ["rev-list", "refs/host/main"]).split("\n")).toEqual(commits.slice(-11).reverse());
    expect(await clone.files(at(-11))).toHaveLength(7);
    expect(await clone.leadsTo(at(-11), at(-1))).toBe(true);
    expect(count("known")).toBe(11);
  });

  it("is only the newest commit if the host no longer has the last common commit", async () => {
    const clone = await host.open("unknown");
    expect(await clone.fetch("1".repeat(40))).toBe(at(-1));
    expect(count("unknown")).toBe(1);
    expect(await clone.leadsTo("1".repeat(40), at(-1))).toBe(false);
  });

  it("is fetched completely to check whether a commit is an ancestor of another, but only if the fetched part is not enough", async () => {
    const clone = await host.open("leads");
    await clone.fetch();
    expect(await clone.leadsTo(at(-1), at(-1))).toBe(true);
    expect(count("leads")).toBe(1);
    expect(await clone.leadsTo(at(3), at(-1))).toBe(true);
    expect(count("leads")).toBe(commits.length);
    expect(await clone.leadsTo(at(-1), at(3))).toBe(false);
  });

  it("shows which commit changed a file last, even if that commit is older than the available part", async () => {
    const clone = await host.open("last");
    await clone.fetch(at(40));
    expect(await clone.lastChange(at(-1), "default/6.json")).toMatchObject({
      author: "Dev 48",
      message: "change 48\n",
    });
    expect(count("last")).toBe(commits.length - 40);
    // The clone starts at commit 40, which therefore looks as if it had added every file.
    expect(await clone.lastChange(at(41), "default/0.json")).toMatchObject({ commit: at(35) });
    expect(count("last")).toBe(commits.length);
    const first = await clone.lastChange(at(3), "default/0.json");
    expect(first).toMatchObject({ commit: at(0), author: "Dev 0", message: "change 0\n" });
    expect(first?.authoredAt).toBeGreaterThan(1_600_000_000_000);
  });

  it("includes deleted files, and no files that never existed", async () => {
    const gone = host.write({ "default/new.json": undefined });
    commits.push(gone, host.write({ "default/1.json": "later" }));
    const clone = await host.open("gone");
    await clone.fetch();
    expect(await clone.lastChange(at(-1), "default/new.json")).toMatchObject({ commit: gone });
    expect(await clone.lastChange(at(-1), "default/never.json")).toBeUndefined();
  });

  it("treats paths literally", async () => {
    const odd = host.write({ "default/[01]*.json": "odd", ":(glob)x/a.json": "glob", "default/:!x.json": "not" });
    commits.push(odd, host.write({ "default/0.json": "newest" }));
    const clone = await host.open("odd");
    await clone.fetch();
    expect(await clone.lastChange(at(-1), "default/[01]*.json")).toMatchObject({ commit: odd });
    expect(await clone.lastChange(at(-1), "default/:!x.json")).toMatchObject({ commit: odd });
  });

  it("is read from the newest commit backwards with each commit's changed files, including a merge's own changes", async () => {
    const before = host.inWork(["rev-parse", "HEAD"]);
    host.inWork(["checkout", "--quiet", "-b", "side"]);
    const side = host.write({ "default/m.json": "of the side" });
    host.inWork(["checkout", "--quiet", "-B", "main", before]);
    const main = host.write({ "default/m.json": "of main" });
    host.inWork(["merge", "--quiet", "--no-commit", "--strategy=ours", "side"]);
    const merge = host.write({ "default/m.json": "of the merge", "default/1.json": undefined });
    const clone = await host.open("merges");
    expect(await clone.fetch(before)).toBe(merge);
    const found = new Map<string, ReadonlyMap<string, string | undefined>>();
    for await (const { commit, files } of clone.commits(merge, before)) found.set(commit, files);
    expect([...found.keys()].sort()).toEqual([merge, main, side].sort());
    expect([...found.keys()][0]).toBe(merge);
    expect(found.get(merge)?.get("default/m.json")).toBe(blob("of the merge"));
    expect(found.get(side)).toEqual(new Map([["default/m.json", blob("of the side")]]));
    expect(await clone.lastChange(merge, "default/m.json")).toMatchObject({ commit: merge });
  });

  it("is searched for the newest matching commit, and completed only if the available part has none", async () => {
    const clone = await host.open("newest");
    const head = (await clone.fetch()) ?? "";
    expect((await clone.newest(head, () => true))?.commit).toBe(head);
    expect(count("newest")).toBe(1);
    expect(await clone.newest(head, ({ author }) => author === "Dev 7")).toMatchObject({
      commit: at(7),
      message: "change 7\n",
    });
    expect(count("newest")).toBeGreaterThan(commits.length);
    expect(await clone.newest(head, ({ author }) => author === "Nobody")).toBeUndefined();
  });

  it("shows that the branch was rewritten: a removed commit is no ancestor of the new head", async () => {
    const clone = await host.open("rewritten");
    const fresh = await host.open("fresh");
    const old = (await clone.fetch()) ?? "";
    host.inWork(["checkout", "--quiet", "--orphan", "anew"]);
    const anew = host.write({ "default/0.json": "anew" });
    expect(await clone.fetch()).toBe(anew);
    expect(await clone.leadsTo(old, anew)).toBe(false);
    // The host still serves the commit, although its branch no longer has it.
    expect(await fresh.fetch(old)).toBe(anew);
    expect(await fresh.leadsTo(old, anew)).toBe(false);
    expect(await fresh.leadsTo(anew, anew)).toBe(true);
  });

  it("causes an error if it cannot be completed", async () => {
    const host = new GitHost();
    const first = host.write({ "a.json": "1" });
    host.write({ "a.json": "2" });
    const clone = await host.open("clone");
    const head = (await clone.fetch()) ?? "";
    host.inWork(["checkout", "--quiet", "--orphan", "anew"]);
    host.write({ "a.json": "3" });
    host.in("host.git", ["gc", "--quiet", "--prune=now"]);
    await expect(clone.leadsTo(first, head)).rejects.toThrow(GitUnreachable);
    await expect(clone.lastChange(head, "a.json")).rejects.toThrow(GitUnreachable);
    await host.close();
    await expect(clone.leadsTo("1".repeat(40), head)).rejects.toThrow();
  });

  it("can be extended by a pushed commit, even if the clone has only the newest commit", async () => {
    const clone = await host.open("short");
    const head = (await clone.fetch()) ?? "";
    const next = await put(clone, head, { "default/x.json": "x" });
    expect(await clone.push(next, head)).toEqual({ kind: "pushed" });
    expect(await clone.lastChange(next, "default/x.json")).toMatchObject({ commit: next });
    expect(host.in("host.git", ["rev-parse", "main"])).toBe(next);
  });
});
