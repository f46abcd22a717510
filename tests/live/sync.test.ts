import { execFile, execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual, promisify } from "node:util";
import { eachOf } from "../../agent/eachOf";
import { LangFlowApi, until } from "./langflowApi";
import { LiveFleet } from "./liveFleet";
import { LostRegion } from "./lostRegion";
import { AgentBundle, environmentOfAgent, OwnAgent } from "./ownAgent";
import { flowTexts, makeStarter, starterFlows } from "./starterFlows";
import { Storm } from "./storm";

jest.setTimeout(900_000);

/** Seconds: the interval these regions are configured with, and what a sync may take beside it. */
const INTERVAL_SECONDS = 5;
const MARGIN_SECONDS = 3;
/** Time for an edit to be seen and its region's state to be written. */
const SETTLED_MS = (INTERVAL_SECONDS + MARGIN_SECONDS) * 1000;
const STARTER = "Offered";

/** What /healthz answers. */
interface Health {
  readonly held: readonly { readonly workspace: string; readonly path: string; readonly reason: string }[];
  readonly deletesHeld: readonly { readonly code: string; readonly count: number; readonly of: number }[];
}

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
  /** Every object that a repository holds, reachable or not. */
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
  const health = async (region: string): Promise<Health> => JSON.parse(await ask(region, "/healthz"));
  /** What the metrics count of flows that do not sync. */
  const troubles = async (region: string): Promise<Record<string, number>> =>
    Object.fromEntries(
      [...(await metrics(region)).matchAll(/^langflow_dr_sync_(skipped|\w*held|conflicts_total)\{.*\} (\d+)$/gm)].map(
        ([line, name]) => [name, Number(line.split(" ").at(-1))],
      ),
    );
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
        content.config = { ...content.config, "langflow-dr:sync": { intervalSeconds: INTERVAL_SECONDS } };
      });
    const { exitCode, stderr } = await fleet.start();
    if (exitCode !== 0) throw new Error(stderr);
    [east, west] = await Promise.all([api("us-east"), api("eu-west")]);
  });
  afterAll(async () => {
    await fleet.remove();
    for (const folder of clones) rmSync(folder, { recursive: true, force: true });
  });

  it("carries a flow made in one region to the other, where it runs", async () => {
    const { id } = await east.createRunnable("Answers");
    await until("it runs in eu-west", async () => (await west.run(id, "hello")).startsWith("You said: hello"));
    expect(await west.run(id, "hello")).toBe(await east.run(id, "hello"));
  });

  it("keeps projects, and makes those that are missing", async () => {
    const { id: folder } = await east.call("POST", "/api/v1/projects/", { name: "Team / Ä", description: "" });
    const { id } = await east.create("In a project", { folder_id: folder });
    // The flow may come before the project's row does: then the project that was made for it becomes one with that.
    const found = async (region: LangFlowApi) => {
      const projects: { id: string; name: string }[] = await region.call("GET", "/api/v1/projects/");
      const named = projects.filter((project) => project.name === "Team / Ä").map((project) => project.id);
      return [...named, (await region.flow(id))?.folder_id];
    };
    await until("it is in the one project of that name, in both regions", async () => {
      const places = [...(await found(east)), ...(await found(west))];
      return places.length === 4 && new Set(places).size === 1;
    });
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
      // The copy is made first, so that the earlier version is at no moment nowhere; the later one comes over the flow next.
      await until("the other version is kept, and the later one is the flow", async () => {
        const descriptions = (await contested()).map(({ description }) => description);
        return isDeepStrictEqual(descriptions.sort(), ["east, earlier", "west, later"]);
      });
      const flows = await contested();
      expect(flows).toHaveLength(2);
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
    const { id } = await east.create("Deleted in the east, edited in the west");
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
    for (const region of ["us-east", "eu-west"])
      expect(await metrics(region)).toMatch(/langflow_dr_sync_skipped\{workspace="default"\} 4/);
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
        const { stdout } = await promisify(execFile)(await fleet.lfx(), args);
        expect(stdout).toContain("synced");
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

  it("holds a flow whose prompt has a secret, names it without its value anywhere, and syncs it once it is out", async () => {
    const secret = `ghp_${randomBytes(18).toString("hex")}`;
    const prompt = (value: string) => ({
      nodes: [
        { id: "n", data: { id: "n", type: "Prompt", node: { template: { template: { type: "prompt", value } } } } },
      ],
      edges: [],
    });
    const { id } = await east.create("With a secret", { data: prompt(`Ask with ${secret} for it`) });
    await until("it is held", async () => (await health("us-east")).held.length > 0);
    const { held } = await health("us-east");
    const path = `LangFlow ${id}`;
    const reason = "looks as if it held a secret: nodes[n].template.template (github)";
    expect(held).toEqual([{ workspace: "default", path, reason }]);
    expect(await troubles("us-east")).toMatchObject({ secrets_held: 1, held: 0 });
    const { id: other } = await east.create("Beside a secret");
    await until("the other is in eu-west", async () => (await west.flow(other)) !== undefined);
    expect(await west.flow(id)).toBeUndefined();
    const log = await fleet.logOf("us-east", "flow-sync");
    expect(log).toContain(reason);
    const { AGENT_STATE_DIR = "" } = await environmentOfAgent(fleet, "us-east");
    const told = [log, await metrics("us-east"), await ask("us-east", "/healthz")];
    for (const each of [...told, objects(await fleet.gitDirectory()), objects(join(AGENT_STATE_DIR, "repository.git"))])
      expect(each.includes(secret)).toBe(false);

    await east.edit(id, { data: prompt("Ask for it") });
    await until("it is in eu-west", async () => (await west.flow(id)) !== undefined);
    expect((await health("us-east")).held).toEqual([]);
  });

  it("carries every flow that the release offers, from each region to the other, none skipped, held or copied", async () => {
    const starters = await starterFlows(fleet);
    expect(starters.length).toBeGreaterThanOrEqual(27);
    const before = await Promise.all(["us-east", "eu-west"].map(troubles));
    const begin = Date.now();
    await Promise.all(
      [east, west].map((each, index) =>
        eachOf(starters, async (starter) => {
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
    const files = execFileSync("git", ["-C", await clone(), "grep", "-lE", `"name": "${STARTER} `, "--", "*.json"]);
    expect(files.toString().trim().split("\n")).toHaveLength(wanted);
    expect(await Promise.all(["us-east", "eu-west"].map(troubles))).toEqual(before);
  });

  it("lets a delete of most flows wait for a person in each region, and go on once it is released there", async () => {
    const ids = (await east.flows()).filter(({ name }) => name.startsWith(STARTER)).map(({ id }) => id);
    const before = (await east.flows()).length;
    await east.call("DELETE", "/api/v1/flows/", ids);
    for (const [region, each] of [
      ["us-east", east],
      ["eu-west", west],
    ] as const) {
      await until("the deletes wait", async () => (await health(region)).deletesHeld[0]?.count === ids.length);
      const [held] = (await health(region)).deletesHeld;
      expect(held).toMatchObject({ workspace: "default", code: expect.stringMatching(/^[0-9a-f]{8}$/) });
      const { id } = await each.create(`Made in ${region} while deletes wait`);
      for (const one of [east, west]) await until("others go on", async () => (await one.flow(id)) !== undefined);
      await sleep(SETTLED_MS);
      expect((await west.flows()).filter(({ name }) => name.startsWith(STARTER))).toHaveLength(ids.length);
      expect(await troubles(region)).toMatchObject({ deletes_held: ids.length });
      expect(await fleet.logOf(region, "flow-sync")).toContain(`agent release --deletes ${held?.code}`);
      expect(await fleet.beside(region, "flow-sync", `agent release --deletes ${held?.code}`)).toContain("released");
      await until("they wait no longer", async () => (await health(region)).deletesHeld.length === 0, 180_000);
    }
    await agree("both regions agree", east, west);
    expect((await west.flows()).length).toBe(before - ids.length + 2);
  });

  it("has one writer in a region: a second agent stands by, and takes over when the first is killed", async () => {
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
      await second.says("another agent writes for this region: standing by");
      await carried("By the first, again");
      expect(second.log).not.toContain('"synced"');
      await first.end("SIGKILL");
      await carried("By the second");
      expect(second.log).toContain('"synced"');
      const third = agent("third");
      agents.push(third);
      await third.says("another agent writes for this region: standing by");
    } finally {
      for (const each of agents) await each.end("SIGTERM");
      bundle.remove();
      await fleet.scale("us-east", "flow-sync-us-east", 1);
    }
  });

  it("loses no edit while agents are killed fifty times during a storm of edits", async () => {
    const storm = await Storm.begin(fleet, { "us-east": east, "eu-west": west });
    const commits = async () => Number(await git("rev-list", "--count", "main"));
    const before = await commits();
    await storm.killAtRandom(50);
    const during = (await commits()) - before;
    const edits = await storm.end();
    await agree("both regions agree", east, west);
    await sleep(SETTLED_MS);
    await agree("both regions still agree", east, west);
    const history = await git("log", "-p", "main");
    const now = [...(await east.summary()), ...(await west.summary())].join("\n");
    const lost = edits.filter((token) => !history.includes(token) && !now.includes(token));
    expect(lost).toEqual([]);
    expect(edits.length).toBeGreaterThan(25);
    // They were killed at work.
    expect(during).toBeGreaterThan(5);
    console.info(`${edits.length} edits to be found again, ${during} commits during 50 kills`);
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
