import { get } from "node:http";
import type { Socket } from "node:net";
import { BALANCER, MONITOR, type NAMES, poolOf, type Stage, stageForEachTest, until } from "./fixture";

let stage: Stage;
stageForEachTest((made) => {
  stage = made;
});

const withFailover = (failover: "none" | "temporary" | "sticky") => ({
  affinity: { ttlSeconds: 3600, sameSite: "Lax", drainSeconds: 3600, failover },
});
const near = (latitude: number, longitude: number) => ({
  "cf-iplatitude": `${latitude}`,
  "cf-iplongitude": `${longitude}`,
});

describe("a request to the public address", () => {
  it("reaches the pool as it was sent, with the public name as Host and the client's address", async () => {
    await stage.apply();
    stage.origins["us-east"].answer = (_request, response, body) =>
      response.writeHead(201, { "x-own": "yes" }).end(body.toUpperCase());
    const answer = await stage.ask({ "x-given": "1" }, { method: "PUT", body: "flow" });
    expect(answer).toMatchObject({ status: 201, text: "FLOW", region: "us-east" });
    expect(answer.response.headers.get("x-own")).toBe("yes");
    expect(stage.origins["us-east"].asked).toEqual([
      expect.objectContaining({
        method: "PUT",
        url: "/api",
        body: "flow",
        headers: expect.objectContaining({ host: "flows.example.com", "cf-connecting-ip": "127.0.0.1" }),
      }),
    ]);
  });

  it("is sent to the pool that is nearest to the client's location", async () => {
    await stage.apply({ steeringPolicy: "proximity" });
    expect((await stage.ask(near(48, 2))).region).toBe("eu-west");
    expect((await stage.ask(near(41, -74))).region).toBe("us-east");
    expect((await stage.ask()).region).toBe("us-east");
  });

  it("is redirected to the public address if the pool redirects to the public name", async () => {
    await stage.apply();
    stage.origins["us-east"].answer = (_request, response) =>
      response.writeHead(307, { location: "http://flows.example.com/api/?a=1" }).end();
    expect((await stage.ask()).response.headers.get("location")).toBe(`${stage.url}/api/?a=1`);
  });

  it("receives the first part of a response before the pool has written the rest", async () => {
    await stage.apply();
    let end = () => undefined as unknown;
    stage.origins["us-east"].answer = (_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: 1\n\n");
      end = () => response.end("data: 2\n\n");
    };
    const response = await fetch(stage.url);
    const reader = response.body?.getReader();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe("data: 1\n\n");
    end();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe("data: 2\n\n");
    expect((await reader?.read())?.done).toBe(true);
  });

  it("is sent to the fallback pool if no pool is healthy, even that one, and fails if the fallback pool is disabled", async () => {
    for (const origin of Object.values(stage.origins)) origin.health = () => 503;
    await stage.apply();
    expect(await stage.ask()).toMatchObject({ status: 200, region: "eu-west" });
    await stage.apply({ pools: [poolOf("us-east"), poolOf("eu-west", { enabled: false })] });
    expect(await stage.ask()).toMatchObject({ status: 530, region: null });
  });
});

describe("a request whose pool fails before the monitor notices", () => {
  it.each([
    ["refuses connections", () => stage.origins["us-east"].close()],
    [
      "has no ready pod",
      async () => {
        stage.origins["us-east"].refuses = true;
      },
    ],
    [
      "resets the connection",
      async () => {
        stage.origins["us-east"].resets = true;
      },
    ],
  ])("is answered by the next pool if its own pool %s", async (_title, fail) => {
    await stage.apply();
    await fail();
    const answer = await stage.ask({}, { method: "POST", body: "flow" });
    expect(answer).toMatchObject({ status: 200, region: "eu-west" });
    expect(stage.origins["eu-west"].asked.map(({ body }) => body)).toEqual(["flow"]);
  });

  it("is not retried once it was sent, because the pool may have processed it", async () => {
    await stage.apply();
    stage.origins["us-east"].answer = (request) => request.socket.resetAndDestroy();
    const answer = await stage.ask({}, { method: "POST", body: "flow" });
    expect(answer).toMatchObject({ status: 520, text: "error code: 520\n" });
    expect(stage.origins["eu-west"].asked).toEqual([]);
  });

  it("is retried only once", async () => {
    await stage.apply();
    for (const origin of Object.values(stage.origins)) await origin.close();
    expect(await stage.ask()).toMatchObject({ status: 521, text: "error code: 521\n" });
    for (const origin of Object.values(stage.origins)) await origin.open();
    expect((await stage.ask()).status).toBe(200);
  });

  it("is not retried if failover across pools is off", async () => {
    await stage.apply({ failoverAcrossPools: false });
    await stage.origins["us-east"].close();
    expect((await stage.ask()).status).toBe(521);
    expect(stage.origins["eu-west"].asked).toEqual([]);
  });

  it("is not retried if its body is too long to be buffered", async () => {
    await stage.apply();
    await stage.origins["us-east"].close();
    const long = await stage.ask({}, { method: "POST", body: "x".repeat(1024 * 1024 + 1) }).catch(() => undefined);
    // The connection may break while the client is still sending the rest of the body.
    expect(long?.status ?? 521).toBe(521);
    expect(stage.origins["eu-west"].asked).toEqual([]);
  });

  it("gets the response of a pool that responds, whatever the status", async () => {
    await stage.apply();
    stage.origins["us-east"].answer = (_request, response) => response.writeHead(500).end("broken");
    expect(await stage.ask()).toMatchObject({ status: 500, text: "broken", region: "us-east" });
    expect(stage.origins["eu-west"].asked).toEqual([]);
  });

  it("is aborted, and not retried in another region, if the connection breaks in the middle of the response", async () => {
    await stage.apply();
    stage.origins["us-east"].answer = (request, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("some", () => request.socket.resetAndDestroy());
    };
    await expect(stage.ask()).rejects.toThrow();
    expect(stage.origins["eu-west"].asked).toEqual([]);
  });
});

describe("a session", () => {
  const session = async (region: (typeof NAMES)[number]): Promise<string> => {
    const place = region === "us-east" ? near(41, -74) : near(48, 2);
    const { cookie = "" } = await stage.ask(place);
    return cookie;
  };
  const nearEurope = (cookie: string) => stage.ask({ cookie, ...near(48, 2) });

  it("is bound to its pool by a cookie that does not name the pool, wherever the next request comes from", async () => {
    await stage.apply({ steeringPolicy: "proximity" });
    const { response } = await stage.ask(near(41, -74));
    const header = response.headers.get("set-cookie") ?? "";
    expect(header).toMatch(/^__cflb=[\w-]{22}; Max-Age=3600; Path=\/; HttpOnly; SameSite=Lax$/);
    const cookie = header.split(";")[0] ?? "";
    expect(await nearEurope(`other=1; ${cookie}`)).toMatchObject({ region: "us-east", cookie: undefined });
  });

  it("has no cookie without affinity, and is not bound to a pool by a made-up cookie", async () => {
    await stage.apply({ steeringPolicy: "proximity", affinity: undefined });
    expect((await stage.ask()).cookie).toBeUndefined();
    await stage.apply({ steeringPolicy: "proximity" });
    expect(await nearEurope("__cflb=made-up")).toMatchObject({
      region: "eu-west",
      cookie: expect.stringMatching(/^__cflb=/),
    });
  });

  it("adds its cookie to the cookies of the pool", async () => {
    await stage.apply();
    stage.origins["us-east"].answer = (_request, response) =>
      response.writeHead(200, { "set-cookie": ["a=1", "b=2"] }).end();
    const { response } = await stage.ask();
    expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2", expect.stringMatching(/^__cflb=/)]);
  });

  it("moves to another pool for good if the monitor finds its pool down", async () => {
    await stage.apply();
    const cookie = await session("us-east");
    stage.origins["us-east"].health = () => 503;
    await stage.apply({
      pools: [poolOf("us-east", { monitor: { ...MONITOR, intervalSeconds: 0.01 } }), poolOf("eu-west")],
    });
    await until(() => stage.pools()[0]?.healthy === false);
    const moved = await stage.ask({ cookie });
    expect(moved.region).toBe("eu-west");
    expect(moved.cookie).toBeDefined();
    expect(moved.cookie).not.toBe(cookie);
  });

  it.each([
    ["sticky", { status: 200, region: "eu-west", cookie: expect.stringMatching(/^__cflb=/) }, "eu-west"],
    ["temporary", { status: 200, region: "eu-west", cookie: undefined }, "us-east"],
    ["none", { status: 521, region: null, cookie: undefined }, "us-east"],
  ] as const)(
    "fails over as configured while its pool refuses connections: %s",
    async (failover, meanwhile, afterwards) => {
      await stage.apply(withFailover(failover));
      const cookie = await session("us-east");
      await stage.origins["us-east"].close();
      const answer = await stage.ask({ cookie });
      expect(answer).toMatchObject(meanwhile);
      await stage.origins["us-east"].open();
      expect((await stage.ask({ cookie: answer.cookie ?? cookie })).region).toBe(afterwards);
    },
  );

  it("moves to another pool at once if its pool is disabled", async () => {
    await stage.apply(withFailover("temporary"));
    const cookie = await session("us-east");
    await stage.apply({
      pools: [poolOf("us-east", { enabled: false }), poolOf("eu-west")],
      ...withFailover("temporary"),
    });
    const moved = await stage.ask({ cookie });
    expect(moved).toMatchObject({ region: "eu-west", cookie: expect.stringMatching(/^__cflb=/) });
    expect(stage.origins["us-east"].asked).toHaveLength(1);
  });

  it("stays with a disabled origin while the origin drains, which gets no new sessions", async () => {
    await stage.apply();
    const cookie = await session("us-east");
    const pools = [poolOf("us-east", { originEnabled: false }), poolOf("eu-west")];
    await stage.apply({ pools });
    expect((await stage.ask({ cookie })).region).toBe("us-east");
    expect((await stage.ask()).region).toBe("eu-west");
    await stage.apply({
      pools,
      affinity: { ...BALANCER.affinity, ...withFailover("sticky").affinity, drainSeconds: 0 },
    });
    expect((await stage.ask({ cookie })).region).toBe("eu-west");
  });
});

describe("a WebSocket", () => {
  const HEADERS = {
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  };
  const echoing = (name: string) => (_request: unknown, socket: Socket) => {
    socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
    socket.on("data", (data) => socket.write(`${name}: ${data}`));
  };
  const connected = () =>
    new Promise<{ headers: NodeJS.Dict<string | string[]>; socket: Socket }>((resolve, reject) => {
      const asked = get(stage.url, { headers: HEADERS });
      asked.once("upgrade", ({ headers }, socket) => resolve({ headers, socket: socket as Socket }));
      asked.once("response", ({ statusCode }) => reject(new Error(`answered ${statusCode}`)));
      asked.once("error", reject);
    });
  const said = (socket: Socket) =>
    new Promise<string>((resolve) => socket.once("data", (data) => resolve(data.toString())));

  beforeEach(async () => {
    for (const origin of Object.values(stage.origins)) origin.upgrade = echoing(origin.name);
    await stage.apply();
  });

  it("transfers data in both directions, and its session has a cookie", async () => {
    const { headers, socket } = await connected();
    expect(headers).toMatchObject({ "x-local-pool": "us-east", "set-cookie": [expect.stringMatching(/^__cflb=/)] });
    for (const word of ["one", "two"]) {
      socket.write(word);
      expect(await said(socket)).toBe(`us-east: ${word}`);
    }
    socket.destroy();
  });

  it("opens in the next pool if its own pool refuses connections, and is rejected if both pools do", async () => {
    await stage.origins["us-east"].close();
    const { socket } = await connected();
    socket.write("one");
    expect(await said(socket)).toBe("eu-west: one");
    socket.destroy();
    await stage.origins["eu-west"].close();
    await expect(connected()).rejects.toThrow("answered 521");
    for (const origin of Object.values(stage.origins)) await origin.open();
  });

  it("ends when the connection to its pool ends", async () => {
    let atOrigin: Socket | undefined;
    stage.origins["us-east"].upgrade = (request, socket) => {
      atOrigin = socket;
      echoing("us-east")(request, socket);
    };
    const { socket } = await connected();
    const ended = new Promise((resolve) => socket.once("close", resolve));
    socket.resume();
    atOrigin?.resetAndDestroy();
    await ended;
    expect(socket.destroyed).toBe(true);
  });
});
