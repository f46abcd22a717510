import { randomUUID } from "node:crypto";
import { Client } from "pg";
import { Accounts } from "../../agent/accounts/accounts";
import { Envelope } from "../../agent/accounts/envelope";
import type { DeleteLimits } from "../../agent/accounts/massDeletes";
import type { Objects } from "../../agent/accounts/objects";
import { Peers } from "../../agent/accounts/peers";
import { prepareAccounts } from "../../agent/accounts/schema";
import { StrayUploads } from "../../agent/accounts/strayUploads";
import type { Decision } from "../../agent/approvals/heldDeletes";
import { FlowStore } from "../../agent/langflow/store";
import { parseDatabaseUrl } from "../../agent/postgres/connection";
import { TABLES } from "../../formats/tables/tables";
import { until } from "./langflowApi";
import { type Postgres, Scratch } from "./scratch";

/** A bucket in memory, whose objects other regions receive by replication. */
class MemoryBucket implements Objects {
  readonly objects = new Map<string, Buffer>();
  away = false;

  async listAfter(prefix: string, after: string): Promise<string[]> {
    return [...this.objects.keys()]
      .filter((key) => key.startsWith(prefix) && key > after)
      .sort()
      .slice(0, 1000);
  }
  async readWhole(key: string): Promise<Buffer | undefined> {
    return this.objects.get(key);
  }
  async createOnce(key: string, body: Buffer): Promise<boolean> {
    if (this.away) throw new Error("the bucket is away");
    if (this.objects.has(key)) return false;
    this.objects.set(key, body);
    return true;
  }
  async remove(key: string): Promise<void> {
    this.objects.delete(key);
  }
  async copy(from: string, to: string): Promise<boolean> {
    const body = this.objects.get(from);
    if (body) this.objects.set(to, body);
    return body !== undefined;
  }
}

/** The fleet's secret key. */
export const SECRET_KEY = "the-fleets-secret-key-of-forty-three-chars-";

/** Returns two regions, each with a copy of the server's database `migrated`, which LangFlow's migrations created. */
export async function twoRegions(
  postgres: Postgres,
  number: number,
  secretKey = SECRET_KEY,
): Promise<[AccountsRegion, AccountsRegion]> {
  const us = new AccountsRegion(postgres, "us-east", `us_${number}`);
  const eu = new AccountsRegion(postgres, "eu-west", `eu_${number}`);
  for (const region of [us, eu]) await postgres.create(region.database, "migrated");
  await us.open(new Map([["eu-west", eu.bucket]]), secretKey);
  await eu.open(new Map([["us-east", us.bucket]]), secretKey);
  return [us, eu];
}

/**
 * Registers hooks that start a migrated PostgreSQL server for all tests of a file, and returns functions that create
 * pairs of regions. Call this at the top level of a test file.
 */
export function regionsOfFile() {
  let scratch: Scratch;
  let postgres: Postgres;
  let number = 0;
  const open: AccountsRegion[] = [];
  beforeAll(async () => {
    scratch = await Scratch.make();
    postgres = await scratch.migratedPostgres();
  });
  afterAll(() => scratch.end());
  afterEach(async () => {
    for (const region of open.splice(0)) await region.client.end();
  });
  return {
    scratch: () => scratch,
    postgres: () => postgres,
    /** Returns the number of pairs so far. */
    number: () => number,
    /** Ends an additional region after the test. */
    endWithTest: (region: AccountsRegion) => void open.push(region),
    async pair(): Promise<[AccountsRegion, AccountsRegion]> {
      number += 1;
      const pair = await twoRegions(postgres, number);
      open.push(...pair);
      return pair;
    },
  };
}

/** Runs one round of each region's agent, one after the other, and returns the results. */
export async function rounds(...of: readonly AccountsRegion[]) {
  const outcomes = [];
  for (const region of of) outcomes.push(await region.accounts.round());
  return outcomes;
}

/**
 * Runs rounds until no region publishes or applies anything. Advances the time so that each bucket is retried. @returns
 * the results of the last rounds
 */
export async function settle(...regions: AccountsRegion[]) {
  for (let round = 0; round < 12; round += 1) {
    for (const region of regions) region.now += 31_000;
    const outcomes = await rounds(...regions);
    if (outcomes.every(({ published: told, applied }) => told + applied === 0)) return outcomes;
  }
  throw new Error("the regions do not come to rest");
}

/** A region's database and its agent. */
export class AccountsRegion {
  readonly bucket = new MemoryBucket();
  /** The test's own session, which ends together with the agent's. */
  client!: Client;
  accounts!: Accounts;
  now = 0;
  /** Limits above which deletes are held. By default no number is. */
  limits: DeleteLimits = { users: 1, rows: 1, share: 1 };
  /** An operator's decisions, by code. */
  readonly decisions = new Map<string, Decision>();

  constructor(
    private readonly postgres: Postgres,
    readonly name: string,
    readonly database: string,
  ) {}

  /** Connects to the database, as an agent does at its start. */
  async open(peers: Map<string, Objects>, secretKey = SECRET_KEY): Promise<void> {
    const store = new FlowStore(parseDatabaseUrl(this.postgres.url(this.database)), () => undefined);
    this.client = new Client({ connectionString: this.postgres.url(this.database) });
    await this.client.connect();
    this.client.on("end", () => void store.close());
    // The previous session ends a moment after it was asked to.
    await until("this session is the writer", () => store.becomeWriter(), 10_000);
    await store.through((client) => prepareAccounts(client, TABLES));
    this.accounts = new Accounts({
      region: this.name,
      own: this.bucket,
      peers: new Peers(peers, () => this.now),
      prefix: "accounts",
      uploads: new StrayUploads(this.bucket, "files"),
      envelope: new Envelope(secretKey),
      prepare: (client) => prepareAccounts(client, TABLES),
      session: (work) => store.through(work),
      limits: this.limits,
      decisionOn: (code) => this.decisions.get(code),
    });
  }

  query<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
    return this.postgres.query<Row>(this.database, text, values);
  }

  /** Saves a flow's graph, as a user does. */
  async save(flow: string, graph: unknown): Promise<void> {
    await this.query("UPDATE flow SET data = $2, version_token = gen_random_uuid(), updated_at = now() WHERE id = $1", [
      flow,
      JSON.stringify(graph),
    ]);
  }

  async makeUser(username: string, id = randomUUID()): Promise<string> {
    await this.query(
      `INSERT INTO "user" (id, username, password, is_active, is_superuser, create_at, updated_at)
        VALUES ($1, $2, 'hash', true, false, now(), now())`,
      [id, username],
    );
    return id;
  }
}
