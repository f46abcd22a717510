import * as pulumi from "@pulumi/pulumi";
import { typeToken } from "../../model/names";
import { PORTS } from "../../model/observability";
import { CONFIG_FOLDER } from "../../model/observabilityPod";
import { ProgramWorkload } from "./ProgramWorkload";

export interface CollectorArgs {
  /** Our name of the region; part of the Deployment's name. A change replaces it. */
  region: string;
  /** Registry, repository and digest. A change makes a new pod. */
  image: pulumi.Input<string>;
  /** What the image calls itself; a label for people. */
  version: string;
  /** Its configuration, by file name. A change makes a new pod. */
  files: Record<string, string>;
}

/**
 * Measured of a build of its own parts alone: 34 MB at rest, 51 MB with all combinations that are counted apart, 1,200 runs a second
 * coming in. The rest is room for the parts that the vendor's image has beside.
 */
const RESOURCES = {
  requests: { cpu: "50m", memory: "192Mi", "ephemeral-storage": "32Mi" },
  limits: { cpu: "500m", memory: "512Mi", "ephemeral-storage": "256Mi" },
};

/**
 * OpenTelemetry's collector of one region: it takes LangFlow's spans and counts runs by flow, for Prometheus. It keeps nothing, and
 * LangFlow does not wait for it: away, runs of that time are not counted.
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
