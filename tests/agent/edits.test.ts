import { FIELDS } from "../../agent/flows/version";
import { commitMessage, type Stamps, stampsInGit, stampsOf, versionTokenInGit } from "../../agent/sync/edits";
import { MemoryHost, MemoryRepository } from "./doubles/memoryHost";

const ID = "1b7e2c58-3a1d-4c0e-8f43-6d9a0b5c7e21";
const OTHER = "2b7e2c58-3a1d-4c0e-8f43-6d9a0b5c7e21";
const PATH = "default/A.json";
const at = (minute: number) => Date.UTC(2026, 0, 1, 0, minute);
const all = (minute: number, by: string) => Object.fromEntries(FIELDS.map((field) => [field, { at: at(minute), by }]));

describe("what a commit's message says of the edits behind it", () => {
  it("is read back field by field, with time and region", () => {
    const stamps = { ...all(1, "us-east"), name: { at: at(2), by: "eu west" } };
    expect(stampsOf(ID, commitMessage("r", [{ id: ID, name: "A", stamps }]))).toEqual(stamps);
  });

  it("takes one line where all fields were edited at once", () => {
    const message = commitMessage("r", [{ id: ID, name: "A", stamps: all(1, "us-east") }]);
    expect(message).toBe(`r: change A\n\nFlow-Edited: ${ID} 2026-01-01T00:01:00.000Z all us-east\n`);
  });

  it("names the flow in one short line, whatever it is called", () => {
    const subject = (name: string) => commitMessage("r", [{ id: ID, name, stamps: all(1, "x") }]).split("\n")[0];
    expect(subject(" A \n\n\tflow ")).toBe("r: change A flow ");
    expect(subject("x".repeat(100))).toBe(`r: change ${"x".repeat(53)}`);
  });

  it("is one line for each time and each region", () => {
    const stamps = { graph: { at: at(1), by: "x" }, name: { at: at(1), by: "y\n z" }, lock: { at: at(1), by: "x" } };
    const message = commitMessage("r", [{ id: ID, name: "A", stamps }]);
    expect(message.split("\n").slice(2)).toEqual([
      `Flow-Edited: ${ID} 2026-01-01T00:01:00.000Z graph,lock x`,
      `Flow-Edited: ${ID} 2026-01-01T00:01:00.000Z name y z`,
      "",
    ]);
    expect(stampsOf(ID, message)).toEqual({ ...stamps, name: { at: at(1), by: "y z" } });
  });

  it("is by Git where a line names no region, and of the known fields alone", () => {
    expect(stampsOf(ID, `Flow-Edited: ${ID} 2026-01-01T00:01:00.000Z graph,colour`)).toEqual({
      graph: { at: at(1), by: "git" },
    });
  });

  it("is found in whichever line it is, after one that cannot be read", () => {
    const line = `Flow-Edited: ${ID} 2026-01-01T00:01:00.000Z all x`;
    for (const before of [
      `Flow-Edited: ${OTHER} 2026-01-01T00:09:00.000Z graph y`,
      `Flow-Edited: ${ID} then all x`,
      "",
    ])
      expect(stampsOf(ID, `a subject\n\n${before}\n${line}\n`)).toEqual(all(1, "x"));
  });

  it("is not another flow's, nor a line that a name made up", () => {
    const message = commitMessage("r", [
      { id: "other", name: `A\n\nFlow-Edited: ${ID} 2030-01-01T00:00:00.000Z all x`, stamps: all(1, "x") },
    ]);
    expect(stampsOf(ID, message)).toBeUndefined();
    expect(stampsOf(ID, `Flow-Edited: ${OTHER} 2026-01-01T00:01:00.000Z all us-east`)).toBeUndefined();
    expect(stampsOf(ID, `Flow-Edited: ${ID} yesterday all us-east`)).toBeUndefined();
    expect(stampsOf(ID, `Flow-Edited: ${ID} 2026-01-01T00:01:00.000Z colour us-east`)).toBeUndefined();
  });

  it("counts what it changes and deletes", () => {
    const changes = [
      { id: "a", name: "A", stamps: all(1, "x") },
      { id: "b", name: "B" },
      { id: "c", name: "C" },
    ];
    expect(commitMessage("r", changes)).toMatch(
      /^r: flows: 1 changed, 2 deleted\n\nFlow-Edited: a .*\nFlow-Deleted: b\nFlow-Deleted: c\n$/,
    );
    expect(commitMessage("r", [{ id: "b", name: "B" }])).toMatch(/^r: delete B\n/);
    expect(commitMessage("r", changes.slice(1))).toMatch(/^r: flows: 2 deleted\n/);
    expect(
      commitMessage(
        "r",
        [0, 0].flatMap((at) => changes[at] ?? []),
      ),
    ).toMatch(/^r: flows: 2 changed\n/);
  });
});

describe("when the fields of a file in Git were edited", () => {
  const NOW = at(60);
  function repository(commits: readonly { minute: number; message?: string; author?: string; path?: string }[]) {
    const host = new MemoryHost(() => NOW);
    for (const [index, { minute, message = "by hand\n", author = "a person", path = PATH }] of commits.entries()) {
      const by = { author, authoredAt: at(minute), committedAt: at(minute) };
      host.head = host.add(host.head, new Map([[path, host.put(`${index}`)]]), message, by);
    }
    return { head: host.head as string, repository: new MemoryRepository(host, "r") };
  }
  const stamps = (commits: Parameters<typeof repository>[0], onAhead = jest.fn()) => {
    const { head, repository: git } = repository(commits);
    return stampsInGit(git, head, { id: ID, path: PATH }, onAhead, NOW);
  };
  const says = (minute: number, fields: string, by = "us-east") =>
    `r: change\n\nFlow-Edited: ${ID} ${new Date(at(minute)).toISOString()} ${fields} ${by}\n`;

  it("is each field's own newest edit, however many commits came after", async () => {
    const found = await stamps([
      { minute: 1, message: says(1, "all") },
      { minute: 9, message: says(8, "graph", "eu-west") },
      { minute: 10, message: says(3, "name") },
    ]);
    expect(found).toEqual({
      ...all(1, "us-east"),
      graph: { at: at(8), by: "eu-west" },
      name: { at: at(3), by: "us-east" },
    });
  });

  it("is a person's commit for all that no later one names", async () => {
    const found = await stamps([
      { minute: 1, message: says(1, "all") },
      { minute: 5 },
      { minute: 6, message: says(6, "lock") },
    ]);
    expect(found).toEqual({ ...all(5, "a person"), lock: { at: at(6), by: "us-east" } });
  });

  it("is that of the oldest known commit for what none names", async () => {
    expect(await stamps([{ minute: 2, message: says(2, "graph") }])).toEqual(all(2, "us-east"));
  });

  it("leaves out commits of other files", async () => {
    expect(
      await stamps([
        { minute: 1, message: says(1, "all") },
        { minute: 2, path: "default/B.json" },
      ]),
    ).toEqual(all(1, "us-east"));
  });

  it("takes back the edits of a clock that is ahead by as much as it is ahead, and tells", async () => {
    const onAhead = jest.fn();
    const found = await stamps(
      [{ minute: 60 + 45, author: "langflow-dr eu-west", message: says(60 + 30, "all", "eu-west") }],
      onAhead,
    );
    expect(found).toEqual(all(45, "eu-west"));
    expect(onAhead).toHaveBeenCalledWith("langflow-dr eu-west", 45 * 60_000);
  });

  it("never is after now, whatever a message claims", async () => {
    expect(await stamps([{ minute: 1, message: says(600, "all") }])).toEqual(all(60, "us-east"));
  });

  it("tells of no clock that is ahead by a minute, and of one that is ahead by more", async () => {
    const onAhead = jest.fn();
    await stamps([{ minute: 61 }], onAhead);
    expect(onAhead).not.toHaveBeenCalled();
    await stamps([{ minute: 62 }], onAhead);
    expect(onAhead.mock.calls).toEqual([["a person", 120_000]]);
  });

  it("is looked for in fifty commits, and of those the oldest counts for the rest", async () => {
    const locks = (count: number) =>
      Array.from({ length: count }, (_, n) => ({ minute: n + 2, message: says(n + 2, "lock") }));
    const found = (count: number) => stamps([{ minute: 1, message: says(1, "all") }, ...locks(count)]);
    expect(await found(49)).toEqual({ ...all(1, "us-east"), lock: { at: at(50), by: "us-east" } });
    expect(await found(50)).toEqual({ ...all(2, "us-east"), lock: { at: at(51), by: "us-east" } });
  });

  it("looks no further than each field's newest edit", async () => {
    const { head, repository: git } = repository([
      { minute: 1, message: says(1, "all") },
      { minute: 2, message: says(2, "all") },
    ]);
    const asked = jest.spyOn(git, "lastChange");
    await stampsInGit(git, head, { id: ID, path: PATH }, jest.fn(), NOW);
    expect(asked).toHaveBeenCalledTimes(1);
  });

  it("is not looked for before the first commit", async () => {
    const { head, repository: git } = repository([{ minute: 1, message: says(1, "lock") }]);
    const asked = jest.spyOn(git, "lastChange");
    await stampsInGit(git, head, { id: ID, path: PATH }, jest.fn(), NOW);
    expect(asked.mock.calls).toEqual([[head, PATH]]);
  });

  it("is nothing where no commit has the file", async () => {
    expect(await stamps([{ minute: 1, path: "default/B.json" }])).toStrictEqual({});
  });

  describe("where a person moved the file", () => {
    function moved(
      changes: readonly (readonly [string, string | undefined])[],
      by = "by hand\n",
      beside: [string, string][] = [],
    ) {
      const host = new MemoryHost(() => NOW);
      const who = (minute: number) => ({ author: "a person", authoredAt: at(minute), committedAt: at(minute) });
      const blobs = (all: readonly (readonly [string, string | undefined])[]) =>
        new Map(all.map(([path, text]) => [path, text === undefined ? text : host.put(text)]));
      const first = host.add(
        undefined,
        blobs([["default/Before.json", "1"], ["default/A copy.json", "2"], ...beside]),
        says(1, "all"),
        who(1),
      );
      host.head = host.add(first, blobs(changes), by, who(5));
      return stampsInGit(new MemoryRepository(host, "r"), host.head, { id: ID, path: PATH }, jest.fn(), NOW);
    }
    const away = ["default/Before.json", undefined] as const;

    it("is that of its project for the move, and of what it holds for before", async () => {
      expect(await moved([away, [PATH, "1"]])).toEqual({
        ...all(1, "us-east"),
        project: { at: at(5), by: "a person" },
      });
    });

    it("is all of it where the person edited it too, or made a new file", async () => {
      expect(await moved([away, [PATH, "3"]])).toEqual(all(5, "a person"));
      expect(await moved([[PATH, "3"]])).toEqual(all(5, "a person"));
      // Though another file held just that before.
      expect(await moved([[PATH, "2"]], "by hand\n", [[PATH, "1"]])).toEqual(all(5, "a person"));
    });

    it("is what the message says where an agent moved it", async () => {
      expect(await moved([away, [PATH, "1"]], says(4, "name"))).toEqual(all(4, "us-east"));
    });
  });
});

describe("the version of a graph, as the region calls it that wrote it", () => {
  const TOKEN = "3b7e2c58-3a1d-4c0e-8f43-6d9a0b5c7e21";
  const told = (stamps: Stamps, versionToken?: string) =>
    commitMessage("r", [{ id: ID, name: "A", stamps, ...(versionToken && { versionToken }) }]);
  const found = (...messages: string[]) => {
    const host = new MemoryHost(() => at(60));
    for (const [index, message] of messages.entries()) {
      const by = { author: "somebody", authoredAt: at(index), committedAt: at(index) };
      host.head = host.add(host.head, new Map([[PATH, host.put(`${index}`)]]), message, by);
    }
    return versionTokenInGit(new MemoryRepository(host, "r"), host.head ?? "", { id: ID, path: PATH });
  };
  const graph = { graph: { at: at(1), by: "r" } };
  const name = { name: { at: at(2), by: "r" } };

  it("is a line of the commit's message of its own", () => {
    expect(told(graph, TOKEN).split("\n").slice(2)).toEqual([
      `Flow-Edited: ${ID} 2026-01-01T00:01:00.000Z graph r`,
      `Flow-Version: ${ID} ${TOKEN}`,
      "",
    ]);
  });

  it("is the newest that was told, also where another field was edited since", async () => {
    expect(await found(told(graph, TOKEN))).toBe(TOKEN);
    expect(await found(told(graph, OTHER), told(graph, TOKEN))).toBe(TOKEN);
    expect(await found(told(graph, TOKEN), told(name))).toBe(TOKEN);
  });

  it("is nobody's where a person committed since, or the graph was edited without a word of it", async () => {
    expect(await found(told(graph, TOKEN), "by hand")).toBeUndefined();
    expect(await found(told(graph, TOKEN), told(graph))).toBeUndefined();
  });

  it.each([
    `Flow-Version: ${OTHER} ${TOKEN}`,
    `Flow-Version: ${ID} 1; DROP TABLE flow`,
    `x Flow-Version: ${ID} ${TOKEN}`,
  ])("is not what another line says: %s", async (line) => {
    expect(await found(`${told(graph)}${line}\n`)).toBeUndefined();
  });
});
