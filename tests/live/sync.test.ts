import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { LangFlowApi, until } from "./langflowApi";
import { environOf, LiveFleet } from "./liveFleet";
import { LostRegion } from "./lostRegion";

jest.setTimeout(900_000);

/** Seconds: the interval these regions are configured with, and what a sync may take beside it. */
const INTERVAL = 5;
const MARGIN = 3;
/** Time for an edit to be seen and its region's state to be written. */
const SETTLED_MS = (INTERVAL + MARGIN) * 1000;

describe("flow sync between two regions of real LangFlow", () => {
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
  /** A working copy, as a developer has one. */
  const clone = async (): Promise<string> => {
    const folder = mkdtempSync(join(tmpdir(), "clone-"));
    clones.push(folder);
    execFileSync("git", ["clone", "--quiet", "--branch", "main", await fleet.gitDirectory(), folder]);
    return folder;
  };

  beforeAll(async () => {
    for (const region of ["us-east", "eu-west"])
      fleet.local.edit(`Pulumi.${region}.yaml`, (content) => {
        content.config = { ...content.config, "langflow-dr:sync": { intervalSeconds: INTERVAL } };
      });
    const { exitCode, stderr } = await fleet.start();
    if (exitCode !== 0) throw new Error(stderr);
    [east, west] = await Promise.all([api("us-east"), api("eu-west")]);
  });
  afterAll(async () => {
    for (const folder of clones) rmSync(folder, { recursive: true });
    await fleet.remove();
  });

  it("carries a flow made in one region to the other, where it runs", async () => {
    const { id } = await east.createRunnable("Answers");
    await until("it runs in eu-west", async () => (await west.run(id, "hello")).startsWith("You said: hello"));
    expect(await west.run(id, "hello")).toBe(await east.run(id, "hello"));
  });

  it("keeps projects, and makes those that are missing", async () => {
    const { id: folder } = await east.call("POST", "/api/v1/projects/", { name: "Team / Ä", description: "" });
    const { id } = await east.create("In a project", { folder_id: folder });
    await until("it is in eu-west", async () => (await west.flow(id)) !== undefined);
    const projects: { id: string; name: string }[] = await west.call("GET", "/api/v1/projects/");
    expect(projects.find((project) => project.name === "Team / Ä")?.id).toBe((await west.flow(id))?.folder_id);
  });

  it("keeps both versions of a flow that was edited in both while Git was away, the later under its name", async () => {
    const { id } = await east.create("Contested", { description: "first" });
    await until("it is in eu-west", async () => (await west.flow(id)) !== undefined);
    await sleep(SETTLED_MS);
    const live = await fleet.supervisor();
    await live.stopGit();
    await east.edit(id, { description: "east, earlier" });
    // LangFlow's times are whole seconds.
    await sleep(2_000);
    await west.edit(id, { description: "west, later" });
    await sleep(SETTLED_MS);
    expect((await east.flow(id))?.description).toBe("east, earlier");
    await live.startGit();
    for (const each of [east, west]) {
      const contested = async () => (await each.flows()).filter(({ name }) => name.startsWith("Contested"));
      await until("the other version is kept", async () => (await contested()).length > 1);
      const flows = await contested();
      expect(flows.map(({ description }) => description).sort()).toEqual(["east, earlier", "west, later"]);
      expect(flows.find((flow) => flow.id === id)?.description).toBe("west, later");
      expect(flows.find((flow) => flow.id !== id)?.name).toMatch(
        /^Contested \(us-east \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\)$/,
      );
    }
    await agree("both regions agree", east, west);
    const history = await git("log", "-p", "main", "--", "default");
    expect(history).toContain("east, earlier");
    expect(history).toContain("west, later");
  });

  it("lets an edit survive a delete on the other side", async () => {
    const { id } = await east.create("Deleted here, edited there");
    await until("it is in eu-west", async () => (await west.flow(id)) !== undefined);
    await sleep(SETTLED_MS);
    const live = await fleet.supervisor();
    await live.stopGit();
    await east.delete(id);
    await west.edit(id, { description: "still needed" });
    await sleep(SETTLED_MS);
    await live.startGit();
    await until("it is back in us-east", async () => (await east.flow(id))?.description === "still needed");
    expect((await west.flow(id))?.description).toBe("still needed");
  });

  it("deletes a flow everywhere that nobody edited since", async () => {
    const { id } = await west.create("Not needed");
    await until("it is in us-east", async () => (await east.flow(id)) !== undefined);
    await sleep(SETTLED_MS);
    await east.delete(id);
    await until("it is gone in eu-west", async () => (await west.flow(id)) === undefined);
    expect(await git("log", "--oneline", "main")).toContain("delete Not needed");
  });

  it("keeps secrets out of Git, each region's own in its region, and the names of variables everywhere", async () => {
    const template = {
      api_key: { name: "api_key", type: "str", password: true, load_from_db: false, value: "hunter2-east" },
      model_key: { name: "model_key", type: "str", password: true, load_from_db: true, value: "OPENAI_API_KEY" },
    };
    const data = { nodes: [{ id: "n", data: { id: "n", type: "X", node: { template } } }], edges: [] };
    const { id } = await east.create("With secrets", { data });
    await until("it is in eu-west", async () => (await west.flow(id)) !== undefined);
    const fields = async (each: LangFlowApi) =>
      (await each.call("GET", `/api/v1/flows/${id}`)).data.nodes[0].data.node.template;
    expect((await fields(west)).api_key.value).toBe("");
    expect((await fields(west)).model_key.value).toBe("OPENAI_API_KEY");
    await west.edit(id, { description: "edited in the west" });
    await until("the edit is in us-east", async () => (await east.flow(id))?.description === "edited in the west");
    expect((await fields(east)).api_key.value).toBe("hunter2-east");
    expect(await git("log", "-p", "--all")).not.toContain("hunter2");
  });

  it("skips a file that is no flow, says so, and syncs the others", async () => {
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
    for (const region of ["us-east", "eu-west"]) {
      const { url } = await fleet.process(region, "flow-sync");
      const metrics = await (await fetch(`${url}/metrics`)).text();
      expect(metrics).toMatch(/langflow_dr_sync_skipped\{workspace="default"\} 4/);
    }
    // The agents have written the good one in their own way meanwhile.
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

  it("writes the format of lfx: the official tool calls every file synced, against each region", async () => {
    await agree("both regions agree", east, west);
    await sleep(SETTLED_MS);
    const folder = await clone();
    const folders = execFileSync("find", [folder, "-name", "*.json", "-printf", "%h\n"], { encoding: "utf8" });
    for (const region of ["us-east", "eu-west"]) {
      const { url, apiKey } = await fleet.langflow(region);
      for (const each of new Set(folders.trim().split("\n"))) {
        const args = ["status", "--dir", each, "--target", url, "--api-key", apiKey];
        // Exit code 1 for anything but synced.
        const shown = execFileSync(await fleet.lfx(), args, { encoding: "utf8" });
        expect(shown).toContain("synced");
      }
    }
  });

  it("accepts a session and a key of one region in the other", async () => {
    const { superuser, password, url } = await fleet.langflow("us-east");
    const token = await LangFlowApi.login(url, superuser, password);
    const me = await LangFlowApi.withToken(url, token).call("GET", "/api/v1/users/whoami");
    expect(await LangFlowApi.withToken(west.url, token).call("GET", "/api/v1/users/whoami")).toMatchObject({
      id: me.id,
    });
    const { apiKey } = await fleet.langflow("us-east");
    expect(await LangFlowApi.withKey(west.url, apiKey).summary()).toEqual(await west.summary());
  });

  it("runs a flow in the other region that reads an uploaded file, once the file is there", async () => {
    const path = await east.upload("words.txt", "words in a file");
    const { id } = await east.createFileReader("Reads a file", path);
    expect(await east.run(id, "")).toContain("words in a file");
    await until("it runs in eu-west", async () => (await west.run(id, "")).includes("words in a file"));
  });

  it("loses no edit while agents are killed fifty times during a storm of edits", async () => {
    const storm = await Storm.begin(fleet, { "us-east": east, "eu-west": west });
    await storm.killAtRandom(50);
    const edits = await storm.end();
    await agree("both regions agree", east, west);
    await sleep(SETTLED_MS);
    await agree("both regions still agree", east, west);
    const history = await git("log", "-p", "main");
    const now = [...(await east.summary()), ...(await west.summary())].join("\n");
    const lost = edits.filter((token) => !history.includes(token) && !now.includes(token));
    expect(lost).toEqual([]);
    expect(edits.length).toBeGreaterThan(25);
    const files = (await git("ls-tree", "-r", "-z", "--name-only", "main"))
      .split("\0")
      .filter((path) => path.endsWith(".json"));
    expect(files).toHaveLength((await east.flows()).length);
  });

  it("restores a region that lost its database, its claim and its files, all of it as it was", async () => {
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

  it("refuses a backup with one flipped byte, naming the object, and writes nothing", async () => {
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

  it("fills a new, empty region with every flow", async () => {
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

/** Edits in both regions at once, with agents of our own that can be killed as often as one likes. */
class Storm {
  private readonly agents = new Map<string, ReturnType<typeof spawn>>();
  private readonly edits: Promise<string[]>[] = [];
  private raging = true;

  private constructor(
    private readonly environments: ReadonlyMap<string, Record<string, string>>,
    private readonly fleet: LiveFleet,
  ) {}

  /** Takes the place of the fleet's agents, in their own environment but for the ports. */
  static async begin(fleet: LiveFleet, regions: Record<string, LangFlowApi>): Promise<Storm> {
    const environments = new Map<string, Record<string, string>>();
    for (const region of Object.keys(regions)) {
      const { pid } = await fleet.process(region, "flow-sync");
      const environment = environOf(pid);
      delete environment.AGENT_WEBHOOK_SECRET;
      environments.set(region, { ...environment, AGENT_METRICS_PORT: "0", AGENT_INTERVAL_SECONDS: "1" });
      await fleet.scale(region, `flow-sync-${region}`, 0);
    }
    const storm = new Storm(environments, fleet);
    for (const region of environments.keys()) storm.start(region);
    for (const [region, each] of Object.entries(regions)) storm.edits.push(storm.rage(region, each));
    return storm;
  }

  async killAtRandom(times: number): Promise<void> {
    const regions = [...this.environments.keys()];
    for (let kill = 0; kill < times; kill += 1) {
      await sleep(300 + Math.random() * 2_200);
      const region = regions[kill % regions.length] ?? "";
      const agent = this.agents.get(region);
      agent?.kill("SIGKILL");
      await new Promise((resolve) =>
        agent?.exitCode === null && !agent.signalCode ? agent.on("exit", resolve) : resolve(0),
      );
      this.start(region);
    }
  }

  /** @returns a token of every edit that LangFlow acknowledged and its own region did not replace */
  async end(): Promise<string[]> {
    this.raging = false;
    const edits = (await Promise.all(this.edits)).flat();
    for (const agent of this.agents.values()) agent.kill("SIGTERM");
    for (const region of this.environments.keys()) await this.fleet.scale(region, `flow-sync-${region}`, 1);
    return edits;
  }

  private start(region: string): void {
    const args = ["--require", "./typescript.cjs", "agent/main.ts", "sync"];
    const options = { cwd: join(__dirname, "../.."), env: this.environments.get(region), stdio: "ignore" } as const;
    this.agents.set(region, spawn(process.execPath, args, options));
  }

  /** Makes, edits and deletes flows: some its own, some that the other region edits as well. */
  private async rage(region: string, langflow: LangFlowApi): Promise<string[]> {
    const tokens = new Map<string, string>();
    const replaced = new Set<string>();
    for (let count = 0; this.raging; count += 1) {
      const token = `storm-${region}-${count}`;
      const flows = (await langflow.flows()).filter(({ name }) => name.startsWith("Storm"));
      const chosen = flows[Math.floor(Math.random() * flows.length)];
      try {
        if (!chosen || flows.length < 40) {
          const { id } = await langflow.create(`Storm ${token}`, graph(token));
          tokens.set(token, id);
        } else {
          // What this edit puts away was seen by whoever made it.
          const seen = (await langflow.flow(chosen.id))?.description;
          await langflow.edit(chosen.id, graph(token));
          if (seen) replaced.add(seen);
          tokens.set(token, chosen.id);
        }
      } catch {
        // Deleted or renamed meanwhile by the other region: LangFlow refused, nothing was promised.
      }
      await sleep(150 + Math.random() * 250);
    }
    return [...tokens.keys()].filter((token) => !replaced.has(token));
  }
}

/** An edit as the UI saves it: graph and all. */
const graph = (token: string) => ({
  description: token,
  data: { nodes: [{ id: "note", type: "noteNode", data: { id: "note", node: { description: token } } }], edges: [] },
});
