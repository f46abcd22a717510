import fc from "fast-check";
import { parseConfig } from "../../agent/process/config";
import {
  adoptEnvironment,
  BACKUP_DEADLINE_SECONDS,
  backupEnvironment,
  backupSchedule,
  moveInEnvironment,
  restoreEnvironment,
  syncEnvironment,
  webhookHostname,
} from "../../model/agent";
import { langFlowEnvironment } from "../../model/langflow";

const place = { region: "us-east", awsRegion: "us-east-1", bucketName: "flows" };
const repository = { url: "https://git.example.com/acme/flows.git", branch: "main" };
const settings = {
  repository,
  intervalSeconds: 30,
  deletes: { share: 0.5, number: 3 },
  regionDeletes: { users: 5, rows: 20, share: 0.1 },
  allowedSecrets: ["0a1b2c3d-0000-4000-8000-000000000001"],
  peers: [],
  schedules: { region: "us-east" },
};
const peers = [
  { region: "eu-west", awsRegion: "eu-west-1", bucketName: "flows-eu" },
  { region: "ap-south", awsRegion: "ap-south-1", bucketName: "flows-ap" },
];
const DATABASE = { LANGFLOW_DATABASE_URL: "postgresql://u:p@db:5432/flows" };

describe("the agent's environment", () => {
  it("passes the agent's own validation, combined with the secrets of each task", () => {
    expect(parseConfig("adopt", { ...adoptEnvironment("us-east", "eu-west"), ...DATABASE })).toMatchObject({
      AGENT_PROJECT: "langflow-dr",
      LANGFLOW_SUPERUSER: "admin",
    });
    const secrets = { ...DATABASE, LANGFLOW_SECRET_KEY: "secret" };
    expect(parseConfig("sync", { ...syncEnvironment(place, settings), ...secrets })).toMatchObject({
      AGENT_PROJECT: "langflow-dr",
      LANGFLOW_SUPERUSER: "admin",
      AGENT_INTERVAL_SECONDS: 30,
      AGENT_METRICS_PORT: 9091,
      AGENT_GIT_BRANCH: "main",
      AGENT_DELETES_SHARE: 0.5,
      AGENT_DELETES_NUMBER: 3,
      AGENT_ALLOWED_SECRETS: settings.allowedSecrets,
    });
    expect(parseConfig("backup", { ...backupEnvironment(place, "1.13.0"), ...DATABASE })).toMatchObject({
      AGENT_BUCKET: "flows",
      AGENT_LANGFLOW_VERSION: "1.13.0",
    });
    expect(parseConfig("restore", { ...restoreEnvironment(place), ...DATABASE })).toMatchObject({
      AGENT_DATA_DIR: "/data",
    });
    const ofRun = { MOVE_IN_PACKAGE: "package", MOVE_IN_SHA256: "0".repeat(64), MOVE_IN_SECRET_KEY: "key" };
    expect(parseConfig("moveIn", { ...moveInEnvironment(place), ...secrets, ...ofRun })).toMatchObject({
      AGENT_MOVE_IN_PREFIX: "move-in",
      LANGFLOW_SUPERUSER: "admin",
    });
  });

  it("lacks only the Git variables without a repository", () => {
    const recorded = syncEnvironment(place, settings);
    const without = syncEnvironment(place, { ...settings, repository: undefined });
    const gone = Object.keys(recorded).filter((name) => !(name in without));
    expect(gone.sort()).toEqual([
      "AGENT_ALLOWED_SECRETS",
      "AGENT_DELETES_NUMBER",
      "AGENT_DELETES_SHARE",
      "AGENT_GIT_BRANCH",
      "AGENT_GIT_URL",
    ]);
    expect(recorded).toMatchObject(without);
  });

  it("lists the buckets for accounts: the region's own, and the other regions' by name", () => {
    const told = syncEnvironment(place, { ...settings, peers });
    expect(told).toMatchObject({ AGENT_BUCKET: "flows", AGENT_ACCOUNTS_PREFIX: "accounts" });
    expect(JSON.parse(told.AGENT_PEERS ?? "")).toEqual({
      "eu-west": { bucket: "flows-eu", awsRegion: "eu-west-1" },
      "ap-south": { bucket: "flows-ap", awsRegion: "ap-south-1" },
    });
    expect(syncEnvironment(place, { ...settings, peers: peers.toReversed() })).toEqual(told);
  });

  it("names the region that holds the schedules, and a witness only if there is one", () => {
    const witness = { awsRegion: "us-west-2", bucketName: "witness" };
    const told = (schedules: typeof settings.schedules & { witness?: typeof witness }) =>
      syncEnvironment(place, { ...settings, schedules });
    expect(told({ region: "eu-west" })).toMatchObject({ AGENT_SCHEDULES_REGION: "eu-west" });
    expect(told({ region: "eu-west" })).not.toHaveProperty("AGENT_WITNESS");
    expect(JSON.parse(told({ region: "eu-west", witness }).AGENT_WITNESS ?? "")).toEqual({
      bucket: "witness",
      awsRegion: "us-west-2",
    });
  });

  it("tells the command `adopt` which region holds the schedules", () => {
    expect(adoptEnvironment("us-east", "eu-west").AGENT_SCHEDULES_REGION).toBe("eu-west");
  });

  it("matches LangFlow's settings for files and the first account", () => {
    const langFlow = langFlowEnvironment({
      ...place,
      hostname: "l.example.com",
      providerKeyNames: [],
      customComponents: "nobody",
    });
    expect(backupEnvironment(place, "1.13.0").AGENT_FILES_PREFIX).toBe(langFlow.LANGFLOW_OBJECT_STORAGE_PREFIX);
    expect(adoptEnvironment("us-east", "us-east").LANGFLOW_SUPERUSER).toBe(langFlow.LANGFLOW_SUPERUSER);
    const { AGENT_DATA_DIR: dataDir } = backupEnvironment(place, "1.13.0");
    expect(langFlow.LANGFLOW_KNOWLEDGE_BASES_DIR?.startsWith(`${dataDir}/`)).toBe(true);
  });
});

describe("backupSchedule", () => {
  it("starts at 03:17 in the first region", () => {
    expect(backupSchedule(0)).toBe("17 3 * * *");
  });

  it("schedules any two regions of a fleet further apart than a backup's timeout", () => {
    const minute = (index: number) => {
      const [minutes, hours] = backupSchedule(index).split(" ").map(Number);
      return (hours ?? 0) * 60 + (minutes ?? 0);
    };
    fc.assert(
      fc.property(fc.nat(15), fc.nat(15), (one, other) => {
        fc.pre(one !== other);
        const apart = Math.abs(minute(one) - minute(other));
        expect(Math.min(apart, 1440 - apart) * 60).toBeGreaterThan(BACKUP_DEADLINE_SECONDS);
      }),
    );
  });
});

describe("webhookHostname", () => {
  it("returns one name per region directly below the zone, which Cloudflare's own certificate covers", () => {
    expect(webhookHostname("us-east", "example.com")).toBe("flows-us-east.example.com");
  });
});
