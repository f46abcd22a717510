import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { MoveInBucket } from "../../../agent/moveIn/moveInBucket";
import { cloudTarget } from "../../../fleet/moveIn/cloudTarget";
import { byPod } from "../../../fleet/moveIn/cutOver/inFleetAlone";
import { readProject } from "../../../fleet/stacks/project";
import type { Session } from "../../../fleet/stacks/session";
import { ExitCode } from "../../../model/errors";
import { manifest, recordMoveIn } from "../../langflow";

/**
 * A fake `kubectl` for an import: it logs its arguments and input, stores one Job, and reports the pod status that the
 * test sets. Like the real one, it prints nothing for a missing object, and rejects a duplicate.
 */
const KUBECTL = `#!/bin/sh
cd "$FOLDER"
shift 4
echo "$*" >>calls
case "$*" in
  "get cronjob"*) cat cronjob;;
  "get job "*) [ ! -e job ] || cat job;;
  "create "*)
    cat >given; cat given >>objects; echo >>objects
    case "$(cat given)" in
      '{"apiVersion":"batch/v1"'*) [ ! -e job ] || { echo 'Error from server (AlreadyExists): jobs.batch "move-in-us-east" already exists' >&2; exit 1; }
        echo '{"spec":{"suspend":true}}' >job; printf an-uid;;
      *) printf another;;
    esac;;
  "patch job"*) echo '{"spec":{"suspend":false}}' >job;;
  "delete job"*) rm -f job;;
  "get pods"*) [ ! -e failing ] || { cat failing >&2; exit 1; }; cat pods;;
esac
`;
const AWS = `#!/bin/sh
echo "aws $*" >>"$FOLDER/calls"
[ ! -e "$FOLDER/no-credentials" ] || { echo "Unable to locate credentials. You can configure credentials" >&2; exit 255; }
`;

const project = readProject(join(__dirname, "../../.."));
const folder = mkdtempSync(join(tmpdir(), "import-"));
const saved = { ...process.env };
const session = (deployed = true): Session =>
  ({
    has: () => deployed,
    run: async (stack: string) =>
      JSON.stringify(
        stack === "foundation" ? { regions: { "us-east": { bucketName: "flows" } } } : { clusterName: "c" },
      ),
  }) as unknown as Session;
const RUN = { packageName: "a-package", sha256: "0".repeat(64), secretKey: "the source's own key" };
const { signal } = new AbortController();
const said: string[] = [];
const report = (message: string) => void said.push(message);
const put = (name: string, text: string) => writeFileSync(join(folder, name), text);
const calls = () => readFileSync(join(folder, "calls"), "utf8").trim().split("\n");
const objects = () =>
  readFileSync(join(folder, "objects"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
const pod = (phase: string, ...statuses: object[]) =>
  put("pods", JSON.stringify({ items: [{ status: { phase, initContainerStatuses: statuses } }] }));
const ended = (name: string, exitCode: number, message?: string) => ({
  name,
  state: { terminated: { exitCode, message } },
});

async function takenIn(stop = signal, told = report): Promise<void> {
  const target = await cloudTarget("us-east", session(), project);
  try {
    await target.takeIn(RUN, told, stop);
  } finally {
    target.close();
  }
}

beforeAll(async () => {
  for (const [name, text] of [["kubectl", KUBECTL] as const, ["aws", AWS] as const]) {
    put(name, text);
    chmodSync(join(folder, name), 0o755);
  }
  Object.assign(process.env, { PATH: `${folder}${delimiter}${process.env.PATH}`, FOLDER: folder });
});
beforeEach(async () => {
  for (const name of ["job", "failing", "no-credentials", "objects"]) rmSync(join(folder, name), { force: true });
  put("calls", "");
  said.length = 0;
  const digest = [...project.stacks.values()][0]?.fleet.image.digest;
  const langFlowImage = `registry/langflow@${digest}`;
  put("cronjob", JSON.stringify(manifest(await recordMoveIn({ langFlowImage }), "CronJob", "move-in-us-east")));
  pod("Succeeded", ended("begin", 0));
});
afterAll(() => {
  process.env = saved;
  rmSync(folder, { recursive: true });
});

describe("an import into a region on the clouds", () => {
  it("creates a suspended Job and its Secret, starts the Job, and deletes both afterwards", async () => {
    await takenIn();
    const [job, secret] = objects();
    expect(job).toMatchObject({
      kind: "Job",
      metadata: { name: "move-in-us-east" },
      spec: { suspend: true, backoffLimit: 0 },
    });
    const { initContainers, containers } = job.spec.template.spec;
    for (const { env } of [...initContainers, ...containers])
      expect(env).toEqual(expect.arrayContaining([{ name: "MOVE_IN_PACKAGE", value: "a-package" }]));
    expect(secret).toMatchObject({
      kind: "Secret",
      metadata: { name: "move-in-us-east", ownerReferences: [{ kind: "Job", name: "move-in-us-east", uid: "an-uid" }] },
      stringData: { secretKey: RUN.secretKey },
    });
    expect(JSON.stringify(job) + calls().join()).not.toContain(RUN.secretKey);
    const done = calls().flatMap((call) => /^(create|patch|delete)/.exec(call)?.[1] ?? []);
    expect(done).toEqual(["create", "create", "patch", "delete"]);
  });

  it("runs only the agent's container for a move back, and returns the agent's result", async () => {
    const target = await cloudTarget("us-east", session(), project);
    const taken: string[] = [];
    const bucket = {
      read: async (key: string) => Buffer.from(JSON.stringify({ rows: [], flows: [], key })),
      deleteBelow: async (prefix: string) => void taken.push(prefix),
    } as unknown as MoveInBucket;
    const told = await byPod({ ...target, bucket }, true, report, signal).finally(target.close);
    const [{ spec }] = objects();
    const { initContainers, containers } = spec.template.spec;
    expect([initContainers, containers.length]).toEqual([[], 1]);
    expect(containers[0]).toMatchObject({ name: "since", command: ["agent", "move-in", "since"] });
    const { value: name } = containers[0].env.find((each: { name: string }) => each.name === "MOVE_IN_PACKAGE");
    expect(containers[0].env).toContainEqual({ name: "MOVE_IN_FLOWS", value: "true" });
    expect([told, taken]).toEqual([{ rows: [], flows: [], key: `move-in/${name}/result.json` }, [`move-in/${name}/`]]);
  });

  it("reports a failed container's message, deletes the Job, and exits with 4 or the agent's code", async () => {
    pod("Failed", ended("begin", 0), ended("migrate-source", 1, "LangFlow's migrations to a1 stopped"));
    await expect(takenIn()).rejects.toMatchObject({
      exitCode: ExitCode.ResourceFailed,
      message: expect.stringMatching(/^migrate-source of the run in us-east .*migrations to a1 stopped/),
    });
    pod("Failed", ended("begin", 2, JSON.stringify({ message: "nothing was moved: bea" })));
    await expect(takenIn()).rejects.toMatchObject({ exitCode: ExitCode.BadInput, message: "nothing was moved: bea" });
    expect(calls().filter((call) => call.startsWith("delete"))).toHaveLength(2);
  });

  it("reports the current container, and on an interrupt deletes the Job and exits with code 8", async () => {
    pod("Pending", ended("begin", 0), { name: "migrate-source", state: { waiting: { reason: "ImagePullBackOff" } } });
    const stop = new AbortController();
    const running = takenIn(stop.signal, (message) => {
      report(message);
      stop.abort();
    });
    await expect(running).rejects.toMatchObject({ exitCode: ExitCode.Cancelled });
    expect(said).toEqual(["us-east: migrate-source waits (ImagePullBackOff)"]);
    expect(calls().at(-1)).toMatch(/^delete job move-in-us-east/);
  });

  it("rejects a concurrent import with exit code 11, and deletes the Job of an import that died", async () => {
    put("job", '{"metadata":{"uid":"x"},"spec":{"suspend":false},"status":{}}');
    await expect(takenIn()).rejects.toMatchObject({ exitCode: ExitCode.Refused });
    expect(calls().filter((call) => call.startsWith("create"))).toEqual([]);
    for (const left of [
      '{"spec":{"suspend":true}}',
      '{"spec":{},"status":{"conditions":[{"type":"Failed","status":"True"}]}}',
    ]) {
      put("job", left);
      await takenIn();
    }
  });

  it("fails early without a deployment, a CronJob, a matching LangFlow or credentials", async () => {
    const refused = (exitCode: ExitCode, message: RegExp) => ({ exitCode, message: expect.stringMatching(message) });
    await expect(cloudTarget("us-east", session(false), project)).rejects.toMatchObject(
      refused(ExitCode.StackMissing, /^not deployed: foundation, us-east/),
    );
    await expect(cloudTarget("mars", session(), project)).rejects.toMatchObject(
      refused(ExitCode.BadInput, /unknown region mars/),
    );
    put("cronjob", "");
    await expect(takenIn()).rejects.toMatchObject(refused(ExitCode.StackMissing, /no CronJob move-in-us-east/));
    put("cronjob", JSON.stringify(manifest(await recordMoveIn(), "CronJob", "move-in-us-east")));
    await expect(takenIn()).rejects.toMatchObject(
      refused(ExitCode.BadInput, /runs a different LangFlow image than the config/),
    );
    put("no-credentials", "");
    await expect(takenIn()).rejects.toMatchObject(
      refused(ExitCode.Unauthenticated, /the cluster of us-east denied access/),
    );
  });
});
