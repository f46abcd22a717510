import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ListObjectsV2Command } from "@aws-sdk/client-s3";
import fc from "fast-check";
import { prepareAccounts } from "../../agent/accounts/schema";
import { FlowStore } from "../../agent/langflow/store";
import { openDatabase, parseDatabaseUrl } from "../../agent/postgres/connection";
import { RecordDatabase } from "../../agent/record/database";
import { TABLES } from "../../formats/tables/tables";
import { ExitCode } from "../../model/errors";
import { type GivenRun, KillableImport, type KillStage } from "./killableImport";
import { until } from "./langflowApi";
import type { Place } from "./moveInStages";
import { importedState } from "./moveInState";
import { type Postgres, type Scratch, type ScratchS3, SUPERUSER } from "./scratch";

const FLEETS_KEY = randomBytes(32).toString("base64url");

/** Result of an import in a region, without parts that differ each time: how secrets are encrypted, and timestamps. */
export interface RegionState {
  /** Rows of replicated tables, and the import's records of them. */
  readonly carried: unknown;
  /** Rows of all other tables. */
  readonly others: unknown;
  readonly uploads: readonly unknown[];
  /** Databases besides the region's own. */
  readonly databases: readonly unknown[];
}

export interface Point {
  readonly stage: KillStage;
  /** Fraction of the stage's duration in the undisturbed import. */
  readonly share: number;
  readonly what: "pod" | "all";
}

/** All stages, in order. */
export const STAGES: readonly KillStage[] = [
  "packing",
  "uploading",
  "begin",
  "migrate-source",
  "loading",
  "migrate-newest",
  "carrying",
  "uploads",
];
export const SHARE = fc.double({ min: 0, max: 1, noNaN: true });
export const WHAT = fc.constantFrom("pod" as const, "all" as const);

/** Regions into which one source is imported, with kills and without. */
export class KilledRegions {
  private constructor(
    private readonly scratch: Scratch,
    private readonly postgres: Postgres,
    private readonly s3: ScratchS3,
    private readonly source: Pick<GivenRun, "from" | "config">,
    /** Prefix of the regions' names. */
    private readonly prefix: string,
  ) {}

  /** An import that is not killed, whose stages are timed. */
  private undisturbed: { readonly run: KillableImport; readonly state: RegionState } | undefined;

  /**
   * Imports a source once without a kill.
   *
   * @param postgres server with a database `migrated`, which each region copies; see {@link preparedPostgres}
   */
  static async make(
    scratch: Scratch,
    { postgres, s3 }: { readonly postgres: Postgres; readonly s3: ScratchS3 },
    source: Pick<GivenRun, "from" | "config">,
    prefix = "",
  ): Promise<KilledRegions> {
    const regions = new KilledRegions(scratch, postgres, s3, source, prefix);
    const place = await regions.freshRegion("undisturbed");
    const run = KillableImport.start(regions.fileOf(place));
    expect([await run.ended, run.said]).toEqual([ExitCode.Success, ""]);
    regions.undisturbed = { run, state: await regions.stateOf(place) };
    expect(regions.undisturbed.state.databases).toEqual([]);
    return regions;
  }

  /** The undisturbed import. */
  get whole(): { readonly run: KillableImport; readonly state: RegionState } {
    if (!this.undisturbed) throw new Error("the undisturbed import has not ended");
    return this.undisturbed;
  }

  async freshRegion(name: string): Promise<Place> {
    const database = `${this.prefix}${name}`;
    await this.postgres.create(database, "migrated");
    return {
      region: "us-east",
      bucket: await this.s3.bucket(database),
      databaseUrl: this.postgres.url(database),
      fleetsKey: FLEETS_KEY,
      superuser: SUPERUSER.username,
      filesPrefix: "files",
      s3: this.s3.environment,
      pythonBin: this.scratch.tools.pythonBin,
      folder: this.scratch.folder,
    };
  }

  private fileOf(place: Place): string {
    const file = join(this.scratch.folder, `${place.bucket}.json`);
    writeFileSync(file, JSON.stringify({ ...this.source, place } satisfies GivenRun), { mode: 0o600 });
    return file;
  }

  private async stateOf(place: Place): Promise<RegionState> {
    const carried = await importedState(parseDatabaseUrl(place.databaseUrl), FLEETS_KEY);
    const contents = Object.entries(await this.postgres.contents(place.bucket));
    const list = new ListObjectsV2Command({ Bucket: place.bucket, Prefix: "files/" });
    const { Contents = [] } = await this.s3.client.send(list);
    return {
      carried,
      others: contents.filter(([table]) => !(table in carried)),
      uploads: Contents.map(({ Key, ETag, Size }) => [Key, ETag, Size]),
      databases: await this.postgres.query(
        "postgres",
        "SELECT datname FROM pg_database WHERE datname LIKE 'langflow_dr%'",
      ),
    };
  }

  /**
   * Runs an import and kills it at a point, unless it ends earlier because a previously killed import had completed the
   * work.
   */
  async killed(place: Place, { stage, share, what }: Point): Promise<{ afterMs: number; isKilled: boolean }> {
    const began = Date.now();
    const run = KillableImport.start(this.fileOf(place));
    if (!(await run.until(stage))) {
      expect([await run.ended, run.said]).toEqual([ExitCode.Success, ""]);
      return { afterMs: Date.now() - began, isKilled: false };
    }
    await sleep(share * this.whole.run.spent(stage));
    const isKilled = run.kill(stage, what);
    const code = await run.ended;
    // The verb reports a killed pod. A container that is killed after its last output counts as completed.
    expect([undefined, ExitCode.Success, ExitCode.ResourceFailed]).toContain(code);
    await until("the killed import's sessions have ended", async () => {
      const names = [place.bucket, "langflow_dr_move_in"];
      const sessions = "SELECT FROM pg_stat_activity WHERE datname = ANY($1)";
      return (await this.postgres.query("postgres", sessions, [names])).length === 0;
    });
    return { afterMs: Date.now() - began, isKilled };
  }

  /** Runs an import to its end. */
  async repeated(place: Place): Promise<RegionState> {
    const run = KillableImport.start(this.fileOf(place));
    expect([await run.ended, run.said]).toEqual([ExitCode.Success, ""]);
    return this.stateOf(place);
  }

  /**
   * Kills imports into one region, each in a different stage at a random moment, and compares the result of the next
   * complete import with that of the undisturbed import.
   */
  async killInEachStage(stages: readonly KillStage[], seed: number): Promise<void> {
    const place = await this.freshRegion("each");
    const moments = fc.sample(fc.record({ share: SHARE, what: WHAT }), { seed, numRuns: stages.length });
    const points = stages.map((stage, at) => ({ stage, share: 0.5, what: "all" as const, ...moments[at] }));
    const took: string[] = [];
    const missed: Point[] = [];
    for (const point of points) {
      const { afterMs, isKilled } = await this.killed(place, point);
      took.push(`${point.stage} ${afterMs}`);
      if (!isKilled) missed.push(point);
    }
    process.stderr.write(`killed after, in ms: ${took.join(", ")}; again: ${missed.length}\n`);
    expect({ points, state: await this.repeated(place) }).toEqual({ points, state: this.whole.state });
    // Tests each stage with a real kill: if nothing was left to do in a stage, it is repeated in a separate region with
    // a kill at the stage's start.
    for (const { stage, what } of missed) {
      const own = await this.freshRegion(`own_${stage.replace("-", "_")}`);
      expect({ stage, isKilled: (await this.killed(own, { stage, what, share: 0 })).isKilled }).toEqual({
        stage,
        isKilled: true,
      });
      expect({ stage, state: await this.repeated(own) }).toEqual({ stage, state: this.whole.state });
    }
  }
}

/** Starts a server whose database `migrated` has the state of a region before an import, with its agent's tables. */
export async function preparedPostgres(scratch: Scratch): Promise<Postgres> {
  const postgres = await scratch.postgres("migrated", scratch.tools.migratedDatabase);
  const address = parseDatabaseUrl(postgres.url("migrated"));
  const store = new FlowStore(address);
  await new RecordDatabase(store).head();
  await store.close();
  const client = await openDatabase(address);
  await prepareAccounts(client, TABLES);
  await client.end();
  return postgres;
}
