import fc from "fast-check";
import { blackboxConfig, expectedAlertSeconds, HEALTH_CHECK, pendingSeconds } from "../../observability/healthChecks";

const times = fc.record({
  intervalSeconds: fc.integer({ min: 5, max: 300 }),
  timeoutSeconds: fc.integer({ min: 1, max: 10 }),
  consecutiveFailures: fc.integer({ min: 1, max: 10 }),
});

describe("health checks", () => {
  it("make an alert of the third failure in a row by default, at the latest 65 s after a region died", () => {
    expect(pendingSeconds(HEALTH_CHECK)).toBe(30);
    expect(expectedAlertSeconds(HEALTH_CHECK)).toBe(65);
  });

  it("take one interval more for each failure more", () => {
    fc.assert(
      fc.property(times, (each) => {
        const more = { ...each, consecutiveFailures: each.consecutiveFailures + 1 };
        expect(expectedAlertSeconds(more) - expectedAlertSeconds(each)).toBe(each.intervalSeconds);
      }),
    );
  });

  it("are over before the next begins, and within the scrape that makes them", () => {
    expect(HEALTH_CHECK.timeoutSeconds).toBeLessThan(HEALTH_CHECK.intervalSeconds);
    expect(HEALTH_CHECK.timeoutSeconds).toBeLessThan(10);
  });

  it("ask another region's load balancer for the public name, by Host and by SNI", () => {
    const { modules } = blackboxConfig("langflow.example.com", HEALTH_CHECK) as {
      modules: Record<string, { http: object }>;
    };
    expect(modules.origin?.http).toMatchObject({
      headers: { Host: "langflow.example.com" },
      tls_config: { server_name: "langflow.example.com" },
      fail_if_not_ssl: true,
    });
  });

  it("trust no certificate blindly", () => {
    expect(JSON.stringify(blackboxConfig("langflow.example.com", HEALTH_CHECK))).not.toContain("insecure");
  });
});
