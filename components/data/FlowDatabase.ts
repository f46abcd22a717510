import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { LOGINS, type Login, type OfEachLogin } from "../../model/databaseLogins";
import { DB_IDENTIFIER_MAX, physicalName, regionTags, typeToken } from "../../model/names";
import { ClientSecurityGroup } from "./ClientSecurityGroup";
import { DATABASE_LOGS, DatabaseMonitoring } from "./DatabaseMonitoring";
import { DatabaseSecret } from "./DatabaseSecret";

/** Where a second copy of the backups is kept. */
export interface DatabaseBackupArgs {
  /** The AWS region of the copy, another than the database's. A change starts a new copy. */
  awsRegion: string;
  /** Key of that AWS region. A change starts a new copy. */
  keyArn: pulumi.Input<string>;
}

export interface FlowDatabaseArgs {
  /** Our name of the region; part of the database's identifier. A change replaces the database. */
  region: string;
  /** The AWS region. A change replaces the database. */
  awsRegion: string;
  /** The network. */
  vpcId: pulumi.Input<string>;
  /** Isolated subnets of three zones. */
  subnetIds: pulumi.Input<string>[];
  /** Security group of those who connect. */
  clientSecurityGroupId: pulumi.Input<string>;
  /** Key of storage, logs, insights and the secret, in the same AWS region. A change replaces the database. */
  keyArn: pulumi.Input<string>;
  /** Where a second copy of the backups is kept, and under which key of that place. */
  backup: DatabaseBackupArgs;
  accountId: pulumi.Input<string>;
  partition: pulumi.Input<string>;
  /** For example db.m7g.large. A change restarts the database during the update: a minute where `multiAz`, some minutes otherwise. */
  instanceClass: string;
  /** Whether another zone has a second machine that takes over. Default true. Updates in place. */
  multiAz?: boolean;
  /** GiB at first; RDS adds to it by itself, up to `maxStorageGib`. */
  storageGib: number;
  maxStorageGib: number;
  /** When RDS brings minor versions, as `ddd:hh:mm-ddd:hh:mm` in UTC. Regions differ in it: a minor version restarts the database. */
  maintenanceWindow: string;
  /**
   * Days of point-in-time recovery, here and in the backup region. A change updates the database in place, and stops the copy of
   * its backups and starts it again: what was copied stays for the days that it was copied with.
   */
  backupRetentionDays: number;
  /** Whether Pulumi and the cloud refuse to delete it. Off to retire a region (docs/operations/retire-a-region.md). */
  deletionProtection: boolean;
  /** Days the database's logs are kept. */
  logRetentionDays: number;
}

/**
 * PostgreSQL's major version: the newest that RDS offers for production (RDS for PostgreSQL release notes; LangFlow
 * asks for 15 at least). RDS brings the minor ones by itself. A dump needs a client of the same major version.
 */
const MAJOR_VERSION = "18";

/**
 * From `fromGib` on RDS lays PostgreSQL's gp3 storage over four volumes, with so much as the least; below, neither may be named (RDS
 * user guide, "gp3 storage"). Unnamed, the provider would send the former size's 3,000 along with a size above, which RDS refuses
 * (terraform-provider-aws, issue 28382).
 */
const STRIPED = { fromGib: 400, iops: 12_000, throughputMibps: 500 };

const PORT = 5432;
const NAME = "langflow";
const PASSWORD_LENGTH = 32;

/** Slow statements are logged without the values bound to them, which may be anybody's secrets. */
const PARAMETERS: Record<string, string> = {
  "rds.force_ssl": "1",
  log_min_duration_statement: "1000",
  log_parameter_max_length: "0",
  log_lock_waits: "1",
};

/** LangFlow's database in one region, in two of its zones unless told otherwise, with a copy of its backups in another region. */
export class FlowDatabase extends pulumi.ComponentResource {
  /** Known before the database exists. */
  readonly identifier: string;
  readonly host: pulumi.Output<string>;
  readonly port: pulumi.Output<number>;
  /** Secrets whose JSON holds `url`, postgresql://user:password@host:port/name?sslmode=…, and `authorities`. Only the owner can sign in before `agent adopt` has made the others. */
  readonly secretArns: pulumi.Output<OfEachLogin>;
  /** What those hold. Secret. */
  readonly urls: pulumi.Output<OfEachLogin>;
  readonly securityGroupId: pulumi.Output<string>;
  /**
   * What those wait for who connect. Not the whole of it: the copy of the backups is made in another region, which may be
   * dead, and then is left out. Left out before it exists, nothing may depend on it: the engine's state would be broken.
   */
  readonly premises: pulumi.Resource[];

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
    this.premises = Object.values(secrets);
    const { owner, server, backup } = secrets;
    this.secretArns = pulumi.output({ owner: owner.secretArn, server: server.secretArn, backup: backup.secretArn });
    this.urls = pulumi.secret({ owner: owner.url, server: server.url, backup: backup.url });

    const { identifier, host, port, secretArns, urls, securityGroupId } = this;
    this.registerOutputs({ identifier, host, port, secretArns, urls, securityGroupId });
  }

  private tags(noun = "database") {
    return regionTags(this.args.region, physicalName(this.args.region, noun));
  }

  /** What a login's password and secret are called. */
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

  /** Letters and digits, since it becomes part of a URL. A secret, so encrypted in the state. */
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
        // With the version in its name, the next version's group can be made while this one is in use.
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
        // What is deployed is what runs: pods, their number and the alerts count on it once the update ends.
        applyImmediately: true,
        copyTagsToSnapshot: true,
        deletionProtection: this.args.deletionProtection,
        deleteAutomatedBackups: false,
        skipFinalSnapshot: false,
        // The random part: a region torn down twice has two last snapshots.
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

  /** Lives in the backup region, so that the copy can be restored when this one is dead. */
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
      // Another retention is another copy, and stopping the old one goes by the database: it would stop the new one.
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
