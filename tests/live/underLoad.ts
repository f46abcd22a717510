/**
 * Runs a load test: `npm run test:load -- --repeat 5` starts two regions of real LangFlow on a machine whose processors
 * are all busy. Four concurrent clients create the release's starter flows four times, half of them in each region.
 * Both regions and Git must then have the same flows, and keep them. Prints a line per repetition and a verdict; exits
 * with 1 if the test fails.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Command, InvalidArgumentError } from "commander";
import { forEachConcurrent } from "../../agent/async/forEachConcurrent";
import type { JsonObject } from "../../formats/flows/canonicalJson";
import { readFlowFile } from "../../formats/flows/flowFile";
import { failureOf } from "../engine/localFleet";
import { LangFlowApi, until } from "./langflowApi";
import { LiveFleet } from "./liveFleet";
import { flowTexts, putStarter, starterFlows } from "./starterFlows";

const REGIONS = ["us-east", "eu-west"] as const;
/** Number of copies of each starter flow, each with its own name. */
const TIMES = 4;
/** Maximum time until both regions and Git have the same flows, or none. */
const SAME_WITHIN_MS = 15 * 60_000;
const STAYS_MS = 30_000;
const LOOK_MS = 3_000;
const BURNERS = 2;
/** Maximum lifetime of a burner, whatever happens to this process. */
const BURN_MS = 2 * SAME_WITHIN_MS;

/** Flows by id, each as its normalized export, which is the same for equal flows. */
type Texts = ReadonlyMap<string, string>;

interface Figures {
  /** Time from the first flow's creation until both regions and Git had the same flows, in seconds. */
  readonly seconds: number;
  readonly skipped: number;
  readonly held: number;
  /** Number of flows that no client created. */
  readonly copies: number;
  readonly conflicts: number;
  readonly commits: number;
}

/** Processes that keep one processor busy each. */
class Burners {
  private readonly children: ChildProcess[] = [];

  start(): void {
    const program = `const end = Date.now() + ${BURN_MS}; while (Date.now() < end);`;
    for (let count = 0; count < BURNERS; count += 1)
      this.children.push(spawn(process.execPath, ["-e", program], { stdio: "ignore" }));
  }

  end(): void {
    for (const child of this.children.splice(0)) child.kill("SIGKILL");
  }
}

class Demonstration {
  private constructor(
    private readonly langflows: readonly LangFlowApi[],
    /** URLs of the agents' metrics. */
    private readonly agents: readonly string[],
    private readonly gitDirectory: string,
    private readonly starters: readonly JsonObject[],
  ) {}

  static async of(fleet: LiveFleet): Promise<Demonstration> {
    // All flows are deleted after a repetition. Without these limits, the deletes would be held for an operator.
    for (const region of REGIONS)
      fleet.local.edit(`Pulumi.${region}.yaml`, (content) => {
        content.config = {
          ...content.config,
          "langflow-dr:sync": { deletes: { share: 1 }, regionDeletes: { share: 1 } },
        };
      });
    const up = await fleet.start();
    if (up.exitCode !== 0) throw failureOf(up);
    const langflows: LangFlowApi[] = [];
    const agents: string[] = [];
    for (const region of REGIONS) {
      const { url, apiKey } = await fleet.langflow(region);
      langflows.push(LangFlowApi.withKey(url, apiKey));
      agents.push((await fleet.process(region, "flow-sync")).url ?? "");
    }
    return new Demonstration(langflows, agents, await fleet.gitDirectory(), await starterFlows(fleet));
  }

  get flows(): number {
    return this.starters.length * TIMES;
  }

  async repetition(number: number, burners: Burners): Promise<Figures> {
    const before = { conflicts: await this.count("conflicts_total"), commits: this.commits() };
    const began = Date.now();
    burners.start();
    try {
      const made = await this.make(number);
      await until("both regions have all flows", () => this.regionsHave(made), SAME_WITHIN_MS, LOOK_MS);
      await until(
        "both regions and Git hold the same",
        async () => same(await this.texts(), made),
        SAME_WITHIN_MS,
        LOOK_MS,
      );
      const seconds = Math.round((Date.now() - began) / 1000);
      const troubles = async () => ({ skipped: await this.count("skipped"), held: await this.count("\\w*held") });
      const seen = [await troubles()];
      for (const end = Date.now() + STAYS_MS; Date.now() < end; await sleep(LOOK_MS)) {
        seen.push(await troubles());
        if (!(await this.regionsHave(made))) throw new Error("both regions had all flows, and have them no longer");
      }
      const texts = await this.texts();
      if (!same(texts, made)) throw new Error("both regions and Git held the same, and do no longer");
      return {
        seconds,
        skipped: Math.max(...seen.map(({ skipped }) => skipped)),
        held: Math.max(...seen.map(({ held }) => held)),
        copies: new Set(texts.flatMap((each) => [...each.keys()].filter((id) => !made.has(id)))).size,
        conflicts: (await this.count("conflicts_total")) - before.conflicts,
        commits: this.commits() - before.commits,
      };
    } finally {
      burners.end();
    }
  }

  /** Deletes all flows in one region, and waits until they are deleted everywhere. */
  async clear(): Promise<void> {
    const [first] = this.langflows;
    await answered(async () => {
      const ids = ((await first?.flows()) ?? []).map(({ id }) => id);
      if (ids.length > 0) await first?.call("DELETE", "/api/v1/flows/", ids);
    });
    const none = new Map<string, string>();
    await until(
      "all is gone",
      async () => (await this.regionsHave(none)) && this.git().size === 0,
      SAME_WITHIN_MS,
      LOOK_MS,
    );
  }

  /** Creates the flows. @returns the requested names by id */
  private async make(number: number): Promise<Map<string, string>> {
    const made = new Map<string, string>();
    const wanted = this.starters.flatMap((starter) =>
      Array.from({ length: TIMES }, (_, time) => ({ starter, name: `${starter.name} ${number}.${time + 1}` })),
    );
    await forEachConcurrent([...wanted.entries()], 4, async ([index, { starter, name }]) => {
      const langflow = this.langflows[index % this.langflows.length];
      const id = randomUUID();
      if (langflow) await answered(() => putStarter(langflow, id, starter, name));
      made.set(id, name);
    });
    return made;
  }

  /** Whether both regions have exactly these flows. */
  private async regionsHave(made: ReadonlyMap<string, string>): Promise<boolean> {
    const listed = await Promise.all(this.langflows.map((each) => answered(() => each.flows())));
    return listed.every((flows) => flows.length === made.size && flows.every(({ id, name }) => made.get(id) === name));
  }

  /** Returns the flows of each region and of Git. */
  private async texts(): Promise<Texts[]> {
    const texts: Texts[] = [];
    for (const each of this.langflows) texts.push(await answered(() => flowTexts(each)));
    return [...texts, this.git()];
  }

  private git(): Texts {
    const paths = this.run("ls-tree", "-r", "-z", "--name-only", "main").toString().split("\0");
    const files = paths.filter((path) => path.endsWith(".json"));
    return new Map(
      files.map((path) => {
        const { id, text } = readFlowFile(this.run("show", `main:${path}`));
        return [id, text];
      }),
    );
  }

  private commits(): number {
    return this.run("for-each-ref", "refs/heads/main").length === 0
      ? 0
      : Number(this.run("rev-list", "--count", "main"));
  }

  private run(...args: string[]): Buffer {
    return execFileSync("git", ["--git-dir", this.gitDirectory, ...args], { maxBuffer: 1024 ** 3 });
  }

  /** Returns the sum of a metric of both agents. */
  private async count(name: string): Promise<number> {
    const line = new RegExp(`^langflow_dr_sync_${name}(?:\\{.*\\})? (\\d+)$`, "gm");
    let sum = 0;
    for (const url of this.agents) {
      const text = await answered(async () => (await fetch(`${url}/metrics`)).text());
      for (const [, value] of text.matchAll(line)) sum += Number(value);
    }
    return sum;
  }
}

/** Repeats a request until it succeeds, because an overloaded LangFlow occasionally fails its readiness probe. */
async function answered<T>(ask: () => Promise<T>): Promise<T> {
  let answer: { value: T } | undefined;
  await until("an answer", async () => {
    answer = { value: await ask() };
    return true;
  });
  if (!answer) throw new Error("no answer");
  return answer.value;
}

function same([first, ...others]: readonly Texts[], made: ReadonlyMap<string, string>): boolean {
  if (first === undefined || first.size !== made.size) return false;
  return others.every((other) => other.size === first.size && [...first].every(([id, text]) => other.get(id) === text));
}

function parseRepeat(text: string): number {
  const times = Number(text);
  if (!Number.isInteger(times) || times < 1) throw new InvalidArgumentError("must be a number from 1");
  return times;
}

/** @returns whether all repetitions succeeded */
async function demonstrate(repeat: number, fleet: LiveFleet, burners: Burners): Promise<boolean> {
  const demonstration = await Demonstration.of(fleet);
  let broken = 0;
  for (let number = 1; number <= repeat; number += 1) {
    let line: string;
    try {
      const { seconds, commits, ...troubles } = await demonstration.repetition(number, burners);
      if (Object.values(troubles).some((count) => count > 0)) broken += 1;
      const { skipped, held, copies, conflicts } = troubles;
      line = `${seconds} s, ${skipped} skipped, ${held} held, ${copies} copies, ${conflicts} conflicts, ${commits} commits`;
    } catch (error) {
      broken += 1;
      line = `broken: ${(error as Error).message}`;
    }
    console.log(`${number}/${repeat}: ${line}`);
    if (number < repeat) await demonstration.clear();
  }
  const all = `${demonstration.flows} flows, ${repeat} repetitions`;
  console.log(broken === 0 ? `holds: ${all}` : `does not hold: ${all}, ${broken} of them broken`);
  return broken === 0;
}

async function main(): Promise<number> {
  const { repeat } = new Command("test:load")
    .option("--repeat <times>", "repetitions", parseRepeat, 1)
    .parse()
    .opts<{ repeat: number }>();
  const fleet = new LiveFleet();
  const burners = new Burners();
  const interrupted = new Promise<number>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve(130));
  });
  try {
    const holds = demonstrate(repeat, fleet, burners).then((it) => (it ? 0 : 1));
    return await Promise.race([holds, interrupted]);
  } finally {
    burners.end();
    await fleet.remove();
  }
}

main().then(
  (code) => process.exit(code),
  (error: Error) => {
    console.error(error.stack);
    process.exit(1);
  },
);
