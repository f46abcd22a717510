import { exportedFlow } from "../../../formats/flows/flowFile";
import { findSecrets, isAllowed } from "../../../formats/flows/secretScan";
import { flowWith, ID } from "./secretGraphs";

const scanned = (template: unknown, options: { depth?: number; more?: object } = {}) =>
  findSecrets(exportedFlow(flowWith(template, options), { variables: new Set() }));
/**
 * Returns a made-up text. Texts are assembled at run time, so that no scanner of this repository mistakes them for
 * leaks.
 */
const random = (length: number, alphabet = "aB3dE5gH7jK9mN1pQ4sT6vW8yZ") =>
  Array.from({ length }, (_, at) => alphabet[(at * 7) % alphabet.length]).join("");

describe("a scan for secrets that no flag or name reveals", () => {
  it.each<[string, string]>([
    ["github", `ghp_${random(36)}`],
    ["github", `github_pat_${random(40)}`],
    ["gitlab-token", `glpat-${random(20)}`],
    ["hugging-face-token", `hf_${random(34)}`],
    ["sk-key", `sk-${random(48)}`],
    ["sk-key", `sk-ant-api03-${random(60)}`],
    ["aws", `AKIA${"QWERTZ2345ASDFGH"}`],
    ["aws", `aws_secret_access_key = "${random(40)}"`],
    ["slack", `xoxb-${random(24, "1234567890")}-${random(24)}`],
    ["stripe", `sk_live_${random(24)}`],
    ["google-api-key", `AIza${random(35)}`],
    ["groq-key", `gsk_${random(52)}`],
    ["astra-token", `AstraCS:${random(24, "aBcDeFgHiJ")}:${random(64, "0123456789abcdef")}`],
    ["jwt", `eyJ${random(20)}.eyJ${random(40)}.${random(43)}`],
    ["privatekey", `-----BEGIN PRIVATE KEY-----\n${random(64)}\n-----END PRIVATE KEY-----`],
    ["privatekey", `-----BEGIN RSA PRIVATE KEY-----\\n${random(64)}`],
    ["basicauth", `see amqp://me:${random(12)}@example.org/x for more`],
    ["database-connection-string", `postgresql://me:${random(12)}@example.org/x is it`],
    ["authorization-header", `curl -H "Authorization: Bearer ${random(32)}" https://example.org`],
    ["authorization-header", `Authorization:  Basic   ${random(32)}`],
  ])("finds a secret by the rule %s: %s", async (rule, secret) => {
    const findings = await scanned({ code: { type: "code", value: `x = 1\n${secret}\ny = 2` } });
    expect(findings).toContainEqual({ field: "nodes[n1].template.code", rule });
    expect(JSON.stringify(findings)).not.toContain(secret.slice(-12));
  });

  it("reports a readable location: groups, lists, keys and the flow's own texts", async () => {
    const secret = `ghp_${random(36)}`;
    const said = async (...given: Parameters<typeof scanned>) => (await scanned(...given)).map(({ field }) => field);
    expect(await said({ x: { value: ["a long text, which is none", secret] } }, { depth: 2 })).toEqual([
      "nodes[group1].nodes[group0].nodes[n1].template.x[1]",
    ]);
    expect(await said({ x: { value: { a: { [secret]: 1 } } } })).toEqual(["nodes[n1].template.x.a.…"]);
    expect(await said({}, { more: { description: secret, tags: ["a", secret] } })).toEqual(["description", "tags[1]"]);
  });

  it("reports the location of each of several findings once", async () => {
    const [one, two, three] = [`ghp_${random(36)}`, `hf_${random(34)}`, `glpat-${random(20)}`];
    const long = "a long text, which is none, and which lies before";
    const found = await scanned({
      a: { value: [long, one] },
      b: { value: long },
      c: { value: `${two} and ${two}` },
      d: { value: three },
    });
    expect(found.map(({ field, rule }) => `${field} ${rule}`).sort()).toEqual([
      "nodes[n1].template.a[1] github",
      "nodes[n1].template.c hugging-face-token",
      "nodes[n1].template.d gitlab-token",
    ]);
  });

  it("reports the location of a secret among many texts", async () => {
    const texts = Array.from({ length: 40 }, (_, at) => `a long text, number ${at}`);
    texts[37] = `hf_${random(34)}`;
    expect((await scanned({ x: { value: texts } })).map(({ field }) => field)).toEqual(["nodes[n1].template.x[37]"]);
  });

  it("recognizes a large secret by the name next to it, and also finds a token at the end of a large text", async () => {
    const words = " and more words".repeat(20_000);
    const value = `${random(32, "0123456789abcdef")}${words} ghp_${random(36)}`;
    const found = await scanned({ algolia: { value } });
    expect(found.map(({ rule }) => rule).sort()).toEqual(["algolia-api-key", "github"]);
    expect(await scanned({ other: { value: value.slice(0, -40) } })).toEqual([]);
  });

  it("reports a location in lists of any values, by id if there is one, and shortens long names", async () => {
    const secret = `hf_${random(34)}`;
    const list = (item: unknown) => scanned({ x: { value: ["a", null, 1, true, ["b"], item] } });
    const fields = async (item: unknown) =>
      (await list(item)).map(({ field }) => field.slice("nodes[n1].template.".length));
    expect(await fields(secret)).toEqual(["x[5]"]);
    expect(await fields([secret])).toEqual(["x[5][0]"]);
    expect(await fields({ a: secret })).toEqual(["x[5].a"]);
    expect(await fields({ id: "i", a: secret })).toEqual(["x[i].a"]);
    expect(await fields({ id: 7, a: secret })).toEqual(["x[5].a"]);
    expect(await fields({ id: null, a: secret })).toEqual(["x[5].a"]);
    expect(await fields({ ["k".repeat(100)]: secret })).toEqual([`x[5].${"k".repeat(80)}`]);
    expect(await fields({ id: "i".repeat(100), a: secret })).toEqual([`x[${"i".repeat(80)}].a`]);
  });

  it("scans a text that is as short as the shortest possible secret, and skips shorter texts", async () => {
    const shortest = "amqp://me:aB3d@h";
    expect(shortest).toHaveLength(16);
    expect(
      (await scanned({ x: { value: shortest } }, { more: { description: shortest } })).map(({ rule }) => rule),
    ).toContain("basicauth");
    expect(await scanned({ x: { value: { a: { [shortest]: 1 } } } })).not.toEqual([]);
    expect(await scanned({ x: { value: "q://me:aB3d@h" } })).toEqual([]);
  });

  it("cannot be disabled by a text in the flow", async () => {
    const text = `# secretlint-disable\nghp_${random(36)} # secretlint-disable-line`;
    expect(await scanned({ code: { value: text } })).not.toEqual([]);
  });

  it("does not join the texts of two fields into a secret", async () => {
    const [begin, end] = ["ghp_aB3dE5gH7jK9", `${random(24)} and more`];
    expect(await scanned({ a: { value: begin }, b: { value: end } })).toEqual([]);
    expect(await scanned({ a: { value: "the aws_secret_access_key=" }, b: { value: random(40) } })).toEqual([]);
  });

  it.each([
    "sk-learn-based-classification-of-texts",
    "sk-your-api-key-goes-here-please",
    `sk-${"x".repeat(48)}`,
    "AKIAIOSFODNN7EXAMPLE is the key of AWS's documentation",
    `sk-${"X1".repeat(24)}`,
    "such as redis://user:password@example.org:5432/db",
    "such as https://{user}:{password}@example.org",
    'headers = {"Authorization": f"Bearer {self.api_key}"}',
    "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
    "Where the password is a secret, the token is too: api_key=os.environ['API_KEY']",
  ])("does not report an example as a secret: %s", async (text) => {
    expect(await scanned({ code: { value: text } })).toEqual([]);
  });

  it("ignores values that the file leaves out", async () => {
    expect(await scanned({ key: { password: true, value: `ghp_${random(36)}` } })).toEqual([]);
  });

  it("keeps the results of concurrent scans apart", async () => {
    const secret = { x: { value: `ghp_${random(36)}` } };
    const [one, two] = await Promise.all([scanned(secret), scanned({ y: { value: "nothing of interest" } })]);
    expect(one).toHaveLength(1);
    expect(two).toEqual([]);
  });
});

it("a finding's rule includes the secret's name if the name consists of words, so that an operator can allow a single name", async () => {
  const rules = async (name: string) =>
    (await scanned({ x: { value: `${name} = "${random(20)}"` } })).map(({ rule }) => rule);
  expect(await rules("my_api_key")).toEqual(["named-secret/my_api_key"]);
  expect(await rules(`${random(20)}_token`)).toEqual(["named-secret"]);
  const finding = { field: "x", rule: "named-secret/my_api_key" };
  for (const entry of [`${ID}/named-secret/my_api_key`, `${ID}/named-secret`])
    expect(isAllowed(finding, { id: ID }, [entry])).toBe(true);
  expect(isAllowed(finding, { id: ID }, [`${ID}/named-secret/token`])).toBe(false);
});

it("a finding can be allowed for its flow, or for its flow and its rule", () => {
  const finding = { field: "description", rule: "jwt" };
  for (const entry of [ID, `${ID}/jwt`, ID.toUpperCase()])
    expect(isAllowed(finding, { id: ID }, ["other", entry])).toBe(true);
  for (const entry of [`${ID}/aws`, "jwt", `/jwt`, `${ID}/`, ""])
    expect(isAllowed(finding, { id: ID }, [entry])).toBe(false);
});
