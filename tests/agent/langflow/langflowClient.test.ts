import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { LangFlow, LangFlowRefusal, LangFlowUnreachable, type StoredFlow } from "../../../agent/langflow/client";
import type { JsonObject } from "../../../formats/flows/canonicalJson";

const ID = "1b7e2c58-3a1d-4c0e-8f43-6d9a0b5c7e21";
const FLOW = { id: ID, name: "A", locked: false, version_token: "2b7e2c58-3a1d-4c0e-8f43-6d9a0b5c7e21", data: {} };

/** Makes a request to a server that gives the same response to every request. */
async function answering<T>(status: number, body: string, ask: (langflow: LangFlow) => Promise<T>): Promise<T> {
  const server = createServer((_, response) => response.writeHead(status).end(body));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await ask(new LangFlow(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, () => "token"));
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}
const flow = (langflow: LangFlow) => langflow.flow(ID);
const put = (langflow: LangFlow) => langflow.put(ID, {}, "folder");

describe("LangFlow's responses", () => {
  it("are accepted as a flow if they have the shape of a flow and its id", async () => {
    expect(await answering(200, JSON.stringify(FLOW), flow)).toMatchObject({
      versionToken: FLOW.version_token,
      locked: false,
    });
  });

  it.each([
    ["a page of flows", JSON.stringify({ items: [FLOW], total: 1, page: 1 })],
    ["a list", JSON.stringify([FLOW])],
    ["a different flow", JSON.stringify({ ...FLOW, id: FLOW.version_token })],
    ["nothing", ""],
    ["null", "null"],
    ["an HTML page", "<html>Please log in</html>"],
    ["cut off", JSON.stringify(FLOW).slice(0, -5)],
  ])("are never accepted as a flow if they are %s", async (_, body) => {
    await expect(answering(200, body, flow)).rejects.toThrow(LangFlowUnreachable);
  });

  it("prove only with LangFlow's own 404 that a flow does not exist", async () => {
    expect(await answering(404, '{"detail":"Flow not found"}', flow)).toBeUndefined();
    await expect(answering(404, "<html>404</html>", flow)).rejects.toThrow(LangFlowUnreachable);
    await expect(answering(404, '{"message":"no route"}', flow)).rejects.toThrow(LangFlowRefusal);
    await expect(answering(410, '{"detail":"Flow not found"}', flow)).rejects.toThrow(LangFlowRefusal);
  });

  it.each([502, 503, 504, 429])("with status %i from a proxy say nothing about the flow", async (status) => {
    await expect(answering(status, "Bad Gateway", put)).rejects.toThrow(LangFlowUnreachable);
  });

  it("with status 500, with or without details, count as a problem of this flow only", async () => {
    for (const body of ["Internal Server Error", '{"detail":"Could not persist the flow."}'])
      await expect(answering(500, body, put)).rejects.toThrow(LangFlowRefusal);
    await expect(answering(503, '{"detail":"The database is busy."}', put)).rejects.toThrow(LangFlowRefusal);
  });

  it("with status 409 distinguish a name that is taken from a graph that has changed", async () => {
    const taken = await answering(409, '{"detail":"Name must be unique"}', put).catch((error) => error);
    expect([taken.taken, taken.outdated]).toEqual([true, false]);
    const outdated = await answering(409, '{"detail":{"code":"flow_version_conflict"}}', put).catch((error) => error);
    expect([outdated.taken, outdated.outdated]).toEqual([false, true]);
    const locked = await answering(423, '{"detail":"This flow is locked"}', put).catch((error) => error);
    expect([locked.taken, locked.outdated]).toEqual([false, false]);
  });

  it("are reported without the flow's contents, such as a statement or an input, even if LangFlow repeats them", async () => {
    const secret = "sk-a-secret-of-the-flow";
    const answers: [number, string][] = [
      [500, JSON.stringify({ message: `INSERT INTO flow VALUES ('${secret}')` })],
      [500, JSON.stringify({ detail: secret })],
      [422, JSON.stringify({ detail: [{ type: "string_type", loc: ["body", "name"], msg: secret, input: secret }] })],
      [409, JSON.stringify({ detail: { code: "flow_version_conflict", message: secret } })],
    ];
    const told = await Promise.all(
      answers.map(([status, body]) => answering(status, body, put).catch(({ message }) => message)),
    );
    expect(told.join()).not.toContain(secret);
    expect(told[2]).toMatch(/with 422: body\.name string_type$/);
  });
});

describe("flows that are created in one request", () => {
  const OTHER = ID.replace(/^./, "9");
  const graph = (text: string): JsonObject => ({ nodes: [{ id: text }], edges: [] });
  const flows = [
    { id: ID, flow: { name: "A", data: graph("a") }, folderId: "f" },
    { id: OTHER, flow: { name: "B", data: graph("b") }, folderId: "f" },
  ];
  const made = (change: object = {}) => [
    { ...FLOW, id: ID, data: { edges: [], nodes: [{ id: "a" }] }, version_token: null },
    { ...FLOW, id: OTHER, data: { edges: [], nodes: [{ id: "b" }] }, version_token: null, ...change },
  ];
  const create = (answer: unknown) =>
    answering(201, JSON.stringify(answer), (langflow) => langflow.create(flows)) as Promise<StoredFlow[]>;

  it("are returned in their order, as LangFlow stored them", async () => {
    const written = { nodes: [{ id: "b", extra: 1 }], edges: [] };
    const [first, second] = await create(made({ data: written }));
    expect([first?.flow.id, second?.flow.id]).toEqual([ID, OTHER]);
    expect([first?.flow.data, second?.flow.data]).toEqual([graph("a"), written]);
    expect(first).not.toHaveProperty("versionToken");
  });

  it.each<[string, unknown]>([
    ["fewer flows", made().slice(1)],
    ["the flows in a different order", made().toReversed()],
    ["an object instead of a list", { flows: made() }],
  ])("are not accepted if the response has %s", async (_, answer) => {
    await expect(create(answer)).rejects.toThrow(LangFlowUnreachable);
  });
});

describe("the check whether LangFlow responds", () => {
  const answers = (langflow: LangFlow) => langflow.answers();

  it.each([
    [200, '{"id":"x"}', true],
    [404, '{"detail":"Not Found"}', true],
    [500, "Internal Server Error", true],
    [502, "Bad Gateway", false],
  ])("accepts only LangFlow's own responses: %d %s", async (status, body, expected) => {
    expect(await answering(status, body, answers)).toBe(expected);
  });

  it.each([401, 403])("fails if LangFlow does not accept the user's token: %d", async (status) => {
    const body = '{"detail":"User account is inactive"}';
    await expect(answering(status, body, answers)).rejects.toThrow(
      new LangFlowUnreachable(
        `LangFlow rejects the user's token: LangFlow answered GET /api/v1/users/whoami with ${status}: User account is inactive`,
      ),
    );
  });
});

describe("a request to LangFlow", () => {
  it("is made in the name of a user, with a current token", async () => {
    const asked: unknown[] = [];
    const server = createServer((request, response) => {
      asked.push([request.headers.authorization, request.headers["x-api-key"]]);
      response.end(JSON.stringify(FLOW));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const tokens = ["one", "two"];
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const langflow = new LangFlow(url, () => tokens.shift() ?? "");
    await langflow.flow(ID);
    await langflow.flow(ID);
    await new Promise((resolve) => server.close(resolve));
    expect(asked).toEqual([
      ["Bearer one", undefined],
      ["Bearer two", undefined],
    ]);
  });

  it("names the version of the graph that it replaces, and never contains the flow's id in its body", async () => {
    const asked: { method?: string; url?: string; match?: string; body: string }[] = [];
    const server = createServer(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += chunk;
      asked.push({ method: request.method, url: request.url, match: request.headers["if-match"] as string, body });
      response.end(JSON.stringify(FLOW));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const langflow = new LangFlow(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, () => "token");
    await langflow.put(ID, { id: ID, name: "A" }, "folder", { versionToken: "token" });
    await langflow.put(ID, { id: ID, name: "A" }, "folder", {});
    await langflow.put(ID, { id: ID, name: "A" }, "folder");
    await langflow.patch(ID, { name: "B" });
    await new Promise((resolve) => server.close(resolve));
    const body = '{"data":null,"folder_id":"folder","name":"A"}';
    const put = { method: "PUT", url: `/api/v1/flows/${ID}`, body };
    expect(asked).toEqual([
      { ...put, match: "token" },
      // The version of no flow: a flow that had no version token must still have none.
      { ...put, match: "00000000-0000-0000-0000-000000000000" },
      { ...put, match: undefined },
      { method: "PATCH", url: `/api/v1/flows/${ID}`, match: undefined, body: '{"name":"B"}' },
    ]);
  });

  it.each([
    ["whose server closes the connection in the middle of a response", `{"id":"${ID}","name"`, 20_000_000],
    ["whose server closes the connection before a response", "", 1],
  ])("fails as unreachable %s", async (_, begun, length) => {
    const server = createServer((_, response) => {
      response.writeHead(200, { "content-length": length });
      if (begun) response.write(begun, () => response.destroy());
      else response.destroy();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const langflow = new LangFlow(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, () => "token");
    await expect(langflow.flow(ID)).rejects.toThrow(/^LangFlow at http:.* does not answer: \w+/);
    await new Promise((resolve) => server.close(resolve));
  });

  it("returns a flow of 20 MB whose server closes the connection, on a new connection for each request", async () => {
    const connections = new Set<number | undefined>();
    const flow = { ...FLOW, description: "x".repeat(20_000_000) };
    const server = createServer((request, response) => {
      connections.add(request.socket.remotePort);
      response.end(JSON.stringify(flow));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const langflow = new LangFlow(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, () => "token");
    for (const _ of [1, 2]) expect((await langflow.flow(ID))?.flow.description).toHaveLength(20_000_000);
    expect(connections.size).toBe(2);
    await new Promise((resolve) => server.close(resolve));
  });
});
