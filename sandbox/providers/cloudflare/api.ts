import type { FastifyInstance } from "fastify";
import type { Store } from "../../resources/store";
import { isRecord, type Properties } from "../../resources/values";

/** Paths of Cloudflare's own API below `/client/v4`, by the type of what they tell. Reading is all that is done with them. */
const PATHS: Readonly<Record<string, string>> = {
  "/zones/:owner/load_balancers/:id": "cloudflare:index/loadBalancer:LoadBalancer",
  "/accounts/:owner/load_balancers/monitors/:id": "cloudflare:index/loadBalancerMonitor:LoadBalancerMonitor",
};

/** Serves Cloudflare's API, as far as the fleet asks it, over the local cloud. */
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

/** Names as the API has them; those inside a map of pools are no names, but codes. */
const inSnakeCase = (properties: Properties): Properties =>
  Object.fromEntries(Object.entries(properties).map(([name, value]) => [snake(name), nested(name, value)]));

function nested(name: string, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((each) => nested("", each));
  return isRecord(value) && !name.endsWith("Pools") ? inSnakeCase(value) : value;
}

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
