import { randomUUID } from "node:crypto";
import { Client } from "pg";
import { Accounts } from "../../agent/accounts/accounts";
import { Envelope } from "../../agent/accounts/envelope";
import type { DeleteLimits } from "../../agent/accounts/massDeletes";
import type { Objects } from "../../agent/accounts/objects";
import { Peers } from "../../agent/accounts/peers";
import { prepareAccounts } from "../../agent/accounts/schema";
import { StrayUploads } from "../../agent/accounts/strayUploads";
import { TABLES } from "../../agent/accounts/tables";
import type { Decision } from "../../agent/approvals/heldDeletes";
import { FlowStore } from "../../agent/langflow/store";
import { parseDatabaseUrl } from "../../agent/postgres/connection";
import { until } from "./langflowApi";
import { type Postgres, Scratch } from "./scratch";

/** A bucket whose objects come to the others when they are replicated. */
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

/** The fleet's. */
export const SECRET_KEY = "the-fleets-secret-key-of-forty-three-chars-";

/** Two regions, each with a database as LangFlow's migrations leave it: copies of the server's `migrated`. */
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
 * A migrated server for all tests of a file, and two regions on it for each that asks; the hooks that begin and end them are the
 * file's. It is to be called at the file's top.
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
    /** How many pairs there have been. */
    number: () => number,
    /** Ends another region with its test. */
    endWithTest: (region: AccountsRegion) => void open.push(region),
    async pair(): Promise<[AccountsRegion, AccountsRegion]> {
      number += 1;
      const pair = await twoRegions(postgres, number);
      open.push(...pair);
      return pair;
    },
  };
}

/** A round of each region's agent, one after the other; what became of them. */
export async function rounds(...of: readonly AccountsRegion[]) {
  const outcomes = [];
  for (const region of of) outcomes.push(await region.accounts.round());
  return outcomes;
}

/** Rounds until no region has anything to tell or to apply; each bucket is reachable again. @returns what the last ones did */
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
  /** A session of the test's own, which ends with the agent's. */
  client!: Client;
  accounts!: Accounts;
  now = 0;
  /** No number of deletes waits. */
  limits: DeleteLimits = { users: 1, rows: 1, share: 1 };
  /** What a person said, by code. */
  readonly decisions = new Map<string, Decision>();

  constructor(
    private readonly postgres: Postgres,
    readonly name: string,
    readonly database: string,
  ) {}

  /** Connects, as an agent does at its start. */
  async open(peers: Map<string, Objects>, secretKey = SECRET_KEY): Promise<void> {
    const store = new FlowStore(parseDatabaseUrl(this.postgres.url(this.database)), () => undefined);
    this.client = new Client({ connectionString: this.postgres.url(this.database) });
    await this.client.connect();
    this.client.on("end", () => void store.close());
    // The session before ends a moment after it was told to.
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

  /** A user saves a graph. */
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
