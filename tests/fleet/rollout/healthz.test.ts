import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { askHealth } from "../../../fleet/rollout/healthz";

describe("askHealth", () => {
  let server: Server;
  let url: string;
  beforeAll(async () => {
    server = createServer(({ url: path }, response) => {
      if (path === "/led-away/healthz") response.writeHead(302, { location: "/sign-in" });
      if (path === "/ill/healthz") response.writeHead(503);
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server.close());

  it("does not follow redirects, because a sign-in page says nothing about LangFlow's health", async () => {
    expect(await askHealth(`${url}/well`)).toEqual({ healthy: true, said: "/healthz answers 200" });
    expect(await askHealth(`${url}/ill`)).toEqual({ healthy: false, said: "/healthz answers 503" });
    expect(await askHealth(`${url}/led-away`)).toEqual({ healthy: false, said: "/healthz answers 302" });
  });
});
