import { parseDatabaseUrl } from "../../agent/postgres/connection";
import { DatabaseFence } from "../../agent/schedules/fence";
import { Health } from "../../agent/schedules/health";
import { Keeper } from "../../agent/schedules/keeper";
import { RENEW_MS } from "../../agent/schedules/lease";
import { WitnessBucket } from "../../agent/schedules/witness";
import { LangFlowApi, until } from "./langflowApi";
import { type Postgres, Scratch } from "./scratch";

jest.setTimeout(600_000);

const MINUTE_MS = 60_000;

/** A region's database, LangFlow, and the part of its agent that manages the schedules. */
class Region {
  url = "";
  apiKey = "";
  private timer: NodeJS.Timeout | undefined;
  private round: Promise<unknown> = Promise.resolve();
  private readonly fence: DatabaseFence;

  constructor(
    readonly name: string,
    private readonly postgres: Postgres,
    private readonly witness: WitnessBucket,
  ) {
    this.fence = new DatabaseFence(parseDatabaseUrl(postgres.url(name)));
  }

  async start(scratch: Scratch): Promise<void> {
    // Runs before LangFlow first serves requests, as in production.
    await this.fence.read();
    const { url, apiKey } = await scratch.langflowWithKey(this.name, {
      LANGFLOW_DATABASE_URL: this.postgres.url(this.name),
      LANGFLOW_CONFIG_DIR: `${scratch.folder}/${this.name}`,
    });
    Object.assign(this, { url, apiKey });
  }

  startAgent(): void {
    const steadyMs = () => performance.now();
    const health = new Health(this.url, steadyMs);
    const keeper = new Keeper({
      region: this.name,
      named: "us-east",
      fence: this.fence,
      witness: this.witness,
      health: () => health.look(),
      giveTo: () => undefined,
      steadyMs,
    });
    const look = () => {
      this.round = this.round.then(() => keeper.round()).catch(() => undefined);
    };
    look();
    this.timer = setInterval(look, RENEW_MS);
  }

  /** Stops the agent without releasing its lease, like a machine failure. */
  async killAgent(): Promise<void> {
    clearInterval(this.timer);
    await this.round;
  }

  async end(): Promise<void> {
    await this.killAgent();
    await this.fence.end();
  }

  query<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
    return this.postgres.query<Row>(this.name, text, values);
  }

  async fires(): Promise<boolean> {
    const [row] = await this.query<{ fire: boolean }>("SELECT langflow_dr.schedules_fire() AS fire");
    return row?.fire === true;
  }

  /** Returns the times for which LangFlow created a run. */
  async ran(): Promise<string[]> {
    const rows = await this.query<{ key: string }>(
      `SELECT e.dedupe_key AS key FROM trigger_event e JOIN job j ON j.job_id = e.job_id
        WHERE e.dedupe_key LIKE 'tick:%' ORDER BY 1`,
    );
    return rows.map(({ key }) => key);
  }
}

describe("a schedule with a run every minute, in two regions with a witness", () => {
  let scratch: Scratch;
  let east: Region;
  let west: Region;

  beforeAll(async () => {
    scratch = await Scratch.make();
    const postgres = await scratch.migratedPostgres();
    const s3 = await scratch.s3();
    const witness = new WitnessBucket(s3.client, await s3.bucket("witness"));
    [east, west] = [new Region("us-east", postgres, witness), new Region("eu-west", postgres, witness)];
    for (const { name } of [east, west]) await postgres.create(name, "migrated");
    await Promise.all([east, west].map((region) => region.start(scratch)));
  });
  afterAll(async () => {
    await Promise.all([east, west].map((region) => region?.end()));
    await scratch?.end();
  });

  it("runs in one region, and in the other region after the first region's agent is killed, but never twice in a minute", async () => {
    const api = LangFlowApi.withKey(east.url, east.apiKey);
    const flow = await api.createRunnable("every minute");
    await api.call("POST", "/api/v1/triggers", {
      flow_id: flow.id,
      name: "every minute",
      kind: "schedule",
      config: { cron: "* * * * *" },
      state: "active",
    });
    // Copies the rows like replication does.
    for (const [table, stays] of [
      ["flow", "folder_id"],
      ["trigger", "next_fire_at"],
    ]) {
      const [{ row } = { row: {} }] = await east.query<{ row: object }>(
        `SELECT to_jsonb(t) - '${stays}' AS row FROM ${table} t WHERE ${table === "flow" ? "id" : "flow_id"} = $1`,
        [flow.id],
      );
      await west.query(`INSERT INTO public.${table} SELECT * FROM jsonb_populate_record(NULL::public.${table}, $1)`, [
        row,
      ]);
    }
    for (const region of [east, west]) region.startAgent();
    await until("us-east fires", () => east.fires());
    await until("it ran in us-east", async () => (await east.ran()).length > 0, 2 * MINUTE_MS);
    expect([await west.fires(), await west.ran()]).toEqual([false, []]);

    await east.killAgent();
    await until("eu-west fires", () => west.fires());
    expect(await east.fires()).toBe(false);
    await until("it ran in eu-west", async () => (await west.ran()).length > 0, 2 * MINUTE_MS);
    east.startAgent();
    const runs = (await west.ran()).length;
    await until("it runs in eu-west on", async () => (await west.ran()).length > runs, 2 * MINUTE_MS);
    expect(await east.fires()).toBe(false);

    const [inEast, inWest] = [await east.ran(), await west.ran()];
    expect(inEast.every((key) => key < (inWest[0] ?? ""))).toBe(true);
    expect(new Set([...inEast, ...inWest]).size).toBe(inEast.length + inWest.length);
  });
});
