import { setTimeout as sleep } from "node:timers/promises";
import * as pulumi from "@pulumi/pulumi";
import { CloudflareAccess, type CloudflareAccessArgs } from "../../../components/edge/CloudflareAccess";
import { only, openText, type Recorded, record, settled } from "../../mocks";

const GROUP = "11111111-2222-4333-8444-555555555555";
const PROVIDER = "66666666-7777-4888-9999-000000000000";
const usual: CloudflareAccessArgs = {
  accountId: "f037e56e89293a057740de681ac9abbe",
  hostname: "flow.example.com",
  allow: { emails: ["boss@example.com"], emailDomains: ["example.org"], groups: [GROUP] },
  identityProviders: [],
  sessionHours: 12,
  serviceTokens: ["nightly-report"],
  open: [],
};
const APPLICATION = "cloudflare:index/zeroTrustAccessApplication:ZeroTrustAccessApplication";
const POLICY = "cloudflare:index/zeroTrustAccessPolicy:ZeroTrustAccessPolicy";
const TOKEN = "cloudflare:index/zeroTrustAccessServiceToken:ZeroTrustAccessServiceToken";

/** Name of the application that covers the whole public name. */
const WHOLE = "edge-flow.example.com";

const build = (changes: Partial<CloudflareAccessArgs> = {}): Promise<Recorded[]> =>
  record(() => new CloudflareAccess("edge", { ...usual, ...changes }));

describe("CloudflareAccess", () => {
  it("protects the whole public name and admits allowed people and programs with a service token", async () => {
    const resources = await build();
    const { policies, ...whole } = only(resources, APPLICATION, WHOLE).inputs;
    // All values that Cloudflare would fill in, except those that the provider computes from the domain.
    expect(whole).toEqual({
      accountId: usual.accountId,
      name: "LangFlow flow.example.com",
      type: "self_hosted",
      domain: "flow.example.com",
      sessionDuration: "12h",
      httpOnlyCookieAttribute: true,
      enableBindingCookie: false,
      optionsPreflightBypass: false,
      serviceAuth401Redirect: false,
      skipInterstitial: false,
      autoRedirectToIdentity: false,
      appLauncherVisible: true,
      sameSiteCookieAttribute: "lax",
    });
    expect(policies).toEqual([
      { id: "edge-programs-id", precedence: 1 },
      { id: "edge-people-id", precedence: 2 },
    ]);
    expect(only(resources, POLICY, "edge-people").inputs).toEqual({
      accountId: usual.accountId,
      name: "LangFlow flow.example.com: people",
      decision: "allow",
      sessionDuration: "12h",
      includes: [
        { email: { email: "boss@example.com" } },
        { emailDomain: { domain: "example.org" } },
        { group: { id: GROUP } },
      ],
    });
    expect(only(resources, POLICY, "edge-programs").inputs).toMatchObject({
      decision: "non_identity",
      includes: [
        { serviceToken: { tokenId: "edge-fleet-id" } },
        { serviceToken: { tokenId: "edge-nightly-report-id" } },
      ],
    });
  });

  it("opens only the health check by default, and creates an application for each configured path", async () => {
    const opened = async (changes: Partial<CloudflareAccessArgs>) =>
      (await build(changes))
        .filter(({ type, name }) => type === APPLICATION && name !== WHOLE)
        .map(({ inputs }) => [inputs.domain, inputs.policies]);
    const anyone = [{ id: "edge-anyone-id", precedence: 1 }];
    expect(await opened({})).toEqual([["flow.example.com/healthz", anyone]]);
    expect(await opened({ open: ["webhooks", "mcp"] })).toEqual([
      ["flow.example.com/healthz", anyone],
      ["flow.example.com/api/v1/webhook/*", anyone],
      ["flow.example.com/api/v1/triggers/ingress/*", anyone],
      ["flow.example.com/api/v1/mcp/project/*/streamable", anyone],
      ["flow.example.com/api/v1/mcp/streamable", anyone],
    ]);
    const bypassing = (await build()).filter(({ type, inputs }) => type === POLICY && inputs.decision === "bypass");
    expect(bypassing.map(({ inputs }) => inputs.includes)).toEqual([[{ everyone: {} }]]);
  });

  it("skips the choice of identity provider if there is only one", async () => {
    const inputs = async (identityProviders: string[]) =>
      only(await build({ identityProviders }), APPLICATION, WHOLE).inputs;
    expect(await inputs([PROVIDER])).toMatchObject({ allowedIdps: [PROVIDER], autoRedirectToIdentity: true });
    expect(await inputs([PROVIDER, GROUP])).toMatchObject({ autoRedirectToIdentity: false });
    expect(Object.keys(await inputs([]))).not.toContain("allowedIdps");
  });

  it("creates the Access application of the whole hostname only after those of all open paths", async () => {
    const steps: string[] = [];
    await pulumi.runtime.setMocks({
      newResource: async ({ type, name, inputs }) => {
        if (type === APPLICATION && name === WHOLE) steps.push("closed");
        else if (type === APPLICATION) {
          await sleep(20);
          steps.push("opened");
        }
        return { id: `${name}-id`, state: inputs };
      },
      call: () => ({}),
    });
    await pulumi.runtime.runInPulumiStack(async () => {
      new CloudflareAccess("edge", { ...usual, open: ["webhooks"] });
    });
    await pulumi.runtime.disconnect();
    expect(steps).toEqual(["opened", "opened", "opened", "closed"]);
  });

  it("creates a service token for the fleet and one per configured name, valid for one year", async () => {
    const tokens = (await build()).filter(({ type }) => type === TOKEN);
    expect(tokens.map(({ name, inputs }) => [name, inputs.name, inputs.duration, inputs.enabled])).toEqual([
      ["edge-fleet", "LangFlow flow.example.com: fleet", "8760h", true],
      ["edge-nightly-report", "LangFlow flow.example.com: nightly-report", "8760h", true],
    ]);
  });

  it("outputs the tokens as secrets and passes them to no resource", async () => {
    let isSecret: boolean | undefined;
    let names: string[] = [];
    const resources = await record(async () => {
      const { serviceTokens } = new CloudflareAccess("edge", usual);
      names = Object.keys(serviceTokens);
      const { fleet } = serviceTokens;
      if (!fleet) throw new Error("the fleet has no token");
      isSecret = await pulumi.isSecret(fleet.clientSecret);
      await settled(fleet.clientId);
    });
    expect(names).toEqual(["fleet", "nightly-report"]);
    expect(isSecret).toBe(true);
    expect(openText(resources)).not.toContain('clientSecret":"');
  });
});
