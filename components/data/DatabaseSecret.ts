import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { databaseTls } from "../../model/databaseAuthorities";
import { LOGINS, type Login } from "../../model/databaseLogins";
import { physicalName, regionTags, typeToken } from "../../model/names";

export interface DatabaseSecretArgs {
  /** The fleet's name for the region; part of the secret's name. A change replaces the secret. */
  region: string;
  /** The AWS region. A change replaces the secret. */
  awsRegion: string;
  /** ARN of the KMS key that encrypts the secret, in the same AWS region. */
  keyArn: pulumi.Input<string>;
  host: pulumi.Input<string>;
  port: pulumi.Input<number>;
  /** Name of the database. */
  database: string;
  /** Login of the secret; part of the secret's name, except for the owner. A change replaces the secret. */
  login: Login;
  /**
   * Password of the login: only letters and digits, because the URL contains it unescaped. Always treated as a secret,
   * even if the caller does not mark it.
   */
  password: pulumi.Input<string>;
  /**
   * Whether Pulumi rejects the deletion of the secret. Set to false to retire a region
   * (docs/operations/retire-a-region.md).
   */
  deletionProtection: boolean;
}

/**
 * Secret with a database's connection data for one login: JSON whose `url` is
 * `postgresql://user:password@host:port/database?sslmode=verify-full&sslrootcert=…`, as SQLAlchemy and libpq parse it,
 * and whose `authorities` is the content of the root certificate file (model/databaseAuthorities.ts).
 */
export class DatabaseSecret extends pulumi.ComponentResource {
  readonly secretArn: pulumi.Output<string>;
  /** The database's URL that the secret holds. Secret. */
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
        // A unique suffix: a deleted secret reserves its name for 30 days, and the region may be rebuilt within that
        // time.
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

    // Consumers of the ARN must find a value, so the ARN resolves only after the secret's version exists.
    this.secretArn = pulumi.all([secret.arn, version.id]).apply(([arn]) => arn);
    this.registerOutputs({ secretArn: this.secretArn, url: this.url });
  }
}
