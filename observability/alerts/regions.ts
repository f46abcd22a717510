import { type HealthCheckTimes, pendingSeconds } from "../healthChecks";
import type { Alert, RuleGroup } from "../rules";

const DAY_SECONDS = 86_400;
/**
 * Name of the alert about a lost region, which the other regions send. Its label `target_region` names the lost region.
 */
export const REGION_UNHEALTHY = "RegionUnhealthy";
/**
 * Remaining validity below which a certificate's renewal is late. ACM renews 60 days before the expiry (ACM user guide,
 * "Managed certificate renewal"), Cloudflare 30.
 */
export const CERTIFICATE_SECONDS = { warning: 21 * DAY_SECONDS, critical: 5 * DAY_SECONDS } as const;

/**
 * Returns the rules about health checks from outside: of other regions, this region, the public name, and their
 * certificates.
 */
export function regionRules(times: HealthCheckTimes): RuleGroup {
  const failing = (job: string): Pick<Alert, "expr" | "forSeconds" | "severity"> => ({
    severity: "critical",
    expr: `probe_success{job="${job}"} == 0`,
    forSeconds: pendingSeconds(times),
  });
  const inARow = `${times.consecutiveFailures} health checks in a row`;
  return {
    name: "regions",
    // Evaluated at the interval of the checks, so that each check is evaluated exactly once.
    intervalSeconds: times.intervalSeconds,
    alerts: [
      {
        name: REGION_UNHEALTHY,
        ...failing("probe-origin"),
        summary: `region {{ $labels.target_region }} failed ${inARow}, as seen from another region; its users are routed to other regions`,
      },
      {
        name: "OwnRegionUnhealthy",
        ...failing("probe-own"),
        summary: `LangFlow of this region failed ${inARow}, from inside its cluster: pods or database do not respond`,
      },
      {
        name: "PublicNameUnhealthy",
        ...failing("probe-public"),
        summary: `the public name failed ${inARow}: users cannot reach LangFlow, or only this region cannot`,
      },
      certificate("warning"),
      certificate("critical"),
    ],
  };
}

/** Remaining validity of each certificate, in seconds. */
export const CERTIFICATE_LEFT = "probe_ssl_earliest_cert_expiry - time()";

function certificate(severity: keyof typeof CERTIFICATE_SECONDS): Alert {
  return {
    name: "CertificateEnding",
    severity,
    expr: `${CERTIFICATE_LEFT} < ${CERTIFICATE_SECONDS[severity]}`,
    forSeconds: 900,
    summary: "the certificate of {{ $labels.instance }} expires in {{ $value | humanizeDuration }} and was not renewed",
  };
}
