import { ExitCode } from "../../model/errors";
import { type Answer, LocalFleet, listed } from "../engine/localFleet";

jest.setTimeout(300_000);

const SERVICE = "kubernetes:core/v1:Service";
const APPLICATION = "cloudflare:index/zeroTrustAccessApplication:ZeroTrustAccessApplication";
const RULESET = "cloudflare:index/ruleset:Ruleset";
const CERTIFICATE = "aws:acm/certificate:Certificate";

interface Made {
  readonly type: string;
  readonly id: string;
  readonly inputs: {
    readonly domainName?: string;
    readonly domain?: string;
    readonly rules?: { readonly expression: string }[];
    readonly metadata?: { readonly annotations?: Record<string, string> };
  };
}

describe("a new public hostname", () => {
  const local = new LocalFleet();
  const [before, after] = ["langflow.example.com", "flows.example.com"];
  beforeAll(async () => {
    local.edit("Pulumi.edge.yaml", ({ config }) => {
      config["langflow-dr:access"] = { allow: { emailDomains: ["example.com"] } };
      config["langflow-dr:frontDoor"] = { plan: "business" };
    });
    expect((await local.deploy()).exitCode).toBe(ExitCode.Success);
    applications = await guarded();
    expect([...applications.keys()]).toEqual([before, `${before}/healthz`]);
  });
  afterAll(() => local.remove());

  const name = (hostname: string, former?: string) =>
    local.edit("Pulumi.yaml", ({ config }) => {
      config["langflow-dr:hostname"] = { value: hostname };
      delete config["langflow-dr:formerHostname"];
      if (former) config["langflow-dr:formerHostname"] = { value: former };
    });
  /** Ids of Cloudflare Access applications by domain. */
  let applications: Map<string, string>;
  const guarded = async () => {
    const all = (await made()).filter(({ type }) => type === APPLICATION);
    return new Map(all.map(({ id, inputs }) => [inputs.domain ?? "", id] as const).toSorted());
  };
  /** Returns the hostnames in each rule of the front door. */
  const ruled = async () => {
    const rules = (await made()).flatMap(({ type, inputs }) => (type === RULESET ? (inputs.rules ?? []) : []));
    return new Set(
      rules.map(({ expression }) => [before, after].filter((each) => expression.includes(`"${each}"`)).join(" ")),
    );
  };
  const made = async () => (await local.cloud("GET", "/resources")) as Made[];
  /** Returns the hostnames in the certificates of each region's load balancer. The first is the default without SNI. */
  const certified = async () => {
    const all = await made();
    const names = new Map(
      all.filter(({ type }) => type === CERTIFICATE).map(({ id, inputs }) => [id, inputs.domainName]),
    );
    return all
      .filter(({ type }) => type === SERVICE)
      .flatMap(
        ({ inputs }) => inputs.metadata?.annotations?.["service.beta.kubernetes.io/aws-load-balancer-ssl-cert"] ?? [],
      )
      .map((arns) => arns.split(",").map((arn) => names.get(arn)));
  };
  const quiet = async () => {
    const again = await local.run(["up"]);
    return [again.exitCode, ...listed(again)];
  };

  it("fails the preview without formerHostname, because no region would serve the old hostname", async () => {
    name(after);
    const { exitCode, json }: Answer = await local.run(["preview"]);
    expect(exitCode).toBe(ExitCode.InvariantBroken);
    expect(json.violations).toEqual([
      expect.objectContaining({
        rule: "former-name-stays-certified",
        fix: `set formerHostname to ${before} in Pulumi.yaml`,
      }),
    ]);
    for (const verb of ["up", "deploy"]) {
      const refused = await local.run([verb, "--yes"]);
      expect([refused.exitCode, refused.stderr]).toEqual([
        ExitCode.BadInput,
        expect.stringContaining(`set formerHostname to ${before}`),
      ]);
    }
  });

  it("is not deployed at the edge before every region serves it", async () => {
    name(after, before);
    await local.cloud("POST", "/faults", {
      provider: "kubernetes",
      method: "update",
      kind: "throttle",
      type: SERVICE,
      nth: 1,
    });
    const failed = await local.run(["up"]);
    await local.cloud("DELETE", "/faults");
    expect(failed.exitCode).not.toBe(ExitCode.Success);
    const outcomes = failed.json.stacks.map(({ stack, outcome }: { stack: string; outcome: string }) => [
      stack,
      outcome,
    ]);
    expect(outcomes).toEqual([
      ["foundation", "done"],
      ["us-east", "failed"],
      ["eu-west", "skipped"],
      ["edge", "skipped"],
    ]);
    for (const verb of ["up", "deploy"]) {
      const refused = await local.run([verb, "edge", "--yes"]);
      expect([refused.exitCode, refused.stderr]).toEqual([
        ExitCode.BadInput,
        expect.stringContaining(`us-east does not serve ${after} yet`),
      ]);
    }
  });

  it("is deployed in stack order, and each region serves both hostnames", async () => {
    name(after, before);
    expect((await local.run(["preview"])).exitCode).toBe(ExitCode.Success);
    const deployed = await local.run(["up"]);
    expect([deployed.exitCode, deployed.stderr]).toEqual([ExitCode.Success, expect.not.stringContaining("error")]);
    expect(await certified()).toEqual([
      [before, after],
      [before, after],
    ]);
    const both = await guarded();
    expect([...both.keys()]).toEqual([after, `${after}/healthz`, before, `${before}/healthz`]);
    expect(both).toEqual(new Map([...both, ...applications]));
    expect(await ruled()).toEqual(new Set([`${before} ${after}`]));
    expect(await quiet()).toEqual([ExitCode.Success]);
  });

  it("replaces the former hostname and its certificate completely once formerHostname is removed", async () => {
    name(after);
    expect((await local.run(["up"])).exitCode).toBe(ExitCode.Success);
    expect(await certified()).toEqual([[after], [after]]);
    expect([...(await guarded()).keys()]).toEqual([after, `${after}/healthz`]);
    expect(await ruled()).toEqual(new Set([after]));
    expect(await quiet()).toEqual([ExitCode.Success]);
  });
});
