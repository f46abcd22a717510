/** The health checks that regions make of each other, and the configuration of the blackbox exporter that makes them. */
import { duration } from "./promql";

/** When a health check counts, and how often it is made; the numbers of the edge's own monitor by default. */
export interface HealthCheckTimes {
  /** Seconds between the starts of two checks. */
  readonly intervalSeconds: number;
  /** Seconds after which one has failed. */
  readonly timeoutSeconds: number;
  /** Checks that must fail in a row. */
  readonly consecutiveFailures: number;
}

export const HEALTH_CHECK: HealthCheckTimes = { intervalSeconds: 15, timeoutSeconds: 5, consecutiveFailures: 3 };

/**
 * Seconds for which a check must go on failing after it was first seen to fail: the alert is pending from the first failure
 * to the last, and rules are evaluated as often as checks are made.
 */
export function pendingSeconds({ intervalSeconds, consecutiveFailures }: HealthCheckTimes): number {
  return intervalSeconds * (consecutiveFailures - 1);
}

/**
 * The longest it should take from a region's death until the alert fires, in seconds: the first failing check begins an
 * interval later at the latest and fails by its timeout; the evaluation that sees it comes an interval later at the latest;
 * then the others fail one after another.
 */
export function expectedAlertSeconds(times: HealthCheckTimes): number {
  return 2 * times.intervalSeconds + times.timeoutSeconds + pendingSeconds(times);
}

/** How the blackbox exporter checks: one of its modules each. */
export type Module = "public" | "origin" | "own" | "git";

/** Answers by which a Git host is there, whether or not it lets in somebody without a token. */
const GIT_STATUS_CODES = [200, 401, 403, 404];

/**
 * The blackbox exporter's configuration, as an object to be written as YAML.
 *
 * @param hostname the public name: other regions' load balancers are asked by their own names, as if for this one
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
    // Host and SNI are what Cloudflare sends too: the certificate is the public name's.
    origin: http({ ...encrypted, headers: { Host: hostname }, tls_config: { server_name: hostname } }),
    own: http({ fail_if_ssl: true, valid_status_codes: [200] }),
    git: http({ fail_if_not_ssl: true, follow_redirects: true, valid_status_codes: GIT_STATUS_CODES }),
  };
  return { modules };
}
