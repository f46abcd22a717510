import type { types } from "@pulumi/kubernetes";
import * as kubernetes from "@pulumi/kubernetes";
import { ClusterReaders } from "../../components/cluster/ClusterReaders";
import { table } from "../../fleet/terminal/table";
import { READABLE_KINDS, READERS_GROUP } from "../../model/readableKinds";
import { manifest, manifests } from "../langflow";
import { type Recorded, record } from "../mocks";
import { ApiServer } from "./apiServer";
import { eventually } from "./program";

/** Time limit for setup: the first build of the tools takes minutes. Afterward the server starts in seconds. */
const BUILD_TIMEOUT_MS = 30 * 60_000;

/** All RBAC verbs except `use` and `attest`, which apply to none of these kinds. */
const VERBS = [
  "get",
  "list",
  "watch",
  "create",
  "update",
  "patch",
  "delete",
  "deletecollection",
  "bind",
  "escalate",
  "impersonate",
] as const;

/** The complete rights of readers, by kind or by kind and object name. */
const EXPECTED: Record<string, string> = {
  configmaps: "get",
  endpoints: "list",
  events: "",
  namespaces: "get",
  nodes: "",
  "nodes/proxy": "",
  persistentvolumeclaims: "get list",
  persistentvolumes: "get",
  pods: "list",
  "pods/exec": "",
  "pods/log": "",
  "pods/portforward": "",
  secrets: "",
  "secrets langflow-owner": "get",
  "endpoints langflow-owner": "list",
  serviceaccounts: "get",
  "serviceaccounts/token": "",
  services: "get",
  users: "",
  groups: "",
  "admissionregistration.k8s.io/mutatingwebhookconfigurations": "",
  "admissionregistration.k8s.io/validatingadmissionpolicies": "get",
  "admissionregistration.k8s.io/validatingadmissionpolicybindings": "get",
  "apps/deployments": "get",
  "apps/deployments/scale": "",
  "apps/replicasets": "list",
  "autoscaling/horizontalpodautoscalers": "get",
  "batch/cronjobs": "get",
  "batch/jobs": "",
  "eks.amazonaws.com/nodeclasses": "get",
  "karpenter.sh/nodepools": "get",
  "networking.k8s.io/networkpolicies": "get",
  "policy/poddisruptionbudgets": "get",
  "rbac.authorization.k8s.io/clusterrolebindings": "get",
  "rbac.authorization.k8s.io/clusterroles": "get",
  "rbac.authorization.k8s.io/roles": "",
  "secrets-store.csi.x-k8s.io/secretproviderclasses": "get",
  "storage.k8s.io/storageclasses": "get",
  // Readers have no rights on the other kinds of each group, which shows that no rule covers a whole group.
  ...Object.fromEntries(
    READABLE_KINDS.map(({ apiGroups }) => [[...[apiGroups].flat(), "others"].join("/").replace(/^\//, ""), ""]),
  ),
};

/** Matches a kind in a named API group. `pods/exec`, for example, is in the core group. */
const GROUPED = /^([\w-]+\.[\w.-]+|apps|autoscaling|batch|policy)\//;

/** Number of concurrent access reviews. */
const WIDTH = 40;

type Rule = types.input.rbac.v1.PolicyRule;

describe("the readers of a cluster", () => {
  let server: ApiServer;
  let resources: Recorded[];

  beforeAll(async () => {
    resources = await record(() => {
      const provider = new kubernetes.Provider("readers", { kubeconfig: "{}" });
      new ClusterReaders("readers", { providers: [provider] });
    });
    server = await ApiServer.start();
    for (const object of manifests(resources)) expect((await server.create(object)).status).toBe(201);
    await eventually("the role to be in force", async () =>
      expect(await mayDo(READERS_GROUP, "namespaces", "get")).toBe(true),
    );
  }, BUILD_TIMEOUT_MS);
  afterAll(() => server?.stop());

  /** Asks the API server whether a member of a group may perform a verb on a kind. */
  async function mayDo(group: string, kind: string, verb: string): Promise<boolean> {
    const [path = "", name] = kind.split(" ");
    const [apiGroup, ...names] = GROUPED.test(path) ? path.split("/") : ["", ...path.split("/")];
    const [resource, subresource] = names;
    const { status, body } = await server.create({
      apiVersion: "authorization.k8s.io/v1",
      kind: "SubjectAccessReview",
      metadata: { name: "" },
      spec: {
        user: "somebody",
        groups: [group, "system:authenticated"],
        resourceAttributes: { verb, group: apiGroup, resource, subresource, name, namespace: "langflow" },
      },
    });
    if (status !== 201) throw new Error(body.message);
    return body.status.allowed;
  }

  /** Returns the allowed verbs of a group for each kind. */
  async function rights(group: string): Promise<Record<string, string>> {
    const questions = Object.keys(EXPECTED).flatMap((kind) => VERBS.map((verb) => ({ kind, verb })));
    const answers: { kind: string; verb: string; allowed: boolean }[] = [];
    for (let at = 0; at < questions.length; at += WIDTH)
      answers.push(
        ...(await Promise.all(
          questions
            .slice(at, at + WIDTH)
            .map(async ({ kind, verb }) => ({ kind, verb, allowed: await mayDo(group, kind, verb) })),
        )),
      );
    const verbs = (kind: string) =>
      answers.filter((each) => each.kind === kind && each.allowed).map(({ verb }) => verb);
    return Object.fromEntries(Object.keys(EXPECTED).map((kind) => [kind, verbs(kind).join(" ")]));
  }

  it("have exactly the rights in the test's table", async () => {
    const found = await rights(READERS_GROUP);
    process.stdout.write(`${table(["readers may", "of"], byRights(found))}\n`);
    expect(found).toEqual(EXPECTED);
  });

  it("are the only group with these rights: members of other groups have none", async () => {
    const nothing = Object.fromEntries(Object.keys(EXPECTED).map((kind) => [kind, ""]));
    expect(await rights("others")).toEqual(nothing);
  });

  it("would have different rights if any single clause of the role were removed or added", async () => {
    const variants = [...brokenRoles()];
    const [role, binding] = [manifest(resources, "ClusterRole"), manifest(resources, "ClusterRoleBinding")];
    for (const [index, { rules }] of variants.entries()) {
      const name = `variant-${index}`;
      const metadata = { ...role.metadata, name };
      expect((await server.create({ ...role, metadata, rules })).status).toBe(201);
      const { apiGroup } = binding.roleRef;
      const bound = { apiGroup, kind: "ClusterRole", name };
      const subjects = [{ apiGroup, kind: "Group", name }];
      expect((await server.create({ ...binding, metadata, roleRef: bound, subjects })).status).toBe(201);
    }
    // Roles take effect in the order of their creation.
    const last = `variant-${variants.length - 1}`;
    await eventually("the last role to be in force", async () =>
      expect(await mayDo(last, "secrets", "get")).toBe(true),
    );
    const missed: string[] = [];
    for (const [index, { what }] of variants.entries()) {
      const found = await rights(`variant-${index}`);
      if (Object.entries(EXPECTED).every(([kind, allowed]) => found[kind] === allowed)) missed.push(what);
    }
    process.stdout.write(`readers: caught ${variants.length - missed.length} of ${variants.length}\n`);
    expect(missed).toEqual([]);
  }, 240_000);
});

/** Groups the kinds by their allowed verbs. */
function byRights(found: Record<string, string>): [string, string][] {
  const kinds = new Map<string, string[]>();
  for (const [kind, verbs] of Object.entries(found)) kinds.set(verbs, [...(kinds.get(verbs) ?? []), kind]);
  return [...kinds].map(([verbs, those]) => [verbs || "nothing", those.join("\n")]);
}

/**
 * Yields variants of the role: with one rule removed, with an additional verb, with all kinds of a group, or with an
 * additional rule. The last variant reads Secrets.
 */
function* brokenRoles(): Iterable<{ what: string; rules: Rule[] }> {
  for (const [index, rule] of READABLE_KINDS.entries()) {
    const kinds = [rule.resources].flat().join(", ");
    const replaced = (by: Rule[]) => READABLE_KINDS.flatMap((each, at) => (at === index ? by : each));
    yield { what: `no ${kinds}`, rules: replaced([]) };
    yield { what: `patch ${kinds}`, rules: replaced([{ ...rule, verbs: [...(rule.verbs as string[]), "patch"] }]) };
    yield { what: `every kind of the group of ${kinds}`, rules: replaced([{ ...rule, resources: ["*"] }]) };
  }
  const more = (apiGroup: string, resource: string, verb: string) => [
    ...READABLE_KINDS,
    { apiGroups: [apiGroup], resources: [resource], verbs: [verb] },
  ];
  yield { what: "everything readable", rules: more("*", "*", "get") };
  yield { what: "shells in pods", rules: more("", "pods/exec", "create") };
  yield { what: "tokens of ServiceAccounts", rules: more("", "serviceaccounts/token", "create") };
  yield { what: "another's name", rules: more("", "groups", "impersonate") };
  yield { what: "more rights", rules: more("rbac.authorization.k8s.io", "clusterroles", "escalate") };
  yield { what: "secrets listed", rules: more("", "secrets", "list") };
  yield { what: "secrets read", rules: more("", "secrets", "get") };
}
