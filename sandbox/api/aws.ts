import type { CloudResource } from "../cloud/client";
import { list, record, text } from "../resources/values";

/** Answers one AWS operation from the local cloud's resources, with the field names of botocore's service models. */
type Operation = (cloud: Look, input: Readonly<Record<string, unknown>>) => unknown;

/** The local cloud as seen from one AWS region. */
interface Look {
  readonly awsRegion: string;
  readonly now: Date;
  /** Returns the resources of a type in this AWS region, or in every AWS region if `everywhere` is set. */
  of(type: string, everywhere?: boolean): readonly CloudResource[];
  /**
   * Returns the first resource of the type that satisfies the predicate.
   *
   * @throws Error with AWS' own error name if no resource does
   */
  one(type: string, fits: (resource: CloudResource) => boolean, error: string): CloudResource;
}

/** RDS copies transaction logs every five minutes (RDS user guide, "Replicating automated backups"). */
const BACKUP_LAG_MS = 300_000;
const CERTIFICATE_DAYS = 395;
const DAY_MS = 86_400_000;

const named =
  (property: string, value: unknown) =>
  ({ properties }: CloudResource) =>
    properties[property] === value;

const ofCluster = (input: Readonly<Record<string, unknown>>) => named("clusterName", input.clusterName);

const eks: Record<string, Operation> = {
  "describe-cluster": (cloud, { name }) => {
    const { properties } = cloud.one("aws:eks/cluster:Cluster", named("name", name), "ResourceNotFoundException");
    const { resources, provider } = record(properties.encryptionConfig);
    return {
      cluster: {
        ...picked(properties, ["name", "arn", "status", "version", "accessConfig", "computeConfig", "storageConfig"]),
        ...picked(properties, ["kubernetesNetworkConfig", "deletionProtection"]),
        encryptionConfig: resources ? [{ resources, provider }] : [],
        health: { issues: [] },
      },
    };
  },
  "list-addons": (cloud, input) => ({
    addons: cloud
      .of("aws:eks/addon:Addon")
      .filter(ofCluster(input))
      .map(({ properties }) => properties.addonName),
  }),
  "describe-addon": (cloud, input) => {
    const { properties } = cloud.one(
      "aws:eks/addon:Addon",
      (each) => ofCluster(input)(each) && named("addonName", input.addonName)(each),
      "ResourceNotFoundException",
    );
    const known = picked(properties, ["addonName", "clusterName", "addonVersion", "configurationValues"]);
    return { addon: { ...known, status: "ACTIVE", health: { issues: [] } } };
  },
  "list-pod-identity-associations": (cloud, input) => ({
    associations: cloud
      .of("aws:eks/podIdentityAssociation:PodIdentityAssociation")
      .filter(ofCluster(input))
      .map(({ properties }) =>
        picked(properties, ["clusterName", "namespace", "serviceAccount", "associationArn", "associationId"]),
      ),
  }),
};

const kms: Record<string, Operation> = {
  "describe-key": (cloud, { KeyId }) => {
    const { properties } = cloud.one("aws:kms/key:Key", named("arn", KeyId), "NotFoundException");
    const { keyId, arn, isEnabled } = properties;
    return {
      KeyMetadata: { KeyId: keyId, Arn: arn, Enabled: isEnabled, KeyState: isEnabled ? "Enabled" : "Disabled" },
    };
  },
  "get-key-rotation-status": (cloud, { KeyId }) => ({
    KeyRotationEnabled: cloud.one("aws:kms/key:Key", named("arn", KeyId), "NotFoundException").properties
      .enableKeyRotation,
  }),
};

/** Returns the properties of a resource that holds one of a bucket's settings. */
function setting(cloud: Look, { Bucket }: Readonly<Record<string, unknown>>, type: string, error: string) {
  return cloud.one(`aws:s3/${type}`, named("bucket", Bucket), error).properties;
}

const s3api: Record<string, Operation> = {
  "get-bucket-versioning": (cloud, { Bucket }) => {
    const found = cloud.of("aws:s3/bucketVersioning:BucketVersioning").find(named("bucket", Bucket));
    // S3 answers with an empty object for a bucket that was never versioned.
    return found ? { Status: record(found.properties.versioningConfiguration).status } : {};
  },
  "get-bucket-encryption": (cloud, input) => {
    const type = "bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration";
    const { rules } = setting(cloud, input, type, "ServerSideEncryptionConfigurationNotFoundError");
    const Rules = list(rules).map((each) => {
      const { applyServerSideEncryptionByDefault: by, bucketKeyEnabled } = record(each);
      const { sseAlgorithm, kmsMasterKeyId } = record(by);
      return {
        ApplyServerSideEncryptionByDefault: { SSEAlgorithm: sseAlgorithm, KMSMasterKeyID: kmsMasterKeyId },
        BucketKeyEnabled: bucketKeyEnabled,
      };
    });
    return { ServerSideEncryptionConfiguration: { Rules } };
  },
  "get-public-access-block": (cloud, input) => {
    const type = "bucketPublicAccessBlock:BucketPublicAccessBlock";
    const block = setting(cloud, input, type, "NoSuchPublicAccessBlockConfiguration");
    return {
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: block.blockPublicAcls ?? false,
        IgnorePublicAcls: block.ignorePublicAcls ?? false,
        BlockPublicPolicy: block.blockPublicPolicy ?? false,
        RestrictPublicBuckets: block.restrictPublicBuckets ?? false,
      },
    };
  },
  "get-bucket-replication": (cloud, input) => {
    const type = "bucketReplicationConfig:BucketReplicationConfig";
    const { role, rules } = setting(cloud, input, type, "ReplicationConfigurationNotFoundError");
    return {
      ReplicationConfiguration: { Role: role, Rules: list(rules).map((each) => replicationRule(record(each))) },
    };
  },
};

function replicationRule(rule: Readonly<Record<string, unknown>>) {
  const { bucket, encryptionConfiguration } = record(rule.destination);
  const { sseKmsEncryptedObjects, replicaModifications } = record(rule.sourceSelectionCriteria);
  const status = (value: unknown) => ({ Status: record(value).status ?? "Disabled" });
  return {
    ID: rule.id,
    Priority: rule.priority,
    Status: rule.status,
    Filter: { Prefix: record(rule.filter).prefix },
    DeleteMarkerReplication: status(rule.deleteMarkerReplication),
    SourceSelectionCriteria: {
      SseKmsEncryptedObjects: status(sseKmsEncryptedObjects),
      ReplicaModifications: status(replicaModifications),
    },
    Destination: {
      Bucket: bucket,
      EncryptionConfiguration: { ReplicaKmsKeyID: record(encryptionConfiguration).replicaKmsKeyId },
    },
  };
}

const rds: Record<string, Operation> = {
  "describe-db-instances": (cloud, { DBInstanceIdentifier }) => {
    const fits = named("identifier", DBInstanceIdentifier);
    const { properties: is } = cloud.one("aws:rds/instance:Instance", fits, "DBInstanceNotFound");
    return {
      DBInstances: [
        {
          DBInstanceIdentifier,
          DBInstanceArn: is.arn,
          DBInstanceStatus: is.status,
          MultiAZ: is.multiAz,
          AvailabilityZone: `${cloud.awsRegion}a`,
          ...(is.multiAz === true && { SecondaryAvailabilityZone: `${cloud.awsRegion}b` }),
          StorageEncrypted: is.storageEncrypted,
          KmsKeyId: is.kmsKeyId,
          PubliclyAccessible: is.publiclyAccessible,
          DeletionProtection: is.deletionProtection,
          BackupRetentionPeriod: is.backupRetentionPeriod,
          DBInstanceClass: is.instanceClass,
          PendingModifiedValues: {},
          DBParameterGroups: [{ DBParameterGroupName: is.parameterGroupName, ParameterApplyStatus: "in-sync" }],
        },
      ],
    };
  },
  "describe-db-parameters": (cloud, { DBParameterGroupName }) => {
    const fits = named("name", DBParameterGroupName);
    const group = cloud.one("aws:rds/parameterGroup:ParameterGroup", fits, "DBParameterGroupNotFound");
    return {
      Parameters: list(group.properties.parameters).map((each) => {
        const { name, value } = record(each);
        return { ParameterName: name, ParameterValue: value };
      }),
    };
  },
  "describe-db-instance-automated-backups": (cloud) => ({
    DBInstanceAutomatedBackups: cloud
      .of("aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication")
      .map(({ id, properties: { sourceDbInstanceArn, kmsKeyId, retentionPeriod } }) => ({
        DBInstanceAutomatedBackupsArn: id,
        DBInstanceArn: sourceDbInstanceArn,
        Status: "replicating",
        KmsKeyId: kmsKeyId,
        BackupRetentionPeriod: retentionPeriod,
        RestoreWindow: { LatestTime: new Date(cloud.now.getTime() - BACKUP_LAG_MS).toISOString() },
      })),
  }),
};

/**
 * Returns a secret, or its replica in this AWS region. A replica's ARN differs from the primary's only in the region.
 */
function secretOf(cloud: Look, { SecretId }: Readonly<Record<string, unknown>>): CloudResource {
  const elsewhere = (arn: unknown) => String(arn).split(":").toSpliced(3, 1, "").join(":");
  const found = cloud.of("aws:secretsmanager/secret:Secret", true).find(({ properties: { arn, region, replicas } }) => {
    const regions = [region, ...list(replicas).map((each) => record(each).region)];
    return elsewhere(arn) === elsewhere(SecretId) && regions.includes(cloud.awsRegion);
  });
  if (!found) throw refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
  return found;
}

const secretsmanager: Record<string, Operation> = {
  "describe-secret": (cloud, input) => {
    const { properties } = secretOf(cloud, input);
    return {
      ARN: properties.arn,
      Name: properties.name,
      KmsKeyId: properties.kmsKeyId,
      ReplicationStatus: list(properties.replicas).map((each) => {
        const { region, status, kmsKeyId } = record(each);
        return { Region: region, Status: status, KmsKeyId: kmsKeyId };
      }),
    };
  },
  "get-secret-value": (cloud, input) => {
    const { properties: secret } = secretOf(cloud, input);
    const versions = cloud.of("aws:secretsmanager/secretVersion:SecretVersion", true);
    const current = versions.find(named("secretId", secret.arn));
    if (!current) throw refused("ResourceNotFoundException", "the secret has no value");
    const { secretString, versionId, versionStages } = current.properties;
    return {
      ARN: input.SecretId,
      Name: secret.name,
      VersionId: versionId,
      SecretString: secretString,
      VersionStages: versionStages,
    };
  },
};

const acm: Record<string, Operation> = {
  "describe-certificate": (cloud, { CertificateArn }) => {
    const fits = named("arn", CertificateArn);
    const { properties } = cloud.one("aws:acm/certificate:Certificate", fits, "ResourceNotFoundException");
    const { arn, domainName, subjectAlternativeNames, status } = properties;
    const validated = cloud
      .of("aws:acm/certificateValidation:CertificateValidation")
      .find(named("certificateArn", CertificateArn));
    // ACM issues a certificate once it is validated. The store keeps the validation as a separate resource.
    const issued = validated !== undefined && status === "PENDING_VALIDATION";
    const from = Date.parse(text(validated?.id)?.replace(/ \+0000 UTC$/, "Z") ?? "");
    return {
      Certificate: {
        CertificateArn: arn,
        DomainName: domainName,
        SubjectAlternativeNames: subjectAlternativeNames,
        Status: issued ? "ISSUED" : status,
        ...(Number.isNaN(from) ? {} : { NotAfter: new Date(from + CERTIFICATE_DAYS * DAY_MS).toISOString() }),
        RenewalEligibility: "ELIGIBLE",
      },
    };
  },
};

const SERVICES: Readonly<Record<string, Record<string, Operation>>> = { acm, eks, kms, rds, s3api, secretsmanager };

/** Returns every operation that the local cloud emulates, as service and name. */
export function playedOperations(): [service: string, operation: string][] {
  return Object.entries(SERVICES).flatMap(([service, operations]) =>
    Object.keys(operations).map((operation): [string, string] => [service, operation]),
  );
}

/**
 * Returns AWS' answer to an operation if its accounts held exactly these resources.
 *
 * @param service and `operation` as the AWS CLI names them
 * @param resources with plaintext secret values if the operation returns secrets
 * @returns undefined if the local cloud does not emulate the operation, for example of load balancers and images
 * @throws Error with AWS' own error name if the resource does not exist
 */
export function awsAnswer(
  resources: readonly CloudResource[],
  awsRegion: string,
  service: string,
  operation: string,
  input: Readonly<Record<string, unknown>>,
): unknown {
  const work = SERVICES[service]?.[operation];
  if (!work) return undefined;
  const inRegion = ({ scope }: CloudResource) => scope.endsWith(`/${awsRegion}`);
  const of = (type: string, everywhere = false) =>
    resources.filter((each) => each.type === type && (everywhere || inRegion(each)));
  const one: Look["one"] = (type, fits, error) => {
    const found = of(type).find(fits);
    if (!found) throw refused(error, `${awsRegion} has no such ${type.split(":").at(-1)}`);
    return found;
  };
  return work({ awsRegion, now: new Date(), of, one }, input);
}

function picked(properties: Readonly<Record<string, unknown>>, keys: readonly string[]) {
  return Object.fromEntries(keys.flatMap((key) => (properties[key] === undefined ? [] : [[key, properties[key]]])));
}

function refused(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}
