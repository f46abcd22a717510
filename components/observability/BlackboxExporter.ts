import * as pulumi from "@pulumi/pulumi";
import { typeToken } from "../../model/names";
import { PORTS } from "../../model/observability";
import { CONFIG_FOLDER } from "../../model/observabilityPod";
import { ProgramWorkload } from "./ProgramWorkload";
import type { ProgramArgs } from "./programArgs";

export interface BlackboxExporterArgs extends ProgramArgs {
  /** Configuration files by name. A change replaces the pod. */
  files: Record<string, string>;
}

const RESOURCES = {
  requests: { cpu: "25m", memory: "32Mi", "ephemeral-storage": "32Mi" },
  limits: { cpu: "250m", memory: "128Mi", "ephemeral-storage": "256Mi" },
};

/**
 * Runs the health checks of one region: of the other regions, of its own LangFlow, of the public name and of the Git
 * host.
 */
export class BlackboxExporter extends pulumi.ComponentResource {
  constructor(name: string, args: BlackboxExporterArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("BlackboxExporter"), name, args, opts);

    new ProgramWorkload(
      `${name}-blackbox-exporter`,
      {
        ...args,
        program: "blackbox-exporter",
        options: [
          `--config.file=${CONFIG_FOLDER}/blackbox.yml`,
          `--web.listen-address=0.0.0.0:${PORTS["blackbox-exporter"]}`,
        ],
        readyPath: "/-/healthy",
        livePath: "/-/healthy",
        resources: RESOURCES,
      },
      { parent: this },
    );

    this.registerOutputs({});
  }
}
