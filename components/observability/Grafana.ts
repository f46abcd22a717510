import * as pulumi from "@pulumi/pulumi";
import { typeToken } from "../../model/names";
import type { DashboardSettings } from "../../observability/dashboards/dashboard";
import { GRAFANA_ENVIRONMENT, grafanaFiles } from "../../observability/grafana";
import { ProgramWorkload } from "./ProgramWorkload";

export interface GrafanaArgs {
  /** Our name of the region; part of the Deployment's name. A change replaces it. */
  region: string;
  /** Registry, repository and digest. A change makes a new pod. */
  image: pulumi.Input<string>;
  /** What the image calls itself; a label for people. */
  version: string;
  /** What the dashboards show. A change makes a new pod. */
  dashboards: Omit<DashboardSettings, "region">;
}

/** The user of Grafana's own image, whose files it reads (Grafana's documentation, "Configure a Grafana Docker image"). */
const USER_ID = 472;

/** Its database, which is empty but for what is provisioned at each start, and the sockets of its plugins. */
const SCRATCH = [
  { name: "data", folder: "/var/lib/grafana", sizeMib: 256 },
  { name: "temporary", folder: "/tmp", sizeMib: 64 },
];

/** An estimate, not a measurement: three dashboards, and a person or two who look at them. */
const RESOURCES = {
  requests: { cpu: "50m", memory: "256Mi", "ephemeral-storage": "128Mi" },
  limits: { cpu: "500m", memory: "512Mi", "ephemeral-storage": "1Gi" },
};

/**
 * Grafana of one region, with our dashboards over that region's Prometheus. It keeps nothing: data source and dashboards
 * are files, and nobody can change them.
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
