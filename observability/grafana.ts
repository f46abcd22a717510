/**
 * Grafana's configuration: one data source, our dashboards, no logins and no requests to the Internet. The settings are
 * documented in Grafana's documentation, "Configure Grafana" and "Provision Grafana" (13.2).
 */
import { stringify } from "yaml";
import { address, PORTS } from "../model/observability";
import { CONFIG_FOLDER } from "../model/observabilityPod";
import { DATASOURCE, type DashboardSettings } from "./dashboards/dashboard";
import { dashboards, HOME } from "./dashboards/dashboards";
import { duration } from "./promql";
import { SCRAPE_SECONDS } from "./scrape";

/** Paths of Grafana's files below its configuration folder. */
const SETTINGS = "grafana.ini";
const PROVISIONING = "provisioning";
const DASHBOARDS = "dashboards";

type Sections = Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>;

/**
 * Grafana's settings. A user reaches Grafana through the Kubernetes API and could read all of Prometheus in the same
 * way. Therefore every user is an anonymous viewer, and there are no accounts or passwords.
 */
const INI: Sections = {
  server: { http_port: PORTS.grafana },
  auth: { disable_login_form: true },
  "auth.anonymous": { enabled: true, org_role: "Viewer" },
  "auth.basic": { enabled: false },
  security: { disable_initial_admin_creation: true, disable_gravatar: true },
  users: { allow_sign_up: false },
  dashboards: { default_home_dashboard_path: `${CONFIG_FOLDER}/${DASHBOARDS}/${HOME}.json` },
  // Prometheus evaluates the rules, and Alertmanager sends the notifications.
  unified_alerting: { enabled: false },
  public_dashboards: { enabled: false },
  snapshots: { enabled: false, external_enabled: false },
  // Network policies block outgoing traffic, so each of these requests would wait for its timeout.
  analytics: {
    reporting_enabled: false,
    check_for_updates: false,
    check_for_plugin_updates: false,
    feedback_links_enabled: false,
  },
  news: { news_feed_enabled: false },
  // The image contains Prometheus' plugin. An update would first delete the plugin and then fail on the read-only file
  // system.
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
      // Grafana derives the window of $__rate_interval from the scrape interval.
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

/** Environment of Grafana's container, with the paths of our files. */
export const GRAFANA_ENVIRONMENT: Readonly<Record<string, string>> = {
  GF_PATHS_CONFIG: `${CONFIG_FOLDER}/${SETTINGS}`,
  GF_PATHS_PROVISIONING: `${CONFIG_FOLDER}/${PROVISIONING}`,
};

/** Returns Grafana's configuration and dashboards, by path below its configuration folder. */
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
