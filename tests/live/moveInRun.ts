/**
 * Runs an import in a separate process, with its pod's containers as child processes, so that a test can kill all of
 * them: `node --require ./typescript.cjs tests/live/moveInRun.ts <file>` with a file that contains a {@link GivenRun}.
 * Each line on standard output is the start of a stage and the process that runs it.
 */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { MoveInBucket } from "../../agent/moveIn/moveInBucket";
import { openDatabase, parseDatabaseUrl } from "../../agent/postgres/connection";
import { importSource } from "../../fleet/moveIn/importing/importSource";
import { UserError } from "../../model/errors";
import type { GivenRun, KillStage } from "./killableImport";
import { takeIn } from "./moveInStages";

const LOOK_MS = 10;
const SCRATCH = "langflow_dr_move_in";

const told = new Set<string>();
let current = { name: "", pid: 0 };

function tell(stage: KillStage, pid = process.pid): void {
  if (told.has(stage)) return;
  told.add(stage);
  process.stdout.write(`${stage} ${pid}\n`);
}

/** Reports the uploading stage at its first write, because packing and uploading alternate. */
class TellingBucket extends MoveInBucket {
  override async write(key: string, bytes: string | Uint8Array): Promise<void> {
    tell("uploading");
    return super.write(key, bytes);
  }
}

async function run({ from, config, place }: GivenRun): Promise<void> {
  const s3 = new S3Client({
    endpoint: place.s3.AWS_ENDPOINT_URL,
    region: place.s3.AWS_REGION,
    forcePathStyle: true,
    credentials: {
      accessKeyId: place.s3.AWS_ACCESS_KEY_ID ?? "",
      secretAccessKey: place.s3.AWS_SECRET_ACCESS_KEY ?? "",
    },
  });
  const database = await openDatabase(parseDatabaseUrl(place.databaseUrl));
  const uploads = async () => {
    const list = new ListObjectsV2Command({ Bucket: place.bucket, Prefix: `${place.filesPrefix}/` });
    return (await s3.send(list)).KeyCount ?? 0;
  };
  const isAtScratch = async () => {
    const { rows } = await database.query("SELECT FROM pg_stat_activity WHERE datname = $1", [SCRATCH]);
    return rows.length > 0;
  };
  const uploadsBefore = await uploads();
  /** Reports stages that begin inside a container. */
  const watch = async () => {
    for (; !told.has("uploads"); await sleep(LOOK_MS)) {
      const { name, pid } = current;
      if (name === "load" && (await isAtScratch())) tell("loading", pid);
      if (name !== "carry") continue;
      if (await isAtScratch()) tell("carrying", pid);
      if ((await uploads()) > uploadsBefore) tell("uploads", pid);
    }
  };
  tell("packing");
  watch().catch(() => undefined);
  await importSource({
    from: "env:SOURCE",
    config,
    environment: { SOURCE: from },
    withoutSecrets: false,
    damaged: false,
    signal: new AbortController().signal,
    report: () => undefined,
    target: {
      region: place.region,
      bucket: new TellingBucket(s3, place.bucket),
      takeIn: (package_) =>
        takeIn(place, package_, (name, pid) => {
          current = { name, pid };
          tell(name, pid);
        }),
      close: () => undefined,
    },
  });
}

const [, , file = ""] = process.argv;
run(JSON.parse(readFileSync(file, "utf8"))).then(
  () => process.exit(0),
  (error: Error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(error instanceof UserError ? error.exitCode : 1);
  },
);
