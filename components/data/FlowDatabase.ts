import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { LOGINS, type Login, type OfEachLogin } from "../../model/databaseLogins";
import { DB_IDENTIFIER_MAX, physicalName, regionTags, typeToken } from "../../model/names";
import { ClientSecurityGroup } from "./ClientSecurityGroup";
import { DATABASE_LOGS, DatabaseMonitoring } from "./DatabaseMonitoring";
import { DatabaseSecret } from "./DatabaseSecret";

/** Destination of the second copy of the backups. */
export interface DatabaseBackupArgs {
  /** The AWS region of the copy; must differ from the database's. A change starts a new copy. */
  awsRegion: string;
  /** ARN of the KMS key in the copy's AWS region. A change starts a new copy. */
  keyArn: pulumi.Input<string>;
}

export interface FlowDatabaseArgs {
  /** The fleet's name for the region; part of the database's identifier. A change replaces the database. */
  region: string;
  /** The AWS region. A change replaces the database. */
  awsRegion: string;
  /** Id of the VPC. */
  vpcId: pulumi.Input<string>;
  /** Ids of isolated subnets in three zones. */
  subnetIds: pulumi.Input<string>[];
  /** Security group of the clients that connect. */
  clientSecurityGroupId: pulumi.Input<string>;
  /**
   * ARN of the KMS key that encrypts storage, logs, Performance Insights and the secret, in the same AWS region. A
   * change replaces the database.
   */
  keyArn: pulumi.Input<string>;
  /** AWS region and KMS key of the second copy of the backups. */
  backup: DatabaseBackupArgs;
  accountId: pulumi.Input<string>;
  partition: pulumi.Input<string>;
  /**
   * RDS instance class, for example db.m7g.large. A change restarts the database during the update: about a minute with
   * `multiAz`, otherwise several minutes.
   */
  instanceClass: string;
  /** Whether a standby instance in a second zone takes over on failure. Default: true. Updates in place. */
  multiAz?: boolean;
  /** Initial storage, GiB; RDS grows it automatically, up to `maxStorageGib`. */
  storageGib: number;
  maxStorageGib: number;
  /**
   * Weekly maintenance window for minor version upgrades, as `ddd:hh:mm-ddd:hh:mm` in UTC. Use a different window in
   * each region, because a minor version upgrade restarts the database.
   */
  maintenanceWindow: string;
  /**
   * Days of point-in-time recovery, in the region and in the backup region. A change updates the database in place. It
   * also stops the replication of backups and restarts it: existing copies keep their original retention.
   */
  backupRetentionDays: number;
  /**
   * Whether Pulumi and AWS reject the deletion of the database. Set to false to retire a region
   * (docs/operations/retire-a-region.md).
   */
  deletionProtection: boolean;
  /** Retention of the database's logs, in days. */
  logRetentionDays: number;
}

/**
 * PostgreSQL's major version: the newest that RDS offers for production (RDS for PostgreSQL release notes; LangFlow
 * requires at least 15). RDS installs minor versions automatically. A dump needs a client of the same major version.
 */
const MAJOR_VERSION = "18";

/**
 * From `fromGib` on, RDS stripes PostgreSQL's gp3 storage across four volumes, and these values are the minimum. Below
 * that size, RDS accepts neither parameter (RDS user guide, "gp3 storage"). If the program omitted them when the
 * storage is enlarged past that size, the provider would send the smaller size's 3,000 IOPS, which RDS rejects
 * (terraform-provider-aws, issue 28382).
 */
const STRIPED = { fromGib: 400, iops: 12_000, throughputMibps: 500 };

const PORT = 5432;
const NAME = "langflow";
const PASSWORD_LENGTH = 32;

/** Parameters of the database. The log of slow statements omits bind values, which may contain users' secrets. */
const PARAMETERS: Record<string, string> = {
  "rds.force_ssl": "1",
  log_min_duration_statement: "1000",
  log_parameter_max_length: "0",
  log_lock_waits: "1",
};

/** LangFlow's database in one region, by default in two zones, with a copy of its backups in a different region. */
export class FlowDatabase extends pulumi.ComponentResource {
  /** Identifier of the database; known before the database exists. */
  readonly identifier: string;
  readonly host: pulumi.Output<string>;
  readonly port: pulumi.Output<number>;
  /**
   * ARNs of the secrets, by login. Their JSON holds `url` (postgresql://user:password@host:port/name?sslmode=…) and
   * `authorities`. Only the owner can log in until `agent adopt` has created the other logins.
   */
  readonly secretArns: pulumi.Output<OfEachLogin>;
  /** The URLs that the secrets hold. Secret. */
  readonly urls: pulumi.Output<OfEachLogin>;
  readonly securityGroupId: pulumi.Output<string>;
  /**
   * Resources that clients of the database must wait for. The copy of the backups is not among them: its AWS region may
   * be down, and the copy is then omitted. If another resource depended on a copy that was omitted before it existed,
   * the engine's state would be broken.
   */
  readonly dependencies: pulumi.Resource[];

  constructor(
    private readonly name: string,
    private readonly args: FlowDatabaseArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super(typeToken("FlowDatabase"), name, args, opts);

    this.identifier = physicalName(args.region, "database", DB_IDENTIFIER_MAX);
    this.securityGroupId = this.securityGroup();
    const password = this.password("owner");
    const database = this.database(password);
    this.replicateBackups(database);
    this.host = database.address;
    this.port = database.port;
    const secrets = {
      owner: this.secret(database, "owner", password),
      server: this.secret(database, "server", this.password("server")),
      backup: this.secret(database, "backup", this.password("backup")),
    };
    this.dependencies = Object.values(secrets);
    const { owner, server, backup } = secrets;
    this.secretArns = pulumi.output({ owner: owner.secretArn, server: server.secretArn, backup: backup.secretArn });
    this.urls = pulumi.secret({ owner: owner.url, server: server.url, backup: backup.url });

    const { identifier, host, port, secretArns, urls, securityGroupId } = this;
    this.registerOutputs({ identifier, host, port, secretArns, urls, securityGroupId });
  }

  private tags(noun = "database") {
    return regionTags(this.args.region, physicalName(this.args.region, noun));
  }

  /** Returns the resource name of a login's password and secret. */
  private nameOf(login: Login): string {
    return login === "owner" ? `${this.name}-database` : `${this.name}-database-${login}`;
  }

  private securityGroup(): pulumi.Output<string> {
    const { region, awsRegion, vpcId, clientSecurityGroupId } = this.args;
    return new ClientSecurityGroup(
      `${this.name}-database`,
      { region, awsRegion, noun: "database", vpcId, clientSecurityGroupId, port: PORT },
      { parent: this },
    ).securityGroupId;
  }

  /**
   * Generates a password of letters and digits, because it becomes part of a URL. The result is a secret, so the state
   * stores it encrypted.
   */
  private password(login: Login): pulumi.Output<string> {
    return new random.RandomPassword(
      this.nameOf(login),
      { length: PASSWORD_LENGTH, special: false },
      { parent: this, protect: this.args.deletionProtection },
    ).result;
  }

  private database(password: pulumi.Output<string>): aws.rds.Instance {
    const { region: ourRegion, awsRegion: region, keyArn } = this.args;
    const subnets = new aws.rds.SubnetGroup(
      this.name,
      { region, name: this.identifier, subnetIds: this.args.subnetIds, tags: this.tags() },
      { parent: this },
    );
    const parameters = new aws.rds.ParameterGroup(
      this.name,
      {
        region,
        // The name contains the version, so that an upgrade can create the new group while the old group is in use.
        name: physicalName(ourRegion, `postgres${MAJOR_VERSION}`),
        family: `postgres${MAJOR_VERSION}`,
        parameters: Object.entries(PARAMETERS).map(([name, value]) => ({ name, value })),
        tags: this.tags(),
      },
      { parent: this },
    );
    const snapshot = new random.RandomId(`${this.name}-final-snapshot`, { byteLength: 4 }, { parent: this });
    const monitoring = this.monitoring();
    return new aws.rds.Instance(
      this.name,
      {
        region,
        identifier: this.identifier,
        engine: "postgres",
        engineVersion: MAJOR_VERSION,
        autoMinorVersionUpgrade: true,
        instanceClass: this.args.instanceClass,
        multiAz: this.args.multiAz ?? true,

        storageType: "gp3",
        allocatedStorage: this.args.storageGib,
        maxAllocatedStorage: this.args.maxStorageGib,
        ...(this.args.storageGib >= STRIPED.fromGib && {
          iops: STRIPED.iops,
          storageThroughput: STRIPED.throughputMibps,
        }),
        storageEncrypted: true,
        kmsKeyId: keyArn,

        dbName: NAME,
        username: LOGINS.owner,
        password,
        port: PORT,
        publiclyAccessible: false,
        dbSubnetGroupName: subnets.name,
        vpcSecurityGroupIds: [this.securityGroupId],
        parameterGroupName: parameters.name,
        caCertIdentifier: "rds-ca-rsa2048-g1",

        backupRetentionPeriod: this.args.backupRetentionDays,
        backupWindow: "03:00-04:00",
        maintenanceWindow: this.args.maintenanceWindow,
        // Without this, changes would wait for the maintenance window. Pods, their number and the alerts rely on the
        // new settings as soon as the update ends.
        applyImmediately: true,
        copyTagsToSnapshot: true,
        deletionProtection: this.args.deletionProtection,
        deleteAutomatedBackups: false,
        skipFinalSnapshot: false,
        // The random suffix allows for a region that is deleted twice and therefore has two final snapshots.
        finalSnapshotIdentifier: pulumi.interpolate`${this.identifier}-final-${snapshot.hex}`,

        databaseInsightsMode: "standard",
        performanceInsightsEnabled: true,
        performanceInsightsKmsKeyId: keyArn,
        performanceInsightsRetentionPeriod: 7,
        monitoringInterval: 60,
        monitoringRoleArn: monitoring.roleArn,
        enabledCloudwatchLogsExports: [...DATABASE_LOGS],
        tags: this.tags(),
      },
      { parent: this, protect: this.args.deletionProtection, dependsOn: [monitoring] },
    );
  }

  private monitoring(): DatabaseMonitoring {
    const { region, awsRegion, keyArn, accountId, partition, logRetentionDays: retentionDays } = this.args;
    return new DatabaseMonitoring(
      `${this.name}-database`,
      { region, awsRegion, identifier: this.identifier, keyArn, accountId, partition, retentionDays },
      { parent: this },
    );
  }

  /**
   * Replicates backups. The resource belongs to the backup region, so that the copy can be restored if this region is
   * down.
   */
  private replicateBackups(database: aws.rds.Instance): void {
    const { backup, backupRetentionDays } = this.args;
    new aws.rds.InstanceAutomatedBackupsReplication(
      this.name,
      {
        region: backup.awsRegion,
        sourceDbInstanceArn: database.arn,
        kmsKeyId: backup.keyArn,
        retentionPeriod: backupRetentionDays,
      },
      // A different retention replaces the copy. RDS stops replication by the database's ARN, so deleting the old copy
      // second would stop the new copy.
      { parent: this, deleteBeforeReplace: true },
    );
  }

  private secret(
    { address: host, port }: aws.rds.Instance,
    login: Login,
    password: pulumi.Output<string>,
  ): DatabaseSecret {
    const { region, awsRegion, keyArn, deletionProtection } = this.args;
    return new DatabaseSecret(
      this.nameOf(login),
      { region, awsRegion, keyArn, deletionProtection, host, port, database: NAME, login, password },
      { parent: this },
    );
  }
}
