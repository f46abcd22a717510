import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { physicalName, regionTags, typeToken } from "../../model/names";
import { workspaceSecret } from "../../model/workspaces";

export interface WorkspaceKeysArgs {
  /** Our name of the region; part of the secret's name. A change replaces the secret. */
  region: string;
  /** The AWS region. A change replaces the secret. */
  awsRegion: string;
  /** Key of the secret, in the same AWS region. */
  keyArn: pulumi.Input<string>;
  /**
   * LangFlow's API key of each workspace's user, by folder. Taken for secrets, whether marked as such or not. A change
   * makes a new version of the secret, which pods take at their next start.
   */
  keys: pulumi.Input<Record<string, string>>;
  /** Whether Pulumi and the cloud refuse to delete it. Off to retire a region (docs/operations/retire-a-region.md). */
  deletionProtection: boolean;
}

/**
 * The keys of a region's workspaces, for those who may read the secret: one JSON object by environment variable. A
 * secret of the region's own and no replica, since a user's key is a row of this region's database alone.
 */
export class WorkspaceKeys extends pulumi.ComponentResource {
  readonly secretArn: pulumi.Output<string>;

  constructor(name: string, args: WorkspaceKeysArgs, opts?: pulumi.ComponentResourceOptions) {
    const keys = pulumi.secret(args.keys);
    super(typeToken("WorkspaceKeys"), name, { ...args, keys }, opts);

    const { region, awsRegion } = args;
    const secretName = physicalName(region, "workspaces");
    const secret = new aws.secretsmanager.Secret(
      name,
      {
        region: awsRegion,
        // A unique end, because a deleted secret holds its name for 30 days, in which workspaces may come back.
        namePrefix: `${secretName}-`,
        description: `LangFlow API keys of the workspaces of ${region}, by environment variable`,
        kmsKeyId: args.keyArn,
        tags: regionTags(region, secretName),
      },
      { parent: this, protect: args.deletionProtection },
    );
    const version = new aws.secretsmanager.SecretVersion(
      name,
      { region: awsRegion, secretId: secret.arn, secretString: keys.apply(workspaceSecret) },
      { parent: this, deletedWith: secret },
    );

    // The version's, so that who is told the ARN finds a value behind it; known in a preview of another key too.
    this.secretArn = version.secretId;
    this.registerOutputs({ secretArn: this.secretArn });
  }
}
