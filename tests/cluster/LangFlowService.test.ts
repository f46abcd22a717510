import * as kubernetes from "@pulumi/kubernetes";
import { ClusterReaders } from "../../components/cluster/ClusterReaders";
import { type CronJob, moveInJob, moveInSecret } from "../../fleet/moveIn/importing/moveInJob";
import { READERS_GROUP } from "../../model/readableKinds";
import { DIGEST, type Manifest, manifest, manifests, REGISTRY, recordRegion } from "../langflow";
import { type Recorded, record } from "../mocks";
import { type Answer, ApiServer } from "./apiServer";
import { customKinds, withIdentity } from "./autoMode";
import { establish } from "./cluster";
import { eventually } from "./program";

const OWN = `${REGISTRY}/langflow@${DIGEST}`;
const TAG_ONLY = `${REGISTRY}/langflow:1.13.0`;
const ELSEWHERE = `docker.io/langflowai/langflow@${DIGEST}`;
/** Time limit for a changed admission policy to take effect, which takes a few seconds. */
const TIME_FOR_RULES_MS = 60_000;

/** Time limit for setup: the first build of the tools takes minutes. Afterward the server starts in seconds. */
const BUILD_TIMEOUT_MS = 20 * 60_000;

describe("a real API server with the manifests of LangFlow and the agent", () => {
  let server: ApiServer;
  let resources: Recorded[];
  const answers = new Map<string, Answer>();

  beforeAll(async () => {
    resources = await recordRegion({ webhook: true });
    server = await ApiServer.start();
    await establish(server, await customKinds());
    for (const object of manifests(resources)) {
      answers.set(`${object.kind} ${object.metadata.name}`, await server.create(object));
    }
    await eventually("the admission policy to be in force", async () => {
      const { status } = await admit({ containers: [container({ image: TAG_ONLY })] });
      if (status === 201) throw new Error("still admits a tag");
    });
  }, BUILD_TIMEOUT_MS);
  afterAll(() => server?.stop());

  /** Returns LangFlow's container with only the fields that the admission tests need, plus `changes`. */
  const container = (changes: object = {}): Record<string, unknown> => ({
    ...manifest(resources, "Deployment", "langflow-us-east").spec.template.spec.containers[0],
    ...changes,
  });

  /** Returns the pod that a controller would create from a pod template. */
  const asked = ({ metadata, spec }: Manifest["spec"], changes: object = {}): Manifest => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { ...metadata, name: "probe", namespace: "langflow" },
    spec: { ...spec, ...changes },
  });
  /** Returns LangFlow's pod with the fields that EKS Pod Identity adds at admission. `changes` override its spec. */
  const pod = (changes: object = {}): Manifest => withIdentity(asked(template(), changes));
  const template = () => manifest(resources, "Deployment", "langflow-us-east").spec.template;
  const admit = (changes: object = {}): Promise<Answer> => server.create(pod(changes), { dryRun: true });

  const refusedFor = (answer: Answer, reason: string): void => {
    expect(answer.status).toBe(403);
    expect(answer.body.message).toContain(reason);
  };
  const IMAGE_RULE = `every image must come from ${REGISTRY}`;
  const POD_RULE = 'violates PodSecurity "restricted:v1.35"';

  it("accepts all of them with strict field validation and without warnings", () => {
    const refused = [...answers].filter(([, { status }]) => status !== 201);
    expect(refused.map(([object, { body }]) => `${object}: ${body.message}`)).toEqual([]);
    expect([...answers].flatMap(([object, { warnings }]) => warnings.map((each) => `${object}: ${each}`))).toEqual([]);
    expect(answers.size).toBeGreaterThanOrEqual(33);
  });

  it("admits the LangFlow pod unchanged", async () => {
    const answer = await admit();
    expect(answer.body.message).toBeUndefined();
    expect(answer.status).toBe(201);
    expect(answer.warnings).toEqual([]);
  });

  it.each<[string, () => Manifest["spec"]]>([
    ["the flow sync", () => manifest(resources, "Deployment", "flow-sync-us-east").spec.template],
    ["a backup", () => manifest(resources, "CronJob", "backup-us-east").spec.jobTemplate.spec.template],
    ["a restore", () => manifest(resources, "CronJob", "restore-us-east").spec.jobTemplate.spec.template],
    ["an import", () => manifest(resources, "CronJob", "move-in-us-east").spec.jobTemplate.spec.template],
  ])("admits the pod of %s unchanged", async (_, template) => {
    const answer = await server.create(withIdentity(asked(template())), { dryRun: true });
    expect(answer.body.message).toBeUndefined();
    expect([answer.status, answer.warnings]).toEqual([201, []]);
  });

  it("lets `kubectl create job --from` create a Job from the suspended restore CronJob", async () => {
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

  it("lets `move-in import` create a Job from the suspended import CronJob, together with the Job's Secret", async () => {
    const cronJob = manifest(resources, "CronJob", "move-in-us-east") as unknown as CronJob;
    const run = { packageName: "a-package", sha256: "0".repeat(64), secretKey: "the source's" };
    const made = await server.create(moveInJob(cronJob, run) as Manifest);
    expect([made.status, made.warnings, made.body.message]).toEqual([201, [], undefined]);
    const { metadata, spec } = made.body;
    const secret = await server.create(moveInSecret(cronJob, metadata.uid, run) as Manifest);
    expect([secret.status, secret.warnings]).toEqual([201, []]);
    const answer = await server.create(withIdentity(asked(spec.template)), { dryRun: true });
    expect([answer.status, answer.warnings, answer.body.message]).toEqual([201, [], undefined]);
  });

  it.each([
    ["a tag", TAG_ONLY],
    ["both a tag and a digest", `${TAG_ONLY}@${DIGEST}`],
    ["neither tag nor digest", `${REGISTRY}/langflow`],
    ["a different registry", ELSEWHERE],
    ["a registry with a similar name", OWN.replace(".dkr.", "xdkr.")],
    ["a short digest", OWN.slice(0, -1)],
  ])("rejects a container whose image names %s", async (_, image) => {
    refusedFor(await admit({ containers: [container({ image })] }), IMAGE_RULE);
  });

  it("rejects a pod that has a forbidden image next to an allowed one", async () => {
    const sidecar = container({ name: "sidecar", image: ELSEWHERE, ports: [] });
    refusedFor(await admit({ containers: [container(), sidecar] }), IMAGE_RULE);
  });

  it("admits our own image in an init container and rejects an image tag there", async () => {
    const init = (image: string) => ({
      initContainers: [{ name: "init", image, securityContext: container().securityContext }],
    });
    expect((await admit(init(OWN))).status).toBe(201);
    refusedFor(await admit(init(TAG_ONLY)), IMAGE_RULE);
  });

  it("applies the image rule to image volumes", async () => {
    const { spec } = pod();
    const mounted = (reference: string) => ({ volumes: [...spec.volumes, { name: "extra", image: { reference } }] });
    refusedFor(await admit(mounted(ELSEWHERE)), IMAGE_RULE);
    expect((await admit(mounted(OWN))).body.message ?? "").not.toContain(IMAGE_RULE);
  });

  it("admits our own image in an ephemeral container of a running pod and rejects an image tag there", async () => {
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

  it("applies the image rule when the image of a running pod changes", async () => {
    const change = (image: string) => server.tryPatch(pod(), { spec: { containers: [{ name: "langflow", image }] } });
    refusedFor(await change(TAG_ONLY), IMAGE_RULE);
    expect((await change(OWN.replace(/ab$/, "cd"))).status).toBe(200);
  });

  it("rejects a pod in which any container has no AWS credentials, because it would never receive them later", async () => {
    refusedFor(await server.create(asked(template()), { dryRun: true }), "EKS added no AWS credentials");
    const sidecar = container({ name: "sidecar", env: [], ports: [] });
    const half = withIdentity(asked(template()));
    half.spec.containers = [...half.spec.containers, sidecar];
    refusedFor(await server.create(half, { dryRun: true }), "EKS added no AWS credentials");
  });

  it(
    "admits changes of labels and finalizers on a pod that predates a policy, but rejects changes of its images",
    async () => {
      const older = pod();
      older.metadata.name = "older";
      expect((await server.create(older)).status).toBe(201);
      const policy = manifest(resources, "ValidatingAdmissionPolicy", "langflow-images");
      const [allowed] = policy.spec.variables;
      const nothing = [{ ...allowed, expression: '"^nothing$"' }];
      expect((await server.patch(policy, { spec: { variables: nothing } })).status).toBe(200);
      const image = { spec: { containers: [{ name: "langflow", image: OWN.replace(/ab$/, "ef") }] } };
      await eventually("the other rule to be in force", async () =>
        refusedFor(await server.tryPatch(older, image), IMAGE_RULE),
      );
      const touched = { metadata: { labels: { touched: "yes" }, finalizers: ["example.com/kept"] } };
      expect((await server.tryPatch(older, touched)).status).toBe(200);
      expect((await server.tryPatch(older, { metadata: { finalizers: null } })).status).toBe(200);
      expect((await server.patch(policy, { spec: { variables: [allowed] } })).status).toBe(200);
      await eventually("the rule to be back", async () =>
        expect((await server.tryPatch(older, image)).status).toBe(200),
      );
    },
    TIME_FOR_RULES_MS,
  );

  it("applies the rules to no pod in other namespaces", async () => {
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
    ["a pod that runs as root", () => ({ securityContext: { runAsUser: 0 } })],
    ["a pod on the node's network", () => ({ hostNetwork: true })],
    [
      "a pod that mounts a folder of the node",
      () => ({ volumes: [...pod().spec.volumes, { name: "node", hostPath: { path: "/" } }] }),
    ],
  ])("rejects %s", async (_, changes) => {
    refusedFor(await admit(changes()), POD_RULE);
  });

  it("lets readers get every object but change none and read no other Secret", async () => {
    const readers = await record(() => {
      const provider = new kubernetes.Provider("readers", { kubeconfig: "{}" });
      new ClusterReaders("readers", { providers: [provider] });
    });
    for (const object of manifests(readers)) expect((await server.create(object)).status).toBe(201);
    const status = (method: "GET" | "LIST" | "PATCH" | "DELETE", object: Manifest) =>
      server.statusFor(READERS_GROUP, method, object);
    await eventually("the readers' role to be in force", async () => {
      expect(await status("GET", manifest(resources, "Namespace"))).toBe(200);
    });
    const all = [...manifests(resources), ...manifests(readers)];
    for (const object of all)
      for (const [method, expected] of [
        ["GET", 200],
        ["PATCH", 403],
        ["DELETE", 403],
      ] as const)
        expect([object.kind, method, await status(method, object)]).toEqual([object.kind, method, expected]);
    const of = (kind: string, apiVersion = "v1") =>
      ({ apiVersion, kind, metadata: { name: "any", namespace: "langflow" } }) as Manifest;
    // The provider lists these kinds to check whether a Deployment or a Service is ready.
    for (const object of [of("Pod"), of("Endpoints"), of("PersistentVolumeClaim"), of("ReplicaSet", "apps/v1")])
      expect([object.kind, await status("LIST", object)]).toEqual([object.kind, 200]);
    for (const method of ["GET", "LIST"] as const) expect(await status(method, of("Secret"))).toBe(403);
  });

  it("stores the manifests exactly as we sent them", async () => {
    for (const object of manifests(resources)) {
      const { body } = await server.read(object);
      expect([object.kind, body.metadata.name, body]).toMatchObject([object.kind, object.metadata.name, { ...object }]);
    }
  });
});
