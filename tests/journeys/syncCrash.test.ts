import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type JsonObject, parseJson } from "../../agent/flows/canonicalJson";
import { Repository } from "../../agent/git/repository";
import { SnapshotReader } from "../../agent/git/snapshot";
import { type LangFlow, LangFlowRefusal, type StoredFlow } from "../../agent/langflow/client";
import { ChangedMeanwhile, Workspace } from "../../agent/langflow/workspace";
import { cycle, Raced, type Sides } from "../../agent/sync/cycle";

jest.setTimeout(300_000);

class Killed extends Error {}

/** LangFlow's rules for one user, in memory; every call may be the one at which the agent is killed. */
class FakeLangFlow {
  readonly stored = new Map<string, StoredFlow>();
  readonly variables = new Map<string, string>();
  private edits = 0;
  /** Calls until the kill; even: before the call has its effect, odd: after. */
  left = Number.POSITIVE_INFINITY;

  private async call<T>(effect: () => T): Promise<T> {
    this.left -= 1;
    if (this.left === 0) throw new Killed("before");
    const result = effect();
    this.left -= 1;
    if (this.left === 0) throw new Killed("after");
    return result;
  }

  /** A user's edit. */
  save(id: string, name: string, description: string, project?: string): void {
    this.edits += 1;
    const flow = { id, name, description, data: { nodes: [], edges: [] }, edits: this.edits };
    this.stored.set(id, {
      flow: parseJson(JSON.stringify(flow)) as JsonObject,
      editedAt: Date.now() + this.edits * 1_000,
      locked: false,
      ...(project && { project }),
    });
  }

  headers = () => this.call(() => [...this.stored].map(([id, { flow }]) => ({ id, revision: JSON.stringify(flow) })));
  flow = (id: string) => this.call(() => this.stored.get(id));
  variable = (name: string) => this.call(() => this.variables.get(name));
  setVariable = (name: string, value: string) => this.call(() => void this.variables.set(name, value));
  setLock = () => this.call(() => undefined);
  delete = (id: string) => this.call(() => void this.stored.delete(id));
  put = (id: string, flow: JsonObject, project: string | undefined) =>
    this.call((): StoredFlow => {
      for (const [other, each] of this.stored)
        if (other !== id && each.flow.name === flow.name) throw new LangFlowRefusal(409, "PUT", "Name must be unique");
      const made = { flow: { ...flow, id }, editedAt: Date.now(), locked: false, ...(project && { project }) };
      this.stored.set(id, made);
      return made;
    });

  summary(): string[] {
    return [...this.stored]
      .map(([id, { flow, project }]) => `${id} ${flow.name} ${flow.description} ${project}`)
      .sort();
  }
}

const ID = (digit: number) => `${digit}b7e2c58-3a1d-4c0e-8f43-6d9a0b5c7e21`;

describe("an agent that is killed at any of its steps", () => {
  const root = mkdtempSync(join(tmpdir(), "sync-crash-"));
  afterAll(() => rmSync(root, { recursive: true }));
  let worlds = 0;

  /** Two regions with every kind of change between them, and agents that can be started anew. */
  async function world() {
    const folder = join(root, String(worlds++));
    const url = join(folder, "host.git");
    execFileSync("git", ["init", "--quiet", "--bare", "--initial-branch=main", url]);
    const langflows = { "us-east": new FakeLangFlow(), "eu-west": new FakeLangFlow() };
    const agent = async (region: keyof typeof langflows): Promise<Sides> => {
      const directory = join(folder, region);
      const repository = await Repository.open({ directory, url, branch: "main", region });
      const langflow = langflows[region] as unknown as LangFlow;
      const workspace = new Workspace(langflow);
      return { name: "default", region, workspace, langflow, repository, reader: new SnapshotReader(repository) };
    };
    const sync = async (region: keyof typeof langflows) => {
      const sides = await agent(region);
      for (let tries = 0; ; tries += 1)
        try {
          return await cycle(sides);
        } catch (error) {
          if (!(error instanceof Raced || error instanceof ChangedMeanwhile) || tries > 5) throw error;
        }
    };
    const [east, west] = [langflows["us-east"], langflows["eu-west"]];
    for (const digit of [1, 2, 3, 4, 5]) east.save(ID(digit), `Flow ${digit}`, `first ${digit}`);
    await sync("us-east");
    await sync("eu-west");
    // Both edit one; one renames and moves; one deletes what the other edits; two swap names; each makes one of a name.
    east.save(ID(1), "Flow 1", "east");
    west.save(ID(1), "Flow 1", "west");
    east.save(ID(2), "Renamed", "moved", "Team / Ä");
    east.stored.delete(ID(3));
    west.save(ID(3), "Flow 3", "needed");
    west.save(ID(4), "Flow 5", "swapped to 5");
    west.save(ID(5), "Flow 4", "swapped to 4");
    east.save(ID(6), "New", "east's new");
    west.save(ID(7), "New", "west's new");
    return { url, east, west, sync };
  }

  const edits = ["east", "west", "moved", "needed", "swapped to 5", "swapped to 4", "east's new", "west's new"];

  it.each(["us-east", "eu-west"] as const)(
    "in %s: the next ones end with the same flows and every edit",
    async (killed) => {
      let steps = 0;
      for (let at = 1; ; at += 4 + (at % 5)) {
        const { url, east, west, sync } = await world();
        const other = killed === "us-east" ? "eu-west" : "us-east";
        // The other has been here before: there is something to merge with.
        await sync(other);
        const victim = killed === "us-east" ? east : west;
        victim.left = at;
        const ended = await sync(killed).then(
          () => "by itself",
          (error) => {
            if (error instanceof Killed) return "killed";
            throw error;
          },
        );
        victim.left = Number.POSITIVE_INFINITY;
        for (const region of [other, killed, other, killed, other, killed] as const) await sync(region);
        expect(east.summary()).toEqual(west.summary());
        const history = execFileSync("git", ["--git-dir", url, "log", "-p", "main"], { encoding: "utf8" });
        for (const edit of edits) expect(history).toContain(`"description": "${edit}"`);
        const now = east.summary().join("\n");
        for (const edit of ["moved Team / Ä", "needed", "swapped to 5", "swapped to 4", "east's new", "west's new"])
          expect(now).toContain(edit);
        for (const edit of [" east undefined", " west undefined"]) expect(now).toContain(edit);
        if (ended === "by itself") break;
        steps += 1;
      }
      expect(steps).toBeGreaterThan(4);
    },
  );

  it("sees no difference the second time, and writes nothing", async () => {
    const { east, west, sync } = await world();
    for (const region of ["us-east", "eu-west", "us-east", "eu-west", "us-east"] as const) await sync(region);
    const before = [east.summary(), west.summary(), [...east.variables], [...west.variables]];
    for (const region of ["us-east", "eu-west"] as const)
      expect(await sync(region)).toMatchObject({ imported: 0, exported: 0, conflicts: [], problems: [], held: [] });
    expect([east.summary(), west.summary(), [...east.variables], [...west.variables]]).toEqual(before);
  });

  it("takes an emptied database for what it is: every flow comes back, none is deleted elsewhere", async () => {
    const { east, west, sync } = await world();
    for (const region of ["us-east", "eu-west", "us-east", "eu-west"] as const) await sync(region);
    const before = east.summary();
    west.stored.clear();
    west.variables.clear();
    for (const region of ["eu-west", "us-east"] as const) await sync(region);
    expect(west.summary()).toEqual(before);
    expect(east.summary()).toEqual(before);
  });
});
