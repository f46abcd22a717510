import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { GitUnreachable, Repository } from "../../../agent/git/repository";
import { GitHost, put } from "./gitHost";

jest.setTimeout(30_000);

const ID = (digit: number) => `${digit}b7e2c58-3a1d-4c0e-8f43-6d9a0b5c7e21`;
const flow = (digit: number, name: string) => JSON.stringify({ id: ID(digit), name, data: { nodes: [], edges: [] } });

describe("the shared repository", () => {
  const host = new GitHost();
  let head = "";

  beforeAll(async () => {
    const repository = await host.open("first");
    expect(await repository.fetch()).toBeUndefined();
    head = await put(repository, undefined, { "default/a.json": flow(1, "A"), "default/Ä b.json": flow(2, "B") });
    expect(await repository.push(head, undefined)).toEqual({ kind: "pushed" });
  });
  afterAll(() => host.close());

  it("has the same contents in every clone", async () => {
    const other = await host.open("other");
    expect(await other.fetch()).toBe(head);
    expect(await other.files(head)).toEqual([
      { path: "default/a.json", blob: expect.any(String), size: flow(1, "A").length, plain: true },
      { path: "default/Ä b.json", blob: expect.any(String), size: flow(2, "B").length, plain: true },
    ]);
  });

  it("detects what other clones pushed", async () => {
    const [one, two] = [await host.open("one"), await host.open("two")];
    await Promise.all([one.fetch(), two.fetch()]);
    const theirs = await put(one, head, { "default/theirs.json": "{}" });
    expect(await two.hasMoved()).toBe(false);
    await one.push(theirs, head);
    expect(await two.hasMoved()).toBe(true);
    expect(await two.fetch()).toBe(theirs);
    expect(await two.hasMoved()).toBe(false);
    head = theirs;
  });

  it("stores all changes of a commit: new files, deleted files, and a folder in place of a file", async () => {
    const repository = await host.open("one");
    const odd = { "default/[ab]*/:(glob)x.json": "1", 'default/"quoted"\t\n.json': "2", "default/swap": "3" };
    const before = await put(repository, head, odd);
    const gone = { "default/swap": undefined, 'default/"quoted"\t\n.json': undefined };
    const after = await put(repository, before, { ...gone, "default/swap/in.json": "4" });
    const paths = async (commit: string) => (await repository.files(commit)).map(({ path }) => path);
    expect(await paths(before)).toEqual(expect.arrayContaining(Object.keys(odd)));
    expect(await paths(after)).toContain("default/swap/in.json");
    for (const path of Object.keys(gone)) expect(await paths(after)).not.toContain(path);
    const change = await repository.lastChange(after, "default/swap/in.json");
    expect(change).toMatchObject({ author: "langflow-dr us-east", message: "a change\n" });
    expect(readdirSync(join(host.root, "one")).filter((name) => name.startsWith("index-"))).toEqual([]);
  });

  it("sets a commit's author date to the time of the edit and its committer date to the current time", async () => {
    const repository = await host.open("one");
    const blob = await repository.store("{}");
    const before = Math.floor(Date.now() / 1000);
    for (const [editedAt, seconds] of [
      [1_600_000_000_999, 1_600_000_000],
      [0, 0],
    ] as const) {
      const commit = await repository.commit(head, new Map([["default/at.json", blob]]), "m", editedAt);
      const [authored, committed] = host.in("one", ["show", "-s", "--format=%at %ct", commit]).split(" ").map(Number);
      expect(authored).toBe(seconds);
      expect(committed).toBeGreaterThanOrEqual(before);
      expect(committed).toBeLessThanOrEqual(Date.now() / 1000);
    }
  });

  it("keeps commits apart that are made at the same time", async () => {
    const repository = await host.open("one");
    const commits = await Promise.all(
      [1, 2, 3].map((digit) => put(repository, head, { [`default/at once ${digit}.json`]: `${digit}` })),
    );
    for (const [at, commit] of commits.entries())
      expect((await repository.files(commit)).filter(({ path }) => path.includes("at once"))).toMatchObject([
        { path: `default/at once ${at + 1}.json` },
      ]);
  });

  it("reports in git's own words why a commit failed", async () => {
    const repository = await host.open("one");
    const nothing = "1".repeat(40);
    await expect(put(repository, nothing, { "default/a.json": "{}" })).rejects.toThrow(nothing);
  });

  it("passes new files to git in batches of a megabyte, and the remaining ones with the commit", async () => {
    await host.withGit(`if [ "$1" = fast-import ]; then echo given >>"$HERE/../given"; fi`, async () => {
      const repository = await host.open("batches");
      const given = () => (existsSync(join(host.root, "given")) ? readFileSync(join(host.root, "given"), "utf8") : "");
      const texts = [1, 2, 3].map(() => randomBytes(300_000).toString("hex"));
      const counts: number[] = [];
      const blobs: string[] = [];
      for (const text of texts) {
        blobs.push(await repository.store(text));
        counts.push(given().split("\n").length - 1);
      }
      const changes = new Map(blobs.map((blob, at) => [`${at}.json`, blob]));
      await repository.commit(undefined, changes, "m", 0);
      expect([...counts, given().split("\n").length - 1]).toEqual([0, 1, 1, 2]);
    });
  });

  it("lists executable files as plain files, but symbolic links as not plain", async () => {
    const repository = await host.open("one");
    const blob = await repository.store("kept");
    await repository.commit(undefined, new Map([["stored", blob]]), "m", 0);
    const entries = ["100644 blob ID\ttext", "100755 blob ID\tprogram", "120000 blob ID\tlink"];
    const input = entries.map((entry) => `${entry.replace("ID", blob)}\n`).join("");
    const made = execFileSync("git", ["--git-dir", join(host.root, "one"), "mktree"], {
      input,
      encoding: "utf8",
    }).trim();
    const files = await repository.files(made);
    expect(Object.fromEntries(files.map(({ path, plain }) => [path, plain]))).toEqual({
      link: false,
      program: true,
      text: true,
    });
  });

  it("counts as unchanged while its host does not respond", async () => {
    const repository = await host.open("nowhere", { url: join(host.root, "nowhere.git") });
    expect(await repository.hasMoved()).toBe(false);
  });

  it("stores exactly the given contents, or makes no commit", async () => {
    const texts = Object.fromEntries(
      Array.from({ length: 9 }, (_, at) => [`${at}.json`, randomBytes(150_000).toString("hex")]),
    );
    const repository = await host.open("one");
    const files = await repository.files(await put(repository, undefined, texts));
    for (const { path, blob } of files) expect(String(await repository.read(blob)) === texts[path]).toBe(true);
    for (const answer of ["true", `echo ${"1".repeat(40)}`])
      await host.withGit(`if [ "$1" = fast-import ]; then cat >/dev/null; ${answer}; exit 0; fi`, async () => {
        const wrong = await host.open("one");
        await expect(put(wrong, undefined, { "a.json": "{}" })).rejects.toThrow("different contents");
      });
  });

  it.each([
    ["was killed half-way", "kill -9 $$"],
    ["ended half-way with exit code 0", "exit 0"],
  ])("causes an error instead of an incomplete list of files if git %s", async (_, end) => {
    const whole = await host.open("listed");
    const files = Object.fromEntries([1, 2, 3, 4, 5].map((at) => [`default/${at}.json`, "{}"]));
    const commit = await put(whole, undefined, files);
    expect(await whole.files(commit)).toHaveLength(5);
    await host.withGit(`if [ "$1" = ls-tree ]; then $GIT "$@" | head -c 170; ${end}; fi`, async () => {
      await expect((await host.open("listed")).files(commit)).rejects.toThrow();
    });
  });

  it("causes an error instead of a list of files if a line of the list cannot be parsed", async () => {
    await host.withGit(`if [ "$1" = ls-tree ]; then printf '100644 blob BAD 5\\ta.json\\0'; exit 0; fi`, async () => {
      await expect((await host.open("other")).files(head)).rejects.toThrow("has an invalid line");
    });
  });

  it("remains usable after a killed git program has left its locks", async () => {
    const repository = await host.open("locked");
    await repository.fetch();
    const left = ["config.lock", "refs/host/main.lock", "shallow.lock", "gc.pid", "index-1", "objects/pack/tmp_pack_1"];
    mkdirSync(join(host.root, "locked/objects/pack"), { recursive: true });
    for (const name of left) writeFileSync(join(host.root, "locked", name), "");
    const again = await host.open("locked");
    expect(left.filter((name) => existsSync(join(host.root, "locked", name)))).toEqual([]);
    const next = await put(again, head, { "default/next.json": "{}" });
    expect(await again.push(next, head)).toEqual({ kind: "pushed" });
    head = next;
    expect(await again.fetch()).toBe(head);
  });

  const emptied = (path: string) => {
    chmodSync(path, 0o600);
    writeFileSync(path, "");
  };
  const objectsIn = (name: string) =>
    readdirSync(join(host.root, name, "objects"), { recursive: true, encoding: "utf8" })
      .filter((entry) => /^[0-9a-f]{2}\/|\.pack$/.test(entry))
      .map((entry) => join(host.root, name, "objects", entry));
  it.each<[string, (name: string) => void]>([
    ["whose objects are empty", (name) => objectsIn(name).forEach(emptied)],
    ["with one file that is empty", (name) => emptied(objectsIn(name).at(-1) ?? "")],
    ["whose branch is not a commit", (name) => writeFileSync(join(host.root, name, "refs/host/main"), "garbage\n")],
    ["whose branch is empty", (name) => emptied(join(host.root, name, "refs/host/main"))],
    ["whose HEAD is empty", (name) => emptied(join(host.root, name, "HEAD"))],
    ["with an unreadable setting", (name) => writeFileSync(join(host.root, name, "config"), "[bad")],
    [
      "with a truncated pack",
      (name) => {
        host.in(name, ["repack", "-adq"]);
        const [pack = ""] = objectsIn(name);
        chmodSync(pack, 0o600);
        truncateSync(pack, 40);
      },
    ],
    ["with a stale lock", (name) => writeFileSync(join(host.root, name, "shallow.lock"), "")],
  ])("replaces a clone %s, whether or not the agent restarts", async (_, damage) => {
    for (const isRestarted of [false, true]) {
      const name = `damaged-${randomBytes(4).toString("hex")}`;
      const mended: string[] = [];
      const options = { onMended: (what: string) => void mended.push(what) };
      let clone = await host.open(name, options);
      await clone.fetch();
      expect(await clone.mend()).toBe(false);
      damage(name);
      if (isRestarted) clone = await host.open(name, options);
      // The loop mends the clone after a failed cycle.
      await clone.mend();
      expect(await clone.fetch()).toBe(head);
      for (const { blob } of await clone.files(head)) expect(await clone.read(blob)).not.toHaveLength(0);
      if (!isRestarted) expect(mended).toEqual([expect.stringMatching(/clone of the record/)]);
      expect(await clone.mend()).toBe(false);
    }
  });

  it("keeps a clone with a malformed commit of another author", async () => {
    const clone = await host.open("odd");
    await clone.fetch();
    const commit = host
      .in("odd", ["cat-file", "commit", head])
      .replace(/^author .*$/m, "author nobody <> x +0000")
      .replace(/^parent .*\n/m, "");
    writeFileSync(join(host.root, "odd-commit"), `${commit}\n`);
    const odd = host.in("odd", ["hash-object", "-t", "commit", "-w", "--literally", join(host.root, "odd-commit")]);
    host.in("odd", ["update-ref", "refs/odd", odd]);
    expect(await clone.mend()).toBe(false);
    expect(await clone.has(odd)).toBe(true);
  });

  it("is fetched completely after an aborted fetch has left a commit without its files", async () => {
    await host.open("cut");
    const text = join(host.root, "commit");
    writeFileSync(text, `${host.in("host.git", ["cat-file", "commit", head])}\n`);
    expect(host.in("cut", ["hash-object", "-t", "commit", "-w", text])).toBe(head);
    const clone = await host.open("cut");
    expect(await clone.fetch()).toBe(head);
    expect((await clone.files(head)).length).toBeGreaterThan(2);
  });

  it("is packed once a day, not after every fetch", async () => {
    const note = `echo "$1 $2" >>"$HERE/../commands"; $GIT config --get maintenance.auto >>"$HERE/../automatic"`;
    await host.withGit(note, async () => {
      const clone = await host.open("packed");
      for (let round = 0; round < 3; round += 1) {
        head = host.write({ [`default/packed ${round}.json`]: "{}" }) && head;
        await clone.fetch();
      }
    });
    const commands = readFileSync(join(host.root, "commands"), "utf8").split("\n");
    expect(commands.filter((command) => /^(gc|maintenance)/.test(command))).toEqual(["gc --auto"]);
    // The log of commands lacks programs that git itself starts.
    expect(readFileSync(join(host.root, "automatic"), "utf8")).toMatch(/^(false\n)+$/);
  });

  it("reports the progress of a fetch, and stops the fetch on an abort", async () => {
    const lines: string[] = [];
    await (await host.open("told", { onProgress: (line) => lines.push(line) })).fetch();
    // Only the newest of several simultaneous lines is reported, which on a busy machine may be the last of all.
    expect(lines.some((line) => /objects|->/.test(line))).toBe(true);
    const stop = new AbortController();
    await host.withGit(`if [ "$1" = fetch ]; then sleep 60; fi`, async () => {
      const clone = await host.open("stopped", { signal: stop.signal });
      const fetching = clone.fetch();
      setTimeout(() => stop.abort(), 200);
      await expect(fetching).rejects.toThrow("interrupted");
    });
  });

  it("receives the token in a single request without following redirects, and no error message contains the token", async () => {
    const seen: IncomingMessage["headers"][] = [];
    const server = createServer((request, response) => {
      seen.push(request.headers);
      response.writeHead(request.url?.startsWith("/elsewhere") ? 404 : 302, { location: "/elsewhere" }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/flows.git`;
    const options = {
      directory: join(host.root, "token"),
      url,
      branch: "main",
      region: "us-east",
      token: "s3cret-token",
    };
    const failure = await (await Repository.open(options)).fetch().catch((error: Error) => error);
    server.close();
    expect(failure).toBeInstanceOf(GitUnreachable);
    expect((failure as Error).message).not.toContain("s3cret-token");
    // There is one request only: git follows no redirect, because it would send the token along.
    expect(seen.map(({ authorization }) => authorization)).toEqual([
      `Basic ${Buffer.from("agent:s3cret-token").toString("base64")}`,
    ]);
  });

  it("never passes the token to git as an argument, and ignores this machine's git settings", async () => {
    const home = join(host.root, "home");
    mkdirSync(home);
    writeFileSync(join(home, ".gitconfig"), "[user]\nname = Somebody\n[core]\nhooksPath = /somewhere\n");
    const { HOME, GIT_CONFIG_GLOBAL } = process.env;
    Object.assign(process.env, { HOME: home, GIT_CONFIG_GLOBAL: join(home, ".gitconfig") });
    const note = `printf '%s\\n' "$*" >>"$HERE/../arguments"; $GIT config --get-all core.hooksPath >>"$HERE/../noted"`;
    await host.withGit(note, async () => {
      const clone = await host.open("settings", { token: "s3cret-token" });
      const commit = await put(clone, await clone.fetch(), { "default/s.json": "{}" });
      expect((await clone.lastChange(commit, "default/s.json"))?.author).toBe("langflow-dr us-east");
    });
    Object.assign(process.env, { HOME, GIT_CONFIG_GLOBAL });
    if (GIT_CONFIG_GLOBAL === undefined) delete process.env.GIT_CONFIG_GLOBAL;
    const token = Buffer.from("agent:s3cret-token").toString("base64");
    expect(readFileSync(join(host.root, "arguments"), "utf8")).not.toMatch(new RegExp(`s3cret-token|${token}`));
    expect(new Set(readFileSync(join(host.root, "noted"), "utf8").trim().split("\n"))).toEqual(new Set(["/dev/null"]));
  });
});
