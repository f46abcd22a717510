import fc from "fast-check";
import { blackboxConfig, expectedAlertSeconds, HEALTH_CHECK, pendingSeconds } from "../../observability/healthChecks";

const times = fc.record({
  intervalSeconds: fc.integer({ min: 5, max: 300 }),
  timeoutSeconds: fc.integer({ min: 1, max: 10 }),
  consecutiveFailures: fc.integer({ min: 1, max: 10 }),
});

describe("health checks", () => {
  it("alert after three consecutive failures by default, at most 65 s after a region fails", () => {
    expect(pendingSeconds(HEALTH_CHECK)).toBe(30);
    expect(expectedAlertSeconds(HEALTH_CHECK)).toBe(65);
  });

  it("alert one interval later for each additional required failure", () => {
    fc.assert(
      fc.property(times, (each) => {
        const more = { ...each, consecutiveFailures: each.consecutiveFailures + 1 };
        expect(expectedAlertSeconds(more) - expectedAlertSeconds(each)).toBe(each.intervalSeconds);
      }),
    );
  });

  it("end before the next check begins, and within the scrape's timeout", () => {
    expect(HEALTH_CHECK.timeoutSeconds).toBeLessThan(HEALTH_CHECK.intervalSeconds);
    expect(HEALTH_CHECK.timeoutSeconds).toBeLessThan(10);
  });

  it("request the public name from another region's load balancer, in the Host header and in SNI", () => {
    const { modules } = blackboxConfig("langflow.example.com", HEALTH_CHECK) as {
      modules: Record<string, { http: object }>;
    };
    expect(modules.origin?.http).toMatchObject({
      headers: { Host: "langflow.example.com" },
      tls_config: { server_name: "langflow.example.com" },
      fail_if_not_ssl: true,
    });
  });

  it("verify every certificate", () => {
    expect(JSON.stringify(blackboxConfig("langflow.example.com", HEALTH_CHECK))).not.toContain("insecure");
  });
});
