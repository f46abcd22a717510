import { exportedFlow, FLOW_BYTES_MAX } from "../../agent/flows/flowFile";
import { print } from "../../agent/flows/version";
import type { TreeFile } from "../../agent/git/repository";
import { type Known, Placement, SnapshotReader } from "../../agent/git/snapshot";
import { MemoryHost, MemoryRepository } from "./doubles/memoryHost";

const ID = (digit: number) => `${digit}b7e2c58-3a1d-4c0e-8f43-6d9a0b5c7e21`;
const unknown: Known = () => undefined;
/** As an agent writes it. */
const tidy = (digit: number, name: string, more: object = {}) =>
  exportedFlow({ id: ID(digit), name, data: { nodes: [], edges: [] }, ...more }, { variables: new Set() }).text;
const byHand = (digit: number, name: string) => JSON.stringify({ id: ID(digit), name });

/** A clone of a host in memory, and a reader of it. */
function clone() {
  const host = new MemoryHost(() => 0);
  const repository = new MemoryRepository(host, "us-east");
  // biome-ignore lint/suspicious/noExplicitAny: a class of its own, with the same methods
  const reader = new SnapshotReader(repository as any);
  const write = (files: Record<string, string | undefined>, author = "a person") => {
    const blobs = Object.entries(files).map(
      ([path, text]) => [path, text === undefined ? text : host.put(text)] as const,
    );
    host.head = host.add(host.head, new Map(blobs), "m\n", { author, authoredAt: 0, committedAt: 0 });
    return host.head;
  };
  const read = async (known = unknown, workspaces = ["default"]) => reader.read(host.head ?? "", workspaces, known);
  const snapshot = async (known = unknown) => {
    const found = (await read(known)).get("default");
    if (!found) throw new Error("no snapshot");
    return found;
  };
  /** The list of the newest commit's files, told otherwise. */
  const listed = (change: (file: TreeFile) => TreeFile) => {
    const files = repository.files.bind(repository);
    jest.spyOn(repository, "files").mockImplementation(async (commit) => (await files(commit)).map(change));
  };
  const contents = jest.spyOn(repository, "read");
  return { host, repository, reader, write, read, snapshot, listed, contents };
}
const problems = ({ problems: all }: Awaited<ReturnType<ReturnType<typeof clone>["snapshot"]>>) =>
  Object.fromEntries(all.map(({ path, reason, mentions }) => [path, [reason, mentions && [...mentions]]]));

describe("a snapshot's flow", () => {
  it("is what its file says, at its place", async () => {
    const { write, snapshot, host } = clone();
    write({ "default/A.json": tidy(1, "A", { endpoint_name: "e" }), "default/P/B.json": tidy(2, "B") });
    const { flows, folders, taken, problems: none } = await snapshot();
    const { prints } = exportedFlow(
      { id: ID(1), name: "A", endpoint_name: "e", data: { nodes: [], edges: [] } },
      { variables: new Set() },
    );
    expect(flows.get(ID(1))).toEqual({
      name: "A",
      endpointName: "e",
      prints: { ...prints, project: print("") },
      path: "default/A.json",
      blob: host.commit(host.head ?? "").tree.get("default/A.json"),
    });
    expect(flows.get(ID(2))).toMatchObject({ project: "P", prints: { project: print("P") } });
    expect(flows.get(ID(2))).not.toHaveProperty("endpointName");
    expect([...flows.keys()].sort()).toEqual([ID(1), ID(2)]);
    expect(folders).toEqual(new Map([["P", "P"]]));
    expect([...taken].sort()).toEqual(["default", "default/a.json", "default/p", "default/p/b.json"]);
    expect(none).toEqual([]);
  });

  it("is of its own workspace alone", async () => {
    const { write, read } = clone();
    write({
      "default/A.json": tidy(1, "A"),
      "other/B.json": tidy(2, "B"),
      "C.json": tidy(3, "C"),
      "defaul/x.json": "{",
    });
    const found = await read(unknown, ["default", "other", "none", "C.jso"]);
    expect([...found].map(([name, { flows, problems: all }]) => [name, [...flows.keys()], all.length])).toEqual([
      ["default", [ID(1)], 0],
      ["other", [ID(2)], 0],
      ["none", [], 0],
      ["C.jso", [], 0],
    ]);
  });

  it("is untidy where a person wrote it in another way than an agent does, and is not where an agent did", async () => {
    const { write, snapshot, repository } = clone();
    write({ "default/A.json": tidy(1, "A"), "default/B.json": byHand(2, "B") });
    write({ "default/C.json": byHand(3, "C") }, "langflow-dr eu-west");
    const find = jest.spyOn(repository, "findContents");
    const { flows } = await snapshot();
    expect([1, 2, 3].map((digit) => flows.get(ID(digit))?.untidy)).toEqual([undefined, true, undefined]);
    expect(find.mock.calls.map(([, folder, blobs]) => [folder, blobs.size])).toEqual([["default", 2]]);
    // Known by now.
    await snapshot();
    expect(find.mock.calls.map(([, , blobs]) => blobs.size)).toEqual([2, 0]);
    jest.spyOn(repository, "findContents").mockResolvedValue(new Map());
    write({ "default/D.json": byHand(4, "D") });
    expect((await snapshot()).flows.get(ID(4))?.untidy).toBe(true);
  });

  it("is the one of two files that an agent wrote, else the first by its path", async () => {
    const { write, snapshot, repository } = clone();
    write({ "default/b.json": tidy(1, "B"), "default/c.json": tidy(1, "C"), "default/d.json": tidy(2, "D") });
    const asked = jest.spyOn(repository, "lastChange");
    const first = await snapshot();
    expect([first.flows.get(ID(1))?.path, problems(first)]).toEqual([
      "default/b.json",
      { "default/c.json": ["holds the same flow id as default/b.json", [ID(1)]] },
    ]);
    // Of a flow that lies once, nobody asks.
    expect(asked.mock.calls.map(([, path]) => path)).toEqual(["default/b.json", "default/c.json"]);
    write({ "default/c.json": tidy(1, "C2") }, "langflow-dr eu-west");
    write({ "default/a.json": tidy(1, "A") });
    const second = await snapshot();
    expect([second.flows.get(ID(1))?.path, Object.keys(problems(second))]).toEqual([
      "default/c.json",
      ["default/a.json", "default/b.json"],
    ]);
  });
});

describe("a file that is no flow", () => {
  it("is told with its reason and with the flows that it may be about", async () => {
    const { write, snapshot, listed } = clone();
    write({
      "default/broken.json": `{"id" : "${ID(1).toUpperCase()}", "other":"${ID(2)}", "nodes": [{"id":"${ID(3)}"}]`,
      "default/P/deep/A.json": tidy(4, "A"),
      "default/P/deep/broken.json": "{",
      "default/P/deep/notes.txt": "x",
      "default/link.json": tidy(5, "L"),
      "default/\uFFFD.json": tidy(6, "N"),
      "default/large.json": tidy(7, "L"),
      "default/just.json": tidy(8, "J"),
      "default/notes.txt": "x",
    });
    listed((file) => ({
      ...file,
      plain: file.path !== "default/link.json",
      size: { "default/large.json": FLOW_BYTES_MAX + 1, "default/just.json": FLOW_BYTES_MAX }[file.path] ?? file.size,
    }));
    const found = await snapshot();
    expect(problems(found)).toEqual({
      "default/broken.json": ["is no JSON", [ID(1), ID(3)]],
      "default/P/deep/A.json": ["lies deeper than a project's folder", [ID(4)]],
      "default/P/deep/broken.json": ["is no JSON", []],
      "default/link.json": ["is no plain file", []],
      "default/\uFFFD.json": ["has a name that is not UTF-8", undefined],
      "default/large.json": ["has 20971521 bytes, 20971520 are allowed", undefined],
    });
    expect([...found.flows.keys()]).toEqual([ID(8)]);
  });

  it("is not what could not be read: that is tried again", async () => {
    const { write, snapshot, contents } = clone();
    write({ "default/A.json": tidy(1, "A") });
    contents.mockRejectedValueOnce(new Error("git was killed"));
    await expect(snapshot()).rejects.toThrow("git was killed");
    expect((await snapshot()).flows.get(ID(1))?.name).toBe("A");
  });
});

describe("a project's name", () => {
  const named = async (text: string | undefined, change: (file: TreeFile) => TreeFile = (file) => file) => {
    const { write, snapshot, listed } = clone();
    write({ "default/Team/A.json": tidy(1, "A"), "default/Team/project.yaml": text });
    listed(change);
    const { flows, folders } = await snapshot();
    return [flows.get(ID(1))?.project, [...folders]];
  };

  it("is what the folder's file says", async () => {
    expect(await named("name: Team / Ä\n")).toEqual(["Team / Ä", [["Team / Ä", "Team"]]]);
    expect(await named('# a comment\nname: "Team"\nother: 1\n')).toEqual(["Team", [["Team", "Team"]]]);
  });

  it.each([
    ["there is none", undefined],
    ["it is empty", ""],
    ["it has no name", "other: 1"],
    ["the name is none", "name: 1"],
    ["the name is none", 'name: "  "'],
    ["it is a list", "- a"],
    ["it is broken", "name: [a"],
    ["it refers to itself", "a: &a x\nname: *a"],
  ])("is the folder's own where %s: %j", async (_, text) => {
    expect(await named(text)).toEqual(["Team", [["Team", "Team"]]]);
  });

  it("is the folder's own where the file is no plain one, or too large for a name", async () => {
    const yaml = (change: Partial<TreeFile>) => (file: TreeFile) =>
      file.path.endsWith(".yaml") ? { ...file, ...change } : file;
    expect(await named("name: Other", yaml({ plain: false }))).toEqual(["Team", [["Team", "Team"]]]);
    expect(await named("name: Other", yaml({ size: 4097 }))).toEqual(["Team", [["Team", "Team"]]]);
    expect(await named("name: Other", yaml({ size: 4096 }))).toEqual(["Other", [["Other", "Team"]]]);
  });

  it("is none where it is LangFlow's own for flows without one", async () => {
    const [project] = await named("name: Starter Project");
    expect(project).toBeUndefined();
  });

  it("holds for all flows of the folder, whichever is listed first", async () => {
    const { write, snapshot } = clone();
    write({
      "default/T/A.json": tidy(1, "A"),
      "default/T/project.yaml": "name: Team",
      "default/T/z.json": tidy(2, "Z"),
      "default/project.yaml": "name: None",
    });
    const { flows, problems: none } = await snapshot();
    expect([[...flows.values()].map(({ project }) => project), none]).toEqual([["Team", "Team"], []]);
  });
});

describe("a reader", () => {
  it("reads contents once, as long as commits use them", async () => {
    const { write, snapshot, contents } = clone();
    write({ "default/A.json": tidy(1, "A"), "default/P/project.yaml": "name: P1", "default/P/B.json": byHand(2, "B") });
    await snapshot();
    await snapshot();
    expect(contents).toHaveBeenCalledTimes(3);
    write({ "default/A.json": undefined, "default/P/project.yaml": undefined, "default/P/B.json": undefined });
    await snapshot();
    write({ "default/A.json": tidy(1, "A"), "default/P/project.yaml": "name: P1", "default/P/B.json": byHand(2, "B") });
    const { flows } = await snapshot();
    expect(contents).toHaveBeenCalledTimes(6);
    expect([flows.get(ID(2))?.project, flows.get(ID(2))?.untidy]).toEqual(["P1", true]);
  });

  it("reads the same contents once in two places", async () => {
    const { write, read, contents } = clone();
    write({ "default/A.json": tidy(1, "A"), "other/A.json": tidy(1, "A") });
    await read(unknown, ["default", "other"]);
    expect(contents).toHaveBeenCalledTimes(1);
  });

  it("reads nothing of a file that is known by workspace, path and contents", async () => {
    const { write, snapshot, contents, host } = clone();
    write({ "default/A.json": byHand(1, "A"), "default/B.json": tidy(2, "B") });
    const { project: _, ...prints } = exportedFlow({ id: ID(1), name: "A" }, { variables: new Set() }).prints as Record<
      string,
      string
    >;
    const asked: string[][] = [];
    const known: Known = (...about) => {
      asked.push(about);
      // biome-ignore lint/suspicious/noExplicitAny: prints by any name
      return about[1] === "default/A.json" ? { id: ID(1), name: "Known", prints: prints as any } : undefined;
    };
    const { flows } = await snapshot(known);
    expect(flows.get(ID(1))).toMatchObject({ name: "Known", prints: { ...prints, project: print("") } });
    expect(flows.get(ID(1))).not.toHaveProperty("untidy");
    const { tree } = host.commit(host.head ?? "");
    expect(asked).toEqual(
      ["A", "B"].map((name) => ["default", `default/${name}.json`, tree.get(`default/${name}.json`)]),
    );
    expect(contents.mock.calls).toEqual([[tree.get("default/B.json")]]);
    // What was read is known better.
    expect((await snapshot()).flows.get(ID(1))?.untidy).toBe(true);
    expect((await snapshot(known)).flows.get(ID(1))?.name).toBe("A");
  });
});

describe("the place of a flow in the next commit", () => {
  const placement = async (files: Record<string, string>) => {
    const { write, snapshot } = clone();
    write(files);
    return new Placement("default", await snapshot());
  };

  it("is the one it has, as long as name and project are the same", async () => {
    const placed = await placement({ "default/own name.json": tidy(1, "A"), "default/P/own.json": tidy(2, "B") });
    expect(placed.place(ID(1), { name: "A" })).toBe("default/own name.json");
    expect(placed.place(ID(2), { name: "B", project: "P" })).toBe("default/P/own.json");
    expect(placed.place(ID(1), { name: "A2" })).toBe("default/A2.json");
    expect(placed.place(ID(2), { name: "B" })).toBe("default/B.json");
    expect(placed.place(ID(2), { name: "B", project: "Q" })).toBe("default/Q/B.json");
    expect(placed.place(ID(3), { name: "A", project: "P" })).toBe("default/P/A.json");
    expect(placed.projectFiles.size).toBe(0);
  });

  it("is no other flow's, nor one that was given out before, in whatever case", async () => {
    const placed = await placement({ "default/A.json": tidy(1, "A") });
    expect(placed.place(ID(2), { name: "a" })).toBe("default/a_2b7e2c58.json");
    expect(placed.place(ID(3), { name: "New" })).toBe("default/New.json");
    expect(placed.place(ID(4), { name: "NEW" })).toBe("default/NEW_4b7e2c58.json");
  });

  it("is in the folder that its project has, or in a new one with a file for the name that it cannot have", async () => {
    const placed = await placement({
      "default/T/A.json": tidy(1, "A"),
      "default/T/project.yaml": "name: Team",
      "default/taken": "no folder",
    });
    expect(placed.place(ID(2), { name: "B", project: "Team" })).toBe("default/T/B.json");
    expect(placed.place(ID(2), { name: "B", project: "t" })).toMatch(/^default\/t_[0-9a-f]{8}\/B\.json$/);
    expect(placed.place(ID(3), { name: "C", project: "t" })).toMatch(/^default\/t_[0-9a-f]{8}\/C\.json$/);
    expect(placed.place(ID(4), { name: "D", project: "Taken" })).toMatch(/^default\/Taken_[0-9a-f]{8}\/D\.json$/);
    expect(placed.place(ID(5), { name: "E", project: "New / one" })).toBe("default/New___one/E.json");
    expect(placed.place(ID(6), { name: "F", project: "new . one" })).toMatch(
      /^default\/new___one_[0-9a-f]{8}\/F\.json$/,
    );
    expect([...placed.projectFiles.values()].sort()).toEqual([
      "name: New / one\n",
      "name: Taken\n",
      "name: new . one\n",
      "name: t\n",
    ]);
    expect(placed.projectFiles.get("default/New___one/project.yaml")).toBe("name: New / one\n");
  });
});
