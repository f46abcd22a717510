import type { JsonObject } from "../../agent/flows/canonicalJson";
import { FLOW_BYTES_MAX } from "../../agent/flows/flowFile";
import { LangFlowRefusal } from "../../agent/langflow/client";
import { findCanary } from "./doubles/histories";
import { A, agreed, B, C, manyIds, names, project, text, value } from "./doubles/regions";
import { CANARY, graph, textOf } from "./doubles/world";

describe("a listing", () => {
  it("that leaves flows out deletes none: LangFlow is asked about each", async () => {
    const { world, east, west } = await agreed({ [A]: {}, [B]: {}, [C]: {} });
    east.faults.unlisted.add(A).add(B);
    const outcome = await world.sync(0);
    expect(outcome?.held.map(({ reason }) => reason)).toEqual(Array(2).fill("was not listed, and LangFlow has it"));
    await world.sync(1);
    expect([west.rows.size, world.host.contents().size]).toEqual([3, 3]);
    east.faults.unlisted.clear();
    await world.settle();
    expect(west.rows.size).toBe(3);
  });

  it("is not believed to be empty while LangFlow cannot be asked, and what is new in LangFlow goes out all the same", async () => {
    const { world, east, west } = await agreed({ [A]: {} });
    east.remove(A);
    east.save(B, { name: "new", data: graph("new") });
    east.faults.away = true;
    const outcome = await world.sync(0);
    expect(outcome).toMatchObject({ exported: 1, held: [{ path: `LangFlow ${A}`, kind: "flow" }] });
    expect(world.host.contents().size).toBe(2);
    east.faults.away = false;
    await world.settle();
    expect([...west.rows.keys()]).toEqual([B]);
  });
});

describe("unusually many deletes", () => {
  const flows = Object.fromEntries(manyIds(20).map((id) => [id, {}]));
  const deletes = { share: 0.2, number: 3 };
  /** LangFlow does not say whether a flow is gone, until it is let to. */
  const unclear = ({ faults }: Awaited<ReturnType<typeof agreed>>["east"], flow: string) => {
    const { step } = faults;
    faults.step = (what, id) => {
      if (what === "flow" && id === flow) throw new LangFlowRefusal(403, "GET", "{}");
      step(what, id);
    };
    return () => {
      faults.step = step;
    };
  };

  it("wait, on either side, until a person releases just these", async () => {
    const { world, east, west } = await agreed(flows, { deletes });
    for (const id of Object.keys(flows).slice(0, 5)) east.remove(id);
    east.save(A, { name: "new", data: graph("new") });
    const first = await world.sync(0);
    expect(first).toMatchObject({ exported: 1, heldDeletes: { of: 21 } });
    expect(first?.held[0]?.reason).toBe(
      `5 of 21 flows would be deleted: waits for \`agent release --deletes ${first?.heldDeletes?.code}\``,
    );
    await world.settle();
    expect(west.rows.size).toBe(21);
    // One more is another decision.
    world.released.add(first?.heldDeletes?.code ?? "");
    east.remove(Object.keys(flows)[5] ?? "");
    const second = await world.sync(0);
    expect(second?.heldDeletes?.code).not.toBe(first?.heldDeletes?.code);
    world.released.add(second?.heldDeletes?.code ?? "");
    await world.sync(0);
    expect(world.host.contents().size).toBe(15);
    // The other region asks again: as it sees it, it could be Git that lost them.
    world.released.clear();
    expect((await world.sync(1))?.heldDeletes).toMatchObject({ of: 21 });
    expect(west.rows.size).toBe(21);
  });

  it("are released once: one that has to wait all the same goes later, and the few that come then are no more for it", async () => {
    const { world, east } = await agreed(flows, { deletes });
    const [late = "", ...others] = Object.keys(flows);
    for (const id of [late, ...others.slice(0, 4)]) east.remove(id);
    world.released.add((await world.sync(0))?.heldDeletes?.code ?? "");
    const answered = unclear(east, late);
    expect(await world.sync(0)).toMatchObject({ exported: 4, held: [{ path: `LangFlow ${late}`, kind: "flow" }] });
    answered();
    for (const id of others.slice(4, 7)) east.remove(id);
    expect(await world.sync(0)).toMatchObject({ exported: 4, held: [] });
    expect(world.host.contents().size).toBe(12);
  });

  it("go on where they were released, though too many others come before all of them are done", async () => {
    const { world, east } = await agreed(flows, { deletes });
    const ids = Object.keys(flows);
    for (const id of ids.slice(0, 5)) east.remove(id);
    world.released.add((await world.sync(0))?.heldDeletes?.code ?? "");
    const answered = unclear(east, ids[0] ?? "");
    expect(await world.sync(0)).toMatchObject({ exported: 4 });
    answered();
    for (const id of ids.slice(5, 10)) east.remove(id);
    expect(await world.sync(0)).toMatchObject({ exported: 1, heldDeletes: { ids: ids.slice(5, 10) } });
    expect(world.host.contents().size).toBe(15);
  });

  it("are a few, or a small share, and then they go on", async () => {
    const { world, east, west } = await agreed(flows, { deletes });
    for (const id of Object.keys(flows).slice(0, 4)) east.remove(id);
    await world.settle();
    expect(west.rows.size).toBe(16);
    for (const id of Object.keys(flows).slice(4, 7)) east.remove(id);
    await world.settle();
    expect(west.rows.size).toBe(13);
  });
});

describe("one flow's trouble", () => {
  it("is its own where LangFlow answers its writes with 500: the others go on, and so does it when that ends", async () => {
    const { world, east, west } = await agreed({ [A]: {}, [B]: {} });
    west.faults.broken.add(A);
    for (const id of [A, B]) east.save(id, { data: graph("edited") });
    await world.sync(0);
    expect(await world.sync(1)).toMatchObject({ imported: 1, held: [{ path: `LangFlow ${A}`, kind: "flow" }] });
    expect([text(west, A), text(west, B)]).toEqual([`first ${A}`, "edited"]);
    west.faults.broken.clear();
    await world.settle();
    expect(text(west, A)).toBe("edited");
  });

  it("makes no copies of it: five saves where Git's version cannot be written leave the one that was edited at the same time", async () => {
    const { world, east, west } = await agreed({ [A]: {} });
    east.save(A, { data: graph("theirs") });
    await world.sync(0);
    west.faults.broken.add(A);
    for (let save = 1; save <= 5; save += 1) {
      world.pass(20_000);
      west.save(A, { data: graph(`save ${save}`) });
      await world.sync(1);
      await world.sync(0);
    }
    west.faults.broken.clear();
    await world.settle();
    expect([...east.rows.values()].map(({ flow }) => textOf(flow.data)).sort()).toEqual(["save 5", "theirs"]);
    expect(value(east, A, "name")).toBe(A);
  });

  it("is tried less and less often, and at once when it changes", async () => {
    const { world, east, west } = await agreed({ [A]: {} });
    west.faults.broken.add(A);
    const puts = jest.fn();
    const step = west.faults.step;
    west.faults.step = (what, id) => {
      if (what === "put") puts();
      step(what, id);
    };
    east.save(A, { data: graph("edited") });
    await world.sync(0);
    for (let second = 0; second < 120; second += 1) {
      world.pass(1_000);
      await world.sync(1);
    }
    expect(puts.mock.calls.length).toBeGreaterThan(2);
    expect(puts.mock.calls.length).toBeLessThan(8);
    puts.mockClear();
    east.save(A, { data: graph("again") });
    await world.sync(0);
    await world.sync(1);
    expect(puts).toHaveBeenCalledTimes(1);
  });

  it("is not that LangFlow is away: then nothing is written, and all of it later", async () => {
    const { world, east, west } = await agreed({ [A]: {}, [B]: {} });
    west.faults.away = true;
    east.save(A, { data: graph("edited") });
    await world.sync(0);
    const outcome = await world.sync(1);
    expect([outcome?.broken?.message, outcome?.held]).toEqual(["LangFlow does not answer", []]);
    west.faults.away = false;
    await world.settle();
    expect(text(west, A)).toBe("edited");
  });

  it("stays out of Git where its file would be too large, and commits nothing", async () => {
    const { world, east } = await agreed({ [A]: {}, [B]: {} });
    const commits = world.host.commits.size;
    east.save(A, { data: graph("ä".repeat(FLOW_BYTES_MAX / 2)) });
    east.save(B, { data: graph("edited") });
    const outcome = await world.sync(0);
    expect(outcome).toMatchObject({ exported: 1, held: [{ path: `LangFlow ${A}` }] });
    expect(outcome?.held[0]?.reason).toMatch(/^has 209\d{5} bytes as a file, 20971520 are allowed$/);
    for (let cycle = 0; cycle < 3; cycle += 1) await world.sync(0);
    expect(world.host.commits.size).toBe(commits + 1);
  });

  it("is a file's that is nested too deep, and LangFlow keeps what it has", async () => {
    const { world, east } = await agreed({ [A]: {}, [B]: {} });
    const [path = ""] = [...world.host.contents()].find(([, contents]) => contents.includes(A)) ?? [];
    world.host.edit(
      "a person",
      world.clock,
      new Map([[path, `{"id":"${A}","name":"A","data":${"[".repeat(20_000)}${"]".repeat(20_000)}}`]]),
    );
    east.save(B, { data: graph("edited") });
    expect(await world.sync(0)).toMatchObject({ exported: 1, problems: [{ path }] });
    expect(text(east, A)).toBe(`first ${A}`);
  });
});

describe("what the Git host declines", () => {
  it("is held flow by flow, with the host's reason, and imports go on", async () => {
    const { world, east, west } = await agreed({
      [A]: { name: "Good" },
      [B]: { name: "Bad" },
      [C]: { name: "Other" },
    });
    world.host.faults.declines = (paths) =>
      paths.some((path) => path.includes("Bad")) ? "push protection" : undefined;
    west.save(C, { data: graph("from the west") });
    await world.sync(1);
    for (const id of [A, B]) east.save(id, { data: graph("edited") });
    const outcome = await world.sync(0);
    expect(outcome).toMatchObject({ exported: 1, imported: 1, held: [{ path: `LangFlow ${B}` }] });
    expect(outcome?.held[0]?.reason).toBe("the Git host declined it: push protection");
    delete world.host.faults.declines;
    await world.settle();
    expect([text(west, A), text(west, B), text(east, C)]).toEqual(["edited", "edited", "from the west"]);
  });

  it("is all of it on a protected branch: the host is asked a few times, not once a flow", async () => {
    const flows = Object.fromEntries(manyIds(64).map((id) => [id, {}]));
    const { world, east } = await agreed(flows);
    const pushes = jest.fn();
    world.host.faults.declines = () => {
      pushes();
      return "protected branch";
    };
    for (const id of Object.keys(flows)) east.save(id, { data: graph("edited") });
    expect((await world.sync(0))?.held).toHaveLength(64);
    expect(pushes.mock.calls.length).toBeLessThan(16);
    delete world.host.faults.declines;
    await world.settle();
    expect(text(world.place(1).langflow, Object.keys(flows)[63] ?? "")).toBe("edited");
  });
});

describe("times of edits", () => {
  it("are those of moves too: a move an hour older loses to a newer one, and takes nothing along", async () => {
    const { world, east, west } = await agreed({ [A]: {} });
    east.save(A, {}, "Old");
    world.pass(3_600_000);
    west.save(A, {}, "New");
    west.save(A, { data: graph("edited") });
    await world.settle();
    expect([project(east, A), text(east, A), east.rows.size]).toEqual(["New", "edited", 1]);
  });

  it("are each field's own: a rename in one region and an edit in the other need no copy", async () => {
    const { world, east, west } = await agreed({ [A]: {} });
    east.save(A, { name: "Renamed" });
    west.save(A, { data: graph("edited") });
    await world.settle();
    expect([names(east), text(east, A)]).toEqual([["Renamed"], "edited"]);
  });

  it.each<[string, JsonObject]>([
    ["renames", { name: "Renamed" }],
    ["describes", { description: "edited" }],
  ])(
    "are not those of a flow's coming: a later edit wins also where a region that got the earlier one late %s the flow",
    async (_, edit) => {
      const { world, east, west } = await agreed({ [A]: {} }, { regions: 3 });
      world.place(2).langflow.save(A, { data: graph("earlier") });
      await world.sync(2);
      world.pass(60_000);
      east.save(A, { data: graph("later") });
      world.pass(60_000);
      await world.sync(1);
      world.pass(60_000);
      west.save(A, edit);
      await world.sync(1);
      await world.settle();
      for (const side of [east, west]) {
        expect(text(side, A)).toBe("later");
        for (const [key, given] of Object.entries(edit)) expect(value(side, A, key)).toBe(given);
      }
    },
  );

  it("name a kept copy by region and time of the losing edit", async () => {
    const { world, east, west } = await agreed({ [A]: { name: "Report" } });
    east.save(A, { data: graph("earlier") });
    const time = new Date(world.clock).toISOString().slice(0, 19).replace("T", " ");
    world.pass(5_000);
    west.save(A, { data: graph("later") });
    await world.settle();
    expect(names(west)).toEqual(["Report", `Report (r0 ${time})`]);
    expect(text(west, A)).toBe("later");
  });

  it("by a clock that runs ahead win no longer than until the others see its commits", async () => {
    const { world, east, west } = await agreed({ [A]: {} });
    world.place(1).skewMs = 3_600_000;
    west.save(A, { data: graph("earlier, by a clock an hour ahead") });
    world.pass(20_000);
    east.save(A, { data: graph("later") });
    world.pass(10_000);
    await world.sync(1);
    world.pass(1_000);
    await world.sync(0);
    expect(text(east, A)).toBe("later");
    expect(world.logged.some((line) => line.startsWith("clock ahead langflow-dr r1"))).toBe(true);
  });

  it("are not those of an import: where what was agreed on is lost, an older version that Git once held is no edit", async () => {
    const { world, east, west } = await agreed({ [A]: {} });
    east.save(A, { data: graph("newer") });
    await world.sync(0);
    // The region comes back with a database that remembers nothing, written just now.
    west.states.clear();
    west.head = undefined;
    world.pass(60_000);
    const row = west.rows.get(A);
    if (row) Object.assign(row, { updatedAt: world.clock, edits: {} });
    await world.settle();
    expect([names(west), text(west, A)]).toEqual([[A], "newer"]);
  });
});

describe("names", () => {
  it("and endpoint names may be swapped in one region, and are swapped in the other", async () => {
    const flows = { [A]: { name: "One", endpoint_name: "e1" }, [B]: { name: "Two", endpoint_name: "e2" } };
    const { world, east, west } = await agreed(flows);
    east.save(A, { name: "aside", endpoint_name: "aside" });
    east.save(B, { name: "One", endpoint_name: "e1" });
    east.save(A, { name: "Two", endpoint_name: "e2" });
    await world.settle();
    expect([A, B].map((id) => [value(west, id, "name"), value(west, id, "endpoint_name")])).toEqual([
      ["Two", "e2"],
      ["One", "e1"],
    ]);
  });

  it("of endpoints alone may be swapped", async () => {
    const { world, east, west } = await agreed({ [A]: { endpoint_name: "e1" }, [B]: { endpoint_name: "e2" } });
    east.save(A, { endpoint_name: null });
    east.save(B, { endpoint_name: "e1" });
    east.save(A, { endpoint_name: "e2" });
    await world.settle();
    expect([A, B].map((id) => value(west, id, "endpoint_name"))).toEqual(["e2", "e1"]);
  });

  it("taken in the moment of writing are not changed everywhere: `Report (1)` stays one region's, and passes", async () => {
    const { world, east, west } = await agreed({ [B]: { name: "Other" } });
    east.save(A, { name: "Report", data: graph("ours") });
    await world.sync(0);
    // A user makes a flow of that name while the import is under way.
    const step = west.faults.step;
    west.faults.step = (what, id) => {
      if (what === "put" && !west.rows.has(C)) west.save(C, { name: "Report", data: graph("theirs") });
      step(what, id);
    };
    await world.sync(1);
    expect(names(west)).toEqual(["Other", "Report", "Report (1)"]);
    west.faults.step = step;
    await world.settle();
    expect(names(east)).toEqual(["Other", "Report", "Report (r1)"]);
    expect([value(west, A, "name"), value(east, A, "name")]).toEqual(["Report", "Report"]);
  });

  it("of 495 characters that collide are cut to fit", async () => {
    const long = "n".repeat(495);
    const { world, east, west } = await agreed({ [B]: {} });
    east.save(A, { name: long, data: graph("ours") });
    west.save(C, { name: long, data: graph("theirs") });
    await world.settle();
    expect(names(east)).toEqual(names(west));
    expect(
      names(east)
        .map((name) => String(name).length)
        .sort(),
    ).toEqual([36, 495, 500]);
  });

  it("of projects may change: their flows follow, without a restart", async () => {
    const { world, east, west } = await agreed({});
    east.save(A, { name: "A", data: graph("a") }, "Before");
    await world.settle();
    east.renameProject("Before", "After");
    await world.settle();
    east.save(A, { data: graph("edited") });
    await world.settle();
    expect([project(west, A), text(west, A)]).toEqual(["After", "edited"]);
  });
});

/** After an agent of the second region was killed: the next one looks while LangFlow is away and ends too; then all is well. */
async function anotherAgentEnds({ world, west }: Awaited<ReturnType<typeof agreed>>): Promise<void> {
  west.faults.away = true;
  await world.sync(1);
  world.restart(1);
  west.faults.away = false;
  await world.settle();
}

describe("locks", () => {
  it("are opened for an import and closed again", async () => {
    const { world, east, west } = await agreed({ [A]: { locked: true } });
    east.save(A, { locked: false });
    east.save(A, { data: graph("edited") });
    east.save(A, { locked: true });
    await world.settle();
    expect([text(west, A), value(west, A, "locked")]).toEqual(["edited", true]);
  });

  it("survive LangFlow's end between the opening and the import, in every region", async () => {
    for (const steps of Array.from({ length: 20 }, (_, step) => step)) {
      const { world, east, west } = await agreed({ [A]: { locked: true } });
      east.save(A, { locked: false });
      east.save(A, { data: graph("edited") });
      east.save(A, { locked: true });
      await world.sync(0);
      await world.sync(1, steps);
      await world.settle();
      for (const side of [east, west]) expect([text(side, A), value(side, A, "locked")]).toEqual(["edited", true]);
    }
  });

  it.each<[string, JsonObject]>([
    ["a graph", { data: graph("edited") }],
    ["a name", { name: "Renamed", data: graph(`first ${A}`) }],
  ])(
    "opened to import %s are closed again though LangFlow is away when the next agent looks, and that one ends too",
    async (_, edit) => {
      for (const steps of Array.from({ length: 20 }, (_, step) => step)) {
        const { world, east, west } = await agreed({ [A]: { locked: true } });
        for (const change of [{ locked: false }, edit, { locked: true }]) east.save(A, change);
        await world.sync(0);
        await world.sync(1, steps);
        await anotherAgentEnds({ world, east, west });
        for (const side of [east, west])
          expect([steps, value(side, A, "name"), text(side, A), value(side, A, "locked")]).toEqual([
            steps,
            edit.name ?? A,
            textOf(edit.data),
            true,
          ]);
      }
    },
  );

  it("closed for a delete are no edit that survives it though LangFlow is away when the next agent looks", async () => {
    for (const steps of Array.from({ length: 20 }, (_, step) => step)) {
      const { world, east, west } = await agreed({ [A]: {} });
      east.remove(A);
      await world.sync(0);
      await world.sync(1, steps);
      await anotherAgentEnds({ world, east, west });
      expect([steps, east.rows.size, west.rows.size]).toEqual([steps, 0, 0]);
    }
  });

  it("opened for an import hide nothing of what it brought: an agent that ends after it makes no copy of it", async () => {
    for (const steps of Array.from({ length: 20 }, (_, step) => step)) {
      const { world, east, west } = await agreed({ [A]: { locked: true } });
      for (const edit of ["edited", "edited again"]) {
        for (const change of [{ locked: false }, { data: graph(edit) }, { locked: true }] as JsonObject[])
          east.save(A, change);
        await world.sync(0);
        if (edit === "edited") await world.sync(1, steps);
        world.pass(60_000);
      }
      await world.settle();
      for (const side of [east, west])
        expect([steps, side.rows.size, text(side, A), value(side, A, "locked")]).toEqual([
          steps,
          1,
          "edited again",
          true,
        ]);
    }
  });

  it("guard a delete: what is saved in between is not deleted", async () => {
    const { world, east, west } = await agreed({ [A]: {} });
    east.remove(A);
    await world.sync(0);
    const step = west.faults.step;
    west.faults.step = (what, id) => {
      if (what === "setLock" && text(west, A).startsWith("first")) west.save(A, { data: graph("saved just now") });
      step(what, id);
    };
    await world.sync(1);
    west.faults.step = step;
    await world.settle();
    for (const side of [east, west])
      expect([text(side, A), value(side, A, "locked")]).toEqual(["saved just now", false]);
  });

  it("of a delete that was cut off are opened again where the delete is no longer wanted", async () => {
    for (const steps of Array.from({ length: 20 }, (_, step) => step)) {
      const { world, east, west } = await agreed({ [A]: {} });
      east.remove(A);
      await world.sync(0);
      await world.sync(1, steps);
      const gone = !west.rows.has(A);
      if (!gone) east.save(A, { name: A, data: graph("made again") });
      await world.settle();
      expect([east.rows.size, west.rows.size]).toEqual(gone ? [0, 0] : [1, 1]);
      if (!gone) expect([value(west, A, "locked"), value(east, A, "locked")]).toEqual([false, false]);
    }
  });
});

describe("what may not leave", () => {
  it("holds its flow back, named by field and rule, and goes on when it is mended", async () => {
    const { world, east, west } = await agreed({ [A]: {}, [B]: {} }, { findSecrets: findCanary });
    east.save(A, { data: graph(`a key: ${CANARY}`) });
    east.save(B, { data: graph("edited") });
    const outcome = await world.sync(0);
    expect(outcome?.held).toEqual([
      {
        path: `LangFlow ${A}`,
        kind: "secret",
        reason: "looks as if it held a secret: nodes[n].template.text (canary)",
      },
    ]);
    await world.settle();
    expect([text(west, A), text(west, B)]).toEqual([`first ${A}`, "edited"]);
    expect([...world.host.blobs.values()].some((blob) => blob.includes(CANARY))).toBe(false);
    east.save(A, { data: graph("mended") });
    await world.settle();
    expect(text(west, A)).toBe("mended");
  });

  it("is not overwritten where it would lose: the flow waits, and so does Git's version", async () => {
    const { world, east, west } = await agreed({ [A]: {} }, { findSecrets: findCanary });
    east.save(A, { data: graph(`${CANARY} of the east`) });
    world.pass(5_000);
    west.save(A, { data: graph("later") });
    await world.settle();
    expect([text(east, A), text(west, A)]).toEqual([`${CANARY} of the east`, "later"]);
    east.save(A, { data: graph("mended") });
    await world.settle();
    expect([...west.rows.values()].map(({ flow }) => textOf(flow.data)).sort()).toEqual(["later", "mended"]);
  });

  it("makes no commit where it changes alone", async () => {
    const { world, east } = await agreed({ [A]: {} });
    const { head } = world.host;
    east.save(A, { data: graph(`first ${A}`, "another secret") });
    await world.settle();
    expect(world.host.head).toBe(head);
  });
});

describe("Git's history", () => {
  it("that was rewritten deletes nothing", async () => {
    const { world, east, west } = await agreed({ [A]: {} });
    const before = world.host.head;
    east.save(B, { name: "B", data: graph("b") });
    await world.settle();
    world.host.head = before;
    await world.settle();
    expect([east.rows.size, west.rows.size, world.host.contents().size]).toEqual([2, 2, 2]);
  });

  it("that is gone altogether is begun anew from what the regions have", async () => {
    const { world, east, west } = await agreed({ [A]: {}, [B]: {} });
    world.host.head = undefined;
    await world.settle();
    expect([east.rows.size, west.rows.size, world.host.contents().size]).toEqual([2, 2, 2]);
  });

  it("that was made anew with the same files is no edit of them: what is edited meanwhile loses to nothing", async () => {
    const { world, east } = await agreed({ [A]: {}, [B]: {} });
    const { host, clock } = world;
    const by = { author: "a person", authoredAt: clock, committedAt: clock };
    host.head = host.add(undefined, host.commit(host.head ?? "").tree, "all anew\n", by);
    east.save(A, { data: graph("edited") });
    east.save(C, { name: C, data: graph("new") });
    expect(await world.sync(0)).toMatchObject({ exported: 2, imported: 0, conflicts: [] });
    expect([names(east), text(east, A)]).toEqual([[A, B, C], "edited"]);
  });

  it("that was made anew with a broken file in it leaves that flow as it is, and writes it to no other place", async () => {
    const { world, east, west } = await agreed({ [A]: {}, [B]: {} });
    const { host, clock } = world;
    const tree = new Map(host.commit(host.head ?? "").tree);
    const [path = ""] = [...host.contents()].find(([, contents]) => contents.includes(A)) ?? [];
    const by = { author: "a person", authoredAt: clock, committedAt: clock };
    host.head = host.add(undefined, tree.set(path, host.put("{ no JSON")), "all anew\n", by);
    for (const index of [0, 1]) expect(await world.sync(index)).toMatchObject({ exported: 0, imported: 0 });
    expect([host.contents().size, host.contents().get(path), east.rows.size, west.rows.size]).toEqual([
      2,
      "{ no JSON",
      2,
      2,
    ]);
  });

  it("holds a person's file as it was written, tidied once", async () => {
    const { world, east } = await agreed({ [A]: {} });
    const flow = JSON.parse([...world.host.contents().values()][0] ?? "");
    world.host.edit(
      "a person",
      world.clock,
      new Map([["default/By_hand.json", JSON.stringify({ ...flow, id: B, name: "By hand" })]]),
    );
    await world.settle();
    expect(names(east)).toEqual([A, "By hand"].sort());
    expect(world.host.contents().get("default/By_hand.json")).toContain('\n  "data": {');
  });
});
