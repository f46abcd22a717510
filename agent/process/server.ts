import { createHmac, timingSafeEqual } from "node:crypto";
import Fastify, { type FastifyInstance } from "fastify";
import type { Registry } from "prom-client";

/** Bytes of a webhook's body. A larger one (GitHub sends up to 25 MB) is refused, and the interval does its work. */
export const WEBHOOK_BYTES_MAX = 1024 * 1024;

/**
 * The webhook of a Git host. Each call only triggers a cycle: one that is replayed, out of order, or forged with the
 * secret does no harm.
 *
 * @param secret shared with the host: GitHub signs the body with it, GitLab sends it
 */
export function webhookServer(secret: string, trigger: () => void): FastifyInstance {
  const server = Fastify({ bodyLimit: WEBHOOK_BYTES_MAX, logger: false });
  server.removeAllContentTypeParsers();
  server.addContentTypeParser("*", { parseAs: "buffer" }, (_, body, done) => done(null, body));
  server.post("/webhook", async (request, reply) => {
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    if (!isGenuine(request.headers, body, secret))
      return reply.code(401).send({ error: "the signature does not hold" });
    trigger();
    return reply.code(202).send({ status: "accepted" });
  });
  return server;
}

/** GitHub: HMAC-SHA256 of the body in X-Hub-Signature-256. GitLab: the secret itself in X-Gitlab-Token. */
function isGenuine(headers: Record<string, string | string[] | undefined>, body: Buffer, secret: string): boolean {
  const signature = headers["x-hub-signature-256"];
  if (typeof signature === "string")
    return equal(signature, `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`);
  const token = headers["x-gitlab-token"];
  return typeof token === "string" && equal(token, secret);
}

/** Compares in constant time. */
function equal(one: string, other: string): boolean {
  const digest = (text: string) => createHmac("sha256", "compare").update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}

/** What the health check lists of a workspace. */
export interface WorkspaceHealth {
  readonly workspace: string;
  readonly problems: readonly FileProblem[];
  readonly held: readonly (FileProblem & { readonly kind: string })[];
  readonly heldDeletes?: { readonly code: string; readonly ids: readonly string[]; readonly of: number };
}

interface FileProblem {
  readonly path: string;
  readonly reason: string;
}

/**
 * Serves metrics and the health check. The agent is healthy even if Git or LangFlow is unreachable: a restart would not help.
 * The health check also lists held flows and skipped files with their reasons.
 *
 * @param aliveAt milliseconds of the last sign of life
 * @param silenceSeconds the maximum age of that
 * @param outcomes of the last cycle, one per workspace
 */
export function metricsServer(
  registry: Registry,
  aliveAt: () => number,
  silenceSeconds: number,
  outcomes: () => readonly WorkspaceHealth[],
): FastifyInstance {
  const server = Fastify({ logger: false });
  server.get("/metrics", async (_, reply) => reply.type(registry.contentType).send(await registry.metrics()));
  server.get("/healthz", async (_, reply) => {
    const alive = (Date.now() - aliveAt()) / 1000 <= silenceSeconds;
    const held = outcomes().flatMap(({ workspace, held }) =>
      held.filter(({ kind }) => kind !== "deletes").map(({ path, reason }) => ({ workspace, path, reason })),
    );
    const deletesHeld = outcomes().flatMap(({ workspace, heldDeletes }) =>
      heldDeletes ? [{ workspace, code: heldDeletes.code, count: heldDeletes.ids.length, of: heldDeletes.of }] : [],
    );
    const skipped = outcomes().flatMap(({ workspace, problems }) =>
      problems.map(({ path, reason }) => ({ workspace, path, reason })),
    );
    return reply.code(alive ? 200 : 503).send({ status: alive ? "ok" : "stuck", held, deletesHeld, skipped });
  });
  return server;
}
