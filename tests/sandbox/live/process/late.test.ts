import { once } from "node:events";
import { Agent, createServer as createHttpServer, get, type IncomingMessage, type RequestListener } from "node:http";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { Endpoint, isAmong, NO_FAULT, type PathFault } from "../../../../sandbox/live/cluster/endpoint";
import { freePort } from "../../../../sandbox/live/ports";
import { Late, UNDER_WAY_BYTES_MAX } from "../../../../sandbox/live/process/late";

const LATE_MS = 400;
/** Timers occasionally end slightly early. */
const JITTER_MS = 20;

const servers: Server[] = [];
const endpoints: Endpoint[] = [];
let fault: PathFault = NO_FAULT;
afterEach(() => {
  fault = NO_FAULT;
  for (const endpoint of endpoints.splice(0)) endpoint.close();
  for (const server of servers.splice(0)) server.close();
});

/** Returns an endpoint of a Service whose only pod is this server. */
async function endpointOf(pod: Server): Promise<Endpoint> {
  servers.push(pod.listen(0, "127.0.0.1"));
  await once(pod, "listening");
  const { port } = pod.address() as AddressInfo;
  const endpoint = await Endpoint.start(
    await freePort(),
    () => port,
    () => fault,
  );
  endpoints.push(endpoint);
  return endpoint;
}

const httpPod = (answer: RequestListener) => endpointOf(createHttpServer(answer));
const dial = ({ port }: Endpoint): Socket => connect({ host: "127.0.0.1", port });

async function timed<T>(act: () => Promise<T>): Promise<{ value: T; tookMs: number }> {
  const began = performance.now();
  return { value: await act(), tookMs: performance.now() - began };
}

/** Makes a request. @param agent keeps its connection; without an agent, the connection is new */
async function ask({ port }: Endpoint, agent: Agent | false = false): Promise<string> {
  const asked = get({ host: "127.0.0.1", port, agent });
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  return text(answer);
}

describe("delayed data", () => {
  it("arrives completely and in order, each part with the delay that applied when the part was written", async () => {
    let lateMs = 200;
    const late = new Late(() => lateMs);
    const came: [string, number][] = [];
    const began = performance.now();
    late.on("data", (part) => came.push([String(part), performance.now() - began]));
    late.write("first");
    await sleep(100);
    // No more delay, but the second part must not overtake the first.
    lateMs = 0;
    late.write("second");
    late.end("third");
    await once(late, "end");
    expect(came.map(([part]) => part)).toEqual(["first", "second", "third"]);
    for (const [, at] of came) expect(at).toBeGreaterThanOrEqual(200 - JITTER_MS);
  });

  it("is delayed concurrently: many parts take no longer than a single part", async () => {
    const parts = Array.from({ length: 500 }, (_, index) => Buffer.alloc(1000, index));
    const { value, tookMs } = await timed(() => buffer(Readable.from(parts).pipe(new Late(() => LATE_MS))));
    expect(value.equals(Buffer.concat(parts))).toBe(true);
    expect(tookMs).toBeGreaterThanOrEqual(LATE_MS - JITTER_MS);
    expect(tookMs).toBeLessThan(3 * LATE_MS);
  });

  it("is limited in size, so a sender must wait before it sends more", async () => {
    const late = new Late(() => LATE_MS);
    let accepted = 0;
    const part = Buffer.alloc(UNDER_WAY_BYTES_MAX / 4);
    for (let sent = 0; sent < 12; sent++)
      late.write(part, () => {
        accepted += part.length;
      });
    await sleep(LATE_MS / 2);
    expect(accepted).toBeLessThanOrEqual(UNDER_WAY_BYTES_MAX);
    late.end();
    expect((await buffer(late)).length).toBe(12 * part.length);
  });
});

describe("a Service's address with delayed responses", () => {
  it("delays each response on a kept connection, and none after the fault ends", async () => {
    const sockets = new Set<Socket>();
    const endpoint = await httpPod((request, response) => {
      sockets.add(request.socket);
      response.end("here");
    });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    fault = { lateMs: LATE_MS, brokenShare: 0 };
    for (let request = 0; request < 2; request++) {
      const { value, tookMs } = await timed(() => ask(endpoint, agent));
      expect(value).toBe("here");
      expect(tookMs).toBeGreaterThanOrEqual(LATE_MS - JITTER_MS);
    }
    fault = NO_FAULT;
    expect((await timed(() => ask(endpoint, agent))).tookMs).toBeLessThan(LATE_MS / 2);
    expect(sockets.size).toBe(1);
    agent.destroy();
  });

  it("passes a request on at once: the pod has finished its work before the client gets the response", async () => {
    let askedAt = 0;
    const endpoint = await httpPod((_, response) => {
      askedAt = performance.now();
      response.end();
    });
    fault = { lateMs: LATE_MS, brokenShare: 0 };
    const began = performance.now();
    await ask(endpoint);
    expect(askedAt - began).toBeLessThan(LATE_MS / 2);
  });

  it.each([0, LATE_MS])(
    "responds to a client that has closed its sending side, %d ms late, with all of a large response",
    async (lateMs) => {
      const answer = Buffer.alloc(3_000_000, "answer");
      const pod = createServer({ allowHalfOpen: true }, (socket) => {
        // The pod responds only after the whole request, and closes the connection right after the response.
        socket.on("error", () => undefined).resume();
        socket.once("end", () => socket.end(answer));
      });
      const endpoint = await endpointOf(pod);
      fault = { lateMs, brokenShare: 0 };
      const socket = dial(endpoint);
      socket.end("request");
      const { value, tookMs } = await timed(() => buffer(socket));
      expect(value.equals(answer)).toBe(true);
      expect(tookMs).toBeGreaterThanOrEqual(lateMs - JITTER_MS);
    },
  );

  it("passes on what a client sends after the pod has closed its sending side", async () => {
    const heard: string[] = [];
    const pod = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on("data", (part) => heard.push(String(part)));
      socket.end("all");
    });
    const endpoint = await endpointOf(pod);
    const socket = connect({ host: "127.0.0.1", port: endpoint.port, allowHalfOpen: true }).resume();
    await once(socket, "end");
    socket.end("and more");
    while (heard.length === 0) await sleep(5);
    expect(heard).toEqual(["and more"]);
  });

  it("closes the pod's connection if the client gives up, and the client's connection if the pod dies", async () => {
    const pods: Socket[] = [];
    const endpoint = await endpointOf(
      createServer((socket) => pods.push(socket.on("error", () => undefined).resume())),
    );
    fault = { lateMs: LATE_MS, brokenShare: 0 };
    const [visitor, other] = [dial(endpoint), dial(endpoint)];
    for (const socket of [visitor, other]) socket.on("error", () => undefined).write("request");
    while (pods.length < 2) await sleep(5);
    visitor.resetAndDestroy();
    await Promise.race(pods.map((pod) => once(pod, "close")));
    const left = pods.find(({ destroyed }) => !destroyed);
    left?.resetAndDestroy();
    await once(other, "close");
  });
});

describe("a Service's address that breaks some connections", () => {
  const outcomes = (endpoint: Endpoint, many: number) =>
    Promise.all(
      Array.from({ length: many }, () =>
        ask(endpoint).catch((error: NodeJS.ErrnoException) => error.code ?? error.message),
      ),
    );

  it("resets half of the connections, each after its request, and none after the fault ends", async () => {
    const endpoint = await httpPod((_, response) => void response.end("here"));
    fault = { lateMs: 0, brokenShare: 0.5 };
    expect((await outcomes(endpoint, 40)).sort()).toEqual([...Array(20).fill("ECONNRESET"), ...Array(20).fill("here")]);
    fault = NO_FAULT;
    expect(await outcomes(endpoint, 20)).toEqual(Array(20).fill("here"));
  });

  it("does not reset an open connection before the client sends something on it", async () => {
    const endpoint = await httpPod((_, response) => void response.end("here"));
    fault = { lateMs: 0, brokenShare: 1 };
    const socket = dial(endpoint);
    await once(socket, "connect");
    await sleep(100);
    expect(socket.destroyed).toBe(false);
    socket.write("x");
    const [error] = await once(socket, "error");
    expect(error).toMatchObject({ code: "ECONNRESET" });
  });

  it("breaks the same connections each time the fault starts", async () => {
    const endpoint = await httpPod((_, response) => void response.end("here"));
    const inTurn = async () => {
      fault = { lateMs: 0, brokenShare: 0.5 };
      const heard: string[] = [];
      for (let request = 0; request < 13; request++) heard.push(...(await outcomes(endpoint, 1)));
      fault = NO_FAULT;
      await ask(endpoint);
      return heard;
    };
    const heard = await inTurn();
    expect(await inTurn()).toEqual(heard);
  });

  it("breaks its share of any ten consecutive connections, and for a client with a steady pace neither all nor none", () => {
    const broken = (share: number) => Array.from({ length: 400 }, (_, index) => isAmong(share, index));
    for (const [share, many] of [
      [0.2, 2],
      [1, 10],
    ] as const) {
      const drawn = broken(share);
      for (let first = 0; first < 400; first += 10)
        expect(drawn.slice(first, first + 10).filter(Boolean)).toHaveLength(many);
    }
    const half = broken(0.5);
    for (let pace = 1; pace <= 20; pace++) {
      const met = half.filter((_, index) => index % pace === 0);
      const failed = met.filter(Boolean).length / met.length;
      expect(failed).toBeGreaterThan(0.15);
      expect(failed).toBeLessThan(0.85);
    }
  });
});
