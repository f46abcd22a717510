import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { get } from "node:http";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isRunning } from "../../../../sandbox/directory";
import { ConnectTimeout, OriginAgent } from "../../../../sandbox/live/balancer/delivery";
import { Endpoint } from "../../../../sandbox/live/cluster/endpoint";
import { freePort } from "../../../../sandbox/live/ports";
import { BlackHole } from "../../../../sandbox/live/process/blackHole";
import { BoundProcess, tailOf } from "../../../../sandbox/live/process/boundProcess";
import { type ProbeState, watchProbe } from "../../../../sandbox/live/process/probe";
import { removeTemporaryFolders, temporaryFolder } from "../../fixture";
import { until } from "../balancer/fixture";

afterAll(removeTemporaryFolders);

/** Returns what happens to a connection within half a second. */
async function outcomeAt(port: number): Promise<"taken" | "refused" | "nothing"> {
  const socket = connect({ host: "127.0.0.1", port });
  const outcome = await Promise.race([
    once(socket, "connect").then(() => "taken" as const),
    new Promise<"refused">((resolve) => socket.once("error", () => resolve("refused"))),
    sleep(500).then(() => "nothing" as const),
  ]).catch(() => "refused" as const);
  socket.destroy();
  return outcome;
}

describe("a port that drops all packets", () => {
  it("neither accepts nor refuses a connection, however many clients try, and is free again afterwards", async () => {
    const port = await freePort();
    const hole = await BlackHole.open(port);
    expect(await Promise.all(Array.from({ length: 8 }, () => outcomeAt(port)))).toEqual(Array(8).fill("nothing"));
    await hole.close();
    expect(await outcomeAt(port)).toBe("refused");
  });

  it("waits for the last process of its previous owner to end, and then opens", async () => {
    const last = createServer().listen(await freePort(), "127.0.0.1");
    await once(last, "listening");
    const { port } = last.address() as { port: number };
    void sleep(1_000).then(() => last.close());
    const hole = await BlackHole.open(port);
    expect(await outcomeAt(port)).toBe("nothing");
    await hole.close();
  });

  it("makes the balancer give up after its timeout, with an error for a request that was never sent", async () => {
    const port = await freePort();
    const hole = await BlackHole.open(port);
    const asked = get({ host: "127.0.0.1", port, agent: new OriginAgent(300) });
    const [error] = await once(asked, "error");
    expect(error).toBeInstanceOf(ConnectTimeout);
    await hole.close();
  });
});

describe("a Service's address in a region that stops responding", () => {
  let pod: Server;
  let endpoint: Endpoint;
  beforeEach(async () => {
    pod = createServer((socket) => socket.on("error", () => undefined).pipe(socket)).listen(0, "127.0.0.1");
    await once(pod, "listening");
    const { port } = pod.address() as { port: number };
    endpoint = await Endpoint.start(await freePort(), () => port);
  });
  afterEach(() => {
    endpoint.close();
    pod.close();
  });

  const echo = async (socket: Socket, text: string) => {
    socket.write(text);
    return String((await once(socket, "data"))[0]);
  };

  it("drops new connections, keeps open ones, and accepts new connections when it responds again", async () => {
    const before = connect({ host: "127.0.0.1", port: endpoint.port });
    expect(await echo(before, "before")).toBe("before");
    await endpoint.silence();
    expect(await outcomeAt(endpoint.port)).toBe("nothing");
    await endpoint.answer();
    expect(await echo(before, "after")).toBe("after");
    const after = connect({ host: "127.0.0.1", port: endpoint.port });
    expect(await echo(after, "new")).toBe("new");
    for (const socket of [before, after]) socket.destroy();
  });
});

describe("a suspended process", () => {
  const stateOf = (pid: number) => execFileSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" })[0];
  const launch = async () => {
    const directory = temporaryFolder();
    const log = join(directory, "log");
    // The child has its own session, as PostgreSQL's processes do.
    const command = ["sh", "-c", "setsid sleep 300 & sleep 0.2; echo $!; wait"];
    const bound = BoundProcess.start({ command, environment: { PATH: "/usr/bin:/bin" }, directory, log });
    while (tailOf(log) === "") await sleep(20);
    return { bound, pids: [bound.pid ?? 0, Number(tailOf(log))] };
  };

  it("stops together with all processes that it has started, and all of them continue later", async () => {
    const { bound, pids } = await launch();
    bound.suspend();
    await until(() => pids.map(stateOf).join("") === "TT");
    bound.resume();
    await until(() => pids.map(stateOf).join("") === "SS");
    bound.suspend();
    bound.kill();
    await bound.ended;
    expect(isRunning(pids[0] ?? 0)).toBe(false);
    process.kill(pids[1] ?? 0, "SIGKILL");
  });

  it("is not found unhealthy by its probes, because its kubelet is suspended too", async () => {
    const ending = new AbortController();
    const states: ProbeState[] = [];
    let suspended = false;
    let answers = true;
    let asked = 0;
    const target = {
      port: () => undefined,
      execute: async () => {
        asked += 1;
        return answers ? 0 : 1;
      },
      isSuspended: () => suspended,
    };
    const probe = { exec: { command: ["true"] }, periodSeconds: 0.01, failureThreshold: 1 };
    const watching = watchProbe(probe, target, 0, ending.signal, (state) => states.push(state));
    while (states.length === 0) await sleep(5);
    [suspended, answers] = [true, false];
    const before = asked;
    while (asked < before + 5) await sleep(5);
    [suspended, answers] = [false, true];
    while (asked < before + 10) await sleep(5);
    ending.abort();
    await watching;
    expect(new Set(states)).toEqual(new Set(["success"]));
  });
});
