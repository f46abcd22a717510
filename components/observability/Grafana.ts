import * as pulumi from "@pulumi/pulumi";
import { typeToken } from "../../model/names";
import type { DashboardSettings } from "../../observability/dashboards/dashboard";
import { GRAFANA_ENVIRONMENT, grafanaFiles } from "../../observability/grafana";
import { ProgramWorkload } from "./ProgramWorkload";
import type { ProgramArgs } from "./programArgs";

export interface GrafanaArgs extends ProgramArgs {
  /** Settings of the dashboards. A change replaces the pod. */
  dashboards: Omit<DashboardSettings, "region">;
}

/** User id of the official Grafana image, which owns the image's files ("Configure a Grafana Docker image"). */
const USER_ID = 472;

/**
 * Writable folders: the database, which contains only what Grafana provisions at each start, and the plugins' sockets.
 */
const SCRATCH = [
  { name: "data", folder: "/var/lib/grafana", sizeMib: 256 },
  { name: "temporary", folder: "/tmp", sizeMib: 64 },
];

/** Estimated, not measured: three dashboards and one or two concurrent users. */
const RESOURCES = {
  requests: { cpu: "50m", memory: "256Mi", "ephemeral-storage": "128Mi" },
  limits: { cpu: "500m", memory: "512Mi", "ephemeral-storage": "1Gi" },
};

/**
 * Grafana of one region, with our dashboards on that region's Prometheus. Grafana stores nothing: the data source and
 * the dashboards are read-only provisioned files.
 */
export class Grafana extends pulumi.ComponentResource {
  constructor(name: string, args: GrafanaArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("Grafana"), name, args, opts);

    const { dashboards, ...rest } = args;
    new ProgramWorkload(
      `${name}-grafana`,
      {
        ...rest,
        program: "grafana",
        files: grafanaFiles({ ...dashboards, region: args.region }),
        environment: { ...GRAFANA_ENVIRONMENT },
        userId: USER_ID,
        scratch: SCRATCH,
        options: [],
        readyPath: "/api/health",
        livePath: "/api/health",
        resources: RESOURCES,
      },
      { parent: this },
    );

    this.registerOutputs({});
  }
}
