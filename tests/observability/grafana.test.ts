import { parse } from "yaml";
import { CONFIG_FOLDER } from "../../model/observabilityPod";
import { GRAFANA_ENVIRONMENT, grafanaFiles } from "../../observability/grafana";
import { DASHBOARD_SETTINGS } from "./settings";

/** Maximum size of a ConfigMap, in bytes (Kubernetes documentation, "ConfigMaps"). */
const CONFIG_MAP_BYTES_MAX = 1024 ** 2;

const files = grafanaFiles(DASHBOARD_SETTINGS);
const settings = files["grafana.ini"] ?? "";

/** Returns the value of a setting; undefined for Grafana's default. */
function setting(section: string, name: string): string | undefined {
  const [, own = ""] = settings.split(`[${section}]\n`);
  return new RegExp(`^${name} = (.*)$`, "m").exec(own.split("\n[")[0] ?? "")?.[1];
}

describe("Grafana's configuration", () => {
  it("allows anonymous read access but no login: there is no account and no password", () => {
    expect(setting("auth.anonymous", "enabled")).toBe("true");
    expect(setting("auth.anonymous", "org_role")).toBe("Viewer");
    expect(setting("auth", "disable_login_form")).toBe("true");
    expect(setting("auth.basic", "enabled")).toBe("false");
    expect(setting("security", "disable_initial_admin_creation")).toBe("true");
    expect(settings).not.toMatch(/password|secret/);
  });

  it.each([
    ["analytics", "reporting_enabled"],
    ["analytics", "check_for_updates"],
    ["analytics", "check_for_plugin_updates"],
    ["news", "news_feed_enabled"],
    ["plugins", "plugin_admin_enabled"],
    ["public_dashboards", "enabled"],
    ["snapshots", "enabled"],
    ["snapshots", "external_enabled"],
  ])("disables connections that would leave the region: %s.%s", (section, name) => {
    expect(setting(section, name)).toBe("false");
  });

  it("disables plugin updates, which would fail on the read-only file system and break the Prometheus plugin", () => {
    expect(setting("plugins", "preinstall_disabled")).toBe("true");
  });

  it("is at the paths that the image's environment names, including the home dashboard", () => {
    const below = (path: string | undefined) => path?.replace(`${CONFIG_FOLDER}/`, "");
    expect(Object.keys(files)).toContain(below(GRAFANA_ENVIRONMENT.GF_PATHS_CONFIG));
    expect(Object.keys(files)).toContain(below(setting("dashboards", "default_home_dashboard_path")));
    const provisioning = below(GRAFANA_ENVIRONMENT.GF_PATHS_PROVISIONING);
    for (const kind of ["datasources", "dashboards"])
      expect(Object.keys(files).filter((path) => path.startsWith(`${provisioning}/${kind}/`))).toHaveLength(1);
  });

  it("provisions one data source, and loads every dashboard from one folder", () => {
    const { datasources } = parse(files["provisioning/datasources/prometheus.yml"] ?? "");
    expect(datasources).toEqual([
      expect.objectContaining({
        uid: "prometheus",
        url: "http://prometheus.observability.svc.cluster.local:9090",
        editable: false,
      }),
    ]);
    const { providers } = parse(files["provisioning/dashboards/langflow-dr.yml"] ?? "");
    const folder = `${providers[0].options.path}/`.replace(`${CONFIG_FOLDER}/`, "");
    expect(Object.keys(files).filter((path) => path.endsWith(".json"))).toHaveLength(3);
    expect(Object.keys(files).filter((path) => path.endsWith(".json") && !path.startsWith(folder))).toEqual([]);
  });

  it("uses less than a tenth of a ConfigMap's maximum size", () => {
    const bytes = Object.entries(files).reduce((sum, [path, text]) => sum + Buffer.byteLength(path + text), 0);
    expect(bytes).toBeLessThan(CONFIG_MAP_BYTES_MAX / 10);
  });
});
