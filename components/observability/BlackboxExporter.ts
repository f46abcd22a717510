import * as pulumi from "@pulumi/pulumi";
import { typeToken } from "../../model/names";
import { PORTS } from "../../model/observability";
import { CONFIG_FOLDER } from "../../model/observabilityPod";
import { ProgramWorkload } from "./ProgramWorkload";

export interface BlackboxExporterArgs {
  /** Our name of the region; part of the Deployment's name. A change replaces it. */
  region: string;
  /** Registry, repository and digest. A change makes a new pod. */
  image: pulumi.Input<string>;
  /** What the image calls itself; a label for people. */
  version: string;
  /** Its configuration, by file name. A change makes a new pod. */
  files: Record<string, string>;
}

const RESOURCES = {
  requests: { cpu: "25m", memory: "32Mi", "ephemeral-storage": "32Mi" },
  limits: { cpu: "250m", memory: "128Mi", "ephemeral-storage": "256Mi" },
};

/** What makes the health checks of one region: of the others, of its own LangFlow, of the public name and of the Git host. */
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
