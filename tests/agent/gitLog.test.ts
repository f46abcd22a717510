import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Git, GitUnreachable } from "../../agent/git/git";
import { History } from "../../agent/git/history";

const id = (digit: string) => digit.repeat(40);
const [HEAD, OLD, ROOT, X, Y] = ["a", "b", "c", "1", "2"].map(id) as [string, string, string, string, string];

/** A clone whose git says what a test says. */
describe("history as git prints it", () => {
  const directory = mkdtempSync(join(tmpdir(), "git-log-"));
  const shallow = (...commits: string[]) =>
    writeFileSync(join(directory, "shallow"), commits.map((commit) => `${commit}\n`).join(""));
  afterEach(() => rmSync(join(directory, "shallow"), { force: true }));
  afterAll(() => rmSync(directory, { recursive: true }));

  function clone() {
    const git = {
      says: jest.fn(async (_: readonly string[]) => true),
      run: jest.fn(async (args: readonly string[], _?: { input?: string }) => printed[args[0] ?? ""]?.() ?? ""),
      output: jest.fn(async function* (_: readonly string[]) {
        for (const chunk of raw) yield Buffer.from(chunk);
      }),
    };
    /** What a command prints. */
    const printed: Record<string, () => string> = {
      "cat-file": () => `${OLD} commit 200\n`,
      "rev-list": () => `${ROOT}\n`,
    };
    let raw: (string | Buffer)[] = [];
    const fetchAll = jest.fn(async () => rmSync(join(directory, "shallow"), { force: true }));
    return {
      git,
      printed,
      fetchAll,
      history: new History(git as unknown as Git, directory, fetchAll),
      /** What `git log --raw` prints. */
      prints: (...chunks: (string | Buffer)[]) => {
        raw = chunks;
      },
    };
  }
  const record = (commit: string, parents = "", message = "m\n") =>
    `${[commit, "Dev", "1700000000", "1700000001", parents, message].join("\0")}\0`;
  const change = (commit: string, parent?: string) => ({
    commit,
    author: "Dev",
    authoredAt: 1_700_000_000_000,
    committedAt: 1_700_000_001_000,
    message: "m\n",
    ...(parent && { parent }),
  });

  describe("leads from a commit to another", () => {
    it("where git says so of commits that are both there", async () => {
      const { history, git, fetchAll } = clone();
      expect(await history.leadsTo(OLD, HEAD)).toBe(true);
      expect(git.run.mock.calls).toEqual([[["cat-file", "--batch-check"], { input: `${OLD}\n` }]]);
      expect(git.says.mock.calls).toEqual([[["merge-base", "--is-ancestor", OLD, HEAD]]]);
      expect(fetchAll).not.toHaveBeenCalled();
    });

    it.each([`${OLD} missing\n`, `${OLD} blob 20\n`, `${OLD} commit 20`, "", `x ${OLD} commit x\n`])(
      "not where it is no commit of a clone that has all: %j",
      async (answer) => {
        const { history, git, printed, fetchAll } = clone();
        printed["cat-file"] = () => answer;
        expect([await history.leadsTo(OLD, HEAD), git.says.mock.calls.length]).toEqual([false, 0]);
        expect(fetchAll).not.toHaveBeenCalled();
      },
    );

    it("not where git says no, and the clone has all that leads to the other", async () => {
      const { history, git, fetchAll } = clone();
      shallow(id("d"), id("e"));
      git.says.mockResolvedValue(false);
      expect(await history.leadsTo(OLD, HEAD)).toBe(false);
      expect(git.run.mock.calls.at(-1)).toEqual([["rev-list", "--max-parents=0", HEAD]]);
      expect(fetchAll).not.toHaveBeenCalled();
    });

    it("by the whole history, where the clone ends before it", async () => {
      const { history, git, fetchAll } = clone();
      shallow(id("d"), ROOT);
      git.says.mockResolvedValueOnce(false);
      expect([await history.leadsTo(OLD, HEAD), fetchAll.mock.calls.length]).toEqual([true, 1]);
      shallow(ROOT);
      git.says.mockResolvedValue(false);
      expect([await history.leadsTo(OLD, HEAD), fetchAll.mock.calls.length]).toEqual([false, 2]);
    });

    it("by nobody's word where the host has no more of it", async () => {
      const { history, git, fetchAll } = clone();
      shallow(ROOT);
      git.says.mockResolvedValue(false);
      fetchAll.mockResolvedValue(undefined);
      await expect(history.leadsTo(OLD, HEAD)).rejects.toThrow(
        new GitUnreachable(`the host has no history of ${HEAD} any more`),
      );
    });

    it("as far as the clone tells, where no more is asked for", async () => {
      const { history, git, fetchAll } = clone();
      shallow(ROOT);
      git.says.mockResolvedValue(false);
      expect([await history.isKnownToLead(OLD, HEAD), fetchAll.mock.calls.length]).toEqual([false, 0]);
    });
  });

  describe("has a file's last change", () => {
    it("as git's log has it, with the first parent", async () => {
      const { history, git, printed } = clone();
      printed.log = () => record(OLD, `${ROOT} ${X}`);
      expect(await history.lastChange(HEAD, "default/a b.json")).toEqual(change(OLD, ROOT));
      const format = "--format=%H%x00%an%x00%at%x00%ct%x00%P%x00%B";
      expect(git.run.mock.calls).toEqual([
        [["log", "-z", format, "-1", HEAD, "--", "default/a b.json"], { input: "" }],
      ]);
    });

    it("without a parent where it has none", async () => {
      const { history, printed } = clone();
      printed.log = () => record(OLD);
      expect(await history.lastChange(HEAD, "a")).toEqual(change(OLD));
      expect(await history.lastChange(HEAD, "a")).not.toHaveProperty("parent");
    });

    it("in the whole history, where it seems to be the clone's oldest commit", async () => {
      const { history, printed, fetchAll } = clone();
      shallow(OLD);
      printed.log = () => record(fetchAll.mock.calls.length === 0 ? OLD : X, ROOT);
      expect([await history.lastChange(HEAD, "a"), fetchAll.mock.calls.length]).toEqual([change(X, ROOT), 1]);
    });

    it("without more history where it is not the clone's oldest", async () => {
      const { history, printed, fetchAll } = clone();
      shallow(ROOT);
      printed.log = () => record(OLD, ROOT);
      expect([await history.lastChange(HEAD, "a"), fetchAll.mock.calls.length]).toEqual([change(OLD, ROOT), 0]);
    });

    it("as far as the clone tells, where no more history is to be fetched", async () => {
      const { history, printed, fetchAll } = clone();
      shallow(ROOT);
      printed.log = () => record(OLD, ROOT);
      expect(await history.lastKnownChange(HEAD, "a")).toEqual(change(OLD, ROOT));
      shallow(OLD);
      expect(await history.lastKnownChange(HEAD, "a")).toBeUndefined();
      printed.log = () => "";
      expect(await history.lastKnownChange(HEAD, "a")).toBeUndefined();
      expect(fetchAll).not.toHaveBeenCalled();
    });

    it("nowhere where the whole history has none", async () => {
      const { history, printed, fetchAll } = clone();
      printed.log = () => "";
      expect([await history.lastChange(HEAD, "a"), fetchAll.mock.calls.length]).toEqual([undefined, 0]);
      shallow(ROOT);
      expect([await history.lastChange(HEAD, "a"), fetchAll.mock.calls.length]).toEqual([undefined, 1]);
    });

    it.each([record(OLD).slice(0, -1), `${OLD}\0Dev\0`, `${record(OLD)}${X}\0`, `x${record(OLD)}x`])(
      "not where git's log ends in the middle: %j",
      async (log) => {
        const { history, printed } = clone();
        printed.log = () => log;
        await expect(history.lastChange(HEAD, "a")).rejects.toThrow("git log ends in the middle");
      },
    );
  });

  describe("has the commits that brought contents", () => {
    const entry = (blob: string, path: string, status = "A") =>
      `:000000 100644 ${id("0")} ${blob} ${status}\0${path}\0`;
    const log = (commit: string, ...entries: string[]) => `${commit}\0\0${entries.join("")}`;

    it("none where nothing is asked for", async () => {
      const { history, git } = clone();
      expect(await history.findContents(HEAD, "default", new Set())).toEqual(new Map());
      expect([git.run, git.output].map((each) => each.mock.calls.length)).toEqual([0, 0]);
    });

    it("the newest of each, whatever lies between, below the folder alone", async () => {
      const { history, git, printed, prints } = clone();
      prints(
        log(HEAD, entry(id("9"), "default/z.json"), entry(X, "default/a.json", "M")),
        log(OLD, entry(Y, "default/b b.json"), entry(X, "default/old.json")),
      );
      printed.log = () => record(OLD, ROOT) + record(HEAD, OLD);
      expect(await history.findContents(HEAD, "default", new Set([X, Y]))).toEqual(
        new Map([
          [X, { ...change(HEAD, OLD), path: "default/a.json" }],
          [Y, { ...change(OLD, ROOT), path: "default/b b.json" }],
        ]),
      );
      expect(git.output.mock.calls).toEqual([
        [[..."log --raw --no-abbrev --no-renames -c --full-history -z --format=%H".split(" "), HEAD, "--", "default/"]],
      ]);
      const [args, options] = git.run.mock.calls[0] ?? [];
      expect([args?.slice(3), options]).toEqual([["--no-walk", "--stdin"], { input: `${HEAD}\n${OLD}\n` }]);
    });

    it("asked for once where one commit brought all", async () => {
      const { history, git, printed, prints } = clone();
      prints(log(HEAD, entry(X, "default/a.json"), entry(Y, "default/b.json")));
      printed.log = () => record(HEAD);
      await history.findContents(HEAD, "default", new Set([X, Y]));
      expect(git.run.mock.calls[0]?.[1]).toEqual({ input: `${HEAD}\n` });
    });

    it("wherever git's words are cut, also within a character", async () => {
      const whole = Buffer.from(log(HEAD, entry(id("9"), "default/ä.json"), entry(X, "default/ö.json")));
      for (let at = 1; at < whole.length; at += 1) {
        const { history, printed, prints } = clone();
        prints(whole.subarray(0, at), whole.subarray(at));
        printed.log = () => record(HEAD);
        const found = await history.findContents(HEAD, "default", new Set([X]));
        expect(found.get(X)?.path).toBe("default/ö.json");
      }
    });

    it("read no further than to the last that is looked for", async () => {
      const { history, printed, prints } = clone();
      prints(log(HEAD, entry(X, "default/a.json")), "what is not read\0");
      printed.log = () => record(HEAD);
      expect((await history.findContents(HEAD, "default", new Set([X]))).size).toBe(1);
    });

    it("merges included, with what each parent had", async () => {
      const { history, printed, prints } = clone();
      prints(`${HEAD}\0\0\n::100644 100644 100644 ${id("7")} ${id("8")} ${X} MM\0default/m.json\0`);
      printed.log = () => record(HEAD);
      expect((await history.findContents(HEAD, "default", new Set([X]))).get(X)?.commit).toBe(HEAD);
    });

    it("of a repository with the longer ids", async () => {
      const long = "d".repeat(64);
      const { history, printed, prints } = clone();
      prints(log(long, entry(X, "default/a.json")));
      printed.log = () => record(long);
      expect((await history.findContents(HEAD, "default", new Set([X]))).get(X)?.commit).toBe(long);
    });

    it.each([
      "no commit\0",
      `${HEAD}x\0`,
      `x${HEAD}\0`,
      `:000000 100644 ${X} ${Y} m\0`,
      `:000000 100644 ${X} ${Y} M1\0`,
      `x:000000 100644 ${X} ${Y} M\0`,
      `${id("a").slice(1)}\0`,
      `${"a".repeat(65)}\0`,
      `${"A".repeat(40)}\0`,
    ])("not where git prints something else: %j", async (printed) => {
      const { history, prints } = clone();
      prints(printed);
      await expect(history.findContents(HEAD, "default", new Set([X]))).rejects.toThrow(
        "git log printed what is no commit and no change",
      );
    });

    it("not where git's words end in the middle", async () => {
      const { history, prints } = clone();
      prints(log(HEAD, entry(Y, "default/a.json")), HEAD);
      await expect(history.findContents(HEAD, "default", new Set([X]))).rejects.toThrow("ends in the middle");
    });

    it("in the whole history where the clone has not all of them, or seems to begin with one", async () => {
      for (const first of [log(OLD), log(OLD, entry(X, "default/a.json"))]) {
        const { history, printed, prints, fetchAll, git } = clone();
        shallow(OLD);
        printed["rev-list"] = () => `${fetchAll.mock.calls.length === 0 ? OLD : ROOT}\n`;
        prints(first);
        fetchAll.mockImplementation(async () => {
          shallow();
          prints(log(OLD), log(ROOT, entry(X, "default/b.json")));
        });
        printed.log = () => record(ROOT);
        expect(await history.findContents(HEAD, "default", new Set([X]))).toEqual(
          new Map([[X, { ...change(ROOT), path: "default/b.json" }]]),
        );
        expect([fetchAll.mock.calls.length, git.output.mock.calls.length]).toEqual([1, 2]);
      }
    });

    it("in the whole history where one of several is missing, or seems to come with the first commit", async () => {
      for (const first of [
        log(HEAD, entry(X, "default/a.json")),
        log(HEAD, entry(X, "default/a.json")).concat(log(OLD, entry(Y, "default/b.json"))),
      ]) {
        const { history, printed, prints, fetchAll } = clone();
        shallow(OLD);
        printed["rev-list"] = () => `${fetchAll.mock.calls.length === 0 ? OLD : ROOT}\n`;
        prints(first);
        fetchAll.mockImplementation(async () => {
          shallow();
          prints(log(HEAD, entry(X, "default/a.json")), log(ROOT, entry(Y, "default/b.json")));
        });
        printed.log = () => record(HEAD) + record(ROOT);
        const found = await history.findContents(HEAD, "default", new Set([X, Y]));
        expect(found.get(Y)).toEqual({ ...change(ROOT), path: "default/b.json" });
      }
    });

    it("without more history where all are told by commits that the clone has whole", async () => {
      const { history, printed, prints, fetchAll } = clone();
      shallow(OLD);
      printed["rev-list"] = () => `${OLD}\n`;
      prints(log(HEAD, entry(X, "default/a.json"), entry(Y, "default/b.json")));
      printed.log = () => record(HEAD);
      expect((await history.findContents(HEAD, "default", new Set([X, Y]))).size).toBe(2);
      expect(fetchAll).not.toHaveBeenCalled();
    });

    it("without more history where there is none", async () => {
      const { history, prints, fetchAll, git } = clone();
      prints(log(HEAD));
      expect(await history.findContents(HEAD, "default", new Set([X]))).toEqual(new Map());
      expect([fetchAll.mock.calls.length, git.run.mock.calls.length]).toEqual([0, 0]);
    });

    it("or an error where git does not tell one of them", async () => {
      const { history, printed, prints } = clone();
      prints(log(HEAD, entry(X, "default/a.json")));
      printed.log = () => record(OLD);
      await expect(history.findContents(HEAD, "default", new Set([X]))).rejects.toThrow(`git log left out ${HEAD}`);
    });
  });
});
