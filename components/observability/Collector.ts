import * as pulumi from "@pulumi/pulumi";
import { typeToken } from "../../model/names";
import { PORTS } from "../../model/observability";
import { CONFIG_FOLDER } from "../../model/observabilityPod";
import { ProgramWorkload } from "./ProgramWorkload";
import type { ProgramArgs } from "./programArgs";

export interface CollectorArgs extends ProgramArgs {
  /** Configuration files by name. A change replaces the pod. */
  files: Record<string, string>;
}

/**
 * Measured with a build that contains only the collector components we use: 34 MB idle, 51 MB with the maximum number
 * of label combinations at 1,200 runs per second. The rest is headroom for the additional components in the vendor's
 * image.
 */
const RESOURCES = {
  requests: { cpu: "50m", memory: "192Mi", "ephemeral-storage": "32Mi" },
  limits: { cpu: "500m", memory: "512Mi", "ephemeral-storage": "256Mi" },
};

/**
 * OpenTelemetry collector of one region: receives LangFlow's spans and counts runs by flow, for Prometheus. The
 * collector stores nothing, and LangFlow does not wait for it. Runs during an outage of the collector are not counted.
 */
export class Collector extends pulumi.ComponentResource {
  constructor(name: string, args: CollectorArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("Collector"), name, args, opts);

    new ProgramWorkload(
      `${name}-collector`,
      {
        ...args,
        program: "collector",
        ports: { metrics: PORTS["collector-metrics"], health: PORTS["collector-health"] },
        probePort: "health",
        options: [`--config=${CONFIG_FOLDER}/collector.yml`],
        readyPath: "/",
        livePath: "/",
        resources: RESOURCES,
      },
      { parent: this },
    );

    this.registerOutputs({});
  }
}
