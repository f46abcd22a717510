import * as kubernetes from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import {
  type AgentPeer,
  type AgentWitness,
  type DeleteLimit,
  type FlowRepository,
  type RegionDeletes,
  syncEnvironment,
} from "../../model/agent";
import { agentVersionLabels, syncPod } from "../../model/agentPod";
import { NAMESPACE } from "../../model/langflow";
import { syncSecrets } from "../../model/mountedSecrets";
import { typeToken } from "../../model/names";
import { type AccountsBucket, accountAccess } from "../../model/policies/accountAccess";
import type { Statement } from "../../model/policies/document";
import { cloudWatchAccess } from "../../model/policies/podAccess";
import { leaseAccess } from "../../model/policies/witness";
import { PublicEntrance } from "../langflow/PublicEntrance";
import { type AgentArgs, AgentSetup } from "./AgentSetup";

export interface FlowSyncArgs extends AgentArgs {
  /** Git repository of the record, the same in every region. A change restarts the agent. Default: none, and no record. */
  repository?: FlowRepository | undefined;
  /** Seconds within which buckets and Git are read, where nothing told of a change before. A change restarts the agent. */
  intervalSeconds: number;
  /** How many flows one push may delete by itself; more wait for `agent release`. A change restarts the agent. */
  deletes: DeleteLimit;
  regionDeletes: RegionDeletes;
  /** What is recorded although it looks like a secret: `<flow id>`, or `<flow id>/<rule>`. A change restarts the agent. */
  allowedSecrets: string[];
  /** The other regions' flow buckets, which changes are also written to. One more or less restarts the agent. */
  peers: pulumi.Input<FlowPeer[]>;
  /** In which region schedules fire, which also is the recorder. A change restarts the agent. */
  schedules: SchedulesArgs;
  /** Secret whose JSON holds the database's `url`. */
  databaseSecretArn: pulumi.Input<string>;
  /**
   * RDS' identifier of the database, to make metrics of what CloudWatch knows of it and of the copies between flow buckets. A change
   * restarts the agent. Default: CloudWatch is not asked, which costs.
   */
  databaseIdentifier?: string | undefined;
  /** Where the Git host's webhooks come in. Default: nowhere, and a push is found by polling. */
  webhook?: WebhookArgs;
}

/** Another region's flow bucket, with the key of its objects. */
export type FlowPeer = AgentPeer & AccountsBucket;

export interface SchedulesArgs {
  /** Our name of the region that holds them: always without a witness; with one, at first. */
  region: string;
  /** The bucket that says which region holds them. Default: none, and a person says it by `region`. */
  witness?: pulumi.Input<FlowWitness> | undefined;
}

/** The witness's bucket. */
export type FlowWitness = AgentWitness & { readonly bucketArn: string };

export interface WebhookArgs {
  /** Public subnets, one per zone, for the load balancer. */
  publicSubnetIds: pulumi.Input<string[]>;
  /** ACM certificate of the webhook's host name in this AWS region. */
  certificateArns: [pulumi.Input<string>];
  /** IPv4 networks that may connect: Cloudflare's, whose proxy the host name leads to. */
  sourceRanges: pulumi.Input<string[]>;
}

/** A first start waits for a node and pulls an image. */
const ROLLOUT_SECONDS = 600;

/**
 * The Kubernetes Secret. Not called as the task, nor "flow-sync-database": regions of earlier releases have Secrets of those
 * names with fewer keys, to which the driver would add later than a new pod can wait.
 */
const SECRET_NAME = "flow-sync-accounts";

/**
 * The agent beside one region's LangFlow: it replicates what users make, keeps the record in Git where this region is the
 * recorder, and fires schedules where this region holds them. One pod and never two, since one alone may write: it is
 * replaced, not rolled. No disruption budget, which with one pod could only forbid that a node be drained: what is
 * missed while it is away is caught up on. No spread over zones either, for the same reason.
 */
export class FlowSync extends pulumi.ComponentResource {
  /** DNS name of the webhook's load balancer; undefined where there is none. */
  readonly webhookHostname: pulumi.Output<string> | undefined;

  constructor(name: string, args: FlowSyncArgs, opts?: pulumi.ComponentResourceOptions) {
    super(typeToken("FlowSync"), name, args, opts);

    const { region, webhook } = args;
    const setup = this.setup(name, args);
    const { pod } = setup;
    new kubernetes.apps.v1.Deployment(
      `${name}-flow-sync`,
      {
        metadata: { name: `flow-sync-${region}`, namespace: NAMESPACE, labels: agentVersionLabels(pod) },
        spec: {
          replicas: 1,
          selector: { matchLabels: pod.labels },
          strategy: { type: "Recreate" },
          progressDeadlineSeconds: ROLLOUT_SECONDS,
          revisionHistoryLimit: 3,
          template: syncPod(pod, webhook !== undefined),
        },
      },
      {
        parent: this,
        dependsOn: [setup],
        customTimeouts: { create: `${ROLLOUT_SECONDS}s`, update: `${ROLLOUT_SECONDS}s` },
      },
    );
    if (webhook)
      this.webhookHostname = new PublicEntrance(
        `${name}-flow-sync`,
        { ...webhook, namespace: NAMESPACE, labels: pod.labels, service: "flow-sync", port: "webhook" },
        { parent: this },
      ).hostname;

    this.registerOutputs({ webhookHostname: this.webhookHostname });
  }

  /** What it may do with the buckets of the replication and with the lease of the schedules, and ask of CloudWatch. */
  private statements({
    region,
    awsRegion,
    schedules,
    databaseIdentifier,
    ...args
  }: FlowSyncArgs): pulumi.Output<Statement[]> {
    return pulumi
      .all([args.bucketArn, args.keyArn, args.peers, schedules.witness])
      .apply(([bucketArn, keyArn, peers, witness]) => [
        ...accountAccess({ region, own: { awsRegion, bucketArn, keyArn }, peers }),
        ...(witness ? leaseAccess(witness.bucketArn) : []),
        ...(databaseIdentifier === undefined ? [] : [cloudWatchAccess()]),
      ]);
  }

  private setup(name: string, args: FlowSyncArgs): AgentSetup {
    const {
      region,
      awsRegion,
      repository,
      intervalSeconds,
      deletes,
      regionDeletes,
      allowedSecrets,
      schedules,
      databaseIdentifier,
    } = args;
    const taken = { record: repository !== undefined, webhook: args.webhook !== undefined };
    return new AgentSetup(
      `${name}-flow-sync`,
      {
        ...args,
        task: "flow-sync",
        environment: pulumi
          .all([args.bucketName, args.peers, schedules.witness])
          .apply(([bucketName, peers, witness]) =>
            syncEnvironment(
              { region, awsRegion, bucketName },
              {
                repository,
                intervalSeconds,
                deletes,
                regionDeletes,
                allowedSecrets,
                peers,
                schedules: { region: schedules.region, witness },
                databaseIdentifier,
              },
            ),
          ),
        statements: this.statements(args),
        secrets: pulumi
          .all([args.secretArns, args.databaseSecretArn])
          .apply(([shared, database]) => syncSecrets(shared, database, taken)),
        secretName: SECRET_NAME,
      },
      { parent: this },
    );
  }
}
