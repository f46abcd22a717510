import { createHmac, timingSafeEqual } from "node:crypto";
import Fastify, { type FastifyInstance } from "fastify";
import type { Registry } from "prom-client";
import { WEBHOOK_PATH } from "../../formats/agentEndpoints";

/**
 * Maximum size of a webhook's body, in bytes. A larger call (GitHub sends up to 25 MB) is rejected, and the next cycle
 * starts at its usual interval.
 */
export const WEBHOOK_BYTES_MAX = 1024 * 1024;

/**
 * Creates the server for a Git host's webhook. Each call only triggers a cycle, so a call that is replayed, reordered,
 * or forged with the secret does no harm.
 *
 * @param secret secret that the host shares: GitHub signs the body with it, GitLab sends it
 */
export function webhookServer(secret: string, trigger: () => void): FastifyInstance {
  const server = Fastify({ bodyLimit: WEBHOOK_BYTES_MAX, logger: false });
  server.removeAllContentTypeParsers();
  server.addContentTypeParser("*", { parseAs: "buffer" }, (_, body, done) => done(null, body));
  server.post(WEBHOOK_PATH, async (request, reply) => {
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    if (!isGenuine(request.headers, body, secret)) return reply.code(401).send({ error: "the signature is invalid" });
    trigger();
    return reply.code(202).send({ status: "accepted" });
  });
  return server;
}

/**
 * Returns whether a call is genuine. GitHub sends the HMAC-SHA256 of the body in X-Hub-Signature-256. GitLab sends the
 * secret itself in X-Gitlab-Token.
 */
function isGenuine(headers: Record<string, string | string[] | undefined>, body: Buffer, secret: string): boolean {
  const signature = headers["x-hub-signature-256"];
  if (typeof signature === "string")
    return equal(signature, `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`);
  const token = headers["x-gitlab-token"];
  return typeof token === "string" && equal(token, secret);
}

/** Compares two texts in constant time. */
function equal(one: string, other: string): boolean {
  const digest = (text: string) => createHmac("sha256", "compare").update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}

/** A workspace's entry in the health check. */
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
 * Serves metrics and the health check. The agent is healthy even if Git or LangFlow is unreachable, because a restart
 * would not help. The health check also lists held flows and skipped files with their reasons.
 *
 * @param aliveAt returns when the agent last signaled that it is alive, in milliseconds since 1970
 * @param silenceSeconds maximum time since that signal; after that, the agent is stuck
 * @param outcomes returns the outcomes of the last cycle, one per workspace
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
