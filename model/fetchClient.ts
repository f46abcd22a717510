/** First major version of Node whose `fetch` has the defect. undici 8 does not load on older versions. */
const DEFECTIVE_SINCE = 22;

let isReplaced = false;

/**
 * Replaces the HTTP client behind Node's `fetch`. Every program that uses fetch calls it first.
 *
 * The `fetch` of Node 22 and 24 (undici 6 and 7) throws an error that no code can catch if a server closes a connection
 * before the response body is read, which ends the process (https://github.com/nodejs/undici/issues/5360). undici 8 has
 * the correction. Its client still speaks HTTP/1.1 only, like Node's, and uses a proxy where Node's would
 * (NODE_USE_ENV_PROXY). The first request loads it.
 */
export function replaceFetchClient(): void {
  if (Number.parseInt(process.versions.node, 10) < DEFECTIVE_SINCE) return;
  const nodeFetch = globalThis.fetch;
  globalThis.fetch = (...request) => {
    if (!isReplaced) {
      isReplaced = true;
      const { Agent, EnvHttpProxyAgent, setGlobalDispatcher }: typeof import("undici") = require("undici");
      const Client = usesProxyFromEnvironment() ? EnvHttpProxyAgent : Agent;
      setGlobalDispatcher(new Client({ allowH2: false }));
    }
    return nodeFetch(...request);
  };
}

const usesProxyFromEnvironment = (): boolean =>
  process.env.NODE_USE_ENV_PROXY === "1" || process.execArgv.includes("--use-env-proxy");
