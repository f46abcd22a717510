import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { HEALTH, streamedRun, upload, whoami } from "../../../../fleet/drill/visitors/errands";
import { type Errand, exchange, PATIENCE_MS } from "../../../../fleet/drill/visitors/exchange";

type Answer = (response: ServerResponse) => unknown;

const JUST_ENOUGH_MS = PATIENCE_MS * 0.6;
const QUESTION = "near us-east at 1";
const WORDS = `${QUESTION} ${Array.from({ length: 30 }, (_, index) => index + 1).join(" ")}`;
const token = `${JSON.stringify({ event: "token", data: { chunk: " 1" } })}\n\n`;
const event = (name: string, text?: string) =>
  `${JSON.stringify({
    event: name,
    data: { result: { outputs: [{ outputs: [{ results: { message: { text } } }] }] } },
  })}\n\n`;

describe("a visit", () => {
  const servers: Server[] = [];
  afterAll(() => Promise.all(servers.map((server) => server.close()).map((server) => server.closeAllConnections())));

  async function serving(answer: Answer): Promise<string> {
    const server = createServer((request, response) => {
      request.resume().once("end", () => void answer(response));
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
  const endOf = async (errand: Errand, answer: Answer) => (await exchange(await serving(answer), errand))?.end;
  const run = () => streamedRun("flow", "key", QUESTION);
  const cut = async (response: ServerResponse) => {
    response.write(token);
    await sleep(50);
    response.destroy();
  };

  it("is good if the complete answer is correct", async () => {
    const stream = token + event("end", WORDS);
    expect(await endOf(HEALTH, (response) => response.end('{"status":"ok","chat":"ok","db":"ok"}'))).toBe("good");
    expect(await endOf(whoami({}, "ada"), (response) => response.end('{"id":"ada"}'))).toBe("good");
    expect(await endOf(run(), (response) => response.end(stream))).toBe("good");
  });

  it("is wrong if it gets someone else's answer, or a valid user is rejected", async () => {
    expect(await endOf(HEALTH, (response) => response.end("<html>"))).toBe("wrong");
    expect(await endOf(HEALTH, (response) => response.end('{"status":"nok"}'))).toBe("wrong");
    expect(await endOf(whoami({}, "ada"), (response) => response.end('{"id":"eve"}'))).toBe("wrong");
    expect(await endOf(run(), (response) => response.end(event("end", WORDS.replace("at 1", "at 2"))))).toBe("wrong");
    expect(await endOf(whoami({}, "ada"), (response) => response.writeHead(401).end('{"id":"ada"}'))).toBe("wrong");
    expect(await endOf(run(), (response) => response.writeHead(404).end())).toBe("wrong");
  });

  it("is cut if its own or the load balancer's connection breaks before or during the answer", async () => {
    expect(await endOf(run(), (response) => response.destroy())).toBe("cut");
    expect(await endOf(run(), (response) => response.socket?.resetAndDestroy())).toBe("cut");
    expect(await endOf(run(), cut)).toBe("cut");
    for (const code of [502, 504, 520, 524])
      expect(await endOf(run(), (response) => response.writeHead(code).end())).toBe("cut");
  });

  it("counts as cut rather than wrong if its body is truncated, whatever the kind of body", async () => {
    const half = async (response: ServerResponse) => {
      response.write('{"status":');
      await sleep(50);
      response.destroy();
    };
    expect(await endOf(HEALTH, half)).toBe("cut");
    expect(await endOf(whoami({}, "ada"), half)).toBe("cut");
  });

  it("is cut if a stream closes without its end event, or reports an error", async () => {
    expect(await endOf(run(), (response) => response.end(token))).toBe("cut");
    expect(await endOf(run(), (response) => response.end(token + event("error") + event("end", WORDS)))).toBe("cut");
  });

  it("is refused if the connection is refused, or an error status replaces the answer", async () => {
    const gone = await serving(() => undefined);
    await new Promise((resolve) => servers.at(-1)?.close(resolve));
    expect((await exchange(gone, HEALTH))?.end).toBe("refused");
    for (const code of [500, 503, 521, 522])
      expect(await endOf(HEALTH, (response) => response.writeHead(code).end('{"status":"ok"}'))).toBe("refused");
  });

  it("has hung after ten seconds without a byte, at the start or later, but not while bytes arrive", async () => {
    const began = Date.now();
    const silent = endOf(run(), () => undefined);
    const stalled = endOf(run(), (response) => response.write(token));
    const slow = endOf(run(), async (response) => {
      for (const part of [token, token, event("end", WORDS)]) {
        await sleep(JUST_ENOUGH_MS);
        response.write(part);
      }
      response.end();
    });
    expect(await silent).toBe("hung");
    expect(Date.now() - began).toBeGreaterThanOrEqual(PATIENCE_MS - 50);
    expect(Date.now() - began).toBeLessThan(PATIENCE_MS + 3_000);
    expect(await stalled).toBe("hung");
    expect(await slow).toBe("good");
  }, 40_000);

  it("records the answering region even if it was cut, but has no status without a complete answer", async () => {
    const url = await serving((response) => {
      response.setHeader("x-local-pool", "eu-west");
      return cut(response);
    });
    const found = await exchange(url, run());
    expect(found).toMatchObject({ end: "cut", status: 0 });
    expect(found?.headers?.get("x-local-pool")).toBe("eu-west");
  });

  it("is discarded if its visitor leaves before the end", async () => {
    const left = new AbortController();
    const url = await serving((response) => {
      response.write(token);
      left.abort();
    });
    expect(await exchange(url, run(), left.signal)).toBeUndefined();
  });

  it("keeps only uploads that are acknowledged with the correct size", async () => {
    const kept: string[] = [];
    const file = () => upload("key", { name: "a.txt", contents: "12345" }, ({ id }) => void kept.push(id));
    const told = (id: string, size: number) => JSON.stringify({ id, path: `ada/${id}`, size });
    expect(await endOf(file(), (response) => response.writeHead(201).end(told("whole", 5)))).toBe("good");
    expect(await endOf(file(), (response) => response.writeHead(201).end(told("cut", 4)))).toBe("wrong");
    expect(await endOf(file(), (response) => response.writeHead(500).end(told("failed", 5)))).toBe("refused");
    expect(kept).toEqual(["whole"]);
  });
});
