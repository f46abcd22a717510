import { randomUUID } from "node:crypto";
import { parseDatabaseUrl } from "../../agent/postgres/connection";
import { DatabaseFence } from "../../agent/schedules/fence";
import { Health } from "../../agent/schedules/health";
import { Keeper } from "../../agent/schedules/keeper";
import { RENEW_MS } from "../../agent/schedules/lease";
import { WitnessBucket } from "../../agent/schedules/witness";
import { listenersEnvironment } from "../../model/langflow";
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

  /** Starts the region's listeners, with the environment of its LangFlow. */
  async startListeners(scratch: Scratch): Promise<void> {
    await scratch.listeners(this.name, {
      ...listenersEnvironment(),
      LANGFLOW_LISTENERS_HEALTH_HOST: "127.0.0.1",
      LANGFLOW_DATABASE_URL: this.postgres.url(this.name),
      LANGFLOW_CONFIG_DIR: `${scratch.folder}/${this.name}`,
    });
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

  /** Returns the number of the last interval in which the source delivered an event to this region. */
  async lastHeard(): Promise<number> {
    const [row] = await this.query<{ bucket: number | null }>(
      "SELECT max(substr(dedupe_key, 6)::int) AS bucket FROM trigger_event WHERE dedupe_key LIKE 'fake:%'",
    );
    return row?.bucket ?? 0;
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

describe("triggers in two regions with a witness", () => {
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

  it("run a schedule in one region, and in the other region after the first region's agent is killed, but never twice in a minute", async () => {
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

  it("listen to a source in the region that holds the schedules only, and in the next holder after its agent is killed", async () => {
    const [flow] = await east.query<{ id: string; user_id: string }>(
      "SELECT id, user_id FROM flow WHERE name = 'every minute'",
    );
    if (!flow) throw new Error("the flow of the first test is missing");
    const connection = randomUUID();
    // LangFlow's own source for checks of an installation: it delivers an event in each interval.
    for (const region of [east, west]) {
      await region.query(
        `INSERT INTO connection (id, provider_key, name, display_name, ownership_mode, status, health, granted_scopes,
            executing_identity, allow_non_interactive, owner_id)
          VALUES ($1, 'slack', 'source', 'source', 'user', 'ready', 'unknown', '[]', '{}', true, $2)`,
        [connection, flow.user_id],
      );
      await region.query(
        `INSERT INTO trigger (id, flow_id, user_id, name, kind, connection_id, config, provider_state, state)
          VALUES ($1, $2, $3, 'source', 'listener_selftest', $1, '{"interval_s": 2}', '{}', 'active')`,
        [connection, flow.id, flow.user_id],
      );
    }
    await Promise.all([east, west].map((region) => region.startListeners(scratch)));
    await until("eu-west, which holds the schedules, has an event", async () => (await west.lastHeard()) > 0);
    const from = await west.lastHeard();
    await until("it has more events", async () => (await west.lastHeard()) > from + 3);
    expect(await east.lastHeard()).toBe(0);

    await west.killAgent();
    await until("us-east has an event", async () => (await east.lastHeard()) > 0);
    const last = await west.lastHeard();
    const moved = await east.lastHeard();
    await until("it has more events", async () => (await east.lastHeard()) > moved + 3);
    // LangFlow ends a connection whose lease it cannot renew for the lease's 30 seconds.
    await until("eu-west hears no more", async () => (await west.lastHeard()) < (await east.lastHeard()) - 2);
    expect(await west.lastHeard()).toBeLessThan(last + 20);
    const [lease] = await east.query<{ connection_id: string }>("SELECT connection_id FROM trigger_listener_lease");
    expect(lease?.connection_id).toBe(connection);
  });
});
