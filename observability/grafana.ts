/**
 * Grafana's configuration: one data source, our dashboards, nobody who could sign in, and nothing asked of the Internet.
 * What settings are called and mean: Grafana's documentation, "Configure Grafana" and "Provision Grafana" (13.2).
 */
import { stringify } from "yaml";
import { address, PORTS } from "../model/observability";
import { CONFIG_FOLDER } from "../model/observabilityPod";
import { DATASOURCE, type DashboardSettings } from "./dashboards/dashboard";
import { dashboards, HOME } from "./dashboards/dashboards";
import { duration } from "./promql";
import { SCRAPE_SECONDS } from "./scrape";

/** Where Grafana's files are below the folder of its configuration. */
const SETTINGS = "grafana.ini";
const PROVISIONING = "provisioning";
const DASHBOARDS = "dashboards";

type Sections = Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>;

/**
 * The settings. Whoever reaches Grafana came through the Kubernetes API, and may read all of Prometheus in the same way:
 * everybody is a viewer, and there is no account, so no password either.
 */
const INI: Sections = {
  server: { http_port: PORTS.grafana },
  auth: { disable_login_form: true },
  "auth.anonymous": { enabled: true, org_role: "Viewer" },
  "auth.basic": { enabled: false },
  security: { disable_initial_admin_creation: true, disable_gravatar: true },
  users: { allow_sign_up: false },
  dashboards: { default_home_dashboard_path: `${CONFIG_FOLDER}/${DASHBOARDS}/${HOME}.json` },
  // Rules are Prometheus', and what they tell is Alertmanager's.
  unified_alerting: { enabled: false },
  public_dashboards: { enabled: false },
  snapshots: { enabled: false, external_enabled: false },
  // No network policy lets it out: each of these would be a request that waits for its end.
  analytics: {
    reporting_enabled: false,
    check_for_updates: false,
    check_for_plugin_updates: false,
    feedback_links_enabled: false,
  },
  news: { news_feed_enabled: false },
  // The image brings Prometheus' plugin. An update would take it away first and then fail on a file system that is read-only.
  plugins: { preinstall_disabled: true, plugin_admin_enabled: false, public_key_retrieval_disabled: true },
};

const ini = (sections: Sections): string =>
  Object.entries(sections)
    .map(([section, settings]) =>
      [`[${section}]`, ...Object.entries(settings).map(([name, value]) => `${name} = ${value}`), ""].join("\n"),
    )
    .join("\n");

const DATASOURCES = {
  apiVersion: 1,
  datasources: [
    {
      name: "Prometheus",
      type: DATASOURCE.type,
      uid: DATASOURCE.uid,
      access: "proxy",
      url: `http://${address("prometheus")}`,
      isDefault: true,
      editable: false,
      // From how often Prometheus scrapes follows the window that $__rate_interval stands for.
      jsonData: {
        httpMethod: "POST",
        prometheusType: "Prometheus",
        timeInterval: duration(SCRAPE_SECONDS),
        manageAlerts: false,
      },
    },
  ],
};

const PROVIDERS = {
  apiVersion: 1,
  providers: [
    {
      name: "langflow-dr",
      type: "file",
      disableDeletion: true,
      allowUiUpdates: false,
      options: { path: `${CONFIG_FOLDER}/${DASHBOARDS}` },
    },
  ],
};

/** Grafana's environment: where its image looks for what we give it. */
export const GRAFANA_ENVIRONMENT: Readonly<Record<string, string>> = {
  GF_PATHS_CONFIG: `${CONFIG_FOLDER}/${SETTINGS}`,
  GF_PATHS_PROVISIONING: `${CONFIG_FOLDER}/${PROVISIONING}`,
};

/** Grafana's configuration and dashboards, by path below the folder of its configuration. */
export function grafanaFiles(settings: DashboardSettings): Record<string, string> {
  const boards = Object.entries(dashboards(settings)).map(([name, dashboard]) => [
    `${DASHBOARDS}/${name}.json`,
    JSON.stringify(dashboard),
  ]);
  return {
    [SETTINGS]: ini(INI),
    [`${PROVISIONING}/datasources/prometheus.yml`]: stringify(DATASOURCES),
    [`${PROVISIONING}/dashboards/langflow-dr.yml`]: stringify(PROVIDERS),
    ...Object.fromEntries(boards),
  };
}
