/**
 * The HTTP API of the live fleet's supervisor, on loopback only. Bodies and answers are JSON; an error is
 * `{ "error": message }`.
 *
 * | request                                  | does                                                       | answers                       |
 * | ---------------------------------------- | ---------------------------------------------------------- | ----------------------------- |
 * | GET  /health                             | reports that the supervisor runs                           | pid, version                  |
 * | GET  /status                             | returns every region and process, probes, replication lag and held items | `LiveStatus` of status.ts |
 * | POST /apply {preStop: "skip" or "honour", langflowPods, stacks, observers} | makes the processes match the applied resources, in the background; `langflowPods`: LangFlow pods per region; `stacks`: only these stacks; `observers`: each region's monitoring programs, null for none; omitted settings keep their values | 202 |
 * | POST /regions/:region/stop               | loses the region: SIGKILL to all its processes             | 204, 404                      |
 * | POST /regions/:region/start              | restores the region                                        | 204, 404                      |
 * | POST /regions/:region/suspend, …/resume  | suspends the region and drops packets to it, or resumes it | 204, 404                 |
 * | POST /regions/:region/path {lateSeconds, brokenShare} | delays LangFlow's responses and resets a share of the connections to it; without: neither | 204, 400, 404 |
 * | POST /regions/:region/pods/kill          | kills one of several LangFlow pods; the Deployment replaces it | 204, 404 |
 * | POST /processes/:region/:name/kill       | kills one process, which is then restarted; region `shared`, name `s3` for the S3 server | 204, 404 |
 * | POST /git/stop, /git/start               | stops and starts the Git server: fetch and push fail       | 204                           |
 * | POST /regions/:region/database/stop, …/start | stops and starts the region's PostgreSQL               | 204, 404                      |
 * | POST /regions/:region/database/disk/limit | moves its data to a small separate disk until the next start of PostgreSQL | 204, 404, 500 |
 * | POST /regions/:region/database/disk/fill, …/free | fills that disk, and frees it                          | 204, 404, 500 |
 * | POST /regions/:region/clock {library} or {aheadSeconds} | restarts its pods' processes with a separate clock, by libfaketime at that path; sets how far that clock is ahead | 204, 404 |
 * | POST /regions/:region/git/block, …/unblock | blocks and unblocks this region's access to Git          | 204, 404                      |
 * | POST /regions/:region/s3/block, …/unblock | blocks and unblocks this region's access to other AWS regions' buckets | 204, 404                      |
 * | POST /s3/:awsRegion/stop, …/start        | makes the buckets of that AWS region unresponsive, and responsive again | 204, 404                      |
 * | POST /s3/:awsRegion/pause, …/resume      | pauses and resumes replication of writes to the buckets there | 204, 404    |
 * | POST /s3/replication {delaySeconds}      | sets the age at which writes are replicated; without: the default | 204                   |
 * | GET  /balancer                           | returns the load balancer's pools and their health history | `BalancerStatus` of status.ts; 404, 503 |
 * | POST /balancer/stop, /balancer/start     | makes the load balancer's API answer 503, and work again; steering continues | 204                         |
 * | GET  /alerts                             | lists the notifications of each Alertmanager               | list of `Notification` of status.ts |
 * | POST /alerts/:region/:receiver           | receives an Alertmanager's notification                    | 204                           |
 * | POST /jobs {region, name, job, args, environment, secrets} | runs a CronJob's pod once and waits; `args` replace its container's; variables and Secrets apply to this run only. A client that disconnects ends the run | exitCode, container, log; 404; 409 while a Job of that name runs |
 * | DELETE /jobs/:region/:name               | deletes an ended run, so that it no longer counts as failed; `backup-us-east-1` is the first run of its CronJob | 204, 404 |
 * | POST /stop {now}                         | ends all processes and the supervisor; `now`: without grace period | 202                          |
 */
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import fastify, { type FastifyInstance } from "fastify";
import { list, record, text } from "../resources/values";
import { NO_FAULT } from "./cluster/endpoint";
import type { Supervisor } from "./supervisor";
import type { Observers } from "./tools/installer";

export interface Parts {
  readonly version: string;
  readonly supervisor: Supervisor;
  /** Ends the daemon after the response was sent. */
  stop(now: boolean): void;
}

class RequestError extends Error {
  constructor(
    readonly statusCode: number,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Interval between two spaces that precede a slow response: clients give up after five minutes without a byte (Node's
 * `fetch`).
 */
const BEAT_MS = 2_000;

/**
 * Streams a JSON response that may take long, preceded by spaces.
 *
 * @param stopped aborted once the client disconnected
 */
async function* inTime(answer: Promise<unknown>, stopped: AbortController): AsyncGenerator<string> {
  try {
    const told = answer.then((value) => JSON.stringify(value));
    for (;;) {
      const beat = sleep(BEAT_MS, " ", { signal: stopped.signal });
      const said = await Promise.race([told, beat.catch(() => " ")]);
      yield said;
      if (said !== " ") return;
    }
  } finally {
    stopped.abort();
  }
}

export function buildApi({ version, supervisor, stop }: Parts): FastifyInstance {
  const api = fastify({ logger: false, forceCloseConnections: true });
  const found = (exists: boolean, what: string) => {
    if (!exists) throw new RequestError(404, `${what} does not exist`);
  };
  api.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) =>
    reply.code(error.statusCode ?? 500).send({ error: error.message }),
  );

  api.get("/health", () => ({ pid: process.pid, version }));
  api.get("/status", () => supervisor.status());
  api.post("/apply", ({ body }, reply) => {
    // Clients poll the status, which also reports failures.
    const { preStop, langflowPods, stacks, observers } = record(body);
    supervisor
      .apply({
        preStop: preStop === "honour" || preStop === "skip" ? preStop : undefined,
        langflowPods: langflowPods === undefined ? undefined : Number(langflowPods),
        stacks: stacks === undefined ? undefined : list(stacks).map(String),
        observers: observers as Observers | null | undefined,
      })
      .catch((error: Error) => console.error(error.stack));
    return reply.code(202).send({ applying: true });
  });
  const ofRegion: Record<string, (region: string) => boolean | Promise<boolean>> = {
    stop: (region) => supervisor.lose(region),
    start: (region) => supervisor.giveBack(region),
    suspend: (region) => supervisor.suspend(region),
    resume: (region) => supervisor.resume(region),
    "database/stop": (region) => supervisor.loseDatabase(region),
    "database/start": (region) => supervisor.giveBackDatabase(region),
    "database/disk/limit": (region) => supervisor.limitDatabaseDisk(region),
    "database/disk/fill": (region) => supervisor.fillDatabaseDisk(region),
    "database/disk/free": (region) => supervisor.freeDatabaseDisk(region),
    "git/block": (region) => supervisor.setGitBlocked(region, true),
    "git/unblock": (region) => supervisor.setGitBlocked(region, false),
    "s3/block": (region) => supervisor.setBucketsBlocked(region, true),
    "s3/unblock": (region) => supervisor.setBucketsBlocked(region, false),
  };
  api.post<{ Params: { region: string } }>("/regions/:region/pods/kill", async ({ params }, reply) => {
    found(await supervisor.losePod(params.region), `a second LangFlow pod in ${params.region}`);
    return reply.code(204).send();
  });
  for (const [path, act] of Object.entries(ofRegion))
    api.post<{ Params: { region: string } }>(`/regions/:region/${path}`, async ({ params }, reply) => {
      found(await act(params.region), `region ${params.region}`);
      return reply.code(204).send();
    });
  api.post<{ Params: { region: string } }>("/regions/:region/path", ({ params, body }, reply) => {
    const { lateSeconds = 0, brokenShare = 0 } = record(body);
    const fault = { lateMs: Number(lateSeconds) * 1000, brokenShare: Number(brokenShare) };
    if (!(fault.lateMs >= 0)) throw new RequestError(400, "lateSeconds must be 0 or more");
    if (!(fault.brokenShare >= 0 && fault.brokenShare <= 1))
      throw new RequestError(400, "brokenShare must be from 0 to 1");
    const isWhole = fault.lateMs === 0 && fault.brokenShare === 0;
    found(supervisor.setPathFault(params.region, isWhole ? NO_FAULT : fault), `region ${params.region}`);
    return reply.code(204).send();
  });
  api.post<{ Params: { region: string } }>("/regions/:region/clock", ({ params, body }, reply) => {
    const { library, aheadSeconds } = record(body);
    const seconds = Number(aheadSeconds ?? 0);
    if (!(seconds >= 0)) throw new RequestError(400, "aheadSeconds must be 0 or more");
    if (library !== undefined) found(supervisor.giveClock(params.region, String(library)), `region ${params.region}`);
    else found(supervisor.setClock(params.region, seconds), `a separate clock in ${params.region}`);
    return reply.code(204).send();
  });
  const ofBuckets: Record<string, (awsRegion: string) => boolean> = {
    stop: (awsRegion) => supervisor.setS3Silent(awsRegion, true),
    start: (awsRegion) => supervisor.setS3Silent(awsRegion, false),
    pause: (awsRegion) => supervisor.setReplicationPaused(awsRegion, true),
    resume: (awsRegion) => supervisor.setReplicationPaused(awsRegion, false),
  };
  for (const [path, act] of Object.entries(ofBuckets))
    api.post<{ Params: { awsRegion: string } }>(`/s3/:awsRegion/${path}`, ({ params }, reply) => {
      found(act(params.awsRegion), `a bucket in ${params.awsRegion}`);
      return reply.code(204).send();
    });
  api.post("/s3/replication", ({ body }, reply) => {
    const { delaySeconds } = record(body);
    const seconds = delaySeconds === undefined ? undefined : Number(delaySeconds);
    if (seconds !== undefined && !(seconds >= 0)) throw new RequestError(400, "delaySeconds must be 0 or more");
    supervisor.delayReplication(seconds && seconds * 1000);
    return reply.code(204).send();
  });
  let isBalancerAway = false;
  for (const [verb, isAway] of [
    ["stop", true],
    ["start", false],
  ] as const)
    api.post(`/balancer/${verb}`, (_request, reply) => {
      isBalancerAway = isAway;
      return reply.code(204).send();
    });
  api.get("/balancer", () => {
    if (isBalancerAway) throw new RequestError(503, "the load balancer's API is stopped");
    const status = supervisor.balancerStatus();
    found(status !== undefined, "the load balancer of the edge stack");
    return status;
  });
  api.get("/alerts", () => supervisor.inbox.all());
  api.post<{ Params: { region: string; receiver: string } }>("/alerts/:region/:receiver", ({ params, body }, reply) => {
    supervisor.inbox.take(params.region, params.receiver, body);
    return reply.code(204).send();
  });
  api.post<{ Params: { region: string; name: string } }>("/processes/:region/:name/kill", ({ params }, reply) => {
    found(supervisor.crash(params.region, params.name), `process ${params.name} in ${params.region}`);
    return reply.code(204).send();
  });
  api.post("/git/stop", async (_request, reply) => {
    await supervisor.stopGit();
    return reply.code(204).send();
  });
  api.post("/git/start", async (_request, reply) => {
    await supervisor.startGit();
    return reply.code(204).send();
  });
  api.post("/jobs", ({ body }, reply) => {
    const { region, name, job, args, environment, secrets } = record(body);
    const [where, what] = [text(region) ?? "", text(name) ?? ""];
    const run = {
      ...(job !== undefined && { job: text(job) }),
      ...(args !== undefined && { args: list(args).map(String) }),
      ...(environment !== undefined && { environment: record(environment) as Record<string, string> }),
      ...(secrets !== undefined && { secrets: record(secrets) as Record<string, Record<string, string>> }),
    };
    const stopped = new AbortController();
    const result = supervisor.job(where, what, run, stopped.signal);
    if (!result) throw new RequestError(404, `CronJob ${what} does not exist in ${where}`);
    return reply.type("application/json").send(Readable.from(inTime(result, stopped)));
  });
  api.delete<{ Params: { region: string; name: string } }>("/jobs/:region/:name", ({ params }, reply) => {
    found(supervisor.deleteJob(params.region, params.name), `the finished Job ${params.name} in ${params.region}`);
    return reply.code(204).send();
  });
  api.post("/stop", ({ body }, reply) => {
    reply.raw.once("finish", () => stop(record(body).now === true));
    return reply.code(202).send({ stopping: true });
  });
  return api;
}
