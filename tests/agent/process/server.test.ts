import { createHmac } from "node:crypto";
import { WEBHOOK_BYTES_MAX, webhookServer } from "../../../agent/process/server";

const SECRET = "0123456789abcdef";
const sign = (body: string, secret = SECRET) => `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;

describe("the webhook", () => {
  let triggered = 0;
  const server = webhookServer(SECRET, () => {
    triggered += 1;
  });
  let url = "";
  const post = async (headers: Record<string, string>, body = "{}") =>
    (await fetch(`${url}/webhook`, { method: "POST", headers, body })).status;
  beforeAll(async () => {
    url = await server.listen({ host: "127.0.0.1", port: 0 });
  });
  beforeEach(() => {
    triggered = 0;
  });
  afterAll(() => server.close());

  it("accepts a body that GitHub signed", async () => {
    expect(await post({ "x-hub-signature-256": sign("{}"), "content-type": "application/json" })).toBe(202);
    expect(triggered).toBe(1);
  });

  it("accepts GitLab's token", async () => {
    expect(await post({ "x-gitlab-token": SECRET })).toBe(202);
  });

  it.each([
    ["a call without a signature", {}],
    ["a different body's signature", { "x-hub-signature-256": sign("{ }") }],
    ["a signature with a different secret", { "x-hub-signature-256": sign("{}", "another secret..") }],
    ["GitHub's old SHA-1 signature", { "x-hub-signature": "sha1=0000" }],
    ["a different token", { "x-gitlab-token": "0123456789abcdeF" }],
    ["an empty token", { "x-gitlab-token": "" }],
  ])("rejects %s and triggers nothing", async (_, headers) => {
    expect(await post(headers as Record<string, string>)).toBe(401);
    expect(triggered).toBe(0);
  });

  it("rejects a body above its size limit without reading all of it", async () => {
    const body = "x".repeat(WEBHOOK_BYTES_MAX + 1);
    expect(await post({ "x-hub-signature-256": sign(body) }, body)).toBe(413);
    expect(triggered).toBe(0);
  });

  it("responds to no other request", async () => {
    for (const path of ["/webhook", "/metrics"]) expect((await fetch(url + path)).status).toBe(404);
  });
});
