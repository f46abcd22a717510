import {
  DIGEST,
  type Manifest,
  manifest,
  manifests,
  REGISTRY,
  recordBackup,
  recordLangFlow,
  recordSync,
  WEBHOOK,
} from "../langflow";
import type { Recorded } from "../mocks";
import { type Answer, ApiServer, eventually } from "./apiServer";
import { SECRET_PROVIDER_CLASS } from "./secretProviderClass";

const OWN = `${REGISTRY}/langflow@${DIGEST}`;
const TAG_ONLY = `${REGISTRY}/langflow:1.13.0`;
const ELSEWHERE = `docker.io/langflowai/langflow@${DIGEST}`;
interface Condition {
  type: string;
  status: string;
}

/** Building the tools takes minutes, once; then the server is up in seconds. */
const BUILD_TIMEOUT = 20 * 60_000;

describe("the manifests of LangFlow and the agent on a real API server", () => {
  let server: ApiServer;
  let resources: Recorded[];
  const answers = new Map<string, Answer>();

  beforeAll(async () => {
    resources = [
      ...(await recordLangFlow({ webhook: true })),
      ...(await recordSync({ webhook: WEBHOOK })),
      ...(await recordBackup()),
    ];
    server = await ApiServer.start();
    await server.create(SECRET_PROVIDER_CLASS);
    await eventually("the definition of SecretProviderClass", async () => {
      const { conditions = [] } = (await server.read(SECRET_PROVIDER_CLASS)).body.status;
      const established = conditions.some((each: Condition) => each.type === "Established" && each.status === "True");
      if (!established) throw new Error("not established");
    });
    for (const object of manifests(resources)) {
      answers.set(`${object.kind} ${object.metadata.name}`, await server.create(object));
    }
    await eventually("the admission policy to be in force", async () => {
      const { status } = await admit({ containers: [container({ image: TAG_ONLY })] });
      if (status === 201) throw new Error("still admits a tag");
    });
  }, BUILD_TIMEOUT);
  afterAll(() => server?.stop());

  /** LangFlow's container, less what a probe of admission does not need. */
  const container = (changes: object = {}): Record<string, unknown> => ({
    ...manifest(resources, "Deployment", "langflow-us-east").spec.template.spec.containers[0],
    ...changes,
  });

  /** A pod just as the Deployment makes it, but for `changes` to its spec. */
  const pod = (changes: object = {}, namespace = "langflow"): Manifest => {
    const { metadata, spec } = manifest(resources, "Deployment", "langflow-us-east").spec.template;
    return {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { ...metadata, name: "probe", namespace },
      spec: { ...spec, ...changes },
    };
  };
  const admit = (changes: object = {}): Promise<Answer> => server.create(pod(changes), { dryRun: true });

  const refusedFor = (answer: Answer, reason: string): void => {
    expect(answer.status).toBe(403);
    expect(answer.body.message).toContain(reason);
  };
  const IMAGE_RULE = `every image must be a digest from ${REGISTRY}`;
  const POD_RULE = 'violates PodSecurity "restricted:v1.35"';

  it("are all accepted, each field known, without a warning", () => {
    const refused = [...answers].filter(([, { status }]) => status !== 201);
    expect(refused.map(([object, { body }]) => `${object}: ${body.message}`)).toEqual([]);
    expect([...answers].flatMap(([object, { warnings }]) => warnings.map((each) => `${object}: ${each}`))).toEqual([]);
    expect(answers.size).toBeGreaterThanOrEqual(33);
  });

  it("make pods that are admitted as they are", async () => {
    const answer = await admit();
    expect(answer.body.message).toBeUndefined();
    expect(answer.status).toBe(201);
    expect(answer.warnings).toEqual([]);
  });

  it.each<[string, () => Manifest["spec"]]>([
    ["the flow sync", () => manifest(resources, "Deployment", "flow-sync-us-east").spec.template],
    ["a backup", () => manifest(resources, "CronJob", "backup-us-east").spec.jobTemplate.spec.template],
    ["a restore", () => manifest(resources, "CronJob", "restore-us-east").spec.jobTemplate.spec.template],
  ])("make pods of %s that are admitted as they are", async (_, template) => {
    const { metadata, spec } = template();
    const answer = await server.create(
      { apiVersion: "v1", kind: "Pod", metadata: { ...metadata, name: "agent", namespace: "langflow" }, spec },
      { dryRun: true },
    );
    expect(answer.body.message).toBeUndefined();
    expect([answer.status, answer.warnings]).toEqual([201, []]);
  });

  it("make a Job of the suspended restore, as `kubectl create job --from` does", async () => {
    const { metadata, spec } = manifest(resources, "CronJob", "restore-us-east").spec.jobTemplate;
    const job = {
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: { ...metadata, name: "restore-1", namespace: "langflow" },
      spec,
    };
    const answer = await server.create(job, { dryRun: true });
    expect(answer.body.message).toBeUndefined();
    expect(answer.status).toBe(201);
  });

  it.each([
    ["a tag", TAG_ONLY],
    ["a tag beside a digest", `${TAG_ONLY}@${DIGEST}`],
    ["neither tag nor digest", `${REGISTRY}/langflow`],
    ["another registry", ELSEWHERE],
    ["a registry that only looks alike", OWN.replace(".dkr.", "xdkr.")],
    ["a short digest", OWN.slice(0, -1)],
  ])("refuse a container whose image names %s", async (_, image) => {
    refusedFor(await admit({ containers: [container({ image })] }), IMAGE_RULE);
  });

  it("refuse such an image beside a good one", async () => {
    const sidecar = container({ name: "sidecar", image: ELSEWHERE, ports: [] });
    refusedFor(await admit({ containers: [container(), sidecar] }), IMAGE_RULE);
  });

  it("judge init containers too: ours may run, others may not", async () => {
    const init = (image: string) => ({
      initContainers: [{ name: "init", image, securityContext: container().securityContext }],
    });
    expect((await admit(init(OWN))).status).toBe(201);
    refusedFor(await admit(init(TAG_ONLY)), IMAGE_RULE);
  });

  it("judge images mounted as volumes", async () => {
    const { spec } = pod();
    const mounted = (reference: string) => ({ volumes: [...spec.volumes, { name: "extra", image: { reference } }] });
    refusedFor(await admit(mounted(ELSEWHERE)), IMAGE_RULE);
    expect((await admit(mounted(OWN))).body.message ?? "").not.toContain(IMAGE_RULE);
  });

  it("judge ephemeral containers added to a running pod: ours may join, a tag may not", async () => {
    expect((await server.create(pod())).status).toBe(201);
    const debug = (image: string) =>
      server.tryPatch(
        pod(),
        {
          spec: { ephemeralContainers: [{ name: "debug", image, securityContext: container().securityContext }] },
        },
        "ephemeralcontainers",
      );
    refusedFor(await debug(TAG_ONLY), IMAGE_RULE);
    refusedFor(await debug(ELSEWHERE), IMAGE_RULE);
    expect((await debug(OWN)).status).toBe(200);
  });

  it("judge a change of a running pod's image", async () => {
    const change = (image: string) => server.tryPatch(pod(), { spec: { containers: [{ name: "langflow", image }] } });
    refusedFor(await change(TAG_ONLY), IMAGE_RULE);
    expect((await change(OWN.replace(/ab$/, "cd"))).status).toBe(200);
  });

  it("leave other namespaces alone", async () => {
    const elsewhere: Manifest = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "probe", namespace: "kube-system" },
      spec: { containers: [{ name: "any", image: "busybox:1.36" }], automountServiceAccountToken: false },
    };
    await eventually("the namespace's ServiceAccount", async () => {
      const { status, body } = await server.create(
        { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default", namespace: "kube-system" } },
        {},
      );
      if (status !== 201 && status !== 409) throw new Error(body.message);
    });
    const answer = await server.create(elsewhere, { dryRun: true });
    expect(answer.body.message).toBeUndefined();
    expect(answer.status).toBe(201);
  });

  it.each<[string, () => object]>([
    ["a privileged container", () => ({ containers: [container({ securityContext: { privileged: true } })] })],
    ["a container that may gain privileges", () => ({ containers: [container({ securityContext: {} })] })],
    ["a pod of root's", () => ({ securityContext: { runAsUser: 0 } })],
    ["a pod on the node's network", () => ({ hostNetwork: true })],
    ["a folder of the node", () => ({ volumes: [...pod().spec.volumes, { name: "node", hostPath: { path: "/" } }] })],
  ])("refuse %s", async (_, changes) => {
    refusedFor(await admit(changes()), POD_RULE);
  });

  it("keep the server's idea of them equal to ours: what was sent is what is stored", async () => {
    for (const object of manifests(resources)) {
      const { body } = await server.read(object);
      expect([object.kind, body.metadata.name, body]).toMatchObject([object.kind, object.metadata.name, { ...object }]);
    }
  });
});
