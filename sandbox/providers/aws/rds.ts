import type { Resource } from "../../resources/store";
import { list, type Properties, text } from "../../resources/values";
import type { Behaviour, Situation } from "../shared/behaviour";
import { CloudError } from "../shared/errors";
import { writeLogs } from "./cloudwatch";
import { arn, checkKeyRegion, hashOf, hex, neighbour, randomText, refusal, regionOf } from "./identifiers";

const INSTANCE = "aws:rds/instance:Instance";
const BACKUP_COPY = "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication";
const SUBNET_GROUP = "aws:rds/subnetGroup:SubnetGroup";
const PARAMETER_GROUP = "aws:rds/parameterGroup:ParameterGroup";
const UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** Default port of each engine. */
const PORTS: Readonly<Record<string, number>> = { postgres: 5432, mysql: 3306, mariadb: 3306 };

const taken = (kind: string, operation: string, error: string) => (name: string) =>
  refusal(`creating RDS ${kind} (${name})`, `RDS: ${operation}`, 400, `${error}: ${kind} already exists: ${name}`)
    .message;

function verifyInstance(situation: Situation): void {
  const { inputs, scope, old } = situation;
  const fail = (error: string) =>
    refusal(`creating RDS DB Instance (${inputs.identifier})`, "RDS: CreateDBInstance", 404, error);
  checkKeyRegion("creating RDS DB Instance", inputs.kmsKeyId, scope.region);
  if (inputs.dbSubnetGroupName !== undefined && !neighbour(situation, SUBNET_GROUP, inputs.dbSubnetGroupName))
    throw fail(`DBSubnetGroupNotFoundFault: DB subnet group '${inputs.dbSubnetGroupName}' does not exist`);
  const parameters = text(inputs.parameterGroupName);
  if (
    parameters !== undefined &&
    !parameters.startsWith("default.") &&
    !neighbour(situation, PARAMETER_GROUP, parameters)
  )
    throw fail(`DBParameterGroupNotFound: DBParameterGroup not found: ${parameters}`);
  const [was, is, most] = [old?.properties.allocatedStorage, inputs.allocatedStorage, inputs.maxAllocatedStorage];
  if (typeof was === "number" && typeof is === "number" && is < was && !isSuppressed(was, inputs))
    throw fail("InvalidParameterCombination: Requested storage size cannot be less than the current storage size.");
  if (typeof was === "number" && typeof most === "number" && most !== 0 && most <= was)
    throw fail("InvalidParameterCombination: Max storage size must be greater than storage size");
  verifyGp3(situation);
}

/**
 * Whether the provider ignores a decrease of the storage size, which it does if storage may grow beyond that size
 * (terraform-provider-aws, instance.go).
 */
const isSuppressed = (was: unknown, { allocatedStorage, maxAllocatedStorage }: Properties): boolean =>
  Number(was) > Number(allocatedStorage) && Number(maxAllocatedStorage) > Number(allocatedStorage);

/** Size from which RDS stripes PostgreSQL's gp3 storage over four volumes (RDS user guide, "gp3 storage"). */
const STRIPED_GIB = 400;
const GP3 = {
  single: { iops: 3_000, storageThroughput: 125 },
  striped: { iops: 12_000, storageThroughput: 500 },
};

/** Returns the storage performance: from the program, or else from the previous state, or else the minimum. */
function performanceOf({ inputs, old }: Situation): Properties {
  const least = Number(inputs.allocatedStorage) >= STRIPED_GIB ? GP3.striped : GP3.single;
  const { iops, storageThroughput } = { ...least, ...old?.properties, ...inputs };
  return { iops, storageThroughput };
}

/**
 * Checks the limits of gp3, with RDS' wording (terraform-provider-aws, issue 28382; crossplane-contrib/provider-aws,
 * issue 1630).
 */
function verifyGp3({ inputs, old }: Situation): void {
  const { engine, storageType, allocatedStorage, iops, storageThroughput, identifier } = inputs;
  if (engine !== "postgres" || storageType !== "gp3") return;
  const action = old ? "updating" : "creating";
  const fail = (error: string) =>
    refusal(
      `${action} RDS DB Instance (${identifier})`,
      `RDS: ${old ? "ModifyDBInstance" : "CreateDBInstance"}`,
      400,
      `InvalidParameterCombination: ${error}`,
    );
  if (Number(allocatedStorage) < STRIPED_GIB) {
    if (iops !== undefined || storageThroughput !== undefined)
      throw fail("You can't specify IOPS or storage throughput for engine postgres and a storage size less than 400.");
    return;
  }
  const isSent = old && [allocatedStorage !== old.inputs.allocatedStorage, iops !== old.inputs.iops].includes(true);
  // The provider sends the last value that it read if the program sets none.
  const sent = iops ?? (isSent ? old.properties.iops : undefined);
  if (sent !== undefined && Number(sent) < GP3.striped.iops)
    throw fail(`Invalid iops value for engine name postgres and storage type gp3: ${sent}`);
}

/**
 * Properties whose change waits for the maintenance window unless applied immediately (RDS user guide, "Settings for DB
 * instances"). Until then, reads return the previous values.
 */
const WAITING = [
  "allocatedStorage",
  "caCertIdentifier",
  "engineVersion",
  "instanceClass",
  "iops",
  "multiAz",
  "storageThroughput",
  "storageType",
];

function stillAsBefore({ inputs, old }: Situation): Properties {
  if (!old || inputs.applyImmediately === true) return {};
  return Object.fromEntries(
    WAITING.filter((name) => name in old.properties).map((name) => [name, old.properties[name]]),
  );
}

function verifySubnets(situation: Situation): void {
  const { inputs, name } = situation;
  const zones = list(inputs.subnetIds).map(
    (id) => neighbour(situation, "aws:ec2/subnet:Subnet", id)?.properties.availabilityZone,
  );
  const fail = (error: string) =>
    refusal(`creating RDS DB Subnet Group (${name})`, "RDS: CreateDBSubnetGroup", 400, error);
  if (zones.includes(undefined)) throw fail("InvalidSubnet: Some input subnets are invalid.");
  if (new Set(zones).size < 2)
    throw fail(
      "DBSubnetGroupDoesNotCoverEnoughAZs: The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement.",
    );
}

function verifyBackupCopy({ inputs, scope, cloud, old }: Situation): void {
  const action = "starting RDS instance automated backups replication";
  const source = cloud.find(INSTANCE, ({ properties }) => properties.arn === inputs.sourceDbInstanceArn);
  if (!source) throw refusal(action, "RDS", 404, `DBInstanceNotFound: ${inputs.sourceDbInstanceArn} not found`);
  if (regionOf(inputs.sourceDbInstanceArn) === scope.region)
    throw refusal(action, "RDS", 400, "InvalidParameterValue: the source must be in another region");
  if (!(Number(source.properties.backupRetentionPeriod) > 0))
    throw refusal(action, "RDS", 400, "InvalidDBInstanceState: automated backups are not enabled on the source");
  const copied = (other: Resource) =>
    other.inputs.sourceDbInstanceArn === inputs.sourceDbInstanceArn && regionOf(other.id) === scope.region;
  if (!old && cloud.find(BACKUP_COPY, copied))
    throw refusal(action, "RDS", 400, "InvalidDBInstanceState: the source is replicated to this region already");
  const encrypted = source.properties.storageEncrypted === true;
  if (encrypted && inputs.kmsKeyId === undefined)
    throw refusal(
      action,
      "RDS",
      400,
      "InvalidParameterCombination: an encrypted source needs a KMS key of this region",
    );
  checkKeyRegion(action, inputs.kmsKeyId, scope.region);
}

export const rds: Record<string, Behaviour> = {
  [INSTANCE]: {
    naming: {
      property: "identifier",
      max: 63,
      pattern: /^(?!.*--)[a-z][a-z0-9-]*(?<!-)$/,
      unique: "region",
      taken: taken("DB Instance", "CreateDBInstance", "DBInstanceAlreadyExists"),
    },
    replaces: [
      "availabilityZone",
      "backupTarget",
      "characterSetName",
      "customIamInstanceProfile",
      "dbName",
      "engine",
      "kmsKeyId",
      "ncharCharacterSetName",
      "restoreToPointInTime",
      "snapshotIdentifier",
      "storageEncrypted",
      "timezone",
      "username",
    ],
    keeps: ["identifier"], // RDS and the provider rename in place (terraform-provider-aws, pull request 32687).
    defaults: {
      autoMinorVersionUpgrade: true,
      backupRetentionPeriod: 0,
      copyTagsToSnapshot: false,
      deletionProtection: false,
      multiAz: false,
      publiclyAccessible: false,
      skipFinalSnapshot: false,
      storageEncrypted: false,
      caCertIdentifier: "rds-ca-rsa2048-g1",
    },
    *check({ inputs }) {
      const fresh = inputs.replicateSourceDb === undefined && inputs.snapshotIdentifier === undefined;
      const restored = inputs.restoreToPointInTime !== undefined || inputs.s3Import !== undefined;
      if (fresh && !restored) {
        for (const property of ["allocatedStorage", "engine", "username"])
          if (inputs[property] === undefined) yield { property, reason: `"${property}": required field is not set` };
        const passwords = [inputs.password, inputs.passwordWo, inputs.manageMasterUserPassword];
        if (passwords.every((password) => password === undefined))
          yield { property: "password", reason: 'one of "password", "manageMasterUserPassword" must be set' };
      }
      if (inputs.password !== undefined && inputs.manageMasterUserPassword === true)
        yield { property: "password", reason: '"password" conflicts with "manageMasterUserPassword"' };
      const { allocatedStorage: now, maxAllocatedStorage: most, backupRetentionPeriod: days } = inputs;
      if (typeof now === "number" && typeof most === "number" && most !== 0 && most <= now)
        yield { property: "maxAllocatedStorage", reason: "maxAllocatedStorage must be greater than allocatedStorage" };
      if (typeof days === "number" && (days < 0 || days > 35))
        yield { property: "backupRetentionPeriod", reason: `expected a value in the range (0 - 35), got ${days}` };
      if (inputs.kmsKeyId !== undefined && inputs.storageEncrypted !== true)
        yield { property: "storageEncrypted", reason: "storageEncrypted must be true if kmsKeyId is given" };
    },
    importedBy: "identifier",
    verify: verifyInstance,
    remove({ inputs, id }) {
      const action = `deleting RDS DB Instance (${id})`;
      if (inputs.deletionProtection === true)
        throw refusal(
          action,
          "RDS: DeleteDBInstance",
          400,
          "InvalidParameterCombination: Cannot delete protected DB Instance, please disable deletion protection and try again.",
        );
      if (inputs.skipFinalSnapshot !== true && inputs.finalSnapshotIdentifier === undefined)
        throw new CloudError(`${action}: final_snapshot_identifier is required when skip_final_snapshot is false`);
    },
    follows: async (situation) => {
      const { identifier, enabledCloudwatchLogsExports } = situation.inputs;
      for (const log of list(enabledCloudwatchLogsExports))
        await writeLogs(situation, `/aws/rds/instance/${identifier}/${log}`);
    },
    id: () => `db-${randomText(26, UPPER)}`,
    attributes(situation) {
      const { id, inputs, scope, old } = situation;
      const host = `${inputs.identifier}.c${hashOf(11, scope.account, scope.region)}.${scope.region}.rds.amazonaws.com`;
      const port = inputs.port ?? PORTS[String(inputs.engine)] ?? 5432;
      const version = text(inputs.engineVersion) ?? "17.6";
      return {
        arn: arn(scope, "rds", `db:${inputs.identifier}`),
        address: host,
        endpoint: `${host}:${port}`,
        port,
        engineVersion: version,
        engineVersionActual: version,
        hostedZoneId: `Z${hashOf(12, scope.region).toUpperCase()}`,
        resourceId: id,
        replicas: [],
        listenerEndpoints: [],
        masterUserSecrets: [],
        latestRestorableTime: "",
        status: "available",
        ...(inputs.storageType === "gp3" && performanceOf(situation)),
        ...(isSuppressed(old?.properties.allocatedStorage, inputs) && {
          allocatedStorage: old?.properties.allocatedStorage,
        }),
        ...stillAsBefore(situation),
      };
    },
  },
  [SUBNET_GROUP]: {
    naming: {
      property: "name",
      max: 255,
      pattern: /^[a-z0-9 ._-]+$/,
      unique: "region",
      taken: taken("DB Subnet Group", "CreateDBSubnetGroup", "DBSubnetGroupAlreadyExists"),
    },
    replaces: ["namePrefix"],
    defaults: { description: "Managed by Pulumi" },
    verify: verifySubnets,
    id: ({ inputs }) => text(inputs.name) ?? "",
    attributes: (situation) => ({
      arn: arn(situation.scope, "rds", `subgrp:${situation.id}`),
      supportedNetworkTypes: ["IPV4"],
      vpcId: neighbour(situation, "aws:ec2/subnet:Subnet", list(situation.inputs.subnetIds)[0])?.inputs.vpcId ?? "",
    }),
  },
  [PARAMETER_GROUP]: {
    naming: {
      property: "name",
      max: 255,
      pattern: /^(?!.*--)[a-z][a-z0-9.-]*(?<!-)$/,
      unique: "region",
      taken: taken("DB Parameter Group", "CreateDBParameterGroup", "DBParameterGroupAlreadyExists"),
    },
    replaces: ["namePrefix", "family", "description"],
    defaults: { description: "Managed by Pulumi", skipDestroy: false },
    id: ({ inputs }) => text(inputs.name) ?? "",
    attributes: ({ id, scope }) => ({ arn: arn(scope, "rds", `pg:${id}`) }),
  },
  [BACKUP_COPY]: {
    replaces: ["kmsKeyId", "preSignedUrl", "retentionPeriod", "sourceDbInstanceArn"],
    defaults: { retentionPeriod: 7 },
    verify: verifyBackupCopy,
    id: ({ scope }) => arn(scope, "rds", `auto-backup:ab-${hex(26)}`),
  },
};
