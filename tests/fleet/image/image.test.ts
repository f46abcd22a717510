import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as handlers from "../../../fleet/verbs/image/handler";
import type { LookOptions } from "../../../fleet/verbs/image/verb";
import { ExitCode } from "../../../model/errors";
import { refusal } from "../../refusal";
import { FakeRegistries, hostOf } from "./fakeRegistries";

const ROOT = join(__dirname, "../../..");
const SIGNER = "https://github.com/example-org/langflow-dr/.github/workflows/image.yml@refs/heads/main";
const LANGFLOW = `sha256:${"a".repeat(64)}`;
const AGENT = `sha256:${"b".repeat(64)}`;
const REGIONS = ["us-east-1", "eu-west-1"];

const fake = new FakeRegistries();
let project: string;
let printed = "";
const environment = process.env;

beforeAll(() => fake.start());
afterAll(() => fake.stop());
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), "project-"));
  for (const file of readdirSync(ROOT).filter((name) => /^Pulumi\..*yaml$|^Pulumi\.yaml$/.test(name)))
    cpSync(join(ROOT, file), join(project, file));
  edit((text) => text.replace(/sha256:0123\w+/, LANGFLOW).replace(/sha256:fedc\w+/, AGENT));
  fake.reset();
  for (const region of REGIONS) {
    fake.push(region, "langflow", LANGFLOW);
    fake.push(region, "langflow-agent", AGENT);
    fake.sign(region, "langflow", LANGFLOW, SIGNER);
    fake.sign(region, "langflow-agent", AGENT, SIGNER);
  }
  process.env = { ...environment, ...fake.environment(SIGNER), ACTIONS_ID_TOKEN_REQUEST_URL: "https://token.example" };
  printed = "";
  jest.spyOn(process.stdout, "write").mockImplementation((text) => {
    printed += text;
    return true;
  });
  jest.spyOn(process.stderr, "write").mockReturnValue(true);
});
afterEach(() => {
  process.env = environment;
  jest.restoreAllMocks();
  rmSync(project, { recursive: true });
});

const edit = (change: (text: string) => string) => {
  const file = join(project, "Pulumi.yaml");
  writeFileSync(file, change(readFileSync(file, "utf8")));
};
const options = (own: Partial<LookOptions> = {}): LookOptions => ({
  local: false,
  json: true,
  project,
  signal: new AbortController().signal,
  timeout: 0,
  image: undefined,
  ...own,
});
/** A short poll interval for tests. */
const POLL_MS = 20;
const verify = (given: LookOptions) => handlers.verify(given, POLL_MS);
const sign = (given: LookOptions) => handlers.sign(given, POLL_MS);
const result = () => JSON.parse(printed);

it("the bundler of the agent is a production dependency, because CI's jobs install no development dependencies", () => {
  const { scripts, dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  expect(Object.keys(dependencies)).toContain(scripts["agent:bundle"].split(" ")[0]);
});

describe("fleet image verify", () => {
  it("checks both images by digest in every region's registry, and their signature by the Image workflow", async () => {
    expect(await verify(options())).toBe(ExitCode.Success);
    expect(fake.cosignCalls.sort()).toEqual(
      REGIONS.flatMap((region) => [`langflow@${LANGFLOW}`, `langflow-agent@${AGENT}`].map((each) => [region, each]))
        .map(
          ([region = "", each]) =>
            `verify --k8s-keychain --certificate-identity ${SIGNER} --certificate-oidc-issuer https://token.actions.githubusercontent.com ${hostOf(region)}/${each}`,
        )
        .sort(),
    );
    expect(result()).toMatchObject({ verb: "image verify", exitCode: 0, signer: SIGNER });
    expect(result().images.map((each: { region: string; result: string }) => [each.region, each.result])).toEqual([
      ["us-east", "signed"],
      ["us-east", "signed"],
      ["eu-west", "signed"],
      ["eu-west", "signed"],
    ]);
  });

  it("waits until an image has been replicated", async () => {
    fake.region("eu-west-1").late = 5;
    expect(await verify(options({ timeout: 30 }))).toBe(ExitCode.Success);
    expect(fake.region("eu-west-1").late).toBe(0);
  });

  it("checks only the image that --image names", async () => {
    const digest = `sha256:${"c".repeat(64)}`;
    for (const region of REGIONS) {
      fake.push(region, "langflow", digest);
      fake.sign(region, "langflow", digest, SIGNER);
    }
    expect(await verify(options({ image: `langflow:1.14.0-1@${digest}` }))).toBe(ExitCode.Success);
    expect(result().images.map(({ reference }: { reference: string }) => reference)).toEqual(
      REGIONS.map((region) => `${hostOf(region)}/langflow@${digest}`),
    );
  });

  it.each<[string, () => void, Partial<LookOptions>, ExitCode, string[]]>([
    [
      "a missing copy",
      () => fake.region("eu-west-1").repositories.get("langflow")?.clear(),
      {},
      ExitCode.ResourceFailed,
      ["eu-west", hostOf("eu-west-1"), LANGFLOW, "pushed after it was added"],
    ],
    [
      "a copy that does not arrive in time",
      () => fake.region("eu-west-1").repositories.get("langflow")?.clear(),
      { timeout: 1 },
      ExitCode.TimedOut,
      ["eu-west", "after 1 seconds"],
    ],
    [
      "a region without the repository",
      () => fake.region("eu-west-1").repositories.delete("langflow"),
      {},
      ExitCode.ResourceFailed,
      ["eu-west-1", "no repository langflow", "up foundation"],
    ],
    [
      "a copy without a signature",
      () => rmSync(join(fake.folder, `${hostOf("eu-west-1")}_langflow_${LANGFLOW.replace(":", "_")}`)),
      {},
      ExitCode.ResourceFailed,
      [`${hostOf("eu-west-1")}/langflow`, "no signatures found", SIGNER],
    ],
    [
      "a copy with the signature of a different workflow",
      () => fake.sign("eu-west-1", "langflow", LANGFLOW, SIGNER.replace("main", "feature")),
      {},
      ExitCode.ResourceFailed,
      [hostOf("eu-west-1"), "none of the expected identities"],
    ],
    [
      "a region that rejects the credentials",
      () => {
        fake.region("eu-west-1").error = "UnrecognizedClientException";
      },
      {},
      ExitCode.Unauthenticated,
      ["eu-west-1", "rejected the credentials"],
    ],
    [
      "a region that denies a required permission",
      () => {
        fake.region("eu-west-1").error = "AccessDeniedException";
      },
      {},
      ExitCode.Unauthenticated,
      ["eu-west-1", "ecr:DescribeImages"],
    ],
  ])("reports %s and still checks the other images", async (_, breakIt, own, exitCode, words) => {
    breakIt();
    expect(await verify(options(own))).toBe(exitCode);
    const failed = result().images.filter((each: { result: string }) => each.result === "failed");
    const messages = failed.map(({ message }: { message: string }) => message).join("\n");
    for (const word of words) expect(messages).toContain(word);
    expect(failed.every(({ region }: { region: string }) => region === "eu-west")).toBe(true);
    const east = result().images.filter(({ region }: { region: string }) => region === "us-east");
    expect(east.map((each: { result: string }) => each.result)).toEqual(["signed", "signed"]);
  });

  it.each([
    [
      "cosign cannot reach the registry",
      "Error: Get https://x: dial tcp: lookup x: no such host",
      ExitCode.Unreachable,
    ],
    [
      "a registry rejects cosign's credentials",
      "Error: GET https://x: UNAUTHORIZED: authentication required",
      ExitCode.Unauthenticated,
    ],
  ])("does not report a missing signature if %s", async (_, said, exitCode) => {
    fake.failCosign(said);
    expect(await verify(options())).toBe(exitCode);
  });

  it("reports that AWS could not be reached", async () => {
    process.env.AWS_ENDPOINT_URL = "http://127.0.0.1:1";
    expect(await verify(options())).toBe(ExitCode.Unreachable);
    expect(printed).toContain("ECR in eu-west-1 could not be reached");
  });

  it("reports that cosign must be installed", async () => {
    process.env.PATH = "/nonexistent";
    expect(await verify(options())).toBe(ExitCode.BadInput);
    expect(printed).toContain("cosign is not on PATH");
  });

  it("exits as cancelled when it is interrupted", async () => {
    fake.region("eu-west-1").late = Number.POSITIVE_INFINITY;
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 50);
    const error = await refusal(verify(options({ timeout: 60, signal: abort.signal })));
    expect(error.exitCode).toBe(ExitCode.Cancelled);
  });

  it.each<[string, Partial<LookOptions>, string]>([
    ["the local fleet", { local: true }, "no signed images"],
    ["an image without a digest", { image: "langflow:1.13.0" }, "has no digest"],
  ])("rejects %s before any request", async (_, own, message) => {
    const error = await refusal(verify(options(own)));
    expect([error.exitCode, error.message]).toEqual([ExitCode.BadInput, expect.stringContaining(message)]);
    expect(fake.cosignCalls).toEqual([]);
  });

  it("rejects a config without githubRepository, which identifies the signing workflow", async () => {
    edit((text) => text.replace(/ {2}langflow-dr:githubRepository:\n {4}value: .*\n/, ""));
    expect((await refusal(verify(options()))).message).toContain("githubRepository");
  });

  it("prints a table for people, without credentials", async () => {
    fake.region("eu-west-1").error = "AccessDeniedException";
    await verify(options({ json: false }));
    expect(printed).toContain(hostOf("us-east-1"));
    expect(printed).toContain("eu-west");
    expect(printed).not.toContain("never-shown");
  });
});

describe("fleet image sign", () => {
  it("signs only images without a valid signature", async () => {
    fake.sign("eu-west-1", "langflow", LANGFLOW, "somebody@example.com");
    expect(await sign(options())).toBe(ExitCode.Success);
    expect(fake.cosignCalls.filter((call) => call.startsWith("sign"))).toEqual([
      `sign --yes --k8s-keychain ${hostOf("eu-west-1")}/langflow@${LANGFLOW}`,
    ]);
    expect(await verify(options())).toBe(ExitCode.Success);
  });

  it("signs nothing the second time", async () => {
    await sign(options());
    expect(fake.cosignCalls.filter((call) => call.startsWith("sign"))).toEqual([]);
  });

  it("signs nothing if it cannot check the existing signatures", async () => {
    fake.failCosign("Error: dial tcp: i/o timeout");
    expect(await sign(options())).toBe(ExitCode.Unreachable);
    expect(fake.cosignCalls.filter((call) => call.startsWith("sign"))).toEqual([]);
  });

  it("rejects a run outside the Image workflow, because deployments would reject that signature", async () => {
    delete process.env.ACTIONS_ID_TOKEN_REQUEST_URL;
    expect((await refusal(sign(options()))).message).toContain("only a job of the Image workflow");
  });
});
