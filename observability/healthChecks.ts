/** Health checks between the regions, and the configuration of the blackbox exporter that performs them. */
import { duration } from "./promql";

/** Interval and thresholds of health checks. The defaults are those of the edge's own monitor. */
export interface HealthCheckTimes {
  /** Seconds between the starts of two checks. */
  readonly intervalSeconds: number;
  /** Seconds after which a check fails. */
  readonly timeoutSeconds: number;
  /** Number of consecutive checks that must fail. */
  readonly consecutiveFailures: number;
}

export const HEALTH_CHECK: HealthCheckTimes = { intervalSeconds: 15, timeoutSeconds: 5, consecutiveFailures: 3 };

/**
 * Returns how long a check must keep failing after its first failure, in seconds. The alert is pending from the first
 * failure to the last, and rules are evaluated at the interval of the checks.
 */
export function pendingSeconds({ intervalSeconds, consecutiveFailures }: HealthCheckTimes): number {
  return intervalSeconds * (consecutiveFailures - 1);
}

/**
 * Returns the longest expected time from a region's failure to the alert, in seconds: the first failing check starts at
 * most one interval later and fails after its timeout; its evaluation follows at most one interval later; then the
 * remaining checks must fail.
 */
export function expectedAlertSeconds(times: HealthCheckTimes): number {
  return 2 * times.intervalSeconds + times.timeoutSeconds + pendingSeconds(times);
}

/** Kinds of checks; each is a module of the blackbox exporter. */
export type Module = "public" | "origin" | "own" | "git";

/** Status codes of a reachable Git host, whether or not it accepts requests without a token. */
const GIT_STATUS_CODES = [200, 401, 403, 404];

/**
 * Returns the blackbox exporter's configuration, as an object to be written as YAML.
 *
 * @param hostname public name, which is sent to other regions' load balancers in place of their own names
 */
export function blackboxConfig(hostname: string, { timeoutSeconds }: HealthCheckTimes): object {
  const timeout = duration(timeoutSeconds);
  const http = (settings: object) => ({
    prober: "http",
    timeout,
    http: { preferred_ip_protocol: "ip4", ip_protocol_fallback: false, follow_redirects: false, ...settings },
  });
  const encrypted = { fail_if_not_ssl: true, valid_status_codes: [200] };
  const modules: Record<Module, object> = {
    public: http(encrypted),
    // Host and SNI are those that Cloudflare sends, because the certificate is issued for the public name.
    origin: http({ ...encrypted, headers: { Host: hostname }, tls_config: { server_name: hostname } }),
    own: http({ fail_if_ssl: true, valid_status_codes: [200] }),
    git: http({ fail_if_not_ssl: true, follow_redirects: true, valid_status_codes: GIT_STATUS_CODES }),
  };
  return { modules };
}
