import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { moveInFindings } from "../../../../fleet/moveIn/findings";
import { flowsByUser } from "../../../../fleet/moveIn/report";
import { runningInventory } from "../../../../fleet/moveIn/sources/runningLangFlow";
import { ExitCode } from "../../../../model/errors";
import { TOKEN } from "../recordedLangFlow";

const KEY = "sk-stand-in";
const ME = "11111111-1111-4111-8111-111111111111";
const FLOW = "b8a5b5a8-7d2a-4b51-9a6e-6b6bb2b0a001";
const me = { id: ME, username: "admin", is_active: true, is_superuser: true };
const others = Array.from({ length: 201 }, (_, index) => ({
  ...me,
  id: `u${index}`,
  username: `user${index}`,
  is_superuser: false,
}));
const node = { id: "Prompt-1", data: { node: { template: { text: { type: "str", value: `use ${TOKEN}` } } } } };
const flow = { id: FLOW, name: "Flow", user_id: ME, data: { nodes: [node], edges: [] } };

type Answer = readonly [status: number, body: unknown];
/** Answers of LangFlow 1.13 to a superuser, by path. */
const ANSWERS: Readonly<Record<string, Answer>> = {
  "/api/v1/version": [200, { version: "1.12.8", main_version: "1.12.8", package: "Langflow" }],
  "/api/v1/users/whoami": [200, me],
  "/api/v1/users/?skip=0&limit=200": [200, { total_count: 202, users: [me, ...others.slice(0, 199)] }],
  "/api/v1/users/?skip=200&limit=200": [200, { total_count: 202, users: others.slice(199) }],
  "/api/v1/flows/?get_all=true&header_flows=true&remove_example_flows=true": [200, [{ id: FLOW }, { id: "deleted" }]],
  [`/api/v1/flows/${FLOW}`]: [200, flow],
  "/api/v1/projects/": [200, [{ id: "p" }]],
  "/api/v1/variables/": [
    200,
    [
      { name: "KEY", type: "Credential", value: null },
      { name: "WORD", type: "Generic", value: "hello" },
    ],
  ],
  "/api/v1/api_key/": [200, { total_count: 1, user_id: ME, api_keys: [{ id: "k", api_key: "sk-a****" }] }],
  "/api/v2/files/": [200, [{ id: "f", size: 11 }]],
  "/api/v1/knowledge_bases/": [200, []],
};

let server: Server;
let url: string;
let answers: Record<string, Answer>;
/** Methods, API keys and paths of all requests, in order. */
let asked: { method?: string; key?: unknown; path?: string }[];
let redirect: string | undefined;

beforeAll(async () => {
  server = createServer((request, response) => {
    const { method, url: path = "", headers } = request;
    asked.push({ method, key: headers["x-api-key"], path });
    if (redirect !== undefined) return response.writeHead(307, { location: redirect }).end();
    const [status, body] = headers["x-api-key"] === KEY ? (answers[path] ?? [404, { detail: "Not Found" }]) : [403, {}];
    return response.writeHead(status).end(typeof body === "string" ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(() => {
  answers = { ...ANSWERS };
  asked = [];
  redirect = undefined;
});
afterAll(() => server.close());

const look = (given: { url?: string; key?: string | undefined; signal?: AbortSignal } = {}) =>
  runningInventory({ url, key: KEY, signal: new AbortController().signal, ...given });

describe("a running LangFlow", () => {
  it("receives only GET requests, and yields what the API key's user can see", async () => {
    const inventory = await look({ url: `${url}/` });
    expect(new Set(asked.map(({ method }) => method))).toEqual(new Set(["GET"]));
    expect(inventory).toMatchObject({
      source: { kind: "running LangFlow", place: url },
      version: "1.12.8",
      projects: 1,
      variables: { credential: 1, generic: 1 },
      apiKeys: 1,
      files: { count: 1, bytes: 11 },
      knowledgeBases: 0,
      flows: [{ id: FLOW, name: "Flow", owner: ME, secrets: [expect.stringContaining("(github)")] }],
    });
    expect(inventory.users).toHaveLength(202);
    for (const untold of ["messages", "schedules", "databaseBytes", "starters", "ciphertexts"])
      expect(inventory).not.toHaveProperty(untold);
    expect(moveInFindings(inventory).map(({ what }) => what)).toEqual(["flows with a likely secret"]);
    expect(JSON.stringify(inventory)).not.toMatch(new RegExp(`${KEY}|${TOKEN}|hello`));
  });

  it("shows only the flows of the API key's user, and the inventory says so", async () => {
    const inventory = await look();
    expect(flowsByUser(inventory).map(({ user }) => user)).toEqual(["admin"]);
    expect(inventory.unseen[0]).toMatch(/^the flows, .* of other users/);
  });

  it("shows only one user if the API key is not a superuser's; missing endpoints yield no counts", async () => {
    answers["/api/v1/users/?skip=0&limit=200"] = [403, { detail: "The user doesn't have enough privileges" }];
    delete answers["/api/v2/files/"];
    const { users, files, unseen } = await look();
    expect([users?.map(({ name }) => name), files]).toEqual([["admin"], undefined]);
    expect(unseen[0]).toBe("other users: the key is not a superuser's");
  });

  it("gets no request without an API key, and none after it rejects the key; both cases end with exit code 3", async () => {
    const refused = (said: RegExp) => ({ exitCode: ExitCode.Unauthenticated, message: expect.stringMatching(said) });
    await expect(look({ key: undefined })).rejects.toMatchObject(
      refused(/^LANGFLOW_API_KEY is not set: create a key /),
    );
    await expect(look({ key: "two\nlines" })).rejects.toMatchObject(refused(/^LANGFLOW_API_KEY is not an API key: /));
    expect(asked).toEqual([]);
    answers["/api/v1/users/whoami"] = [403, { detail: "Invalid or missing API key" }];
    await expect(look()).rejects.toMatchObject(refused(/ rejected the API key in LANGFLOW_API_KEY \(403\): use /));
    expect(asked.map(({ path }) => path)).toEqual(["/api/v1/version", "/api/v1/users/whoami"]);
  });

  it("does not receive the API key through a redirect", async () => {
    redirect = `${url}/elsewhere`;
    await expect(look()).rejects.toMatchObject({
      exitCode: ExitCode.BadInput,
      message: expect.stringMatching(/ is not LangFlow: /),
    });
    expect(asked).toHaveLength(1);
  });

  it.each([
    ["an HTML page", [200, "<html>"]],
    ["other JSON", [200, []]],
    ["status 404", [404, {}]],
  ] as const)("is not recognized if it answers with %s, with exit code 2", async (_, answer) => {
    answers["/api/v1/version"] = answer;
    await expect(look()).rejects.toMatchObject({
      exitCode: ExitCode.BadInput,
      message: expect.stringMatching(/ is not LangFlow: /),
    });
  });

  it("causes exit code 10 if it fails or does not respond", async () => {
    answers["/api/v1/projects/"] = [500, {}];
    const unreachable = (said: RegExp) => ({ exitCode: ExitCode.Unreachable, message: expect.stringMatching(said) });
    await expect(look()).rejects.toMatchObject(unreachable(/ answered \/api\/v1\/projects\/ with 500: check /));
    await expect(look({ url: "http://127.0.0.1:9" })).rejects.toMatchObject(unreachable(/ does not answer .*: check /));
  });

  it("must have a plain URL: a URL with a password causes exit code 2 and is not repeated", async () => {
    for (const bad of ["http://user:sesame@langflow.test", "https://langflow.test/?key=sesame", "http://"])
      await expect(look({ url: bad })).rejects.toMatchObject({
        exitCode: ExitCode.BadInput,
        message: expect.not.stringContaining("sesame"),
      });
  });

  it("is not contacted after an interrupt, with exit code 8", async () => {
    await expect(look({ signal: AbortSignal.abort() })).rejects.toMatchObject({ exitCode: ExitCode.Cancelled });
    expect(asked).toEqual([]);
  });
});
