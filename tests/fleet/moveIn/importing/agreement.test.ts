import { groupBy } from "../../../../agent/collections/groupBy";
import { agreement, type Comparing } from "../../../../fleet/moveIn/importing/agreement";
import { endOfImport, importReport } from "../../../../fleet/moveIn/importing/importReport";
import { terminalLines } from "../../../../fleet/report/terminal";
import type { Contents, HeldRow } from "../../../../formats/moveIn/result";
import { ExitCode, UserError } from "../../../../model/errors";

const row = (id: string, given: Partial<HeldRow> = {}): HeldRow => ({
  table: "flow",
  user: "bea",
  id,
  name: `Flow ${id}`,
  digest: "as it was",
  flow: null,
  isTooLarge: false,
  ...given,
});

/** Returns a region's answer: digests of its rows, and the requested rows. */
function answer(rows: readonly HeldRow[], asked: readonly { table: string; user: string | null }[]): Contents {
  const groups = groupBy(rows, ({ table, user }) => JSON.stringify([table, user]));
  const shares = [...groups].map(([key, some]) => {
    const [table, user] = JSON.parse(key) as [string, string | null];
    return { table, user, rows: some.length, digest: JSON.stringify(some.map(({ id, digest }) => [id, digest])) };
  });
  return {
    shares,
    rows: rows.filter(({ table, user }) => asked.some((one) => one.table === table && one.user === user)),
  };
}

/** A fake region that returns the next state at each read, and then repeats the last. An error makes the read fail. */
function region(name: string, ...states: readonly (readonly HeldRow[] | Error)[]) {
  let reads = 0;
  return {
    region: name,
    reads: () => reads,
    read: async (asked: readonly { table: string; user: string | null }[]) => {
      const state = states[Math.min(reads++, states.length - 1)] ?? [];
      if (state instanceof Error) throw state;
      return answer(state, asked);
    },
  };
}

const compare = (given: Pick<Comparing, "into" | "others"> & Partial<Comparing>) =>
  agreement({
    pauseMs: 1,
    patienceMs: 50,
    answerMs: 10_000,
    report: () => undefined,
    signal: new AbortController().signal,
    ...given,
  });

const imported = {
  source: { kind: "SQLite file" as const, place: "/srv/langflow.db" },
  tables: [],
  milliseconds: { reading: 1, migrating: 1, carrying: 1 },
};

describe("the comparison of regions after an import", () => {
  const both = [row("1"), row("2")];

  it("waits until the other regions have the same rows", async () => {
    const said: string[] = [];
    const eu = region("eu-west", [], [row("1")], both);
    const found = await compare({
      into: region("us-east", both),
      others: [eu],
      report: (each) => void said.push(each),
    });
    expect(found).toEqual({ agreed: ["eu-west"], disagreements: [], unread: [] });
    expect(said).toEqual([
      "eu-west matches in 0 of 1 tables with users' data",
      "eu-west matches in 0 of 1 tables with users' data",
    ]);
    expect(eu.reads()).toBe(3);
  });

  it("ignores later edits: rows that once agreed are not compared again", async () => {
    const chats = (digest: string) => row("c", { table: "message", digest });
    const us = region("us-east", [...both, chats("1")], [...both, chats("3")]);
    const eu = region("eu-west", [row("1"), chats("1")], [...both, chats("2")]);
    expect(await compare({ into: us, others: [eu] })).toMatchObject({ agreed: ["eu-west"], disagreements: [] });
  });

  it("reports missing and different rows by user and table, but no additional rows", async () => {
    const us = region("us-east", [...both, row("3", { user: null, table: "role" })]);
    const eu = region("eu-west", [row("2", { digest: "another" }), row("4"), row("3", { user: null, table: "role" })]);
    const { agreed, disagreements } = await compare({ into: us, others: [eu] });
    expect(agreed).toEqual([]);
    expect(disagreements.map(({ region: of, user, table, kind, which }) => [of, user, table, kind, which])).toEqual([
      ["eu-west", "bea", "flow", "missing", ["Flow 1"]],
      ["eu-west", "bea", "flow", "different", ["Flow 2"]],
    ]);
    const beside = region("eu-west", [...both, row("4")]);
    expect(await compare({ into: region("us-east", both), others: [beside] })).toMatchObject({ agreed: ["eu-west"] });
  });

  it("succeeds even if a chat keeps growing, because it accepts every version that a row had in the importing region", async () => {
    const chat = (upTo: number) => Array.from({ length: upTo }, (_, at) => row(`m${at}`, { table: "message" }));
    const us = region(
      "us-east",
      ...Array.from({ length: 200 }, (_, at) => [row("1", { digest: `${at}` }), ...chat(at + 3)]),
    );
    const eu = region(
      "eu-west",
      ...Array.from({ length: 200 }, (_, at) => [row("1", { digest: `${at - 1}` }), ...chat(at)]),
    );
    expect(await compare({ into: us, others: [eu], patienceMs: 5_000 })).toEqual({
      agreed: ["eu-west"],
      disagreements: [],
      unread: [],
    });
  });

  it("reports a row that another region never received, even if a user edits it meanwhile", async () => {
    const us = region("us-east", both, [row("1", { digest: "edited" }), row("2")]);
    const eu = region("eu-west", [row("1", { digest: "stale" }), row("2")]);
    expect(await compare({ into: us, others: [eu] })).toMatchObject({
      agreed: [],
      disagreements: [{ kind: "different" }],
    });
  });

  it("succeeds even if a row is edited faster than it is read, in either region", async () => {
    const states = (name: string) =>
      Array.from({ length: 400 }, (_, at) => [row("1", { digest: `${name} ${at}` }), row("2")]);
    const eu = region("eu-west", ...states("eu"));
    const us = region("us-east", ...states("us"));
    expect(await compare({ into: us, others: [eu], patienceMs: 200 })).toMatchObject({ agreed: ["eu-west"] });
    // A series of earlier edits does not prove that the last one arrived.
    const still = region("us-east", both);
    const late = region("eu-west", ...states("eu"));
    expect(await compare({ into: still, others: [late], patienceMs: 200 })).toMatchObject({ agreed: [] });
  });

  it("does not wait for rows that are too large to replicate, or for their child rows", async () => {
    const version = row("v", { table: "flow_version", flow: "3" });
    const us = region("us-east", [...both, row("3", { isTooLarge: true }), version]);
    const began = Date.now();
    const found = await compare({ into: us, others: [region("eu-west", both)], patienceMs: 600_000 });
    expect(Date.now() - began).toBeLessThan(60_000);
    expect(found.disagreements.map(({ which, because }) => [which, because.split(" ")[0]])).toEqual([
      [["Flow 3"], "larger"],
      [["Flow v"], "belongs"],
    ]);
    // `inspect` already reports such flows.
    expect(endOfImport({ ...imported, agreement: found })).toBe(ExitCode.Success);
  });

  it("reports how many differing tables it did not list", async () => {
    const many = Array.from({ length: 600 }, (_, at) => row(`${at}`, { user: `user ${at}` }));
    const found = await compare({ into: region("us-east", many), others: [region("eu-west", [])] });
    expect(found.disagreements).toHaveLength(500);
    expect(found.unread).toEqual([
      { region: "eu-west", because: "100 tables with users' data differ, and their rows were not compared" },
    ]);
  });

  it("sends the importing region one request at a time, because that region has one pod for requests", async () => {
    let asking = 0;
    const us = {
      region: "us-east",
      read: async (asked: readonly { table: string; user: string | null }[]) => {
        if (asking++ > 0) throw new Error("another import runs");
        await new Promise((next) => setTimeout(next, 2));
        asking -= 1;
        return answer(both, asked);
      },
    };
    const found = await compare({ into: us, others: [region("eu-west", []), region("ap-south", [row("1")])] });
    expect(found.unread).toEqual([]);
    expect(found.disagreements.map((each) => [each.region, each.count])).toEqual([
      ["eu-west", 2],
      ["ap-south", 1],
    ]);
  });

  it("times out if a region does not answer", async () => {
    const silent = { region: "eu-west", read: () => new Promise<Contents>(() => undefined) };
    const found = await compare({ into: region("us-east", both), others: [silent], answerMs: 20 });
    expect(found.unread).toEqual([{ region: "eu-west", because: "eu-west did not answer within 0.02 s" }]);
  });

  it("fails for all regions if the importing region does not answer", async () => {
    const us = region("us-east", new Error("Connection terminated unexpectedly"));
    expect((await compare({ into: us, others: [region("eu-west", both)] })).unread).toEqual([
      { region: "eu-west", because: "us-east: Connection terminated unexpectedly" },
    ]);
  });

  it("reports a region that does not answer, and compares the others", async () => {
    const down = region("eu-west", new UserError("eu-west does not run", ExitCode.StackMissing));
    const found = await compare({ into: region("us-east", both), others: [down, region("ap-south", both)] });
    expect(found).toEqual({
      agreed: ["ap-south"],
      disagreements: [],
      unread: [{ region: "eu-west", because: "eu-west does not run" }],
    });
  });

  it("stops on an interrupt", async () => {
    const end = new AbortController();
    const found = compare({
      into: region("us-east", both),
      others: [region("eu-west", [])],
      patienceMs: 600_000,
      pauseMs: 600_000,
      signal: end.signal,
    });
    end.abort();
    expect(await found).toMatchObject({ agreed: [], unread: [{ region: "eu-west" }] });
  });
});

describe("an import ends", () => {
  const left = (reason: string) => [
    { table: "flow", made: 1, changed: 0, unchanged: 0, left: [{ reason, count: 1, which: ["Plain"] }] },
  ];
  const agreed = { agreed: ["eu-west"], disagreements: [], unread: [] };

  it.each([
    ["0 if all regions have the same data", { ...imported, agreement: agreed }, ExitCode.Success],
    ["0 if no comparison was requested", imported, ExitCode.Success],
    [
      "0 if it left out only what `inspect` reports",
      { ...imported, tables: left("the given key does not decrypt its secret") },
      ExitCode.Success,
    ],
    [
      "13 if PostgreSQL rejected a row",
      { ...imported, tables: left("PostgreSQL rejects it (23505 at flow.name)") },
      ExitCode.Disproved,
    ],
    [
      "13 if it left out a row because the row's parent was left out",
      { ...imported, tables: left("refers to a row that was not imported") },
      ExitCode.Disproved,
    ],
    [
      "13 if a region could not be compared",
      { ...imported, agreement: { ...agreed, unread: [{ region: "eu-west", because: "it is away" }] } },
      ExitCode.Disproved,
    ],
  ])("with exit code %s", (_, given, exitCode) => {
    expect(endOfImport(given)).toBe(exitCode);
  });

  it("with a table of each region's missing rows, their users and the reasons", async () => {
    const us = region("us-east", [row("1"), row("2", { isTooLarge: true })]);
    const differing = await compare({ into: us, others: [region("eu-west", [])] });
    expect(endOfImport({ ...imported, agreement: differing })).toBe(ExitCode.Disproved);
    const lines = terminalLines(importReport("us-east", { ...imported, agreement: differing })).join("\n");
    expect(lines).toMatch(/eu-west\s+bea\s+flow\s+1\s+Flow 2\s+missing\s+larger than 64000000 bytes/);
    expect(lines).toMatch(/eu-west\s+bea\s+flow\s+1\s+Flow 1\s+missing\s+not replicated yet/);
  });
});
