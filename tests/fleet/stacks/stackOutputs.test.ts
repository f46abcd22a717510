import type { Session } from "../../../fleet/stacks/session";
import { accessHeaders, type StackOutputs } from "../../../fleet/stacks/stackOutputs";

const token = { clientId: "id", clientSecret: "[secret]", expiresAt: "2030-01-01T00:00:00Z" };
const outputs = (edge: object) => ({ edge }) as unknown as StackOutputs;
const asked: string[][] = [];
const session = (said: object) =>
  ({
    run: async (stack: string, args: string[]) => {
      asked.push([stack, ...args]);
      return JSON.stringify(said);
    },
  }) as unknown as Session;

describe("a drill's Cloudflare Access headers", () => {
  it("are empty if the edge stack has no service tokens, and no secret is read", async () => {
    expect(await accessHeaders(session({}), outputs({ url: "https://flow.example.com" }))).toEqual({});
    expect(asked).toEqual([]);
  });

  it("contain only the fleet's own service token, read with --show-secrets", async () => {
    const tokens = { ci: { ...token, clientSecret: "ci's" }, fleet: { ...token, clientSecret: "the fleet's" } };
    const headers = await accessHeaders(session(tokens), outputs({ serviceTokens: { ci: token, fleet: token } }));
    expect(headers).toEqual({ "cf-access-client-id": "id", "cf-access-client-secret": "the fleet's" });
    expect(asked).toEqual([["edge", "stack", "output", "serviceTokens", "--json", "--show-secrets"]]);
    const others = accessHeaders(session({ ci: token }), outputs({ serviceTokens: { ci: token } }));
    await expect(others).rejects.toThrow("no service token of the fleet: run `up edge`");
  });
});
