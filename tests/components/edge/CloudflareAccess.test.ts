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

/** The application of all that is under the public name. */
const WHOLE = "edge-flow.example.com";

const build = (changes: Partial<CloudflareAccessArgs> = {}): Promise<Recorded[]> =>
  record(() => new CloudflareAccess("edge", { ...usual, ...changes }));

describe("CloudflareAccess", () => {
  it("has the whole public name signed in to, by people who are allowed and by programs with a token", async () => {
    const resources = await build();
    const { policies, ...whole } = only(resources, APPLICATION, WHOLE).inputs;
    // All that Cloudflare would fill in, but for what the provider computes from the domain.
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

  it("opens the health check alone unless told otherwise, and each path that is named by an application of its own", async () => {
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

  it("asks nobody to choose where there is one identity provider", async () => {
    const inputs = async (identityProviders: string[]) =>
      only(await build({ identityProviders }), APPLICATION, WHOLE).inputs;
    expect(await inputs([PROVIDER])).toMatchObject({ allowedIdps: [PROVIDER], autoRedirectToIdentity: true });
    expect(await inputs([PROVIDER, GROUP])).toMatchObject({ autoRedirectToIdentity: false });
    expect(Object.keys(await inputs([]))).not.toContain("allowedIdps");
  });

  it("closes the rest only once what stays open is", async () => {
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

  it("makes a token for the fleet and one for each name, good for a year", async () => {
    const tokens = (await build()).filter(({ type }) => type === TOKEN);
    expect(tokens.map(({ name, inputs }) => [name, inputs.name, inputs.duration, inputs.enabled])).toEqual([
      ["edge-fleet", "LangFlow flow.example.com: fleet", "8760h", true],
      ["edge-nightly-report", "LangFlow flow.example.com: nightly-report", "8760h", true],
    ]);
  });

  it("tells the tokens as secrets, and puts none into a resource", async () => {
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
