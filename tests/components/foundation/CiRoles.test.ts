import { CiRoles } from "../../../components/foundation/CiRoles";
import { only, record } from "../../mocks";

const EXISTING = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com";

const build = (oidcProviderArn?: string) =>
  record(
    () =>
      new CiRoles("ci", {
        repository: "acme/flows",
        oidcProviderArn,
        accountId: "123456789012",
        partition: "aws",
        awsRegions: ["us-east-1", "eu-west-1"],
        repositories: ["langflow", "langflow-agent"],
      }),
  );

describe("CiRoles", () => {
  it("creates the account's OIDC provider for GitHub with STS as the audience", async () => {
    const { inputs } = only(await build(), "aws:iam/openIdConnectProvider:OpenIdConnectProvider");
    expect(inputs).toMatchObject({
      url: "https://token.actions.githubusercontent.com",
      clientIdLists: ["sts.amazonaws.com"],
    });
  });

  it("uses the account's existing OIDC provider instead of creating one", async () => {
    const resources = await build(EXISTING);
    expect(resources.filter(({ type }) => type.includes("openIdConnectProvider"))).toEqual([]);
    for (const { inputs } of resources.filter(({ type }) => type === "aws:iam/role:Role"))
      expect(JSON.parse(inputs.assumeRolePolicy).Statement[0].Principal).toEqual({ Federated: EXISTING });
  });

  it.each([
    ["deploy", 7200, ["infrastructure", "identity"]],
    ["preview", 3600, ["read"]],
    ["drift", 3600, ["read"]],
    ["image", 7200, ["push"]],
  ])(
    "creates the %s role with sessions of at most %i seconds and its own policies",
    async (purpose, seconds, policies) => {
      const resources = await build(EXISTING);
      expect(only(resources, "aws:iam/role:Role", purpose).inputs).toMatchObject({
        name: `langflow-dr-ci-${purpose}`,
        maxSessionDuration: seconds,
      });
      const own = resources.filter(
        ({ type, inputs }) => type === "aws:iam/rolePolicy:RolePolicy" && inputs.role === `langflow-dr-ci-${purpose}`,
      );
      expect(own.map(({ inputs }) => inputs.name)).toEqual(policies);
    },
  );

  it("attaches no AWS managed policies to the roles", async () => {
    expect((await build()).filter(({ type }) => type.includes("PolicyAttachment"))).toEqual([]);
  });
});
