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
  /**
   * Git repository of the record; the same in every region. A change restarts the agent. Default: none, and the agent
   * keeps no record.
   */
  repository?: FlowRepository | undefined;
  /**
   * Polling interval for buckets and Git, in seconds, for changes without a notification. A change restarts the agent.
   */
  intervalSeconds: number;
  /**
   * Maximum number of flows that one push may delete without approval; further deletes wait for `agent release`. A
   * change restarts the agent.
   */
  deletes: DeleteLimit;
  regionDeletes: RegionDeletes;
  /**
   * Flows to record even though they appear to contain a secret: `<flow id>`, or `<flow id>/<rule>`. A change restarts
   * the agent.
   */
  allowedSecrets: string[];
  /**
   * Flow buckets of the other regions, to which the agent also writes changes. Adding or removing a peer restarts the
   * agent.
   */
  peers: pulumi.Input<FlowPeer[]>;
  /** Region in which schedules fire; its agent is also the recorder. A change restarts the agent. */
  schedules: SchedulesArgs;
  /** ARN of the secret whose JSON holds the database's `url`. */
  databaseSecretArn: pulumi.Input<string>;
  /**
   * Identifier of the RDS database. With it, the agent exports CloudWatch's metrics of the database and of the
   * replication between flow buckets. A change restarts the agent. Default: none; the agent does not query CloudWatch,
   * which charges for queries.
   */
  databaseIdentifier?: string | undefined;
  /** Load balancer for the Git host's webhooks. Default: none; the agent detects pushes by polling. */
  webhook?: WebhookArgs;
}

/** Flow bucket of another region, with the KMS key of its objects. */
export type FlowPeer = AgentPeer & AccountsBucket;

export interface SchedulesArgs {
  /** The fleet's name for the region that fires schedules: permanently without a witness, otherwise only initially. */
  region: string;
  /**
   * Witness bucket that stores which region fires schedules. Default: none; the operator selects the region with
   * `region`.
   */
  witness?: pulumi.Input<FlowWitness> | undefined;
}

/** Bucket that stores the lease of the schedules. */
export type FlowWitness = AgentWitness & { readonly bucketArn: string };

export interface WebhookArgs {
  /** Ids of the public subnets, one per zone, for the load balancer. */
  publicSubnetIds: pulumi.Input<string[]>;
  /** ACM certificate of the webhook's host name in this AWS region. */
  certificateArns: [pulumi.Input<string>];
  /** IPv4 CIDR blocks that may connect: Cloudflare's proxy servers, to which the host name resolves. */
  sourceRanges: pulumi.Input<string[]>;
}

/** Rollout timeout, in seconds: the first start waits for a node and pulls an image. */
const ROLLOUT_SECONDS = 600;

/**
 * Name of the Kubernetes Secret. Neither the task's name nor "flow-sync-database" may be reused: earlier releases
 * created Secrets of those names with fewer keys, and the driver would add the new keys too late for a new pod.
 */
const SECRET_NAME = "flow-sync-accounts";

/**
 * The agent of one region's LangFlow: replicates what users create, keeps the record in Git if this region is the
 * recorder, and fires schedules if this region holds their lease. Only one pod may write, so the strategy is Recreate
 * instead of a rolling update. No disruption budget: with a single pod, a budget could only prevent node drains; after
 * a restart, the agent catches up. For the same reason, no spread across zones.
 */
export class FlowSync extends pulumi.ComponentResource {
  /** DNS name of the webhook's load balancer; undefined without a webhook. */
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

  /**
   * Returns the agent's IAM statements: access to the replication's buckets, the lease of the schedules, and
   * CloudWatch.
   */
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
