import { GitUnreachable } from "../../../agent/git/git";
import { answerOf } from "../../../agent/git/push";
import type { Repository } from "../../../agent/git/repository";
import { GitHost, put } from "./gitHost";

jest.setTimeout(30_000);

describe("a push", () => {
  const host = new GitHost();
  let repository: Repository;
  let head = "";
  const onHost = () => host.in("host.git", ["rev-parse", "refs/heads/main"]);
  let number = 0;
  const next = () => put(repository, head, { [`default/${number++}.json`]: `${number}` });

  beforeAll(async () => {
    repository = await host.open("clone");
    head = await put(repository, undefined, { "default/first.json": "1" });
    expect(await repository.push(head, undefined)).toEqual({ kind: "pushed" });
  });
  afterEach(async () => {
    for (const hook of ["pre-receive", "post-receive", "update"]) host.hook(hook);
    head = (await repository.fetch()) ?? "";
  });
  afterAll(() => host.close());

  it("moves the branch, and needs no fetch afterwards", async () => {
    const commit = await next();
    expect(await repository.push(commit, head)).toEqual({ kind: "pushed" });
    expect(onHost()).toBe(commit);
    expect(await repository.hasMoved()).toBe(false);
    expect(host.in("clone", ["rev-parse", "refs/host/main"])).toBe(commit);
  });

  it("loses a race against an earlier push and changes nothing", async () => {
    const other = await host.open("other");
    await other.fetch();
    const theirs = await put(other, head, { "default/theirs.json": "x" });
    const mine = await next();
    await other.push(theirs, head);
    expect(await repository.push(mine, head)).toEqual({ kind: "raced" });
    expect(onHost()).toBe(theirs);
    const first = await put(repository, undefined, { "a.json": "1" });
    expect(await repository.push(first, undefined)).toEqual({ kind: "raced" });
  });

  it("loses a race against a push that arrives while the host processes it", async () => {
    const other = host.in("host.git", ["commit-tree", `${head}^{tree}`, "-p", head, "-m", "meanwhile"]);
    host.hook("pre-receive", `env -u GIT_QUARANTINE_PATH git update-ref refs/heads/main ${other}`);
    expect(await repository.push(await next(), head)).toEqual({ kind: "raced" });
    expect(onHost()).toBe(other);
  });

  it("does not restore a commit that was removed from the branch", async () => {
    const before = head;
    const removed = await next();
    await repository.push(removed, head);
    head = removed;
    const onTop = await next();
    host.in("host.git", ["update-ref", "refs/heads/main", before]);
    expect(await repository.push(onTop, removed)).toEqual({ kind: "raced" });
    expect(onHost()).toBe(before);
  });

  it("never removes a commit from the branch", async () => {
    const elsewhere = await put(repository, undefined, { "a.json": "1" });
    await expect(repository.push(elsewhere, head)).rejects.toThrow("is not a descendant of");
    expect(onHost()).toBe(head);
  });

  it("that the host declines returns the host's own reason, without credentials", async () => {
    host.hook("pre-receive", `echo "Push blocked: see https://me:s3cret@example.com/rules" >&2; exit 1`);
    const answer = await repository.push(await next(), head);
    expect(answer).toEqual({
      kind: "declined",
      reason: "pre-receive hook declined\nPush blocked: see https://[credentials]@example.com/rules",
    });
    host.hook("pre-receive");
    host.hook("update", "yes 'no, not this one' | head -100 >&2; exit 1");
    const long = await repository.push(await next(), head);
    expect(long.kind === "declined" && long.reason).toHaveLength(500);
    expect(long).toMatchObject({ reason: expect.stringMatching(/^hook declined\nno, not this one\n/) });
    expect(onHost()).toBe(head);
  });

  it("may take long if the host keeps sending output", async () => {
    host.hook("pre-receive", "sleep 1");
    const patient = await host.open("clone", { silenceMs: 20_000 });
    const commit = await next();
    expect(await patient.push(commit, head)).toEqual({ kind: "pushed" });

    host.hook("pre-receive", "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo still here >&2; sleep 0.25; done");
    const lines: string[] = [];
    const short = await host.open("clone", { silenceMs: 1_500, onProgress: (line) => lines.push(line) });
    head = commit;
    expect(await short.push(await next(), head)).toEqual({ kind: "pushed" });
    expect(lines).toContain("remote: still here");

    head = onHost();
    host.hook("pre-receive", "sleep 5");
    await expect(short.push(await next(), head)).rejects.toThrow(GitUnreachable);
  });

  it("that reached the host counts as successful, even if the host's response was lost", async () => {
    const lost = `if [ "$1" = push ]; then $GIT "$@" >/dev/null 2>&1; echo "fatal: the remote end hung up" >&2; exit 128; fi`;
    await host.withGit(lost, async () => {
      const clone = await host.open("clone");
      const commit = await next();
      expect(await clone.push(commit, head)).toEqual({ kind: "pushed" });
      expect(onHost()).toBe(commit);
    });
  });

  it("without any response fails with GitUnreachable", async () => {
    const away = await host.open("clone", { url: `${host.url}-away` });
    await expect(away.push(await next(), head)).rejects.toThrow(GitUnreachable);
    expect(onHost()).toBe(head);
  });
});

describe("the response to a push", () => {
  const answer = (outcome: string, stderr = "") =>
    answerOf({ stdout: `To https://example.com/flows.git\n!\tabc:refs/heads/main\t${outcome}\nDone\n`, stderr });

  it.each([
    "[rejected] (fetch first)",
    "[rejected] (non-fast-forward)",
    "[rejected] (stale info)",
    "[remote rejected] (cannot lock ref 'refs/heads/main': is at 1 but expected 2)",
    "[remote rejected] (failed to update ref)",
    "[remote rejected] (incorrect old value provided)",
    "[remote rejected] (cannot lock ref 'refs/heads/main': reference already exists)",
  ])("means that the push lost a race if it is %s", (outcome) => {
    expect(answer(outcome)).toEqual({ kind: "raced" });
  });

  it.each([
    "pre-receive hook declined",
    "protected branch hook declined",
    "push declined due to repository rule violations",
    "unpacker error",
    "branch is currently checked out (for now)",
  ])("means that the host refused the push if it is [remote rejected] (%s)", (reason) => {
    expect(answer(`[remote rejected] (${reason})`)).toEqual({ kind: "declined", reason });
  });

  it.each([
    [
      "a lost race if the host's own output says so",
      "remote: error: cannot lock ref 'refs/heads/main'",
      { kind: "raced" },
    ],
    ["a refusal otherwise", "remote: not today\n", { kind: "declined", reason: "\nnot today" }],
  ])("that is [remote rejected] without a reason counts as %s", (_, stderr, what) => {
    expect(answer("[remote rejected]", stderr)).toEqual(what);
  });

  it("means that the host refused the push if the given reason says so, and the error contains only the host's lines", () => {
    const stderr = "remote: we failed to lock your holidays\nfatal: lost the remote: end\nremote:too close";
    const reason = "pre-receive hook declined\nwe failed to lock your holidays\ntoo close";
    expect(answer("[remote rejected] (pre-receive hook declined)", stderr)).toEqual({ kind: "declined", reason });
  });

  it("is reported without progress meters", () => {
    const stderr =
      "Total 3 (delta 0), reused 0\nremote: Resolving deltas: 100% (3/3), done.        \nremote: error: GH013: rules\u001b[K\nremote: \nerror: failed\n";
    expect(answer("[remote rejected] (x)", stderr)).toEqual({ kind: "declined", reason: "x\nerror: GH013: rules[K" });
  });

  it.each([
    ["error: RPC failed; HTTP 413 curl 22 The requested URL returned error: 413", "HTTP 413"],
    ["fatal: pack exceeds maximum allowed size (2.00 GiB)", "pack exceeds maximum allowed size"],
  ])("means that the host refused the push if the pack is too large: %s", (stderr, reason) => {
    expect(answerOf({ stdout: "", stderr })).toEqual({ kind: "declined", reason });
  });

  it.each(["", "[remote failure] (remote failed to report status)"])(
    "that is %p leaves the outcome unknown",
    (outcome) => {
      expect(answer(outcome, "fatal: the remote end hung up unexpectedly")).toBeUndefined();
    },
  );
});
