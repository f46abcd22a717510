import { USER_FILE, userFileText, userIn } from "../../agent/flows/userFolder";
import { BlobUnread } from "../../agent/git/blobs";
import { Holds } from "../../agent/holds";
import type { User } from "../../agent/langflow/store";
import { Raced } from "../../agent/sync/region";
import { UserWorkspaces } from "../../agent/sync/workspaces";
import { MemoryHost, MemoryRepository } from "./doubles/memoryHost";

const id = (digit: number): string => `${String(digit).repeat(8)}-0000-4000-8000-000000000000`;
const user = (digit: number, name: string, more: Partial<User> = {}): User => ({
  id: id(digit),
  name,
  isActive: true,
  hasFlows: true,
  ...more,
});
const ADMIN = user(1, "admin");
const ADA = user(2, "ada");
const flowId = (digit: number): string => id(digit).replace("0000-4000", "ffff-4000");
const flow = (digit: number): string =>
  JSON.stringify({ id: flowId(digit), name: `flow ${digit}`, data: { nodes: [], edges: [] } });

/** One region's view of a host: its users, and whose the flows in its LangFlow are. */
function seen(host: MemoryHost, users: User[], flowsOf: Record<string, string> = {}, name = "us-east") {
  const log = { info: jest.fn(), warn: jest.fn(), error: jest.fn() };
  const repository = new MemoryRepository(host, name);
  const usersOf = jest.fn(
    async (ids: readonly string[]) =>
      new Map(ids.flatMap((each): [string, string][] => (flowsOf[each] ? [[each, flowsOf[each]]] : []))),
  );
  const langflowOf = jest.fn((userId: string) => ({ userId }) as never);
  const workspaces = new UserWorkspaces({
    region: { name, repository, holds: new Holds() },
    store: { users: async () => users, usersOf },
    isDefault: (each) => each.name === "admin",
    langflowOf,
    log,
  });
  /** Users' digits by folder. */
  const folders = async () => {
    const { workspaces: all } = await workspaces.at(await repository.fetch());
    return Object.fromEntries(all.map(({ workspace, userId }) => [workspace, Number(userId[0])]));
  };
  return { workspaces, repository, folders, log, usersOf, langflowOf, users };
}
/** Whom the files in Git name, by folder. */
const named = (host: MemoryHost) =>
  Object.fromEntries(
    [...host.contents()]
      .filter(([path]) => path.endsWith(`/${USER_FILE}`))
      .map(([path, text]) => [path.split("/")[0], Number(userIn(Buffer.from(text))?.[0])]),
  );
const edit = (host: MemoryHost, files: Record<string, string | undefined>) =>
  host.edit("Dev <dev@example.com>", 0, new Map(Object.entries(files)));

describe("the workspaces of a region", () => {
  it("are one for each active user with flows, the superuser's called default, each bound in Git to the user's id", async () => {
    const host = new MemoryHost();
    const { folders, langflowOf } = seen(host, [ADMIN, ADA, user(3, "new", { hasFlows: false })]);
    expect(await folders()).toEqual({ ada: 2, default: 1 });
    expect(named(host)).toEqual({ ada: 2 });
    expect([...host.contents().values()]).toEqual([userFileText(ADA)]);
    await folders();
    expect(host.commits.size).toBe(1);
    expect(langflowOf.mock.calls.map(([userId]) => userId)).toEqual([ADMIN.id, ADA.id]);
  });

  it("say in Git's history whose folders a commit is about", async () => {
    const host = new MemoryHost();
    const { folders, users } = seen(host, [ADMIN, ADA]);
    await folders();
    users.push(user(3, "bob"), user(4, "mia"));
    await folders();
    expect([...host.history()].map(({ message }) => message)).toEqual([
      "us-east: folders of 2 users\n",
      "us-east: folder ada\n",
    ]);
  });

  it("reach LangFlow anew in the name of a user who is back", async () => {
    const { folders, langflowOf, users } = seen(new MemoryHost(), [ADA]);
    await folders();
    users[0] = { ...ADA, isActive: false };
    await folders();
    users[0] = ADA;
    await folders();
    expect(langflowOf).toHaveBeenCalledTimes(2);
  });

  it("say by which commit they are, so that what is written follows it", async () => {
    const host = new MemoryHost();
    const { workspaces } = seen(host, [ADMIN, ADA]);
    expect((await workspaces.at(undefined)).head).toBe(host.head);
    expect(host.head).toBeDefined();
  });

  it("keep the superuser's folder where it is, without a file of ours in it", async () => {
    const host = new MemoryHost();
    edit(host, { "default/A.json": flow(7) });
    const { folders } = seen(host, [ADMIN]);
    expect(await folders()).toEqual({ default: 1 });
    expect([...host.contents().keys()]).toEqual(["default/A.json"]);
  });

  it("are in the order of their folders, whatever that of the users", async () => {
    const { workspaces } = seen(new MemoryHost(), [user(2, "zoe"), ADMIN, user(3, "ada"), user(4, "mia")]);
    const { workspaces: all } = await workspaces.at(undefined);
    expect(all.map(({ workspace }) => workspace)).toEqual(["ada", "default", "mia", "zoe"]);
  });

  it("are found by whose most flows are in a folder that names nobody, also where others have theirs", async () => {
    const host = new MemoryHost();
    edit(host, {
      "ada/user.yaml": userFileText(ADA),
      "team/A.json": flow(7),
      "team/B.json": flow(8),
      "team/C.json": flow(9),
    });
    const owners = { [flowId(7)]: id(3), [flowId(8)]: id(4), [flowId(9)]: id(4) };
    const { folders } = seen(host, [ADMIN, ADA, user(3, "bob"), user(4, "mia")], owners);
    expect(await folders()).toEqual({ ada: 2, bob: 3, default: 1, team: 4 });
  });

  it("stay where they are when a user has another name", async () => {
    const host = new MemoryHost();
    await seen(host, [ADMIN, ADA]).folders();
    const renamed = seen(host, [ADMIN, { ...ADA, name: "countess" }]);
    expect(await renamed.folders()).toEqual({ ada: 2, default: 1 });
    expect(host.commits.size).toBe(1);
  });

  it("never mix two users whose names give one folder, nor a new user with a deleted one of the name", async () => {
    const host = new MemoryHost();
    expect(await seen(host, [ADMIN, ADA, user(3, "Ada!")]).folders()).toEqual({
      ada: 2,
      "ada-33333333": 3,
      default: 1,
    });
    expect(await seen(host, [ADMIN, user(4, "ada")]).folders()).toEqual({ "ada-44444444": 4, default: 1 });
    expect(named(host)).toEqual({ ada: 2, "ada-33333333": 3, "ada-44444444": 4 });
  });

  it("take no name that a file or folder in Git has, in whatever case", async () => {
    const host = new MemoryHost();
    edit(host, { Docs: "a file", "Examples/readme.md": "a folder" });
    expect(await seen(host, [user(2, "docs"), user(3, "examples")]).folders()).toEqual({
      "docs-22222222": 2,
      "examples-33333333": 3,
    });
  });

  it("are the same from two regions that make them at once for one user, and apart for two: the slower looks again", async () => {
    for (const [other, expected] of [
      [ADA, { ada: 2 }],
      [user(3, "ada"), { "ada-33333333": 3 }],
    ] as const) {
      const host = new MemoryHost();
      const [east, west] = [seen(host, [ADA]), seen(host, [other], {}, "eu-west")];
      const head = await west.repository.fetch();
      await east.folders();
      await expect(west.workspaces.at(head)).rejects.toThrow(Raced);
      expect(await west.folders()).toEqual(expected);
      expect(await east.folders()).toEqual({ ada: 2 });
    }
  });

  it("keep the folder of a deleted user in Git untouched, and that of one who is not there yet: said once", async () => {
    const host = new MemoryHost();
    await seen(host, [ADMIN, ADA]).folders();
    edit(host, { "ada/A.json": flow(7) });
    const before = host.contents();
    const { folders, log, users } = seen(host, [ADMIN]);
    expect([await folders(), await folders()]).toEqual([{ default: 1 }, { default: 1 }]);
    expect(host.contents()).toEqual(before);
    expect(log.info.mock.calls).toEqual([
      [
        {
          workspace: "ada",
          userId: ADA.id,
          reason: "its user is not in this region's database: not there yet, or deleted",
        },
        "a workspace waits",
      ],
    ]);
    users.push(ADA);
    expect(await folders()).toEqual({ ada: 2, default: 1 });
  });

  it("wait while their user is not active, which is said once, and go on where the user is again", async () => {
    const host = new MemoryHost();
    const { folders, log, users } = seen(host, [ADMIN, ADA]);
    await folders();
    users[1] = { ...ADA, isActive: false };
    expect([await folders(), await folders()]).toEqual([{ default: 1 }, { default: 1 }]);
    expect(log.info.mock.calls.map(([{ reason }]) => reason)).toEqual(["its user is not active"]);
    users[1] = ADA;
    expect(await folders()).toEqual({ ada: 2, default: 1 });
  });

  it("give no new folder to a user who is not active", async () => {
    const host = new MemoryHost();
    expect(await seen(host, [{ ...ADA, isActive: false }]).folders()).toEqual({});
    expect(host.head).toBeUndefined();
  });

  it("say where the superuser is missing", async () => {
    const { folders, log } = seen(new MemoryHost(), [ADA]);
    await folders();
    await folders();
    expect(log.warn.mock.calls).toEqual([[{}, expect.stringContaining("the superuser is not in LangFlow's database")]]);
  });

  it("wait where the host declines a folder: those of the others go on, and it is said once", async () => {
    const host = new MemoryHost();
    host.faults.declines = (files) => (files.some((path) => path.startsWith("bob/")) ? "no bob" : undefined);
    const { folders, log } = seen(host, [ADA, user(3, "bob"), user(4, "cyd")]);
    expect(await folders()).toEqual({ ada: 2, cyd: 4 });
    const commits = host.commits.size;
    expect(await folders()).toEqual({ ada: 2, cyd: 4 });
    expect(host.commits.size).toBe(commits);
    expect(log.warn.mock.calls.filter(([{ workspace }]) => workspace === "bob")).toEqual([
      [{ workspace: "bob", reason: "no bob" }, "the Git host declined a user's folder: the user's flows wait"],
    ]);
  });

  it("go on one by one where the host declines several, once it has taken one", async () => {
    const host = new MemoryHost();
    const declined = ["u2/", "u3/", "u4/", "u5/"];
    host.faults.declines = (files) =>
      files.some((path) => declined.some((folder) => path.startsWith(folder))) ? "not these" : undefined;
    const users = Array.from({ length: 8 }, (_, index) => user(index + 1, `u${index + 1}`));
    expect(await seen(host, users).folders()).toEqual({ u1: 1, u6: 6, u7: 7, u8: 8 });
  });

  it("ask a host that declines all of them about a few alone", async () => {
    const host = new MemoryHost();
    host.faults.declines = () => "read only";
    const many = Array.from({ length: 200 }, (_, index) => ({
      ...ADA,
      id: ADA.id.replace(/^.{8}/, `${10_000_000 + index}`),
    }));
    expect(await seen(host, many).folders()).toEqual({});
    expect(host.commits.size).toBeLessThan(25);
  });

  it("ask the database about the flows of those folders alone that may be somebody's who has none", async () => {
    const host = new MemoryHost();
    edit(host, {
      "default/A.json": flow(5),
      "ada/user.yaml": userFileText(ADA),
      "ada/B.json": flow(6),
      "docs/readme.md": "no flow",
      "team/C.json": flow(7),
    });
    const { folders, usersOf } = seen(host, [ADMIN, ADA, user(3, "bob", { hasFlows: false })]);
    await folders();
    expect(usersOf.mock.calls).toEqual([[[flowId(7)]]]);
  });

  it("read a flow's file once, whatever else changes in Git", async () => {
    const host = new MemoryHost();
    edit(host, { "team/A.json": flow(7) });
    const { folders, repository } = seen(host, [user(3, "bob", { hasFlows: false })]);
    await folders();
    edit(host, { "team/B.json": flow(8) });
    const read = jest.spyOn(repository, "read");
    await folders();
    expect(read).toHaveBeenCalledTimes(1);
  });

  it("need not read a folder or ask the database where every user has one", async () => {
    const host = new MemoryHost();
    edit(host, { "default/A.json": flow(7), "ada/user.yaml": userFileText(ADA), "ada/B.json": flow(8) });
    const { folders, usersOf, repository } = seen(host, [ADMIN, ADA]);
    await folders();
    const read = jest.spyOn(repository, "read");
    const files = jest.spyOn(repository, "files");
    await folders();
    expect([read, files, usersOf].map(({ mock }) => mock.calls.length)).toEqual([0, 0, 0]);
  });
});

describe("a folder that an earlier release made, without a user's name", () => {
  it("is the user's whose flows are in it, whatever it is called, and bound to that user from then on", async () => {
    const host = new MemoryHost();
    edit(host, { "team-a/A.json": flow(7), "team-a/Project/B.json": flow(8), "bob/C.json": flow(9) });
    const owners = { [flowId(7)]: ADA.id, [flowId(8)]: ADA.id, [flowId(9)]: id(4) };
    const bob = user(3, "bob");
    expect(await seen(host, [ADMIN, ADA, bob, user(4, "cyd")], owners).folders()).toEqual({
      "team-a": 2,
      "bob-33333333": 3,
      bob: 4,
      default: 1,
    });
    expect(named(host)).toEqual({ "team-a": 2, bob: 4, "bob-33333333": 3 });
  });

  it("is the one's who is called so, in a region that has none of its flows", async () => {
    const host = new MemoryHost();
    edit(host, { "ada/A.json": flow(7), "docs/readme.md": "no flow" });
    const ada = { ...ADA, hasFlows: false };
    expect(await seen(host, [ADMIN, ada, user(3, "docs", { hasFlows: false })]).folders()).toEqual({
      ada: 2,
      default: 1,
    });
  });

  it("is nobody's where several are called so, or the one has a folder already", async () => {
    const host = new MemoryHost();
    edit(host, { "ada/A.json": flow(7) });
    const without = { hasFlows: false };
    expect(await seen(host, [{ ...ADA, ...without }, user(3, "Ada", without)]).folders()).toEqual({});
    edit(host, { "first/user.yaml": userFileText(ADA) });
    expect(await seen(host, [ADA]).folders()).toEqual({ first: 2 });
  });

  it("is the superuser's never: that is default", async () => {
    const host = new MemoryHost();
    edit(host, { "admin/A.json": flow(7) });
    expect(await seen(host, [ADMIN], { [flowId(7)]: ADMIN.id }).folders()).toEqual({ default: 1 });
    expect(named(host)).toEqual({});
  });

  it("is bound anew where somebody broke the file that names its user", async () => {
    const host = new MemoryHost();
    edit(host, { "ada/user.yaml": "id: [", "ada/A.json": flow(7) });
    expect(await seen(host, [ADMIN, ADA], { [flowId(7)]: ADA.id }).folders()).toEqual({ ada: 2, default: 1 });
    expect(named(host)).toEqual({ ada: 2 });
  });

  it("is bound anew where the file that names its user is no file of ours by its size", async () => {
    const host = new MemoryHost();
    edit(host, { "ada/user.yaml": `${userFileText(user(5, "eve"))}# ${"x".repeat(4096)}`, "ada/A.json": flow(7) });
    expect(await seen(host, [ADA], { [flowId(7)]: ADA.id }).folders()).toEqual({ ada: 2 });
  });

  it("is the first one's, in every region, where somebody copied a folder", async () => {
    const host = new MemoryHost();
    edit(host, { "b/user.yaml": userFileText(ADA), "a/user.yaml": userFileText(ADA) });
    expect(await seen(host, [ADA]).folders()).toEqual({ a: 2 });
  });

  it("is the first one's by name, in whatever order Git lists them", async () => {
    const host = new MemoryHost();
    edit(host, {
      "b/user.yaml": userFileText(ADA),
      "a/user.yaml": userFileText(ADA),
      "c/user.yaml": userFileText(ADA),
    });
    const { folders, repository } = seen(host, [ADA]);
    const files = repository.files.bind(repository);
    jest.spyOn(repository, "files").mockImplementation(async (commit) => [...(await files(commit))].reverse());
    expect(await folders()).toEqual({ a: 2 });
  });

  it("is no file at the top, though it be a flow of somebody's", async () => {
    const host = new MemoryHost();
    edit(host, { "A.json": flow(7) });
    expect(await seen(host, [ADA], { [flowId(7)]: ADA.id }).folders()).toEqual({ ada: 2 });
  });

  it("is given to nobody while its flows cannot be read", async () => {
    const host = new MemoryHost();
    edit(host, { "team-a/A.json": flow(7) });
    const { folders, repository } = seen(host, [ADA], { [flowId(7)]: ADA.id });
    const read = jest.spyOn(repository, "read").mockRejectedValueOnce(new BlobUnread("cut"));
    await expect(folders()).rejects.toThrow(BlobUnread);
    expect(named(host)).toEqual({});
    read.mockRestore();
    expect(await folders()).toEqual({ "team-a": 2 });
  });

  it("skips what is no flow", async () => {
    const host = new MemoryHost();
    edit(host, { "team-a/A.json": "{", "team-a/B.json": flow(7) });
    expect(await seen(host, [ADA], { [flowId(7)]: ADA.id }).folders()).toEqual({ "team-a": 2 });
  });
});
