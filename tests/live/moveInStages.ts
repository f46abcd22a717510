import { spawn } from "node:child_process";
import { join } from "node:path";
import type { MoveInRun } from "../../fleet/moveIn/importing/importSource";
import { variableOf } from "../../fleet/moveIn/importing/moveInJob";
import { type EndedContainer, endOfRun } from "../../fleet/moveIn/importing/runEnd";
import { migrationsCommand } from "../../model/moveIn";
import type { Scratch } from "./scratch";

const REPOSITORY = join(__dirname, "../..");

/** Environment that the containers of a run share. */
export interface Place {
  readonly region: string;
  readonly bucket: string;
  readonly databaseUrl: string;
  readonly fleetsKey: string;
  readonly superuser: string;
  readonly filesPrefix: string;
  /** Environment variables for access to the bucket. */
  readonly s3: Readonly<Record<string, string>>;
  /** Folder of a Python with the fleet's LangFlow. */
  readonly pythonBin: string;
  readonly folder: string;
}

/** Returns the environment of an import into us-east. */
export function placeIn(
  { tools, folder }: Scratch,
  own: Pick<Place, "bucket" | "databaseUrl" | "fleetsKey" | "superuser" | "s3">,
): Place {
  return { ...own, region: "us-east", filesPrefix: "files", pythonBin: tools.pythonBin, folder };
}

export type StageName = "since" | "contents" | "begin" | "migrate-source" | "load" | "migrate-newest" | "carry";
const STAGE_NAMES: readonly StageName[] = ["begin", "migrate-source", "load", "migrate-newest", "carry"];

/** Called with a container's process once it has started. */
export type OnStarted = (container: StageName, pid: number) => void;

/** Runs the containers of an import as processes, one after the other. @throws the errors of a run in a cluster */
export async function takeIn(place: Place, run: MoveInRun, onStarted?: OnStarted): Promise<void> {
  for (const name of run.question ? [run.question.stage] : STAGE_NAMES) {
    const ended = await stage(name, place, run, onStarted);
    if (ended.exitCode !== 0) throw endOfRun(place.region, ended);
  }
}

async function stage(
  name: StageName,
  place: Place,
  { packageName, sha256, secretKey, question }: MoveInRun,
  onStarted?: OnStarted,
): Promise<EndedContainer> {
  const isMigration = name === "migrate-source" || name === "migrate-newest";
  const environment = {
    ...place.s3,
    HOME: place.folder,
    TMPDIR: place.folder,
    NODE_NO_WARNINGS: "1",
    LANGFLOW_DATABASE_URL: place.databaseUrl,
  };
  return isMigration
    ? migrate(name, place, environment, secretKey, onStarted)
    : ended(
        name,
        process.execPath,
        ["--require", "./typescript.cjs", "agent/main.ts", "move-in", name],
        {
          ...environment,
          PATH: process.env.PATH,
          AGENT_REGION: place.region,
          AGENT_BUCKET: place.bucket,
          AGENT_FILES_PREFIX: place.filesPrefix,
          LANGFLOW_SECRET_KEY: place.fleetsKey,
          LANGFLOW_SUPERUSER: place.superuser,
          MOVE_IN_PACKAGE: packageName,
          MOVE_IN_SHA256: sha256,
          MOVE_IN_SECRET_KEY: secretKey,
          ...(question && { [variableOf(question).name]: variableOf(question).value }),
        },
        onStarted,
      );
}

/** Runs LangFlow's migrations like a container of its image. */
export function migrate(
  name: "migrate-source" | "migrate-newest",
  { pythonBin, folder }: Pick<Place, "pythonBin" | "folder">,
  environment: NodeJS.ProcessEnv,
  secretKey: string,
  onStarted?: OnStarted,
): Promise<EndedContainer> {
  const [, ...args] = migrationsCommand(name === "migrate-source" ? "source" : "heads");
  const variables = {
    HOME: folder,
    ...environment,
    LANGFLOW_CONFIG_DIR: folder,
    LANGFLOW_LOG_LEVEL: "error",
    LANGFLOW_SECRET_KEY: secretKey,
    DO_NOT_TRACK: "true",
    PYTHONDONTWRITEBYTECODE: "1",
  };
  return ended(name, join(pythonBin, "python"), args, variables, onStarted);
}

function ended(
  container: StageName,
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  onStarted?: OnStarted,
): Promise<EndedContainer> {
  const child = spawn(command, args, { cwd: REPOSITORY, env, stdio: ["ignore", "pipe", "pipe"] });
  if (child.pid !== undefined) onStarted?.(container, child.pid);
  let log = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      log += text;
    });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      resolve({ container, exitCode: code ?? 137, log });
    });
  });
}
