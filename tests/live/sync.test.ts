import { execFile, execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { forEachConcurrent } from "../../agent/async/forEachConcurrent";
import { failureOf } from "../engine/localFleet";
import { LangFlowApi, until } from "./langflowApi";
import { LiveFleet } from "./liveFleet";
import { LostRegion } from "./lostRegion";
import { AgentBundle, environmentOfAgent, OwnAgent } from "./ownAgent";
import { flowTexts, makeStarter, starterFlows } from "./starterFlows";
import { Storm } from "./storm";

jest.setTimeout(900_000);

/** Sync interval of these regions, and a tolerance for the duration of a sync, in seconds. */
const INTERVAL_SECONDS = 5;
const MARGIN_SECONDS = 3;
/** Time in which an edit is recorded. */
const SETTLED_MS = (INTERVAL_SECONDS + MARGIN_SECONDS) * 1000;
const STARTER = "Offered";

/** Response of /healthz. */
interface Health {
  readonly held: readonly { readonly workspace: string; readonly path: string; readonly reason: string }[];
  readonly deletesHeld: readonly { readonly code: string; readonly count: number; readonly of: number }[];
}

describe("two regions of real LangFlow with a record in Git", () => {
  const fleet = new LiveFleet();
  const clones: string[] = [];
  let east: LangFlowApi;
  let west: LangFlowApi;

  const api = async (region: string): Promise<LangFlowApi> => {
    const { url, apiKey } = await fleet.langflow(region);
    return LangFlowApi.withKey(url, apiKey);
  };
  const agree = (what: string, ...apis: LangFlowApi[]) =>
    until(what, async () => {
      const [first, ...others] = await Promise.all(apis.map((each) => each.summary()));
      return others.every((other) => JSON.stringify(other) === JSON.stringify(first));
    });
  const git = async (...args: string[]): Promise<string> =>
    execFileSync("git", ["--git-dir", await fleet.gitDirectory(), ...args], {
      encoding: "utf8",
      maxBuffer: 1024 ** 3,
    });
  /**
   * Whether Git currently has a file for a flow's name. The subject of a commit with several flows does not name them.
   */
  const isRecorded = async (name: string) =>
    (await git("ls-tree", "-r", "--name-only", "main")).includes(`/${name.replaceAll(" ", "_")}.json`);
  /** Returns every object of a repository, reachable or not. */
  const objects = (directory: string): string =>
    execFileSync("git", ["--git-dir", directory, "cat-file", "--batch-all-objects", "--batch"], {
      encoding: "latin1",
      maxBuffer: 1024 ** 3,
    });
  const ask = async (region: string, path: string): Promise<string> => {
    const { url } = await fleet.process(region, "flow-sync");
    return (await fetch(`${url}${path}`)).text();
  };
  const metrics = (region: string) => ask(region, "/metrics");
  /** Returns the region that is currently the recorder: the holder of the schedules, which changes when agents stop. */
  const recorder = async (): Promise<string> => {
    let found = "";
    await until("a region is the recorder", async () => {
      for (const region of ["us-east", "eu-west"])
        if (/^langflow_dr_record_recorder 1$/m.test(await metrics(region))) found = region;
      return found !== "";
    });
    return found;
  };
  const health = async (region: string): Promise<Health> => JSON.parse(await ask(region, "/healthz"));
  /** Returns the metrics about flows that do not sync. */
  const troubles = async (region: string): Promise<Record<string, number>> =>
    Object.fromEntries(
      [...(await metrics(region)).matchAll(/^langflow_dr_sync_(skipped|\w*held|conflicts_total)\{.*\} (\d+)$/gm)].map(
        ([line, name]) => [name, Number(line.split(" ").at(-1))],
      ),
    );
  /** Creates a working copy, like a developer. */
  const clone = async (): Promise<string> => {
    const folder = mkdtempSync(join(tmpdir(), "clone-"));
    clones.push(folder);
    execFileSync("git", ["clone", "--quiet", "--branch", "main", await fleet.gitDirectory(), folder]);
    return folder;
  };

  beforeAll(async () => {
    for (const region of ["us-east", "eu-west"])
      fleet.local.edit(`Pulumi.${region}.yaml`, (content) => {
        content.config = { ...content.config, "langflow-dr:sync": { intervalSeconds: INTERVAL_SECONDS } };
      });
    const up = await fleet.start();
    if (up.exitCode !== 0) throw failureOf(up);
    [east, west] = await Promise.all([api("us-east"), api("eu-west")]);
  });
  afterAll(async () => {
    await fleet.remove();
    for (const folder of clones) rmSync(folder, { recursive: true, force: true });
  });

  it("replicate a flow from one region to the other, where it runs", async () => {
    const { id } = await east.createRunnable("Answers");
    await until("it runs in eu-west", async () => (await west.run(id, "hello")).startsWith("You said: hello"));
    expect(await west.run(id, "hello")).toBe(await east.run(id, "hello"));
  });

  /** Runs `work` while replication between the regions is stopped. */
  const apart = async (work: () => Promise<unknown>): Promise<void> => {
    for (const region of ["us-east", "eu-west"]) await fleet.scale(region, `flow-sync-${region}`, 0);
    await work();
    for (const region of ["us-east", "eu-west"]) await fleet.scale(region, `flow-sync-${region}`, 1);
  };

  it("keep a project's id and flows if the project is renamed while its flows are edited and deleted", async () => {
    const project = { name: "Team / Ä", description: "" };
    const { id: folder } = await east.call("POST", "/api/v1/projects/", project);
    const flows = await Promise.all([0, 1, 2].map((n) => east.create(`In a project ${n}`, { folder_id: folder })));
    const [kept, edited, deleted] = flows.map(({ id }) => id) as [string, string, string];
    const projects = async (region: LangFlowApi) =>
      ((await region.call("GET", "/api/v1/projects/")) as { id: string; name: string }[]).filter(({ name }) =>
        name.startsWith("Team"),
      );
    await until("they are in eu-west", async () => (await west.flow(deleted))?.folder_id === folder);
    for (let n = 1; n <= 8; n += 1) {
      await (n % 2 === 0 ? west : east).call("PATCH", `/api/v1/projects/${folder}`, { name: `Team ${n}` });
      await (n % 2 === 0 ? east : west).edit(edited, { description: `edit ${n}` });
      if (n === 4) await west.delete(deleted);
      await sleep(1_500);
    }
    await agree("both regions agree", east, west);
    for (const region of [east, west]) {
      expect(await projects(region)).toMatchObject([{ id: folder, name: "Team 8" }]);
      expect(await region.flow(kept)).toMatchObject({ folder_id: folder });
      expect(await region.flow(edited)).toMatchObject({ folder_id: folder, description: "edit 8" });
      expect(await region.flow(deleted)).toBeUndefined();
    }
  });

  it("keep both versions of a graph after concurrent edits in both regions, the later version under the flow's name", async () => {
    const graph = (id: string) => ({ nodes: [{ id, data: { id, type: "X", node: { template: {} } } }], edges: [] });
    const { id } = await east.create("Contested", { data: graph("first") });
    await until("it is in eu-west", async () => (await west.flow(id)) !== undefined);
    await apart(async () => {
      await east.edit(id, { data: graph("east-earlier") });
      await west.edit(id, { data: graph("west-later") });
    });
    const nodes = async (each: LangFlowApi) => {
      const contested = (await each.flows()).filter(({ name }) => name.startsWith("Contested"));
      const graphs = await Promise.all(contested.map((flow) => each.call("GET", `/api/v1/flows/${flow.id}`)));
      return Object.fromEntries(graphs.map((flow) => [flow.id === id ? "flow" : flow.name, flow.data.nodes[0].id]));
    };
    const copy = /^Contested \(us-east \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\)$/;
    for (const each of [east, west]) {
      await until("both are there", async () => Object.keys(await nodes(each)).length === 2);
      const found = await nodes(each);
      expect(found.flow).toBe("west-later");
      expect(Object.keys(found).find((name) => name !== "flow")).toMatch(copy);
      expect(Object.values(found)).toContain("east-earlier");
    }
    await agree("both regions agree", east, west);
    await until("both are recorded", async () => {
      const history = await git("log", "-p", "main", "--", "default");
      return history.includes("east-earlier") && history.includes("west-later");
    });
  });

  it("keep a flow that is edited in one region and deleted in the other", async () => {
    const { id } = await east.create("Deleted in the east, edited in the west");
    await until("it is in eu-west", async () => (await west.flow(id)) !== undefined);
    await apart(async () => {
      await east.delete(id);
      await west.edit(id, { description: "still needed" });
    });
    await until("it is back in us-east", async () => (await east.flow(id))?.description === "still needed");
    expect((await west.flow(id))?.description).toBe("still needed");
  });

  /** Edits a flow alternately in both regions. Each edit is replicated, and its commit waits for the Git host. */
  const withoutGit = async (id: string): Promise<void> => {
    for (let n = 1; n <= 4; n += 1) {
      const edit = `edit without Git ${n}`;
      await (n % 2 === 0 ? west : east).edit(id, { description: edit });
      const other = n % 2 === 0 ? east : west;
      await until("the other region has it", async () => (await other.flow(id))?.description === edit, 20_000);
      await until("a commit of it waits for the host", async () => {
        const pending = await Promise.all(["us-east", "eu-west"].map(metrics));
        return pending.some(
          (text) => Number(/^langflow_dr_record_pending_commits\{.*\} (\d+)$/m.exec(text)?.[1] ?? 0) >= n,
        );
      });
    }
  };

  it("replicate flows during an outage of the Git host, and record all edits afterwards in a linear history", async () => {
    const live = await fleet.supervisor();
    const { id } = await east.create("Edited without Git", { description: "0" });
    // A recorder that has just started has no clone in which it could commit during the outage.
    await until("it is recorded", () => isRecorded("Edited without Git"));
    const before = (await git("rev-parse", "main")).trim();
    await live.stopGit();
    await withoutGit(id).finally(() => live.startGit());
    await until("the newest is recorded", async () => (await git("log", "-p", "main")).includes("edit without Git 4"));
    const since = await git("log", "-p", "--reverse", `${before}..main`);
    const at = [1, 2, 3, 4].map((n) => since.indexOf(`edit without Git ${n}`));
    expect(at.every((place) => place >= 0)).toBe(true);
    expect(at).toEqual([...at].sort((one, other) => one - other));
    expect((await git("rev-list", "--merges", "main")).trim()).toBe("");
  });

  it("delete a flow in both regions if nobody has edited the flow", async () => {
    const { id } = await west.create("Not needed");
    await until("it is in us-east", async () => (await east.flow(id)) !== undefined);
    await until("it is in Git", () => isRecorded("Not needed"));
    await east.delete(id);
    await until("it is gone in eu-west", async () => (await west.flow(id)) === undefined);
    await until("it is no longer in Git", async () => !(await isRecorded("Not needed")));
  });

  it("replicate typed-in keys with their flow, and keep them out of Git", async () => {
    const template = {
      api_key: { name: "api_key", type: "str", password: true, load_from_db: false, value: "hunter2-east" },
      model_key: { name: "model_key", type: "str", password: true, load_from_db: true, value: "OPENAI_API_KEY" },
    };
    const data = { nodes: [{ id: "n", data: { id: "n", type: "X", node: { template } } }], edges: [] };
    await east.call("POST", "/api/v1/variables/", {
      name: "OPENAI_API_KEY",
      value: "hunter2-variable",
      type: "Credential",
      default_fields: [],
    });
    const { id } = await east.create("With secrets", { data });
    await until("it is in eu-west", async () => (await west.flow(id)) !== undefined);
    const fields = async (each: LangFlowApi) =>
      (await each.call("GET", `/api/v1/flows/${id}`)).data.nodes[0].data.node.template;
    expect((await fields(west)).api_key.value).toBe("hunter2-east");
    expect((await fields(west)).model_key.value).toBe("OPENAI_API_KEY");
    await west.edit(id, { description: "edited in the west" });
    await until("the edit is in us-east", async () => (await east.flow(id))?.description === "edited in the west");
    expect((await fields(east)).api_key.value).toBe("hunter2-east");
    await sleep(SETTLED_MS);
    expect(await git("log", "-p", "--all")).not.toContain("hunter2");
  });

  it("skip and report a file that is not a flow, and sync the others", async () => {
    const folder = await clone();
    const id = "1b7e2c58-3a1d-4c0e-8f43-6d9a0b5c7e21";
    const put = (name: string, text: string) => writeFileSync(join(folder, "default", name), text);
    put("not-json.json", "{");
    put("wrong-shape.json", '{"id":"no","name":1}');
    put("climbs.json", JSON.stringify({ id: "2b7e2c58-3a1d-4c0e-8f43-6d9a0b5c7e21", name: "../../climbs" }));
    put("huge.json", `{"id":"3b7e2c58-3a1d-4c0e-8f43-6d9a0b5c7e21","name":"${"x".repeat(50 * 1024 * 1024)}"}`);
    put(
      "good.json",
      JSON.stringify({ id, name: "From a developer", description: "good", data: { nodes: [], edges: [] } }),
    );
    const run = (...args: string[]) => execFileSync("git", ["-C", folder, ...args]);
    run("add", "-A");
    run("-c", "user.name=Dev", "-c", "user.email=dev@example.com", "commit", "--quiet", "-m", "Flows of all kinds");
    run("push", "--quiet");
    await until("the good one is in both", async () => Boolean((await east.flow(id)) && (await west.flow(id))));
    const region = await recorder();
    expect(await metrics(region)).toMatch(/langflow_dr_sync_skipped\{workspace="default"\} 3/);
    expect((await health(region)).held.map(({ reason }) => reason)).toEqual([
      "name must not contain the path segment ..",
    ]);
    // Meanwhile the recorder has rewritten the valid file in its own format.
    run("pull", "--quiet", "--rebase");
    for (const name of ["not-json", "wrong-shape", "climbs", "huge"]) rmSync(join(folder, "default", `${name}.json`));
    run(
      "-c",
      "user.name=Dev",
      "-c",
      "user.email=dev@example.com",
      "commit",
      "--quiet",
      "-am",
      "Without the broken ones",
    );
    run("push", "--quiet");
  });

  it("write files in the format of lfx: the official tool reports every file as synced in each region", async () => {
    await agree("both regions agree", east, west);
    await sleep(SETTLED_MS);
    const folder = await clone();
    const folders = execFileSync("find", [folder, "-name", "*.json", "-printf", "%h\n"], { encoding: "utf8" });
    for (const region of ["us-east", "eu-west"]) {
      const { url, apiKey } = await fleet.langflow(region);
      for (const each of new Set(folders.trim().split("\n"))) {
        const args = ["status", "--dir", each, "--target", url, "--api-key", apiKey];
        // lfx exits with 1 for any other status.
        const { stdout } = await promisify(execFile)(await fleet.lfx(), args);
        expect(stdout).toContain("synced");
      }
    }
  });

  it("accept each other's sessions and API keys", async () => {
    const { superuser, password, url } = await fleet.langflow("us-east");
    const token = await LangFlowApi.login(url, superuser, password);
    const me = await LangFlowApi.withToken(url, token).call("GET", "/api/v1/users/whoami");
    expect(await LangFlowApi.withToken(west.url, token).call("GET", "/api/v1/users/whoami")).toMatchObject({
      id: me.id,
    });
    const { apiKey } = await fleet.langflow("us-east");
    expect(await LangFlowApi.withKey(west.url, apiKey).summary()).toEqual(await west.summary());
  });

  it("run a flow that reads an uploaded file in the other region, once the file is replicated", async () => {
    const path = await east.upload("words.txt", "words in a file");
    const { id } = await east.createFileReader("Reads a file", path);
    expect(await east.run(id, "")).toContain("words in a file");
    await until("it runs in eu-west", async () => (await west.run(id, "")).includes("words in a file"));
  });

  it("keep a flow with a secret in its prompt out of Git, and record the flow once the secret is removed", async () => {
    const secret = `ghp_${randomBytes(18).toString("hex")}`;
    const prompt = (value: string) => ({
      nodes: [
        { id: "n", data: { id: "n", type: "Prompt", node: { template: { template: { type: "prompt", value } } } } },
      ],
      edges: [],
    });
    const { id } = await east.create("With a secret", { data: prompt(`Ask with ${secret} for it`) });
    const region = await recorder();
    await until("it is held", async () => (await health(region)).held.length > 0);
    const { held } = await health(region);
    const path = `LangFlow ${id}`;
    const reason = "may contain a secret: nodes[n].template.template (github)";
    expect(held).toEqual([{ workspace: "default", path, reason: expect.stringContaining(reason) }]);
    expect(await troubles(region)).toMatchObject({ secrets_held: 1, held: 0 });
    const { id: other } = await east.create("Beside a secret");
    for (const each of [id, other]) await until("it is in eu-west", async () => (await west.flow(each)) !== undefined);
    await until("the other is recorded", () => isRecorded("Beside a secret"));
    const log = await fleet.logOf(region, "flow-sync");
    expect(log).toContain(reason);
    const { AGENT_STATE_DIR = "" } = await environmentOfAgent(fleet, region);
    const told = [log, await metrics(region), await ask(region, "/healthz")];
    for (const each of [...told, objects(await fleet.gitDirectory()), objects(join(AGENT_STATE_DIR, "repository.git"))])
      expect(each.includes(secret)).toBe(false);

    await east.edit(id, { data: prompt("Ask for it") });
    await until("it is held no longer", async () => (await health(region)).held.length === 0);
  });

  it("replicate and record every starter flow of the release, from each region, without skipping, holding or duplicating any", async () => {
    const starters = await starterFlows(fleet);
    expect(starters.length).toBeGreaterThanOrEqual(27);
    const region = await recorder();
    const before = await troubles(region);
    const begin = Date.now();
    await Promise.all(
      [east, west].map((each, index) =>
        forEachConcurrent(starters, 4, async (starter) => {
          await makeStarter(each, starter, `${STARTER} ${index} ${starter.name}`);
        }),
      ),
    );
    const ours = async (each: LangFlowApi) => (await each.flows()).filter(({ name }) => name.startsWith(STARTER));
    const wanted = 2 * starters.length;
    for (const each of [east, west])
      await until("all are there", async () => (await ours(each)).length >= wanted, 300_000);
    console.info(`${wanted} starter flows made and synced in ${Math.round((Date.now() - begin) / 1000)} s`);
    await sleep(SETTLED_MS);
    expect([(await ours(east)).length, (await ours(west)).length]).toEqual([wanted, wanted]);
    const [inEast, inWest] = await Promise.all([flowTexts(east), flowTexts(west)]);
    expect(inWest).toEqual(inEast);
    const recorded = async () =>
      (await git("grep", "-lE", `"name": "${STARTER} `, "main", "--", "*.json")).trim().split("\n");
    await until("all are recorded", async () => (await recorded()).length === wanted);
    expect(await troubles(region)).toEqual(before);
  });

  it("hold a push that deletes most flows until an operator releases it", async () => {
    const region = await recorder();
    const before = (await east.flows()).length;
    const folder = await clone();
    const run = (...args: string[]) => execFileSync("git", ["-C", folder, ...args], { encoding: "utf8" });
    const paths = run("grep", "-lE", `"name": "${STARTER} `, "--", "*.json").trim().split("\n");
    run("rm", "--quiet", ...paths);
    run("-c", "user.name=Dev", "-c", "user.email=dev@example.com", "commit", "--quiet", "-m", "Without most flows");
    run("push", "--quiet");
    await until("the deletes wait", async () => (await health(region)).deletesHeld[0]?.count === paths.length);
    const [held] = (await health(region)).deletesHeld;
    expect(held).toMatchObject({ workspace: "default", code: expect.stringMatching(/^[0-9a-f]{8}$/) });
    const { id } = await west.create("Made while deletes wait");
    await until("others go on", async () => (await east.flow(id)) !== undefined);
    await sleep(SETTLED_MS);
    expect((await west.flows()).length).toBe(before + 1);
    expect(await troubles(region)).toMatchObject({ deletes_held: paths.length });
    expect(await fleet.logOf(region, "flow-sync")).toContain(`agent release --deletes ${held?.code}`);
    expect(await fleet.beside(region, "flow-sync", `agent release --deletes ${held?.code}`)).toContain("released");
    await until("they wait no longer", async () => (await health(region)).deletesHeld.length === 0, 180_000);
    await until("they are gone", async () => (await west.flows()).length === before - paths.length + 1);
    await agree("both regions agree", east, west);
  });

  it("have one writer each: a second agent stands by, and takes over when the first is killed", async () => {
    const environment = await environmentOfAgent(fleet, "us-east");
    const bundle = new AgentBundle();
    const agent = (name: string) => new OwnAgent(bundle, { ...environment, AGENT_STATE_DIR: bundle.stateDir(name) });
    const carried = async (name: string) => {
      const { id } = await east.create(name);
      return until(`${name} is in eu-west`, async () => (await west.flow(id)) !== undefined);
    };
    await fleet.scale("us-east", "flow-sync-us-east", 0);
    const agents: OwnAgent[] = [];
    try {
      const first = agent("first");
      agents.push(first);
      await carried("By the first");
      const second = agent("second");
      agents.push(second);
      await second.says("another agent is this region's writer: standing by");
      await carried("By the first, again");
      expect(second.log).not.toContain('"accounts published"');
      await first.end("SIGKILL");
      await carried("By the second");
      // The flow may arrive before its agent has logged that.
      await until("the second says so", async () => /"accounts (published|replicated)"/.test(second.log), 20_000);
      const third = agent("third");
      agents.push(third);
      await third.says("another agent is this region's writer: standing by");
    } finally {
      for (const each of agents) await each.end("SIGTERM");
      bundle.remove();
      await fleet.scale("us-east", "flow-sync-us-east", 1);
    }
  });

  it("lose no edit while agents are killed fifty times during continuous edits", async () => {
    const storm = await Storm.begin(fleet, { "us-east": east, "eu-west": west });
    await storm.killAtRandom(50);
    const edits = await storm.end();
    await agree("both regions agree", east, west);
    await sleep(SETTLED_MS);
    await agree("both regions still agree", east, west);
    const names = async () =>
      (await git("ls-tree", "-r", "-z", "--name-only", "main")).split("\0").filter((path) => path.endsWith(".json"));
    await until("all are recorded", async () => (await names()).length === (await east.flows()).length);
    const history = await git("log", "-p", "main");
    const now = [...(await east.summary()), ...(await west.summary())].join("\n");
    const lost = edits.filter((token) => !history.includes(token) && !now.includes(token));
    expect(lost.map((token) => storm.around(token))).toEqual([]);
    expect(edits.length).toBeGreaterThan(25);
    console.info(`${edits.length} edits to be found again after 50 kills`);
  });

  it("restore a region completely after the loss of its database, volume and files", async () => {
    const lost = await LostRegion.of(fleet, "us-east", east);
    const before = await lost.everything();
    expect(await lost.job("backup-us-east")).toMatchObject({ exitCode: 0 });
    await lost.scale(0);
    await lost.wipe();
    expect(await lost.job("restore-us-east")).toMatchObject({ exitCode: 0 });
    await lost.scale(1);
    expect(await lost.everything()).toEqual(before);
    await agree("both regions agree", east, west);
  });

  it("reject a backup with one flipped byte, naming the object, without a write", async () => {
    const lost = await LostRegion.of(fleet, "us-east", east);
    const before = await lost.everything();
    await lost.scale(0);
    const key = await lost.flipByte("database.dump");
    const { exitCode, log } = await lost.job("restore-us-east");
    expect(exitCode).toBe(4);
    expect(log).toContain(key.split("/").at(-1));
    await lost.scale(1);
    expect(await lost.everything()).toEqual(before);
  });

  it("fill a new, empty region with every flow", async () => {
    const { exitCode } = await fleet.start([
      { name: "ap-southeast", awsRegion: "ap-southeast-1", cidr: "10.48.0.0/16" },
    ]);
    expect(exitCode).toBe(0);
    const third = await api("ap-southeast");
    await agree("the new region agrees with the others", third, east, west);
    expect((await third.flows()).length).toBeGreaterThan(10);
    const runnable = (await third.flows()).find(({ name }) => name === "Answers");
    expect(await third.run(runnable?.id ?? "", "hello")).toMatch(/^You said: hello/);
  });
});
