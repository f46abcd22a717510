import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { parseDatabaseUrl } from "../../agent/postgres/connection";
import { DatabaseRunFence } from "../../agent/runs/fence";
import { RunsKeeper } from "../../agent/runs/keeper";
import { takenRunsIn } from "../../agent/runs/takenObject";
import { READ_EVERY_MS } from "../../agent/runs/takenRuns";
import { type AccountsRegion, twoRegions } from "./accountsRegion";
import { LangFlowApi, until } from "./langflowApi";
import { Scratch, SUPERUSER } from "./scratch";

jest.setTimeout(900_000);

/** `SUSPENDED_RUNS=100` approves more runs at once. */
const RUNS = Number(process.env.SUSPENDED_RUNS ?? 20);
/** Longest time after which a run that a person answers in another region goes on there. */
const TAKE_OVER_WITHIN_MS = 60_000;

let scratch: Scratch;
let east: Region;
let west: Region;
let flow: string;

/** A region: LangFlow, its database, and the parts of the agent that replicate and keep the fence. */
class Region {
  langflow!: LangFlowApi;
  private process: { url: string; end(): Promise<void> } | undefined;
  private loops: Promise<void> = Promise.resolve();
  private stopped = new AbortController();
  private readonly fence: DatabaseRunFence;

  constructor(
    readonly accounts: AccountsRegion,
    private readonly databaseUrl: string,
    private readonly store: ReturnType<typeof takenRunsIn>,
  ) {
    this.fence = new DatabaseRunFence(parseDatabaseUrl(databaseUrl));
  }

  get name(): string {
    return this.accounts.name;
  }

  async start(): Promise<void> {
    this.startAgent();
    this.process = await scratch.langflowProcess(this.name, {
      LANGFLOW_DATABASE_URL: this.databaseUrl,
      LANGFLOW_CONFIG_DIR: `${scratch.folder}/${this.name}`,
    });
    const token = await LangFlowApi.login(this.process.url, SUPERUSER.username, SUPERUSER.password);
    this.langflow = LangFlowApi.withToken(this.process.url, token);
  }

  /** Stops LangFlow and the agent, like the loss of the region. */
  async lose(): Promise<void> {
    this.stopped.abort();
    await this.loops;
    await this.process?.end();
    this.process = undefined;
  }

  private startAgent(): void {
    this.stopped = new AbortController();
    const { signal } = this.stopped;
    const keeper = new RunsKeeper({
      region: this.name,
      fence: this.fence,
      store: this.store,
      isCaughtUp: () => true,
      steadyMs: () => performance.now(),
    });
    const every = async (milliseconds: number, round: () => Promise<unknown>) => {
      while (!signal.aborted) {
        await round().catch(() => undefined);
        await sleep(milliseconds);
      }
    };
    const both = [every(READ_EVERY_MS, () => keeper.round()), every(500, () => this.accounts.accounts.round())];
    this.loops = Promise.all(both).then(() => undefined);
  }

  async end(): Promise<void> {
    await this.lose();
    await this.fence.end();
    await this.accounts.client.end();
  }

  async waiting(): Promise<Map<string, { request: string; prompt: string; choices: string[] }>> {
    const pending: { job_id: string; request_id: string; prompt: string; allowed_decisions: string[] }[] =
      await this.langflow.call("GET", `/api/v2/workflows/pending?flow_id=${flow}`);
    return new Map(
      pending.map((each) => [
        each.job_id,
        { request: each.request_id, prompt: each.prompt, choices: each.allowed_decisions },
      ]),
    );
  }

  /** Answers like a person who tries again when LangFlow says that the run is not resumable. */
  async approve(job: string, request: string): Promise<number> {
    const began = Date.now();
    for (;;) {
      const status = await this.langflow.answer(job, request, "approve");
      if (status === 200) return Date.now() - began;
      if (status !== 409 || Date.now() - began > TAKE_OVER_WITHIN_MS) throw new Error(`the answer got ${status}`);
      await sleep(1_000);
    }
  }

  /** Returns how often each input was repeated, from the chats' messages. */
  async repeated(): Promise<Record<string, number>> {
    const rows = await this.accounts.query<{ text: string; number: number }>(
      `SELECT text, count(*)::int AS number FROM message WHERE flow_id = $1 AND sender <> 'User' AND text <> ''
        GROUP BY 1`,
      [flow],
    );
    return Object.fromEntries(rows.map(({ text, number }) => [text, number]));
  }
}

beforeAll(async () => {
  scratch = await Scratch.make();
  const postgres = await scratch.migratedPostgres();
  const s3 = await scratch.s3();
  const store = takenRunsIn(s3.client, await s3.bucket("witness"));
  const [us, eu] = await twoRegions(postgres, 1);
  [east, west] = [us, eu].map((each) => new Region(each, postgres.url(each.database), store)) as [Region, Region];
  await Promise.all([east.start(), west.start()]);
  flow = (await east.langflow.createApproval("Approval")).id;
});
afterAll(async () => {
  await Promise.all([east?.end(), west?.end()]);
  await scratch?.end();
});

async function suspended(region: Region, number: number): Promise<Map<string, string>> {
  const inputs = Array.from({ length: number }, () => `input ${randomUUID()}`);
  const jobs = await Promise.all(inputs.map((input) => region.langflow.startRun(flow, input, randomUUID())));
  await until("all runs wait", async () => {
    const waiting = await region.waiting();
    return jobs.every((job) => waiting.has(job));
  });
  return new Map(jobs.map((job, index) => [job, inputs[index] ?? ""]));
}

const isCompleted = async (region: Region, job: string) =>
  (await region.langflow.runState(job))?.status === "completed";

it(`a surviving region completes ${RUNS} approved runs of a lost region, each once; they count as completed when the region returns`, async () => {
  const runs = await suspended(east, RUNS);
  await until("the runs wait in eu-west too", async () => (await west.waiting()).size === RUNS);
  await east.lose();
  const waiting = await west.waiting();
  for (const [job, input] of runs)
    expect(waiting.get(job)).toMatchObject({ prompt: input, choices: ["approve", "reject"] });

  const tookMs = await Promise.all([...runs.keys()].map((job) => west.approve(job, waiting.get(job)?.request ?? "")));
  expect(Math.min(...tookMs)).toBeGreaterThan(5_000);
  for (const [job, input] of runs) {
    await until(`${job} is completed`, () => isCompleted(west, job));
    expect((await west.langflow.runState(job))?.text).toContain(input);
  }
  const once = Object.fromEntries([...runs.values()].map((input) => [input, 1]));
  expect(await west.repeated()).toEqual(once);

  await east.start();
  for (const job of runs.keys()) await until(`${job} is completed in us-east`, () => isCompleted(east, job));
  expect(await east.waiting()).toEqual(new Map());
  for (const [job, { request }] of waiting) expect(await east.langflow.answer(job, request, "approve")).toBe(409);
  await until("the chats are in us-east", async () => Object.keys(await east.repeated()).length === RUNS);
  await sleep(5_000);
  for (const region of [east, west]) expect(await region.repeated()).toEqual(once);
});

it("a run resumes only once if people approve it in both regions at the same time", async () => {
  const runs = await suspended(east, 5);
  await until("the runs wait in eu-west too", async () => {
    const waiting = await west.waiting();
    return [...runs.keys()].every((job) => waiting.has(job));
  });
  const waiting = await east.waiting();
  const answers = [...runs.keys()].flatMap((job) =>
    [east, west].map(async ({ langflow }) => {
      const statuses: number[] = [];
      const request = waiting.get(job)?.request ?? "";
      for (let tries = 0; tries < 20; tries += 1) {
        statuses.push(await langflow.answer(job, request, "approve"));
        await sleep(1_000);
      }
      return [job, statuses.filter((status) => status === 200).length] as const;
    }),
  );
  const accepted = await Promise.all(answers);
  for (const job of runs.keys())
    expect(accepted.reduce((sum, [each, number]) => sum + (each === job ? number : 0), 0)).toBe(1);
  for (const [job, input] of runs) {
    for (const region of [east, west]) await until(`${job} is completed`, () => isCompleted(region, job));
    expect((await east.repeated())[input]).toBe(1);
  }
});
