import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { LangFlow } from "../../../fleet/drill/langflow";

describe("a sign-in of a drill", () => {
  /** Signs in to a LangFlow that returns these statuses in order. */
  async function signIn(...statuses: readonly number[]) {
    let asked = 0;
    const server = createServer((_, response) => {
      const status = statuses[asked] ?? 500;
      asked += 1;
      response.writeHead(status).end(status === 200 ? '{"access_token":"hers"}' : '{"error":"Rate limit exceeded"}');
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      return { said: await LangFlow.login(url, "her", "password").catch((error: Error) => error.message), asked };
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  it("retries after a rate limit", async () => {
    expect(await signIn(429, 200)).toEqual({ said: "hers", asked: 2 });
  });

  it("does not retry after any other rejection", async () => {
    expect(await signIn(401, 200)).toEqual({ said: "LangFlow rejected the login with status 401", asked: 1 });
  });
});
