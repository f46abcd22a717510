/** Answers of a healthy fleet's clouds, in the clouds' own formats. Each test breaks one of them. */

const ACCOUNT = "123456789012";
const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

export const keyArn = (awsRegion: string) => `arn:aws:kms:${awsRegion}:${ACCOUNT}:key/${awsRegion}`;
const certificateArn = (awsRegion: string) => `arn:aws:acm:${awsRegion}:${ACCOUNT}:certificate/${awsRegion}`;
const secretArn = (awsRegion: string, name: string) =>
  `arn:aws:secretsmanager:${awsRegion}:${ACCOUNT}:secret:${name}-AbCdEf`;
const NAMES = ["secretKey", "superuserPassword", "apiKey", "providerKeys", "webhookSecret"] as const;

const REGIONS = { "us-east": "us-east-1", "eu-west": "eu-west-1" } as const;
type Region = keyof typeof REGIONS;
const other = (region: Region): Region => (region === "us-east" ? "eu-west" : "us-east");

/** Returns the outputs of a stack. */
export function outputsOf(stack: string): object {
  if (stack === "edge")
    return {
      url: "https://langflow.example.com",
      pools: { "us-east": "pool-us-east", "eu-west": "pool-eu-west" },
      webhooks: { "us-east": "https://us-east.example.com/webhook", "eu-west": "https://eu-west.example.com/webhook" },
    };
  if (stack !== "foundation")
    return {
      originHostname: `${stack}.elb.amazonaws.com`,
      clusterName: `langflow-dr-${stack}-cluster`,
      databaseIdentifier: `langflow-dr-${stack}-database`,
      webhookHostname: `${stack}-webhook.elb.amazonaws.com`,
    };
  const of = (region: Region) => ({
    keyArn: keyArn(REGIONS[region]),
    registry: `${ACCOUNT}.dkr.ecr.${REGIONS[region]}.amazonaws.com`,
    bucketName: `flows-${region}`,
    bucketArn: `arn:aws:s3:::flows-${region}`,
    certificateArn: certificateArn(REGIONS[region]),
    secretArns: Object.fromEntries(NAMES.map((name) => [name, secretArn(REGIONS[region], name)])),
  });
  return { regions: { "us-east": of("us-east"), "eu-west": of("eu-west") } };
}

const soon = (ms: number) => new Date(Date.now() + ms).toISOString();
const DAY = 86_400_000;

/** Returns AWS's answers by `service operation`. */
export function awsAnswers(region: Region): Record<string, object> {
  const awsRegion = REGIONS[region];
  const abroad = REGIONS[other(region)];
  const enabled = { Status: "Enabled" };
  return {
    "eks describe-cluster": {
      cluster: {
        name: `langflow-dr-${region}-cluster`,
        status: "ACTIVE",
        deletionProtection: true,
        computeConfig: { enabled: true, nodePools: [] },
        storageConfig: { blockStorage: { enabled: true } },
        kubernetesNetworkConfig: { serviceIpv4Cidr: "172.20.0.0/16", elasticLoadBalancing: { enabled: true } },
        accessConfig: { authenticationMode: "API" },
        encryptionConfig: [{ resources: ["secrets"], provider: { keyArn: keyArn(awsRegion) } }],
        health: { issues: [] },
      },
    },
    "eks list-addons": {
      addons: ["aws-efs-csi-driver", "aws-secrets-store-csi-driver-provider", "metrics-server"],
    },
    "eks describe-addon": { addon: { addonName: "any", status: "ACTIVE", health: { issues: [] } } },
    "eks list-pod-identity-associations": {
      associations: [
        ["kube-system", "efs-csi-node-sa"],
        ["langflow", "langflow"],
        ["langflow", "flow-sync"],
        ["langflow", "backup"],
      ].map(([namespace, serviceAccount], index) => ({ namespace, serviceAccount, associationId: `a-${index}` })),
    },
    "ecr describe-images": { imageDetails: [{ imageDigest: DIGEST, imageTags: ["1.13.0"] }] },
    "kms describe-key": { KeyMetadata: { KeyId: awsRegion, Enabled: true, KeyState: "Enabled" } },
    "kms get-key-rotation-status": { KeyRotationEnabled: true },
    "s3api get-bucket-versioning": { Status: "Enabled" },
    "s3api get-bucket-encryption": {
      ServerSideEncryptionConfiguration: {
        Rules: [
          {
            ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "aws:kms", KMSMasterKeyID: keyArn(awsRegion) },
            BucketKeyEnabled: true,
          },
        ],
      },
    },
    "s3api get-public-access-block": {
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        IgnorePublicAcls: true,
        BlockPublicPolicy: true,
        RestrictPublicBuckets: true,
      },
    },
    "s3api get-bucket-replication": {
      ReplicationConfiguration: {
        Role: `arn:aws:iam::${ACCOUNT}:role/replication`,
        Rules: [
          {
            ID: `to-${other(region)}`,
            Priority: 0,
            ...enabled,
            Filter: { Prefix: "" },
            DeleteMarkerReplication: enabled,
            SourceSelectionCriteria: { SseKmsEncryptedObjects: enabled, ReplicaModifications: enabled },
            Destination: {
              Bucket: `arn:aws:s3:::flows-${other(region)}`,
              EncryptionConfiguration: { ReplicaKmsKeyID: keyArn(abroad) },
            },
          },
        ],
      },
    },
    "rds describe-db-instances": {
      DBInstances: [
        {
          DBInstanceIdentifier: `langflow-dr-${region}-database`,
          DBInstanceStatus: "available",
          MultiAZ: true,
          DBInstanceArn: `arn:aws:rds:${awsRegion}:${ACCOUNT}:db:langflow-dr-${region}-database`,
          AvailabilityZone: `${awsRegion}a`,
          SecondaryAvailabilityZone: `${awsRegion}c`,
          StorageEncrypted: true,
          KmsKeyId: keyArn(awsRegion),
          PubliclyAccessible: false,
          DeletionProtection: true,
          BackupRetentionPeriod: 14,
          DBInstanceClass: "db.m7g.large",
          PendingModifiedValues: {},
          DBParameterGroups: [{ DBParameterGroupName: "postgres18", ParameterApplyStatus: "in-sync" }],
        },
      ],
    },
    "rds describe-db-parameters": { Parameters: [{ ParameterName: "rds.force_ssl", ParameterValue: "1" }] },
    "rds describe-db-instance-automated-backups": {
      DBInstanceAutomatedBackups: [
        {
          DBInstanceArn: `arn:aws:rds:${abroad}:${ACCOUNT}:db:langflow-dr-${other(region)}-database`,
          Status: "replicating",
          KmsKeyId: keyArn(awsRegion),
          BackupRetentionPeriod: 14,
          RestoreWindow: { EarliestTime: soon(-DAY), LatestTime: soon(-300_000) },
        },
      ],
    },
    "secretsmanager describe-secret": {
      ReplicationStatus: [{ Region: "eu-west-1", Status: "InSync", KmsKeyId: keyArn("eu-west-1") }],
    },
    "secretsmanager get-secret-value": {
      SecretString: "one-and-the-same",
      VersionId: "0f8fad5b-d9cb-469f-a165-70867728950e",
      VersionStages: ["AWSCURRENT"],
    },
    "acm describe-certificate": {
      Certificate: {
        CertificateArn: certificateArn(awsRegion),
        DomainName: "langflow.example.com",
        Status: "ISSUED",
        NotAfter: soon(200 * DAY),
        RenewalEligibility: "ELIGIBLE",
      },
    },
    "service-quotas get-service-quota": {
      Quota: { ServiceCode: "ec2", QuotaCode: "L-1216C47A", Value: 256, Adjustable: true, GlobalQuota: false },
    },
    "elbv2 describe-load-balancers": {
      LoadBalancers: [
        { LoadBalancerArn: "balancer", DNSName: `${region}.elb.amazonaws.com`, Scheme: "internet-facing" },
      ],
    },
    "elbv2 describe-listeners": {
      Listeners: [
        {
          Port: 443,
          Protocol: "TLS",
          SslPolicy: "ELBSecurityPolicy-TLS13-1-2-2021-06",
          Certificates: [{ CertificateArn: certificateArn(awsRegion) }],
        },
      ],
    },
    "elbv2 describe-target-groups": {
      TargetGroups: [
        {
          TargetGroupArn: "group",
          Protocol: "TCP",
          TargetType: "ip",
          HealthCheckProtocol: "HTTP",
          HealthCheckPath: "/healthz",
        },
      ],
    },
    "elbv2 describe-target-group-attributes": {
      Attributes: [
        { Key: "deregistration_delay.timeout_seconds", Value: "120" },
        { Key: "preserve_client_ip.enabled", Value: "false" },
      ],
    },
    "elbv2 describe-target-health": {
      TargetHealthDescriptions: [1, 2].map(() => ({ TargetHealth: { State: "healthy" } })),
    },
  };
}

const CREDENTIALS = [{ name: "AWS_CONTAINER_CREDENTIALS_FULL_URI", value: "http://169.254.170.23/v1/credentials" }];
const IMAGES_OF: Readonly<Record<string, string>> = { langflow: "langflow", "flow-sync": "langflow-agent" };

/** Returns lists of objects as in `kubectl get … -A -o json`, by kind. */
export function clusterObjects(region: Region, images: Readonly<Record<string, string>>): Record<string, object[]> {
  const named = (name: string, namespace?: string) => ({ name, ...(namespace && { namespace }) });
  const pod = (name: string, zone: string, namespace = "langflow") => ({
    metadata: named(name, namespace),
    spec: { nodeName: `node-${zone}`, containers: [{ name: "any", env: CREDENTIALS }] },
  });
  const deployment = (name: string) => ({
    metadata: named(`${name}-${region}`, "langflow"),
    spec: {
      template: {
        spec: {
          serviceAccountName: name,
          containers: [{ name, image: images[IMAGES_OF[name] ?? ""] }],
          topologySpreadConstraints: [
            { topologyKey: "topology.kubernetes.io/zone", whenUnsatisfiable: "DoNotSchedule", minDomains: 2 },
          ],
        },
      },
    },
  });
  const backup = { template: { spec: { serviceAccountName: "backup" } } };
  const policies = ["langflow-images", "langflow-identities"];
  return {
    "csidrivers.storage.k8s.io": [
      {
        metadata: named("secrets-store.csi.k8s.io"),
        spec: { tokenRequests: [{ audience: "sts.amazonaws.com" }, { audience: "pods.eks.amazonaws.com" }] },
      },
    ],
    "deployments.apps": [deployment("langflow"), deployment("flow-sync")],
    "horizontalpodautoscalers.autoscaling": [
      { metadata: named(`langflow-${region}`, "langflow"), spec: { minReplicas: 2, maxReplicas: 10 } },
    ],
    "cronjobs.batch": [{ metadata: named(`backup-${region}`, "langflow"), spec: { jobTemplate: { spec: backup } } }],
    nodes: ["a", "b"].map((zone) => ({
      metadata: { name: `node-${zone}`, labels: { "topology.kubernetes.io/zone": `${REGIONS[region]}${zone}` } },
    })),
    pods: [
      pod(`langflow-${region}-1`, "a"),
      pod(`langflow-${region}-2`, "b"),
      pod(`flow-sync-${region}-1`, "a"),
      pod("efs-csi-node-1", "a", "kube-system"),
    ],
    services: [
      { metadata: named("langflow-public", "langflow"), spec: { loadBalancerSourceRanges: ["192.0.2.0/24"] } },
    ],
    "validatingadmissionpolicies.admissionregistration.k8s.io": policies.map((name) => ({
      metadata: named(name),
      spec: { failurePolicy: "Fail" },
    })),
    "validatingadmissionpolicybindings.admissionregistration.k8s.io": policies.map((policyName) => ({
      metadata: named(policyName),
      spec: { policyName, validationActions: ["Deny"] },
    })),
  };
}

/** Returns the `result` of Cloudflare's API by path below /client/v4. */
export function cloudflareAnswers(account: string): Record<string, unknown> {
  const pool = (region: Region) => ({
    id: `pool-${region}`,
    enabled: true,
    monitor: "monitor",
    origins: [{ address: `${region}.elb.amazonaws.com`, enabled: true, header: { Host: ["langflow.example.com"] } }],
  });
  const balancersPath = `/accounts/${account}/load_balancers`;
  return {
    "/ips": { ipv4_cidrs: ["192.0.2.0/24"], ipv6_cidrs: [] },
    "/zones?name=example.com": [{ id: "zone", name: "example.com" }],
    "/zones/zone/load_balancers": [
      {
        id: "balancer",
        name: "langflow.example.com",
        enabled: true,
        proxied: true,
        default_pools: ["pool-us-east", "pool-eu-west"],
        fallback_pool: "pool-eu-west",
        steering_policy: "proximity",
        session_affinity: "cookie",
      },
    ],
    [`${balancersPath}/pools/pool-us-east`]: pool("us-east"),
    [`${balancersPath}/pools/pool-eu-west`]: pool("eu-west"),
    [`${balancersPath}/pools/pool-us-east/health`]: { pop_health: { "Ashburn, US": { healthy: true, origins: [] } } },
    [`${balancersPath}/pools/pool-eu-west/health`]: { pop_health: { "Ashburn, US": { healthy: true, origins: [] } } },
    [`${balancersPath}/monitors/monitor`]: {
      id: "monitor",
      type: "https",
      path: "/healthz",
      expected_codes: "200",
      interval: 15,
      timeout: 5,
      consecutive_down: 3,
      consecutive_up: 2,
    },
    [`/accounts/${account}/alerting/v3/policies`]: [
      {
        id: "policy",
        alert_type: "load_balancing_health_alert",
        enabled: true,
        mechanisms: { email: [{ id: "oncall@example.com" }] },
        filters: { pool_id: ["pool-us-east", "pool-eu-west"] },
      },
    ],
  };
}
