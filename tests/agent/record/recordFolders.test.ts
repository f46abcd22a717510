import { projectFolder } from "../../../agent/flows/layout";
import { commitMessage, listedIn, stampOf, versionTokenOf } from "../../../agent/record/edits";
import { Placement, userFolders } from "../../../agent/record/folders";
import { threeWay } from "../../../agent/record/threeWay";
import { type FileAt, type Tree, TreeReader } from "../../../agent/record/tree";
import type { Prints } from "../../../formats/flows/version";

const [ADA, BOB, EVE] = ["a", "b", "e"].map((digit) => `${digit}0000000-0000-4000-8000-000000000000`) as [
  string,
  string,
  string,
];
const user = (id: string, name: string, isActive = true) => ({ id, name, isActive });

/** Returns a commit of these files. A value that is not a text makes a path that is not a plain file. */
async function treeOf(files: Record<string, string | { plain: false }>): Promise<{ tree: Tree; reader: TreeReader }> {
  const texts = new Map(
    Object.entries(files).map(([path, text]) => [`${path} blob`, typeof text === "string" ? text : ""]),
  );
  const reader = new TreeReader({
    files: async () =>
      Object.entries(files).map(([path, text]) => ({
        path,
        blob: `${path} blob`,
        size: texts.get(`${path} blob`)?.length ?? 0,
        plain: typeof text === "string",
      })),
    async *contents(blobs) {
      for (const blob of blobs) yield Buffer.from(texts.get(blob) ?? "");
    },
  });
  return { tree: await reader.read("commit"), reader };
}
const flow = (id: string) => JSON.stringify({ id, name: "x" });

describe("the owner of a folder", () => {
  const owners = async () => new Map<string, number>();
  const given = async (
    files: Record<string, string>,
    of: {
      users?: ReturnType<typeof user>[];
      owners?: Record<string, [string, number][]>;
      flows?: string[];
      recorded?: Record<string, string>;
      oldest?: string;
    },
  ) => {
    const { tree } = await treeOf(files);
    return userFolders({
      defaultUserId: ADA,
      users: of.users ?? [user(ADA, "admin"), user(BOB, "Bob"), user(EVE, "eve")],
      tree,
      hasFlows: (id) => of.flows?.includes(id) ?? false,
      owners: async ({ name }) => new Map(of.owners?.[name] ?? (await owners())),
      recorded: new Map(Object.entries(of.recorded ?? {})),
      oldest: async ([first = "", ...more]) => more.find((name) => name === of.oldest) ?? first,
    });
  };

  it("is the user in user.yaml; if several folders name one user, only one counts: that with the user's recorded flows, or the oldest", async () => {
    const yaml = `id: ${BOB}\nname: Robert\n`;
    const files = { "z/user.yaml": yaml, "m/user.yaml": yaml, "m/a.json": "{}", "default/user.yaml": yaml };
    for (const [of, folder] of [
      [{}, "m"],
      [{ oldest: "z" }, "z"],
      [{ oldest: "m", recorded: { z: BOB } }, "z"],
    ] as const) {
      const { byUser, unbound } = await given(files, { flows: [BOB], ...of });
      expect([...byUser]).toEqual([
        [ADA, "default"],
        [BOB, folder],
      ]);
      expect(unbound.size).toBe(0);
    }
  });

  it("is the user of the folder's recorded flows if user.yaml is missing, or names a user with a different folder", async () => {
    const yaml = `id: ${BOB}\nname: Robert\n`;
    for (const written of [yaml, "name: nobody\n"]) {
      const files = { "bob/user.yaml": yaml, "eve/user.yaml": written };
      const { byUser, unbound } = await given(files, { flows: [BOB, EVE], recorded: { bob: BOB, eve: EVE } });
      expect(Object.fromEntries(byUser)).toEqual({ [ADA]: "default", [BOB]: "bob", [EVE]: "eve" });
      expect([...unbound]).toEqual([EVE]);
    }
  });

  it("without a user.yaml is the owner of its flows, or else the only user of the same name, or undefined if there are several", async () => {
    const files = { "team/a.json": "{}", "bob/b.json": "{}", "other/c.json": "{}", "docs/readme.md": "" };
    const first = await given(files, {
      owners: {
        team: [
          [EVE, 2],
          [BOB, 1],
        ],
      },
    });
    expect([...first.byUser]).toEqual([
      [ADA, "default"],
      [BOB, "bob"],
      [EVE, "team"],
    ]);
    expect([...first.unbound].sort()).toEqual([BOB, EVE]);
    const twins = [user(ADA, "admin"), user(BOB, "Bob"), user(EVE, "bob!")];
    expect((await given({ "bob/b.json": "{}" }, { users: twins })).byUser.size).toBe(1);
  });

  it("gets a new folder, with a name that is unused in any letter case, only if the owner is active and has flows", async () => {
    const users = [user(ADA, "admin"), user(BOB, "Bob"), user(EVE, "eve", false)];
    const { byUser } = await given({ "BOB/readme.md": "" }, { users, flows: [BOB, EVE] });
    expect([...byUser]).toEqual([
      [ADA, "default"],
      [BOB, "bob-b0000000"],
    ]);
  });
});

describe("a commit's files", () => {
  it("are reported if they cannot be read; if two files have the same flow, the recorded file is read, or else the first", async () => {
    const { tree, reader } = await treeOf({
      "default/link.json": { plain: false },
      "default/\uFFFD.json": flow(ADA),
      "default/a/b/deep.json": flow(ADA),
      "default/broken.json": `{ "id": "${EVE}" `,
      "default/no id.json": "{}",
      "default/one.json": flow(BOB),
      "default/two.json": flow(BOB),
      "default/notes.txt": "x",
    });
    const top = tree.folders.get("default") ?? { flows: [], problems: [] };
    const { byId, problems, hidden } = await reader.flows(top);
    expect([...byId.values()].map(({ path }) => path)).toEqual(["default/one.json"]);
    expect(Object.fromEntries(problems.map(({ path, reason }) => [path, reason]))).toEqual({
      "default/link.json": "is not a plain file",
      "default/\uFFFD.json": "has a name that is not UTF-8",
      "default/a/b/deep.json": "is in a folder below a project's folder",
      "default/broken.json": "is not JSON",
      "default/no id.json": "has no flow id at its top level",
      "default/two.json": "has the same flow id as default/one.json",
    });
    expect([
      hidden(EVE, undefined),
      hidden(ADA, "default/broken.json"),
      hidden(ADA, undefined),
      hidden(BOB, "default/broken.json"),
    ]).toEqual([true, true, false, false]);
    const known = ({ path }: FileAt) => (path === "default/two.json" ? BOB : undefined);
    expect((await reader.flows(top, known)).byId.get(BOB)?.path).toBe("default/two.json");
  });
});

describe("the path of a flow's file", () => {
  const projects = new Map([
    ["p1", { id: "p1", userId: ADA, name: "Starter Project" }],
    ["p2", { id: "p2", userId: ADA, name: "Team / Ä" }],
    ["p3", { id: "p3", userId: ADA, name: "Renamed" }],
  ]);
  const placement = async (files: Record<string, string>) => {
    const { tree } = await treeOf(files);
    return new Placement("default", projects, tree.folders.get("default"), tree);
  };

  it("changes only if the flow's name or project changes, or if Windows cannot check out the path", async () => {
    const places = await placement({ "default/own.json": flow(BOB), "default/aux.json": flow(EVE) });
    const own = { id: BOB, name: "B", projectId: "p1" };
    expect(places.place(own, { path: "default/own.json", name: "B" })).toBe("default/own.json");
    expect(places.place(own, { path: "default/own.json", name: "A" })).toBe("default/B.json");
    expect(places.place({ ...own, projectId: "p2" }, { path: "default/own.json", name: "B" })).toBe(
      "default/Team___Ä/B.json",
    );
    expect(places.place({ id: EVE, name: "aux", projectId: "p1" }, { path: "default/aux.json", name: "aux" })).toBe(
      "default/aux_.json",
    );
  });

  it("is in the folder that is bound to its project by id, or else by name, whatever their names are", async () => {
    // Only a UUID in the YAML file binds a folder.
    const id = BOB;
    const bound = new Map([[id, { id, userId: ADA, name: "New name" }]]);
    const { tree } = await treeOf({
      "default/Old/project.yaml": `id: ${id}\nname: Old\n`,
      "default/Old/a.json": flow(EVE),
      "default/By name/b.json": flow(ADA),
    });
    const places = new Placement("default", bound, tree.folders.get("default"), tree);
    expect(places.place({ id: ADA, name: "x", projectId: id }, undefined)).toBe("default/Old/x.json");
    expect(places.projectAt("default/Old/a.json").name).toBe("New name");
    expect(places.projectFile("default/Old/a.json")).toEqual({
      path: "default/Old/project.yaml",
      text: `id: ${id}\nname: New name\n`,
    });
    expect(places.projectAt("default/By name/b.json")).toEqual({ name: "By name" });
  });

  it("in a project's default folder means that project, unless project.yaml binds another folder to the project", async () => {
    const suffixed = projectFolder("Team / Ä", (name) => name.length < 10);
    const projectOf = async (files: Record<string, string>, path: string, ids = projects) => {
      const { tree } = await treeOf({ ...files, [path]: flow(EVE) });
      return new Placement("default", ids, tree.folders.get("default"), tree).projectAt(path).name;
    };
    expect(await projectOf({}, "default/Team___Ä/a.json")).toBe("Team / Ä");
    expect(await projectOf({}, `default/${suffixed}/a.json`)).toBe("Team / Ä");
    expect(await projectOf({ "default/Team___Ä/project.yaml": "\tid: [}{" }, "default/Team___Ä/a.json")).toBe(
      "Team / Ä",
    );
    expect(await projectOf({ "default/Renamed/project.yaml": "name: no" }, "default/Renamed/a.json")).toBe("Renamed");
    expect(await projectOf({ "default/project.yaml": "name: no" }, "default/a.json")).toBe("Starter Project");
    const bound = new Map([[BOB, { id: BOB, userId: ADA, name: "Team / Ä" }]]);
    const elsewhere = { "default/Other/project.yaml": `id: ${BOB}\n` };
    expect(await projectOf(elsewhere, "default/Team___Ä/a.json", bound)).toBe("Team___Ä");
    const twins = new Map([...bound, [EVE, { id: EVE, userId: ADA, name: "Team _ Ä" }]]);
    expect(await projectOf({}, "default/Team___Ä/a.json", twins)).toBe("Team___Ä");
  });
});

describe("a commit's message", () => {
  const change = (message: string) => ({
    commit: "c",
    author: "Ada",
    authoredAt: 5,
    committer: "Ada",
    committedAt: 5,
    message,
  });

  it("gives an edit's time and region by field; for other fields, the commit's own time and author apply", () => {
    const message = `x\n\nFlow-Edited: ${BOB} 2026-01-01T00:00:00.000Z graph,name us east\nFlow-Edited: ${BOB} never all x\nFlow-Version: ${BOB} ${EVE}\n`;
    expect(stampOf(change(message), BOB, "name")).toEqual({ at: Date.UTC(2026, 0, 1), by: "us east" });
    expect(stampOf(change(message), BOB, "lock")).toEqual({ at: 5, by: "Ada" });
    expect(stampOf(change(message), EVE, "name")).toEqual({ at: 5, by: "Ada" });
    expect([versionTokenOf(message, BOB), versionTokenOf(message, EVE)]).toEqual([EVE, undefined]);
    expect(versionTokenOf(`Flow-Version: ${BOB} nonsense`, BOB)).toBeUndefined();
  });

  it("lists the base of each waiting edit", () => {
    expect(
      listedIn(
        `x\n\nFlow-Left: ${ADA} ${"b".repeat(40)}\nFlow-Waiting: ${BOB} ${"a".repeat(40)}\nFlow-Waiting: ${EVE} -\nFlow-Waiting: odd\n`,
        "Waiting",
      ),
    ).toEqual(
      new Map([
        [BOB, "a".repeat(40)],
        [EVE, ""],
      ]),
    );
  });
});

describe("a person's edit and an edit in LangFlow", () => {
  const prints = (changes: Partial<Prints> = {}): Prints => ({
    graph: "g",
    name: "n",
    description: "d",
    project: "p",
    endpoint: "e",
    lock: "l",
    details: "t",
    ...changes,
  });

  it("are merged by field, and the later one wins if both changed the same field", () => {
    const git = prints({ graph: "g1", name: "n1", description: "d1" });
    const langflow = prints({ name: "n2", description: "d1", endpoint: "e2", graph: "g" });
    expect(threeWay(prints(), git, langflow, () => true)).toEqual({
      taken: ["graph", "name"],
      lost: { git: [], langflow: ["name"] },
    });
    expect(threeWay(prints(), git, langflow, () => false)).toEqual({
      taken: ["graph"],
      lost: { git: ["name"], langflow: [] },
    });
  });

  it("conflict in each field that differs if their common base is unknown", () => {
    expect(threeWay(undefined, prints({ name: "n1" }), prints(), () => false)).toEqual({
      taken: [],
      lost: { git: ["name"], langflow: [] },
    });
    expect(threeWay(undefined, prints(), prints(), () => false)).toEqual({
      taken: [],
      lost: { git: [], langflow: [] },
    });
  });
});

it("a recorder's commit lists each edit that waits for the next recorder, however many there are", () => {
  const ids = Array.from({ length: 250 }, (_, n) => `${String(n).padStart(8, "0")}-3a1d-4c0e-8f43-6d9a0b5c7e21`);
  const waiting = new Map(ids.map((id) => [id, "a".repeat(40)]));
  const message = commitMessage("us-east", true, [], { waiting, left: new Map() });
  expect(listedIn(message, "Waiting")).toEqual(waiting);
});
