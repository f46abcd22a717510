/**
 * The HTTP API of the local cloud, on loopback only. Bodies and answers are JSON; an error is `{ "error": message }`.
 *
 * | request                               | does                                                        | answers                    |
 * | ------------------------------------- | ----------------------------------------------------------- | -------------------------- |
 * | GET    /health                        | reports that the daemon runs                                | pid, version, resources, stacks, damaged |
 * | GET    /resources?provider&type&name  | lists resources; each filter matches exactly                | list of resources          |
 * | GET    /resources/:key                | returns one resource                                        | resource, 404              |
 * | PATCH  /resources/:key                | merges a JSON merge patch (RFC 7396) into its properties without the engine's knowledge | resource, 400, 404 |
 * | DELETE /resources/:key                | deletes it without the engine's knowledge                   | 204, 404                   |
 * | GET    /faults                        | lists the planned faults                                    | list of faults with `seen` |
 * | POST   /faults                        | plans a fault: kind, and stack, provider, region, type, method, nth (1) | 201, 400           |
 * | DELETE /faults                        | clears all faults                                           | 204                        |
 * | GET    /events?after                  | lists the engine's calls after a sequence number            | list of events             |
 * | POST   /sessions {stack, user}        | starts a process's provider servers for a stack if they do not run | ports by provider        |
 * | DELETE /sessions/:user/:stack         | stops these provider servers                                | 204, 404                   |
 * | GET    /client/v4/…                   | the subset of Cloudflare's API in sandbox/providers/cloudflare/api.ts | as Cloudflare answers |
 * | POST   /stop                          | ends the daemon                                             | 202                        |
 *
 * A resource is { key, provider, type, scope, id, name, urn, inputs, properties }. Secret values appear as
 * `[secret]`; they can be patched but not read. Only GET /resources with `authorization: Bearer` and the content of the file
 * `secrets.token` in the cloud's directory returns them, because the live fleet needs them to start processes. A reader of that
 * file can also read the resources' own files, which have the same mode. A fault's method is create, update, delete, read,
 * check or invoke. Its kind is one of those in sandbox/cloud/faults.ts. Its region is an AWS region and limits the fault to it.
 */
import { timingSafeEqual } from "node:crypto";
import fastify, { type FastifyInstance } from "fastify";
import { serveCloudflareApi } from "../providers/cloudflare/api";
import { PROVIDERS } from "../providers/shared/provider";
import { METHODS } from "../providers/shared/server";
import type { Resource, Store } from "../resources/store";
import { isRecord, mergePatch, type Properties, record, redact } from "../resources/values";
import type { Problem } from "../schema/schema";
import { type FaultPlan, type FaultRequest, KINDS } from "./faults";
import type { Journal } from "./journal";
import type { Sessions } from "./sessions";

export interface Parts {
  readonly version: string;
  /** Whoever shows it is given secret values. */
  readonly secretsToken: string;
  readonly cloud: Store;
  readonly faults: FaultPlan;
  readonly journal: Journal;
  readonly sessions: Sessions;
  /** Returns the problems of a resource's inputs according to the schema of its type. */
  readonly check: (resource: Resource, inputs: Properties) => Problem[];
  /** The names of a resource's inputs. */
  readonly isInput: (resource: Resource, property: string) => boolean;
  /** The names of all its properties. */
  readonly isProperty: (resource: Resource, property: string) => boolean;
  /** Ends the daemon once the answer is out. */
  readonly stop: () => void;
}

/** The caller asked for what cannot be. */
class RequestError extends Error {
  constructor(
    readonly statusCode: number,
    message: string,
  ) {
    super(message);
  }
}

interface KeyParams {
  Params: { key: string };
}

export function buildApi(parts: Parts): FastifyInstance {
  const { cloud, faults, journal, sessions } = parts;
  const api = fastify({ logger: false, forceCloseConnections: true, routerOptions: { maxParamLength: 500 } });

  api.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) =>
    reply.code(error.statusCode ?? 500).send({ error: error.message }),
  );
  api.setNotFoundHandler((request, reply) =>
    reply
      .code(404)
      .send({ error: `unknown route ${request.method} ${request.url}; see sandbox/cloud/routes.ts for the routes` }),
  );

  api.get("/health", () => ({
    pid: process.pid,
    version: parts.version,
    resources: cloud.size,
    stacks: sessions.stacks,
    damaged: cloud.damaged,
  }));

  api.get<{ Querystring: Partial<Record<"provider" | "type" | "name", string>> }>(
    "/resources",
    ({ query, headers }) => {
      for (const key of Object.keys(query))
        if (!["provider", "type", "name"].includes(key))
          throw new RequestError(400, `unknown filter ${key}; the filters are provider, type and name`);
      const fits = (resource: Resource) =>
        (query.provider ?? resource.provider) === resource.provider &&
        (query.type ?? resource.type) === resource.type &&
        (query.name ?? resource.name) === resource.name;
      const { authorization } = headers;
      if (authorization !== undefined && !same(authorization, `Bearer ${parts.secretsToken}`))
        throw new RequestError(403, "the token differs from the one in secrets.token");
      return cloud
        .list()
        .filter(fits)
        .map((resource) => (authorization === undefined ? shown(resource) : { ...resource, secrets: undefined }));
    },
  );
  api.get<KeyParams>("/resources/:key", ({ params }) => shown(existing(cloud, params.key)));
  api.patch<KeyParams>("/resources/:key", async ({ params, body }) => {
    const patched = patch(parts, existing(cloud, params.key), body);
    await cloud.put(patched);
    return shown(patched);
  });
  api.delete<KeyParams>("/resources/:key", ({ params }, reply) => {
    cloud.remove(existing(cloud, params.key).key);
    return reply.code(204).send();
  });

  api.get("/faults", () => faults.list());
  api.post("/faults", ({ body }, reply) => {
    faults.add(faultIn(body));
    return reply.code(201).send(faults.list());
  });
  api.delete("/faults", (_request, reply) => {
    faults.clear();
    return reply.code(204).send();
  });

  api.get<{ Querystring: { after?: string } }>("/events", ({ query }) => {
    const after = Number(query.after ?? 0);
    if (!Number.isInteger(after)) throw new RequestError(400, "after must be a sequence number");
    return journal.after(after);
  });

  api.post("/sessions", ({ body }) => {
    const { stack, user } = record(body);
    if (typeof stack !== "string" || stack === "") throw new RequestError(400, "stack must be the name of a stack");
    if (typeof user !== "number" || !Number.isInteger(user)) throw new RequestError(400, "user must be a process id");
    return sessions.start(stack, user);
  });
  api.delete<{ Params: { stack: string; user: string } }>("/sessions/:user/:stack", async ({ params }, reply) => {
    const { stack, user } = params;
    if (!(await sessions.stop(stack, Number(user))))
      throw new RequestError(404, `process ${user} has no session with the stack ${stack}`);
    return reply.code(204).send();
  });

  serveCloudflareApi(api, cloud);

  api.post("/stop", (_request, reply) => {
    reply.raw.once("finish", parts.stop);
    return reply.code(202).send({ stopping: true });
  });
  return api;
}

function existing(cloud: Store, key: string): Resource {
  const found = cloud.get(key);
  if (!found) throw new RequestError(404, `no resource ${key}; GET /resources lists all resources`);
  return found;
}

function same(one: string, other: string): boolean {
  const [mine, theirs] = [Buffer.from(one), Buffer.from(other)];
  return mine.length === theirs.length && timingSafeEqual(mine, theirs);
}

/** Returns the resource with its secrets redacted. */
function shown({ secrets, ...resource }: Resource): Omit<Resource, "secrets"> {
  return {
    ...resource,
    inputs: redact({ values: resource.inputs, secrets }),
    properties: redact({ values: resource.properties, secrets }),
  };
}

/** The resource after a merge patch of its properties. What a program asks for changes with them, which is drift. */
function patch(parts: Parts, resource: Resource, body: unknown): Resource {
  if (!isRecord(body) || Object.keys(body).length === 0)
    throw new RequestError(400, "the body must be an object of the properties to change");
  const unknown = Object.keys(body).filter((property) => !parts.isProperty(resource, property));
  if (unknown.length > 0) throw new RequestError(400, `${resource.type} has no property ${unknown.join(", ")}`);
  const asked = Object.fromEntries(Object.entries(body).filter(([property]) => parts.isInput(resource, property)));
  const inputs = record(mergePatch(resource.inputs, asked));
  const problems = parts.check(resource, inputs);
  if (problems.length > 0) throw new RequestError(400, problems.map(({ reason }) => reason).join("; "));
  // tags are part of all tags: one change shows in both
  const derived = isRecord(body.tags) && parts.isProperty(resource, "tagsAll") ? { tagsAll: body.tags } : {};
  return { ...resource, inputs, properties: record(mergePatch(resource.properties, { ...derived, ...body })) };
}

function faultIn(body: unknown): FaultRequest {
  const { stack, provider, region, type, method, nth = 1, kind, ...rest } = record(body);
  const unknown = Object.keys(rest);
  if (unknown.length > 0)
    throw new RequestError(
      400,
      `unknown field ${unknown.join(", ")}; the fields of a fault are stack, provider, region, type, method, nth and kind`,
    );
  if (provider !== undefined) oneOf("provider", provider, PROVIDERS);
  if (stack !== undefined && typeof stack !== "string") throw new RequestError(400, "stack must be a stack's name");
  if (region !== undefined && typeof region !== "string") throw new RequestError(400, "region must be an AWS region");
  if (type !== undefined && typeof type !== "string") throw new RequestError(400, "type must be a type token");
  if (typeof nth !== "number" || !Number.isInteger(nth) || nth < 1)
    throw new RequestError(400, "nth must be a whole number, 1 or more");
  return {
    ...(typeof stack === "string" ? { stack } : {}),
    ...(typeof provider === "string" ? { provider } : {}),
    ...(typeof region === "string" ? { region } : {}),
    ...(typeof type === "string" ? { type } : {}),
    ...(method !== undefined && { method: oneOf("method", method, METHODS) }),
    nth,
    kind: oneOf("kind", kind, KINDS),
  };
}

function oneOf<T extends string>(name: string, value: unknown, allowed: readonly T[]): T {
  const found = allowed.find((option) => option === value);
  if (found === undefined) throw new RequestError(400, `${name} must be one of ${allowed.join(", ")}`);
  return found;
}
