import { blobId } from "../../../agent/git/blobs";
import type { Commit } from "../../../agent/git/history";
import type { Repository } from "../../../agent/git/repository";
import { MemoryHost, MemoryRepository } from "../doubles/memoryHost";
import { GitHost } from "./gitHost";

type Clone = Pick<Repository, keyof Repository & keyof MemoryRepository>;

/**
 * Returns what two clones of one host see of each other, without inherent differences: commits are named by the order
 * of their creation.
 */
async function story(one: Clone, two: Clone, decline: (reason: string) => void): Promise<unknown[]> {
  const told: unknown[] = [];
  const met = new Map<string, string>();
  const named = (value: unknown): unknown => {
    if (typeof value === "string" && /^[0-9a-f]{40}$/.test(value)) return met.get(value) ?? value;
    if (value instanceof Map) return [...value].map(named).sort();
    if (Array.isArray(value)) return value.map(named);
    if (typeof value === "object" && value !== null)
      return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, named(each)]));
    return value;
  };
  const tell = (value: unknown) => void told.push(named(value));
  const change = async (clone: Clone, parent: string | undefined, files: Record<string, string | undefined>) => {
    const changes = new Map<string, string | undefined>();
    for (const [path, text] of Object.entries(files))
      changes.set(path, text === undefined ? text : await clone.store(text));
    const commit = await clone.commit(parent, changes, `change ${met.size}\n`, 1_700_000_000_400 + met.size * 1_000);
    met.set(commit, `commit ${met.size}`);
    return commit;
  };
  const all = async (commits: AsyncIterable<Commit>) => {
    const found: Commit[] = [];
    for await (const { commit, author, authoredAt, committer, message, files } of commits)
      found.push({ commit, author, authoredAt, committer, committedAt: 0, message: message.trim(), files });
    return found;
  };
  const nameOf = async (found: Promise<{ commit: string } | undefined>) => (await found)?.commit;

  tell([await one.fetch(), await one.seen(), await one.pending()]);
  const first = await change(one, undefined, { "default/a.json": "a", "default/P/b.json": "b", "other/c.json": "c" });
  tell([await one.hasMoved(), await one.push(first, undefined), await one.hasMoved(), await two.hasMoved()]);
  tell([await two.fetch(), await two.files(first), await one.push(first, undefined)]);
  const theirs = await change(two, first, { "default/a.json": undefined, "default/d.json": "a" });
  const mine = await change(one, first, { "default/a.json": "other" });
  tell([await two.push(theirs, first), await one.push(mine, first), await one.fetch()]);
  const [blob] = (await one.files(theirs)).filter(({ path }) => path === "default/d.json");
  tell([(await one.read(blob?.blob ?? "")).toString(), await one.files(theirs)]);
  tell([await one.leadsTo(first, theirs), await one.leadsTo(mine, theirs), await one.leadsTo(theirs, theirs)]);
  tell([
    await one.leadsTo("0".repeat(40), theirs),
    await one.has("0".repeat(40)),
    await two.has(mine),
    await two.has(theirs),
  ]);
  const last = await change(one, theirs, { "default/P/b.json": "b2" });
  tell(await one.push(last, theirs));
  for (const path of ["default/a.json", "default/d.json", "default/P/b.json", "default/none.json"])
    for (const isAdded of [false, true]) tell(await nameOf(one.lastChange(last, path, isAdded)));
  // For a moved file, the origin is the commit that added its contents. For contents that were deleted in between, the
  // origin is the commit that restored them.
  for (const contents of ["a", "b", "b2", "c", "never"])
    tell(await nameOf(one.origin(last, blobId(Buffer.from(contents)))));
  const back = await change(one, last, { "default/P/b.json": "b" });
  tell(await nameOf(one.origin(back, blobId(Buffer.from("b")))));
  tell([await all(one.commits(last)), await all(one.commits(last, first)), await all(one.commits(last, last))]);
  tell([
    await nameOf(one.newest(last, ({ message }) => message.includes("1"))),
    await nameOf(one.newest(last, () => false)),
  ]);
  const pending = [await change(one, last, { 'default/"odd" \\ name.json': "x", "default/d.json": undefined })];
  pending.push(await change(one, pending[0], { "default/P/b.json": "b3" }));
  await one.keepPending(pending[1]);
  tell([
    await one.pending(),
    await one.isKnownToLead(last, pending[1] ?? ""),
    await two.isKnownToLead(last, pending[1] ?? ""),
  ]);
  await two.fetch();
  const other = await change(two, last, { "default/P/b.json": "by another" });
  tell([await two.push(other, last), await one.fetch()]);
  const commits = (await all(one.commits(pending[1] ?? "", last))).reverse();
  const replayed = await one.replay(commits, other, new Set(["default/P/b.json"]));
  met.set(replayed, "replayed");
  tell([await one.pending(), await all(one.commits(replayed, other)), await one.files(replayed)]);
  tell([await one.push(replayed, other), await one.pushSeen(replayed), await two.fetch(), await two.seen()]);
  await one.keepPending(undefined);
  await one.keepPending(undefined);
  tell([await one.pending(), await one.replay(commits.slice(1), replayed, new Set(["default/P/b.json"]))]);
  decline("not on this branch");
  const declined = await change(one, replayed, { "default/a.json": "again" });
  const answer = await one.push(declined, replayed);
  tell([answer.kind, answer.kind === "declined" && answer.reason.includes("not on this branch"), await two.fetch()]);
  return told;
}

jest.setTimeout(60_000);

it("the Git host in memory behaves exactly like git", async () => {
  const git = new GitHost();
  const real = await story(await git.open("one"), await git.open("two"), (reason) =>
    git.hook("pre-receive", `echo "${reason}" >&2; exit 1`),
  );
  const host = new MemoryHost();
  const memory = await story(new MemoryRepository(host, "us-east"), new MemoryRepository(host, "us-east"), (reason) => {
    host.declines = () => reason;
  });
  await git.close();
  expect(memory).toEqual(real);
});
