import { table } from "../../fleet/terminal/table";
import { NAMESPACE } from "../../model/langflow";
import { DIGEST, type Manifest, manifest, manifests, REGISTRY, recordRegion } from "../langflow";
import type { Recorded } from "../mocks";
import { type Answer, ApiServer } from "./apiServer";
import { customKinds, withIdentity } from "./autoMode";
import { establish } from "./cluster";
import { eventually } from "./program";

const OWN = `${REGISTRY}/langflow@${DIGEST}`;
const TAG = `${REGISTRY}/langflow:1.13.0`;
const ELSEWHERE = `docker.io/langflowai/langflow@${DIGEST}`;

/** Time limit for setup: the first build of the tools takes minutes. Afterward the server starts in seconds. */
const BUILD_TIMEOUT_MS = 30 * 60_000;

/** Outcome of a request: admitted, or the rule that refused it. */
type Verdict = "admitted" | "images" | "identities" | "pod security" | "other";
type Verdicts = Record<string, Verdict>;

/** Expected verdict for each admission probe. */
const EXPECTED: Verdicts = {
  "LangFlow's pod": "admitted",
  "the flow sync's pod": "admitted",
  "a backup's pod": "admitted",
  "a restore's pod": "admitted",
  "an import's pod": "admitted",
  "an image by tag": "images",
  "an image by tag and digest": "images",
  "an image by neither": "images",
  "an image of another registry": "images",
  "an image of a registry that looks alike": "images",
  "an image of a registry that ends alike": "images",
  "an image by a short digest": "images",
  "an image by more than a digest": "images",
  "a tag beside a good image": "images",
  "an init container by tag": "images",
  "an init container of ours": "admitted",
  "a volume of another registry": "images",
  "a tag as ephemeral container": "images",
  "an ephemeral container of ours": "admitted",
  "a running pod's image changed to a tag": "images",
  "a running pod's image changed to ours": "admitted",
  "a label on a pod older than the rules": "admitted",
  "no credentials": "identities",
  "credentials for one container of two": "identities",
  "a privileged container": "pod security",
  "a container that may gain privileges": "pod security",
  "a pod of root's": "pod security",
  "the node's network": "pod security",
  "a folder of the node": "pod security",
};

/** A set of rules with one broken clause. */
interface Variant {
  readonly what: string;
  /** Kind of the object to change. `name` is also required if there are several objects of that kind. */
  readonly kind: string;
  readonly name?: string;
  /** Returns the broken object, or undefined to omit the object. */
  readonly change: (object: Manifest) => Manifest | undefined;
}

describe("admission to the namespace", () => {
  let server: ApiServer;
  let resources: Recorded[];

  beforeAll(async () => {
    resources = await recordRegion({ webhook: true });
    server = await ApiServer.start();
    await establish(server, await customKinds());
  }, BUILD_TIMEOUT_MS);
  afterAll(() => server?.stop());

  const template = (kind: "Deployment" | "CronJob", name: string): Manifest["spec"] => {
    const { spec } = manifest(resources, kind, name);
    return (spec.jobTemplate?.spec ?? spec).template;
  };

  /** Returns our rules, rewritten for a namespace of another name, in the order in which they are created. */
  function rulesFor(namespace: string): Manifest[] {
    const kinds = ["Namespace", "ServiceAccount", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"];
    const renamed = (object: Manifest): Manifest =>
      JSON.parse(JSON.stringify(object), (key, value) => {
        if (key === "kubernetes.io/metadata.name" || key === "namespace") return namespace;
        if (key === "policyName" || (key === "name" && String(value).startsWith(`${NAMESPACE}-`)))
          return value.replace(NAMESPACE, namespace);
        return key === "name" && value === NAMESPACE && object.kind === "Namespace" ? namespace : value;
      });
    return kinds.flatMap((kind) => manifests(resources).filter((each) => each.kind === kind)).map(renamed);
  }

  const pod = (
    namespace: string,
    name: string,
    { metadata, spec }: Manifest["spec"],
    changes: object = {},
  ): Manifest => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { ...metadata, name, namespace },
    spec: { ...spec, ...changes },
  });

  /**
   * Creates a namespace with the given rules. Before the rules, it creates one pod that they would refuse and one pod
   * that
   * they would admit.
   */
  async function enforce(namespace: string, rules: readonly Manifest[]): Promise<void> {
    const make = async (object: Manifest) => {
      const { status, body } = await server.create(object);
      if (status !== 201) throw new Error(`${object.kind} ${object.metadata.name}: ${body.message}`);
    };
    const early = (kind: string) => kind === "Namespace" || kind === "ServiceAccount";
    for (const object of rules.filter(({ kind }) => early(kind))) await make(object);
    const langflow = template("Deployment", "langflow-us-east");
    await make(pod(namespace, "older", langflow, { containers: [{ ...langflow.spec.containers[0], image: TAG }] }));
    await make(withIdentity(pod(namespace, "running", langflow)));
    for (const object of rules.filter(({ kind }) => !early(kind))) await make(object);
  }

  /** Sends every probe of the table as a dry run and returns the verdicts. */
  async function verdicts(namespace: string): Promise<Verdicts> {
    const langflow = template("Deployment", "langflow-us-east");
    const [container] = langflow.spec.containers;
    const [init] = langflow.spec.initContainers;
    const made = (changes: object = {}) => withIdentity(pod(namespace, "probe", langflow, changes));
    const create = (object: Manifest) => server.create(object, { dryRun: true });
    const image = (reference: string) => create(made({ containers: [{ ...container, image: reference }] }));
    const volume = (extra: object) =>
      create(made({ volumes: [...langflow.spec.volumes, { name: "extra", ...extra }] }));
    const secured = (securityContext: object) => create(made({ containers: [{ ...container, securityContext }] }));
    const running = pod(namespace, "running", langflow);
    const debug = (reference: string) => {
      const ephemeral = { name: "debug", image: reference, securityContext: container.securityContext };
      return server.tryPatch(running, { spec: { ephemeralContainers: [ephemeral] } }, "ephemeralcontainers");
    };
    const replaced = (reference: string) =>
      server.tryPatch(running, { spec: { containers: [{ name: container.name, image: reference }] } });
    const sidecar = { ...container, name: "sidecar", ports: [] };
    const half = made();
    half.spec.containers = [...half.spec.containers, sidecar];
    const whole = (kind: "Deployment" | "CronJob", name: string) =>
      create(withIdentity(pod(namespace, "probe", template(kind, name))));
    const probes: Record<keyof typeof EXPECTED, () => Promise<Answer>> = {
      "LangFlow's pod": () => create(made()),
      "the flow sync's pod": () => whole("Deployment", "flow-sync-us-east"),
      "a backup's pod": () => whole("CronJob", "backup-us-east"),
      "a restore's pod": () => whole("CronJob", "restore-us-east"),
      "an import's pod": () => whole("CronJob", "move-in-us-east"),
      "an image by tag": () => image(TAG),
      "an image by tag and digest": () => image(`${TAG}@${DIGEST}`),
      "an image by neither": () => image(`${REGISTRY}/langflow`),
      "an image of another registry": () => image(ELSEWHERE),
      "an image of a registry that looks alike": () => image(OWN.replace(".dkr.", "xdkr.")),
      "an image of a registry that ends alike": () => image(`evil.example.com/${OWN}`),
      "an image by a short digest": () => image(OWN.slice(0, -1)),
      "an image by more than a digest": () => image(`${OWN}0`),
      "a tag beside a good image": () => create(made({ containers: [container, { ...sidecar, image: TAG }] })),
      "an init container by tag": () => create(made({ initContainers: [{ ...init, image: TAG }] })),
      "an init container of ours": () => create(made({ initContainers: [{ ...init, image: OWN }] })),
      "a volume of another registry": () => volume({ image: { reference: ELSEWHERE } }),
      "a tag as ephemeral container": () => debug(TAG),
      "an ephemeral container of ours": () => debug(OWN),
      "a running pod's image changed to a tag": () => replaced(TAG),
      "a running pod's image changed to ours": () => replaced(OWN.replace(/ab$/, "cd")),
      "a label on a pod older than the rules": () =>
        server.tryPatch(pod(namespace, "older", langflow), { metadata: { labels: { touched: "yes" } } }),
      "no credentials": () => create(pod(namespace, "probe", langflow)),
      "credentials for one container of two": () => create(half),
      "a privileged container": () => secured({ privileged: true }),
      "a container that may gain privileges": () => secured({}),
      "a pod of root's": () => create(made({ securityContext: { runAsUser: 0 } })),
      "the node's network": () => create(made({ hostNetwork: true })),
      "a folder of the node": () => volume({ hostPath: { path: "/" } }),
    };
    const told = await Promise.all(
      Object.entries(probes).map(async ([probe, ask]) => [probe, verdictOf(await ask())] as const),
    );
    return Object.fromEntries(told);
  }

  /** Waits until the last rules are in force. Rules take effect in the order of their creation. */
  const inForce = (namespace: string) =>
    eventually("the rules to be in force", async () => expect(await verdicts(namespace)).toEqual(EXPECTED));

  it("refuses each forbidden object of the test's table by the expected rule", async () => {
    await enforce("told", rulesFor("told"));
    await inForce("told");
    const found = await verdicts("told");
    process.stdout.write(`${table(["asked for", "becomes of it"], Object.entries(found))}\n`);
    expect(found).toEqual(EXPECTED);
  });

  it("no longer matches the test's table if any single clause of a rule is broken", async () => {
    const names = VARIANTS.map((_, index) => `variant-${index}`);
    for (const [index, { kind, name, change }] of VARIANTS.entries()) {
      const namespace = `variant-${index}`;
      const isMeant = (object: Manifest) =>
        object.kind === kind && (name === undefined || object.metadata.name === `${namespace}-${name}`);
      const rules = rulesFor(namespace);
      expect(rules.filter(isMeant)).toHaveLength(1);
      await enforce(
        namespace,
        rules.flatMap((object) => (isMeant(object) ? (change(object) ?? []) : object)),
      );
    }
    await enforce("last", rulesFor("last"));
    await inForce("last");
    const told: [string, string][] = [];
    for (const [index, namespace] of names.entries()) {
      const found = await verdicts(namespace);
      const others = Object.keys(EXPECTED).filter((probe) => found[probe] !== EXPECTED[probe]);
      told.push([VARIANTS[index]?.what ?? "", briefly(others.map((probe) => `${probe}: ${found[probe]}`))]);
    }
    const missed = told.filter(([, by]) => by === "").map(([what]) => what);
    process.stdout.write(
      `${table(["broken", "told by"], told)}\nadmission: caught ${told.length - missed.length} of ${told.length}\n`,
    );
    expect(missed).toEqual([]);
  }, 120_000);

  it.each(["images", "identities"])(
    "applies the %s rule to no other namespace, but would apply it everywhere without the namespace selector",
    async (rule) => {
      const [namespace, selectsNone] = [`alone-${rule}`, `everywhere-${rule}`];
      await enforce(namespace, rulesFor(namespace));
      await inForce(namespace);
      const elsewhere: Manifest = {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: "probe", namespace: "kube-system" },
        spec: { containers: [{ name: "any", image: "busybox:1.36" }], automountServiceAccountToken: false },
      };
      await eventually("the ServiceAccount of the other namespace", async () => {
        const account = { name: "default", namespace: "kube-system" };
        const { status } = await server.create({ apiVersion: "v1", kind: "ServiceAccount", metadata: account });
        expect([201, 409]).toContain(status);
      });
      const verdict = async () => verdictOf(await server.create(elsewhere, { dryRun: true }));
      expect(await verdict()).toBe("admitted");
      const isPolicy = ({ kind, metadata }: Manifest) =>
        kind.startsWith("ValidatingAdmission") && metadata.name.endsWith(rule);
      const wide = rulesFor(selectsNone).filter(isPolicy);
      for (const object of wide) {
        if (object.kind === "ValidatingAdmissionPolicy") object.spec.matchConstraints.namespaceSelector = {};
        expect((await server.create(object)).status).toBe(201);
      }
      try {
        await eventually("the other namespace to be judged", async () => expect(await verdict()).toBe(rule));
      } finally {
        for (const object of wide) await server.remove(object);
      }
      await eventually("the other namespace to be left alone again", async () =>
        expect(await verdict()).toBe("admitted"),
      );
    },
  );
});

const briefly = ([first = "", ...more]: string[]) => (more.length > 0 ? `${first}, and ${more.length} more` : first);

function verdictOf({ status, body }: Answer): Verdict {
  if (status === 200 || status === 201) return "admitted";
  const message = String(body.message);
  if (message.includes("every image must come from")) return "images";
  if (message.includes("EKS added no AWS credentials")) return "identities";
  return message.includes("violates PodSecurity") ? "pod security" : "other";
}

const [POLICY, BINDING] = ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"] as const;
const spec = (changes: (spec: Manifest["spec"]) => object) => (object: Manifest) => ({
  ...object,
  spec: { ...object.spec, ...changes(object.spec) },
});
const rule = (changes: object) =>
  spec(({ matchConstraints }) => ({
    matchConstraints: {
      ...matchConstraints,
      resourceRules: [{ ...matchConstraints.resourceRules[0], ...changes }],
    },
  }));
const expression = (from: string | RegExp, to: string) =>
  spec(({ validations }) => ({
    validations: [{ ...validations[0], expression: changed(validations[0].expression, from, to) }],
  }));
const pattern = (from: string | RegExp, to: string) =>
  spec(({ variables }) => ({
    variables: [{ ...variables[0], expression: changed(variables[0].expression, from, to) }],
  }));
const labels = (changes: object) => (object: Manifest) => ({
  ...object,
  metadata: { ...object.metadata, labels: { ...object.metadata.labels, ...changes } },
});

function changed(text: string, from: string | RegExp, to: string): string {
  const result = text.replace(from, () => to);
  if (result === text) throw new Error(`${text} holds no ${from}`);
  return result;
}

const forRule = (name: "images" | "identities"): Variant[] => [
  { what: `${name}: absent`, kind: POLICY, name, change: () => undefined },
  { what: `${name}: not bound`, kind: BINDING, name, change: () => undefined },
  { what: `${name}: only audits`, kind: BINDING, name, change: spec(() => ({ validationActions: ["Audit"] })) },
  { what: `${name}: judges no pods`, kind: POLICY, name, change: rule({ resources: ["pods/ephemeralcontainers"] }) },
];
const images = (what: string, change: Variant["change"]): Variant => ({
  what: `images: ${what}`,
  kind: POLICY,
  name: "images",
  change,
});
const identities = (what: string, change: Variant["change"]): Variant => ({
  what: `identities: ${what}`,
  kind: POLICY,
  name: "identities",
  change,
});
const namespace = (what: string, changes: object): Variant => ({
  what: `pod security: ${what}`,
  kind: "Namespace",
  change: labels(changes),
});

/** One variant for each clause of each rule. */
const VARIANTS: Variant[] = [
  ...forRule("images"),
  ...forRule("identities"),
  images("ignores containers", expression("object.spec.?containers.", "object.spec.?none.")),
  images("ignores init containers", expression("object.spec.?initContainers.", "object.spec.?none.")),
  images("ignores ephemeral containers", expression("object.spec.?ephemeralContainers.", "object.spec.?none.")),
  images("ignores volumes", expression(/ && object\.spec\.\?volumes.*/, "")),
  images("accepts a pod with one valid image", expression(".all(c,", ".exists(c,")),
  images("ignores added ephemeral containers", rule({ resources: ["pods"] })),
  images("ignores updates", rule({ operations: ["CREATE"] })),
  images("ignores new pods", rule({ operations: ["UPDATE"] })),
  images(
    "checks a label change of an existing pod",
    spec(() => ({ matchConditions: [] })),
  ),
  images(
    "ignores every update of a pod",
    spec(() => ({ matchConditions: [{ name: "new", expression: "oldObject == null" }] })),
  ),
  images("accepts the registry anywhere in the name", pattern("^", "")),
  images("accepts text after the digest", pattern("$", "")),
  images("treats dots as wildcards", pattern(/\\\\\./g, ".")),
  images("accepts a digest of any length", pattern("{64}", "+")),
  images("accepts a tag in addition to the digest", pattern("@sha256", "(:[a-z0-9.]+)?@sha256")),
  images("accepts a tag instead of the digest", pattern(/@sha256.*\$/, "(:[a-z0-9.]+|@sha256:[0-9a-f]{64})$")),
  images("accepts a missing digest", pattern(/@sha256:(.*)\$/, "(@sha256:[0-9a-f]{64})?$")),
  images("accepts any registry", pattern(/\^.*?\//, "^[^@]+/")),
  identities("accepts a pod if one container has credentials", expression(".all(c,", ".exists(c,")),
  identities("accepts any variable as credentials", expression(/e\.name == "[^"]*"/, "true")),
  identities("checks a label change of an existing pod", rule({ operations: ["CREATE", "UPDATE"] })),
  namespace("only warns", { "pod-security.kubernetes.io/enforce": "privileged" }),
  namespace("enforces only the baseline level", { "pod-security.kubernetes.io/enforce": "baseline" }),
];
