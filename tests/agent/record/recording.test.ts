import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseError } from "pg";
import { A, B, C, CANARY, Fleet, type FleetOptions, fileOf, graph, textOf } from "./fleet";

jest.setTimeout(120_000);
const refused = (code: string) => Object.assign(new DatabaseError("refused", 1, "error"), { severity: "ERROR", code });
let fleet: Fleet;
const begin = async (options: FleetOptions = {}) => {
  fleet = await Fleet.make(options);
  return fleet;
};
/** Records three flows, and makes the Git host unreachable. */
const threeAway = async () => {
  const { langflow } = await begin();
  for (const [id, name] of [
    [A, "One"],
    [B, "Two"],
    [C, "Three"],
  ] as const)
    langflow.save(id, { name, data: graph("0") });
  await fleet.cycle();
  fleet.away = true;
  return { langflow };
};
afterEach(() => fleet.close());

describe("the record in Git", () => {
  it("has each flow's file without secrets, and the time and region of its edit, in one commit", async () => {
    const { langflow } = await begin();
    langflow.save(A, { name: "One", data: graph("hello") });
    langflow.save(B, { name: "Two", data: graph("hello") }, "Team / Ä");
    await fleet.cycle();
    expect(fleet.commits()).toBe(1);
    expect(fleet.paths()).toEqual([
      "default/One.json",
      "default/Team___Ä/Two.json",
      "default/Team___Ä/project.yaml",
      "default/project.yaml",
    ]);
    expect(fleet.file("default/One.json")).toContain('"value": "hello"');
    expect(fleet.host.in("host.git", ["log", "-p", "main"])).not.toContain(CANARY);
    const message = fleet.log("%an%n%B");
    expect(message).toContain("langflow-dr us-east");
    expect(message).toContain(`Flow-Edited: ${A} 2026-01-01T00:00:00.000Z all us-east`);
    expect(message).toContain(`Flow-Version: ${A} ${langflow.rows.get(A)?.token}`);
    expect(message).toContain("Recorder: us-east");
  });

  it("gets no commit if nothing changed", async () => {
    const { langflow } = await begin();
    langflow.save(A, { name: "One", data: graph("hello") });
    await fleet.settle();
    const before = fleet.commits();
    for (let count = 0; count < 5; count += 1) await fleet.cycle();
    expect(fleet.commits()).toBe(before);
  });

  it("gets one commit for all edits of an interval", async () => {
    const { langflow } = await begin();
    for (const id of [A, B, C]) langflow.save(id, { name: id, data: graph("hello") });
    await fleet.cycle();
    for (const id of [A, B, C]) langflow.save(id, { data: graph("again") });
    await fleet.cycle();
    expect(fleet.commits()).toBe(2);
    expect(fleet.log("%s")).toContain("us-east: flows: 3 changed");
  });

  it("contains the edited fields, and the edit's region and replication timestamp", async () => {
    const { langflow } = await begin();
    langflow.save(A, { name: "One", data: graph("hello") });
    await fleet.cycle();
    fleet.pass(100);
    langflow.save(A, { description: "described" });
    await fleet.cycle();
    expect(fleet.log("%B")).toContain(`Flow-Edited: ${A} 2026-01-01T00:01:50.000Z description us-east`);
  });

  it("keeps the folder of a renamed project, and does not change the files of its flows", async () => {
    const { langflow } = await begin();
    langflow.save(A, { name: "One", data: graph("hello") }, "Team");
    await fleet.cycle();
    const flow = fleet.host.in("host.git", ["rev-parse", "main:default/Team/One.json"]);
    langflow.renameProject("Team", "Another name");
    langflow.save(B, { name: "Two", data: graph("hello") }, "Another name");
    await fleet.cycle();
    expect(fleet.paths()).toEqual(["default/Team/One.json", "default/Team/Two.json", "default/Team/project.yaml"]);
    expect(fleet.file("default/Team/project.yaml")).toContain("name: Another name");
    expect(fleet.host.in("host.git", ["rev-parse", "main:default/Team/One.json"])).toBe(flow);
    expect(fleet.log("%B").split("Flow-Edited: ")).toHaveLength(3);
  });

  it("moves a flow's file with the flow, to a path that Windows can check out", async () => {
    const { langflow } = await begin();
    langflow.save(A, { name: "aux", data: graph("hello") });
    await fleet.cycle();
    expect(fleet.paths()).toContain("default/aux_.json");
    langflow.save(A, {}, "Con");
    langflow.save(B, { name: "AUX_", data: graph("other") }, "Con");
    await fleet.cycle();
    expect(fleet.paths()).toContain("default/Con_/aux_.json");
    expect(fleet.paths()).toContain(`default/Con_/AUX__${B.slice(0, 8)}.json`);
  });

  it("binds each user's folder to the user's id, so a renamed user keeps the folder", async () => {
    const { langflow } = await begin();
    const ada = langflow.addUser("Ada.Lovelace@example.com");
    langflow.save(A, { name: "Hers", data: graph("hello") }, undefined, ada);
    await fleet.cycle();
    expect(fleet.paths()).toContain("ada-lovelace-example-com/Hers.json");
    expect(fleet.file("ada-lovelace-example-com/user.yaml")).toContain(ada);
    langflow.users.set(ada, { name: "countess", isActive: true });
    langflow.save(B, { name: "More", data: graph("hello") }, undefined, ada);
    await fleet.cycle();
    expect(fleet.paths()).toContain("ada-lovelace-example-com/More.json");
  });

  it("leaves the folder of an inactive or deleted user unchanged", async () => {
    const { langflow } = await begin();
    const ada = langflow.addUser("ada");
    langflow.save(A, { name: "Hers", data: graph("hello") }, undefined, ada);
    await fleet.cycle();
    langflow.users.set(ada, { name: "ada", isActive: false });
    langflow.save(A, { data: graph("edited") });
    await fleet.cycle();
    langflow.users.delete(ada);
    langflow.remove(A);
    await fleet.settle();
    expect(fleet.file("ada/Hers.json")).toContain('"hello"');
    expect(fleet.commits()).toBe(1);
  });

  it("omits a flow with a likely secret until a user removes the secret", async () => {
    const { langflow } = await begin({
      findSecrets: async ({ value }) =>
        JSON.stringify(value).includes("sk-live") ? [{ field: "nodes[n].code", rule: "stripe" }] : [],
    });
    langflow.save(A, { name: "One", data: graph("sk-live") });
    langflow.save(B, { name: "Two", data: graph("fine") });
    const done = await fleet.cycle();
    expect(fleet.paths()).toEqual(["default/Two.json", "default/project.yaml"]);
    expect(done?.outcomes[0]?.held).toEqual([
      {
        path: `LangFlow ${A}`,
        reason: expect.stringMatching(/^may contain a secret: nodes\[n\].code \(stripe\); .*sync.allowedSecrets$/),
        kind: "secret",
      },
    ]);
    expect(textOf(langflow, A)).toEqual(["sk-live", CANARY]);
    langflow.save(A, { data: graph("mended") });
    await fleet.cycle();
    expect(fleet.paths()).toContain("default/One.json");
  });

  it("reports at most twenty fields with secrets per flow, and how many more there are", async () => {
    const { langflow } = await begin({
      findSecrets: async () => Array.from({ length: 25 }, (_, at) => ({ field: `f${at}`, rule: "jwt" })),
    });
    langflow.save(A, { name: "One", data: graph("x") });
    const reason = (await fleet.cycle())?.outcomes[0]?.held.find(({ path }) => path.includes(A))?.reason;
    expect(reason).toContain("f19 (jwt), 5 more; ");
    expect(reason).not.toContain("f20");
  });

  it("omits a flow whose name is not a valid path, and the recorder reports the reason", async () => {
    const { langflow } = await begin();
    langflow.save(A, { name: "../up", data: graph("x") });
    const done = await fleet.cycle();
    expect(done?.outcomes[0]?.held[0]?.reason).toContain("must not contain the path segment");
  });

  it.each([
    [
      "is too deeply nested for this program",
      () => new RangeError("Maximum call stack size exceeded: sk-of-a-user"),
      "RangeError",
    ],
    ["it cannot parse as JSON", () => new SyntaxError("Unexpected token sk-of-a-user"), "SyntaxError"],
    ["the database cannot return", () => refused("54001"), "54001"],
  ])("omits only the flow that %s, and has all other flows after the same cycle", async (_, error, reason) => {
    const { langflow } = await begin();
    for (const id of [A, B, C]) langflow.save(id, { name: id, data: graph("x") });
    const { database } = fleet.region().parts;
    const stored = database.stored.bind(database);
    jest.spyOn(database, "stored").mockImplementation(async (id) => {
      if (id === B) throw error();
      return stored(id);
    });
    const done = await fleet.cycle();
    expect(done?.outcomes[0]?.held).toEqual([
      { kind: "flow", path: `LangFlow ${B}`, reason: expect.stringContaining(reason) },
    ]);
    expect(JSON.stringify(done)).not.toContain("sk-of-a-user");
    expect(fleet.paths().filter((path) => path.startsWith("default/") && path.endsWith(".json"))).toHaveLength(2);
  });

  it.each([
    ["before 1970", -62_198_755_200_000],
    ["of minus infinity", "-Infinity" as unknown as number],
    ["of plus infinity", "Infinity" as unknown as number],
    ["in the year 9999", 253_402_300_799_000],
  ])("replaces a flow's time %s with a time that Git can store", async (_, updatedAt) => {
    const { langflow } = await begin();
    for (const id of [A, B]) langflow.save(id, { name: id, data: graph("x") });
    const row = langflow.rows.get(A);
    if (row) row.updatedAt = updatedAt;
    jest.spyOn(fleet.region().parts.database, "replicated").mockResolvedValue(undefined);
    await fleet.cycle();
    expect(fleet.paths()).toEqual(expect.arrayContaining([`default/${A}.json`, `default/${B}.json`]));
    const authored = Number(fleet.log("%at"));
    expect(authored).toBeGreaterThanOrEqual(0);
    expect(authored).toBeLessThanOrEqual(fleet.clock / 1000);
  });

  it("omits only the flows that the host declines, which the recorder finds by bisection", async () => {
    const { langflow } = await begin();
    fleet.host.hook(
      "pre-receive",
      `while read old new ref; do git cat-file -p $new | grep -q "${B}" && echo "no $ref" >&2 && exit 1; done; exit 0`,
    );
    for (const id of [A, B, C]) langflow.save(id, { name: id.slice(0, 4), data: graph(id) });
    const done = await fleet.cycle();
    expect(fleet.paths().filter((path) => path.endsWith(".json"))).toEqual(["default/1b7e.json", "default/3b7e.json"]);
    expect(done?.outcomes[0]?.held).toMatchObject([
      { path: `LangFlow ${B}`, reason: expect.stringContaining("the Git host declined it") },
    ]);
    fleet.host.hook("pre-receive");
    await fleet.settle();
    expect(fleet.paths()).toContain("default/2b7e.json");
  });

  it("loses a flow's file if the flow has a tombstone, but keeps the file if the flow is missing without a tombstone", async () => {
    const { langflow } = await begin();
    for (const id of [A, B]) langflow.save(id, { name: id.slice(0, 4), data: graph(id) });
    await fleet.cycle();
    langflow.remove(A);
    langflow.rows.delete(B);
    const done = await fleet.cycle();
    expect(fleet.paths().filter((path) => path.endsWith(".json"))).toEqual(["default/2b7e.json"]);
    expect(fleet.log("%B")).toContain(`Flow-Deleted: ${A}`);
    expect(done?.outcomes[0]?.held).toEqual([
      { path: `LangFlow ${B}`, reason: "is missing from the database, although no delete was recorded", kind: "flow" },
    ]);
    expect(langflow.rows.size).toBe(0);
  });

  it("loses a flow's file if replication is off and the database no longer has the flow", async () => {
    const { langflow } = await begin();
    langflow.hasReplication = false;
    langflow.save(A, { name: "One", data: graph("x") });
    await fleet.cycle();
    langflow.remove(A);
    await fleet.cycle();
    expect(fleet.paths()).not.toContain("default/One.json");
  });

  it("is not written by a region that is not the recorder or whose database is behind", async () => {
    const { langflow } = await begin();
    langflow.save(A, { name: "One", data: graph("x") });
    fleet.isCaughtUp = false;
    expect(await fleet.cycle()).toBeUndefined();
    fleet.isCaughtUp = true;
    fleet.recorder = "eu-west";
    expect(await fleet.cycle("us-east")).toBeUndefined();
    expect(fleet.headOf()).toBe("");
  });

  it("is not pushed if the region stops being the recorder during the cycle", async () => {
    const { langflow } = await begin();
    langflow.save(A, { name: "One", data: graph("x") });
    const { database } = fleet.region().parts;
    jest.spyOn(database, "variables").mockImplementation(async () => {
      fleet.recorder = "eu-west";
      return new Set();
    });
    expect(await fleet.cycle("us-east")).toBeUndefined();
    expect(fleet.headOf()).toBe("");
  });

  it("gets exactly one more commit if LangFlow normalizes a pushed flow", async () => {
    const { langflow } = await begin({ normalise: (data) => ({ ...data, viewport: { x: 1 } }) });
    fleet.push({ "default/One.json": fileOf(A, "One", "by hand") });
    await fleet.settle();
    expect(textOf(langflow, A)[0]).toBe("by hand");
    expect(fleet.file("default/One.json")).toContain("viewport");
    expect(fleet.commits()).toBe(2);
  });
});

describe("while the Git host is unreachable or declines pushes,", () => {
  it("the record grows in the clone by one commit per change, and these commits are pushed in order as one linear history", async () => {
    const { langflow } = await begin();
    langflow.save(A, { name: "One", data: graph("0") });
    await fleet.cycle();
    fleet.away = true;
    for (const text of ["1", "2", "3"]) {
      langflow.save(A, { data: graph(text) });
      expect(await fleet.cycle()).toMatchObject({ pending: Number(text), trouble: expect.anything() });
      await fleet.cycle();
    }
    await fleet.restart();
    langflow.save(A, { data: graph("4") });
    await fleet.cycle();
    expect(fleet.commits()).toBe(1);
    fleet.away = false;
    expect(await fleet.cycle()).toMatchObject({ pending: 0 });
    expect(fleet.commits()).toBe(5);
    expect(fleet.isLinear()).toBe(true);
    expect(fleet.log("%B").match(/Flow-Edited/g)).toHaveLength(5);
  });

  it("a damaged clone is replaced, and the recorder commits the database's state again", async () => {
    const { langflow } = await threeAway();
    langflow.save(A, { data: graph("1") });
    langflow.remove(B);
    expect(await fleet.cycle()).toMatchObject({ pending: 1 });
    writeFileSync(join(fleet.host.root, fleet.recorder, "HEAD"), "");
    await expect(fleet.cycle()).rejects.toThrow("not a git repository");
    expect(await fleet.region().repository.mend()).toBe(true);
    fleet.away = false;
    await fleet.settle();
    expect(fleet.file("default/One.json")).toContain('"value": "1"');
    expect(fleet.paths()).not.toContain("default/Two.json");
    expect(fleet.paths()).toContain("default/Three.json");
  });

  it("pending commits are replayed on top of people's pushes, without the files that people changed", async () => {
    const { langflow } = await begin();
    for (const id of [A, B]) langflow.save(id, { name: id.slice(0, 4), data: graph("0") });
    await fleet.cycle();
    fleet.away = true;
    langflow.save(A, { data: graph("1") });
    await fleet.cycle();
    langflow.save(A, { data: graph("2") });
    await fleet.cycle();
    fleet.push({ "default/2b7e.json": fileOf(B, "2b7e", "by hand") });
    fleet.away = false;
    await fleet.settle();
    expect(textOf(langflow, B)).toEqual(["by hand", CANARY]);
    expect(textOf(langflow, A)[0]).toBe("2");
    expect(fleet.file("default/1b7e.json")).toContain('"2"');
    const log = fleet.log("%an").split("\n").reverse();
    expect(log.slice(0, 4)).toEqual(["langflow-dr us-east", "Ada", "langflow-dr us-east", "langflow-dr us-east"]);
    expect(langflow.rows.size).toBe(2);
  });

  const versionsOf = (letter: string) => {
    const lines = fleet.host.in("host.git", ["log", "--reverse", "-p", "--unified=0", "main"]).split("\n");
    return [...new Set(lines.flatMap((line) => new RegExp(`^\\+\\s+"value": "(${letter}\\d)"`).exec(line)?.[1] ?? []))];
  };
  const pending = async () => {
    const { langflow } = await begin();
    langflow.save(A, { name: "One", data: graph("a1") }, "Team");
    langflow.save(B, { name: "Two", data: graph("b1") }, "Team");
    await fleet.settle();
    fleet.away = true;
    for (const version of ["2", "3", "4"]) {
      langflow.save(A, { data: graph(`a${version}`) });
      langflow.save(B, { data: graph(`b${version}`) });
      fleet.pass(60);
      await fleet.cycle();
    }
    return { langflow, team: fleet.paths().filter((path) => path.startsWith("default/Team/")) };
  };
  const expectVersions = async (letters: readonly string[]) => {
    fleet.away = false;
    const done = await fleet.settle();
    for (const letter of letters) expect(versionsOf(letter)).toEqual(["1", "2", "3", "4"].map((each) => letter + each));
    expect(fleet.langflow.rows.size).toBe(2);
    expect(done?.outcomes.flatMap(({ held, problems }) => [...held, ...problems])).toEqual([]);
  };

  it("every pending version is replayed on top of a person's edit of a different field", async () => {
    const { langflow } = await pending();
    fleet.push({ "default/Team/One.json": fleet.edited("default/Team/One.json", { description: "by hand" }) });
    await expectVersions(["a", "b"]);
    expect(langflow.rows.get(A)?.flow.description).toBe("by hand");
    expect(fleet.file("default/Team/One.json")).toContain("by hand");
    expect(fleet.file("default/Team/One.json")).toContain("a4");
    // The next recorder can see that nothing was scrubbed from the file.
    expect(fleet.log("%B")).toContain(
      `Flow-Blob: ${A} ${fleet.host.in("host.git", ["rev-parse", "main:default/Team/One.json"])}`,
    );
  });

  it("every pending version is replayed on top of a person's move of the project's folder or of a file", async () => {
    for (const isFolder of [true, false]) {
      const { team } = await pending();
      const moved = isFolder ? team : team.filter((path) => path.endsWith("One.json"));
      const to = (path: string) => (isFolder ? path.replace("Team", "Crew") : "default/Team/Uno.json");
      fleet.push(
        Object.fromEntries(
          moved.flatMap((path) => [
            [path, undefined],
            [to(path), fleet.file(path)],
          ]),
        ),
      );
      await expectVersions(["a", "b"]);
      expect(
        fleet
          .paths()
          .filter((path) => path.endsWith(".json"))
          .sort(),
      ).toEqual(
        isFolder
          ? ["default/Crew/One.json", "default/Crew/Two.json"]
          : ["default/Team/Two.json", "default/Team/Uno.json"],
      );
      if (isFolder) await fleet.close();
    }
  });

  it("a pending rename is replayed on top of a person's edit, to one file, and not to a path that a person has used", async () => {
    const { langflow } = await pending();
    langflow.save(A, { name: "Uno" });
    langflow.save(B, { name: "Duo" });
    await fleet.cycle();
    const description = "by hand";
    fleet.push({
      "default/Team/One.json": fleet.edited("default/Team/One.json", { description }),
      "default/Team/Duo.json": fileOf(C, "New", "c1"),
    });
    fleet.away = false;
    await fleet.settle();
    expect(versionsOf("a")).toEqual(["a1", "a2", "a3", "a4"]);
    expect(langflow.rows.get(A)?.flow).toMatchObject({ name: "Uno", description });
    expect([...langflow.rows.keys()].sort()).toEqual([A, B, C]);
    const files = fleet.paths().filter((path) => path.endsWith(".json"));
    expect(files).toEqual(["default/Team/Duo.json", `default/Team/Duo_${B.slice(0, 8)}.json`, "default/Team/Uno.json"]);
  });

  it("a pending save from LangFlow counts as later than a person's push that changed or deleted the flow's file", async () => {
    const { langflow } = await pending();
    fleet.push({
      "default/Team/One.json": fleet.edited("default/Team/One.json", { data: graph("by hand", "") }),
      "default/Team/Two.json": undefined,
    });
    fleet.away = false;
    await fleet.settle();
    expect([...langflow.rows.keys()].map((id) => textOf(langflow, id)[0]).sort()).toEqual(["a4", "b4", "by hand"]);
    expect(fleet.file("default/Team/Two.json")).toContain("b4");
  });

  it("pending commits are lost together with a lost clone, but the recorder commits what LangFlow has", async () => {
    const { langflow } = await begin();
    langflow.save(A, { name: "One", data: graph("0") });
    await fleet.cycle();
    fleet.away = true;
    langflow.save(A, { data: graph("1") });
    await fleet.cycle();
    await fleet.restart("us-east", true);
    await expect(fleet.cycle()).rejects.toThrow("away");
    fleet.away = false;
    await fleet.settle();
    expect(fleet.file("default/One.json")).toContain('"1"');
    expect(textOf(langflow, A)[0]).toBe("1");
    expect(langflow.rows.size).toBe(1);
  });

  it("a pending commit that the host declines is split, and the host accepts the rest", async () => {
    const { langflow } = await begin();
    langflow.save(A, { name: "One", data: graph("0") });
    await fleet.cycle();
    fleet.away = true;
    langflow.save(A, { data: graph("1") });
    await fleet.cycle();
    langflow.save(B, { name: "Two", data: graph("forbidden") });
    langflow.save(C, { name: "Three", data: graph("3") });
    await fleet.cycle();
    fleet.host.hook(
      "pre-receive",
      `while read old new ref; do git ls-tree -r --name-only $new | grep -q Two && exit 1; done; exit 0`,
    );
    fleet.away = false;
    const done = await fleet.cycle();
    expect(fleet.paths().filter((path) => path.endsWith(".json"))).toEqual(["default/One.json", "default/Three.json"]);
    expect(done?.outcomes[0]?.held).toMatchObject([{ path: `LangFlow ${B}` }]);
  });

  it("a declined version does not block other flows' versions before or after it", async () => {
    const { langflow } = await threeAway();
    const versions = async (...saved: (readonly [string, string])[]) => {
      for (const [id, text] of saved) langflow.save(id, { data: graph(text) });
      await fleet.cycle();
    };
    await versions([A, "one 1"]);
    await versions([A, "one 2"], [B, "forbidden"], [C, "three 1"]);
    await versions([A, "one 3"], [C, "three 2"]);
    fleet.forbid("forbidden");
    fleet.away = false;
    const done = await fleet.cycle();
    expect(done?.outcomes[0]?.held).toMatchObject([{ path: `LangFlow ${B}` }]);
    const history = fleet.host.in("host.git", ["log", "-p", "--reverse", "main"]);
    const at = ["one 1", "one 2", "one 3"].map((text) => history.indexOf(text));
    expect([...at].sort((one, other) => one - other)).toEqual(at);
    for (const text of ["one 1", "one 2", "one 3", "three 1", "three 2"]) expect(history).toContain(text);
    expect(history).not.toContain("forbidden");
  });

  it.each([
    ["the file", { "default/One.json": undefined, "default/Renamed.json": "One.json" }],
    ["the folder", { "default/Team/One.json": "One.json", "default/One.json": undefined }],
  ])("a pending edit survives a person's move of %s that changes nothing in the file", async (_, moved) => {
    const { langflow } = await begin();
    langflow.save(A, { name: "One", data: graph("0") });
    await fleet.settle();
    fleet.away = true;
    fleet.pass(60);
    langflow.save(A, { data: graph("saved meanwhile") });
    await fleet.cycle();
    fleet.away = false;
    fleet.pass(60);
    const text = fleet.file("default/One.json");
    fleet.push(Object.fromEntries(Object.entries(moved).map(([path, from]) => [path, from && text])));
    await fleet.settle();
    expect([...langflow.rows.keys()]).toEqual([A]);
    expect(textOf(langflow, A)[0]).toBe("saved meanwhile");
    expect(fleet.host.in("host.git", ["grep", "-l", "saved meanwhile", "main"])).toContain(".json");
  });

  it("a version that exists only in LangFlow is kept even if the time of Git's version is later", async () => {
    const { langflow } = await begin();
    langflow.save(A, { name: "One", data: graph("0") });
    await fleet.settle();
    fleet.pass(600);
    // The author's clock is ahead.
    fleet.push({ "default/One.json": fleet.edited("default/One.json", { data: graph("by hand", "") }) });
    fleet.pass(-500);
    await fleet.settle(20);
    langflow.save(A, { data: graph("made of it") });
    fleet.forbid("made of it");
    for (let cycle = 0; cycle < 5; cycle += 1) await fleet.cycle();
    const texts = [...langflow.rows.keys()].map((id) => textOf(langflow, id)[0]);
    expect(texts).toContain("made of it");
  });

  it("the recorder retries with backoff if the host declines a flow", async () => {
    const { langflow } = await begin();
    langflow.save(A, { name: "One", data: graph("forbidden") });
    fleet.forbid("forbidden");
    const pushes = jest.spyOn(fleet.region().repository, "push");
    for (let cycle = 0; cycle < 60; cycle += 1) await fleet.cycle();
    // Ten minutes of backoff: retries after 5 s, 10 s, 20 s and so on.
    expect(pushes.mock.calls.length).toBeLessThan(16);
  });

  it("a flow that was renamed in the same commit as a declined flow ends up with only one file", async () => {
    const { langflow } = await threeAway();
    langflow.save(B, { name: "Second" });
    langflow.save(A, { data: graph("forbidden") });
    await fleet.cycle();
    langflow.save(C, { data: graph("three 1") });
    await fleet.cycle();
    fleet.forbid("forbidden");
    fleet.away = false;
    const done = await fleet.settle();
    expect(fleet.paths().filter((path) => path.endsWith(".json"))).toEqual([
      "default/One.json",
      "default/Second.json",
      "default/Three.json",
    ]);
    expect(done?.outcomes[0]?.problems).toEqual([]);
    expect(fleet.host.in("host.git", ["log", "-p", "main"])).toContain("three 1");
  });
});
