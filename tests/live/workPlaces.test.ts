import { execFile } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { promisify } from "node:util";
import { ListObjectsV2Command } from "@aws-sdk/client-s3";
import { langFlowEnvironment, PATHS } from "../../model/langflow";
import { pageRows } from "../pageTable";
import { LangFlowApi, until } from "./langflowApi";
import { Scratch, type ScratchS3, SUPERUSER } from "./scratch";

jest.setTimeout(600_000);

const BUCKET = "flows";
const SCRIPT = join(__dirname, "workPlaces.py");
/** Names of settings that may decide where LangFlow stores something. */
const PLACE =
  /(_dir|_path|_file|_type|_store|_cache|_bucket_name|_prefix|_roots|_outbox_dir|database_url|redis_url|redis_queue_url|_storage_uri)$/;

let scratch: Scratch;
let s3: ScratchS3;
let environment: Record<string, string>;
let langflow: LangFlowApi;
let userId: string;

/** The pod's folders, each as a folder of this test. */
const folderOf = (place: string): string => join(scratch.folder, "pod", place);

beforeAll(async () => {
  scratch = await Scratch.make();
  const postgres = await scratch.migratedPostgres();
  s3 = await scratch.s3();
  await s3.bucket(BUCKET);
  const settings = { awsRegion: "us-east-1", hostname: "localhost", bucketName: BUCKET, providerKeyNames: [] };
  const ofPod = Object.entries(langFlowEnvironment({ ...settings, customComponents: "nobody" })).map(
    ([name, value]) => {
      const place = Object.values(PATHS).find((each) => value === each || value.startsWith(`${each}/`));
      return [name, place === undefined ? value : folderOf(value)] as const;
    },
  );
  for (const place of Object.values(PATHS)) mkdirSync(folderOf(place), { recursive: true });
  environment = {
    ...Object.fromEntries(ofPod),
    ...s3.environment,
    TMPDIR: folderOf(PATHS.temporary),
    LANGFLOW_DATABASE_URL: postgres.url("migrated"),
    LANGFLOW_PROMETHEUS_ENABLED: "false",
    LANGFLOW_LOG_LEVEL: "error",
  };
  const url = await scratch.langflow("langflow", environment);
  langflow = LangFlowApi.withToken(url, await LangFlowApi.login(url, SUPERUSER.username, SUPERUSER.password));
  userId = (await langflow.call("GET", "/api/v1/users/whoami")).id;
});
afterAll(() => scratch?.end());

const python = (...args: string[]) =>
  promisify(execFile)(join(scratch.tools.pythonBin, "python"), [SCRIPT, ...args], {
    env: { PATH: process.env.PATH ?? "", ...environment },
  });

/** Uses everything with which LangFlow stores files. */
async function useLangFlow(): Promise<void> {
  const flow = await langflow.createFileReader("a flow", await langflow.upload("report.txt", "an upload"));
  const job = await langflow.startRun(flow.id, "hello", "a session");
  await until("the run is completed", async () => (await langflow.runState(job))?.status === "completed");
  await langflow.edit(flow.id, { fs_path: "a_flow.json" });
  await langflow.call("PATCH", `/api/v1/users/${userId}`, { profile_image: "Space/046-rocket.svg" });
  await langflow.text("/api/v1/files/profile_pictures/Space/046-rocket.svg");
  await langflow.call("POST", "/api/v1/knowledge_bases", {
    name: "facts",
    embedding_provider: "OpenAI",
    embedding_model: "text-embedding-3-small",
    backend_type: "sqlite",
  });
  await langflow.text("/api/v1/all");
  await python("write", userId);
}

/** Returns every file below the pod's folders, and every object in the bucket. */
async function stored(): Promise<string[]> {
  const root = folderOf("");
  const files = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `/${relative(root, join(entry.parentPath, entry.name))}`);
  const { Contents = [] } = await s3.client.send(new ListObjectsV2Command({ Bucket: BUCKET }));
  return [...files, ...Contents.map(({ Key }) => `s3:${Key}`)].sort();
}

/** Returns the code in the first cell of rows of docs/how-work-travels.md. */
const listed = (row: RegExp): string[] =>
  pageRows("how-work-travels.md", row).flatMap(([cell = ""]) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code),
  );

it("LangFlow stores files only in places that docs/how-work-travels.md lists, and in each of them", async () => {
  await useLangFlow();
  const found = await stored();
  const places = listed(/^\| `(\/|s3:)/);
  const isIn = (file: string, place: string) => file === place || (place.endsWith("/") && file.startsWith(place));
  expect(found.filter((file) => !places.some((place) => isIn(file, place)))).toEqual([]);
  expect(places.filter((place) => !found.some((file) => isIn(file, place)))).toEqual([]);
});

it("every setting that may decide where LangFlow stores something is in docs/how-work-travels.md", async () => {
  const names: string[] = JSON.parse((await python("settings")).stdout.trim().split("\n").at(-1) ?? "[]");
  const known = listed(/^\| `[^|]*\| (pod|unset) +\|/);
  expect(names.filter((name) => PLACE.test(name)).sort()).toEqual(known.sort());
  const isSet = (name: string) => environment[`LANGFLOW_${name.toUpperCase()}`] !== undefined;
  expect(known.filter(isSet)).toEqual(listed(/^\| `[^|]*\| pod +\|/).sort());
});
