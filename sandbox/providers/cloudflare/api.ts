import type { FastifyInstance } from "fastify";
import type { Store } from "../../resources/store";
import { isRecord, type Properties } from "../../resources/values";

/**
 * Emulated paths of Cloudflare's API below `/client/v4`, with the type of resource that each returns. All are
 * read-only.
 */
const PATHS: Readonly<Record<string, string>> = {
  "/zones/:owner/load_balancers/:id": "cloudflare:index/loadBalancer:LoadBalancer",
  "/accounts/:owner/load_balancers/monitors/:id": "cloudflare:index/loadBalancerMonitor:LoadBalancerMonitor",
};

/** Serves the part of Cloudflare's API that the fleet uses, from the local cloud's resources. */
export function serveCloudflareApi(api: FastifyInstance, cloud: Store): void {
  for (const [path, type] of Object.entries(PATHS))
    api.get<{ Params: { owner: string; id: string } }>(`/client/v4${path}`, ({ params: { owner, id } }, reply) => {
      const found = cloud.find(type, ({ id: own, properties: { zoneId, accountId } }) =>
        own === id ? owner === (zoneId ?? accountId) : false,
      );
      if (!found) return reply.code(404).send({ success: false, errors: [{ code: 1001, message: "not found" }] });
      return { success: true, errors: [], messages: [], result: inSnakeCase({ ...found.properties, id }) };
    });
}

/** Converts names to the API's snake_case. The keys in a map of pools are codes and stay unchanged. */
const inSnakeCase = (properties: Properties): Properties =>
  Object.fromEntries(Object.entries(properties).map(([name, value]) => [snake(name), nested(name, value)]));

function nested(name: string, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((each) => nested("", each));
  return isRecord(value) && !name.endsWith("Pools") ? inSnakeCase(value) : value;
}

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
