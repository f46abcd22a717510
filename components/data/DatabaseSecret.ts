import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { databaseTls } from "../../model/databaseAuthorities";
import { LOGINS, type Login } from "../../model/databaseLogins";
import { physicalName, regionTags, typeToken } from "../../model/names";

export interface DatabaseSecretArgs {
  /** Our name of the region; part of the secret's name. A change replaces the secret. */
  region: string;
  /** The AWS region. A change replaces the secret. */
  awsRegion: string;
  /** Key of the secret, in the same AWS region. */
  keyArn: pulumi.Input<string>;
  host: pulumi.Input<string>;
  port: pulumi.Input<number>;
  /** Name of the database. */
  database: string;
  /** Who signs in; part of the secret's name but for the owner. A change replaces the secret. */
  login: Login;
  /** Letters and digits: it stands in a URL as it is. Taken for a secret, whether marked as one or not. */
  password: pulumi.Input<string>;
  /** Whether Pulumi and the cloud refuse to delete it. Off to retire a region (docs/operations/retire-a-region.md). */
  deletionProtection: boolean;
}

/**
 * A database's address with its user and password, for those who may read the secret: JSON whose `url` is
 * `postgresql://user:password@host:port/database?sslmode=verify-full&sslrootcert=…`, as SQLAlchemy and libpq read it, and whose
 * `authorities` is what that file has to hold (model/databaseAuthorities.ts).
 */
export class DatabaseSecret extends pulumi.ComponentResource {
  readonly secretArn: pulumi.Output<string>;
  /** What it holds. Secret. */
  readonly url: pulumi.Output<string>;

  constructor(name: string, args: DatabaseSecretArgs, opts?: pulumi.ComponentResourceOptions) {
    const password = pulumi.secret(args.password);
    super(typeToken("DatabaseSecret"), name, { ...args, password }, opts);

    const { region, awsRegion, host, port, database, login } = args;
    const secretName = physicalName(region, login === "owner" ? "database" : `database-${login}`);
    const secret = new aws.secretsmanager.Secret(
      name,
      {
        region: awsRegion,
        // A unique end, because a deleted secret holds its name for 30 days, in which a region may be rebuilt.
        namePrefix: `${secretName}-`,
        description: `Address of the database of ${region}, user and password of its ${login}`,
        kmsKeyId: args.keyArn,
        tags: regionTags(region, secretName),
      },
      { parent: this, protect: args.deletionProtection },
    );
    const { query, authorities } = databaseTls(awsRegion);
    this.url = pulumi.interpolate`postgresql://${LOGINS[login]}:${password}@${host}:${port}/${database}?${query}`;
    const version = new aws.secretsmanager.SecretVersion(
      name,
      { region: awsRegion, secretId: secret.id, secretString: pulumi.jsonStringify({ url: this.url, authorities }) },
      { parent: this },
    );

    // Who is told the ARN finds a value behind it.
    this.secretArn = pulumi.all([secret.arn, version.id]).apply(([arn]) => arn);
    this.registerOutputs({ secretArn: this.secretArn, url: this.url });
  }
}
